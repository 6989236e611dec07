/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over a corpus without libFuzzer: what the unit tests do.
 * Beside each input as it stands, inputs made from it in a fixed way: its
 * beginnings, and one byte of it changed.
 *
 * usage: replay_<target> FILE|DIRECTORY...
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)4 << 20)
#define CUTS_MAX  256 /* of one input; longer ones are cut and changed at every n-th byte */

/* Each input in a block of its own length, so that a read past it is seen. */
static void run(struct ds_span in, size_t len, size_t changed_at)
{
    DS_AUTO(ds_auto_free) uint8_t *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL)
        exit(1);
    memcpy(copy, in.p, len);
    if (changed_at < len)
        copy[changed_at] ^= 0xff;
    (void)LLVMFuzzerTestOneInput(copy, len);
}

static void run_all_of(struct ds_span in)
{
    size_t step = in.len / CUTS_MAX + 1;
    run(in, in.len, SIZE_MAX);
    for (size_t at = 0; at < in.len; at += step) {
        run(in, at, SIZE_MAX);
        run(in, in.len, at);
    }
}

static int run_file(const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf in = { 0 };
    DS_TRY(ds_file_load(&in, path, INPUT_MAX, e));
    run_all_of(DS_SPAN(in.p != NULL ? in.p : "", in.len));
    return DS_OK;
}

static void close_dir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

static int run_path(const char *path, size_t *n_inputs, struct ds_error *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return ds_fail_errno(e, errno, "look at '%s'", path);
    if (!S_ISDIR(st.st_mode)) {
        ++*n_inputs;
        return run_file(path, e);
    }
    DS_AUTO(close_dir) DIR *dir = opendir(path);
    if (dir == NULL)
        return ds_fail_errno(e, errno, "read '%s'", path);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        ++*n_inputs;
        DS_TRY(run_file(name, e));
    }
    return DS_OK;
}

int main(int argc, char **argv)
{
    size_t n_inputs = 0;
    struct ds_error e;
    for (int i = 1; i < argc; i++) {
        if (run_path(argv[i], &n_inputs, &e) < 0) {
            (void)fprintf(stderr, "%s\n", e.msg);
            return 1;
        }
    }
    if (n_inputs == 0) {
        (void)fprintf(stderr, "no inputs: name files or directories of them\n");
        return 1;
    }
    (void)printf("%zu inputs\n", n_inputs);
    return 0;
}

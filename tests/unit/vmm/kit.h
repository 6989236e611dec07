/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A directory of its own for a test, with images and small programs in it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "vmm/manifest.h"

struct kit {
    char dir[32];
};

static inline char *kit_path(char out[static VMM_PATH_LEN], const struct kit *k, const char *name)
{
    int n = snprintf(out, VMM_PATH_LEN, "%s/%s", k->dir, name);
    assert_in_range(n, 1, VMM_PATH_LEN - 1);
    return out;
}

static inline void kit_put(const struct kit *k, const char *name, const char *text, mode_t mode)
{
    char path[VMM_PATH_LEN];
    assert_int_equal(ds_file_save(kit_path(path, k, name), ds_span_str(text), mode, "t", NULL),
                     DS_OK);
}

static inline void kit_mkdir(const struct kit *k, const char *name)
{
    char path[VMM_PATH_LEN];
    assert_int_equal(ds_dir_make(kit_path(path, k, name), 0700, NULL), DS_OK);
}

/* <dir>/images/<name>/ with the files that metadata.json names, each one byte. */
static inline void kit_image(const struct kit *k, const char *name, const char *metadata)
{
    static const char *const files[] = { "ovmf.fd", "bzImage", "initrd", "rootfs" };
    char at[128];
    (void)snprintf(at, sizeof at, "images/%s", name);
    kit_mkdir(k, at);
    for (size_t i = 0; i < DS_LEN(files); i++) {
        (void)snprintf(at, sizeof at, "images/%s/%s", name, files[i]);
        kit_put(k, at, "x", 0600);
    }
    (void)snprintf(at, sizeof at, "images/%s/metadata.json", name);
    kit_put(k, at, metadata, 0600);
}

#define KIT_METADATA                                                                            \
    "{\"bios\":\"ovmf.fd\",\"kernel\":\"bzImage\",\"initrd\":\"initrd\",\"rootfs\":\"rootfs\"," \
    "\"cmdline\":\"console=ttyS0\",\"version\":\"1.2.3\",\"is_dev\":true,\"arch\":\"x86_64\"}"

static inline int kit_setup(void **state)
{
    struct kit *k = calloc(1, sizeof *k);
    *state = k;
    if (k == NULL)
        return -1;
    (void)snprintf(k->dir, sizeof k->dir, "/tmp/test_vmm_XXXXXX");
    return mkdtemp(k->dir) != NULL ? 0 : -1;
}

static inline int kit_teardown(void **state)
{
    struct kit *k = *state;
    int r = ds_dir_remove(k->dir, NULL);
    free(k);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are read with a bound, replaced whole or not at all, and trees are removed without following
 * links. Each test has a directory of its own below /tmp.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"

static char dir[] = "/tmp/dstack-test-file.XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

/* Up to eight names at a time live in static memory. */
static const char *in_dir(const char *name)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void assert_content(const char *path, const char *want)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct ds_error e = { 0 };
    if (ds_file_load(&b, path, 1000, &e) != DS_OK)
        fail_msg("%s", e.msg);
    assert_true(ds_span_eq_str(ds_buf_span(&b), want));
}

static void saved_is_what_is_loaded(void **state)
{
    (void)state;
    const char *path = in_dir("a");
    assert_int_equal(ds_file_save(path, DS_SPAN_LIT("one"), 0600, "t", NULL), DS_OK);
    assert_content(path, "one");
    assert_int_equal(ds_file_save(path, DS_SPAN_LIT(""), 0640, "t", NULL), DS_OK);
    assert_content(path, "");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_false(ds_file_exists(in_dir("a.new")));
}

static void left_overs_of_a_crash_do_not_matter(void **state)
{
    (void)state;
    assert_int_equal(ds_file_save(in_dir("victim"), DS_SPAN_LIT("kept"), 0600, "t", NULL), DS_OK);
    assert_int_equal(symlink(in_dir("victim"), in_dir("a.new")), 0);
    assert_int_equal(ds_file_save(in_dir("a"), DS_SPAN_LIT("new"), 0600, "t", NULL), DS_OK);
    assert_content(in_dir("victim"), "kept");
    assert_content(in_dir("a"), "new");
}

static void a_finished_file_takes_its_place(void **state)
{
    (void)state;
    struct ds_error e;
    assert_int_equal(ds_file_save(in_dir("a"), DS_SPAN_LIT("old"), 0600, "t", NULL), DS_OK);
    assert_int_equal(ds_file_save(in_dir("made"), DS_SPAN_LIT("new"), 0640, "t", NULL), DS_OK);
    assert_int_equal(ds_file_commit(in_dir("a"), in_dir("made"), "t", NULL), DS_OK);
    assert_content(in_dir("a"), "new");
    assert_false(ds_file_exists(in_dir("made")));
    assert_int_equal(ds_file_commit(in_dir("a"), in_dir("made"), "t", &e), DS_ERR_NOTFOUND);
    assert_int_equal(symlink(in_dir("a"), in_dir("link")), 0);
    assert_int_equal(ds_file_commit(in_dir("b"), in_dir("link"), "t", &e), DS_ERR_SYS);
    assert_content(in_dir("a"), "new");
}

static void a_removed_file_is_gone(void **state)
{
    (void)state;
    struct ds_error e;
    assert_int_equal(ds_file_save(in_dir("a"), DS_SPAN_LIT("x"), 0600, "t", NULL), DS_OK);
    assert_int_equal(ds_file_remove(in_dir("a"), "t", NULL), DS_OK);
    assert_false(ds_file_exists(in_dir("a")));
    assert_int_equal(ds_file_remove(in_dir("a"), "t", NULL), DS_OK);
    assert_int_equal(ds_file_remove(dir, "t", &e), DS_ERR_SYS);
}

static const struct {
    const char *name;
    size_t len, max;
    int cls;
} loads[] = {
    { "empty, no room", 0, 0, DS_OK },
    { "exactly the bound", 10, 10, DS_OK },
    { "one over", 11, 10, DS_ERR_RANGE },
    { "over several reads", 200000, 200000, DS_OK },
    { "over several reads by one", 200001, 200000, DS_ERR_RANGE },
    { "no room", 1, 0, DS_ERR_RANGE },
};

static void reading_has_a_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(loads); i++) {
        DS_AUTO(ds_auto_close)
        int fd = open(in_dir("sized"), O_RDWR | O_CREAT | O_CLOEXEC | O_TRUNC, 0600);
        assert_int_equal(ftruncate(fd, (off_t)loads[i].len), 0);
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        struct ds_error e = { 0 };
        int r = ds_file_load(&b, in_dir("sized"), loads[i].max, &e);
        if (r != loads[i].cls)
            fail_msg("%s: %d %s", loads[i].name, r, e.msg);
        if (r == DS_OK)
            assert_int_equal(b.len, loads[i].len);
        else
            assert_int_equal(e.code, DS_CODE_FILE_TOO_LARGE);
    }
}

static void loading_appends(void **state)
{
    (void)state;
    assert_int_equal(ds_file_save(in_dir("a"), DS_SPAN_LIT("b"), 0600, "t", NULL), DS_OK);
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_buf_str(&b, "a");
    assert_int_equal(ds_file_load(&b, in_dir("a"), 1, NULL), DS_OK);
    assert_string_equal(b.p, "ab");
}

static void what_is_not_there_is_said(void **state)
{
    (void)state;
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    assert_int_equal(ds_file_load(&b, in_dir("none"), 10, &e), DS_ERR_NOTFOUND);
    assert_int_equal(e.cls, DS_ERR_NOTFOUND);
    assert_non_null(strstr(e.msg, "/none'"));
    assert_int_equal(ds_file_load(&b, in_dir("none"), 10, NULL), DS_ERR_NOTFOUND);
    assert_int_equal(ds_file_load(&b, dir, 10, &e), DS_ERR_SYS);
    assert_int_equal(e.sys, EISDIR);
    assert_int_equal(ds_file_save(in_dir("none/a"), DS_SPAN_LIT("x"), 0600, "t", &e),
                     DS_ERR_NOTFOUND);
    assert_int_equal(b.len, 0);
    assert_false(ds_file_exists(in_dir("none")));
}

static void what_is_there_is_found(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    bool found = true;
    assert_int_equal(ds_file_find(&found, in_dir("none"), &e), DS_OK);
    assert_false(found);
    assert_int_equal(symlink("none", in_dir("link")), 0);
    assert_false(ds_file_exists(in_dir("link")));
    assert_int_equal(ds_file_find(&found, in_dir("link"), &e), DS_OK);
    assert_true(found);
    assert_int_equal(symlink("loop", in_dir("loop")), 0);
    assert_int_equal(ds_file_find(&found, in_dir("loop/a"), &e), DS_ERR_SYS);
    assert_int_equal(e.sys, ELOOP);
    assert_true(found); /* untouched */
}

static void a_directory_is_not_replaced(void **state)
{
    (void)state;
    assert_int_equal(ds_dir_make(in_dir("sub"), 0700, NULL), DS_OK);
    struct ds_error e;
    assert_int_equal(ds_file_save(in_dir("sub"), DS_SPAN_LIT("x"), 0600, "t", &e), DS_ERR_SYS);
    assert_int_equal(e.sys, EISDIR);
}

static void writing_to_the_wrong_end_fails(void **state)
{
    (void)state;
    DS_AUTO(ds_auto_close) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ds_fd_write_all(fd, DS_SPAN_LIT("x"), NULL), DS_ERR_SYS);
    assert_int_equal(ds_fd_write_all(fd, DS_SPAN_LIT(""), NULL), DS_OK);
    DS_AUTO(ds_auto_close) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct ds_error e;
    assert_int_equal(ds_fd_write_all(full, DS_SPAN_LIT("x"), &e), DS_ERR_SYS);
    assert_int_equal(e.sys, ENOSPC);
}

static void directories_are_made_with_their_parents(void **state)
{
    (void)state;
    assert_int_equal(ds_dir_make(in_dir("x/y/z"), 0700, NULL), DS_OK);
    assert_int_equal(ds_dir_make(in_dir("x/y/z"), 0700, NULL), DS_OK);
    struct stat st;
    assert_int_equal(stat(in_dir("x/y/z"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(ds_file_save(in_dir("x/file"), DS_SPAN_LIT(""), 0600, "t", NULL), DS_OK);
    struct ds_error e;
    assert_int_equal(ds_dir_make(in_dir("x/file/sub"), 0700, &e), DS_ERR_SYS);
    assert_int_equal(e.sys, ENOTDIR);
    assert_int_equal(ds_dir_make("", 0700, NULL), DS_ERR_SYS);
}

static void removal_does_not_follow_links(void **state)
{
    (void)state;
    assert_int_equal(ds_dir_make(in_dir("keep"), 0700, NULL), DS_OK);
    assert_int_equal(ds_file_save(in_dir("keep/f"), DS_SPAN_LIT("kept"), 0600, "t", NULL), DS_OK);
    assert_int_equal(ds_dir_make(in_dir("tree/sub/deep"), 0700, NULL), DS_OK);
    assert_int_equal(ds_file_save(in_dir("tree/sub/f"), DS_SPAN_LIT(""), 0400, "t", NULL), DS_OK);
    assert_int_equal(symlink(in_dir("keep"), in_dir("tree/sub/link")), 0);
    assert_int_equal(ds_dir_remove(in_dir("tree"), NULL), DS_OK);
    assert_false(ds_file_exists(in_dir("tree")));
    assert_content(in_dir("keep/f"), "kept");
    assert_int_equal(ds_dir_remove(in_dir("tree"), NULL), DS_OK);
    assert_int_equal(ds_dir_remove(in_dir("keep/f"), NULL), DS_OK);
    assert_int_equal(ds_dir_remove(in_dir("keep/f/below"), NULL), DS_OK);
}

static void a_lock_has_one_holder(void **state)
{
    (void)state;
    int first = -1, second = -1;
    struct ds_error e;
    assert_int_equal(ds_file_lock(&first, in_dir("lock"), NULL), DS_OK);
    assert_int_equal(ds_file_lock(&second, in_dir("lock"), &e), DS_ERR_EXISTS);
    assert_int_equal(second, -1);
    assert_non_null(strstr(e.msg, "/lock'"));
    assert_int_equal(close(first), 0);
    assert_int_equal(ds_file_lock(&second, in_dir("lock"), NULL), DS_OK);
    assert_int_equal(close(second), 0);
    assert_int_equal(symlink(in_dir("lock"), in_dir("link")), 0);
    assert_int_equal(ds_file_lock(&second, in_dir("link"), NULL), DS_ERR_SYS);
    assert_int_equal(ds_file_lock(&second, in_dir("none/lock"), NULL), DS_ERR_NOTFOUND);
}

#ifdef DS_FAULTS

static const struct {
    const char *point;  /* as written to the fault file */
    int signal;         /* that ends the writer */
    const char *left;   /* what is loaded afterwards */
    bool is_file_there; /* the fault file: removed when it fired */
} faults[] = {
    { "vm.save.before\n", SIGKILL, "old", false },
    { "vm.save.written\n", SIGKILL, "old", false },
    { "vm.save.renamed", SIGKILL, "new", false },
    { "vm.save.written@1\n", SIGKILL, "old", false },
    { "vm.save.written@2\n", 0, "new", true },
    { "vm.save.written@x\n", 0, "new", true },
    { "vm.save\n", 0, "new", true },
    { "other.written\n", 0, "new", true },
    { "", 0, "new", true },
};

static int save_in_child(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(ds_file_save(in_dir("a"), DS_SPAN_LIT("new"), 0600, "vm.save", NULL) == DS_OK ? 0
                                                                                            : 1);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_crash_leaves_old_or_new(void **state)
{
    (void)state;
    assert_int_equal(setenv("DSTACK_FAULT_FILE", in_dir("fault"), 1), 0);
    for (size_t i = 0; i < DS_LEN(faults); i++) {
        assert_int_equal(unlink(in_dir("fault")), i == 0 || !faults[i - 1].is_file_there ? -1 : 0);
        assert_int_equal(ds_file_save(in_dir("a"), DS_SPAN_LIT("old"), 0600, "t", NULL), DS_OK);
        assert_int_equal(ds_file_save(in_dir("fault"), ds_span_str(faults[i].point), 0600, "t",
                                      NULL),
                         DS_OK);
        int status = save_in_child();
        if ((WIFSIGNALED(status) ? WTERMSIG(status) : 0) != faults[i].signal)
            fail_msg("%s: status %d", faults[i].point, status);
        assert_content(in_dir("a"), faults[i].left);
        assert_int_equal(ds_file_exists(in_dir("fault")), faults[i].is_file_there);
    }
    assert_int_equal(unsetenv("DSTACK_FAULT_FILE"), 0);
    assert_int_equal(save_in_child(), 0);
}

#endif

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        IN_DIR(saved_is_what_is_loaded),
        IN_DIR(left_overs_of_a_crash_do_not_matter),
        IN_DIR(a_finished_file_takes_its_place),
        IN_DIR(a_removed_file_is_gone),
        IN_DIR(reading_has_a_bound),
        IN_DIR(loading_appends),
        IN_DIR(what_is_not_there_is_said),
        IN_DIR(what_is_there_is_found),
        IN_DIR(a_directory_is_not_replaced),
        IN_DIR(writing_to_the_wrong_end_fails),
        IN_DIR(directories_are_made_with_their_parents),
        IN_DIR(removal_does_not_follow_links),
        IN_DIR(a_lock_has_one_holder),
#ifdef DS_FAULTS
        IN_DIR(a_crash_leaves_old_or_new),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

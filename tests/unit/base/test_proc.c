/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes: what they are given and what not, how they end, and that a
 * process is recognized again only while it is the same one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int run(const char *script, struct ds_buf *out, struct ds_error *e)
{
    struct ds_proc_spec spec = { .argv = ARGV("sh", "-c", script) };
    return ds_proc_run(out, &spec, (struct ds_span){ 0 }, 100000, 5000, e);
}

static void test_run(void **state)
{
    (void)state;
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_proc_spec cat = { .argv = ARGV("cat") };
    assert_int_equal(ds_proc_run(&out, &cat, DS_SPAN_LIT("to and fro"), 100, 5000, &e), DS_OK);
    assert_string_equal(out.p, "to and fro");
    struct ds_proc_spec env = { .argv = ARGV("/usr/bin/env"), .env = ARGV("A=1", "B=two") };
    ds_buf_clear(&out);
    assert_int_equal(ds_proc_run(&out, &env, (struct ds_span){ 0 }, 100, 5000, &e), DS_OK);
    assert_string_equal(out.p, "A=1\nB=two\n");
    struct ds_proc_spec pwd = { .argv = ARGV("/bin/pwd"), .cwd = "/proc" };
    ds_buf_clear(&out);
    assert_int_equal(ds_proc_run(&out, &pwd, (struct ds_span){ 0 }, 100, 5000, &e), DS_OK);
    assert_string_equal(out.p, "/proc\n");
    assert_int_equal(run("true", NULL, &e), DS_OK);
}

static void test_failures_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *script, *msg;
    } rows[] = {
        { "exit 3", "'sh' ended with status 3" },
        { "kill -9 $$", "'sh' ended with status 137" },
        { "echo one >&2; echo why >&2; exit 1", "'sh' ended with status 1: why" },
    };
    struct ds_error e;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        assert_int_equal(run(rows[i].script, NULL, &e), DS_ERR_SYS);
        assert_int_equal(e.code, DS_CODE_PROC_FAILED);
        assert_string_equal(e.msg, rows[i].msg);
    }
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    assert_int_equal(run("while :; do echo y; done", &out, &e), DS_ERR_RANGE);
    struct ds_proc_spec sleep = { .argv = ARGV("sleep", "60") };
    assert_int_equal(ds_proc_run(NULL, &sleep, (struct ds_span){ 0 }, 0, 50, &e), DS_ERR_TIMEOUT);
}

static void test_spawn_failures(void **state)
{
    (void)state;
    struct ds_error e;
    struct ds_proc p;
    struct ds_proc_spec none = { .argv = ARGV("no-such-program-here") };
    assert_int_equal(ds_proc_spawn(&p, &none, &e), DS_ERR_NOTFOUND);
    assert_int_equal(e.code, DS_CODE_PROC_NO_PROGRAM);
    struct ds_proc_spec path = { .argv = ARGV("/no/such/program") };
    assert_int_equal(ds_proc_spawn(&p, &path, &e), DS_ERR_NOTFOUND);
    struct ds_proc_spec dir = { .argv = ARGV("/proc") };
    assert_int_equal(ds_proc_spawn(&p, &dir, &e), DS_ERR_SYS);
    struct ds_proc_spec cwd = { .argv = ARGV("true"), .cwd = "/no/such/dir" };
    assert_int_equal(ds_proc_spawn(&p, &cwd, &e), DS_ERR_SYS);
    assert_non_null(strstr(e.msg, "change to '/no/such/dir'"));
    struct ds_proc_spec log = { .argv = ARGV("true"), .log_path = "/no/such/dir/log" };
    assert_int_equal(ds_proc_spawn(&p, &log, &e), DS_ERR_SYS);
    struct ds_proc_spec bad_fd = { .argv = ARGV("true"),
                                   .fds = &(struct ds_proc_fd){ 987, 3 },
                                   .n_fds = 1 };
    assert_int_equal(ds_proc_spawn(&p, &bad_fd, &e), DS_ERR_SYS);
    assert_non_null(strstr(e.msg, "arrange descriptors"));
}

static void test_a_daemon_left_behind_does_not_hold_us(void **state)
{
    (void)state;
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    int64_t start = ds_clock_mono_ms();
    assert_int_equal(run("echo said; sleep 3 & exit 0", &out, &e), DS_OK);
    assert_string_equal(out.p, "said\n");
    assert_in_range(ds_clock_mono_ms() - start, 0, 2000);
}

static void test_descriptors(void **state)
{
    (void)state;
    struct ds_error e;
    /* Swapped numbers, and one of ours that must not leak although it lacks CLOEXEC. */
    int a[2], b[2];
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    struct ds_proc_fd fds[] = { { a[1], b[1] }, { b[1], a[1] } };
    char script[160];
    (void)snprintf(script, sizeof script, "echo -n A >&%d; echo -n B >&%d; ls /proc/self/fd", b[1],
                   a[1]);
    struct ds_proc_spec spec = { .argv = ARGV("bash", "-c", script), .fds = fds, .n_fds = 2 };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    assert_int_equal(ds_proc_run(&out, &spec, (struct ds_span){ 0 }, 1000, 5000, &e), DS_OK);
    char got[2] = { 0 };
    assert_int_equal(read(a[0], &got[0], 1), 1);
    assert_int_equal(read(b[0], &got[1], 1), 1);
    assert_memory_equal(got, "AB", 2);
    char want[64];
    int low = a[1] < b[1] ? a[1] : b[1], high = a[1] < b[1] ? b[1] : a[1];
    (void)snprintf(want, sizeof want, "0\n1\n2\n3\n%d\n%d\n", low, high);
    assert_string_equal(out.p, want); /* 3 is ls reading the directory */
    for (int i = 0; i < 2; i++) {
        (void)close(a[i]);
        (void)close(b[i]);
    }
}

static void test_log_file_is_appended(void **state)
{
    (void)state;
    char path[] = "/tmp/test_proc_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    for (int i = 0; i < 2; i++) {
        struct ds_error e;
        struct ds_proc p;
        struct ds_proc_exit how;
        struct ds_proc_spec spec = { .argv = ARGV("sh", "-c", "echo out; echo err >&2; cat"),
                                     .log_path = path };
        assert_int_equal(ds_proc_spawn(&p, &spec, &e), DS_OK);
        assert_int_equal(ds_proc_wait(&how, &p, 5000, &e), DS_OK);
        assert_true(how.ended && how.known && how.status == 0);
        ds_proc_done(&p);
    }
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    assert_int_equal(ds_file_load(&text, path, 1000, NULL), DS_OK);
    assert_string_equal(text.p, "out\nerr\nout\nerr\n");
    (void)unlink(path);
}

static void test_signals_are_reset(void **state)
{
    (void)state;
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    (void)signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    struct ds_proc_spec spec = { .argv = ARGV("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status") };
    assert_int_equal(ds_proc_run(&out, &spec, (struct ds_span){ 0 }, 1000, 5000, &e), DS_OK);
    assert_string_equal(out.p, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    sigset_t after; /* ours is as it was */
    (void)sigprocmask(SIG_UNBLOCK, &set, &after);
    assert_true(sigismember(&after, SIGUSR1) == 1 && sigismember(&after, SIGUSR2) == 0);
}

static void test_wait_stop_and_recognition(void **state)
{
    (void)state;
    struct ds_error e;
    struct ds_proc p, again;
    struct ds_proc_exit how;
    struct ds_proc_spec spec = { .argv = ARGV("sleep", "60"), .session = true };
    assert_int_equal(ds_proc_spawn(&p, &spec, &e), DS_OK);
    assert_int_equal(getsid(p.id.pid), p.id.pid);
    assert_int_equal(ds_proc_wait(&how, &p, 20, &e), DS_OK);
    assert_false(how.ended);

    assert_int_equal(ds_proc_open(&again, &p.id, &e), DS_OK);
    struct ds_proc_id other = p.id;
    other.start_ticks++;
    assert_int_equal(ds_proc_open(&again, &other, &e), DS_ERR_NOTFOUND);
    other = p.id;
    other.boot_id[0] ^= 1;
    assert_int_equal(ds_proc_open(&again, &other, &e), DS_ERR_NOTFOUND);
    other = p.id;
    other.pid = 0;
    assert_int_equal(ds_proc_open(&again, &other, &e), DS_ERR_NOTFOUND);

    assert_int_equal(ds_proc_stop(&how, &again, 2000, &e), DS_OK);
    assert_true(how.ended);
    assert_int_equal(how.status, 128 + SIGTERM);
    assert_int_equal(ds_proc_kill(&p, SIGKILL, &e), DS_OK); /* ended already */
    assert_int_equal(ds_proc_open(&again, &p.id, &e), DS_ERR_NOTFOUND);
    ds_proc_done(&p);
    ds_proc_done(&again);
}

static void test_a_zombie_has_ended(void **state)
{
    (void)state;
    struct ds_error e;
    struct ds_proc p, again;
    struct ds_proc_exit how;
    struct ds_proc_spec spec = { .argv = ARGV("sleep", "60") };
    assert_int_equal(ds_proc_spawn(&p, &spec, &e), DS_OK);
    assert_int_equal(ds_proc_kill(&p, SIGKILL, &e), DS_OK);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)p.id.pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(ds_proc_open(&again, &p.id, &e), DS_ERR_NOTFOUND);
    assert_int_equal(ds_proc_wait(&how, &p, 0, &e), DS_OK);
    assert_int_equal(how.status, 128 + SIGKILL);
    ds_proc_done(&p);
}

static void test_stubborn_process_is_killed(void **state)
{
    (void)state;
    struct ds_error e;
    struct ds_proc p;
    struct ds_proc_exit how;
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    struct ds_proc_fd out = { ready[1], 1 };
    struct ds_proc_spec spec = { .argv = ARGV("sh", "-c",
                                              "trap '' TERM; echo; while :; do sleep 1; done"),
                                 .fds = &out,
                                 .n_fds = 1 };
    assert_int_equal(ds_proc_spawn(&p, &spec, &e), DS_OK);
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(ds_proc_stop(&how, &p, 50, &e), DS_OK);
    assert_int_equal(how.status, 128 + SIGKILL);
    ds_proc_done(&p);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_failures_are_told),
        cmocka_unit_test(test_spawn_failures),
        cmocka_unit_test(test_a_daemon_left_behind_does_not_hold_us),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_log_file_is_appended),
        cmocka_unit_test(test_signals_are_reset),
        cmocka_unit_test(test_wait_stop_and_recognition),
        cmocka_unit_test(test_a_zombie_has_ended),
        cmocka_unit_test(test_stubborn_process_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

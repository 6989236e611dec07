/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack-simtee as a process: launch, serve, and what remains true when it, its
 * VMM or its QEMU is killed, or when the guest misbehaves.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/eventlog/bind.h"
#include "attest/tdx/quote.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "net/frame.h"
#include "tee/tee.h"

static const char *program;

static void launched(struct rig *rig, struct simtee_registers *regs)
{
    int fds[SIMTEE_FILE_COUNT];
    struct ds_error e;
    if (simtee_control_launch(fds, regs, rig->control, &rig->spec, RIG_TIMEOUT_MS, &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++)
        assert_int_equal(close(fds[i]), 0);
}

static void serving(struct rig *rig)
{
    struct ds_error e;
    if (simtee_control_serve(rig->control, rig->socket, RIG_TIMEOUT_MS, &e) < 0)
        fail_msg("%s", e.msg);
}

/* Everything up, the guest's handle open. */
static struct tee *booted(struct rig *rig, struct simtee_registers *regs)
{
    struct tee *tee = NULL;
    struct ds_error e;
    rig_init(rig, program);
    rig_start_helper(rig);
    launched(rig, regs);
    rig_start_qemu(rig);
    serving(rig);
    if (tee_open_channel(&tee, DS_TAKE_FD(rig->guest), &e) < 0)
        fail_msg("%s", e.msg);
    return tee;
}

static void extended(struct tee *tee, struct simtee_registers *regs, uint8_t fill)
{
    struct ds_error e;
    uint8_t digest48[48];
    memset(digest48, fill, sizeof digest48);
    if (tee_extend(tee, digest48, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(ds_hash_extend(DS_SHA384, regs->rtmr48[3], digest48, &e), DS_OK);
}

/* A quote says exactly these registers. */
static void expect_quote(struct tee *tee, const struct simtee_registers *regs)
{
    struct ds_error e;
    struct ds_tdx_quote q;
    uint8_t report_data64[64];
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    memset(report_data64, 0x42, sizeof report_data64);
    if (tee_quote(&quote, tee, report_data64, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(ds_tdx_quote_parse(&q, ds_buf_span(&quote), &e), DS_OK);
    assert_memory_equal(q.td.mrtd48, regs->mrtd48, 48);
    assert_memory_equal(q.td.mrconfigid48, regs->mrconfigid48, 48);
    assert_memory_equal(q.td.rtmr48, regs->rtmr48, sizeof regs->rtmr48);
    assert_memory_equal(q.td.report_data64, report_data64, 64);
}

/* The boot log that the guest gets explains RTMR0-2. */
static void expect_boot_log(struct tee *tee, const struct simtee_registers *regs)
{
    const size_t room_len = (size_t)1 << 20;
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(room_len);
    DS_AUTO(ds_buf_done) struct ds_buf ccel = { 0 };
    struct ds_arena mem = ds_arena_of(room, room_len);
    struct ds_error e;
    struct ds_tdx_log log;
    uint8_t rtmr48[4][48];
    assert_int_equal(tee_boot_log(&ccel, tee, &e), DS_OK);
    if (ds_tdx_log_parse_ccel(&log, &mem, ds_buf_span(&ccel), &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(ds_tdx_log_replay(rtmr48, &log, &e), DS_OK);
    assert_memory_equal(rtmr48, regs->rtmr48, 3 * sizeof rtmr48[0]);
}

static void expect_same_file(int fd, const char *path)
{
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf want = { 0 }, got = { 0 };
    assert_int_equal(ds_file_load(&want, path, 64 << 20, &e), DS_OK);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(ds_fd_load(&got, fd, 64 << 20, "memfd", &e), DS_OK);
    assert_true(ds_span_eq(ds_buf_span(&want), ds_buf_span(&got)));
}

static void test_launch(void **state)
{
    (void)state;
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs;
    struct simtee_launch own = SIMTEE_LAUNCH_NONE;
    int fds[SIMTEE_FILE_COUNT];
    rig_init(&rig, program);
    rig_start_helper(&rig);
    if (simtee_control_launch(fds, &regs, rig.control, &rig.spec, RIG_TIMEOUT_MS, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(simtee_launch_make(&own, &rig.spec, &e), DS_OK);
    assert_memory_equal(&regs, &own.start.regs, sizeof regs);
    simtee_launch_done(&own);
    expect_same_file(fds[SIMTEE_FILE_FIRMWARE], rig.spec.firmware);
    expect_same_file(fds[SIMTEE_FILE_KERNEL], rig.spec.kernel);
    expect_same_file(fds[SIMTEE_FILE_INITRD], rig.spec.initrd);
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++) {
        int seals = fcntl(fds[i], F_GET_SEALS);
        assert_int_equal(seals, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        assert_int_equal(write(fds[i], "x", 1), -1);
        assert_int_equal(close(fds[i]), 0);
    }
    /* A VMM that died before it could start QEMU asks once more. */
    launched(&rig, &regs);
    assert_int_equal(simtee_control_end(rig.control, RIG_TIMEOUT_MS, &e), DS_OK);
    assert_int_equal(rig_helper_status(&rig), 0);
    rig_done(&rig);
}

static void test_serve(void **state)
{
    (void)state;
    struct rig rig;
    struct simtee_registers regs;
    struct tee *tee = booted(&rig, &regs);
    assert_int_equal(tee_kind(tee), TEE_SIMULATED);
    expect_quote(tee, &regs);
    for (uint8_t i = 1; i < 4; i++)
        extended(tee, &regs, i);
    expect_quote(tee, &regs);
    expect_boot_log(tee, &regs);
    serving(&rig); /* once more: nothing happens */
    /* The VMM goes; the helper stays. */
    assert_int_equal(close(DS_TAKE_FD(rig.control)), 0);
    extended(tee, &regs, 9);
    expect_quote(tee, &regs);
    /* QEMU goes; the helper too. */
    rig_kill_qemu(&rig);
    assert_int_equal(rig_helper_status(&rig), 0);
    tee_close(tee);
    rig_done(&rig);
}

static void test_killed_helper(void **state)
{
    (void)state;
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs, back;
    struct tee *tee = booted(&rig, &regs);
    for (uint8_t round = 1; round < 4; round++) {
        extended(tee, &regs, round);
        rig_kill_helper(&rig);
        rig_start_helper(&rig);
        if (simtee_control_resume(&back, rig.control, "launch-1", RIG_TIMEOUT_MS, &e) < 0)
            fail_msg("%s", e.msg);
        assert_memory_equal(&back, &regs, sizeof regs);
        serving(&rig);
        extended(tee, &regs, (uint8_t)(0x80 + round));
        expect_quote(tee, &regs);
    }
    tee_close(tee);
    rig_done(&rig);
}

/* The journal decides what a new helper may say about a machine that runs. */
static void test_mismatch(void **state)
{
    (void)state;
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs;
    struct tee *tee = booted(&rig, &regs);
    char journal[192];
    (void)snprintf(journal, sizeof journal, "%s/journal", rig.tee_dir);
    extended(tee, &regs, 1);
    rig_kill_helper(&rig);

    rig_start_helper(&rig);
    assert_int_equal(simtee_control_resume(&regs, rig.control, "launch-2", RIG_TIMEOUT_MS, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SIMTEE_JOURNAL_MISMATCH);
    assert_int_not_equal(rig_helper_status(&rig), 0);

    int fd = open(journal, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\xff", 1, 100), 1);
    assert_int_equal(close(fd), 0);
    rig_start_helper(&rig);
    assert_int_equal(simtee_control_resume(&regs, rig.control, "launch-1", RIG_TIMEOUT_MS, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SIMTEE_JOURNAL_MISMATCH);
    assert_int_not_equal(rig_helper_status(&rig), 0);

    assert_int_equal(unlink(journal), 0);
    rig_start_helper(&rig);
    assert_int_equal(simtee_control_resume(&regs, rig.control, "launch-1", RIG_TIMEOUT_MS, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_not_equal(rig_helper_status(&rig), 0);
    tee_close(tee);
    rig_done(&rig);
}

/* A launch whose register was used does not start a second machine. */
static void test_used_launch(void **state)
{
    (void)state;
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs;
    int fds[SIMTEE_FILE_COUNT];
    struct tee *tee = booted(&rig, &regs);
    extended(tee, &regs, 1);
    assert_int_equal(simtee_control_launch(fds, &regs, rig.control, &rig.spec, RIG_TIMEOUT_MS, &e),
                     DS_ERR_EXISTS);
    expect_quote(tee, &regs); /* and the one that runs is not disturbed */
    rig_kill_helper(&rig);
    rig_start_helper(&rig);
    assert_int_equal(simtee_control_launch(fds, &regs, rig.control, &rig.spec, RIG_TIMEOUT_MS, &e),
                     DS_ERR_EXISTS);
    assert_int_equal(e.code, DS_CODE_SIMTEE_LAUNCH_USED);
    assert_int_not_equal(rig_helper_status(&rig), 0);
    /* A fresh launch id is a fresh machine. */
    (void)snprintf(rig.spec.launch_id, sizeof rig.spec.launch_id, "launch-2");
    rig_start_helper(&rig);
    launched(&rig, &regs);
    assert_int_equal(regs.rtmr48[3][0], 0);
    tee_close(tee);
    rig_done(&rig);
}

/* Killed between Launch and QEMU's start: the same files are given again, others are not. */
static void test_changed_files(void **state)
{
    (void)state;
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs, again;
    int fds[SIMTEE_FILE_COUNT];
    rig_init(&rig, program);
    rig_start_helper(&rig);
    launched(&rig, &regs);
    rig_kill_helper(&rig);
    rig_start_helper(&rig);
    launched(&rig, &again);
    assert_memory_equal(&regs, &again, sizeof regs);
    rig_kill_helper(&rig);
    assert_int_equal(ds_file_save(rig.spec.initrd, DS_SPAN_LIT("other"), 0600, "test", &e), DS_OK);
    rig_start_helper(&rig);
    assert_int_equal(simtee_control_launch(fds, &regs, rig.control, &rig.spec, RIG_TIMEOUT_MS, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SIMTEE_JOURNAL_MISMATCH);
    assert_int_not_equal(rig_helper_status(&rig), 0);
    rig_done(&rig);
}

static void test_bad_launches(void **state)
{
    (void)state;
    static const struct {
        const char *kernel;
        uint32_t vcpus;
        int r;
    } rows[] = {
        { "/nowhere/bzImage", 2, DS_ERR_NOTFOUND },
        { "/dev/null", 2, DS_ERR_ARG },
        { "/etc/passwd", 2, DS_ERR_FORMAT },
        { NULL, 1000, DS_ERR_UNSUPPORTED },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct rig rig;
        struct ds_error e;
        struct simtee_registers regs;
        int fds[SIMTEE_FILE_COUNT];
        rig_init(&rig, program);
        rig.spec.shape.vcpus = rows[i].vcpus;
        if (rows[i].kernel != NULL)
            assert_true(ds_str_copy(rig.spec.kernel, sizeof rig.spec.kernel, rows[i].kernel));
        rig_start_helper(&rig);
        int r = simtee_control_launch(fds, &regs, rig.control, &rig.spec, RIG_TIMEOUT_MS, &e);
        if (r != rows[i].r)
            fail_msg("row %zu: %d %s", i, r, e.msg);
        assert_int_not_equal(rig_helper_status(&rig), 0);
        rig_done(&rig);
    }
}

/* Two helpers for one launch would keep two registers. */
static void test_one_helper(void **state)
{
    (void)state;
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs;
    rig_init(&rig, program);
    rig_start_helper(&rig);
    launched(&rig, &regs);
    struct ds_proc first = rig.helper;
    rig_start_helper(&rig);
    assert_int_not_equal(rig_helper_status(&rig), 0);
    struct ds_proc_exit x;
    assert_int_equal(ds_proc_stop(&x, &first, 5000, &e), DS_OK);
    assert_int_equal(x.status, 0);
    ds_proc_done(&first);
    rig_done(&rig);
}

static void test_control_garbage(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x",
        "{}",
        "[]",
        "{\"method\":\"Launch\"}",
        "{\"method\":7,\"params\":{}}",
        "{\"method\":\"Nothing\",\"params\":{}}",
        "{\"method\":\"Serve\",\"params\":{}}",
        "{\"method\":\"Serve\",\"params\":{\"socket\":\"/x\"}}",
        "{\"method\":\"Status\",\"params\":[]}",
    };
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs;
    rig_init(&rig, program);
    rig_start_helper(&rig);
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        char reply[4096];
        int fd = -1;
        assert_int_equal(simtee_control_connect(&fd, rig.tee_dir, &e), DS_OK);
        (void)!send(fd, bad[i], strlen(bad[i]), MSG_NOSIGNAL);
        ssize_t n = recv(fd, reply, sizeof reply, 0);
        if (n > 0)
            assert_true(memmem(reply, (size_t)n, "\"error\"", 7) != NULL);
        assert_int_equal(close(fd), 0);
    }
    launched(&rig, &regs);
    rig_done(&rig);
}

/* Bytes that are no frames, frames that are no requests, requests out of bounds. */
static void test_hostile_guest(void **state)
{
    (void)state;
    struct rig rig;
    struct ds_error e;
    struct simtee_registers regs;
    rig_init(&rig, program);
    rig_start_helper(&rig);
    launched(&rig, &regs);
    rig_start_qemu(&rig);
    serving(&rig);
    DS_AUTO(ds_buf_done) struct ds_buf junk = { 0 };
    struct net_hello hello = { .protocol = NET_FRAME_PROTOCOL };
    ds_buf_str(&junk, "hello, is anybody there?");
    net_frame_encode_hello(&junk, &hello);
    ds_buf_le(&junk, UINT32_MAX, 4);
    ds_buf_str(&junk, "too long a frame");
    net_frame_encode_hello(&junk, &hello);
    net_frame_encode(&junk, 2, NET_FRAME_REQUEST, DS_SPAN_LIT("no JSON"));
    net_frame_encode(&junk, 4, NET_FRAME_REPLY, DS_SPAN_LIT("{}"));
    net_frame_encode(&junk, 2, NET_FRAME_REQUEST, DS_SPAN_LIT("{\"method\":\"Quote\"}"));
    ds_buf_le(&junk, 1000, 4); /* a frame that is cut */
    for (int i = 0; i < 50; i++)
        assert_int_equal(ds_fd_write_all(rig.guest, ds_buf_span(&junk), &e), DS_OK);
    struct tee *tee = NULL;
    if (tee_open_channel(&tee, DS_TAKE_FD(rig.guest), &e) < 0)
        fail_msg("%s", e.msg);
    extended(tee, &regs, 1);
    expect_quote(tee, &regs);
    /* Too many requests are refused, and only for a while. */
    int r = DS_OK;
    const uint8_t report_data64[64] = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    for (int i = 0; i < 5000 && r == DS_OK; i++) {
        ds_buf_clear(&quote);
        r = tee_quote(&quote, tee, report_data64, &e);
    }
    assert_int_equal(r, DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_SIMTEE_RATE_LIMITED);
    (void)usleep(200000);
    expect_quote(tee, &regs);
    tee_close(tee);
    rig_done(&rig);
}

#ifdef DS_FAULTS

static void set_fault(const struct rig *rig, const char *point)
{
    struct ds_error e;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/fault", rig->dir);
    assert_int_equal(ds_file_save(path, ds_span_str(point), 0600, "test", &e), DS_OK);
    assert_int_equal(setenv("DSTACK_FAULT_FILE", path, 1), 0);
}

struct one_extend {
    struct tee *tee;
    struct simtee_registers *regs;
};

static void *extend_once(void *arg)
{
    struct one_extend *x = arg;
    extended(x->tee, x->regs, 0x5e);
    return NULL;
}

/* Killed around an extend: the guest only waits, and the register moves once. */
static void test_killed_at_extend(void **state)
{
    (void)state;
    static const char *const points[] = { "simtee.extend.before", "simtee.extend.written" };
    for (size_t i = 0; i < DS_LEN(points); i++) {
        struct rig rig;
        struct ds_error e;
        struct simtee_registers regs, back;
        pthread_t thread;
        rig_init(&rig, program);
        set_fault(&rig, points[i]);
        rig_start_helper(&rig);
        launched(&rig, &regs);
        rig_start_qemu(&rig);
        serving(&rig);
        struct one_extend x = { .regs = &regs };
        assert_int_equal(tee_open_channel(&x.tee, DS_TAKE_FD(rig.guest), &e), DS_OK);
        assert_int_equal(pthread_create(&thread, NULL, extend_once, &x), 0);
        assert_int_equal(rig_helper_status(&rig), 128 + 9);
        rig_start_helper(&rig);
        assert_int_equal(simtee_control_resume(&back, rig.control, "launch-1", RIG_TIMEOUT_MS, &e),
                         DS_OK);
        serving(&rig);
        assert_int_equal(pthread_join(thread, NULL), 0);
        extended(x.tee, &regs, 0x5f);
        expect_quote(x.tee, &regs);
        tee_close(x.tee);
        rig_done(&rig);
    }
    assert_int_equal(unsetenv("DSTACK_FAULT_FILE"), 0);
}

/* Killed while a launch is made: it is made again. */
static void test_killed_at_launch(void **state)
{
    (void)state;
    static const char *const points[] = { "simtee.journal.before", "simtee.journal.written",
                                          "simtee.journal.renamed", "simtee.key.written",
                                          "simtee.collateral.renamed" };
    for (size_t i = 0; i < DS_LEN(points); i++) {
        struct rig rig;
        struct ds_error e;
        struct simtee_registers regs;
        int fds[SIMTEE_FILE_COUNT];
        rig_init(&rig, program);
        set_fault(&rig, points[i]);
        rig_start_helper(&rig);
        assert_int_equal(simtee_control_launch(fds, &regs, rig.control, &rig.spec, RIG_TIMEOUT_MS,
                                               &e),
                         DS_ERR_UNAVAILABLE);
        assert_int_equal(rig_helper_status(&rig), 128 + 9);
        rig_start_helper(&rig);
        launched(&rig, &regs);
        rig_done(&rig);
    }
    assert_int_equal(unsetenv("DSTACK_FAULT_FILE"), 0);
}

#else

static void test_killed_at_extend(void **state)
{
    (void)state;
    print_message("this build has no fault hooks\n");
    skip();
}

static void test_killed_at_launch(void **state) { test_killed_at_extend(state); }

#endif

int main(int argc, char **argv)
{
    if (argc != 2 || !rig_has_firmware()) {
        (void)fprintf(stderr, "skipped: needs the path of dstack-simtee and the package ovmf\n");
        return 77;
    }
    program = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_launch),           cmocka_unit_test(test_serve),
        cmocka_unit_test(test_killed_helper),    cmocka_unit_test(test_mismatch),
        cmocka_unit_test(test_used_launch),      cmocka_unit_test(test_changed_files),
        cmocka_unit_test(test_bad_launches),     cmocka_unit_test(test_one_helper),
        cmocka_unit_test(test_control_garbage),  cmocka_unit_test(test_hostile_guest),
        cmocka_unit_test(test_killed_at_extend), cmocka_unit_test(test_killed_at_launch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

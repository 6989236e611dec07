/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a launch: what comes back after a crash, and every way in which
 * a file can lie about the registers.
 */
#include "simtee/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/hash.h"

#define RECORD_LEN 104

static char dir[] = "/tmp/ds-journal-XXXXXX";
static char path[64];

static struct simtee_journal start_of(const char *id)
{
    struct simtee_journal j = SIMTEE_JOURNAL_NONE;
    (void)snprintf(j.launch_id, sizeof j.launch_id, "%s", id);
    memset(j.spec32, 0x11, sizeof j.spec32);
    memset(j.regs.mrtd48, 0x22, 48);
    memset(j.regs.mrconfigid48, 0x33, 48);
    for (uint8_t i = 0; i < 3; i++)
        memset(j.regs.rtmr48[i], 0x40 + i, 48);
    ds_buf_str(&j.boot_log, "boot log");
    return j;
}

/* A journal of launch "one" with n extends of the digests 00.., 01.., ... */
static struct simtee_journal begun(uint64_t n)
{
    struct simtee_journal init = start_of("one"), j;
    struct ds_error e = { 0 };
    assert_int_equal(simtee_journal_begin(&j, path, &init, &e), DS_OK);
    ds_buf_done(&init.boot_log);
    for (uint64_t i = 0; i < n; i++) {
        uint8_t digest48[48];
        memset(digest48, (int)i, sizeof digest48);
        assert_int_equal(simtee_journal_extend(&j, i, digest48, &e), DS_OK);
    }
    return j;
}

static void test_replay(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_journal j = begun(3), back;
    uint8_t rtmr48[48] = { 0 };
    for (int i = 0; i < 3; i++) {
        uint8_t digest48[48];
        memset(digest48, i, sizeof digest48);
        assert_int_equal(ds_hash_extend(DS_SHA384, rtmr48, digest48, &e), DS_OK);
    }
    assert_memory_equal(j.regs.rtmr48[3], rtmr48, 48);
    assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_OK);
    assert_memory_equal(&back.regs, &j.regs, sizeof back.regs);
    assert_int_equal(back.n_extends, 3);
    assert_true(ds_span_eq_str(ds_buf_span(&back.boot_log), "boot log"));
    assert_memory_equal(back.spec32, j.spec32, 32);
    simtee_journal_close(&j);
    simtee_journal_close(&back);
}

/* A lost answer: the guest asks again, perhaps a restarted helper. */
static void test_repeated_extend(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t same48[48], other48[48];
    memset(same48, 1, sizeof same48);
    memset(other48, 9, sizeof other48);
    struct simtee_journal j = begun(2), back;
    const struct simtee_registers before = j.regs;
    assert_int_equal(simtee_journal_extend(&j, 1, same48, &e), DS_OK);
    assert_int_equal(simtee_journal_extend(&j, 1, other48, &e), DS_ERR_STALE);
    assert_int_equal(e.code, DS_CODE_SIMTEE_EXTEND_ORDER);
    assert_int_equal(simtee_journal_extend(&j, 0, same48, &e), DS_ERR_STALE);
    assert_int_equal(simtee_journal_extend(&j, 3, other48, &e), DS_ERR_STALE);
    assert_memory_equal(&j.regs, &before, sizeof before);
    simtee_journal_close(&j);
    assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_OK);
    assert_int_equal(simtee_journal_extend(&back, 1, same48, &e), DS_OK);
    assert_memory_equal(&back.regs, &before, sizeof before);
    assert_int_equal(simtee_journal_extend(&back, 2, other48, &e), DS_OK);
    assert_int_equal(back.n_extends, 3);
    simtee_journal_close(&back);
}

static void rewrite(struct ds_span content)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    struct ds_error e = { 0 };
    assert_true(fd >= 0);
    assert_int_equal(ds_fd_write_all(fd, content, &e), DS_OK);
    assert_int_equal(close(fd), 0);
}

/* Cut anywhere inside the last record: it was never answered, so it is not there. */
static void test_torn_record(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_journal j = begun(2), back;
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    uint8_t digest48[48];
    memset(digest48, 1, sizeof digest48);
    assert_int_equal(ds_file_load(&file, path, 1 << 20, &e), DS_OK);
    for (size_t cut = 1; cut <= RECORD_LEN; cut++) {
        rewrite(DS_SPAN(file.p, file.len - cut));
        assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_OK);
        assert_int_equal(back.n_extends, 1);
        assert_int_equal(simtee_journal_extend(&back, 1, digest48, &e), DS_OK);
        assert_memory_equal(&back.regs, &j.regs, sizeof j.regs);
        simtee_journal_close(&back);
        DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
        assert_int_equal(ds_file_load(&again, path, 1 << 20, &e), DS_OK);
        assert_true(ds_span_eq(ds_buf_span(&file), ds_buf_span(&again)));
    }
    simtee_journal_close(&j);
}

static void test_every_byte_counts(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_journal j = begun(2), back;
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    simtee_journal_close(&j);
    assert_int_equal(ds_file_load(&file, path, 1 << 20, &e), DS_OK);
    for (size_t i = 0; i < file.len; i++) {
        file.p[i] ^= 1;
        rewrite(ds_buf_span(&file));
        assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_SIMTEE_JOURNAL_MISMATCH);
        file.p[i] ^= 1;
    }
    for (size_t len = 0; len < file.len - 2 * RECORD_LEN; len++) {
        rewrite(DS_SPAN(file.p, len));
        assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_ERR_UNTRUSTED);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_journal j = begun(1), back;
    simtee_journal_close(&j);
    assert_int_equal(simtee_journal_open(&back, path, "two", &e), DS_ERR_UNTRUSTED);
    assert_string_equal(e.detail.expected, "two");
    assert_string_equal(e.detail.got, "one");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SIMTEE_JOURNAL_MISMATCH);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_ERR_SYS);
    assert_int_equal(unlink(path), 0);
}

/* A guest cannot fill the host's disk with extends. */
static void test_no_extends_are_left(void **state)
{
    (void)state;
    const uint8_t digest48[48] = { 1 };
    struct ds_error e = { 0 };
    struct simtee_journal j = begun(1);
    j.n_extends = SIMTEE_JOURNAL_EXTENDS_MAX;
    assert_int_equal(simtee_journal_extend(&j, j.n_extends, digest48, &e), DS_ERR_RANGE);
    assert_int_equal(e.code, DS_CODE_SIMTEE_EXTENDS_EXHAUSTED);
    simtee_journal_close(&j);
}

/* A write that fails leaves the register alone, and the same extend works later. */
static void test_full_disk(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct simtee_journal j = begun(1), back;
    const struct simtee_registers before = j.regs;
    uint8_t digest48[48];
    memset(digest48, 7, sizeof digest48);
    const rlim_t room = j.header_len + RECORD_LEN + 50;
    const struct rlimit small = { room, RLIM_INFINITY }, big = { RLIM_INFINITY, RLIM_INFINITY };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(simtee_journal_extend(&j, 1, digest48, &e), DS_ERR_SYS);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &big), 0);
    assert_memory_equal(&j.regs, &before, sizeof before);
    assert_int_equal(simtee_journal_extend(&j, 1, digest48, &e), DS_OK);
    assert_int_equal(simtee_journal_open(&back, path, "one", &e), DS_OK);
    assert_memory_equal(&back.regs, &j.regs, sizeof j.regs);
    simtee_journal_close(&j);
    simtee_journal_close(&back);
}

static int make_dir(void **state)
{
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/journal", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_extends_are_left), cmocka_unit_test(test_replay),
        cmocka_unit_test(test_repeated_extend),     cmocka_unit_test(test_torn_record),
        cmocka_unit_test(test_every_byte_counts),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

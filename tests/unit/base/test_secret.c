/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: their memory is bounded, locked, left out of dumps and forks, and wiped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/scope.h"
#include "base/secret.h"

static const struct {
    const char *name, *a, *b;
    size_t n;
    bool equal;
} pairs[] = {
    { "nothing", "a", "b", 0, true },
    { "equal", "abcd", "abcd", 4, true },
    { "equal as far as asked", "abcd", "abce", 3, true },
    { "the last byte", "abcd", "abce", 4, false },
    { "the first byte", "abcd", "xbcd", 4, false },
    { "one bit", "abcd", "abce", 4, false },
    { "differences that cancel out", "\x01\x01", "\x02\x02", 2, false },
    { "the high bit", "a", "\xe1", 1, false },
};

static void comparison_sees_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(pairs); i++)
        if (ds_ct_equal(pairs[i].a, pairs[i].b, pairs[i].n) != pairs[i].equal)
            fail_msg("%s", pairs[i].name);
}

static const struct {
    size_t len;
    int cls;
} lengths[] = {
    { 0, DS_ERR_RANGE },
    { 1, DS_OK },
    { 4096, DS_OK },
    { 4097, DS_OK },
    { 65536, DS_OK },
    { 65537, DS_ERR_RANGE },
    { SIZE_MAX, DS_ERR_RANGE },
};

static void lengths_have_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(lengths); i++) {
        struct ds_secret s = { .len = 77 };
        int r = ds_secret_new(&s, lengths[i].len, NULL);
        assert_int_equal(r, lengths[i].cls);
        if (r != DS_OK) {
            assert_int_equal(s.len, 77);
            continue;
        }
        assert_int_equal(ds_secret_span(&s).len, lengths[i].len);
        for (size_t k = 0; k < s.len; k++)
            assert_int_equal(s.p[k], 0);
        ds_secret_wipe(&s);
        assert_null(s.p);
        ds_secret_wipe(&s);
    }
}

static void a_child_inherits_zeros(void **state)
{
    (void)state;
    struct ds_secret s;
    assert_int_equal(ds_secret_new(&s, 32, NULL), DS_OK);
    memset(s.p, 0x5a, s.len);
    pid_t pid = fork();
    if (pid == 0)
        _exit(s.p[0] | s.p[31]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(s.p[31], 0x5a);
    ds_secret_wipe(&s);
}

static void wiping_unmaps(void **state)
{
    (void)state;
    struct ds_secret s;
    assert_int_equal(ds_secret_new(&s, 32, NULL), DS_OK);
    uint8_t *p = s.p;
    size_t map_len = s.map_len;
    unsigned char resident;
    assert_int_equal(mincore(p, map_len, &resident), 0);
    ds_secret_wipe(&s);
    assert_int_equal(mincore(p, map_len, &resident), -1);
}

static void keys_are_wiped(void **state)
{
    (void)state;
    static const struct ds_key32 zero;
    struct ds_key32 k;
    memset(&k, 0x5a, sizeof k);
    ds_key32_wipe(&k);
    assert_memory_equal(&k, &zero, sizeof k);
}

static void a_hardened_process_cannot_be_dumped(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit core;
        if (ds_process_harden(NULL) != DS_OK || getrlimit(RLIMIT_CORE, &core) != 0)
            _exit(1);
        _exit(core.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 &&
                      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
                  ? 0
                  : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparison_sees_every_byte),
        cmocka_unit_test(lengths_have_bounds),
        cmocka_unit_test(a_child_inherits_zeros),
        cmocka_unit_test(wiping_unmaps),
        cmocka_unit_test(keys_are_wiped),
        cmocka_unit_test(a_hardened_process_cannot_be_dumped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

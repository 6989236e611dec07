/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes: filled, never twice the same, and of any length.
 */
#include "crypto/rand.h"
#include "unhex.h"

static void fills(void **state)
{
    (void)state;
    static const size_t lengths[] = { 0, 1, 32, 257, 65536 };
    static uint8_t out[65536 + 1];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct ds_error e = { 0 };
        out[lengths[i]] = 0x5a;
        assert_ok(ds_rand(out, lengths[i], &e));
        assert_int_equal(out[lengths[i]], 0x5a);
    }
    uint8_t a[32], b[32];
    struct ds_error e = { 0 };
    assert_ok(ds_rand(a, sizeof a, &e));
    assert_ok(ds_rand(b, sizeof b, &e));
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fills) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keccak-256 with the original padding, and over parts.
 */
#include "crypto/keccak.h"
#include "unhex.h"

static void known(void **state)
{
    (void)state;
    static const struct {
        const char *one, *two, *want;
    } rows[] = {
        { "", "", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470" },
        { "abc", "", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45" },
        { "a", "bc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45" },
        { "", "abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        struct ds_span parts[] = { ds_span_str(rows[i].one), ds_span_str(rows[i].two) };
        uint8_t out[32];
        assert_ok(ds_keccak256(out, parts, 2, &e));
        assert_hex(DS_SPAN_OF(out), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(known) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

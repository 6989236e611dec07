/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests against the "abc" answers of FIPS 180-4, in one piece and in parts.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/scope.h"
#include "crypto/hash.h"

static const struct {
    enum ds_hash_alg alg;
    const char *abc;
} rows[] = {
    { DS_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { DS_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { DS_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2"
                 "358baeca134c825a7" },
    { DS_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a"
                 "836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
};

static void answers_are_known(void **state)
{
    const struct ds_span parts[] = { DS_SPAN_LIT("a"), { 0 }, DS_SPAN_LIT("bc") };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t out[DS_HASH_MAX];
        struct ds_span digest = DS_SPAN(out, ds_hash_len(rows[i].alg));
        assert_int_equal(ds_hash(rows[i].alg, out, DS_SPAN_LIT("abc"), NULL), DS_OK);
        assert_string_equal(DS_HEX(digest), rows[i].abc);
        assert_int_equal(ds_hash_v(rows[i].alg, out, parts, DS_LEN(parts), NULL), DS_OK);
        assert_string_equal(DS_HEX(digest), rows[i].abc);
    }
}

static void extend_is_hash_of_both(void **state)
{
    uint8_t mr[48] = { 0 }, digest[48], both[96] = { 0 }, want[48];
    (void)state;
    memset(digest, 7, sizeof digest);
    memset(both + 48, 7, 48);
    assert_int_equal(ds_hash(DS_SHA384, want, DS_SPAN_OF(both), NULL), DS_OK);
    assert_int_equal(ds_hash_extend(DS_SHA384, mr, digest, NULL), DS_OK);
    assert_memory_equal(mr, want, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_known),
        cmocka_unit_test(extend_is_hash_of_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

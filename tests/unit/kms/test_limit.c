/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits on the log's growth: what a burst may be, how it comes back, and that
 * one caller's flood leaves the others theirs.
 */
#include "kms/limit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/scope.h"

#define NOW INT64_C(5000000)

static void test_bucket(void **state)
{
    (void)state;
    static const struct kms_rate rate = { .burst = 3, .refill_ms = 10 };
    static const struct {
        int64_t at_ms;
        bool want;
    } rows[] = {
        { NOW, true },        { NOW, true },        { NOW, true },
        { NOW, false },       { NOW + 9, false },   { NOW + 10, true },
        { NOW + 10, false },  { NOW + 1000, true }, /* all of the burst is there again, and no more */
        { NOW + 1000, true }, { NOW + 1000, true }, { NOW + 1000, false },
    };
    struct kms_bucket b = { 0 };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (kms_bucket_take(&b, &rate, rows[i].at_ms) != rows[i].want)
            fail_msg("row %zu", i);
}

/* A day of flood from every source: as many leaves as the README states. */
static void test_denials_of_a_day(void **state)
{
    (void)state;
    static struct kms_limit l;
    const struct kms_rate rate = KMS_DENIAL_RATE;
    const int64_t day_ms = INT64_C(86400000), step_ms = 1000;
    int64_t n_leaves[KMS_N_SOURCES] = { 0 };
    for (int64_t t = 0; t < day_ms; t += step_ms)
        for (int s = 0; s < KMS_N_SOURCES; s++)
            for (int i = 0; i < 2; i++)
                n_leaves[s] += kms_limit_denial(&l, (enum kms_source)s, NOW + t);
    for (int s = 0; s < KMS_N_SOURCES; s++)
        assert_in_range(n_leaves[s], rate.burst, rate.burst + day_ms / rate.refill_ms);
    assert_int_equal(l.n_denials_dropped + (uint64_t)(n_leaves[0] + n_leaves[1] + n_leaves[2]),
                     (uint64_t)(2 * KMS_N_SOURCES * day_ms / step_ms));
}

static void test_sources_are_apart(void **state)
{
    (void)state;
    static struct kms_limit l;
    while (kms_limit_denial(&l, KMS_SOURCE_NOBODY, NOW))
        continue;
    assert_true(kms_limit_denial(&l, KMS_SOURCE_GUEST, NOW));
    assert_true(kms_limit_denial(&l, KMS_SOURCE_HOLDER, NOW));
}

static struct ds_span id_of(uint8_t room[20], unsigned n)
{
    room[0] = (uint8_t)n;
    room[1] = (uint8_t)(n >> 8);
    return DS_SPAN(room, 20);
}

static void test_holders(void **state)
{
    (void)state;
    static struct kms_limit l;
    const struct kms_rate rate = *kms_limit_rate(KMS_ACT_SIGN_CERT);
    uint8_t app[20] = { 0xa }, a[20] = { 1 }, b[20] = { 2 };
    for (int64_t i = 0; i < rate.burst; i++)
        assert_true(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), DS_SPAN_OF(a), NOW));
    assert_false(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), DS_SPAN_OF(a), NOW));
    assert_int_equal(l.n_holders_refused, 1);
    assert_true(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), DS_SPAN_OF(b), NOW));
    /* the ids are no concatenation: another app's instance is another one */
    assert_true(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(a), DS_SPAN_OF(app), NOW));
    assert_true(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), DS_SPAN(NULL, 0), NOW));
    assert_true(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), DS_SPAN_OF(a),
                                 NOW + rate.refill_ms));
}

/* A flood of one act leaves the instance the others. */
static void test_acts_are_apart(void **state)
{
    (void)state;
    for (int act = 0; act < KMS_N_ACTS; act++) {
        struct kms_limit l = { 0 };
        uint8_t app[20] = { 0xa }, a[20] = { 1 };
        const struct kms_rate *rate = kms_limit_rate((enum kms_act)act);
        int64_t n = 0;
        while (kms_limit_holder(&l, (enum kms_act)act, DS_SPAN_OF(app), DS_SPAN_OF(a), NOW))
            n++;
        assert_int_equal(n, rate->burst);
        for (int i = 0; i < KMS_N_ACTS; i++)
            assert_int_equal(kms_limit_holder(&l, (enum kms_act)i, DS_SPAN_OF(app), DS_SPAN_OF(a),
                                              NOW),
                             i != act);
        assert_true(kms_limit_holder(&l, (enum kms_act)act, DS_SPAN_OF(app), DS_SPAN_OF(a),
                                     NOW + rate->refill_ms));
    }
}

/* More instances than there is room for: whoever was heard of last keeps its count. */
static void test_room(void **state)
{
    (void)state;
    static struct kms_limit l;
    uint8_t app[20] = { 0xa }, room[20] = { 0 };
    while (kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), id_of(room, 0), NOW))
        continue;
    for (unsigned i = 1; i < KMS_HOLDERS_MAX; i++)
        assert_true(
            kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), id_of(room, i), NOW + i));
    assert_false(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), id_of(room, 0),
                                  NOW + KMS_HOLDERS_MAX));
    assert_true(kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app),
                                 id_of(room, KMS_HOLDERS_MAX), NOW + 1000)); /* for 1 */
    assert_false(
        kms_limit_holder(&l, KMS_ACT_SIGN_CERT, DS_SPAN_OF(app), id_of(room, 0), NOW + 1001));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_denials_of_a_day),
        cmocka_unit_test(test_sources_are_apart),
        cmocka_unit_test(test_holders),
        cmocka_unit_test(test_acts_are_apart),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests_name("kms/limit", tests, NULL, NULL);
}

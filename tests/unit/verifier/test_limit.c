/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: what one source and all may ask, and who counts as one.
 */
#include "verifier/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"

#define S INT64_C(1000000)

static struct limit *limit_of(uint64_t source_per_s, uint64_t all_per_s)
{
    struct limit *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->source_per_s = source_per_s;
    l->all_per_s = all_per_s;
    l->seed = 12345;
    return l;
}

static size_t take(struct limit *l, const char *address, size_t n, int64_t now_us)
{
    size_t got = 0;
    for (size_t i = 0; i < n; i++)
        got += limit_take(l, LIMIT_WORK, limit_key(l, address), now_us);
    return got;
}

static void twice_as_many_at_once_then_the_rate(void **state)
{
    (void)state;
    struct limit *l = limit_of(10, 0);
    assert_int_equal(take(l, "1.2.3.4:5", 100, 50 * S), 20);
    assert_int_equal(take(l, "1.2.3.4:5", 100, 50 * S + 99999), 0);
    assert_int_equal(take(l, "1.2.3.4:5", 100, 50 * S + 100000), 1);
    assert_int_equal(take(l, "1.2.3.4:5", 100, 51 * S), 9);
    assert_int_equal(take(l, "1.2.3.4:5", 100, 60 * S), 20); /* more time gives no more */
    free(l);
}

static void sources_are_apart_and_all_together_bounded(void **state)
{
    (void)state;
    struct limit *l = limit_of(10, 15);
    assert_int_equal(take(l, "1.2.3.4:5", 100, 50 * S), 20);
    /* 66666 us a token: the burst of 2 s has 30, of which the last needs all of its step */
    size_t second = take(l, "1.2.3.5:5", 100, 50 * S);
    assert_in_range(second, 9, 10);
    assert_int_equal(take(l, "1.2.3.6:5", 100, 50 * S), 0);
    /* A refusal costs no token. */
    assert_in_range(take(l, "1.2.3.6:5", 100, 51 * S), 14, 16);
    free(l);
}

/* Pages that cost little have the source's rate too, whatever it and others asked beside them. */
static void what_costs_little_is_counted_aside(void **state)
{
    (void)state;
    struct limit *l = limit_of(10, 15);
    uint64_t key = limit_key(l, "1.2.3.4:5"), other = limit_key(l, "1.2.3.5:5");
    assert_int_equal(take(l, "1.2.3.4:5", 100, 50 * S), 20);
    (void)take(l, "1.2.3.5:5", 100, 50 * S); /* now all have asked what all may */
    size_t got = 0, free_of_rate = 0;
    for (size_t i = 0; i < 100; i++) {
        got += limit_take(l, LIMIT_ASIDE, key, 50 * S);
        free_of_rate += limit_take(l, LIMIT_NONE, key, 50 * S);
    }
    assert_int_equal(got, 20);
    assert_int_equal(free_of_rate, 100);
    assert_true(limit_take(l, LIMIT_ASIDE, other, 50 * S));
    assert_int_equal(take(l, "1.2.3.6:5", 1, 50 * S), 0);
    assert_int_equal(take(l, "1.2.3.6:5", 1, 51 * S), 1);
    free(l);
}

static void zero_is_no_limit(void **state)
{
    (void)state;
    struct limit *l = limit_of(0, 0);
    assert_int_equal(take(l, "1.2.3.4:5", 1000, 1), 1000);
    free(l);
}

static void who_is_one_source(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        { "1.2.3.4:5", "1.2.3.4:60000", true },
        { "1.2.3.4:5", "1.2.3.5:5", false },
        { "[2001:db8::1]:5", "[2001:db8::ffff:1]:6", true },
        { "[2001:db8::1]:5", "[2001:db8:0:1::1]:5", false },
        { "[2001:db8::1]:5", "32.1.13.184:5", false },
        { "unix pid 5 uid 6", "unix pid 5 uid 7", false },
        { "", "", true },
    };
    struct limit *l = limit_of(1, 1);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        assert_int_equal(limit_key(l, rows[i].a) == limit_key(l, rows[i].b), rows[i].same);
        assert_int_not_equal(limit_key(l, rows[i].a), 0);
    }
    uint64_t key = limit_key(l, "1.2.3.4:5");
    l->seed++;
    assert_int_not_equal(limit_key(l, "1.2.3.4:5"), key);
    free(l);
}

/* More sources than the table has room for: each has its rate, nothing overflows. */
static void a_crowd_of_sources(void **state)
{
    (void)state;
    struct limit *l = limit_of(1, 0);
    char address[32];
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(address, sizeof address, "10.%d.%d.%d:1", i >> 16, (i >> 8) & 255, i & 255);
        assert_int_equal(take(l, address, 3, 50 * S + i), 2);
    }
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twice_as_many_at_once_then_the_rate),
        cmocka_unit_test(sources_are_apart_and_all_together_bounded),
        cmocka_unit_test(what_costs_little_is_counted_aside),
        cmocka_unit_test(zero_is_no_limit),
        cmocka_unit_test(who_is_one_source),
        cmocka_unit_test(a_crowd_of_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

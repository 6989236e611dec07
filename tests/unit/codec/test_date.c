/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates: known seconds, the calendar's edges, and forms that are not ours.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"
#include "codec/date.h"

static void dates_are_judged(void **state)
{
    static const struct {
        const char *text;
        int want;
        int64_t s;
    } rows[] = {
        { "1970-01-01T00:00:00Z", DS_OK, 0 },
        { "1969-12-31T23:59:59Z", DS_OK, -1 },
        { "2000-02-29T12:00:00Z", DS_OK, 951825600 },
        { "2025-06-19T10:16:03Z", DS_OK, 1750328163 },
        { "0001-01-01T00:00:00Z", DS_OK, -62135596800 },
        { "9999-12-31T23:59:59Z", DS_OK, 253402300799 },
        { "1900-02-29T00:00:00Z", DS_ERR_FORMAT, 0 },
        { "2025-06-31T00:00:00Z", DS_ERR_FORMAT, 0 },
        { "2025-00-01T00:00:00Z", DS_ERR_FORMAT, 0 },
        { "0000-01-01T00:00:00Z", DS_ERR_FORMAT, 0 },
        { "2025-06-19T24:00:00Z", DS_ERR_FORMAT, 0 },
        { "2025-06-19T10:60:00Z", DS_ERR_FORMAT, 0 },
        { "2025-06-19T10:16:60Z", DS_ERR_FORMAT, 0 },
        { "2025-06-19 10:16:03Z", DS_ERR_FORMAT, 0 },
        { "2025-06-19T10:16:03", DS_ERR_FORMAT, 0 },
        { "2025-06-19T10:16:03+0", DS_ERR_FORMAT, 0 },
        { "2025-06-19T10:16:03ZZ", DS_ERR_FORMAT, 0 },
        { "2025-6-19T010:16:03Z", DS_ERR_FORMAT, 0 },
        { "", DS_ERR_FORMAT, 0 },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        int64_t s = 0;
        int r = ds_date_parse(&s, ds_span_str(rows[i].text), NULL);
        if (r != rows[i].want || s != rows[i].s)
            fail_msg("%s: %d, %lld", rows[i].text, r, (long long)s);
        char text[21];
        if (r == DS_OK)
            assert_string_equal(ds_date_format(text, s), rows[i].text);
    }
}

static void dates_out_of_range_have_no_text(void **state)
{
    char text[21];
    (void)state;
    assert_string_equal(ds_date_format(text, 253402300800), "?");
    assert_string_equal(ds_date_format(text, -62135596801), "?");
    assert_string_equal(ds_date_format(text, INT64_MAX), "?");
    assert_string_equal(ds_date_format(text, INT64_MIN), "?");
}

/* Every day of four centuries, there and back. */
static void days_round_trip(void **state)
{
    (void)state;
    for (int64_t s = -6847804800; s < 5774000000; s += 86399) {
        char text[21];
        int64_t back;
        assert_int_equal(ds_date_parse(&back, ds_span_str(ds_date_format(text, s)), NULL), DS_OK);
        assert_int_equal(back, s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_judged),
        cmocka_unit_test(dates_out_of_range_have_no_text),
        cmocka_unit_test(days_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

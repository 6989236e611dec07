/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of an app's certificate: what a request may ask for, each bound at its
 * edge.
 */
#include "kms/cert_dates.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW    INT64_C(1790000000)
#define DAY    INT64_C(86400)
#define CA_END (NOW + 3650 * DAY)
#define LAST   (NOW + KMS_CERT_DAYS_MAX * DAY)
#define FIRST  (NOW - DAY)

/* clang-format off */
static const struct {
    const char *name;
    bool has_from, has_to;
    uint64_t from_s, to_s;
    int64_t ca_end_s;
    int want;
    int64_t want_from_s, want_to_s;
} rows[] = {
    { "none named", false, false, 0, 0, CA_END, DS_OK, FIRST, LAST },
    { "both named", true, true, NOW, NOW + DAY, CA_END, DS_OK, NOW, NOW + DAY },
    { "from a day ago", true, false, FIRST, 0, CA_END, DS_OK, FIRST, LAST },
    { "from a second earlier", true, false, FIRST - 1, 0, CA_END, DS_ERR_RANGE, 0, 0 },
    { "from 1970", true, false, 0, 0, CA_END, DS_ERR_RANGE, 0, 0 },
    { "to the last second", false, true, 0, LAST, CA_END, DS_OK, FIRST, LAST },
    { "a second longer", false, true, 0, LAST + 1, CA_END, DS_ERR_RANGE, 0, 0 },
    { "for ever", false, true, 0, UINT64_MAX, CA_END, DS_ERR_RANGE, 0, 0 },
    { "to the largest signed number", false, true, 0, INT64_MAX, CA_END, DS_ERR_RANGE, 0, 0 },
    { "from beyond all dates", true, false, UINT64_MAX, 0, CA_END, DS_ERR_RANGE, 0, 0 },
    { "in the future", true, true, NOW + DAY, NOW + 2 * DAY, CA_END, DS_OK, NOW + DAY, NOW + 2 * DAY },
    { "one second long", true, true, NOW, NOW + 1, CA_END, DS_OK, NOW, NOW + 1 },
    { "empty", true, true, NOW, NOW, CA_END, DS_ERR_RANGE, 0, 0 },
    { "the wrong way round", true, true, NOW + 1, NOW, CA_END, DS_ERR_RANGE, 0, 0 },
    { "over before it begins", false, true, 0, FIRST, CA_END, DS_ERR_RANGE, 0, 0 },
    { "a CA that ends earlier", false, false, 0, 0, NOW + DAY, DS_OK, FIRST, NOW + DAY },
    { "longer than the CA", false, true, 0, NOW + DAY + 1, NOW + DAY, DS_ERR_RANGE, 0, 0 },
    { "a CA that is over", false, false, 0, 0, FIRST, DS_ERR_RANGE, 0, 0 },
};
/* clang-format on */

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct kms_cert_dates got = { 0 };
        const struct app_csr csr = { .has_not_before = rows[i].has_from,
                                     .has_not_after = rows[i].has_to,
                                     .not_before_s = rows[i].from_s,
                                     .not_after_s = rows[i].to_s };
        int r = kms_cert_dates_of(&got, &csr, NOW, rows[i].ca_end_s, &e);
        if (r != rows[i].want || got.not_before_s != rows[i].want_from_s ||
            got.not_after_s != rows[i].want_to_s)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
        if (r < 0)
            assert_int_equal(e.code, DS_CODE_KMS_CERT_DATES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
    return cmocka_run_group_tests_name("kms/cert_dates", tests, NULL, NULL);
}

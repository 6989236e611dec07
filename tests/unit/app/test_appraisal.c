/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence that appraisal does not read: of other platforms, and none at all.
 * What it says of TDX evidence is tested where such evidence is made (kms/).
 */
#include "app/appraisal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *name;
    enum ds_attestation_platform platform;
} rows[] = {
    { "SEV-SNP", DS_ATTESTATION_SEV_SNP },
    { "Nitro enclave", DS_ATTESTATION_NITRO_ENCLAVE },
    { "Nitro TPM", DS_ATTESTATION_NITRO_TPM },
};

static int appraise(struct ds_span attestation, struct ds_error *e)
{
    static struct app_appraisal a;
    struct ds_verdict v = { 0 };
    const struct ds_anchors anchors = { NULL, 0 };
    const struct app_evidence in = {
        .attestation = attestation, .collateral = DS_SPAN_LIT("{}"), .anchors = &anchors, .now_s = 1
    };
    uint8_t *room = malloc(APP_APPRAISAL_MEM);
    assert_non_null(room);
    struct ds_arena mem = ds_arena_of(room, APP_APPRAISAL_MEM);
    int r = app_appraise(&a, &v, &mem, &in, e);
    free(room);
    return r;
}

static void other_platforms_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf wire = { 0 };
        struct ds_error e = { 0 };
        const struct ds_attestation a = { .platform = rows[i].platform,
                                          .quote = DS_SPAN_LIT("report") };
        assert_int_equal(ds_attestation_encode(&wire, &a, &e), DS_OK);
        int r = appraise(ds_buf_span(&wire), &e);
        if (r != DS_ERR_UNSUPPORTED || e.code != DS_CODE_APP_PLATFORM_UNSUPPORTED)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

static void nothing_is_no_evidence(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    assert_true(appraise(DS_SPAN(NULL, 0), &e) < 0);
    assert_int_equal(e.code, DS_CODE_WRAPPER_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_platforms_are_refused),
        cmocka_unit_test(nothing_is_no_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

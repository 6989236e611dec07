/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets which form, and what is said of evidence that could not be judged.
 */
#include "verifier/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "ear/cwt.h"
#include "ear/jwt.h"

static void forms_by_accept(void **state)
{
    (void)state;
    static const struct {
        const char *accept, *form;
    } rows[] = {
        { NULL, "application/json" },
        { "*/*", "application/json" },
        { "application/eat+jwt", "application/eat+jwt" },
        { "application/eat+cwt;q=0.5", "application/eat+cwt" },
        { "application/json;q=0, application/*", "application/json" },
        { "text/html, Application/EAT+CWT", "application/eat+cwt" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct verifier_form *form = verifier_form_find(rows[i].accept);
        if (form == NULL || strcmp(form->media_type, rows[i].form) != 0)
            fail_msg("%s: %s", rows[i].accept, form != NULL ? form->media_type : "none");
    }
    assert_null(verifier_form_find("application/cbor"));
    assert_null(verifier_form_find("application/json;q=0"));
}

/* What nobody could read is signed too, as what it is. */
static void signed_results(void **state)
{
    (void)state;
    static max_align_t room[EAR_MEM / sizeof(max_align_t)];
    static struct verifier_finding f;
    static struct ear ear;
    uint8_t spki[DS_P256_SPKI_LEN];
    struct signer signer = { .kid = "k" };
    struct ds_cose_key key;
    struct ds_error e;
    assert_int_equal(ds_p256_key_new(&signer.key, &e), DS_OK);
    ds_p256_key_spki(spki, signer.key);
    assert_int_equal(ds_cose_key_of_spki(&key, DS_SPAN_OF(spki), &e), DS_OK);
    f.steps[VERIFIER_READ] = VERIFIER_FAILED;
    ds_verdict_add(&f.verdict, DS_CODE_WRAPPER_FORMAT, "attestation", "one", "none", NULL);
    const struct verifier_say say = { 1790000000, 60, DS_SPAN_LIT("12345678"), &signer };
    for (int is_cwt = 0; is_cwt < 2; is_cwt++) {
        DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        assert_int_equal((is_cwt ? verifier_result_cwt : verifier_result_jwt)(&out, &f, &say, &e),
                         DS_OK);
        int r = (is_cwt ? ear_cwt_open : ear_jwt_open)(&ear, &mem, ds_buf_span(&out), &key, &e);
        if (r < 0)
            fail_msg("%s", e.msg);
        assert_int_equal(ear.iat_s, say.now_s);
        assert_int_equal(ear.exp_s, say.now_s + 60);
        assert_true(ds_span_eq(ear.nonce, say.nonce));
        assert_int_equal(ear.status, EAR_TIER_CONTRAINDICATED);
        assert_int_equal(ear.n_appraisals, 1);
        assert_true(
            ds_span_eq_str(ear.appraisals[0].dstack.reasons[0].code, "attest.wrapper.format"));
    }
    signer_done(&signer);
}

#define TCB4 "\"min_boot_loader_svn\":0,\"min_tee_svn\":0,\"min_snp_svn\":0,\"min_microcode_svn\":0"
#define H32  "0101010101010101010101010101010101010101010101010101010101010101"
#define H48  H32 "01010101010101010101010101010101"

/* clang-format off */
static const struct {
    const char *name;
    enum ds_tee tee;
    enum ds_snp_product product;
    const char *policy; /* beside the version; of claims that it lets pass */
    int8_t hardware, configuration, identity, executables;
} affirmed[] = {
    { "nothing compared", DS_TEE_TDX, DS_SNP_PRODUCT_NONE, "", EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "a device", DS_TEE_TDX, DS_SNP_PRODUCT_NONE, ",\"device_ids\":[\"" H32 "\"]", EAR_AFFIRMED, EAR_NO_CLAIM, EAR_AFFIRMED, EAR_NO_CLAIM },
    { "an app", DS_TEE_TDX, DS_SNP_PRODUCT_NONE, ",\"app\":{\"compose_hashes\":[\"" H32 "\"]}", EAR_AFFIRMED, EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "a TD's configuration", DS_TEE_TDX, DS_SNP_PRODUCT_NONE, ",\"tdx\":{\"mrconfigid\":[\"" H48 "\"]}",
      EAR_AFFIRMED, EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "that, of an enclave", DS_TEE_SGX, DS_SNP_PRODUCT_NONE,
      ",\"tees\":[\"tdx\",\"sgx\"],\"tdx\":{\"mrconfigid\":[\"" H48 "\"]}",
      EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "no versions of AMD's", DS_TEE_SEV_SNP, DS_SNP_PRODUCT_MILAN, "", EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "one version of AMD's", DS_TEE_SEV_SNP, DS_SNP_PRODUCT_MILAN, ",\"snp\":{\"min_snp_svn\":0}", EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "all of Milan's", DS_TEE_SEV_SNP, DS_SNP_PRODUCT_MILAN, ",\"snp\":{" TCB4 "}", EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "all but Turin's FMC", DS_TEE_SEV_SNP, DS_SNP_PRODUCT_TURIN, ",\"snp\":{" TCB4 "}", EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "all of Turin's", DS_TEE_SEV_SNP, DS_SNP_PRODUCT_TURIN, ",\"snp\":{" TCB4 ",\"min_fmc_svn\":0}", EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "an image", DS_TEE_TDX, DS_SNP_PRODUCT_NONE, ",\"app\":{\"os_images\":[\"" H32 "\"]}", EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_BOOT_AFFIRMED },
    { "what a TD loaded", DS_TEE_TDX, DS_SNP_PRODUCT_NONE, ",\"tdx\":{\"mrtd\":[\"" H48 "\"],\"rtmr1\":[\"" H48 "\"],\"rtmr2\":[\"" H48 "\"]}",
      EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_BOOT_AFFIRMED },
    { "a TD's firmware and kernel alone", DS_TEE_TDX, DS_SNP_PRODUCT_NONE, ",\"tdx\":{\"mrtd\":[\"" H48 "\"],\"rtmr1\":[\"" H48 "\"]}",
      EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM },
    { "an enclave", DS_TEE_SGX, DS_SNP_PRODUCT_NONE, ",\"tees\":[\"sgx\"],\"sgx\":{\"mrenclave\":[\"" H32 "\"]}",
      EAR_AFFIRMED, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_BOOT_AFFIRMED },
    { "a guest, on AMD's of any version", DS_TEE_SEV_SNP, DS_SNP_PRODUCT_MILAN, ",\"snp\":{\"measurement\":[\"" H48 "\"]}",
      EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_NO_CLAIM, EAR_BOOT_AFFIRMED },
};
/* clang-format on */

static void only_what_was_compared_is_affirmed(void **state)
{
    (void)state;
    static max_align_t room[EAR_MEM / sizeof(max_align_t)],
        policy_room[VERIFIER_POLICY_MEM / sizeof(max_align_t)];
    static struct verifier_finding f;
    static struct ds_claims c;
    static struct ear ear;
    struct signer signer = { .kid = "k" };
    uint8_t spki[DS_P256_SPKI_LEN];
    struct ds_cose_key key;
    assert_int_equal(ds_p256_key_new(&signer.key, NULL), DS_OK);
    ds_p256_key_spki(spki, signer.key);
    assert_int_equal(ds_cose_key_of_spki(&key, DS_SPAN_OF(spki), NULL), DS_OK);
    const struct verifier_say say = { 1790000000, 60, { 0 }, &signer };
    for (size_t i = 0; i < DS_LEN(affirmed); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 }, out = { 0 };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct ds_arena policy_mem = ds_arena_of(policy_room, sizeof policy_room);
        struct verifier_policy policy;
        ds_buf_printf(&text, "{\"version\":1%s}", affirmed[i].policy);
        assert_int_equal(verifier_policy_parse(&policy, &policy_mem, ds_buf_span(&text), NULL),
                         DS_OK);
        c = (struct ds_claims){ .kind = DS_KIND_HARDWARE,
                                .tee = affirmed[i].tee,
                                .anchor = "root",
                                .tcb.status = DS_TCB_UP_TO_DATE };
        if (affirmed[i].tee == DS_TEE_SEV_SNP)
            c.snp.product = affirmed[i].product;
        f = (struct verifier_finding){ .a.claims = &c, .rules = policy.doc.rules };
        f.steps[VERIFIER_POLICY] = VERIFIER_HELD;
        f.policies[f.n_policies++] = policy.id;
        assert_int_equal(verifier_result_jwt(&out, &f, &say, NULL), DS_OK);
        assert_int_equal(ear_jwt_open(&ear, &mem, ds_buf_span(&out), &key, NULL), DS_OK);
        const struct ear_appraisal *a = &ear.appraisals[0];
        print_message("  %s\n", affirmed[i].name);
        assert_int_equal(a->vector.values[EAR_HARDWARE], affirmed[i].hardware);
        assert_int_equal(a->vector.values[EAR_CONFIGURATION], affirmed[i].configuration);
        assert_int_equal(a->vector.values[EAR_INSTANCE_IDENTITY], affirmed[i].identity);
        assert_int_equal(a->vector.values[EAR_EXECUTABLES], affirmed[i].executables);
        /* Good hardware under an unknown workload is nothing to affirm. */
        assert_true(
            (ear.status == EAR_TIER_AFFIRMING) ==
            (affirmed[i].hardware == EAR_AFFIRMED && affirmed[i].executables == EAR_BOOT_AFFIRMED));
        assert_int_equal(a->n_policy_ids, 1);
        assert_true(ds_span_eq_str(a->policy_ids[0], policy.id));
    }
    signer_done(&signer);
}

static void an_error_in_the_compatible_form(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_error why, e;
    (void)ds_refuse(&why, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, "quote", "hex", "\"\x1b", NULL);
    assert_int_equal(verifier_result_compatible_error(&out, &why, &e), DS_OK);
    assert_non_null(strstr(out.p, "{\"is_valid\":false,\"details\":{\"quote_verified\":false,"));
    assert_non_null(strstr(out.p, "\"app_info\":null"));
    assert_non_null(strstr(out.p, "\"reason\":\"Internal error: "));
    assert_non_null(strstr(out.p, "(rpc.bad_request)\"}"));
    assert_null(strchr(out.p, '\x1b'));
}

static void nothing_is_accepted(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_error e;
    static struct verifier_finding f;
    const struct verifier_say say = { .now_s = 0 };
    assert_false(verifier_is_accepted(&f));
    assert_string_equal(verifier_verdict_text(&f), "denied");
    f.steps[VERIFIER_READ] = VERIFIER_FAILED;
    assert_string_equal(verifier_verdict_text(&f), "invalid");
    assert_int_equal(verifier_result_v1(&out, &f, &say, &e), DS_OK);
    assert_non_null(strstr(out.p, "\"verdict\":\"invalid\",\"kind\":\"none\""));
    f.steps[VERIFIER_POLICY] = VERIFIER_HELD;
    assert_string_equal(verifier_verdict_text(&f), "invalid");
    f.steps[VERIFIER_READ] = VERIFIER_HELD;
    assert_string_equal(verifier_verdict_text(&f), "accepted");
    f.verdict.n_dropped = 1;
    assert_false(verifier_is_accepted(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_by_accept),
        cmocka_unit_test(signed_results),
        cmocka_unit_test(only_what_was_compared_is_affirmed),
        cmocka_unit_test(an_error_in_the_compatible_form),
        cmocka_unit_test(nothing_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

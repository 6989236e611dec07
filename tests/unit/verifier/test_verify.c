/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps over simulated evidence: each lie fails the step that it is about,
 * and no other; the ground decides what is wanted.
 */
#include "verifier/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../kms/kit.h"
#include "sets.h"
#include "verifier/shelf.h"
#include "verifier/warm.h"

#define NOW INT64_C(1790000000)

static struct kit kit;
static struct shelf *shelf;
static struct warm *warm;
static struct ds_extra_anchor anchor = { .name = "kit", .is_simulated = true };
static struct verifier_finding found;

static struct verifier_ground good_ground(void)
{
    return (struct verifier_ground){ .shelf = shelf,
                                     .warm = warm,
                                     .anchors = { &anchor, 1 },
                                     .allow_simulated = true,
                                     .tcb_statuses = POLICY_TCB(DS_TCB_UP_TO_DATE),
                                     .now_s = NOW };
}

/* Claims and spans lie in the room: only verdict, steps and texts are looked at afterwards. */
static void verify(const struct verifier_ground *ground, const struct verifier_input *in)
{
    uint8_t *room = malloc(VERIFIER_MEM);
    assert_non_null(room);
    struct ds_arena mem = ds_arena_of(room, VERIFIER_MEM);
    verifier_verify(&found, &mem, ground, in);
    free(room);
}

static void verify_plan(const struct verifier_ground *ground, const struct kit_plan *plan)
{
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    kit_attest(&bytes, &kit, plan);
    const struct verifier_input in = { .attestation = ds_buf_span(&bytes) };
    verify(ground, &in);
}

static void expect(const char *what, const char *verdict, enum verifier_step step,
                   enum ds_code code)
{
    if (strcmp(verifier_verdict_text(&found), verdict) != 0)
        fail_msg("%s: %s", what, verifier_verdict_text(&found));
    if (code == DS_CODE_NONE) {
        assert_int_equal(found.verdict.n_reasons, 0);
        return;
    }
    if (found.steps[step] != VERIFIER_FAILED || found.why[step][0] == '\0' ||
        !ds_verdict_has(&found.verdict, code))
        fail_msg("%s: step %u is %u, '%s'", what, (unsigned)step, (unsigned)found.steps[step],
                 found.why[step]);
}

static void each_lie_fails_its_step(void **state)
{
    (void)state;
    struct kit_plan good = kit_plan_running(&kit), p;
    const struct verifier_ground ground = good_ground();
    verify_plan(&ground, &good);
    expect("good", "accepted", VERIFIER_POLICY, DS_CODE_NONE);
    p = good;
    p.is_quote_broken = true;
    verify_plan(&ground, &p);
    expect("broken", "invalid", VERIFIER_QUOTE, DS_CODE_DCAP_QUOTE_SIGNATURE);
    assert_int_equal(found.steps[VERIFIER_LOG], VERIFIER_SKIPPED);
    p = good;
    p.is_debug = true;
    verify_plan(&ground, &p);
    expect("debug", "denied", VERIFIER_POLICY, DS_CODE_POLICY_DEBUG);
    p = good;
    p.is_mrtd_changed = true;
    verify_plan(&ground, &p);
    expect("firmware", "invalid", VERIFIER_IMAGE, DS_CODE_POLICY_FIRMWARE_MISMATCH);
    p = good;
    p.is_swapped = true;
    verify_plan(&ground, &p);
    expect("swapped", "invalid", VERIFIER_LOG, DS_CODE_LOG_ORDER);
    assert_int_equal(found.steps[VERIFIER_IMAGE], VERIFIER_HELD);
    assert_int_equal(found.steps[VERIFIER_IDENTITY], VERIFIER_SKIPPED);
    p = good;
    p.is_mrconfigid_changed = true;
    verify_plan(&ground, &p);
    expect("mrconfigid", "invalid", VERIFIER_IDENTITY, DS_CODE_APP_MR_CONFIG_MISMATCH);
    p = good;
    p.has_no_mr_config = true;
    verify_plan(&ground, &p);
    expect("no mr_config", "invalid", VERIFIER_IDENTITY, DS_CODE_APP_MR_CONFIG_MISSING);
}

static void the_ground_decides(void **state)
{
    (void)state;
    const struct kit_plan good = kit_plan_running(&kit);
    struct kit_plan bare = good, broken = good;
    struct verifier_ground g = good_ground();
    bare.has_no_mr_config = true;
    g.is_compatible = true;
    verify_plan(&g, &bare);
    expect("compatible", "accepted", VERIFIER_POLICY, DS_CODE_NONE);
    g = good_ground();
    g.allow_simulated = false;
    verify_plan(&g, &good);
    expect("no leave", "denied", VERIFIER_POLICY, DS_CODE_POLICY_SIMULATED_EVIDENCE);
    g = good_ground();
    g.anchors.n_extra = 0;
    verify_plan(&g, &good);
    expect("no anchor", "invalid", VERIFIER_QUOTE, DS_CODE_ROOT_UNKNOWN);
    g = good_ground();
    g.tcb_statuses = POLICY_TCB(DS_TCB_OUT_OF_DATE);
    verify_plan(&g, &good);
    expect("other state", "denied", VERIFIER_POLICY, DS_CODE_POLICY_TCB_STATUS);
    g = good_ground();
    g.now_s = NOW + 365 * 86400; /* what was kept of the platform is over: it is verified anew */
    verify_plan(&g, &good);
    expect("a year later", "invalid", VERIFIER_QUOTE, DS_CODE_CRL_DATES);
    broken.is_quote_broken = true;
    verify_plan(&g, &broken);
    expect("broken a year later", "invalid", VERIFIER_QUOTE, DS_CODE_DCAP_QUOTE_SIGNATURE);
}

#define SIM    "{\"version\":1,\"kinds\":[\"simulated\"]"
#define ONES16 "ffffffffffffffffffffffffffffffff"
#define ONES48 ONES16 ONES16 ONES16
#define MRTD   ",\"tdx\":{\"mrtd\":[\"" ONES48 "\"]}"

/* clang-format off */
static const struct {
    const char *name;
    const char *configured, *asked; /* NULL: none */
    bool refuses_simulated;         /* the configuration's keys do */
    uint32_t tcb_statuses;          /* of the keys; 0: as in good_ground() */
    enum ds_code codes[4];
} policies[] = {
    { "configured and met", SIM "}", NULL, false, 0, { 0 } },
    { "asked and met", NULL, SIM "}", false, 0, { 0 } },
    { "both met", SIM "}", SIM ",\"tees\":[\"tdx\"]}", false, 0, { 0 } },
    { "configured instead of tcb", SIM "}", NULL, false, POLICY_TCB(DS_TCB_OUT_OF_DATE), { 0 } },
    { "asked beside tcb", NULL, SIM "}", false, POLICY_TCB(DS_TCB_OUT_OF_DATE), { DS_CODE_POLICY_TCB_STATUS } },
    { "configured and broken", SIM MRTD "}", NULL, false, 0, { DS_CODE_POLICY_MEASUREMENT } },
    { "asked and broken", NULL, SIM MRTD "}", false, 0, { DS_CODE_POLICY_MEASUREMENT } },
    { "the configured alone broken", SIM MRTD "}", SIM "}", false, 0, { DS_CODE_POLICY_MEASUREMENT } },
    { "the asked alone broken", SIM "}", SIM MRTD "}", false, 0, { DS_CODE_POLICY_MEASUREMENT } },
    { "both broken alike", SIM MRTD "}", SIM MRTD "}", false, 0, { DS_CODE_POLICY_MEASUREMENT } },
    { "both broken, each in its way", SIM MRTD "}", "{\"version\":1,\"sessions\":[\"attested\"]}", false, 0,
      { DS_CODE_POLICY_MEASUREMENT, DS_CODE_POLICY_SIMULATED_EVIDENCE, DS_CODE_POLICY_SESSION } },
    { "asked for hardware", NULL, "{\"version\":1}", false, 0, { DS_CODE_POLICY_SIMULATED_EVIDENCE } },
    { "no document accepts a root that the keys do not", SIM "}", SIM "}", true, 0, { DS_CODE_POLICY_SIMULATED_EVIDENCE } },
    { "nor does one that is asked for", NULL, SIM "}", true, 0, { DS_CODE_POLICY_SIMULATED_EVIDENCE } },
    { "a session by no nonce", SIM ",\"sessions\":[\"nonce\"]}", NULL, false, 0, { DS_CODE_POLICY_SESSION } },
};
/* clang-format on */

static const struct verifier_policy *read_policy(const char *text, struct verifier_policy *ret,
                                                 struct ds_arena *mem)
{
    if (text == NULL)
        return NULL;
    assert_int_equal(verifier_policy_parse(ret, mem, ds_span_str(text), NULL), DS_OK);
    return ret;
}

static void documents_decide(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    const struct kit_plan good = kit_plan_running(&kit);
    uint8_t *mem_of_policies = calloc(2, VERIFIER_POLICY_MEM);
    kit_attest(&bytes, &kit, &good);
    for (size_t i = 0; i < DS_LEN(policies); i++) {
        struct ds_arena mem = ds_arena_of(mem_of_policies, 2 * VERIFIER_POLICY_MEM);
        struct verifier_policy configured, asked;
        struct verifier_ground g = good_ground();
        struct verifier_input in = { .attestation = ds_buf_span(&bytes) };
        size_t n = 0;
        g.allow_simulated = !policies[i].refuses_simulated;
        if (policies[i].tcb_statuses != 0)
            g.tcb_statuses = policies[i].tcb_statuses;
        g.policy = read_policy(policies[i].configured, &configured, &mem);
        in.policy = read_policy(policies[i].asked, &asked, &mem);
        verify(&g, &in);
        print_message("  %s\n", policies[i].name);
        for (; n < 4 && policies[i].codes[n] != DS_CODE_NONE; n++) {
            assert_true(n < found.verdict.n_reasons);
            assert_int_equal(found.verdict.reasons[n].code, policies[i].codes[n]);
        }
        assert_int_equal(found.verdict.n_reasons, n);
        assert_string_equal(verifier_verdict_text(&found), n > 0 ? "denied" : "accepted");
        assert_int_equal(found.n_policies, (g.policy != NULL) + (in.policy != NULL));
        if (in.policy != NULL)
            assert_ptr_equal(found.policies[found.n_policies - 1], asked.id);
    }
    free(mem_of_policies);
}

/* What holds in either document was compared. */
static void what_a_document_names_is_proved(void **state)
{
    (void)state;
    static const char *const states[] = { SIM "}", SIM ",\"device_ids\":[\"" ONES16 ONES16 "\"]}" };
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    const struct kit_plan good = kit_plan_running(&kit);
    uint8_t *room = malloc(VERIFIER_POLICY_MEM);
    kit_attest(&bytes, &kit, &good);
    for (size_t i = 0; i < DS_LEN(states); i++) {
        struct ds_arena mem = ds_arena_of(room, VERIFIER_POLICY_MEM);
        struct verifier_policy asked;
        const struct verifier_ground g = good_ground();
        const struct verifier_input in = { .attestation = ds_buf_span(&bytes),
                                           .policy = read_policy(states[i], &asked, &mem) };
        verify(&g, &in);
        for (size_t k = 0; k < found.proof.n_rows; k++)
            if (strcmp(found.proof.rows[k].claim, "device_id") == 0)
                assert_int_equal(found.proof.rows[k].state,
                                 i == 0 ? POLICY_STATED : POLICY_REFUSED);
    }
    free(room);
}

static void what_is_no_evidence(void **state)
{
    (void)state;
    const struct verifier_ground g = good_ground();
    const struct {
        const char *what;
        struct verifier_input in;
        enum verifier_step step;
    } rows[] = {
        { "nothing", { .nonce = DS_SPAN_LIT("") }, VERIFIER_READ },
        { "attestation", { .attestation = DS_SPAN_LIT("\0garbage") }, VERIFIER_READ },
        { "quote", { .quote = DS_SPAN_LIT("\4\0garbage") }, VERIFIER_QUOTE },
        { "no quote", { .quote = DS_SPAN_LIT("\4\0\0\0garbage") }, VERIFIER_READ },
        { "SGX quote", { .quote = DS_SPAN_LIT("\3\0\2\0garbage") }, VERIFIER_QUOTE },
        { "certificate", { .certificate = DS_SPAN_LIT("\x30\1x") }, VERIFIER_READ },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        verify(&g, &rows[i].in);
        if (strcmp(verifier_verdict_text(&found), "invalid") != 0 ||
            found.steps[rows[i].step] != VERIFIER_FAILED || found.why[rows[i].step][0] == '\0')
            fail_msg("%s: %s", rows[i].what, verifier_verdict_text(&found));
        assert_null(found.a.claims);
        assert_true(found.verdict.n_reasons > 0);
    }
    verify(&g, &rows[0].in);
    assert_true(ds_verdict_has(&found.verdict, DS_CODE_VERIFIER_NO_EVIDENCE));
}

/* Whether it is also wanted, policy says; here the quote is what counts. */
static void expect_quote(const char *what, enum ds_tee tee)
{
    if (found.steps[VERIFIER_QUOTE] != VERIFIER_HELD || found.tee != tee)
        fail_msg("%s: '%s'", what, found.why[VERIFIER_QUOTE]);
}

/* SGX and TDX quotes of every version, with the collateral of the request and with the shelf's. */
static void quotes_of_every_kind(void **state)
{
    (void)state;
    static const struct {
        uint16_t version;
        enum ds_dcap_body body;
        enum ds_tee tee;
        size_t signed_len; /* header and body */
    } rows[] = {
        { 3, DS_DCAP_BODY_SGX, DS_TEE_SGX, 48 + 384 },
        { 4, DS_DCAP_BODY_SGX, DS_TEE_SGX, 48 + 384 },
        { 5, DS_DCAP_BODY_SGX, DS_TEE_SGX, 54 + 384 },
        { 4, DS_DCAP_BODY_TD10, DS_TEE_TDX, 48 + 584 },
        { 5, DS_DCAP_BODY_TD10, DS_TEE_TDX, 54 + 584 },
        { 5, DS_DCAP_BODY_TD15, DS_TEE_TDX, 54 + 648 },
    };
    static max_align_t room[(1u << 20) / sizeof(max_align_t)];
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct synth s = synth_good_of(rows[i].version, rows[i].body);
        synth_make(&s);
        const struct ds_dcap_parts parts = synth_parts(&mem, &s);
        struct ds_extra_anchor root = synth_anchor(&s, ROOT, true);
        struct verifier_ground g = good_ground();
        g.anchors = (struct ds_anchors){ &root, 1 };
        g.now_s = SYNTH_NOW;
        assert_int_equal(shelf_new(&g.shelf, NULL), DS_OK);
        assert_int_equal(warm_new(&g.warm, NULL), DS_OK);
        synth_set(&set, &parts);
        struct verifier_input in = { .quote = synth_quote(&mem, &s) };
        verify(&g, &in);
        expect("no collateral", "invalid", VERIFIER_QUOTE, DS_CODE_DCAP_COLLATERAL_INCOMPLETE);
        in.collateral = ds_buf_span(&set);
        for (int again = 0; again < 3; again++) { /* cold, then warm */
            verify(&g, &in);
            expect_quote("collateral given", rows[i].tee);
        }
        in.collateral = DS_SPAN_LIT("{}");
        verify(&g, &in);
        expect("given and empty", "invalid", VERIFIER_QUOTE, DS_CODE_DCAP_COLLATERAL_INCOMPLETE);
        assert_int_equal(shelf_add(g.shelf, ds_buf_span(&set), NULL), DS_OK);
        in.collateral = (struct ds_span){ 0 };
        verify(&g, &in);
        expect_quote("on the shelf", rows[i].tee);
        g.now_s = SYNTH_NOW + 400 * SYNTH_DAY; /* the known platform is out of date by then */
        verify(&g, &in);
        assert_string_equal(verifier_verdict_text(&found), "invalid");
        g.now_s = SYNTH_NOW;
        ((uint8_t *)(uintptr_t)in.quote.p)[rows[i].signed_len - 1] ^= 1;
        verify(&g, &in);
        expect("changed", "invalid", VERIFIER_QUOTE, DS_CODE_DCAP_QUOTE_SIGNATURE);
        warm_free(g.warm);
        shelf_free(g.shelf);
        synth_done(&s);
    }
}

/*
 * Whoever attests brings documents of before the TCB recovery; the verifier has later ones. Whoever
 * asks may still say by which to judge.
 */
static void evidence_does_not_choose_older_documents(void **state)
{
    (void)state;
    static max_align_t room[(1u << 18) / sizeof(max_align_t)];
    DS_AUTO(ds_buf_done) struct ds_buf older = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf newer = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct synth s = synth_good();
    synth_make(&s);
    struct ds_span quote = synth_quote(&mem, &s);
    sets_intel(&older, &s);
    s.tcb_eval++;
    s.level_status = "OutOfDate";
    sets_intel(&newer, &s);
    struct ds_extra_anchor root = synth_anchor(&s, ROOT, true);
    const struct {
        const char *what;
        struct ds_span own, given;
        bool is_evidence, is_up_to_date;
        enum verifier_by by;
    } rows[] = {
        { "nothing at hand", { 0 }, ds_buf_span(&older), true, true, VERIFIER_BY_EVIDENCE },
        { "newer at hand", ds_buf_span(&newer), ds_buf_span(&older), true, false, VERIFIER_BY_OWN },
        { "older at hand", ds_buf_span(&older), ds_buf_span(&newer), true, false,
          VERIFIER_BY_BOTH },
        { "nothing brought", ds_buf_span(&newer), DS_SPAN_LIT("{}"), true, false, VERIFIER_BY_OWN },
        { "of the request", ds_buf_span(&newer), ds_buf_span(&older), false, true,
          VERIFIER_BY_REQUEST },
        { "none given", ds_buf_span(&newer), { 0 }, false, false, VERIFIER_BY_OWN },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct verifier_ground g = good_ground();
        g.anchors = (struct ds_anchors){ &root, 1 };
        g.now_s = SYNTH_NOW;
        assert_int_equal(shelf_new(&g.shelf, NULL), DS_OK);
        assert_int_equal(warm_new(&g.warm, NULL), DS_OK);
        const struct verifier_input in = { .quote = quote,
                                           .collateral = rows[i].given,
                                           .is_collateral_evidence = rows[i].is_evidence };
        if (i == 1) { /* what was known before newer documents came counts no more */
            verify(&g, &in);
            assert_int_equal(found.by, VERIFIER_BY_EVIDENCE);
        }
        if (rows[i].own.len > 0)
            assert_int_equal(shelf_add(g.shelf, rows[i].own, NULL), DS_OK);
        for (int again = 0; again < 2; again++) {
            verify(&g, &in);
            expect_quote(rows[i].what, DS_TEE_TDX);
            if (found.by != rows[i].by ||
                ds_verdict_has(&found.verdict, DS_CODE_POLICY_TCB_STATUS) == rows[i].is_up_to_date)
                fail_msg("%s: by %d", rows[i].what, (int)found.by);
        }
        warm_free(g.warm);
        shelf_free(g.shelf);
    }
    synth_done(&s);
}

/* The chain and list of before, and a later list that names the chain's CA. */
static void evidence_does_not_choose_an_older_list(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf own = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf old = { 0 };
    uint8_t report[DS_SNP_REPORT_LEN];
    struct snp_synth s = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK), later = s;
    snp_synth_make(&s);
    snp_synth_report(report, &s);
    struct ds_snp_certs certs = snp_synth_certs(&s);
    const struct snp_table_entry entries[] = { { SNP_GUID_VCEK, certs.der[DS_SNP_VCEK] },
                                               { SNP_GUID_ASK, certs.der[DS_SNP_ASK] },
                                               { SNP_GUID_ARK, certs.der[DS_SNP_ARK] },
                                               { SNP_GUID_CRL, certs.der[DS_SNP_CRL] } };
    snp_synth_table(&table, entries, DS_LEN(entries));
    sets_amd(&old, &s, "Milan", "vcek");
    later.crl_this_s = SNP_NOW - 60;
    later.is_ask_revoked = true;
    snp_synth_make(&later);
    sets_amd(&own, &later, "Milan", "vcek");
    snp_synth_done(&later);
    struct ds_extra_anchor root = snp_synth_anchor(&s, S_ARK, true);
    struct verifier_ground g = good_ground();
    g.anchors = (struct ds_anchors){ &root, 1 };
    g.now_s = SNP_NOW;
    assert_int_equal(shelf_new(&g.shelf, NULL), DS_OK);
    struct verifier_input in = { .quote = DS_SPAN_OF(report), .certificates = ds_buf_span(&table) };
    verify(&g, &in);
    expect_quote("nothing at hand", DS_TEE_SEV_SNP);
    assert_int_equal(found.by, VERIFIER_BY_EVIDENCE);
    /* Neither the host's table nor a set beside the report goes before what is at hand. */
    assert_int_equal(shelf_add(g.shelf, ds_buf_span(&own), NULL), DS_OK);
    verify(&g, &in);
    expect("a later list at hand", "invalid", VERIFIER_QUOTE, DS_CODE_SNP_CA_REVOKED);
    assert_int_equal(found.by, VERIFIER_BY_OWN);
    in.collateral = ds_buf_span(&old);
    in.is_collateral_evidence = true;
    verify(&g, &in);
    expect("an older set", "invalid", VERIFIER_QUOTE, DS_CODE_SNP_CA_REVOKED);
    in.is_collateral_evidence = false;
    verify(&g, &in);
    expect_quote("of the request", DS_TEE_SEV_SNP);
    assert_int_equal(found.by, VERIFIER_BY_REQUEST);
    shelf_free(g.shelf);
    snp_synth_done(&s);
}

static void reports(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
    uint8_t report[DS_SNP_REPORT_LEN];
    struct snp_synth s = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
    snp_synth_make(&s);
    snp_synth_report(report, &s);
    sets_amd(&set, &s, "Milan", "vcek");
    struct ds_snp_certs certs = snp_synth_certs(&s);
    const struct snp_table_entry entries[] = { { SNP_GUID_VCEK, certs.der[DS_SNP_VCEK] },
                                               { SNP_GUID_ASK, certs.der[DS_SNP_ASK] },
                                               { SNP_GUID_ARK, certs.der[DS_SNP_ARK] } };
    snp_synth_table(&table, entries, DS_LEN(entries));
    struct ds_extra_anchor root = snp_synth_anchor(&s, S_ARK, true);
    struct verifier_ground g = good_ground();
    g.anchors = (struct ds_anchors){ &root, 1 };
    g.now_s = SNP_NOW;
    struct verifier_input in = { .quote = DS_SPAN_OF(report) };
    verify(&g, &in);
    expect("nothing beside it", "invalid", VERIFIER_QUOTE, DS_CODE_SNP_CERTS_MISSING);
    in.certificates = ds_buf_span(&table);
    verify(&g, &in);
    expect("no list", "invalid", VERIFIER_QUOTE, DS_CODE_SNP_CRL_MISSING);
    g.allow_no_crl = true;
    verify(&g, &in);
    expect_quote("no list is needed", DS_TEE_SEV_SNP);
    g.allow_no_crl = false;
    in.certificates = (struct ds_span){ 0 };
    in.collateral = ds_buf_span(&set);
    for (int again = 0; again < 2; again++) {
        verify(&g, &in);
        expect_quote("collateral given", DS_TEE_SEV_SNP);
    }
    in.collateral = simtee_pki_collateral(kit.pki);
    verify(&g, &in);
    expect("of another vendor", "invalid", VERIFIER_QUOTE, DS_CODE_COLLATERAL_SET_FORMAT);
    in.collateral = (struct ds_span){ 0 };
    assert_int_equal(shelf_add(shelf, ds_buf_span(&set), NULL), DS_OK);
    verify(&g, &in);
    expect_quote("on the shelf", DS_TEE_SEV_SNP);
    in.certificates = ds_buf_span(&table);
    verify(&g, &in);
    expect_quote("the list from the shelf", DS_TEE_SEV_SNP);
    report[0x50] ^= 1;
    verify(&g, &in);
    expect("changed", "invalid", VERIFIER_QUOTE, DS_CODE_SNP_SIGNATURE);
    snp_synth_done(&s);
}

static int setup(void **state)
{
    (void)state;
    static const uint8_t kms_spki[DS_P256_SPKI_LEN] = { 7 };
    kit_init(&kit, kms_spki, NOW);
    simtee_pki_root_spki32(anchor.spki_sha256, kit.pki);
    if (shelf_new(&shelf, NULL) < 0 || warm_new(&warm, NULL) < 0)
        return -1;
    return shelf_add(shelf, simtee_pki_collateral(kit.pki), NULL);
}

static int teardown(void **state)
{
    (void)state;
    warm_free(warm);
    shelf_free(shelf);
    kit_done(&kit);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lie_fails_its_step),
        cmocka_unit_test(the_ground_decides),
        cmocka_unit_test(documents_decide),
        cmocka_unit_test(what_a_document_names_is_proved),
        cmocka_unit_test(what_is_no_evidence),
        cmocka_unit_test(quotes_of_every_kind),
        cmocka_unit_test(evidence_does_not_choose_older_documents),
        cmocka_unit_test(evidence_does_not_choose_an_older_list),
        cmocka_unit_test(reports),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

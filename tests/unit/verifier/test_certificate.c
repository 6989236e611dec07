/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated evidence in certificates, in every extension that carries some: found,
 * verified, and bound to the certificate's key; and each way in which it is not.
 */
#include "../kms/kit.h"
#include "attest/wrapper/cert_evidence.h"
#include "attest/wrapper/cmw.h"
#include "codec/json_write.h"
#include "ratls/cert.h"
#include "unhex.h"
#include "verifier/shelf.h"
#include "verifier/verify.h"
#include "verifier/warm.h"

#define NOW   INT64_C(1790000000)
#define DAY_S 86400

static struct kit kit;
static struct shelf *shelf;
static struct warm *warm;
static struct ds_extra_anchor anchor = { .name = "kit", .is_simulated = true };
static struct verifier_finding found;
static max_align_t attest_room[DS_TDX_LOG_MEM / sizeof(max_align_t)];

enum form { CMW_CBOR, CMW_JSON, DICE_CMW, TAGGED, LEGACY };

/* What goes into one certificate, and what is wrong with it. */
struct plan {
    enum form form;
    const char *type;  /* of the record in a wrapper */
    bool is_whole;     /* a record with dstack's attestation, not the bare quote */
    bool is_critical;  /* the extension */
    bool is_other_key; /* evidence is bound to another key */
    bool claims_other; /* the claims of a tagged quote name another key than its quote covers */
    bool has_no_log;   /* LEGACY */
    bool is_quote_broken, has_two, has_collateral, has_bad_collateral;
    bool is_json_cbor; /* the wrapper's bytes are of the other form */
};

/* Evidence of a running guest, and its parts. */
struct evidence {
    struct ds_buf attestation, claims, log;
    struct ds_attestation a;
};

static void put_log(struct ds_buf *out, const struct ds_tdx_log *log)
{
    struct ds_jw w = ds_jw_of(out);
    ds_jw_array(&w, NULL);
    for (size_t i = 0; i < log->n_events; i++) {
        const struct ds_tdx_event *ev = &log->events[i];
        ds_jw_object(&w, NULL);
        ds_jw_u64(&w, "imr", ev->imr);
        ds_jw_u64(&w, "event_type", ev->type);
        ds_jw_hex(&w, "digest", DS_SPAN(ev->digest48, ev->has_digest ? 48 : 0));
        ds_jw_text(&w, "event", ev->name);
        ds_jw_hex(&w, "event_payload", ev->payload);
        ds_jw_object_end(&w);
    }
    ds_jw_array_end(&w);
}

static void evidence_make(struct evidence *ret, const struct plan *p)
{
    struct ds_error e = { 0 };
    struct ds_arena mem = ds_arena_of(attest_room, sizeof attest_room);
    static const uint8_t other[DS_P256_SPKI_LEN] = { 1 };
    struct kit_plan plan = kit_plan_running(&kit);
    uint8_t report_data64[64];
    struct ds_span spki = p->is_other_key ? DS_SPAN_OF(other) : DS_SPAN_OF(kit.guest_spki);
    plan.bound_spki = spki;
    plan.is_quote_broken = p->is_quote_broken;
    if (p->form == TAGGED) {
        assert_ok(
            ds_dice_claims_encode(&ret->claims, DS_DICE_SHA384, spki, (struct ds_span){ 0 }, &e));
        assert_ok(ds_dice_report_data(report_data64, ds_buf_span(&ret->claims), &e));
        plan.report_data64 = report_data64;
    }
    if (p->claims_other) {
        ds_buf_clear(&ret->claims);
        assert_ok(ds_dice_claims_encode(&ret->claims, DS_DICE_SHA384, DS_SPAN_OF(kit.guest_spki),
                                        DS_SPAN_LIT("a nonce"), &e));
    }
    kit_attest(&ret->attestation, &kit, &plan);
    assert_ok(ds_attestation_parse(&ret->a, &mem, ds_buf_span(&ret->attestation), &e));
    put_log(&ret->log, &ret->a.log);
}

static void evidence_done(struct evidence *v)
{
    ds_buf_done(&v->attestation);
    ds_buf_done(&v->claims);
    ds_buf_done(&v->log);
}

static void put_wrapper(struct ds_buf *ret, const struct plan *p, const struct evidence *v)
{
    struct ds_error e = { 0 };
    const struct ds_cmw_record record = {
        .content_format = DS_CMW_NO_FORMAT,
        .type = ds_span_str(p->type),
        .value = p->is_whole ? ds_buf_span(&v->attestation) : v->a.quote,
        .ind = DS_CMW_EVIDENCE,
    };
    struct ds_cmw_record collateral = {
        .content_format = DS_CMW_NO_FORMAT,
        .type = DS_SPAN_LIT("application/vnd.dstack.collateral+json"),
        .value = p->has_bad_collateral ? DS_SPAN_LIT("[]") : simtee_pki_collateral(kit.pki),
        .ind = DS_CMW_ENDORSEMENTS,
    };
    if (p->has_two)
        collateral = record;
    const struct ds_cmw_entry entries[] = {
        { .label = DS_SPAN_LIT("evidence"), .cmw = { .record = record } },
        { .label = DS_SPAN_LIT("beside"), .cmw = { .record = collateral } },
    };
    const struct ds_cmw one = { .record = record };
    const struct ds_cmw both = { .kind = DS_CMW_COLLECTION, .entries = entries, .n_entries = 2 };
    const struct ds_cmw *cmw = p->has_collateral || p->has_bad_collateral || p->has_two ? &both
                                                                                        : &one;
    if ((p->form == CMW_JSON) != p->is_json_cbor)
        assert_ok(ds_cmw_encode_json(ret, cmw, &e));
    else
        assert_ok(ds_cmw_encode_cbor(ret, cmw, &e));
}

struct exts {
    struct ds_buf values[2];
    struct ds_cert_ext list[2];
    size_t n;
};

static void exts_done(struct exts *x)
{
    ds_buf_done(&x->values[0]);
    ds_buf_done(&x->values[1]);
}

static void put_extensions(struct exts *x, const struct plan *p, const struct evidence *v)
{
    DS_AUTO(ds_buf_done) struct ds_buf cmw = { 0 };
    const char *oid = p->form < DICE_CMW ? DS_OID_PE_CMW : DS_OID_DICE_CMW;
    if (p->form <= DICE_CMW)
        put_wrapper(&cmw, p, v);
    x->n = 1;
    switch (p->form) {
    case CMW_CBOR:
        ds_pe_cmw_encode_cbor(&x->values[0], ds_buf_span(&cmw));
        break;
    case CMW_JSON:
        ds_pe_cmw_encode_json(&x->values[0], ds_buf_span(&cmw));
        break;
    case DICE_CMW:
        ds_dice_cmw_encode(&x->values[0], ds_buf_span(&cmw));
        break;
    case TAGGED:
        ds_tagged_quote_encode(&x->values[0], v->a.quote, ds_buf_span(&v->claims));
        break;
    case LEGACY:
        oid = ds_cert_ext_oid(DS_CERT_EXT_TDX_QUOTE);
        ds_cert_ext_encode(&x->values[0], v->a.quote);
        ds_cert_ext_encode(&x->values[1], ds_buf_span(&v->log));
        x->n = p->has_no_log ? 1 : 2;
        break;
    }
    x->list[0] = (struct ds_cert_ext){ oid, p->is_critical, ds_buf_span(&x->values[0]) };
    x->list[1] = (struct ds_cert_ext){ ds_cert_ext_oid(DS_CERT_EXT_EVENT_LOG), false,
                                       ds_buf_span(&x->values[1]) };
}

static void verify(const struct plan *p, const struct verifier_ground *ground)
{
    struct ds_error e = { 0 };
    DS_AUTO(evidence_done) struct evidence v = { 0 };
    DS_AUTO(exts_done) struct exts x = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    evidence_make(&v, p);
    put_extensions(&x, p, &v);
    const struct ratls_spec spec = { .cn = "guest",
                                     .not_before_s = NOW - DAY_S,
                                     .not_after_s = NOW + DAY_S,
                                     .exts = x.list,
                                     .n_exts = x.n };
    assert_ok(ratls_cert_make(&der, &spec, DS_SPAN_OF(kit.guest_spki), (struct ds_span){ 0 },
                              kit.guest, &e));
    const struct verifier_input in = { .certificate = ds_buf_span(&der),
                                       .vm_config = p->form == LEGACY ? v.a.config
                                                                      : (struct ds_span){ 0 } };
    uint8_t *room = malloc(VERIFIER_MEM);
    assert_non_null(room);
    struct ds_arena mem = ds_arena_of(room, VERIFIER_MEM);
    verifier_verify(&found, &mem, ground, &in);
    free(room);
}

static struct verifier_ground good_ground(void)
{
    return (struct verifier_ground){ .shelf = shelf,
                                     .warm = warm,
                                     .anchors = { &anchor, 1 },
                                     .allow_simulated = true,
                                     .tcb_statuses = POLICY_TCB(DS_TCB_UP_TO_DATE),
                                     .now_s = NOW };
}

#define QUOTE_TYPE "application/vnd.dstack.tdx-quote"
#define WHOLE_TYPE "application/vnd.dstack.attestation"

static void each_form_verifies(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct plan plan;
        bool has_app;
    } rows[] = {
        { "quote as CBOR", { CMW_CBOR, QUOTE_TYPE }, false },
        { "attestation as CBOR", { CMW_CBOR, WHOLE_TYPE, .is_whole = true }, true },
        { "critical", { CMW_CBOR, QUOTE_TYPE, .is_critical = true }, false },
        { "attestation as JSON", { CMW_JSON, WHOLE_TYPE, .is_whole = true }, true },
        { "with collateral", { CMW_JSON, QUOTE_TYPE, .has_collateral = true }, false },
        { "TCG's", { DICE_CMW, QUOTE_TYPE, .is_critical = true }, false },
        { "TCG's, attestation", { DICE_CMW, WHOLE_TYPE, .is_whole = true }, true },
        { "tagged quote", { .form = TAGGED }, false },
        { "tagged quote, critical", { .form = TAGGED, .is_critical = true }, false },
        { "dstack's of old", { .form = LEGACY }, true },
    };
    struct verifier_ground ground = good_ground();
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        verify(&rows[i].plan, &ground);
        if (found.steps[VERIFIER_QUOTE] != VERIFIER_HELD ||
            found.steps[VERIFIER_BINDING] != VERIFIER_HELD || found.tee != DS_TEE_TDX)
            fail_msg("%s: %s %s %s", rows[i].what, found.why[VERIFIER_READ],
                     found.why[VERIFIER_QUOTE], found.why[VERIFIER_BINDING]);
        assert_int_equal(found.has_app, rows[i].has_app);
        if (strcmp(verifier_verdict_text(&found), "accepted") != 0 && rows[i].has_app)
            fail_msg("%s: %s: %s", rows[i].what, verifier_verdict_text(&found),
                     found.why[VERIFIER_POLICY]);
    }
    /* What the certificate brings along serves where the verifier has nothing of its own. */
    ground.shelf = NULL;
    assert_int_equal(shelf_new(&ground.shelf, NULL), DS_OK);
    verify(&rows[4].plan, &ground);
    assert_int_equal(found.steps[VERIFIER_QUOTE], VERIFIER_HELD);
    shelf_free(ground.shelf);
}

static const struct {
    const char *what;
    struct plan plan;
    enum verifier_step step;
    enum ds_code code;
} lies[] = {
    { "wrapper, another's",
      { CMW_CBOR, QUOTE_TYPE, .is_other_key = true },
      VERIFIER_BINDING,
      DS_CODE_RATLS_KEY_NOT_BOUND },
    { "TCG's, another's",
      { DICE_CMW, WHOLE_TYPE, .is_whole = true, .is_other_key = true },
      VERIFIER_BINDING,
      DS_CODE_RATLS_KEY_NOT_BOUND },
    { "tagged, another's",
      { .form = TAGGED, .is_other_key = true },
      VERIFIER_BINDING,
      DS_CODE_RATLS_KEY_NOT_BOUND },
    { "tagged, other claims",
      { .form = TAGGED, .claims_other = true },
      VERIFIER_BINDING,
      DS_CODE_RATLS_KEY_NOT_BOUND },
    { "of old, another's",
      { .form = LEGACY, .is_other_key = true },
      VERIFIER_BINDING,
      DS_CODE_RATLS_KEY_NOT_BOUND },
    { "wrapper, changed quote",
      { CMW_JSON, QUOTE_TYPE, .is_quote_broken = true },
      VERIFIER_QUOTE,
      DS_CODE_DCAP_QUOTE_SIGNATURE },
    { "tagged, changed quote",
      { .form = TAGGED, .is_quote_broken = true },
      VERIFIER_QUOTE,
      DS_CODE_DCAP_QUOTE_SIGNATURE },
    { "of old, no log",
      { .form = LEGACY, .has_no_log = true },
      VERIFIER_LOG,
      DS_CODE_VERIFIER_NO_EVIDENCE },
    { "a type that nobody knows",
      { CMW_CBOR, "application/vnd.example" },
      VERIFIER_READ,
      DS_CODE_VERIFIER_MEDIA_TYPE },
    { "a certificate in it",
      { CMW_CBOR, "application/pkix-cert" },
      VERIFIER_READ,
      DS_CODE_VERIFIER_MEDIA_TYPE },
    { "a wrapper in it",
      { CMW_CBOR, "application/cmw+cbor" },
      VERIFIER_READ,
      DS_CODE_VERIFIER_MEDIA_TYPE },
    { "a reply in it",
      { CMW_CBOR, "application/vnd.dstack.quote+json" },
      VERIFIER_READ,
      DS_CODE_VERIFIER_MEDIA_TYPE },
    { "not what its type says",
      { CMW_CBOR, "application/vnd.dstack.snp-report" },
      VERIFIER_READ,
      DS_CODE_VERIFIER_EVIDENCE_UNKNOWN },
    { "two",
      { CMW_CBOR, QUOTE_TYPE, .has_two = true },
      VERIFIER_READ,
      DS_CODE_VERIFIER_EVIDENCE_UNKNOWN },
    { "CBOR that is JSON",
      { CMW_CBOR, QUOTE_TYPE, .is_json_cbor = true },
      VERIFIER_READ,
      DS_CODE_CMW_FORMAT },
    { "JSON that is CBOR",
      { CMW_JSON, QUOTE_TYPE, .is_json_cbor = true },
      VERIFIER_READ,
      DS_CODE_CMW_FORMAT },
    { "collateral that is none",
      { CMW_CBOR, QUOTE_TYPE, .has_bad_collateral = true },
      VERIFIER_QUOTE,
      DS_CODE_DCAP_COLLATERAL_FORMAT },
};

static void each_lie_is_told(void **state)
{
    (void)state;
    const struct verifier_ground ground = good_ground();
    for (size_t i = 0; i < DS_LEN(lies); i++) {
        verify(&lies[i].plan, &ground);
        if (strcmp(verifier_verdict_text(&found), "invalid") != 0 ||
            found.steps[lies[i].step] != VERIFIER_FAILED ||
            !ds_verdict_has(&found.verdict, lies[i].code))
            fail_msg("%s: %s; '%s'", lies[i].what, verifier_verdict_text(&found),
                     found.why[lies[i].step]);
    }
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
        cmocka_unit_test(each_form_verifies),
        cmocka_unit_test(each_lie_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

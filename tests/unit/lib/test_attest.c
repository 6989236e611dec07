/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installed interface: each form of evidence is accepted and says what it
 * should; each way of being refused has its result and its code; what is kept
 * for many quotes serves exactly them.
 */

#include <dstack/attest.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kit.h"
#include "lib/private.h"

#define DAY 86400

static struct ds_attest_bytes bytes_of(struct ds_span s)
{
    return (struct ds_attest_bytes){ s.p, s.len };
}

struct bench {
    struct kit kit;
    struct ds_attest_bytes evidence[KIT_EVIDENCE], documents[KIT_DOCUMENTS + 1];
    struct ds_attest *a;
    struct ds_attest_machine *m;
};

static struct ds_attest *new_verifier(void)
{
    struct ds_attest *a = ds_attest_init(malloc(ds_attest_size()), ds_attest_size());
    assert_non_null(a);
    return a;
}

static struct bench bench_new(enum kit_form form)
{
    struct bench b = { .kit = kit_new(form), .a = new_verifier() };
    b.m = ds_attest_machine_init(malloc(ds_attest_machine_size()), ds_attest_machine_size());
    assert_non_null(b.m);
    assert_int_equal(ds_attest_trust_simulated(b.a, "the test's root", b.kit.root32), 0);
    for (size_t i = 0; i < KIT_EVIDENCE; i++)
        b.evidence[i] = bytes_of(b.kit.evidence[i]);
    for (size_t i = 0; i < b.kit.n_documents; i++)
        b.documents[i] = bytes_of(b.kit.documents[i]);
    return b;
}

static void bench_done(struct bench *b)
{
    free(b->a);
    free(b->m);
    kit_done(&b->kit);
}

static int verify(struct bench *b, size_t i)
{
    return ds_attest_verify(b->a, b->evidence[i], b->documents, b->kit.n_documents, KIT_NOW);
}

static int learn(struct bench *b)
{
    return ds_attest_machine_verify(b->a, b->m, b->evidence[0], b->documents, b->kit.n_documents,
                                    KIT_NOW);
}

static void is_refused(const struct ds_attest *a, int got, int result, const char *code)
{
    assert_int_equal(got, result);
    assert_int_equal(ds_attest_n_reasons(a), 1);
    struct ds_attest_reason r = ds_attest_reason(a, 0);
    assert_string_equal(r.code, code);
    assert_true(r.what[0] != '\0' && r.fix[0] != '\0' && r.got[0] != '\0');
    assert_non_null(r.claim);
    assert_non_null(r.expected);
    assert_non_null(r.anchor);
    assert_null(ds_attest_claims(a));
}

static void is_accepted(const struct ds_attest *a, int got, const char *tee, uint8_t first)
{
    if (got != DS_ATTEST_OK)
        fail_msg("%s: %s", ds_attest_reason(a, 0).code, ds_attest_reason(a, 0).got);
    assert_int_equal(ds_attest_n_reasons(a), 0);
    const struct ds_attest_claims *c = ds_attest_claims(a);
    assert_non_null(c);
    assert_string_equal(ds_attest_claim_text(c, DS_ATTEST_TEE, 0), tee);
    assert_string_equal(ds_attest_claim_text(c, DS_ATTEST_KIND, 0), "simulated");
    assert_string_equal(ds_attest_claim_text(c, DS_ATTEST_ANCHOR, 0), "the test's root");
    assert_string_equal(ds_attest_claim_text(c, DS_ATTEST_TCB_STATUS, 0), "UpToDate");
    assert_int_equal(ds_attest_claim_count(c, DS_ATTEST_DEBUG), 1);
    assert_int_equal(ds_attest_claim_number(c, DS_ATTEST_DEBUG, 0), 0);
    struct ds_attest_bytes data = ds_attest_claim_bytes(c, DS_ATTEST_REPORT_DATA, 0);
    assert_int_equal(data.len, 64);
    assert_int_equal(data.p[0], first);
    uint64_t until = ds_attest_claim_number(c, DS_ATTEST_VALID_UNTIL_S, 0);
    assert_true(until > KIT_NOW && until <= KIT_NOW + 40 * DAY);
}

static const char *tee_of(enum kit_form form)
{
    return form >= KIT_SNP ? "sev-snp" : form == KIT_SGX ? "sgx" : "tdx";
}

static void each_form_is_accepted(void **state)
{
    (void)state;
    for (int form = 0; form < KIT_N_FORMS; form++) {
        DS_AUTO(bench_done) struct bench b = bench_new((enum kit_form)form);
        is_accepted(b.a, verify(&b, 0), tee_of((enum kit_form)form), 0x5a);
        is_accepted(b.a, verify(&b, 1), tee_of((enum kit_form)form), 0x5b);
    }
}

static void each_form_is_accepted_on_its_machine(void **state)
{
    (void)state;
    for (int form = 0; form < KIT_N_FORMS; form++) {
        DS_AUTO(bench_done) struct bench b = bench_new((enum kit_form)form);
        assert_int_equal(learn(&b), DS_ATTEST_OK);
        assert_null(ds_attest_claims(b.a));
        /* What was learned borrows nothing. */
        memset((void *)(uintptr_t)b.documents[0].p, 0xee, b.documents[0].len);
        for (size_t i = 0; i < KIT_EVIDENCE; i++)
            is_accepted(b.a, ds_attest_verify_on(b.a, b.m, b.evidence[i], KIT_NOW),
                        tee_of((enum kit_form)form), (uint8_t)(0x5a + i));
    }
}

static void evidence_may_go_once_its_machine_is_known(void **state)
{
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    (void)state;
    assert_int_equal(learn(&b), DS_ATTEST_OK);
    memset((void *)(uintptr_t)b.evidence[0].p, 0xee, b.evidence[0].len);
    is_accepted(b.a, ds_attest_verify_on(b.a, b.m, b.evidence[1], KIT_NOW), "tdx", 0x5b);
}

/* One thing of a good kit is changed. */
struct refusal {
    const char *name;
    enum kit_form form;
    void (*change)(struct bench *b);
    int64_t later_s;
    int result;
    const char *code;
};

static void nothing(struct bench *b) { (void)b; }

static void flip(struct ds_attest_bytes in, size_t at)
{
    assert_true(at < in.len);
    ((uint8_t *)(uintptr_t)in.p)[at] ^= 1;
}

static void flip_report_data(struct bench *b)
{
    /* Intel: header of 48 bytes, then the body, which ends with it */
    flip(b->evidence[0], b->kit.evidence[0].p[0] == 3 ? 48 + 383 : 48 + 583);
}

static void flip_snp_report_data(struct bench *b) { flip(b->evidence[0], 0x50); }
static void cut_evidence(struct bench *b) { b->evidence[0].len--; }
static void no_evidence(struct bench *b) { b->evidence[0] = (struct ds_attest_bytes){ NULL, 0 }; }
static void no_documents(struct bench *b) { b->kit.n_documents = 0; }
static void cut_documents(struct bench *b) { b->documents[0].len--; }
static void only_crl(struct bench *b) { b->kit.n_documents = 1; }
static void old_version(struct bench *b) { flip(b->evidence[0], 1); }
static void message_pack(struct bench *b) { ((uint8_t *)(uintptr_t)b->evidence[0].p)[0] = 0x82; }
static void with_tpm(struct bench *b) { ((uint8_t *)(uintptr_t)b->evidence[0].p)[1] = 1; }

static void two_sets(struct bench *b)
{
    b->documents[1] = b->documents[0];
    b->kit.n_documents = 2;
}

static void huge_set(struct bench *b)
{
    static const uint8_t spaces[(512 << 10) + 1];
    b->documents[0] = (struct ds_attest_bytes){ spaces, sizeof spaces };
}

static void no_crl(struct bench *b)
{
    memmove(b->documents, b->documents + 1, (KIT_DOCUMENTS - 1) * sizeof b->documents[0]);
    b->kit.n_documents--;
}

/* The payload of the last event: behind it come lengths and 64 bytes. */
static void other_app(struct bench *b)
{
    struct ds_span in = b->kit.evidence[0];
    const uint8_t *at = memmem(in.p, in.len, "\xa9\x99", 2);
    assert_non_null(at);
    flip(b->evidence[0], (size_t)(at - in.p));
}

static void trust_hardware_alone(struct bench *b)
{
    b->a = ds_attest_init(b->a, ds_attest_size());
    assert_int_equal(ds_attest_trust_hardware(b->a, NULL), 0);
}

static void trust_nothing(struct bench *b) { b->a = ds_attest_init(b->a, ds_attest_size()); }

static void trust_as_custom(struct bench *b)
{
    trust_nothing(b);
    assert_int_equal(ds_attest_trust_custom(b->a, "mine", b->kit.root32), 0);
}

/* clang-format off */
static const struct refusal refusals[] = {
    { "a changed TDX quote", KIT_TDX, flip_report_data, 0, DS_ATTEST_UNTRUSTED, "attest.dcap.quote_signature" },
    { "a changed SGX quote", KIT_SGX, flip_report_data, 0, DS_ATTEST_UNTRUSTED, "attest.dcap.quote_signature" },
    { "a changed report", KIT_SNP, flip_snp_report_data, 0, DS_ATTEST_UNTRUSTED, "attest.snp.signature" },
    { "a quote cut short", KIT_TDX, cut_evidence, 0, DS_ATTEST_MALFORMED, "attest.dcap.quote_format" },
    { "a report cut short", KIT_SNP, cut_evidence, 0, DS_ATTEST_MALFORMED, "attest.snp.report_format" },
    { "a table cut short", KIT_SNP_TABLE, cut_evidence, 0, DS_ATTEST_MALFORMED, "attest.snp.certificate_table" },
    { "an attestation cut short", KIT_TDX_LOG, cut_evidence, 0, DS_ATTEST_MALFORMED, "attest.wrapper.format" },
    { "no evidence", KIT_TDX, no_evidence, 0, DS_ATTEST_MALFORMED, "attest.dcap.quote_format" },
    { "another version of quote", KIT_TDX, old_version, 0, DS_ATTEST_UNSUPPORTED, "attest.dcap.version" },
    { "another version of report", KIT_SNP, old_version, 0, DS_ATTEST_UNSUPPORTED, "attest.snp.version" },
    { "an attestation that is no map of version 1", KIT_TDX_LOG, message_pack, 0, DS_ATTEST_MALFORMED, "attest.wrapper.format" },
    { "an attestation with a TPM quote", KIT_TDX_LOG, with_tpm, 0, DS_ATTEST_UNSUPPORTED, "attest.wrapper.unsupported" },
    { "another app in the log", KIT_TDX_LOG, other_app, 0, DS_ATTEST_UNTRUSTED, "attest.log.entry" },
    { "another app in a stripped log", KIT_TDX_STRIPPED, other_app, 0, DS_ATTEST_UNTRUSTED, "attest.log.mismatch" },
    { "a quote without collateral", KIT_TDX, no_documents, 0, DS_ATTEST_INCOMPLETE, "attest.dcap.collateral_incomplete" },
    { "collateral cut short", KIT_TDX, cut_documents, 0, DS_ATTEST_MALFORMED, "attest.dcap.collateral_format" },
    { "two sets of collateral", KIT_SGX, two_sets, 0, DS_ATTEST_FAILED, "lib.collateral_count" },
    { "collateral over its limit", KIT_TDX, huge_set, 0, DS_ATTEST_MALFORMED, "lib.collateral_size" },
    { "a report without certificates", KIT_SNP, only_crl, 0, DS_ATTEST_INCOMPLETE, "attest.snp.certificates_missing" },
    { "a report without revocation list", KIT_SNP, no_crl, 0, DS_ATTEST_INCOMPLETE, "attest.snp.crl_missing" },
    { "a quote too late", KIT_TDX, nothing, 2 * DAY, DS_ATTEST_STALE, "attest.x509.expired" },
    { "a report too late", KIT_SNP, nothing, 3 * DAY, DS_ATTEST_STALE, "attest.x509.expired" },
    { "a clock behind", KIT_TDX, nothing, -2 * DAY, DS_ATTEST_STALE, "attest.x509.not_yet_valid" },
    { "a simulated quote that nobody asked for", KIT_TDX, trust_hardware_alone, 0, DS_ATTEST_UNTRUSTED, "attest.root_unknown" },
    { "a simulated report that nobody asked for", KIT_SNP, trust_hardware_alone, 0, DS_ATTEST_UNTRUSTED, "attest.root_unknown" },
    { "no trust at all", KIT_SNP_WRAPPED, trust_nothing, 0, DS_ATTEST_UNTRUSTED, "attest.root_unknown" },
    { "a simulated root given as custom", KIT_TDX, trust_as_custom, 0, DS_ATTEST_UNTRUSTED, "attest.marker_unexpected" },
};
/* clang-format on */

static void each_refusal_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(refusals); i++) {
        const struct refusal *row = &refusals[i];
        DS_AUTO(bench_done) struct bench b = bench_new(row->form);
        assert_int_equal(verify(&b, 1), DS_ATTEST_OK);
        const struct ds_attest_claims *kept = ds_attest_claims(b.a);
        row->change(&b);
        print_message("  %s\n", row->name);
        int r = ds_attest_verify(b.a, b.evidence[0], b.documents, b.kit.n_documents,
                                 KIT_NOW + row->later_s);
        is_refused(b.a, r, row->result, row->code);
        assert_int_equal(ds_attest_claim_count(kept, DS_ATTEST_REPORT_DATA), 0);
        assert_int_equal(ds_attest_claim_count(ds_attest_claims(b.a), DS_ATTEST_REPORT_DATA), 0);
    }
}

static void a_machine_serves_its_own_quotes_alone(void **state)
{
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX), other = bench_new(KIT_TDX);
    DS_AUTO(bench_done) struct bench snp = bench_new(KIT_SNP);
    (void)state;
    is_refused(b.a, ds_attest_verify_on(b.a, b.m, b.evidence[0], KIT_NOW), DS_ATTEST_UNTRUSTED,
               "attest.dcap.platform_other");
    is_refused(snp.a, ds_attest_verify_on(snp.a, snp.m, snp.evidence[0], KIT_NOW), DS_ATTEST_STALE,
               "attest.snp.platform_dates");
    assert_int_equal(learn(&b), DS_ATTEST_OK);
    is_refused(b.a, ds_attest_verify_on(b.a, b.m, other.evidence[0], KIT_NOW), DS_ATTEST_UNTRUSTED,
               "attest.dcap.platform_other");
    is_refused(b.a, ds_attest_verify_on(b.a, b.m, b.evidence[0], KIT_NOW + 2 * DAY),
               DS_ATTEST_STALE, "attest.dcap.platform_stale");
    is_refused(b.a, ds_attest_verify_on(b.a, b.m, snp.evidence[0], KIT_NOW), DS_ATTEST_STALE,
               "attest.snp.platform_dates");
    flip(b.evidence[0], 48 + 583);
    is_refused(b.a, ds_attest_verify_on(b.a, b.m, b.evidence[0], KIT_NOW), DS_ATTEST_UNTRUSTED,
               "attest.dcap.quote_signature");
    is_accepted(b.a, ds_attest_verify_on(b.a, b.m, b.evidence[1], KIT_NOW), "tdx", 0x5b);
}

static void a_machine_that_is_refused_is_forgotten(void **state)
{
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX);
    (void)state;
    assert_int_equal(learn(&b), DS_ATTEST_OK);
    int r = ds_attest_machine_verify(b.a, b.m, b.evidence[0], b.documents, 1, KIT_NOW + 2 * DAY);
    is_refused(b.a, r, DS_ATTEST_STALE, "attest.x509.expired");
    is_refused(b.a, ds_attest_verify_on(b.a, b.m, b.evidence[0], KIT_NOW), DS_ATTEST_UNTRUSTED,
               "attest.dcap.platform_other");
    b.documents[1] = b.documents[0];
    is_refused(b.a, ds_attest_machine_verify(b.a, b.m, b.evidence[0], b.documents, 2, KIT_NOW),
               DS_ATTEST_FAILED, "lib.collateral_count");
}

/* What a verifier learned counts for those that trust the same. */
static void a_machine_stays_with_its_trust(void **state)
{
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_TDX), snp = bench_new(KIT_SNP);
    DS_AUTO(bench_done) struct bench other = bench_new(KIT_TDX);
    (void)state;
    assert_int_equal(learn(&b), DS_ATTEST_OK);
    memcpy(other.kit.root32, b.kit.root32, 32);
    trust_nothing(&other);
    is_refused(other.a, ds_attest_verify_on(other.a, b.m, b.evidence[0], KIT_NOW), DS_ATTEST_FAILED,
               "lib.other_trust");
    trust_as_custom(&other);
    is_refused(other.a, ds_attest_verify_on(other.a, b.m, b.evidence[0], KIT_NOW), DS_ATTEST_FAILED,
               "lib.other_trust");
    trust_nothing(&other);
    assert_int_equal(ds_attest_trust_simulated(other.a, "the test's root", b.kit.root32), 0);
    is_accepted(other.a, ds_attest_verify_on(other.a, b.m, b.evidence[0], KIT_NOW), "tdx", 0x5a);
    assert_int_equal(learn(&snp), DS_ATTEST_OK);
    ds_attest_allow_no_crl(snp.a);
    is_refused(snp.a, ds_attest_verify_on(snp.a, snp.m, snp.evidence[0], KIT_NOW), DS_ATTEST_FAILED,
               "lib.other_trust");
}

static void a_crl_may_be_missing_where_that_is_said(void **state)
{
    DS_AUTO(bench_done) struct bench b = bench_new(KIT_SNP);
    (void)state;
    is_accepted(b.a, verify(&b, 0), "sev-snp", 0x5a);
    assert_int_equal(ds_attest_claim_number(ds_attest_claims(b.a), DS_ATTEST_SNP_CRL_CHECKED, 0),
                     1);
    no_crl(&b);
    ds_attest_allow_no_crl(b.a);
    is_accepted(b.a, verify(&b, 0), "sev-snp", 0x5a);
    assert_int_equal(ds_attest_claim_count(ds_attest_claims(b.a), DS_ATTEST_SNP_CRL_CHECKED), 1);
    assert_int_equal(ds_attest_claim_number(ds_attest_claims(b.a), DS_ATTEST_SNP_CRL_CHECKED, 0),
                     0);
}

static void roots_are_named(void **state)
{
    static const uint8_t key32[32] = { 1 };
    struct ds_attest *a = new_verifier();
    size_t n = 0;
    (void)state;
    while (ds_attest_hardware_root(n) != NULL)
        n++;
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ds_attest_trust_hardware(a, ds_attest_hardware_root(i)), 0);
    is_refused(a, ds_attest_trust_hardware(a, "Intel"), DS_ATTEST_FAILED, "lib.root_name");
    char name[65];
    memset(name, 'n', sizeof name);
    name[64] = '\0';
    is_refused(a, ds_attest_trust_custom(a, NULL, key32), DS_ATTEST_FAILED, "lib.root_name");
    is_refused(a, ds_attest_trust_custom(a, "", key32), DS_ATTEST_FAILED, "lib.root_name");
    is_refused(a, ds_attest_trust_simulated(a, name, key32), DS_ATTEST_FAILED, "lib.root_name");
    assert_string_equal(ds_attest_reason(a, 1).code, ""); /* there is one */
    assert_int_equal(ds_attest_trust_custom(a, name + 1, key32), 0);
    for (size_t i = 1; i < 16; i++)
        assert_int_equal(ds_attest_trust_custom(a, "mine", key32), 0);
    is_refused(a, ds_attest_trust_simulated(a, "mine", key32), DS_ATTEST_FAILED, "lib.roots_full");
    free(a);
}

/* Of a compiled-in root no more is trusted than was named. */
static void a_root_that_is_not_named_is_unknown(void **state)
{
    static const uint8_t milan32[32] = { 0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29,
                                         0x30, 0x8c, 0xb5, 0xff, 0xa8, 0x95, 0xbd, 0xfb,
                                         0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b, 0xed, 0x8d,
                                         0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9 };
    struct ds_attest *a = new_verifier();
    struct ds_anchor found;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct ds_anchors set = { .without = ~((uint32_t)1 << i) };
        int r = ds_anchors_find(&found, &set, DS_VENDOR_AMD, milan32, NULL);
        assert_int_equal(r, strcmp(ds_anchors_name(i), "AMD ARK-Milan") == 0 ? DS_OK
                                                                             : DS_ERR_UNTRUSTED);
    }
    assert_int_equal(ds_attest_trust_hardware(a, "AMD ARK-Milan"), 0);
    struct ds_anchors set = { .without = a->trust.without };
    assert_int_equal(ds_anchors_find(&found, &set, DS_VENDOR_AMD, milan32, NULL), DS_OK);
    assert_int_equal(a->trust.without, ~((uint32_t)1 << 1));
    free(a);
}

static void memory_must_fit(void **state)
{
    size_t len = ds_attest_size(), machine_len = ds_attest_machine_size();
    uint8_t *mem = malloc(len + 1), *room = malloc(machine_len + 1);
    (void)state;
    assert_null(ds_attest_init(NULL, len));
    assert_null(ds_attest_init(mem, len - 1));
    assert_null(ds_attest_init(mem + 1, len));
    assert_ptr_equal(ds_attest_init(mem, len), mem);
    assert_null(ds_attest_machine_init(NULL, machine_len));
    assert_null(ds_attest_machine_init(room, machine_len - 1));
    assert_null(ds_attest_machine_init(room + 1, machine_len));
    assert_ptr_equal(ds_attest_machine_init(room, machine_len), room);
    free(mem);
    free(room);
}

static void claims_have_names_and_shapes(void **state)
{
    int n = 1;
    (void)state;
    assert_null(ds_attest_claim_name(0));
    assert_null(ds_attest_claim_name(-1));
    for (; ds_attest_claim_name(n) != NULL; n++) {
        enum ds_attest_shape shape = ds_attest_claim_shape((enum ds_attest_claim)n);
        assert_true(shape >= DS_ATTEST_BYTES && shape <= DS_ATTEST_TEXT);
        for (int k = 1; k < n; k++)
            assert_string_not_equal(ds_attest_claim_name(n), ds_attest_claim_name(k));
    }
    assert_int_equal(n, DS_ATTEST_SYSTEM_READY + 1);
    assert_int_equal(ds_attest_claim_shape((enum ds_attest_claim)n), 0);
}

/* A value is of its shape or nothing, behind the last there is none. */
static void claims_are_of_one_shape(void **state)
{
    (void)state;
    for (int form = 0; form < KIT_N_FORMS; form++) {
        DS_AUTO(bench_done) struct bench b = bench_new((enum kit_form)form);
        assert_int_equal(verify(&b, 0), DS_ATTEST_OK);
        const struct ds_attest_claims *c = ds_attest_claims(b.a);
        for (int at = 1; ds_attest_claim_name(at) != NULL; at++) {
            enum ds_attest_claim id = (enum ds_attest_claim)at;
            size_t n = ds_attest_claim_count(c, id);
            bool is_bytes = ds_attest_claim_shape(id) == DS_ATTEST_BYTES;
            bool is_text = ds_attest_claim_shape(id) == DS_ATTEST_TEXT;
            assert_int_equal(ds_attest_claim_bytes(c, id, n).len, 0);
            assert_int_equal(ds_attest_claim_number(c, id, n), 0);
            assert_string_equal(ds_attest_claim_text(c, id, n), "");
            for (size_t i = 0; i < n; i++) {
                assert_true((ds_attest_claim_bytes(c, id, i).len > 0) == is_bytes);
                assert_true((ds_attest_claim_text(c, id, i)[0] != '\0') == is_text);
                assert_true(is_bytes || is_text || ds_attest_claim_bytes(c, id, i).p == NULL);
            }
        }
        assert_int_equal(ds_attest_claim_count(c, (enum ds_attest_claim)9999), 0);
    }
}

/* How many values each form has of a few claims that tell the platforms apart. */
static void claims_are_the_platforms(void **state)
{
    static const struct {
        enum ds_attest_claim claim;
        size_t n[KIT_N_FORMS];
    } rows[] = {
        { DS_ATTEST_DEVICE_ID, { 1, 1, 1, 1, 1, 1, 1, 1 } },
        { DS_ATTEST_FMSPC, { 1, 1, 1, 1, 1, 0, 0, 0 } },
        { DS_ATTEST_TCB_DATE_S, { 1, 1, 1, 1, 1, 0, 0, 0 } },
        { DS_ATTEST_MRTD, { 1, 1, 0, 1, 1, 0, 0, 0 } },
        { DS_ATTEST_RTMR, { 4, 4, 0, 4, 4, 0, 0, 0 } },
        { DS_ATTEST_CURRENT_TCB_STATUS, { 0, 1, 0, 0, 0, 0, 0, 0 } },
        { DS_ATTEST_MRENCLAVE, { 0, 0, 1, 0, 0, 0, 0, 0 } },
        { DS_ATTEST_ISVSVN, { 0, 0, 1, 0, 0, 0, 0, 0 } },
        { DS_ATTEST_SNP_MEASUREMENT, { 0, 0, 0, 0, 0, 1, 1, 1 } },
        { DS_ATTEST_SNP_TCB, { 0, 0, 0, 0, 0, 4, 4, 4 } },
        { DS_ATTEST_SNP_MITIGATIONS, { 0, 0, 0, 0, 0, 2, 2, 2 } },
        { DS_ATTEST_SNP_CSP_ID, { 0, 0, 0, 0, 0, 0, 0, 0 } },
        { DS_ATTEST_APP_ID, { 0, 0, 0, 1, 1, 0, 0, 0 } },
        { DS_ATTEST_BOOT_DONE, { 0, 0, 0, 1, 1, 0, 0, 0 } },
        { DS_ATTEST_COMPOSE_HASH, { 0, 0, 0, 0, 0, 0, 0, 0 } },
    };
    (void)state;
    for (int form = 0; form < KIT_N_FORMS; form++) {
        DS_AUTO(bench_done) struct bench b = bench_new((enum kit_form)form);
        assert_int_equal(verify(&b, 0), DS_ATTEST_OK);
        for (size_t i = 0; i < DS_LEN(rows); i++)
            assert_int_equal(ds_attest_claim_count(ds_attest_claims(b.a), rows[i].claim),
                             rows[i].n[form]);
    }
}

/* A failure that says nothing of the evidence still has a code. */
static void a_failure_without_a_code_gets_one(void **state)
{
    static const struct {
        int cls, result;
    } rows[] = {
        { DS_ERR_CRYPTO, DS_ATTEST_FAILED },    { DS_ERR_NOMEM, DS_ATTEST_FAILED },
        { DS_ERR_ARG, DS_ATTEST_FAILED },       { DS_ERR_RANGE, DS_ATTEST_MALFORMED },
        { DS_ERR_FORMAT, DS_ATTEST_MALFORMED }, { DS_ERR_STALE, DS_ATTEST_STALE },
    };
    struct ds_attest *a = new_verifier();
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        int r = ds_fail(&e, rows[i].cls, "the digest does not start");
        is_refused(a, lib_finish(a, r, &e), rows[i].result, "lib.failed");
    }
    free(a);
}

static void the_version_is_the_projects(void **state)
{
    (void)state;
    assert_string_equal(ds_attest_version(), DS_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_accepted),
        cmocka_unit_test(each_form_is_accepted_on_its_machine),
        cmocka_unit_test(evidence_may_go_once_its_machine_is_known),
        cmocka_unit_test(each_refusal_has_its_code),
        cmocka_unit_test(a_machine_serves_its_own_quotes_alone),
        cmocka_unit_test(a_machine_that_is_refused_is_forgotten),
        cmocka_unit_test(a_machine_stays_with_its_trust),
        cmocka_unit_test(a_crl_may_be_missing_where_that_is_said),
        cmocka_unit_test(roots_are_named),
        cmocka_unit_test(a_root_that_is_not_named_is_unknown),
        cmocka_unit_test(memory_must_fit),
        cmocka_unit_test(claims_have_names_and_shapes),
        cmocka_unit_test(claims_are_of_one_shape),
        cmocka_unit_test(claims_are_the_platforms),
        cmocka_unit_test(a_failure_without_a_code_gets_one),
        cmocka_unit_test(the_version_is_the_projects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

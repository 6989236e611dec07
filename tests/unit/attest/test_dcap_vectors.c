/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SGX and TDX quotes of real platforms, each with its collateral at a time:
 * the verdict, and the TCB level that it comes to.
 */

#include "attest/sgx/claims.h"
#include "attest/sgx/verify.h"
#include "attest/tdx/claims.h"
#include "attest/tdx/verify.h"
#include "collateral_sets.h"
#include "vectors.h"

struct row {
    const char *quote; /* a file; with `key`, hex inside a JSON file */
    const char *key;
    const struct collateral_set *set;
    int64_t now_s;
    enum ds_code code;         /* NONE: it verifies */
    enum ds_tcb_status status; /* where it verifies */
    bool is_debug;
    const char *got; /* in the refusal's detail; NULL: anything */
};

#define UP        DS_TCB_UP_TO_DATE
#define OUT       DS_TCB_OUT_OF_DATE
#define CONFIG_SW DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED

/* clang-format off */
static const struct row rows[] = {
    { "tdx/dcapqvl_tdx_v4.quote", NULL, &set_dcapqvl, AT_2025_06_25, DS_CODE_NONE, UP, false, NULL },
    { "tdx/dcapqvl_tdx_v4.quote", NULL, &set_dcapqvl, 1752915795, DS_CODE_NONE, UP, false, NULL }, /* first nextUpdate */
    { "tdx/dcapqvl_tdx_v4.quote", NULL, &set_dcapqvl, AT_2025_11_10, DS_CODE_CRL_DATES, 0, false, NULL },
    { "tdx/dcapqvl_tdx_v4.quote", NULL, &set_dcapqvl, AT_2025_06_15, DS_CODE_CRL_DATES, 0, false, NULL },
    { "tdx/dcapqvl_tdx_v4_tappd.quote", NULL, &set_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_TCB_NOT_SUPPORTED, 0, false, "02020202030100030000000000000000" },
    { "tdx/dstack_ratls_v4.quote", NULL, &set_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_TCB_NOT_SUPPORTED, 0, false, "02020202030100030000000000000000" },
    { "tdx/attestationrs_live.quote", NULL, &set_dcapqvl, AT_2025_06_25, DS_CODE_X509_NOT_YET_VALID, 0, false, NULL },
    { "tdx/gotdx_cos113_v4.quote", NULL, &set_solana, AT_2025_07_10, DS_CODE_NONE, UP, false, NULL },
    { "tdx/automata_v4.quote", NULL, &set_solana, AT_2025_07_10, DS_CODE_NONE, OUT, false, NULL },
    { "tdx/automata_solana_tdx.quote", NULL, &set_solana, AT_2025_07_10, DS_CODE_NONE, OUT, false, NULL },
    { "azure/az-tdx-vtpm_td-quote.bin", NULL, &set_solana, AT_2025_07_10, DS_CODE_NONE, OUT, false, NULL },
    { "tdx/dcapqvl_tdx_v4.quote", NULL, &set_solana, AT_2025_07_10, DS_CODE_DCAP_TCB_INFO_MISMATCH, 0, false, "00806f050000" },
    { "tdx/gotdx_cos113_v4.quote", NULL, &set_0625, AT_2025_06_25, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be UpToDate" },
    { "tdx/automata_v4.quote", NULL, &set_0625, AT_2025_06_25, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be OutOfDate" },
    { "tdx/trustee_6.quote", NULL, &set_trustee, AT_2025_11_10, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be OutOfDate" },
    { "tdx/trustee_v4_debug.quote", NULL, &set_2023, AT_2023_07_01, DS_CODE_NONE, UP, true, NULL },
    { "tdx/trustee_v4_debug.quote", NULL, &set_2026, AT_2026_04_01, DS_CODE_NONE, OUT, true, NULL },
    { "tdx/oe_tdx_v4.quote", NULL, &set_2023, AT_2023_07_01, DS_CODE_NONE, UP, false, NULL },
    { "tdx/oe_tdx_v4.quote", NULL, &set_2023_alone, AT_2023_07_01, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be UpToDate" },
    { "tdx/oe_tdx_v4.quote", NULL, &set_2026, AT_2026_04_01, DS_CODE_NONE, OUT, false, NULL },
    { "tdx/gotdx_v4_spr_e4.quote", NULL, &set_2023, AT_2023_07_01, DS_CODE_DCAP_TCB_NOT_SUPPORTED, 0, false, NULL },
    { "tdx/gotdx_v4_spr_e4.quote", NULL, &set_2026, AT_2026_04_01, DS_CODE_DCAP_TCB_NOT_SUPPORTED, 0, false, NULL },
    /* 2053: all of it is over by then, which hides no level that Intel does not list. */
    { "tdx/oe_tdx_v4.quote", NULL, &set_2023, 2619306000, DS_CODE_X509_EXPIRED, 0, false, NULL },
    { "tdx/gotdx_v4_spr_e4.quote", NULL, &set_2023, 2619306000, DS_CODE_DCAP_TCB_NOT_SUPPORTED, 0, false, NULL },
    { "tdx/dstack_quote-report.json", "quote", &set_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_TCB_INFO_MISMATCH, 0, false, "b0c06f000000" }, /* nor is its PCK valid yet */
    { "tdx/dstack_tdx-lite-getquote.json", "quote", &set_2026, AT_2026_04_01, DS_CODE_DCAP_TCB_INFO_MISMATCH, 0, false, "50806f000000" }, /* the same */
    { "tdx/intel_qvl_sample/quote.dat", NULL, &set_qvl_sample, AT_QVL_SAMPLE, DS_CODE_ROOT_UNKNOWN, 0, false, NULL },
    /* TD 1.5, version 5 */
    { "tdx/gotdx_v5.quote", NULL, &set_90c0_2026, AT_2026_04_01, DS_CODE_NONE, UP, false, NULL },
    { "tdx/gotdx_v5.quote", NULL, &set_90c0_tcb_alone, AT_2026_02_03, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be unknown" },
    { "tdx/gotdx_v5.quote", NULL, &set_90c0_2025, AT_2025_06_25, DS_CODE_X509_NOT_YET_VALID, 0, false, NULL },
    { "tdx/automata_v5.quote", NULL, &set_90c0_2025, AT_2025_06_25, DS_CODE_NONE, UP, false, NULL },
    { "tdx/automata_alibaba_v5_td15.quote", NULL, &set_90c0_2025, AT_2025_06_25, DS_CODE_NONE, UP, false, NULL },
    { "tdx/automata_alibaba_v5_td15.quote", NULL, &set_90c0_2025_alone, AT_2025_06_15, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be UpToDate" },
    { "tdx/automata_alibaba_v5_td15.quote", NULL, &set_90c0_2026, AT_2026_04_01, DS_CODE_NONE, OUT, false, NULL },
    { "tdx/automata_v5.quote", NULL, &set_90c0_2026, AT_2026_04_01, DS_CODE_NONE, OUT, false, NULL },
    /* Disputed: another verifier says UpToDate; its components are below every level that was recorded. */
    { "tdx/trustee_v5.quote", NULL, &set_90c0_2025, AT_2025_06_25, DS_CODE_DCAP_TCB_NOT_SUPPORTED, 0, false, "01010202030100030000000000000000" },
    { "tdx/trustee_v5.quote", NULL, &set_90c0_2026, AT_2026_04_01, DS_CODE_DCAP_TCB_NOT_SUPPORTED, 0, false, "01010202030100030000000000000000" },
    { "tdx/gotdx_v5.quote", NULL, &set_2026, AT_2026_04_01, DS_CODE_DCAP_TCB_INFO_MISMATCH, 0, false, "50806f000000" },
    { "tdx/automata_v5.quote", NULL, &set_sgx_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_PCK_CRL, 0, false, NULL },
    /* TDREPORTs are no quotes: what would be the version is their type. */
    { "tdx/gotdx_tdreport.bin", NULL, &set_2026, AT_2026_04_01, DS_CODE_DCAP_VERSION, 0, false, NULL },
    { "tdx/attestationrs_tdreport.bin", NULL, &set_2026, AT_2026_04_01, DS_CODE_DCAP_VERSION, 0, false, "129" },
    { "tdx/guest-components_tdreport.bin", NULL, &set_2026, AT_2026_04_01, DS_CODE_DCAP_VERSION, 0, false, "129" },
    /* SGX, version 3 */
    { "sgx/dcapqvl_sgx_v3.quote", NULL, &set_sgx_dcapqvl, AT_2025_06_25, DS_CODE_NONE, CONFIG_SW, false, NULL },
    { "sgx/automata_solana_sgx.quote", NULL, &set_sgx_dcapqvl, AT_2025_06_25, DS_CODE_NONE, CONFIG_SW, true, NULL },
    { "sgx/automata_solana_sgx.quote", NULL, &set_sgx_solana, 1747699200, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be unknown" }, /* 2025-05-20 */
    { "sgx/automata_v3.quote", NULL, &set_sgx_606a, AT_2025_06_25, DS_CODE_NONE, DS_TCB_SW_HARDENING_NEEDED, false, NULL },
    { "sgx/automata_v3.quote", NULL, &set_sgx_606a_alone, AT_2025_06_15, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be SWHardeningNeeded" },
    { "sgx/occlum_v3.quote", NULL, &set_sgx_606a, AT_2025_06_25, DS_CODE_NONE, OUT, true, NULL },
    { "sgx/occlum_v3.quote", NULL, &set_sgx_606a_alone, AT_2025_06_15, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be OutOfDate" },
    { "sgx/rustsgx_pcs.quote", NULL, &set_sgx_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_TCB_INFO_MISMATCH, 0, false, "00a067110000" },
    /* Its chain stands in the quote as leaf, root, CA: what comes last is no root. */
    { "sgx/rustsgx_v3_pckchain.quote", NULL, &set_sgx_dcapqvl, AT_2025_06_25, DS_CODE_ROOT_UNKNOWN, 0, false, "cd7c95bd6ea4c67253a57b1de6ed47bd839ba5af102c5bbedf3fc414cd1a9cbc" },
    { "sgx/rustsgx_v3_pckchain.quote", NULL, &set_sgx_chain_alone, AT_2025_06_25, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, 0, false, "missing; the level would be unknown" },
    { "sgx/rustsgx_v3_pckchain_corrupted.quote", NULL, &set_sgx_chain_alone, AT_2025_06_25, DS_CODE_DCAP_QUOTE_SIGNATURE, 0, false, NULL },
    { "sgx/rustsgx_v3_certtype2_encppid.quote", NULL, &set_sgx_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_CERT_DATA, 0, false, "3" },
    { "sgx/rustsgx_v3_certtype2_encppid.quote", NULL, &set_sgx_chain_alone, AT_2025_06_25, DS_CODE_DCAP_QE_SIGNATURE, 0, false, NULL },
    /* Open Enclave puts 16 bytes before a quote; without them it is one, and tampered with. */
    { "sgx/oe_sgx_report_bad.bin", NULL, &set_sgx_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_VERSION, 0, false, "1" },
    { "sgx/intel_qvl_sample/quote.dat", NULL, &set_sgx_qvl_sample, AT_2020_01_01, DS_CODE_ROOT_UNKNOWN, 0, false, NULL },
    { "sgx/dcapqvl_sgx_v3.quote", NULL, &set_dcapqvl, AT_2025_06_25, DS_CODE_DCAP_PCK_CRL, 0, false, NULL },
};
/* clang-format on */

static struct ds_span load_quote(struct ds_arena *a, const struct row *row)
{
    return row->key != NULL ? vectors_load_member(a, row->quote, row->key, true)
                            : vectors_load(a, row->quote);
}

/* What is trusted and when. */
struct trust {
    const struct ds_anchors *anchors;
    int64_t now_s;
};

static int verify(struct ds_claims *ret, struct ds_arena *a, struct ds_span in,
                  const struct ds_dcap_collateral *coll, struct trust trust, bool is_sgx,
                  struct ds_error *e)
{
    struct ds_tdx_quote tdx;
    struct ds_sgx_quote sgx;
    if (is_sgx) {
        DS_TRY(ds_sgx_quote_parse(&sgx, in, e));
        return ds_sgx_quote_verify(ret, a, &sgx, coll, trust.anchors, trust.now_s, e);
    }
    DS_TRY(ds_tdx_quote_parse(&tdx, in, e));
    return ds_tdx_quote_verify(ret, a, &tdx, coll, trust.anchors, trust.now_s, e);
}

static int run(const struct ds_claims **ret, struct ds_arena *a, const struct row *row,
               const struct ds_anchors *anchors, struct ds_error *e)
{
    struct ds_dcap_collateral coll;
    struct ds_claims *claims = ds_claims_new_in(a);
    *ret = claims;
    DS_TRY(set_load(&coll, a, row->set, e));
    return verify(claims, a, load_quote(a, row), &coll, (struct trust){ anchors, row->now_s },
                  strncmp(row->quote, "sgx/", 4) == 0, e);
}

static void quotes_have_their_verdicts(void **state)
{
    const struct ds_anchors pinned = { 0 };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = vectors_arena((size_t)4 << 20);
        struct ds_error e = { 0 };
        const struct ds_claims *c;
        int r = run(&c, &a, &rows[i], &pinned, &e);
        if (e.code != rows[i].code || (r == DS_OK) != (rows[i].code == DS_CODE_NONE))
            fail_msg("row %zu, %s: %s", i, rows[i].quote, r == DS_OK ? "verified" : e.msg);
        if (rows[i].got != NULL && strcmp(rows[i].got, e.detail.got) != 0)
            fail_msg("row %zu, %s: got '%s'", i, rows[i].quote, e.detail.got);
        if (ds_claims_tcb_status(c) != rows[i].status ||
            ds_claims_kind(c) != (r == DS_OK ? DS_KIND_HARDWARE : DS_KIND_NONE) ||
            ds_claims_is_debug(c) != rows[i].is_debug)
            fail_msg("row %zu, %s: level %s", i, rows[i].quote,
                     ds_tcb_status_text(ds_claims_tcb_status(c)));
        free(a.p);
    }
}

/* What one verified quote says, field by field, from the vectors' index. */
static void claims_are_the_quotes(void **state)
{
    struct ds_arena a = vectors_arena((size_t)4 << 20);
    const struct ds_anchors pinned = { 0 };
    const struct ds_claims *c;
    (void)state;
    assert_int_equal(run(&c, &a, &rows[0], &pinned, NULL), DS_OK);
    assert_string_equal(ds_claims_anchor(c), "Intel SGX Root CA");
    assert_int_equal(ds_claims_tee(c), DS_TEE_TDX);
    assert_string_equal(DS_HEX(ds_claims_mrtd48(c)),
                        "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5"
                        "f87f27428b2538873118b7");
    assert_string_equal(DS_HEX(ds_span_sub(ds_claims_rtmr48(c, 0), 0, 16)),
                        "44c0197b39157fdd7a4dcc44767f9d6b");
    assert_string_equal(DS_HEX(ds_span_sub(ds_claims_rtmr48(c, 3), 0, 16)),
                        "00000000000000000000000000000000");
    assert_string_equal(DS_HEX(ds_claims_fmspc6(c)), "b0c06f000000");
    assert_int_equal(ds_claims_td_attributes(c), 0x10000000);
    assert_int_equal(ds_claims_xfam(c), 0x602e7);
    assert_null(ds_claims_advisory(c, 0));
    assert_int_equal(ds_claims_tcb_eval_number(c), 17);
    assert_int_equal(ds_claims_tcb_date_s(c), 1710288000);    /* 2024-03-13 */
    assert_int_equal(ds_claims_valid_from_s(c), 1750329147);  /* QE identity's issueDate */
    assert_int_equal(ds_claims_valid_until_s(c), 1752919235); /* PCK CRL's nextUpdate */
    assert_false(ds_claims_has_log(c));
    free(a.p);
}

static void advisories_are_listed(void **state)
{
    static const char *const want[] = { "INTEL-SA-00960", "INTEL-SA-00982", "INTEL-SA-00986" };
    struct ds_arena a = vectors_arena((size_t)4 << 20);
    const struct ds_anchors pinned = { 0 };
    const struct ds_claims *c;
    (void)state;
    assert_int_equal(run(&c, &a, &rows[8], &pinned, NULL), DS_OK);
    assert_null(ds_claims_advisory(c, DS_LEN(want)));
    for (size_t i = 0; i < DS_LEN(want); i++)
        assert_string_equal(ds_claims_advisory(c, i), want[i]);
    free(a.p);
}

/*
 * Intel's synthetic set of 2021: under its own root, given as custom, chains, lists
 * and signed collateral hold. It predates module identities, and its random
 * TEE_TCB_SVN asks for one: by today's rule (QVL 4.1.2.5.12) that is a mismatch.
 */
static void synthetic_set_is_never_hardware(void **state)
{
    struct ds_extra_anchor own = { .name = "QVL sample root" };
    const struct ds_anchors anchors = { .extra = &own, .n_extra = 1 };
    struct row row = { .quote = "tdx/intel_qvl_sample/quote.dat",
                       .set = &set_qvl_sample,
                       .now_s = AT_QVL_SAMPLE };
    struct ds_arena a = vectors_arena((size_t)4 << 20);
    struct ds_error e = { 0 };
    const struct ds_claims *c;
    (void)state;
    assert_int_equal(run(&c, &a, &row, &anchors, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_ROOT_UNKNOWN);
    assert_int_equal(ds_hex_decode(own.spki_sha256, 32, ds_span_str(e.detail.got), NULL), DS_OK);

    assert_int_equal(run(&c, &a, &row, &anchors, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_TDX_MODULE_MISMATCH);
    assert_string_equal(e.detail.claim, "tee_tcb_svn");
    assert_string_equal(e.detail.expected, "no module");
    assert_string_equal(e.detail.anchor, "QVL sample root");

    own.is_simulated = true;
    assert_int_equal(run(&c, &a, &row, &anchors, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_MARKER_MISSING);
    free(a.p);
}

/* The same for SGX, with TCB info of version 2 and certification data of type 1: this one holds. */
static void synthetic_sgx_set_verifies_as_custom(void **state)
{
    struct ds_extra_anchor own = { .name = "QVL sample root" };
    const struct ds_anchors anchors = { .extra = &own, .n_extra = 1 };
    const struct row row = { .quote = "sgx/intel_qvl_sample/quote.dat",
                             .set = &set_sgx_qvl_sample,
                             .now_s = AT_2020_01_01 };
    struct ds_arena a = vectors_arena((size_t)4 << 20);
    struct ds_error e = { 0 };
    const struct ds_claims *c;
    (void)state;
    assert_int_equal(run(&c, &a, &row, &anchors, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_ROOT_UNKNOWN);
    assert_int_equal(ds_hex_decode(own.spki_sha256, 32, ds_span_str(e.detail.got), NULL), DS_OK);
    if (run(&c, &a, &row, &anchors, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(ds_claims_kind(c), DS_KIND_CUSTOM);
    assert_int_equal(ds_claims_tee(c), DS_TEE_SGX);
    assert_int_equal(ds_claims_tcb_status(c), DS_TCB_UP_TO_DATE);
    free(a.p);
}

static void tampered_oe_report_is_refused(void **state)
{
    struct ds_arena a = vectors_arena((size_t)4 << 20);
    const struct ds_anchors pinned = { 0 };
    struct ds_dcap_collateral coll;
    struct ds_claims *c = ds_claims_new_in(&a);
    struct ds_error e = { 0 };
    (void)state;
    struct ds_span in = vectors_load(&a, "sgx/oe_sgx_report_bad.bin");
    assert_int_equal(set_load(&coll, &a, &set_sgx_dcapqvl, NULL), DS_OK);
    assert_true(verify(c, &a, ds_span_sub(in, 16, in.len), &coll,
                       (struct trust){ &pinned, AT_2025_06_25 }, true, &e) < 0);
    assert_int_equal(e.code, DS_CODE_X509_SIGNATURE); /* a certificate was changed */
    free(a.p);
}

/* Fields of an SGX and a TD 1.5 quote, from the vectors' index. */
static void claims_of_other_bodies(void **state)
{
    static const char *const advisories[] = { "INTEL-SA-00289", "INTEL-SA-00615" };
    const struct row sgx = { .quote = "sgx/dcapqvl_sgx_v3.quote",
                             .set = &set_sgx_dcapqvl,
                             .now_s = AT_2025_06_25 };
    const struct row td15 = { .quote = "tdx/gotdx_v5.quote",
                              .set = &set_90c0_2026,
                              .now_s = AT_2026_04_01 };
    struct ds_arena a = vectors_arena((size_t)8 << 20);
    const struct ds_anchors pinned = { 0 };
    const struct ds_claims *c;
    (void)state;
    assert_int_equal(run(&c, &a, &sgx, &pinned, NULL), DS_OK);
    assert_string_equal(DS_HEX(ds_claims_mrenclave32(c)),
                        "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb");
    assert_string_equal(DS_HEX(ds_claims_mrsigner32(c)),
                        "815f42f11cf64430c30bab7816ba596a1da0130c3b028b673133a66cf9a3e0e6");
    assert_string_equal(DS_HEX(ds_claims_sgx_attributes16(c)), "0500000000000000e700000000000000");
    assert_string_equal(DS_HEX(ds_claims_fmspc6(c)), "00a067110000");
    assert_null(ds_claims_advisory(c, DS_LEN(advisories)));
    for (size_t i = 0; i < DS_LEN(advisories); i++)
        assert_string_equal(ds_claims_advisory(c, i), advisories[i]);
    assert_int_equal(ds_claims_mrtd48(c).len, 0);

    assert_int_equal(run(&c, &a, &td15, &pinned, NULL), DS_OK);
    assert_string_equal(DS_HEX(ds_claims_tee_tcb_svn16(c)), "0b010400000000000000000000000000");
    assert_string_equal(DS_HEX(ds_span_sub(ds_claims_mrtd48(c), 0, 16)),
                        "7348651a34b2d2d3462822e3a750ec61");
    assert_int_equal(ds_claims_mrservicetd48(c).len, 48);
    assert_int_equal(ds_claims_current_tcb_status(c), DS_TCB_UP_TO_DATE);
    assert_int_equal(ds_claims_tcb_eval_number(c), 18);

    assert_int_equal(run(&c, &a, &rows[7], &pinned, NULL), DS_OK);
    assert_true(
        ds_span_eq(ds_claims_report_data64(c), vectors_load(&a, "tdx/gotdx_cos113_nonce.bin")));
    free(a.p);
}

/* Where the last certificate of a chain, the root's, begins: of it name and key count, no more. */
static size_t root_at(struct ds_span pem)
{
    static const char begin[] = "-----BEGIN";
    size_t last = pem.len;
    for (size_t at = 0; at + sizeof begin <= pem.len; at++)
        if (memcmp(pem.p + at, begin, sizeof begin - 1) == 0)
            last = at;
    return last;
}

/* One byte changed anywhere in the quote, but for its root and the padding behind it. */
static void changed_quotes_are_refused(void **state)
{
    struct ds_arena a = vectors_arena((size_t)4 << 20);
    const struct ds_anchors pinned = { 0 };
    struct ds_span in = load_quote(&a, &rows[0]);
    struct ds_dcap_collateral coll;
    struct ds_tdx_quote quote;
    uint8_t *bytes = malloc(in.len);
    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, in.p, in.len);
    assert_int_equal(set_load(&coll, &a, rows[0].set, NULL), DS_OK);
    struct ds_claims *c = ds_claims_new_in(&a);
    assert_int_equal(ds_tdx_quote_parse(&quote, in, NULL), DS_OK);
    assert_int_equal(quote.dcap.padding.len, 70);
    for (size_t i = 0; i < in.len; i++) {
        bytes[i] ^= 1;
        int r = ds_tdx_quote_parse(&quote, DS_SPAN(bytes, in.len), NULL);
        if (r == DS_OK)
            r = ds_tdx_quote_verify(c, &a, &quote, &coll, &pinned, rows[0].now_s, NULL);
        if (r == DS_OK && i < root_at(in))
            fail_msg("byte %zu: %d", i, r);
        bytes[i] ^= 1;
    }
    free(bytes);
    free(a.p);
}

static void cut_quotes_do_not_parse(void **state)
{
    struct ds_arena a = vectors_arena((size_t)1 << 20);
    struct ds_span in = load_quote(&a, &rows[0]);
    struct ds_tdx_quote quote;
    (void)state;
    for (size_t n = 0; n < in.len - 70; n++)
        assert_int_not_equal(ds_tdx_quote_parse(&quote, DS_SPAN(in.p, n), NULL), DS_OK);
    assert_int_equal(ds_tdx_quote_parse(&quote, DS_SPAN(in.p, in.len - 70), NULL), DS_OK);
    assert_int_equal(quote.dcap.padding.len, 0);
    free(a.p);
}

/* One byte changed in each part of the collateral, and each part left out. */
static void changed_collateral_is_refused(void **state)
{
    struct ds_arena a = vectors_arena((size_t)8 << 20);
    const struct ds_anchors pinned = { 0 };
    struct ds_dcap_collateral coll;
    struct ds_tdx_quote quote;
    struct ds_claims *c = ds_claims_new_in(&a);
    (void)state;
    assert_int_equal(set_load(&coll, &a, rows[0].set, NULL), DS_OK);
    assert_int_equal(ds_tdx_quote_parse(&quote, load_quote(&a, &rows[0]), NULL), DS_OK);
    struct ds_dcap_parts good = coll.parts, parts = coll.parts;
    struct ds_span *const list[] = { &parts.tcb_chain_pem, &parts.qe_chain_pem, &parts.root_crl_der,
                                     &parts.pck_crl_der,   &parts.tcb_info,     &parts.qe_identity,
                                     &parts.tcb_sig64,     &parts.qe_sig64 };
    for (size_t i = 0; i < DS_LEN(list); i++) {
        struct ds_span was = *list[i];
        struct ds_error e = { 0 };
        size_t used = a.used;
        uint8_t *bytes = ds_arena_get(&a, was.len);
        memcpy(bytes, was.p, was.len);
        *list[i] = DS_SPAN(bytes, was.len);
        for (size_t k = 0; k < was.len; k += k < 64 ? 1 : 13) {
            size_t mark = a.used;
            bytes[k] ^= 1;
            int r = ds_dcap_collateral_of(&coll, &a, &parts, NULL);
            if (r == DS_OK)
                r = ds_tdx_quote_verify(c, &a, &quote, &coll, &pinned, rows[0].now_s, NULL);
            if (r == DS_OK && k < root_at(was))
                fail_msg("part %zu, byte %zu", i, k);
            bytes[k] ^= 1;
            a.used = mark;
        }
        *list[i] = (struct ds_span){ 0 };
        assert_int_equal(ds_dcap_collateral_of(&coll, &a, &parts, NULL), DS_OK);
        assert_int_equal(ds_tdx_quote_verify(c, &a, &quote, &coll, &pinned, rows[0].now_s, &e),
                         DS_ERR_UNAVAILABLE);
        assert_int_equal(e.code, DS_CODE_DCAP_COLLATERAL_INCOMPLETE);
        a.used = used;
        parts = good;
    }
    free(a.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_have_their_verdicts),
        cmocka_unit_test(claims_are_the_quotes),
        cmocka_unit_test(advisories_are_listed),
        cmocka_unit_test(synthetic_set_is_never_hardware),
        cmocka_unit_test(synthetic_sgx_set_verifies_as_custom),
        cmocka_unit_test(tampered_oe_report_is_refused),
        cmocka_unit_test(claims_of_other_bodies),
        cmocka_unit_test(changed_quotes_are_refused),
        cmocka_unit_test(cut_quotes_do_not_parse),
        cmocka_unit_test(changed_collateral_is_refused),
    };
    if (vectors_dir() == NULL) {
        (void)fprintf(stderr, "skipped: DSTACK_VECTORS names no folder of recorded evidence\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

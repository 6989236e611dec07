/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check of the SEV-SNP verifier alone: a good platform with one thing wrong, and
 * the code that says so; every bound of a field one below, at and one above.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "attest/snp/ark.h"
#include "attest/tdx/claims.h"
#include "base/hex.h"
#include "crypto/hash.h"
#include "synthetic_snp.h"

#define MILAN DS_SNP_PRODUCT_MILAN
#define GENOA DS_SNP_PRODUCT_GENOA
#define TURIN DS_SNP_PRODUCT_TURIN
#define VCEK  DS_SNP_KEY_VCEK
#define VLEK  DS_SNP_KEY_VLEK

static int platform_of(struct ds_snp_platform *ret, const struct snp_synth *s, enum ds_snp_key key,
                       bool is_simulated, struct ds_error *e)
{
    const struct ds_extra_anchor extra[] = { snp_synth_anchor(s, S_ARK, is_simulated),
                                             snp_synth_anchor(s, S_OTHER_ARK, is_simulated) };
    const struct ds_anchors anchors = { extra, DS_LEN(extra) };
    const struct ds_snp_certs certs = snp_synth_certs(s);
    return ds_snp_platform_verify(ret, &certs, key, &anchors, SNP_NOW, 0, e);
}

static int verify_bytes(struct ds_claims *c, const uint8_t *bytes, size_t len,
                        const struct ds_snp_platform *p, struct ds_error *e)
{
    struct ds_snp_report report;
    DS_TRY(ds_snp_report_parse(&report, DS_SPAN(bytes, len), e));
    return ds_snp_report_verify(c, &report, p, SNP_NOW, e);
}

static int run(struct ds_claims *c, const struct snp_synth *s, enum ds_snp_key key,
               bool is_simulated, struct ds_error *e)
{
    uint8_t bytes[DS_SNP_REPORT_LEN];
    struct ds_snp_platform p;
    DS_TRY(platform_of(&p, s, key, is_simulated, e));
    snp_synth_report(bytes, s);
    return verify_bytes(c, bytes, sizeof bytes, &p, e);
}

static void each_product_and_key_verifies(void **state)
{
    (void)state;
    for (int product = MILAN; product <= TURIN; product++)
        for (int key = VCEK; key <= VLEK; key++) {
            DS_AUTO(snp_synth_done)
            struct snp_synth s = snp_synth_good((enum ds_snp_product)product, (enum ds_snp_key)key);
            struct ds_claims c = { 0 };
            struct ds_error e = { 0 };
            snp_synth_make(&s);
            if (run(&c, &s, (enum ds_snp_key)key, true, &e) < 0)
                fail_msg("%s, key %d: %s", s.product, key, e.msg);
            assert_int_equal(c.kind, DS_KIND_SIMULATED);
            assert_string_equal(c.anchor, "test root");
            assert_int_equal(ds_claims_snp_product(&c), product);
            assert_int_equal(ds_claims_snp_key(&c), key);
            assert_int_equal(ds_claims_tcb_status(&c), DS_TCB_UP_TO_DATE);
            assert_string_equal(ds_claims_snp_csp_id(&c),
                                key == VLEK ? "CN=cc-test.example.com" : "");
            assert_true(ds_claims_snp_is_crl_checked(&c));
            assert_int_equal(ds_claims_valid_from_s(&c), SNP_NOW - SNP_DAY);
            assert_int_equal(ds_claims_valid_until_s(&c), SNP_NOW + SNP_DAY);
        }
}

/* A chain is kept no longer than the root that came with it is in date. */
static void roots_end_what_is_kept(void **state)
{
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(MILAN, VCEK);
    struct ds_snp_platform p;
    struct ds_snp_report report;
    struct ds_claims c = { 0 };
    struct ds_error e = { 0 };
    uint8_t bytes[DS_SNP_REPORT_LEN];
    (void)state;
    s.plans[S_ARK].not_after_s = SNP_NOW + 3600;
    snp_synth_make(&s);
    const struct ds_extra_anchor extra = snp_synth_anchor(&s, S_ARK, true);
    const struct ds_anchors anchors = { &extra, 1 };
    const struct ds_snp_certs certs = snp_synth_certs(&s);
    snp_synth_report(bytes, &s);
    assert_int_equal(ds_snp_report_parse(&report, DS_SPAN_OF(bytes), &e), DS_OK);
    assert_int_equal(ds_snp_platform_verify(&p, &certs, VCEK, &anchors, SNP_NOW, 0, &e), DS_OK);
    assert_int_equal(ds_snp_report_verify(&c, &report, &p, SNP_NOW + 3600, &e), DS_OK);
    /* Nobody verified what the root says of itself. */
    assert_int_equal(ds_claims_valid_until_s(&c), SNP_NOW + SNP_DAY);
    assert_int_equal(ds_snp_report_verify(&c, &report, &p, SNP_NOW + 3601, &e), DS_ERR_STALE);
    assert_int_equal(e.code, DS_CODE_SNP_PLATFORM_DATES);
}

static void span_is(struct ds_span got, size_t len, uint8_t first)
{
    assert_int_equal(got.len, len);
    assert_int_equal(got.p[0], first);
    assert_int_equal(got.p[len - 1], (uint8_t)(first + len - 1));
}

static void claims_are_the_reports(void **state)
{
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(TURIN, VCEK);
    struct ds_claims c = { 0 };
    uint8_t device_id32[32];
    (void)state;
    snp_synth_make(&s);
    s.report.vmpl = 2;
    s.report.key_info |= DS_SNP_KEY_INFO_AUTHOR;
    s.report.current_tcb8[7]++;
    assert_int_equal(run(&c, &s, VCEK, true, NULL), DS_OK);
    span_is(ds_claims_report_data64(&c), 64, 0x50);
    span_is(ds_claims_snp_measurement48(&c), 48, 0x90);
    span_is(ds_claims_snp_host_data32(&c), 32, 0xc0);
    span_is(ds_claims_snp_family_id16(&c), 16, 0x10);
    span_is(ds_claims_snp_image_id16(&c), 16, 0x20);
    span_is(ds_claims_snp_id_key_digest48(&c), 48, 0x11);
    span_is(ds_claims_snp_author_key_digest48(&c), 48, 0x41);
    span_is(ds_claims_snp_report_id32(&c), 32, 0x81);
    assert_int_equal(ds_claims_snp_report_id_ma32(&c).p[31], 0xff);
    assert_memory_equal(ds_claims_snp_chip_id64(&c).p, s.hwid64, 64);
    assert_int_equal(ds_hash(DS_SHA256, device_id32, DS_SPAN_OF(s.hwid64), NULL), DS_OK);
    assert_memory_equal(ds_claims_device_id32(&c).p, device_id32, 32);
    assert_int_equal(ds_claims_snp_policy(&c), 0x3001f);
    assert_int_equal(ds_claims_snp_platform_info(&c), 0x25);
    assert_int_equal(ds_claims_snp_key_info(&c), 1);
    assert_int_equal(ds_claims_snp_report_version(&c), 5);
    assert_int_equal(ds_claims_snp_vmpl(&c), 2);
    assert_int_equal(ds_claims_snp_guest_svn(&c), 7);
    assert_int_equal(ds_claims_snp_launch_mit_vector(&c), 0x0b);
    assert_int_equal(ds_claims_snp_current_mit_vector(&c), 0x1b);
    assert_int_equal(ds_claims_snp_current_firmware(&c).build, 40);
    assert_int_equal(ds_claims_snp_committed_firmware(&c).build, 29);
    assert_int_equal(ds_claims_snp_committed_firmware(&c).major, 1);
    struct ds_snp_tcb tcb = ds_claims_snp_tcb(&c, DS_SNP_TCB_CURRENT);
    assert_int_equal(tcb.fmc, 1);
    assert_int_equal(tcb.boot_loader, 2);
    assert_int_equal(tcb.tee, 3);
    assert_int_equal(tcb.snp, 4);
    assert_int_equal(tcb.microcode, 73);
    assert_int_equal(ds_claims_snp_tcb(&c, DS_SNP_TCB_LAUNCH).microcode, 72);
    assert_memory_equal(ds_claims_snp_tcb8(&c, DS_SNP_TCB_COMMITTED).p, s.tcb8, 8);
    assert_int_equal(ds_claims_tcb_status(&c), DS_TCB_OUT_OF_DATE);
    assert_false(ds_claims_is_debug(&c));
    assert_int_equal(ds_claims_mrtd48(&c).len, 0);
}

/* Of another platform's claims nothing of this one can be read. */
static void other_claims_have_none_of_it(void **state)
{
    struct ds_claims c = { .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX };
    (void)state;
    memset(&c.snp, 0xff, sizeof c.snp);
    struct ds_span (*const spans[])(const struct ds_claims *) = {
        ds_claims_snp_measurement48,   ds_claims_snp_host_data32,
        ds_claims_snp_family_id16,     ds_claims_snp_image_id16,
        ds_claims_snp_id_key_digest48, ds_claims_snp_author_key_digest48,
        ds_claims_snp_report_id32,     ds_claims_snp_report_id_ma32,
        ds_claims_snp_chip_id64,
    };
    for (size_t i = 0; i < DS_LEN(spans); i++)
        assert_int_equal(spans[i](&c).len, 0);
    assert_int_equal(ds_claims_snp_tcb8(&c, DS_SNP_TCB_LAUNCH).len, 0);
    assert_int_equal(ds_claims_snp_tcb(&c, DS_SNP_TCB_LAUNCH).microcode, 0);
    assert_int_equal(ds_claims_snp_policy(&c), 0);
    assert_int_equal(ds_claims_snp_platform_info(&c), 0);
    assert_int_equal(ds_claims_snp_key_info(&c), 0);
    assert_int_equal(ds_claims_snp_report_version(&c), 0);
    assert_int_equal(ds_claims_snp_vmpl(&c), 0);
    assert_int_equal(ds_claims_snp_guest_svn(&c), 0);
    assert_int_equal(ds_claims_snp_launch_mit_vector(&c), 0);
    assert_int_equal(ds_claims_snp_current_mit_vector(&c), 0);
    assert_int_equal(ds_claims_snp_current_firmware(&c).major, 0);
    assert_int_equal(ds_claims_snp_committed_firmware(&c).major, 0);
    assert_int_equal(ds_claims_snp_product(&c), DS_SNP_PRODUCT_NONE);
    assert_int_equal(ds_claims_snp_key(&c), DS_SNP_KEY_NONE);
    assert_string_equal(ds_claims_snp_csp_id(&c), "");
    assert_false(ds_claims_snp_is_crl_checked(&c));
}

/* What a row changes. */
#define CHANGE(name, ...) \
    static void name(struct snp_synth *s) { __VA_ARGS__; }

/* clang-format off */
CHANGE(nothing, (void)s)
CHANGE(no_ark_marker, s->plans[S_ARK].has_marker = false)
CHANGE(no_ask_marker, s->plans[S_ASK].has_marker = false)
CHANGE(no_vcek_marker, s->plans[S_VCEK].has_marker = false)
CHANGE(soft_marker, s->plans[S_VCEK].is_marker_soft = true)
CHANGE(unknown_in_ark, s->plans[S_ARK].has_unknown = true)
CHANGE(unknown_in_ask, s->plans[S_ASK].has_unknown = true)
CHANGE(unknown_in_vcek, s->plans[S_VCEK].has_unknown = true)
CHANGE(ask_no_ca, s->plans[S_ASK].ca = false)
CHANGE(ask_no_usage, s->plans[S_ASK].usage = 0)
CHANGE(ask_may_not_sign, s->plans[S_ASK].usage = 0x02)
CHANGE(ask_by_other, s->plans[S_ASK].issuer = S_OTHER_ARK)
CHANGE(ask_other_key, s->plans[S_ASK].key = S_ASVK)
CHANGE(vcek_by_ark, s->plans[S_VCEK].issuer = S_ARK)
CHANGE(vcek_by_asvk, s->plans[S_VCEK].issuer = S_ASVK)
CHANGE(vcek_pkcs1, s->plans[S_VCEK].is_sha256 = true)
CHANGE(vcek_rsa, s->plans[S_VCEK].key = S_ASK)
CHANGE(ark_expired, s->plans[S_ARK].not_after_s = SNP_NOW - 1)
CHANGE(ark_early, s->plans[S_ARK].not_before_s = SNP_NOW + 1)
CHANGE(ask_expired, s->plans[S_ASK].not_after_s = SNP_NOW - 1)
CHANGE(ask_expired_revoked, s->plans[S_ASK].not_after_s = SNP_NOW - 1; s->is_ask_revoked = true)
CHANGE(ask_last_second, s->plans[S_ASK].not_after_s = SNP_NOW; s->crl_next_s = SNP_NOW)
CHANGE(vcek_expired, s->plans[S_VCEK].not_after_s = SNP_NOW - 1)
CHANGE(vcek_early, s->plans[S_VCEK].not_before_s = SNP_NOW + 1)
CHANGE(vcek_first_second, s->plans[S_VCEK].not_before_s = SNP_NOW; s->crl_this_s = SNP_NOW)
CHANGE(root_of_nobody, s->plans[S_ARK].key = S_ASVK)
CHANGE(ark_of_genoa, s->plans[S_ARK].cn = "ARK-Genoa")
CHANGE(ask_of_genoa, s->plans[S_ASK].cn = "SEV-Genoa")
CHANGE(ask_named_longer, s->plans[S_ASK].cn = "SEV-Milan2")
CHANGE(ask_named_asvk, s->plans[S_ASK].cn = "SEV-VLEK-Milan")
CHANGE(product_genoa, s->product = "Genoa")
CHANGE(product_bare, s->product = "Milan")
CHANGE(product_stepping, s->product = "Milan-B1")
CHANGE(product_longer, s->product = "Milano")
CHANGE(product_shorter, s->product = "Mila")
CHANGE(product_empty, s->product = "")
CHANGE(product_venice, s->product = "Venice")
CHANGE(struct_1, s->struct_version = 1)
CHANGE(struct_2, s->struct_version = 2)
CHANGE(no_bl, s->omits_arc = 1)
CHANGE(no_ucode, s->omits_arc = 8)
CHANGE(no_reserved_spl, s->omits_arc = 7)
CHANGE(no_fmc, s->omits_arc = 9)
CHANGE(spl_over_255, s->is_spl_long = true)
CHANGE(hwid_wrapped, s->wraps_hwid = true)
CHANGE(hwid_63, s->hwid_len = 63)
CHANGE(hwid_8, s->hwid_len = 8)
CHANGE(hwid_0, s->hwid_len = 0)
CHANGE(hwid_7, s->hwid_len = 7)
CHANGE(hwid_9, s->hwid_len = 9)
CHANGE(hwid_64, s->hwid_len = 64)
CHANGE(csp_in_vcek, s->has_csp_in_vcek = true)
CHANGE(hwid_in_vlek, s->has_hwid_in_vlek = true)
CHANGE(csp_empty, s->csp_id.len = 0)
CHANGE(csp_control, s->csp_id = DS_SPAN_LIT("CN=a\nb"))
CHANGE(csp_high, s->csp_id = DS_SPAN_LIT("CN=\xc3\xa4"))
#define T63 "CN=456789012345678901234567890123456789012345678901234567890123"
CHANGE(csp_63, s->csp_id = DS_SPAN_LIT(T63))
CHANGE(csp_64, s->csp_id = DS_SPAN_LIT(T63 "4"))
CHANGE(ask_revoked, s->is_ask_revoked = true)
CHANGE(asvk_revoked, s->is_asvk_revoked = true)
CHANGE(other_revoked, s->is_other_revoked = true)
CHANGE(crl_old, s->crl_next_s = SNP_NOW - 1)
CHANGE(crl_old_revoked, s->crl_next_s = SNP_NOW - 1; s->is_ask_revoked = true)
CHANGE(crl_early, s->crl_this_s = SNP_NOW + 1)
CHANGE(crl_by_other, s->crl_by = S_OTHER_ARK)
CHANGE(crl_by_ask, s->crl_by = S_ASK)
CHANGE(version_1, s->report.version = 1)
CHANGE(version_6, s->report.version = 6)
CHANGE(version_2, s->report.version = 2; s->report.cpuid_family = s->report.cpuid_model = s->report.cpuid_stepping = 0)
CHANGE(version_2_cpuid, s->report.version = 2)
CHANGE(version_4, s->report.version = 4; s->report.launch_mit_vector = 1)
CHANGE(version_3_vector, s->report.launch_mit_vector = 1)
CHANGE(version_3_vector2, s->report.current_mit_vector = 1)
CHANGE(algo_0, s->report.sig_algo = 0)
CHANGE(algo_2, s->report.sig_algo = 2)
CHANGE(policy_25, s->report.policy |= (uint64_t)1 << 25)
CHANGE(policy_26, s->report.policy |= (uint64_t)1 << 26)
CHANGE(policy_63, s->report.policy |= (uint64_t)1 << 63)
CHANGE(policy_no_17, s->report.policy &= ~((uint64_t)1 << 17))
CHANGE(policy_debug, s->report.policy |= DS_SNP_POLICY_DEBUG)
CHANGE(key_info_5, s->report.key_info |= 1u << 5)
CHANGE(key_info_31, s->report.key_info |= 1u << 31)
CHANGE(key_2, s->report.key_info = 2u << 2)
CHANGE(key_6, s->report.key_info = 6u << 2)
CHANGE(key_none, s->report.key_info = 7u << 2)
CHANGE(key_vlek, s->report.key_info = 1u << 2)
CHANGE(key_vcek, s->report.key_info = 0)
CHANGE(mask_chip_key, s->report.key_info |= DS_SNP_KEY_INFO_MASK_CHIP_KEY)
CHANGE(vmpl_3, s->report.vmpl = 3)
CHANGE(vmpl_4, s->report.vmpl = 4)
CHANGE(vmpl_host, s->report.vmpl = UINT32_MAX)
CHANGE(family_18, s->report.cpuid_family = 0x18)
CHANGE(family_1b, s->report.cpuid_family = 0x1b)
CHANGE(model_0f, s->report.cpuid_model = 0x0f)
CHANGE(model_10, s->report.cpuid_model = 0x10)
CHANGE(model_1f, s->report.cpuid_model = 0x1f)
CHANGE(model_20, s->report.cpuid_model = 0x20)
CHANGE(model_9f, s->report.cpuid_model = 0x9f)
CHANGE(model_a0, s->report.cpuid_model = 0xa0)
CHANGE(model_af, s->report.cpuid_model = 0xaf)
CHANGE(model_b0, s->report.cpuid_model = 0xb0)
CHANGE(model_00, s->report.cpuid_model = 0x00)
CHANGE(model_11, s->report.cpuid_model = 0x11)
CHANGE(model_12, s->report.cpuid_model = 0x12)
CHANGE(reported_below, s->report.reported_tcb8[7]--)
CHANGE(reported_reserved, s->report.reported_tcb8[3] = 1)
CHANGE(committed_below, s->report.committed_tcb8[7]--)
CHANGE(committed_above, s->report.committed_tcb8[7]++)
CHANGE(current_below, s->report.current_tcb8[6]--)
CHANGE(current_above, s->report.current_tcb8[6]++)
CHANGE(mixed, s->report.current_tcb8[6]++; s->report.current_tcb8[0]--)
CHANGE(launch_below, s->report.launch_tcb8[7]--)
CHANGE(launch_above, s->report.launch_tcb8[7]++)
CHANGE(chip_other, s->report.chip_id64[63] ^= 1)
CHANGE(chip_masked, memset(s->report.chip_id64, 0, 64))
CHANGE(chip_nearly_masked, memset(s->report.chip_id64, 0, 64); s->report.chip_id64[63] = 1)
CHANGE(chip_behind_8, s->report.chip_id64[8] = 1)
CHANGE(signature, s->breaks_signature = true)
CHANGE(signed_by_other, s->is_signed_by_other = true)

static const struct {
    const char *name;
    void (*change)(struct snp_synth *s);
    enum ds_snp_product product;
    enum ds_snp_key key;
    enum ds_code code; /* NONE: it verifies */
} rows[] = {
    { "root without marker", no_ark_marker, MILAN, VCEK, DS_CODE_MARKER_MISSING },
    { "ASK without marker", no_ask_marker, MILAN, VCEK, DS_CODE_MARKER_MISSING },
    { "VCEK without marker", no_vcek_marker, MILAN, VCEK, DS_CODE_MARKER_MISSING },
    { "marker not critical", soft_marker, MILAN, VCEK, DS_CODE_MARKER_MISSING },
    { "unknown critical extension in the root", unknown_in_ark, MILAN, VCEK, DS_CODE_X509_CRITICAL },
    { "in the ASK", unknown_in_ask, MILAN, VCEK, DS_CODE_X509_CRITICAL },
    { "in the VCEK", unknown_in_vcek, MILAN, VCEK, DS_CODE_X509_CRITICAL },
    { "ASK without cA", ask_no_ca, MILAN, VCEK, DS_CODE_X509_NOT_CA },
    { "ASK without keyUsage", ask_no_usage, MILAN, VCEK, DS_CODE_X509_NOT_CA },
    { "ASK that may not sign", ask_may_not_sign, MILAN, VCEK, DS_CODE_X509_NOT_CA },
    { "ASK by another root of one name", ask_by_other, MILAN, VCEK, DS_CODE_X509_SIGNATURE },
    { "ASK for another key", ask_other_key, MILAN, VCEK, DS_CODE_X509_SIGNATURE },
    { "VCEK by the root", vcek_by_ark, MILAN, VCEK, DS_CODE_X509_ISSUER },
    { "VCEK by the ASVK", vcek_by_asvk, MILAN, VCEK, DS_CODE_X509_ISSUER },
    { "VCEK with another algorithm", vcek_pkcs1, MILAN, VCEK, DS_CODE_X509_ALGORITHM },
    { "VCEK for an RSA key", vcek_rsa, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "root expired", ark_expired, MILAN, VCEK, DS_CODE_X509_EXPIRED },
    { "root of the future", ark_early, MILAN, VCEK, DS_CODE_X509_NOT_YET_VALID },
    { "ASK expired", ask_expired, MILAN, VCEK, DS_CODE_X509_EXPIRED },
    { "the last second", ask_last_second, MILAN, VCEK, DS_CODE_NONE },
    { "VCEK expired", vcek_expired, MILAN, VCEK, DS_CODE_X509_EXPIRED },
    { "VCEK of the future", vcek_early, MILAN, VCEK, DS_CODE_X509_NOT_YET_VALID },
    { "the first second", vcek_first_second, MILAN, VCEK, DS_CODE_NONE },
    { "root with another's key", root_of_nobody, MILAN, VCEK, DS_CODE_X509_SIGNATURE },
    { "root of another product", ark_of_genoa, MILAN, VCEK, DS_CODE_SNP_PRODUCT },
    { "ASK of another product", ask_of_genoa, MILAN, VCEK, DS_CODE_SNP_PRODUCT },
    { "ASK with a longer name", ask_named_longer, MILAN, VCEK, DS_CODE_SNP_PRODUCT },
    { "ASVK in the place of an ASK", ask_named_asvk, MILAN, VCEK, DS_CODE_SNP_PRODUCT },
    { "VCEK of another product", product_genoa, MILAN, VCEK, DS_CODE_SNP_PRODUCT },
    { "product without stepping", product_bare, MILAN, VCEK, DS_CODE_NONE },
    { "another stepping", product_stepping, MILAN, VCEK, DS_CODE_NONE },
    { "a longer product", product_longer, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "a shorter product", product_shorter, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "no product", product_empty, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "an unknown product", product_venice, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "structure version 1", struct_1, MILAN, VCEK, DS_CODE_NONE },
    { "structure version 2", struct_2, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "no boot loader SPL", no_bl, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "no microcode SPL", no_ucode, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "no SPL of a reserved byte", no_reserved_spl, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "no FMC SPL where there is none", no_fmc, GENOA, VCEK, DS_CODE_NONE },
    { "no FMC SPL", no_fmc, TURIN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "SPL over 255", spl_over_255, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "hardware id as OCTET STRING", hwid_wrapped, MILAN, VCEK, DS_CODE_NONE },
    { "the same of a Turin", hwid_wrapped, TURIN, VCEK, DS_CODE_NONE },
    { "hardware id one short", hwid_63, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "hardware id of a Turin's length", hwid_8, GENOA, VCEK, DS_CODE_SNP_KEY_CERT },
    { "no hardware id", hwid_0, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "a Turin's one short", hwid_7, TURIN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "a Turin's one long", hwid_9, TURIN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "a Turin's of 64", hwid_64, TURIN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "VCEK with a cloud", csp_in_vcek, MILAN, VCEK, DS_CODE_SNP_KEY_CERT },
    { "VLEK with a hardware id", hwid_in_vlek, MILAN, VLEK, DS_CODE_SNP_KEY_CERT },
    { "VLEK with an empty cloud", csp_empty, MILAN, VLEK, DS_CODE_SNP_KEY_CERT },
    { "a cloud of two lines", csp_control, MILAN, VLEK, DS_CODE_SNP_KEY_CERT },
    { "a cloud that is no ASCII", csp_high, MILAN, VLEK, DS_CODE_SNP_KEY_CERT },
    { "a cloud of 63 bytes", csp_63, MILAN, VLEK, DS_CODE_NONE },
    { "a cloud of 64 bytes", csp_64, MILAN, VLEK, DS_CODE_SNP_KEY_CERT },
    { "ASK revoked", ask_revoked, MILAN, VCEK, DS_CODE_SNP_CA_REVOKED },
    { "ASK revoked, but VLEK used", ask_revoked, MILAN, VLEK, DS_CODE_NONE },
    { "ASVK revoked", asvk_revoked, MILAN, VLEK, DS_CODE_SNP_CA_REVOKED },
    { "another serial revoked", other_revoked, MILAN, VCEK, DS_CODE_NONE },
    { "list out of date", crl_old, MILAN, VCEK, DS_CODE_CRL_DATES },
    { "ASK revoked by a list out of date", crl_old_revoked, MILAN, VCEK, DS_CODE_SNP_CA_REVOKED },
    { "ASK revoked and expired", ask_expired_revoked, MILAN, VCEK, DS_CODE_SNP_CA_REVOKED },
    { "list of the future", crl_early, MILAN, VCEK, DS_CODE_CRL_DATES },
    { "list by another root of one name", crl_by_other, MILAN, VCEK, DS_CODE_CRL_SIGNATURE },
    { "list by the ASK", crl_by_ask, MILAN, VCEK, DS_CODE_CRL_ISSUER },
    { "version 1", version_1, MILAN, VCEK, DS_CODE_SNP_VERSION },
    { "version 2", version_2, MILAN, VCEK, DS_CODE_NONE },
    { "version 2 with CPU", version_2_cpuid, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "version 4", version_4, TURIN, VCEK, DS_CODE_NONE },
    { "version 6", version_6, MILAN, VCEK, DS_CODE_SNP_VERSION },
    { "version 3 with a mitigation vector", version_3_vector, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "version 3 with the other one", version_3_vector2, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "algorithm 0", algo_0, MILAN, VCEK, DS_CODE_SNP_SIG_ALGO },
    { "algorithm 2", algo_2, MILAN, VCEK, DS_CODE_SNP_SIG_ALGO },
    { "last policy bit", policy_25, MILAN, VCEK, DS_CODE_NONE },
    { "one above", policy_26, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "highest policy bit", policy_63, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "policy without bit 17", policy_no_17, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "debug is policy's", policy_debug, MILAN, VCEK, DS_CODE_NONE },
    { "key info bit 5", key_info_5, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "key info bit 31", key_info_31, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "signing key 2", key_2, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "signing key 6", key_6, MILAN, VCEK, DS_CODE_SNP_REPORT_FORMAT },
    { "signed by nobody", key_none, MILAN, VCEK, DS_CODE_SNP_SIGNING_KEY },
    { "VLEK's report with a VCEK", key_vlek, MILAN, VCEK, DS_CODE_SNP_SIGNING_KEY },
    { "VCEK's report with a VLEK", key_vcek, MILAN, VLEK, DS_CODE_SNP_SIGNING_KEY },
    { "VCEK used though masked", mask_chip_key, MILAN, VCEK, DS_CODE_SNP_SIGNING_KEY },
    { "VCEK masked, VLEK used", mask_chip_key, MILAN, VLEK, DS_CODE_NONE },
    { "VMPL 3 is policy's", vmpl_3, MILAN, VCEK, DS_CODE_NONE },
    { "VMPL 4", vmpl_4, MILAN, VCEK, DS_CODE_SNP_HOST_REPORT },
    { "the host's report", vmpl_host, MILAN, VCEK, DS_CODE_SNP_HOST_REPORT },
    { "an older family", family_18, MILAN, VCEK, DS_CODE_SNP_PRODUCT },
    { "a newer family", family_1b, TURIN, VCEK, DS_CODE_SNP_PRODUCT },
    { "Milan's first model", model_00, MILAN, VCEK, DS_CODE_NONE },
    { "Milan's last model", model_0f, MILAN, VCEK, DS_CODE_NONE },
    { "one above Milan's", model_10, MILAN, VCEK, DS_CODE_SNP_PRODUCT },
    { "one below Genoa's", model_0f, GENOA, VCEK, DS_CODE_SNP_PRODUCT },
    { "Genoa's first model", model_10, GENOA, VCEK, DS_CODE_NONE },
    { "Genoa's last of the first range", model_1f, GENOA, VCEK, DS_CODE_NONE },
    { "one above it", model_20, GENOA, VCEK, DS_CODE_SNP_PRODUCT },
    { "one below Bergamo's", model_9f, GENOA, VCEK, DS_CODE_SNP_PRODUCT },
    { "Bergamo's first model", model_a0, GENOA, VCEK, DS_CODE_NONE },
    { "Bergamo's last model", model_af, GENOA, VCEK, DS_CODE_NONE },
    { "one above Bergamo's", model_b0, GENOA, VCEK, DS_CODE_SNP_PRODUCT },
    { "Turin's first model", model_00, TURIN, VCEK, DS_CODE_NONE },
    { "Turin's last model", model_11, TURIN, VCEK, DS_CODE_NONE },
    { "one above Turin's", model_12, TURIN, VCEK, DS_CODE_SNP_PRODUCT },
    { "reported below the certificate's", reported_below, MILAN, VCEK, DS_CODE_SNP_TCB_MISMATCH },
    { "a reserved byte of it", reported_reserved, MILAN, VCEK, DS_CODE_SNP_TCB_MISMATCH },
    { "the same of a VLEK", reported_below, MILAN, VLEK, DS_CODE_SNP_TCB_MISMATCH },
    { "committed below reported", committed_below, MILAN, VCEK, DS_CODE_SNP_TCB_ORDER },
    { "committed above current", committed_above, MILAN, VCEK, DS_CODE_SNP_TCB_ORDER },
    { "current below committed", current_below, MILAN, VCEK, DS_CODE_SNP_TCB_ORDER },
    { "current above committed", current_above, MILAN, VCEK, DS_CODE_NONE },
    { "current above in one part, below in another", mixed, MILAN, VCEK, DS_CODE_SNP_TCB_ORDER },
    { "launched below", launch_below, MILAN, VCEK, DS_CODE_NONE },
    { "launched above", launch_above, MILAN, VCEK, DS_CODE_NONE },
    { "another chip", chip_other, MILAN, VCEK, DS_CODE_SNP_CHIP_MISMATCH },
    { "chip masked", chip_masked, MILAN, VCEK, DS_CODE_NONE },
    { "chip not quite masked", chip_nearly_masked, MILAN, VCEK, DS_CODE_SNP_CHIP_MISMATCH },
    { "a Turin's chip id with more", chip_behind_8, TURIN, VCEK, DS_CODE_SNP_CHIP_MISMATCH },
    { "a chip behind a VLEK", chip_nearly_masked, MILAN, VLEK, DS_CODE_NONE },
    { "signature changed", signature, MILAN, VCEK, DS_CODE_SNP_SIGNATURE },
    { "signed by another key", signed_by_other, MILAN, VCEK, DS_CODE_SNP_SIGNATURE },
    { "signed by another key than the VLEK", signed_by_other, MILAN, VLEK, DS_CODE_SNP_SIGNATURE },
};
/* clang-format on */

static void each_check_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(rows[i].product, rows[i].key);
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        rows[i].change(&s);
        snp_synth_make(&s);
        int r = run(&c, &s, rows[i].key, true, &e);
        if (e.code != rows[i].code || (r == DS_OK) != (rows[i].code == DS_CODE_NONE))
            fail_msg("%s: %d, %s (%s)", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
        assert_int_equal(c.kind, r == DS_OK ? DS_KIND_SIMULATED : DS_KIND_NONE);
        if (r < 0 && (e.detail.claim[0] == '\0' || e.detail.anchor[0] == '\0'))
            fail_msg("%s: no claim or anchor in '%s'", rows[i].name, e.msg);
    }
}

/* Facts that only an accepted report shows. */
static void accepted_changes_are_told(void **state)
{
    static const struct {
        void (*change)(struct snp_synth *s);
        enum ds_snp_key key;
        enum ds_tcb_status status;
        bool is_debug;
        size_t chip_len;
    } cases[] = {
        { nothing, VCEK, DS_TCB_UP_TO_DATE, false, 64 },
        { policy_debug, VCEK, DS_TCB_UP_TO_DATE, true, 64 },
        { current_above, VCEK, DS_TCB_OUT_OF_DATE, false, 64 },
        { launch_below, VCEK, DS_TCB_OUT_OF_DATE, false, 64 },
        { launch_above, VCEK, DS_TCB_OUT_OF_DATE, false, 64 },
        { chip_masked, VCEK, DS_TCB_UP_TO_DATE, false, 64 }, /* the certificate's */
        { nothing, VLEK, DS_TCB_UP_TO_DATE, false, 0 },
        { chip_nearly_masked, VLEK, DS_TCB_UP_TO_DATE, false, 64 },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(MILAN, cases[i].key);
        struct ds_claims c = { 0 };
        cases[i].change(&s);
        snp_synth_make(&s);
        assert_int_equal(run(&c, &s, cases[i].key, true, NULL), DS_OK);
        assert_int_equal(ds_claims_tcb_status(&c), cases[i].status);
        assert_int_equal(ds_claims_is_debug(&c), cases[i].is_debug);
        assert_int_equal(ds_claims_snp_chip_id64(&c).len, cases[i].chip_len);
        assert_int_equal(ds_claims_device_id32(&c).len, cases[i].chip_len / 2);
    }
}

/* Every byte that must be zero, set in a report that is signed so. */
static void reserved_bytes_are_zero(void **state)
{
    static const struct {
        size_t at, len;
    } reserved[] = { { 0x4c, 4 },    { 0x18b, 21 }, { 0x1eb, 1 },  { 0x1ef, 1 },
                     { 0x208, 152 }, { 0x2d0, 24 }, { 0x318, 24 }, { 0x330, 368 } };
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(TURIN, VCEK);
    uint8_t bytes[DS_SNP_REPORT_LEN];
    (void)state;
    snp_synth_make(&s);
    for (size_t i = 0; i < DS_LEN(reserved); i++)
        for (size_t k = reserved[i].at; k < reserved[i].at + reserved[i].len; k++) {
            struct ds_snp_report report;
            struct ds_error e = { 0 };
            snp_synth_report(bytes, &s);
            bytes[k] = 0x80;
            if (k < 0x2a0)
                snp_synth_sign(bytes, &s);
            assert_int_equal(ds_snp_report_parse(&report, DS_SPAN_OF(bytes), &e), DS_ERR_FORMAT);
            assert_int_equal(e.code, DS_CODE_SNP_REPORT_FORMAT);
            assert_string_equal(e.detail.got, "80");
        }
}

static void other_lengths_are_refused(void **state)
{
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(MILAN, VCEK);
    uint8_t bytes[DS_SNP_REPORT_LEN + 1] = { 0 };
    struct ds_snp_report report;
    struct ds_error e = { 0 };
    (void)state;
    snp_synth_make(&s);
    snp_synth_report(bytes, &s);
    assert_int_equal(ds_snp_report_parse(&report, DS_SPAN(bytes, DS_SNP_REPORT_LEN), &e), DS_OK);
    assert_int_equal(ds_snp_report_parse(&report, DS_SPAN_OF(bytes), &e), DS_ERR_TRAILING);
    assert_int_equal(e.code, DS_CODE_SNP_REPORT_FORMAT);
    for (size_t n = 0; n < DS_SNP_REPORT_LEN; n++)
        assert_int_equal(ds_snp_report_parse(&report, DS_SPAN(bytes, n), NULL), DS_ERR_TRUNCATED);
}

/* Each part of a chain left out. The root is not AMD's, so it is missed too. */
static void missing_parts_are_named(void **state)
{
    static const struct {
        enum ds_snp_slot slot;
        enum ds_snp_key key;
        enum ds_code code;
        const char *got;
    } cases[] = {
        { DS_SNP_VCEK, VCEK, DS_CODE_SNP_CERTS_MISSING, "ASK" },
        { DS_SNP_VLEK, VCEK, DS_CODE_NONE, "" },
        { DS_SNP_ASK, VCEK, DS_CODE_SNP_CERTS_MISSING, "VCEK" },
        { DS_SNP_ASVK, VCEK, DS_CODE_NONE, "" },
        { DS_SNP_VLEK, VLEK, DS_CODE_SNP_CERTS_MISSING, "ASVK" },
        { DS_SNP_ASVK, VLEK, DS_CODE_SNP_CERTS_MISSING, "VLEK" },
        { DS_SNP_ARK, VCEK, DS_CODE_SNP_CERTS_MISSING, "SEV-Milan" },
        { DS_SNP_CRL, VCEK, DS_CODE_SNP_CRL_MISSING, "no revocation list" },
    };
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(MILAN, VCEK);
    (void)state;
    snp_synth_make(&s);
    const struct ds_extra_anchor extra = snp_synth_anchor(&s, S_ARK, true);
    const struct ds_anchors anchors = { &extra, 1 };
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        struct ds_snp_certs certs = snp_synth_certs(&s);
        struct ds_snp_platform p;
        struct ds_error e = { 0 };
        certs.der[cases[i].slot] = (struct ds_span){ 0 };
        int r = ds_snp_platform_verify(&p, &certs, cases[i].key, &anchors, SNP_NOW, 0, &e);
        if (e.code != cases[i].code || strcmp(e.detail.got, cases[i].got) != 0)
            fail_msg("%zu: %s", i, e.msg);
        assert_int_equal(r, cases[i].code == DS_CODE_NONE ? DS_OK : DS_ERR_UNAVAILABLE);
    }
}

/* The caller's leave is for a list that is not there, not for one that does not hold. */
static void without_a_list_by_leave_only(void **state)
{
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(MILAN, VCEK);
    DS_AUTO(snp_synth_done) struct snp_synth revoked = snp_synth_good(MILAN, VCEK);
    (void)state;
    snp_synth_make(&s);
    revoked.is_ask_revoked = true;
    snp_synth_make(&revoked);
    const struct ds_extra_anchor extra = snp_synth_anchor(&s, S_ARK, true);
    const struct ds_anchors anchors = { &extra, 1 };
    struct ds_snp_certs certs = snp_synth_certs(&s);
    struct ds_snp_platform p;
    struct ds_error e = { 0 };
    certs.der[DS_SNP_CRL] = (struct ds_span){ 0 };
    assert_int_equal(ds_snp_platform_verify(&p, &certs, VCEK, &anchors, SNP_NOW,
                                            DS_SNP_ALLOW_NO_CRL, &e),
                     DS_OK);
    assert_false(p.is_crl_checked);
    assert_int_equal(p.valid_until_s, SNP_NOW + 2 * SNP_DAY);
    certs = snp_synth_certs(&revoked);
    assert_int_equal(ds_snp_platform_verify(&p, &certs, VCEK, &anchors, SNP_NOW,
                                            DS_SNP_ALLOW_NO_CRL, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SNP_CA_REVOKED);
}

static void a_key_that_signs_nothing_has_no_platform(void **state)
{
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(MILAN, VCEK);
    struct ds_snp_platform p;
    struct ds_error e = { 0 };
    (void)state;
    snp_synth_make(&s);
    assert_int_equal(platform_of(&p, &s, DS_SNP_KEY_NONE, true, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SNP_SIGNING_KEY);
}

/* The marker is for simulated anchors only; without it the same platform is custom. */
static void kinds_do_not_mix(void **state)
{
    DS_AUTO(snp_synth_done) struct snp_synth marked = snp_synth_good(MILAN, VCEK);
    DS_AUTO(snp_synth_done) struct snp_synth plain = snp_synth_good(MILAN, VCEK);
    struct ds_claims c = { 0 };
    struct ds_error e = { 0 };
    const struct ds_anchors pinned = { 0 };
    struct ds_snp_platform p;
    (void)state;
    snp_synth_make(&marked);
    assert_int_equal(run(&c, &marked, VCEK, false, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_MARKER_UNEXPECTED);
    struct ds_snp_certs certs = snp_synth_certs(&marked);
    assert_int_equal(ds_snp_platform_verify(&p, &certs, VCEK, &pinned, SNP_NOW, 0, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_ROOT_UNKNOWN);
    for (size_t i = 0; i < S_N_CERTS; i++)
        plain.plans[i].has_marker = false;
    snp_synth_make(&plain);
    assert_int_equal(run(&c, &plain, VCEK, false, &e), DS_OK);
    assert_int_equal(c.kind, DS_KIND_CUSTOM);
    for (size_t i = 0; i < S_N_CERTS; i++) {
        DS_AUTO(snp_synth_done) struct snp_synth one = snp_synth_good(MILAN, VCEK);
        for (size_t k = 0; k < S_N_CERTS; k++)
            one.plans[k].has_marker = k == i;
        snp_synth_make(&one);
        bool is_used = i == S_ARK || i == S_ASK || i == S_VCEK;
        assert_int_equal(run(&c, &one, VCEK, false, &e) == DS_OK, !is_used);
    }
}

/* A platform that was verified once holds within its dates and no longer. */
static void kept_platforms_go_out_of_date(void **state)
{
    static const struct {
        int64_t at_s;
        int want;
    } cases[] = {
        { SNP_NOW - SNP_DAY - 1, DS_ERR_STALE },
        { SNP_NOW - SNP_DAY, DS_OK },
        { SNP_NOW + SNP_DAY, DS_OK },
        { SNP_NOW + SNP_DAY + 1, DS_ERR_STALE },
    };
    DS_AUTO(snp_synth_done) struct snp_synth s = snp_synth_good(MILAN, VCEK);
    struct ds_snp_platform p;
    struct ds_snp_report report;
    uint8_t bytes[DS_SNP_REPORT_LEN];
    (void)state;
    snp_synth_make(&s);
    snp_synth_report(bytes, &s);
    assert_int_equal(platform_of(&p, &s, VCEK, true, NULL), DS_OK);
    assert_int_equal(ds_snp_report_parse(&report, DS_SPAN_OF(bytes), NULL), DS_OK);
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        struct ds_claims c = { 0 };
        struct ds_error e = { 0 };
        assert_int_equal(ds_snp_report_verify(&c, &report, &p, cases[i].at_s, &e), cases[i].want);
        assert_int_equal(e.code,
                         cases[i].want == DS_OK ? DS_CODE_NONE : DS_CODE_SNP_PLATFORM_DATES);
    }
}

/* AMD's roots, whole: they are the ones whose hashes are pinned, under their own names. */
static void roots_are_the_pinned_ones(void **state)
{
    static const char *const products[] = { "Milan", "Genoa", "Turin" };
    const struct ds_anchors none = { 0 };
    (void)state;
    for (size_t i = 0; i < DS_LEN(products); i++) {
        uint8_t name[125], spki_sha256[32];
        struct snp_ark ark;
        struct ds_anchor anchor;
        char want[32];
        (void)snprintf(want, sizeof want, "AMD ARK-%s", products[i]);
        assert_int_equal(ds_hex_decode(name, 120,
                                       DS_SPAN_LIT(
                                           "307b31143012060355040b0c0b456e67696e656572696e67"
                                           "310b300906035504061302555331143012060355040"
                                           "70c0b53616e746120436c617261310b300906035504"
                                           "080c024341311f301d060355040a0c16416476616e63"
                                           "6564204d6963726f20446576696365733112301006"
                                           "035504030c0941524b2d"),
                                       NULL),
                         DS_OK);
        memcpy(name + 120, products[i], 5);
        assert_true(snp_ark_find(&ark, DS_SPAN_OF(name)));
        assert_true(ds_span_eq_str(ds_x509_cn(&(struct ds_x509){ .subject = ark.name }), want + 4));
        assert_int_equal(ds_hash(DS_SHA256, spki_sha256, ark.spki, NULL), DS_OK);
        assert_int_equal(ds_anchors_find(&anchor, &none, DS_VENDOR_AMD, spki_sha256, NULL), DS_OK);
        assert_int_equal(anchor.kind, DS_KIND_HARDWARE);
        assert_string_equal(anchor.name, want);
        /* AMD's root vouches for no evidence of Intel's, unless the caller says so. */
        assert_int_equal(ds_anchors_find(&anchor, &none, DS_VENDOR_INTEL, spki_sha256, NULL),
                         DS_ERR_UNTRUSTED);
        struct ds_extra_anchor own = { .name = "own" };
        memcpy(own.spki_sha256, spki_sha256, 32);
        const struct ds_anchors given = { &own, 1 };
        assert_int_equal(ds_anchors_find(&anchor, &given, DS_VENDOR_INTEL, spki_sha256, NULL),
                         DS_OK);
        assert_int_equal(anchor.kind, DS_KIND_CUSTOM);
        name[124] ^= 1;
        assert_false(snp_ark_find(&ark, DS_SPAN_OF(name)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_product_and_key_verifies),
        cmocka_unit_test(roots_end_what_is_kept),
        cmocka_unit_test(claims_are_the_reports),
        cmocka_unit_test(other_claims_have_none_of_it),
        cmocka_unit_test(each_check_has_its_code),
        cmocka_unit_test(accepted_changes_are_told),
        cmocka_unit_test(reserved_bytes_are_zero),
        cmocka_unit_test(other_lengths_are_refused),
        cmocka_unit_test(missing_parts_are_named),
        cmocka_unit_test(without_a_list_by_leave_only),
        cmocka_unit_test(a_key_that_signs_nothing_has_no_platform),
        cmocka_unit_test(kinds_do_not_mix),
        cmocka_unit_test(kept_platforms_go_out_of_date),
        cmocka_unit_test(roots_are_the_pinned_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

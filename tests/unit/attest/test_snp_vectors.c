/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SEV-SNP evidence of real platforms: every file of the folder has its verdict
 * here, or the reason why it has none.
 */

#include <dirent.h>

#include "attest/snp/claims.h"
#include "attest/snp/evidence.h"
#include "attest/snp/verify.h"
#include "vectors.h"

#define AT_2022_09_26 1664150400
#define AT_2023_05_01 1682899200
#define AT_2025_06_01 1748736000
#define AT_2026_07_01 1782864000
#define AT_2035_01_01 2051222400

struct row {
    const char *report; /* a file; NULL: certificates only */
    size_t at;          /* of the report in the file */
    const char *certs[3];
    enum ds_snp_key key;
    int64_t now_s;
    enum ds_code code;           /* NONE: it verifies */
    const char *claim;           /* where it does not; NULL: any */
    enum ds_snp_product product; /* from here on: where it does */
    enum ds_tcb_status status;
    bool is_debug;
};

#define UP    DS_TCB_UP_TO_DATE
#define OUT   DS_TCB_OUT_OF_DATE
#define MILAN DS_SNP_PRODUCT_MILAN
#define GENOA DS_SNP_PRODUCT_GENOA
#define TURIN DS_SNP_PRODUCT_TURIN
#define VCEK  DS_SNP_KEY_VCEK
#define VLEK  DS_SNP_KEY_VLEK

/* clang-format off */
static const struct row rows[] = {
    /* A debug guest: policy has bit 19. Its verdict is policy's; the evidence holds. */
    { "snp/gosev_milan_report.bin", 0, { "snp/gosev_milan_vcek.der", "snp/gosev_milan_cert_chain.pem" }, VCEK, AT_2022_09_26, DS_CODE_NONE, NULL, MILAN, UP, true },
    { "snp/gosev_milan_report.bin", 0, { "snp/gosev_milan_vcek.der", "roots/amd_ask_milan.pem" }, VCEK, AT_2022_09_26, DS_CODE_NONE, NULL, MILAN, UP, true },
    { "snp/gosev_milan_report.bin", 0, { "snp/gosev_milan_vcek.der", "snp/gosev_milan_cert_chain.pem" }, VCEK, 1663900000, DS_CODE_X509_NOT_YET_VALID, NULL, 0, 0, false },
    { "snp/gosev_milan_report.bin", 0, { "snp/gosev_milan_vcek.der", "snp/gosev_milan_cert_chain.pem" }, VCEK, AT_2035_01_01, DS_CODE_X509_EXPIRED, NULL, 0, 0, false },
    /* Committed as reported, but newer firmware runs. */
    { "snp/trustee_vcek_report.bin", 0, { "snp/trustee_vcek.der", "roots/amd_ask_milan.pem" }, VCEK, AT_2023_05_01, DS_CODE_NONE, NULL, MILAN, OUT, false },
    { "snp/trustee_vcek_report.bin", 0, { "snp/trustee_vcek_invalid_legacy.der", "roots/amd_ask_milan.pem" }, VCEK, AT_2025_06_01, DS_CODE_X509_SIGNATURE, "SEV-VCEK", 0, 0, false },
    { "snp/trustee_vcek_report.bin", 0, { "snp/trustee_vcek_invalid_new.der", "roots/amd_ask_milan.pem" }, VCEK, AT_2025_06_01, DS_CODE_X509_SIGNATURE, "SEV-VCEK", 0, 0, false },
    /* VMPL 1; launched with what was committed, and neither is what was reported. */
    { "snp/trustee_vlek_report.bin", 0, { "snp/trustee_vlek.der", "snp/gosev_milan_vlek_cert_chain.pem" }, VLEK, AT_2025_06_01, DS_CODE_NONE, NULL, MILAN, OUT, false },
    { "snp/trustee_vlek_report.bin", 0, { "snp/trustee_vlek.der", "snp/gosev_milan_vlek_cert_chain.pem" }, VLEK, AT_2026_07_01, DS_CODE_X509_EXPIRED, "SEV-VLEK", 0, 0, false },
    { "snp/trustee_vlek_report.bin", 0, { "snp/trustee_vlek.der", "snp/gosev_milan_cert_chain.pem" }, VLEK, AT_2025_06_01, DS_CODE_SNP_CERTS_MISSING, NULL, 0, 0, false },
    { "snp/trustee_vlek_report.bin", 0, { "snp/trustee_vcek.der", "snp/gosev_milan_cert_chain.pem" }, VCEK, AT_2025_06_01, DS_CODE_SNP_SIGNING_KEY, NULL, 0, 0, false },
    { "snp/attestationrs_genoa_v5_report.bin", 0, { "snp/attestationrs_genoa_vcek.der", "roots/amd_ask_genoa.pem" }, VCEK, AT_2026_07_01, DS_CODE_NONE, NULL, GENOA, UP, false },
    { "snp/attestationrs_genoa_v5_report.bin", 0, { "snp/attestationrs_genoa_vcek.der", "roots/amd_ask_genoa.pem", "roots/amd_ark_genoa.pem" }, VCEK, AT_2026_07_01, DS_CODE_NONE, NULL, GENOA, UP, false },
    { "snp/attestationrs_genoa_v5_report.bin", 0, { "snp/attestationrs_genoa_vcek.der", "roots/amd_ask_milan.pem" }, VCEK, AT_2026_07_01, DS_CODE_X509_ISSUER, NULL, 0, 0, false },
    { "snp/attestationrs_genoa_v5_report.bin", 0, { "snp/attestationrs_genoa_vcek.der", "roots/amd_ask_genoa.pem", "roots/amd_ark_milan.pem" }, VCEK, AT_2026_07_01, DS_CODE_X509_ISSUER, NULL, 0, 0, false },
    { "snp/attestationrs_genoa_v5_report.bin", 0, { "snp/dstack_snp_vcek.pem", "snp/dstack_snp_ask.pem" }, VCEK, AT_2026_07_01, DS_CODE_SNP_PRODUCT, "product", 0, 0, false },
    { "snp/virtee_milan_report.bin", 0, { "snp/virtee_milan_vcek.der", "snp/virtee_milan_chain.pem" }, VCEK, AT_2023_05_01, DS_CODE_NONE, NULL, MILAN, UP, false },
    { "snp/virtee_milan_report.bin", 0, { "snp/trustee_vcek.der", "snp/virtee_milan_chain.pem" }, VCEK, AT_2023_05_01, DS_CODE_SNP_CHIP_MISMATCH, NULL, 0, 0, false },
    { "snp/virtee_milan_report.bin", 0, { "snp/gosev_milan_vcek.der", "snp/virtee_milan_chain.pem" }, VCEK, AT_2023_05_01, DS_CODE_SNP_TCB_MISMATCH, NULL, 0, 0, false },
    /* No report of a Turin is among the vectors: its chain holds. */
    { NULL, 0, { "snp/virtee_turin_vcek.der", "snp/virtee_turin_chain.pem" }, VCEK, AT_2025_06_01, DS_CODE_NONE, NULL, TURIN, 0, false },
    { NULL, 0, { "snp/virtee_turin_vcek.der", "roots/amd_ask_turin.pem" }, VCEK, AT_2025_06_01, DS_CODE_NONE, NULL, TURIN, 0, false },
    { "snp/attestationrs_genoa_v5_report.bin", 0, { "snp/virtee_turin_vcek.der", "roots/amd_ask_turin.pem" }, VCEK, AT_2025_06_01, DS_CODE_SNP_PRODUCT, "product", 0, 0, false },
    { "snp/mssidecar_report.bin", 0, { "snp/mssidecar_certs.pem" }, VCEK, AT_2023_05_01, DS_CODE_NONE, NULL, MILAN, UP, false },
    { "snp/dstack_snp_report.bin", 0, { "snp/dstack_snp_vcek.pem", "snp/dstack_snp_ask.pem" }, VCEK, AT_2026_07_01, DS_CODE_NONE, NULL, MILAN, OUT, false },
    /* The same inside dstack's wrapper. */
    { "snp/dstack_snp_attestation.bin", 4, { "snp/dstack_snp_vcek.pem", "snp/dstack_snp_ask.pem" }, VCEK, AT_2026_07_01, DS_CODE_NONE, NULL, MILAN, OUT, false },
    /* And inside Azure's HCL report. */
    { "azure/az-snp-vtpm_hcl-report.bin", 32, { "azure/az-snp-vtpm_vcek.pem" }, VCEK, AT_2025_06_01, DS_CODE_NONE, NULL, MILAN, OUT, false },
};

/* Files that have no verdict of their own here, and where they have one. */
static const struct {
    const char *file, *why;
} elsewhere[] = {
    { "snp/dstack_snp_verifier.json", "wrapped_evidence_verifies" },
    { "snp/oak_milan_release_evidence.textproto", "oak_lacks_its_certificate" },
    { "snp/mssidecar_security_policy.b64", "host_data_is_the_policys_hash" },
    { "snp/mssidecar_uvm_reference_info.cose", "endorses a launch measurement: no evidence of a platform, and COSE is not read here" },
    { "snp/measure", "known answers of launch digests: for the room that predicts them" },
};
/* clang-format on */

static int load_platform(struct ds_snp_platform *ret, struct ds_arena *a, const struct row *row,
                         uint32_t flags, struct ds_error *e)
{
    const struct ds_anchors pinned = { 0 };
    struct ds_snp_certs certs = { 0 };
    for (size_t i = 0; i < DS_LEN(row->certs) && row->certs[i] != NULL; i++)
        DS_TRY(ds_snp_certs_add(&certs, a, vectors_load(a, row->certs[i]), e));
    return ds_snp_platform_verify(ret, &certs, row->key, &pinned, row->now_s, flags, e);
}

static int run(struct ds_claims *c, struct ds_snp_platform *p, struct ds_arena *a,
               const struct row *row, struct ds_error *e)
{
    struct ds_snp_report report;
    DS_TRY(load_platform(p, a, row, DS_SNP_ALLOW_NO_CRL, e));
    if (row->report == NULL)
        return DS_OK;
    struct ds_span in = ds_span_sub(vectors_load(a, row->report), row->at, DS_SNP_REPORT_LEN);
    DS_TRY(ds_snp_report_parse(&report, in, e));
    return ds_snp_report_verify(c, &report, p, row->now_s, e);
}

static void reports_have_their_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct ds_arena a = vectors_arena((size_t)1 << 20);
        struct ds_error e = { 0 };
        struct ds_snp_platform p = { 0 };
        struct ds_claims *c = ds_claims_new_in(&a);
        int r = run(c, &p, &a, row, &e);
        if (e.code != row->code || (r == DS_OK) != (row->code == DS_CODE_NONE))
            fail_msg("row %zu: %s", i, r == DS_OK ? "verified" : e.msg);
        if (row->claim != NULL && strcmp(row->claim, e.detail.claim) != 0)
            fail_msg("row %zu: claim '%s'", i, e.detail.claim);
        if (r == DS_OK && p.product != row->product)
            fail_msg("row %zu: %s", i, ds_snp_product_text(p.product));
        bool is_proved = r == DS_OK && row->report != NULL;
        if (ds_claims_tcb_status(c) != row->status || ds_claims_is_debug(c) != row->is_debug ||
            ds_claims_kind(c) != (is_proved ? DS_KIND_HARDWARE : DS_KIND_NONE))
            fail_msg("row %zu: %s, %s", i, ds_kind_text(ds_claims_kind(c)),
                     ds_tcb_status_text(ds_claims_tcb_status(c)));
        free(a.p);
    }
}

/* No revocation list of AMD's is among the vectors: without the caller's leave nothing holds. */
static void without_a_list_nothing_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = vectors_arena((size_t)1 << 20);
        struct ds_snp_platform p, loose;
        struct ds_error e = { 0 };
        int r = load_platform(&p, &a, &rows[i], 0, &e);
        if (load_platform(&loose, &a, &rows[i], DS_SNP_ALLOW_NO_CRL, NULL) == DS_OK) {
            assert_int_equal(r, DS_ERR_UNAVAILABLE);
            assert_int_equal(e.code, DS_CODE_SNP_CRL_MISSING);
            assert_false(loose.is_crl_checked);
        }
        free(a.p);
    }
}

static bool is_listed(const char *file)
{
    for (size_t i = 0; i < DS_LEN(elsewhere); i++)
        if (strcmp(elsewhere[i].file, file) == 0)
            return true;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        bool is_here = rows[i].report != NULL && strcmp(rows[i].report, file) == 0;
        for (size_t k = 0; k < DS_LEN(rows[i].certs) && rows[i].certs[k] != NULL; k++)
            is_here = is_here || strcmp(rows[i].certs[k], file) == 0;
        if (is_here)
            return true;
    }
    return false;
}

static void no_file_is_passed_over(void **state)
{
    char path[512];
    size_t n = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/snp", vectors_dir());
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        (void)snprintf(path, sizeof path, "snp/%s", entry->d_name);
        if (entry->d_name[0] != '.' && !is_listed(path))
            fail_msg("%s has no row", path);
        n += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    assert_true(n >= 25);
}

/* What two verified reports say, field by field. */
static void claims_are_the_reports(void **state)
{
    struct ds_arena a = vectors_arena((size_t)1 << 20);
    struct ds_snp_platform p;
    struct ds_claims *c = ds_claims_new_in(&a);
    (void)state;
    assert_int_equal(run(c, &p, &a, &rows[23], NULL), DS_OK);
    assert_string_equal(rows[23].report, "snp/dstack_snp_report.bin");
    assert_string_equal(ds_claims_anchor(c), "AMD ARK-Milan");
    assert_int_equal(ds_claims_tee(c), DS_TEE_SEV_SNP);
    assert_string_equal(DS_HEX(ds_span_sub(ds_claims_snp_measurement48(c), 0, 8)),
                        "7f51e17f72a04d54");
    assert_string_equal(DS_HEX(ds_span_sub(ds_claims_snp_host_data32(c), 0, 8)),
                        "783f0057820acb99");
    assert_string_equal(DS_HEX(ds_span_sub(ds_claims_snp_chip_id64(c), 0, 16)),
                        "38d174589d2dff97a6d40cb9f9d90b95");
    assert_int_equal(ds_claims_snp_policy(c), 0x30000);
    assert_int_equal(ds_claims_snp_platform_info(c), 0x25);
    assert_int_equal(ds_claims_snp_report_version(c), 3);
    assert_int_equal(ds_claims_snp_vmpl(c), 0);
    assert_int_equal(ds_claims_snp_key(c), DS_SNP_KEY_VCEK);
    assert_string_equal(ds_claims_snp_csp_id(c), "");
    assert_int_equal(ds_claims_snp_author_key_digest48(c).len, 0);
    struct ds_snp_tcb now = ds_claims_snp_tcb(c, DS_SNP_TCB_CURRENT);
    struct ds_snp_tcb told = ds_claims_snp_tcb(c, DS_SNP_TCB_REPORTED);
    assert_int_equal(now.boot_loader, 4);
    assert_int_equal(now.snp, 0x18);
    assert_int_equal(told.snp, 0x17);
    assert_int_equal(told.microcode, 0xd5);
    assert_int_equal(ds_claims_snp_current_firmware(c).minor, 0x37);
    assert_false(ds_claims_snp_is_crl_checked(c));
    assert_int_equal(ds_claims_valid_from_s(c), 1781658304); /* the VCEK's */
    assert_int_equal(ds_claims_valid_until_s(c), 2002583104);

    assert_int_equal(run(c, &p, &a, &rows[7], NULL), DS_OK);
    assert_string_equal(rows[7].report, "snp/trustee_vlek_report.bin");
    assert_string_equal(ds_claims_snp_csp_id(c), "CN=cc-us-east-2.amazonaws.com");
    assert_int_equal(ds_claims_snp_key(c), DS_SNP_KEY_VLEK);
    assert_int_equal(ds_claims_snp_vmpl(c), 1);
    assert_int_equal(ds_claims_snp_chip_id64(c).len, 0);
    assert_int_equal(ds_claims_device_id32(c).len, 0);
    free(a.p);
}

static struct ds_span attestation_of(struct ds_arena *a, size_t i)
{
    return i == 0 ? vectors_load(a, "snp/dstack_snp_attestation.bin")
                  : vectors_load_member(a, "snp/dstack_snp_verifier.json", "attestation", true);
}

/* One has no certificates, as its reader fetches them; the other carries ASK and VCEK. */
static void wrapped_evidence_verifies(void **state)
{
    static const struct {
        size_t n_certs;
        int64_t now_s;
        const char *measurement, *host_data;
    } want[] = {
        { 0, AT_2026_07_01, "7f51e17f72a04d54", "783f0057820acb99" },
        { 2, AT_2026_07_01, NULL, NULL },
    };
    const struct ds_anchors pinned = { 0 };
    (void)state;
    for (size_t i = 0; i < DS_LEN(want); i++) {
        struct ds_arena a = vectors_arena((size_t)2 << 20);
        struct ds_attestation at;
        struct ds_snp_evidence ev;
        struct ds_snp_platform p;
        struct ds_error e = { 0 };
        struct ds_claims *c = ds_claims_new_in(&a);
        assert_int_equal(ds_attestation_parse(&at, &a, attestation_of(&a, i), &e), DS_OK);
        assert_int_equal(at.n_certs, want[i].n_certs);
        if (ds_snp_evidence_of(&ev, &a, &at, &e) < 0)
            fail_msg("%zu: %s", i, e.msg);
        for (size_t k = 0; at.n_certs == 0 && k < 2; k++)
            assert_int_equal(ds_snp_certs_add(&ev.certs, &a,
                                              vectors_load(&a, k == 0 ? "snp/dstack_snp_ask.pem"
                                                                      : "snp/dstack_snp_vcek.pem"),
                                              &e),
                             DS_OK);
        if (ds_snp_platform_verify(&p, &ev.certs, ds_snp_report_key(&ev.report), &pinned,
                                   want[i].now_s, DS_SNP_ALLOW_NO_CRL, &e) < 0 ||
            ds_snp_report_verify(c, &ev.report, &p, want[i].now_s, &e) < 0)
            fail_msg("%zu: %s", i, e.msg);
        assert_memory_equal(ds_claims_report_data64(c).p, at.report_data64, 64);
        if (want[i].measurement != NULL) {
            assert_string_equal(DS_HEX(ds_span_sub(ds_claims_snp_measurement48(c), 0, 8)),
                                want[i].measurement);
            assert_string_equal(DS_HEX(ds_span_sub(ds_claims_snp_host_data32(c), 0, 8)),
                                want[i].host_data);
        }
        free(a.p);
    }
}

/* A bytes field of a text protobuf: C escapes in one string. */
static struct ds_span textproto_bytes(struct ds_arena *a, struct ds_span text, const char *field)
{
    const char *at = memmem(text.p, text.len, field, strlen(field));
    assert_non_null(at);
    const char *p = strchr(at, '"') + 1;
    uint8_t *out = ds_arena_get(a, 4096);
    size_t n = 0;
    while (*p != '"') {
        if (*p != '\\') {
            out[n++] = (uint8_t)*p++;
            continue;
        }
        static const char letters[] = "nrt'\"\\", values[] = "\n\r\t'\"\\";
        const char *letter = strchr(letters, p[1]);
        if (letter != NULL) {
            out[n++] = (uint8_t)values[letter - letters];
            p += 2;
            continue;
        }
        assert_true(p[1] >= '0' && p[1] <= '3');
        out[n++] = (uint8_t)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
        p += 4;
    }
    return DS_SPAN(out, n);
}

/*
 * The index says VALID with its endorsements; those are another file, which is not here. So
 * the report is read, and refused for want of its VCEK.
 */
static void oak_lacks_its_certificate(void **state)
{
    struct ds_arena a = vectors_arena((size_t)1 << 20);
    const struct ds_anchors pinned = { 0 };
    struct ds_snp_certs certs = { 0 };
    struct ds_snp_platform p;
    struct ds_snp_report report;
    struct ds_error e = { 0 };
    (void)state;
    struct ds_span text = vectors_load(&a, "snp/oak_milan_release_evidence.textproto");
    struct ds_span in = textproto_bytes(&a, text, "remote_attestation_report");
    if (ds_snp_report_parse(&report, in, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(report.version, 3);
    assert_int_equal(ds_snp_report_product(&report), DS_SNP_PRODUCT_MILAN);
    assert_int_equal(ds_snp_certs_add(&certs, &a,
                                      vectors_load(&a, "snp/gosev_milan_cert_chain.pem"), &e),
                     DS_OK);
    assert_int_equal(ds_snp_platform_verify(&p, &certs, ds_snp_report_key(&report), &pinned,
                                            AT_2025_06_01, DS_SNP_ALLOW_NO_CRL, &e),
                     DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_SNP_CERTS_MISSING);
    free(a.p);
}

static void host_data_is_the_policys_hash(void **state)
{
    struct ds_arena a = vectors_arena((size_t)1 << 20);
    struct ds_snp_report report;
    uint8_t policy[1024], hash32[32];
    size_t n;
    (void)state;
    struct ds_span text = vectors_load(&a, "snp/mssidecar_security_policy.b64");
    assert_int_equal(ds_base64_decode_ws(policy, &n, sizeof policy, text, NULL), DS_OK);
    assert_int_equal(ds_hash(DS_SHA256, hash32, DS_SPAN(policy, n), NULL), DS_OK);
    assert_int_equal(ds_snp_report_parse(&report, vectors_load(&a, "snp/mssidecar_report.bin"),
                                         NULL),
                     DS_OK);
    assert_memory_equal(report.host_data32, hash32, 32);
    free(a.p);
}

/* One bit of each byte of each report that verifies: no byte of a report is unsigned. */
static void changed_reports_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = vectors_arena((size_t)1 << 20);
        struct ds_snp_platform p;
        struct ds_claims *c = ds_claims_new_in(&a);
        if (rows[i].code != DS_CODE_NONE || rows[i].report == NULL) {
            free(a.p);
            continue;
        }
        assert_int_equal(load_platform(&p, &a, &rows[i], DS_SNP_ALLOW_NO_CRL, NULL), DS_OK);
        struct ds_span file = vectors_load(&a, rows[i].report);
        uint8_t *bytes = ds_arena_get(&a, DS_SNP_REPORT_LEN);
        memcpy(bytes, file.p + rows[i].at, DS_SNP_REPORT_LEN);
        for (size_t k = 0; k < DS_SNP_REPORT_LEN; k++) {
            struct ds_snp_report report;
            uint8_t bit = (uint8_t)(1u << (k * 5 + i) % 8);
            bytes[k] ^= bit;
            int r = ds_snp_report_parse(&report, DS_SPAN(bytes, DS_SNP_REPORT_LEN), NULL);
            if (r == DS_OK)
                r = ds_snp_report_verify(c, &report, &p, rows[i].now_s, NULL);
            if (r == DS_OK)
                fail_msg("row %zu, byte %zu", i, k);
            bytes[k] ^= bit;
        }
        free(a.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_have_their_verdicts),
        cmocka_unit_test(without_a_list_nothing_holds),
        cmocka_unit_test(no_file_is_passed_over),
        cmocka_unit_test(claims_are_the_reports),
        cmocka_unit_test(wrapped_evidence_verifies),
        cmocka_unit_test(oak_lacks_its_certificate),
        cmocka_unit_test(host_data_is_the_policys_hash),
        cmocka_unit_test(changed_reports_are_refused),
    };
    if (vectors_dir() == NULL) {
        (void)fprintf(stderr, "skipped: DSTACK_VECTORS names no folder of recorded evidence\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

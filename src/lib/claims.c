/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims as one table: name, what has it, how many values, and the value.
 * The numbers and the meaning stand in <dstack/attest.h>.
 */
#include "attest/sgx/claims.h"
#include "attest/snp/claims.h"
#include "attest/tdx/claims.h"
#include "base/scope.h"
#include "lib/private.h"

/* Whose claim it is. */
#define TDX   (1u << DS_TEE_TDX)
#define SGX   (1u << DS_TEE_SGX)
#define SNP   (1u << DS_TEE_SEV_SNP)
#define INTEL (TDX | SGX)
#define ALL   (INTEL | SNP)
#define LOG   (1u << 31) /* of evidence that came with one */

#define N_RTMR 4

static const char *tee_text(const struct ds_claims *c)
{
    static const char *const texts[] = {
        [DS_TEE_NONE] = "", [DS_TEE_TDX] = "tdx", [DS_TEE_SGX] = "sgx", [DS_TEE_SEV_SNP] = "sev-snp"
    };
    return texts[ds_claims_tee(c)];
}

static const char *snp_key_text(const struct ds_claims *c)
{
    return ds_claims_snp_key(c) == DS_SNP_KEY_VLEK ? "vlek" : "vcek";
}

static uint64_t snp_mitigations(const struct ds_claims *c, size_t i)
{
    return i == 0 ? ds_claims_snp_launch_mit_vector(c) : ds_claims_snp_current_mit_vector(c);
}

static size_t n_current(const struct ds_claims *c)
{
    return ds_claims_current_tcb_status(c) != DS_TCB_NONE ? 1 : 0;
}

static size_t n_advisories(const struct ds_claims *c)
{
    size_t n = 0;
    while (ds_claims_advisory(c, n) != NULL)
        n++;
    return n;
}

/*
 * B: bytes, N: a number, T: text; (claim, name, whose, how many, value i).
 * A value that is empty is none.
 */
/* clang-format off */
#define CLAIMS(B, N, T)                                                                             \
    T(TEE, "tee", ALL, 1, tee_text(c))                                                              \
    T(KIND, "kind", ALL, 1, ds_kind_text(ds_claims_kind(c)))                                        \
    T(ANCHOR, "anchor", ALL, 1, ds_claims_anchor(c))                                                \
    B(REPORT_DATA, "report_data", ALL, 1, ds_claims_report_data64(c))                               \
    B(DEVICE_ID, "device_id", ALL, 1, ds_claims_device_id32(c))                                     \
    N(DEBUG, "debug", ALL, 1, ds_claims_is_debug(c))                                                \
    T(TCB_STATUS, "tcb_status", ALL, 1, ds_tcb_status_text(ds_claims_tcb_status(c)))                \
    N(VALID_FROM_S, "valid_from_s", ALL, 1, (uint64_t)ds_claims_valid_from_s(c))                    \
    N(VALID_UNTIL_S, "valid_until_s", ALL, 1, (uint64_t)ds_claims_valid_until_s(c))                 \
    B(FMSPC, "fmspc", INTEL, 1, ds_claims_fmspc6(c))                                                \
    N(TCB_DATE_S, "tcb_date_s", INTEL, 1, (uint64_t)ds_claims_tcb_date_s(c))                        \
    N(TCB_EVAL_NUMBER, "tcb_eval_number", INTEL, 1, ds_claims_tcb_eval_number(c))                   \
    T(ADVISORIES, "advisories", INTEL, n_advisories(c), ds_claims_advisory(c, i))                   \
    B(MRTD, "mrtd", TDX, 1, ds_claims_mrtd48(c))                                                    \
    B(RTMR, "rtmr", TDX, N_RTMR, ds_claims_rtmr48(c, (unsigned)i))                                  \
    B(MRCONFIGID, "mrconfigid", TDX, 1, ds_claims_mrconfigid48(c))                                  \
    B(MROWNER, "mrowner", TDX, 1, ds_claims_mrowner48(c))                                           \
    B(MROWNERCONFIG, "mrownerconfig", TDX, 1, ds_claims_mrownerconfig48(c))                         \
    B(MRSEAM, "mrseam", TDX, 1, ds_claims_mrseam48(c))                                              \
    B(MRSERVICETD, "mrservicetd", TDX, 1, ds_claims_mrservicetd48(c))                               \
    N(TD_ATTRIBUTES, "td_attributes", TDX, 1, ds_claims_td_attributes(c))                           \
    N(XFAM, "xfam", TDX, 1, ds_claims_xfam(c))                                                      \
    B(TEE_TCB_SVN, "tee_tcb_svn", TDX, 1, ds_claims_tee_tcb_svn16(c))                               \
    B(TEE_TCB_SVN2, "tee_tcb_svn2", TDX, 1, ds_claims_tee_tcb_svn2_16(c))                           \
    T(CURRENT_TCB_STATUS, "current_tcb_status", TDX, n_current(c),                                  \
      ds_tcb_status_text(ds_claims_current_tcb_status(c)))                                          \
    N(CURRENT_TCB_DATE_S, "current_tcb_date_s", TDX, n_current(c),                                  \
      (uint64_t)ds_claims_current_tcb_date_s(c))                                                    \
    B(MRENCLAVE, "mrenclave", SGX, 1, ds_claims_mrenclave32(c))                                     \
    B(MRSIGNER, "mrsigner", SGX, 1, ds_claims_mrsigner32(c))                                        \
    B(SGX_ATTRIBUTES, "sgx_attributes", SGX, 1, ds_claims_sgx_attributes16(c))                      \
    B(MISCSELECT, "miscselect", SGX, 1, ds_claims_sgx_miscselect4(c))                               \
    B(ISVEXTPRODID, "isvextprodid", SGX, 1, ds_claims_isvextprodid16(c))                            \
    B(ISVFAMILYID, "isvfamilyid", SGX, 1, ds_claims_isvfamilyid16(c))                               \
    B(CONFIGID, "configid", SGX, 1, ds_claims_configid64(c))                                        \
    N(ISVPRODID, "isvprodid", SGX, 1, ds_claims_isvprodid(c))                                       \
    N(ISVSVN, "isvsvn", SGX, 1, ds_claims_isvsvn(c))                                                \
    N(CONFIGSVN, "configsvn", SGX, 1, ds_claims_configsvn(c))                                       \
    T(SNP_PRODUCT, "snp_product", SNP, 1, ds_snp_product_text(ds_claims_snp_product(c)))            \
    T(SNP_KEY, "snp_key", SNP, 1, snp_key_text(c))                                                  \
    B(SNP_MEASUREMENT, "snp_measurement", SNP, 1, ds_claims_snp_measurement48(c))                   \
    B(SNP_HOST_DATA, "snp_host_data", SNP, 1, ds_claims_snp_host_data32(c))                         \
    B(SNP_FAMILY_ID, "snp_family_id", SNP, 1, ds_claims_snp_family_id16(c))                         \
    B(SNP_IMAGE_ID, "snp_image_id", SNP, 1, ds_claims_snp_image_id16(c))                            \
    B(SNP_ID_KEY_DIGEST, "snp_id_key_digest", SNP, 1, ds_claims_snp_id_key_digest48(c))             \
    B(SNP_AUTHOR_KEY_DIGEST, "snp_author_key_digest", SNP, 1,                                       \
      ds_claims_snp_author_key_digest48(c))                                                         \
    B(SNP_REPORT_ID, "snp_report_id", SNP, 1, ds_claims_snp_report_id32(c))                         \
    B(SNP_REPORT_ID_MA, "snp_report_id_ma", SNP, 1, ds_claims_snp_report_id_ma32(c))                \
    B(SNP_CHIP_ID, "snp_chip_id", SNP, 1, ds_claims_snp_chip_id64(c))                               \
    T(SNP_CSP_ID, "snp_csp_id", SNP, 1, ds_claims_snp_csp_id(c))                                    \
    N(SNP_CRL_CHECKED, "snp_crl_checked", SNP, 1, ds_claims_snp_is_crl_checked(c))                  \
    N(SNP_POLICY, "snp_policy", SNP, 1, ds_claims_snp_policy(c))                                    \
    N(SNP_PLATFORM_INFO, "snp_platform_info", SNP, 1, ds_claims_snp_platform_info(c))               \
    N(SNP_KEY_INFO, "snp_key_info", SNP, 1, ds_claims_snp_key_info(c))                              \
    N(SNP_REPORT_VERSION, "snp_report_version", SNP, 1, ds_claims_snp_report_version(c))            \
    N(SNP_VMPL, "snp_vmpl", SNP, 1, ds_claims_snp_vmpl(c))                                          \
    N(SNP_GUEST_SVN, "snp_guest_svn", SNP, 1, ds_claims_snp_guest_svn(c))                           \
    N(SNP_MITIGATIONS, "snp_mitigations", SNP, 2, snp_mitigations(c, i))                            \
    B(SNP_TCB, "snp_tcb", SNP, DS_SNP_N_TCBS, ds_claims_snp_tcb8(c, (enum ds_snp_tcb_kind)i))       \
    B(APP_ID, "app_id", LOG, 1, ds_claims_app_id(c))                                                \
    B(COMPOSE_HASH, "compose_hash", LOG, 1, ds_claims_compose_hash(c))                              \
    B(INSTANCE_ID, "instance_id", LOG, 1, ds_claims_instance_id(c))                                 \
    B(OS_IMAGE_HASH, "os_image_hash", LOG, 1, ds_claims_os_image_hash(c))                           \
    B(KEY_PROVIDER, "key_provider", LOG, 1, ds_claims_key_provider(c))                              \
    B(GPU_POLICY_HASH, "gpu_policy_hash", LOG, 1, ds_claims_gpu_policy_hash(c))                     \
    B(STORAGE_FS, "storage_fs", LOG, 1, ds_claims_storage_fs(c))                                    \
    B(INIT_SCRIPTS, "init_scripts", LOG, ds_claims_n_init_script_hashes(c),                         \
      ds_claims_init_script_hash(c, i))                                                             \
    N(BOOT_DONE, "boot_done", LOG, 1, ds_claims_is_boot_done(c))                                    \
    N(SYSTEM_READY, "system_ready", LOG, 1, ds_claims_is_system_ready(c))
/* clang-format on */

#define COUNT(id, n)                                    \
    static size_t count_##id(const struct ds_claims *c) \
    {                                                   \
        (void)c;                                        \
        return (n);                                     \
    }
#define B(id, name, of, n, value)                                       \
    COUNT(id, n)                                                        \
    static struct ds_span get_##id(const struct ds_claims *c, size_t i) \
    {                                                                   \
        (void)i;                                                        \
        return (value);                                                 \
    }
#define N(id, name, of, n, value)                                 \
    COUNT(id, n)                                                  \
    static uint64_t get_##id(const struct ds_claims *c, size_t i) \
    {                                                             \
        (void)i;                                                  \
        return (value);                                           \
    }
#define T(id, name, of, n, value)                                    \
    COUNT(id, n)                                                     \
    static const char *get_##id(const struct ds_claims *c, size_t i) \
    {                                                                \
        (void)i;                                                     \
        return (value);                                              \
    }
CLAIMS(B, N, T)
#undef B
#undef N
#undef T

static const struct row {
    const char *name;
    enum ds_attest_shape shape;
    unsigned of;
    size_t (*count)(const struct ds_claims *c);
    struct ds_span (*bytes)(const struct ds_claims *c, size_t i);
    uint64_t (*number)(const struct ds_claims *c, size_t i);
    const char *(*text)(const struct ds_claims *c, size_t i);
} rows[] = {
#define B(id, name, of, n, value) \
    [DS_ATTEST_##id] = { name, DS_ATTEST_BYTES, of, count_##id, get_##id, NULL, NULL },
#define N(id, name, of, n, value) \
    [DS_ATTEST_##id] = { name, DS_ATTEST_NUMBER, of, count_##id, NULL, get_##id, NULL },
#define T(id, name, of, n, value) \
    [DS_ATTEST_##id] = { name, DS_ATTEST_TEXT, of, count_##id, NULL, NULL, get_##id },
    CLAIMS(B, N, T)
#undef B
#undef N
#undef T
};

/* NULL for a number that is no claim. */
static const struct row *find(int claim)
{
    return claim > 0 && (size_t)claim < DS_LEN(rows) ? &rows[claim] : NULL;
}

const char *ds_attest_claim_name(int claim)
{
    return find(claim) != NULL ? find(claim)->name : NULL;
}

enum ds_attest_shape ds_attest_claim_shape(enum ds_attest_claim claim)
{
    return find((int)claim) != NULL ? find((int)claim)->shape : rows[0].shape; /* of no claim: 0 */
}

static bool is_of(const struct row *row, const struct ds_claims *c)
{
    return (row->of & LOG) != 0 ? ds_claims_has_log(c) : (row->of >> ds_claims_tee(c) & 1) != 0;
}

static bool is_empty(const struct row *row, const struct ds_claims *c)
{
    if (row->bytes != NULL)
        return row->bytes(c, 0).len == 0;
    return row->text != NULL && row->text(c, 0)[0] == '\0';
}

size_t ds_attest_claim_count(const struct ds_attest_claims *claims, enum ds_attest_claim claim)
{
    const struct row *row = find((int)claim);
    if (claims == NULL || row == NULL || !is_of(row, claims->c))
        return 0;
    size_t n = row->count(claims->c);
    return n > 0 && is_empty(row, claims->c) ? 0 : n;
}

struct ds_attest_bytes ds_attest_claim_bytes(const struct ds_attest_claims *c,
                                             enum ds_attest_claim claim, size_t i)
{
    if (i >= ds_attest_claim_count(c, claim) || rows[claim].bytes == NULL)
        return (struct ds_attest_bytes){ NULL, 0 };
    struct ds_span value = rows[claim].bytes(c->c, i);
    return (struct ds_attest_bytes){ value.p, value.len };
}

uint64_t ds_attest_claim_number(const struct ds_attest_claims *c, enum ds_attest_claim claim,
                                size_t i)
{
    bool is_there = i < ds_attest_claim_count(c, claim) && rows[claim].number != NULL;
    return is_there ? rows[claim].number(c->c, i) : 0;
}

const char *ds_attest_claim_text(const struct ds_attest_claims *c, enum ds_attest_claim claim,
                                 size_t i)
{
    bool is_there = i < ds_attest_claim_count(c, claim) && rows[claim].text != NULL;
    return is_there ? rows[claim].text(c->c, i) : "";
}

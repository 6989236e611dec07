/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows, and the small readers of those claims that attest/ has in another form.
 */
#include "policy/attribute.h"

#include <assert.h>
#include <stdio.h>

#include "attest/sgx/claims.h"
#include "attest/snp/claims.h"
#include "attest/tdx/claims.h"

#define YEARS_S(n) ((uint64_t)(n) * 366 * 24 * 3600)

/* Bits that no word names: nothing allows them. */
#define UNKNOWN_FLAG POLICY_BIT(63)

static const struct policy_section_info sections[] = {
    [POLICY_IN_TOP] = { "", POLICY_TEES_ALL, false, "" },
    [POLICY_IN_APP] = { "app", POLICY_TEES_ALL, false,
                        "what the event log says that is bound to the evidence" },
    [POLICY_IN_INTEL] = { "intel", POLICY_TEE(DS_TEE_TDX) | POLICY_TEE(DS_TEE_SGX), true,
                          "for evidence of TDX and SGX" },
    [POLICY_IN_TDX] = { "tdx", POLICY_TEE(DS_TEE_TDX), true, "for evidence of Intel TDX" },
    [POLICY_IN_SGX] = { "sgx", POLICY_TEE(DS_TEE_SGX), true, "for evidence of Intel SGX" },
    [POLICY_IN_SNP] = { "snp", POLICY_TEE(DS_TEE_SEV_SNP), true, "for evidence of AMD SEV-SNP" },
};

static const char
    *const tee_words[] = { [DS_TEE_TDX] = "tdx", [DS_TEE_SGX] = "sgx", [DS_TEE_SEV_SNP] = "snp" };
static const char *const kind_words[] = { [DS_KIND_HARDWARE] = "hardware",
                                          [DS_KIND_SIMULATED] = "simulated",
                                          [DS_KIND_CUSTOM] = "custom" };
static const char *const status_words[] = {
    [DS_TCB_UP_TO_DATE] = "UpToDate",
    [DS_TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
    [DS_TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
    [DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
    [DS_TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
    [DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
    [DS_TCB_OUT_OF_DATE] = "OutOfDate",
    [DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
    [DS_TCB_REVOKED] = "Revoked",
};
static const char *const session_words[] = { [POLICY_SESSION_NONCE] = "nonce",
                                             [POLICY_SESSION_CERTIFICATE] = "certificate",
                                             [POLICY_SESSION_ATTESTED] = "attested" };
static const char
    *const snp_key_words[] = { [DS_SNP_KEY_VCEK] = "vcek", [DS_SNP_KEY_VLEK] = "vlek" };

/* A set of flags in a claim: each word's bit there, and whether it counts when it is clear. */
struct flag {
    uint64_t bit;
    bool is_inverted;
};

static uint64_t flags_of(uint64_t value, const struct flag *flags, size_t n)
{
    uint64_t ret = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_set = (value & flags[i].bit) != 0;
        ret |= is_set != flags[i].is_inverted ? POLICY_BIT(i) : 0;
        value &= ~flags[i].bit;
    }
    return value != 0 ? ret | UNKNOWN_FLAG : ret;
}

/* What can weaken a TD (Intel TDX Module ABI, ATTRIBUTES); bits 0 to 7 are the debug group. */
static const char *const td_words[] = { "sept_ve", "migratable", "lass",   "pks",
                                        "kl",      "tpa",        "perfmon" };
static const struct flag td_flags[] = {
    { (uint64_t)1 << 28, true }, /* SEPT_VE_DISABLE */
    { (uint64_t)1 << 29, false }, { (uint64_t)1 << 27, false }, { (uint64_t)1 << 30, false },
    { (uint64_t)1 << 31, false }, { (uint64_t)1 << 62, false }, { (uint64_t)1 << 63, false },
};
#define TD_DEBUG ((uint64_t)1 << 0) /* has a rule of its own */

/*
 * What is switched on of the extended state: XFAM of a TD (Intel TDX Module ABI, XFAM) and XFRM of
 * an enclave (Intel SDM 3D, ATTRIBUTES) number it as XCR0 and IA32_XSS do (SDM 1, XSAVE).
 */
static const char *const xfeature_words[] = { "avx", "mpx",   "avx512", "pt",  "pkru",
                                              "cet", "uintr", "lbr",    "amx", "apx" };
static const struct flag xfeature_flags[] = {
    { UINT64_C(1) << 2, false },  { UINT64_C(3) << 3, false },  { UINT64_C(7) << 5, false },
    { UINT64_C(1) << 8, false },  { UINT64_C(1) << 9, false },  { UINT64_C(3) << 11, false },
    { UINT64_C(1) << 14, false }, { UINT64_C(1) << 15, false }, { UINT64_C(3) << 17, false },
    { UINT64_C(1) << 19, false },
};
#define X87_AND_SSE UINT64_C(3) /* always on */

/* Intel SDM 3D, ATTRIBUTES of the SECS: what an enclave may do beside running. */
static const char *const enclave_words[] = { "provision_key", "einittoken_key", "cet", "kss",
                                             "aex_notify" };
static const struct flag enclave_flags[] = {
    { 1 << 4, false }, { 1 << 5, false }, { 1 << 6, false }, { 1 << 7, false }, { 1 << 10, false },
};
/* INIT is in every quote, MODE64BIT is how it runs; DEBUG has a rule of its own. */
#define ENCLAVE_PLAIN UINT64_C(7)

/* Intel SDM 3D, MISCSELECT of the SECS: what is told of an exception inside. */
static const char *const misc_words[] = { "exinfo", "cpinfo" };
static const struct flag misc_flags[] = { { 1 << 0, false }, { 1 << 1, false } };

/* AMD 56860, "Mitigation vectors": numbered there, and more to come. */
/* clang-format off */
static const char *const bit_words[] = {
    "bit0", "bit1", "bit2", "bit3", "bit4", "bit5", "bit6", "bit7", "bit8", "bit9", "bit10",
    "bit11", "bit12", "bit13", "bit14", "bit15", "bit16", "bit17", "bit18", "bit19", "bit20",
    "bit21", "bit22", "bit23", "bit24", "bit25", "bit26", "bit27", "bit28", "bit29", "bit30",
    "bit31", "bit32", "bit33", "bit34", "bit35", "bit36", "bit37", "bit38", "bit39", "bit40",
    "bit41", "bit42", "bit43", "bit44", "bit45", "bit46", "bit47", "bit48", "bit49", "bit50",
    "bit51", "bit52", "bit53", "bit54", "bit55", "bit56", "bit57", "bit58", "bit59", "bit60",
    "bit61", "bit62", "bit63"
};
/* clang-format on */
static_assert(DS_LEN(bit_words) == 64, "a word a bit");

/* AMD 56860 4.3: what the guest's owner lets the host do, and what he demands of it. */
static const char *const snp_allowed_words[] = { "smt", "migrate_ma", "cxl" };
static const struct flag snp_allowed_flags[] = {
    { DS_SNP_POLICY_SMT, false },
    { DS_SNP_POLICY_MIGRATE_MA, false },
    { DS_SNP_POLICY_CXL_ALLOW, false },
};
static const char *const snp_required_words[] = { "single_socket", "mem_aes_256_xts", "rapl_dis",
                                                  "ciphertext_hiding", "page_swap_disable" };
static const struct flag snp_required_flags[] = {
    { DS_SNP_POLICY_SINGLE_SOCKET, false },     { DS_SNP_POLICY_MEM_AES_256_XTS, false },
    { DS_SNP_POLICY_RAPL_DIS, false },          { DS_SNP_POLICY_CIPHERTEXT_HIDING, false },
    { DS_SNP_POLICY_PAGE_SWAP_DISABLE, false },
};

/* AMD 56860, PLATFORM_INFO. */
static const char *const platform_allowed_words[] = { "smt", "tio" };
static const struct flag platform_allowed_flags[] = { { DS_SNP_PLATFORM_SMT, false },
                                                      { DS_SNP_PLATFORM_TIO, false } };
static const char *const platform_required_words[] = { "tsme", "ecc", "rapl_dis",
                                                       "ciphertext_hiding", "alias_check" };
static const struct flag platform_required_flags[] = {
    { DS_SNP_PLATFORM_TSME, false },        { DS_SNP_PLATFORM_ECC, false },
    { DS_SNP_PLATFORM_RAPL_DIS, false },    { DS_SNP_PLATFORM_CIPHERTEXT, false },
    { DS_SNP_PLATFORM_ALIAS_CHECK, false },
};

static enum ds_code code_of_kind(const struct ds_claims *c)
{
    static const enum ds_code codes[] = {
        [DS_KIND_NONE] = DS_CODE_POLICY_NO_EVIDENCE,
        [DS_KIND_HARDWARE] = DS_CODE_POLICY_HARDWARE_EVIDENCE,
        [DS_KIND_SIMULATED] = DS_CODE_POLICY_SIMULATED_EVIDENCE,
        [DS_KIND_CUSTOM] = DS_CODE_POLICY_CUSTOM_ROOT,
    };
    return codes[ds_claims_kind(c)];
}

static enum ds_code code_of_status(const struct ds_claims *c)
{
    return ds_claims_tcb_status(c) == DS_TCB_REVOKED ? DS_CODE_POLICY_TCB_REVOKED
                                                     : DS_CODE_POLICY_TCB_STATUS;
}

static bool is_snp(const struct ds_claims *c) { return ds_claims_tee(c) == DS_TEE_SEV_SNP; }

/* Whether, and since when; a date that is to come is no age. */
static bool age_of(uint64_t *ret, int64_t date_s, const struct policy_facts *facts)
{
    *ret = facts->now_s > date_s ? (uint64_t)facts->now_s - (uint64_t)date_s : 0;
    return date_s != 0;
}

#define NUMBER(name)                                           \
    static bool name(uint64_t *ret, const struct ds_claims *c, \
                     const struct policy_facts *facts __attribute__((unused)))

NUMBER(tee) { return (*ret = ds_claims_tee(c)) != DS_TEE_NONE; }
NUMBER(kind) { return (*ret = ds_claims_kind(c)) != DS_KIND_NONE; }
NUMBER(debug) { return (*ret = ds_claims_is_debug(c), true); }
NUMBER(status) { return (*ret = ds_claims_tcb_status(c), true); }
NUMBER(session)
{
    (void)c;
    return (*ret = facts->session) != POLICY_SESSION_NONE;
}
NUMBER(event_log) { return (*ret = ds_claims_has_log(c), true); }

/* TD 1.5 has two levels: the older one counts. */
NUMBER(tcb_age)
{
    int64_t date_s = ds_claims_tcb_date_s(c), current_s = ds_claims_current_tcb_date_s(c);
    return age_of(ret, current_s != 0 && current_s < date_s ? current_s : date_s, facts);
}

NUMBER(evaluation) { return (*ret = ds_claims_tcb_eval_number(c)) != 0; }
NUMBER(collateral_age) { return age_of(ret, ds_claims_collateral_issued_s(c), facts); }
NUMBER(qe_isvsvn) { return (*ret = ds_claims_qe_isvsvn(c), true); }

NUMBER(td_attributes)
{
    *ret = flags_of(ds_claims_td_attributes(c) & ~TD_DEBUG, td_flags, DS_LEN(td_flags));
    return true;
}

NUMBER(xfam)
{
    *ret = flags_of(ds_claims_xfam(c) & ~X87_AND_SSE, xfeature_flags, DS_LEN(xfeature_flags));
    return true;
}

/* len bytes, 8 at most, low one first. */
static uint64_t le_at(struct ds_span s, size_t at, size_t len)
{
    struct ds_reader r = ds_reader_of(ds_span_sub(s, at, at + len));
    uint64_t ret = 0;
    for (size_t i = 0; i < len; i++)
        ret |= (uint64_t)ds_read_u8(&r) << 8 * i;
    return ret;
}

NUMBER(enclave_attributes)
{
    uint64_t value = le_at(ds_claims_sgx_attributes16(c), 0, 8);
    *ret = flags_of(value & ~ENCLAVE_PLAIN, enclave_flags, DS_LEN(enclave_flags));
    return true;
}

NUMBER(xfrm)
{
    uint64_t value = le_at(ds_claims_sgx_attributes16(c), 8, 8);
    *ret = flags_of(value & ~X87_AND_SSE, xfeature_flags, DS_LEN(xfeature_flags));
    return true;
}

NUMBER(miscselect)
{
    *ret = flags_of(le_at(ds_claims_sgx_miscselect4(c), 0, 4), misc_flags, DS_LEN(misc_flags));
    return true;
}

NUMBER(isvprodid) { return (*ret = ds_claims_isvprodid(c), true); }
NUMBER(isvsvn) { return (*ret = ds_claims_isvsvn(c), true); }
NUMBER(configsvn) { return (*ret = ds_claims_configsvn(c), true); }
NUMBER(vmpl) { return (*ret = ds_claims_snp_vmpl(c), true); }
NUMBER(guest_svn) { return (*ret = ds_claims_snp_guest_svn(c), true); }
NUMBER(snp_key) { return (*ret = ds_claims_snp_key(c), is_snp(c)); }
NUMBER(unchecked_revocation) { return (*ret = !ds_claims_snp_is_crl_checked(c), true); }

/* The words' bits alone: others are those of the row beside it, or reserved as the parser saw to. */
static uint64_t named_flags_of(uint64_t value, const struct flag *flags, size_t n)
{
    return flags_of(value, flags, n) & ~UNKNOWN_FLAG;
}

NUMBER(snp_allowed)
{
    *ret = named_flags_of(ds_claims_snp_policy(c), snp_allowed_flags, DS_LEN(snp_allowed_flags));
    return true;
}

NUMBER(snp_required)
{
    *ret = named_flags_of(ds_claims_snp_policy(c), snp_required_flags, DS_LEN(snp_required_flags));
    return true;
}

NUMBER(platform_allowed)
{
    *ret = named_flags_of(ds_claims_snp_platform_info(c), platform_allowed_flags,
                          DS_LEN(platform_allowed_flags));
    return true;
}

NUMBER(platform_required)
{
    *ret = named_flags_of(ds_claims_snp_platform_info(c), platform_required_flags,
                          DS_LEN(platform_required_flags));
    return true;
}

/*
 * A part of the TCB, at its lowest: below the reported TCB the signing key cannot be
 * derived, and the launch TCB is what the guest's memory was first entrusted to. That
 * current and committed are not below the reported one, attest/ has checked.
 */
static uint64_t lowest(uint8_t reported, uint8_t launch)
{
    return reported < launch ? reported : launch;
}

#define SNP_PART(name, part)                                          \
    NUMBER(name)                                                      \
    {                                                                 \
        *ret = lowest(ds_claims_snp_tcb(c, DS_SNP_TCB_REPORTED).part, \
                      ds_claims_snp_tcb(c, DS_SNP_TCB_LAUNCH).part);  \
        return true;                                                  \
    }
SNP_PART(boot_loader_svn, boot_loader)
SNP_PART(tee_svn, tee)
SNP_PART(snp_svn, snp)
SNP_PART(microcode_svn, microcode)

/* AMD 56860 2.2: FMC came with Turin. */
NUMBER(fmc_svn)
{
    *ret = lowest(ds_claims_snp_tcb(c, DS_SNP_TCB_REPORTED).fmc,
                  ds_claims_snp_tcb(c, DS_SNP_TCB_LAUNCH).fmc);
    return ds_claims_snp_product(c) == DS_SNP_PRODUCT_TURIN;
}

/* AMD 56860, table ATTESTATION_REPORT: both vectors came with version 5. */
#define SNP_MITIGATIONS_VERSION 5

NUMBER(launch_mitigations)
{
    *ret = ds_claims_snp_launch_mit_vector(c);
    return ds_claims_snp_report_version(c) >= SNP_MITIGATIONS_VERSION;
}

NUMBER(current_mitigations)
{
    *ret = ds_claims_snp_current_mit_vector(c);
    return ds_claims_snp_report_version(c) >= SNP_MITIGATIONS_VERSION;
}

static struct ds_span anchor(const struct ds_claims *c) { return ds_span_str(ds_claims_anchor(c)); }
static struct ds_span cloud(const struct ds_claims *c)
{
    return ds_span_str(ds_claims_snp_csp_id(c));
}
static const uint8_t zeros48[48];

/* clang-format off */
#define AT(s, k, cl, t, co) .section = POLICY_IN_##s, .key = (k), .claim = (cl), .type = (t), .code = (co)
#define WORDS_OF(w) .words = (w), .n_words = DS_LEN(w)
#define ANYTHING .preset = { .is_any = true }, .absent = "anything"
#define LIST(s, k, cl, co, n, fn) { AT(s, k, cl, POLICY_BYTES, co), .len = (n), .bytes = (fn), ANYTHING,
#define LEAST(s, k, cl, m, fn) { AT(s, k, cl, POLICY_MIN, DS_CODE_POLICY_SVN), .max = (m), .number = (fn), ANYTHING,

static const struct policy_attribute attributes[POLICY_N_ATTRS] = {
    [POLICY_ATTR_TEES] = { AT(TOP, "tees", "tee", POLICY_WORDS, DS_CODE_POLICY_TEE), WORDS_OF(tee_words), .number = tee,
        .preset = { .number = POLICY_TEES_ALL }, .absent = "those with a section of their own, or both of intel; without any, all",
        .help = "accepted TEEs" },
    [POLICY_ATTR_KINDS] = { AT(TOP, "kinds", "root_kind", POLICY_WORDS, DS_CODE_POLICY_CUSTOM_ROOT), .code_of = code_of_kind,
        WORDS_OF(kind_words), .number = kind,
        .preset = { .number = POLICY_BIT(DS_KIND_HARDWARE) }, .absent = "hardware",
        .help = "accepted kinds of roots; hardware is the compiled-in table alone" },
    [POLICY_ATTR_ROOTS] = { AT(TOP, "roots", "root", POLICY_TEXT, DS_CODE_POLICY_ROOT), .len = 63, .bytes = anchor, ANYTHING,
        .help = "accepted roots of those kinds, by name" },
    [POLICY_ATTR_DEBUG] = { AT(TOP, "debug", "debug", POLICY_ALLOW, DS_CODE_POLICY_DEBUG), .number = debug, .absent = "refused",
        .help = "whether what the host can read and change is accepted" },
    [POLICY_ATTR_TCB_STATUSES] = { AT(TOP, "tcb_statuses", "tcb_status", POLICY_WORDS, DS_CODE_POLICY_TCB_STATUS),
        .code_of = code_of_status, WORDS_OF(status_words), .barred = POLICY_BIT(DS_TCB_REVOKED), .number = status,
        .preset = { .number = POLICY_BIT(DS_TCB_UP_TO_DATE) }, .absent = "UpToDate",
        .help = "accepted states of the platform; for SEV-SNP UpToDate is one TCB for all, else OutOfDate" },
    [POLICY_ATTR_TCB_ADVISORIES] = { AT(TOP, "tcb_advisories", "advisories", POLICY_TEXTS, DS_CODE_POLICY_ADVISORY), .len = 23,
        .text = ds_claims_advisory, .preset = { .spares_up_to_date = true }, .absent = "any with UpToDate, none with another state",
        .help = "security advisories that the platform may be open to; all that it lists must be here" },
    [POLICY_ATTR_REPORT_DATA] = LIST(TOP, "report_data", "report_data", DS_CODE_POLICY_REPORT_DATA, 64, ds_claims_report_data64)
        .help = "accepted report data" },
    [POLICY_ATTR_SESSIONS] = { AT(TOP, "sessions", "session", POLICY_WORDS, DS_CODE_POLICY_SESSION), WORDS_OF(session_words),
        .number = session, ANYTHING,
        .help = "how the evidence must be bound to its reader: by his nonce, the key of a certificate, the session itself" },
    [POLICY_ATTR_DEVICE_IDS] = LIST(TOP, "device_ids", "device_id", DS_CODE_POLICY_DEVICE, 32, ds_claims_device_id32)
        .help = "accepted machines: SHA-256 of PPID or chip id" },

    [POLICY_ATTR_EVENT_LOG] = { AT(APP, "event_log", "event_log", POLICY_DEMAND, DS_CODE_POLICY_LOG_MISSING), .number = event_log,
        .absent = "not demanded", .help = "whether an event log must be bound to the evidence" },
    [POLICY_ATTR_APP_IDS] = LIST(APP, "ids", "app_id", DS_CODE_POLICY_APP_ID, 20, ds_claims_app_id) .help = "accepted apps" },
    [POLICY_ATTR_INSTANCE_IDS] = LIST(APP, "instance_ids", "instance_id", DS_CODE_POLICY_INSTANCE_ID, 20, ds_claims_instance_id)
        .help = "accepted instances" },
    [POLICY_ATTR_COMPOSE_HASHES] = LIST(APP, "compose_hashes", "compose_hash", DS_CODE_POLICY_COMPOSE_HASH, 32, ds_claims_compose_hash)
        .help = "accepted app-compose.json, by SHA-256" },
    [POLICY_ATTR_OS_IMAGES] = LIST(APP, "os_images", "os_image_hash", DS_CODE_POLICY_OS_IMAGE, 32, ds_claims_os_image_hash)
        .help = "accepted OS images, by the hash that the log repeats" },
    [POLICY_ATTR_KEY_PROVIDERS] = { AT(APP, "key_providers", "key_provider", POLICY_TEXT, DS_CODE_POLICY_KEY_PROVIDER), .len = 512,
        .bytes = ds_claims_key_provider, ANYTHING,
        .help = "accepted key providers: the exact JSON of the key-provider event" },

    [POLICY_ATTR_FMSPCS] = LIST(INTEL, "fmspcs", "fmspc", DS_CODE_POLICY_PLATFORM, 6, ds_claims_fmspc6)
        .help = "accepted families and models of platforms" },
    [POLICY_ATTR_TCB_AGE] = { AT(INTEL, "max_tcb_age_s", "tcb_age_s", POLICY_MAX, DS_CODE_POLICY_TCB_AGE), .max = YEARS_S(20),
        .number = tcb_age, ANYTHING, .help = "greatest age of the platform's TCB level, by its date, in seconds" },
    [POLICY_ATTR_TCB_EVALUATION] = { AT(INTEL, "min_tcb_evaluation_number", "tcb_evaluation_data_number", POLICY_MIN,
        DS_CODE_POLICY_TCB_EVAL_NUMBER), .max = UINT32_MAX, .number = evaluation, ANYTHING,
        .help = "lowest TCB evaluation data number of the collateral" },
    [POLICY_ATTR_COLLATERAL_AGE] = { AT(INTEL, "max_collateral_age_s", "collateral_age_s", POLICY_MAX, DS_CODE_POLICY_COLLATERAL_AGE),
        .max = YEARS_S(20), .number = collateral_age, ANYTHING,
        .help = "greatest age of TCB info and QE identity, by their issue dates, in seconds" },
    [POLICY_ATTR_QE_ISVSVN] = LEAST(INTEL, "min_qe_isvsvn", "qe_isvsvn", UINT16_MAX, qe_isvsvn)
        .help = "lowest security version of the quoting enclave" },

    [POLICY_ATTR_TD_ATTRIBUTES] = { AT(TDX, "attributes", "td_attributes", POLICY_FLAGS, DS_CODE_POLICY_TD_ATTRIBUTES),
        WORDS_OF(td_words), .number = td_attributes,
        /* Host-chosen exceptions and another TD's hand in this one are not accepted unasked. */
        .preset = { .number = POLICY_BIT(2) | POLICY_BIT(3) | POLICY_BIT(4) | POLICY_BIT(5) | POLICY_BIT(6) },
        .absent = "lass, pks, kl, tpa, perfmon",
        .help = "attributes that the TD may have; sept_ve is the absence of SEPT_VE_DISABLE; unknown ones are refused" },
    [POLICY_ATTR_XFAM] = { AT(TDX, "xfam", "xfam", POLICY_FLAGS, DS_CODE_POLICY_XFEATURES), WORDS_OF(xfeature_words), .number = xfam,
        ANYTHING, .help = "extended features that the TD may have switched on; x87 and SSE always are; unknown ones are refused" },
    [POLICY_ATTR_MRTD] = LIST(TDX, "mrtd", "mrtd", DS_CODE_POLICY_MEASUREMENT, 48, ds_claims_mrtd48) .help = "accepted MRTD: the firmware" },
    [POLICY_ATTR_RTMR0] = LIST(TDX, "rtmr0", "rtmr0", DS_CODE_POLICY_MEASUREMENT, 48, ds_claims_rtmr0_48) .help = "accepted RTMR0: the machine" },
    [POLICY_ATTR_RTMR1] = LIST(TDX, "rtmr1", "rtmr1", DS_CODE_POLICY_MEASUREMENT, 48, ds_claims_rtmr1_48) .help = "accepted RTMR1: the kernel" },
    [POLICY_ATTR_RTMR2] = LIST(TDX, "rtmr2", "rtmr2", DS_CODE_POLICY_MEASUREMENT, 48, ds_claims_rtmr2_48) .help = "accepted RTMR2: command line and initrd" },
    [POLICY_ATTR_RTMR3] = LIST(TDX, "rtmr3", "rtmr3", DS_CODE_POLICY_MEASUREMENT, 48, ds_claims_rtmr3_48) .help = "accepted RTMR3: the app" },
    [POLICY_ATTR_MRSEAM] = LIST(TDX, "mrseam", "mrseam", DS_CODE_POLICY_MODULE, 48, ds_claims_mrseam48) .help = "accepted TDX modules" },
    [POLICY_ATTR_MRSIGNERSEAM] = LIST(TDX, "mrsignerseam", "mrsignerseam", DS_CODE_POLICY_MODULE, 48, ds_claims_mrsignerseam48)
        .help = "accepted signers of TDX modules; Intel's are zeros" },
    [POLICY_ATTR_MRCONFIGID] = LIST(TDX, "mrconfigid", "mrconfigid", DS_CODE_POLICY_MRCONFIGID, 48, ds_claims_mrconfigid48)
        .help = "accepted configurations, by MRCONFIGID" },
    [POLICY_ATTR_MROWNER] = LIST(TDX, "mrowner", "mrowner", DS_CODE_POLICY_LAUNCH_DATA, 48, ds_claims_mrowner48)
        .help = "accepted owners, by MROWNER" },
    [POLICY_ATTR_MROWNERCONFIG] = LIST(TDX, "mrownerconfig", "mrownerconfig", DS_CODE_POLICY_LAUNCH_DATA, 48, ds_claims_mrownerconfig48)
        .help = "accepted MROWNERCONFIG" },
    [POLICY_ATTR_MRSERVICETD] = { AT(TDX, "mrservicetd", "mrservicetd", POLICY_BYTES, DS_CODE_POLICY_SERVICE_TD), .len = 48,
        .bytes = ds_claims_mrservicetd48, .preset = { .items = { .bytes = zeros48, .n = 1 } },
        .absent = "zeros: no service TD", .help = "accepted service TDs" },
    [POLICY_ATTR_TEE_TCB_SVN] = { AT(TDX, "min_tee_tcb_svn", "tee_tcb_svn", POLICY_PARTS, DS_CODE_POLICY_SVN), .len = 16, .max = UINT8_MAX,
        .bytes = ds_claims_tee_tcb_svn16, ANYTHING,
        .help = "lowest TEE_TCB_SVN, part by part: the module that launched the TD" },
    [POLICY_ATTR_CURRENT_TEE_TCB_SVN] = { AT(TDX, "min_current_tee_tcb_svn", "tee_tcb_svn2", POLICY_PARTS, DS_CODE_POLICY_SVN), .len = 16,
        .max = UINT8_MAX, .bytes = ds_claims_tee_tcb_svn2_16, ANYTHING,
        .help = "lowest TEE_TCB_SVN2: the module that runs now; a TD 1.0 does not say and is refused" },

    [POLICY_ATTR_MRENCLAVE] = LIST(SGX, "mrenclave", "mrenclave", DS_CODE_POLICY_MEASUREMENT, 32, ds_claims_mrenclave32)
        .help = "accepted enclaves" },
    [POLICY_ATTR_MRSIGNER] = LIST(SGX, "mrsigner", "mrsigner", DS_CODE_POLICY_SIGNER, 32, ds_claims_mrsigner32)
        .help = "accepted signers; name isvprodids too, or every enclave of theirs is accepted" },
    [POLICY_ATTR_SGX_ATTRIBUTES] = { AT(SGX, "attributes", "sgx_attributes", POLICY_FLAGS, DS_CODE_POLICY_ENCLAVE_ATTRIBUTES),
        WORDS_OF(enclave_words), .number = enclave_attributes, ANYTHING,
        .help = "attributes that the enclave may have beside 64-bit mode; debug has a rule of its own; unknown ones are refused" },
    [POLICY_ATTR_SGX_XFRM] = { AT(SGX, "xfrm", "xfrm", POLICY_FLAGS, DS_CODE_POLICY_XFEATURES), WORDS_OF(xfeature_words), .number = xfrm,
        ANYTHING, .help = "extended features that the enclave may have switched on; x87 and SSE always are; unknown ones are refused" },
    [POLICY_ATTR_MISCSELECT] = { AT(SGX, "miscselect", "miscselect", POLICY_FLAGS, DS_CODE_POLICY_ENCLAVE_ATTRIBUTES),
        WORDS_OF(misc_words), .number = miscselect, ANYTHING,
        .help = "what the enclave may be told of its exceptions; unknown ones are refused" },
    [POLICY_ATTR_ISVPRODIDS] = { AT(SGX, "isvprodids", "isvprodid", POLICY_NUMBERS, DS_CODE_POLICY_SIGNER), .max = UINT16_MAX,
        .number = isvprodid, ANYTHING, .help = "accepted products of the signer" },
    [POLICY_ATTR_ISVEXTPRODIDS] = LIST(SGX, "isvextprodids", "isvextprodid", DS_CODE_POLICY_SIGNER, 16, ds_claims_isvextprodid16)
        .help = "accepted extended product ids" },
    [POLICY_ATTR_ISVFAMILYIDS] = LIST(SGX, "isvfamilyids", "isvfamilyid", DS_CODE_POLICY_SIGNER, 16, ds_claims_isvfamilyid16)
        .help = "accepted families of products" },
    [POLICY_ATTR_CONFIGIDS] = LIST(SGX, "configids", "configid", DS_CODE_POLICY_LAUNCH_DATA, 64, ds_claims_configid64)
        .help = "accepted configurations, by CONFIGID" },
    [POLICY_ATTR_ISVSVN] = LEAST(SGX, "min_isvsvn", "isvsvn", UINT16_MAX, isvsvn)
        .help = "lowest security version of the enclave" },
    [POLICY_ATTR_CONFIGSVN] = LEAST(SGX, "min_configsvn", "configsvn", UINT16_MAX, configsvn)
        .help = "lowest security version of its configuration" },

    [POLICY_ATTR_SNP_MEASUREMENT] = LIST(SNP, "measurement", "measurement", DS_CODE_POLICY_MEASUREMENT, 48, ds_claims_snp_measurement48)
        .help = "accepted launch measurements" },
    [POLICY_ATTR_SNP_HOST_DATA] = LIST(SNP, "host_data", "host_data", DS_CODE_POLICY_LAUNCH_DATA, 32, ds_claims_snp_host_data32)
        .help = "accepted HOST_DATA" },
    [POLICY_ATTR_SNP_FAMILY_ID] = LIST(SNP, "family_ids", "family_id", DS_CODE_POLICY_SIGNER, 16, ds_claims_snp_family_id16)
        .help = "accepted families of the ID block" },
    [POLICY_ATTR_SNP_IMAGE_ID] = LIST(SNP, "image_ids", "image_id", DS_CODE_POLICY_SIGNER, 16, ds_claims_snp_image_id16)
        .help = "accepted images of the ID block" },
    [POLICY_ATTR_SNP_ID_KEY] = LIST(SNP, "id_key_digests", "id_key_digest", DS_CODE_POLICY_SIGNER, 48, ds_claims_snp_id_key_digest48)
        .help = "accepted keys that signed the ID block, by SHA-384" },
    [POLICY_ATTR_SNP_AUTHOR_KEY] = LIST(SNP, "author_key_digests", "author_key_digest", DS_CODE_POLICY_SIGNER, 48,
        ds_claims_snp_author_key_digest48) .help = "accepted keys that certified that key, by SHA-384" },
    [POLICY_ATTR_SNP_VMPLS] = { AT(SNP, "vmpls", "vmpl", POLICY_NUMBERS, DS_CODE_POLICY_VMPL), .max = 3, .number = vmpl,
        .preset = { .items = { .numbers = (const uint64_t[]){ 0 }, .n = 1 } }, .absent = "0",
        .help = "accepted privilege levels of whoever asked for the report" },
    [POLICY_ATTR_SNP_POLICY_ALLOWED] = { AT(SNP, "policy_allowed", "guest_policy", POLICY_FLAGS, DS_CODE_POLICY_GUEST_POLICY),
        WORDS_OF(snp_allowed_words), .number = snp_allowed, .preset = { .number = POLICY_BIT(0) }, .absent = "smt",
        .help = "what the guest policy may permit the host; migrate_ma binds a migration agent" },
    [POLICY_ATTR_SNP_POLICY_REQUIRED] = { AT(SNP, "policy_required", "guest_policy", POLICY_NEEDS, DS_CODE_POLICY_GUEST_POLICY),
        WORDS_OF(snp_required_words), .number = snp_required, .absent = "nothing",
        .help = "what the guest policy must demand of the host" },
    [POLICY_ATTR_SNP_PLATFORM_ALLOWED] = { AT(SNP, "platform_allowed", "platform_info", POLICY_FLAGS, DS_CODE_POLICY_PLATFORM),
        WORDS_OF(platform_allowed_words), .number = platform_allowed,
        .preset = { .number = POLICY_BIT(0) | POLICY_BIT(1) }, .absent = "smt, tio",
        .help = "what may be switched on in the platform" },
    [POLICY_ATTR_SNP_PLATFORM_REQUIRED] = { AT(SNP, "platform_required", "platform_info", POLICY_NEEDS, DS_CODE_POLICY_PLATFORM),
        WORDS_OF(platform_required_words), .number = platform_required, .absent = "nothing",
        .help = "what must be switched on in the platform" },
    [POLICY_ATTR_SNP_KEYS] = { AT(SNP, "keys", "signing_key", POLICY_WORDS, DS_CODE_POLICY_PLATFORM), WORDS_OF(snp_key_words),
        .number = snp_key, .preset = { .number = POLICY_BIT(0) | POLICY_BIT(1) }, .absent = "vcek, vlek",
        .help = "accepted kinds of signing keys: the chip's own, or one that AMD gave to a cloud" },
    [POLICY_ATTR_SNP_CLOUDS] = { AT(SNP, "csp_ids", "csp_id", POLICY_TEXT, DS_CODE_POLICY_PLATFORM), .len = 63, .bytes = cloud, ANYTHING,
        .help = "accepted clouds, as their VLEK certificates name them; a VCEK names none and is refused" },
    [POLICY_ATTR_SNP_UNCHECKED_REVOCATION] = { AT(SNP, "unchecked_revocation", "unchecked_revocation", POLICY_ALLOW,
        DS_CODE_POLICY_REVOCATION_UNCHECKED), .number = unchecked_revocation, .absent = "refused",
        .help = "whether a certificate is accepted whose revocation nobody could look up" },
    [POLICY_ATTR_SNP_GUEST_SVN] = LEAST(SNP, "min_guest_svn", "guest_svn", UINT32_MAX, guest_svn)
        .help = "lowest security version of the guest, by its ID block" },
    [POLICY_ATTR_SNP_BOOT_LOADER_SVN] = LEAST(SNP, "min_boot_loader_svn", "boot_loader_svn", UINT8_MAX, boot_loader_svn)
        .help = "lowest boot loader, both in the reported and in the launch TCB" },
    [POLICY_ATTR_SNP_TEE_SVN] = LEAST(SNP, "min_tee_svn", "tee_svn", UINT8_MAX, tee_svn)
        .help = "lowest PSP operating system, likewise" },
    [POLICY_ATTR_SNP_SNP_SVN] = LEAST(SNP, "min_snp_svn", "snp_svn", UINT8_MAX, snp_svn)
        .help = "lowest SNP firmware, likewise" },
    [POLICY_ATTR_SNP_MICROCODE_SVN] = LEAST(SNP, "min_microcode_svn", "microcode_svn", UINT8_MAX, microcode_svn)
        .help = "lowest microcode, likewise" },
    [POLICY_ATTR_SNP_FMC_SVN] = LEAST(SNP, "min_fmc_svn", "fmc_svn", UINT8_MAX, fmc_svn)
        .help = "lowest FMC, likewise; processors before Turin have none and are refused" },
    [POLICY_ATTR_SNP_LAUNCH_MITIGATIONS] = { AT(SNP, "launch_mitigations", "launch_mit_vector", POLICY_NEEDS, DS_CODE_POLICY_MITIGATION),
        WORDS_OF(bit_words), .number = launch_mitigations, ANYTHING,
        .help = "mitigations that were in effect when the guest was launched, by their bits in LAUNCH_MIT_VECTOR; reports before version 5 do not say and are refused" },
    [POLICY_ATTR_SNP_CURRENT_MITIGATIONS] = { AT(SNP, "current_mitigations", "current_mit_vector", POLICY_NEEDS, DS_CODE_POLICY_MITIGATION),
        WORDS_OF(bit_words), .number = current_mitigations, ANYTHING,
        .help = "mitigations that are in effect now, by their bits in CURRENT_MIT_VECTOR, likewise" },
};
/* clang-format on */

const struct policy_section_info *policy_section_get(enum policy_section section)
{
    assert(section < POLICY_N_SECTIONS);
    return &sections[section];
}

const struct policy_attribute *policy_attribute_get(enum policy_attr attr)
{
    assert(attr < POLICY_N_ATTRS);
    return &attributes[attr];
}

struct policy_path policy_attribute_path(enum policy_attr attr)
{
    const struct policy_attribute *a = policy_attribute_get(attr);
    const char *section = sections[a->section].name;
    struct policy_path path;
    (void)snprintf(path.s, sizeof path.s, "%s%s%s", section, section[0] != '\0' ? "." : "", a->key);
    return path;
}

uint64_t policy_attribute_words(const struct policy_attribute *a)
{
    uint64_t ret = 0;
    for (size_t i = 0; i < a->n_words; i++)
        ret |= a->words[i] != NULL ? POLICY_BIT(i) : 0;
    return ret & ~a->barred;
}

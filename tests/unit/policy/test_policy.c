/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check, row by row: what each attribute lets pass and what it refuses, one
 * below, at and above each bound, in and out of each list, with the claim absent
 * and with another TEE's evidence.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"
#include "policy/attribute.h"
#include "rules.h"

struct change {
    size_t at, len;
    uint64_t value;
};

#define SET(field, v)       { offsetof(struct world, field), sizeof(((struct world *)NULL)->field), (v) }
#define SET_AT(bytes, i, v) { offsetof(struct world, bytes) + (i), 1, (v) }

struct row {
    enum policy_attr attr;
    enum ds_tee tee;
    const char *document; /* members beside the version */
    struct change changes[3];
    enum ds_code code; /* NONE: it passes */
};

/* clang-format off */
#define A(attr) POLICY_ATTR_##attr
#define TDX DS_TEE_TDX
#define SGX DS_TEE_SGX
#define SNP DS_TEE_SEV_SNP
#define NO(code) DS_CODE_POLICY_##code

/* A list of bytes: in the list, as the second, out of it; then one byte of the claim is another. */
#define LISTED(attr, tee, before, key, len, after, field, code) \
    { attr, tee, before "\"" key "\":[\"" B##len "\"]" after, { { 0 } }, DS_CODE_NONE }, \
    { attr, tee, before "\"" key "\":[\"" O##len "\",\"" B##len "\"]" after, { { 0 } }, DS_CODE_NONE }, \
    { attr, tee, before "\"" key "\":[\"" O##len "\"]" after, { { 0 } }, NO(code) }, \
    { attr, tee, before "\"" key "\":[\"" B##len "\"]" after, { SET_AT(field, (len) - 1, 2) }, NO(code) }, \
    { attr, tee, before "\"" key "\":[\"" B##len "\"]" after, { SET_AT(field, 0, 0) }, NO(code) }

/* A minimum: below, at and above the claim, which is 7. */
#define LEAST(attr, tee, section, key, code) \
    { attr, tee, "\"" section "\":{\"" key "\":6}", { { 0 } }, DS_CODE_NONE }, \
    { attr, tee, "\"" section "\":{\"" key "\":7}", { { 0 } }, DS_CODE_NONE }, \
    { attr, tee, "\"" section "\":{\"" key "\":8}", { { 0 } }, NO(code) }

#define SNP_LEAST(attr, key, part) \
    LEAST(attr, SNP, "snp", key, SVN), \
    /* either of the two TCBs alone is enough to be too old */ \
    { attr, SNP, "\"snp\":{\"" key "\":7}", { SET(c.snp.tcb8[DS_SNP_TCB_REPORTED][part], 6) }, NO(SVN) }, \
    { attr, SNP, "\"snp\":{\"" key "\":7}", { SET(c.snp.tcb8[DS_SNP_TCB_LAUNCH][part], 6) }, NO(SVN) }, \
    { attr, SNP, "\"snp\":{\"" key "\":7}", { SET(c.snp.tcb8[DS_SNP_TCB_CURRENT][part], 6) }, DS_CODE_NONE }

#define XFEATURES "\"avx\",\"mpx\",\"avx512\",\"pt\",\"pkru\",\"cet\",\"uintr\",\"lbr\",\"amx\",\"apx\""
#define SVNS "7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,"

/* A feature by one of its bits: named, and another one named. */
#define XFEATURE(word, other, bit) \
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[\"" #word "\"]}", { SET(c.tdx.xfam, 3 | UINT64_C(1) << (bit)) }, DS_CODE_NONE }, \
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[\"" #other "\"]}", { SET(c.tdx.xfam, 3 | UINT64_C(1) << (bit)) }, NO(XFEATURES) }

/* Attributes of an enclave, by their two lower bytes. */
#define ENCLAVE(list, low, high, code) \
    { A(SGX_ATTRIBUTES), SGX, "\"sgx\":{\"attributes\":[" list "]}", \
      { SET(c.sgx.report.attributes16[0], low), SET(c.sgx.report.attributes16[1], high) }, code }

/* Bits that are demanded of one vector, the report's version, and the value of a vector. */
#define MITIGATION(attr, key, list, version, vector, value, code) \
    { A(SNP_##attr##_MITIGATIONS), SNP, "\"snp\":{\"" #key "_mitigations\":[" list "]}", \
      { SET(c.snp.report_version, version), SET(c.snp.vector##_mit_vector, value) }, code }

static const struct row rows[] = {
    { A(TEES), TDX, "\"tees\":[\"tdx\"]", { { 0 } }, DS_CODE_NONE },
    { A(TEES), SGX, "\"tees\":[\"snp\",\"sgx\"]", { { 0 } }, DS_CODE_NONE },
    { A(TEES), SNP, "\"description\":\"any\"", { { 0 } }, DS_CODE_NONE },
    { A(TEES), TDX, "\"tees\":[\"sgx\",\"snp\"]", { { 0 } }, NO(TEE) },
    /* A document that speaks of one TEE does not let the others pass unjudged. */
    { A(TEES), SGX, "\"tdx\":{\"mrtd\":[\"" B48 "\"]}", { { 0 } }, NO(TEE) },
    { A(TEES), SGX, "\"intel\":{\"min_qe_isvsvn\":7},\"tdx\":{}", { { 0 } }, NO(TEE) },
    { A(TEES), SGX, "\"intel\":{\"min_qe_isvsvn\":7}", { { 0 } }, DS_CODE_NONE },
    { A(TEES), SNP, "\"intel\":{\"min_qe_isvsvn\":7}", { { 0 } }, NO(TEE) },

    { A(KINDS), TDX, "\"kinds\":[\"hardware\"]", { { 0 } }, DS_CODE_NONE },
    { A(KINDS), TDX, "\"kinds\":[\"hardware\"]", { SET(c.kind, DS_KIND_SIMULATED) }, NO(SIMULATED_EVIDENCE) },
    { A(KINDS), TDX, "\"tees\":[\"tdx\"]", { SET(c.kind, DS_KIND_SIMULATED) }, NO(SIMULATED_EVIDENCE) },
    { A(KINDS), TDX, "\"tees\":[\"tdx\"]", { SET(c.kind, DS_KIND_CUSTOM) }, NO(CUSTOM_ROOT) },
    { A(KINDS), TDX, "\"kinds\":[\"simulated\"]", { SET(c.kind, DS_KIND_SIMULATED) }, DS_CODE_NONE },
    { A(KINDS), TDX, "\"kinds\":[\"simulated\"]", { SET(c.kind, DS_KIND_CUSTOM) }, NO(CUSTOM_ROOT) },
    { A(KINDS), TDX, "\"kinds\":[\"custom\",\"simulated\"]", { { 0 } }, NO(HARDWARE_EVIDENCE) },
    { A(KINDS), TDX, "\"kinds\":[\"custom\"]", { SET(c.kind, DS_KIND_CUSTOM) }, DS_CODE_NONE },

    { A(ROOTS), TDX, "\"roots\":[\"AMD ARK-Milan\",\"Intel SGX Root CA\"]", { { 0 } }, DS_CODE_NONE },
    { A(ROOTS), TDX, "\"roots\":[\"AMD ARK-Milan\"]", { { 0 } }, NO(ROOT) },
    { A(ROOTS), TDX, "\"roots\":[\"Intel SGX Root CA\"]", { SET(c.anchor[0], 'i') }, NO(ROOT) },
    { A(ROOTS), TDX, "\"roots\":[\"Intel SGX Root CA\"]", { SET(c.anchor[0], 0) }, NO(ROOT) },

    { A(DEBUG), TDX, "\"debug\":true", { SET(c.tdx.td_attributes, 0x10000001) }, DS_CODE_NONE },
    { A(DEBUG), TDX, "\"debug\":false", { SET(c.tdx.td_attributes, 0x10000001) }, NO(DEBUG) },
    { A(DEBUG), TDX, "\"debug\":false", { { 0 } }, DS_CODE_NONE },
    { A(DEBUG), SGX, "\"tees\":[\"sgx\"]", { SET(c.sgx.report.attributes16[0], 2) }, NO(DEBUG) },
    { A(DEBUG), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.policy, 0xb0000) }, NO(DEBUG) },

    { A(TCB_STATUSES), TDX, "\"tcb_statuses\":[\"OutOfDate\"]", { SET(c.tcb.status, DS_TCB_OUT_OF_DATE) }, DS_CODE_NONE },
    { A(TCB_STATUSES), TDX, "\"tcb_statuses\":[\"OutOfDate\"]", { { 0 } }, NO(TCB_STATUS) },
    { A(TCB_STATUSES), TDX, "\"tees\":[\"tdx\"]", { SET(c.tcb.status, DS_TCB_SW_HARDENING_NEEDED) }, NO(TCB_STATUS) },
    { A(TCB_STATUSES), TDX, "\"tees\":[\"tdx\"]", { SET(c.tcb.status, DS_TCB_NONE) }, NO(TCB_STATUS) },
    { A(TCB_STATUSES), TDX, "\"tees\":[\"tdx\"]", { SET(c.tcb.status, DS_TCB_REVOKED) }, NO(TCB_REVOKED) },
    { A(TCB_STATUSES), SNP, "\"tees\":[\"snp\"]", { SET(c.tcb.status, DS_TCB_OUT_OF_DATE) }, NO(TCB_STATUS) },

    { A(TCB_ADVISORIES), TDX, "\"tees\":[\"tdx\"]", { SET(c.tcb.n_advisories, 1) }, DS_CODE_NONE },
    { A(TCB_ADVISORIES), TDX, "\"tcb_statuses\":[\"OutOfDate\"]",
      { SET(c.tcb.n_advisories, 1), SET(c.tcb.status, DS_TCB_OUT_OF_DATE) }, NO(ADVISORY) },
    { A(TCB_ADVISORIES), TDX, "\"tcb_advisories\":[]", { SET(c.tcb.n_advisories, 1) }, NO(ADVISORY) },
    { A(TCB_ADVISORIES), TDX, "\"tcb_advisories\":[\"INTEL-SA-00002\",\"INTEL-SA-00001\"]", { SET(c.tcb.n_advisories, 1) }, DS_CODE_NONE },
    { A(TCB_ADVISORIES), TDX, "\"tcb_advisories\":[\"INTEL-SA-00002\"]", { SET(c.tcb.n_advisories, 1) }, NO(ADVISORY) },
    /* The module that runs now has a list of its own. */
    { A(TCB_ADVISORIES), TDX, "\"tcb_advisories\":[\"INTEL-SA-00001\"]",
      { SET(c.tcb.n_advisories, 1), SET(c.tdx.is_td15, 1), SET(c.tdx.current.n_advisories, 1) }, NO(ADVISORY) },
    { A(TCB_ADVISORIES), TDX, "\"tcb_advisories\":[\"INTEL-SA-00002\",\"INTEL-SA-00001\"]",
      { SET(c.tcb.n_advisories, 1), SET(c.tdx.is_td15, 1), SET(c.tdx.current.n_advisories, 1) }, DS_CODE_NONE },
    { A(TCB_ADVISORIES), SNP, "\"tcb_advisories\":[\"INTEL-SA-00001\"]", { { 0 } }, DS_CODE_NONE },

    LISTED(A(REPORT_DATA), TDX, "", "report_data", 64, "", c.report_data64, REPORT_DATA),

    { A(SESSIONS), TDX, "\"sessions\":[\"certificate\",\"nonce\"]", { { 0 } }, DS_CODE_NONE },
    { A(SESSIONS), TDX, "\"sessions\":[\"attested\"]", { { 0 } }, NO(SESSION) },
    { A(SESSIONS), TDX, "\"sessions\":[\"attested\"]", { SET(facts.session, POLICY_SESSION_ATTESTED) }, DS_CODE_NONE },
    { A(SESSIONS), TDX, "\"sessions\":[\"certificate\",\"nonce\",\"attested\"]", { SET(facts.session, 0) }, NO(SESSION) },
    { A(SESSIONS), TDX, "\"tees\":[\"tdx\"]", { SET(facts.session, 0) }, DS_CODE_NONE },

    LISTED(A(DEVICE_IDS), TDX, "", "device_ids", 32, "", c.device_id32, DEVICE),
    { A(DEVICE_IDS), SNP, "\"device_ids\":[\"" B32 "\"]", { SET(c.snp.has_chip_id, 0) }, NO(DEVICE) },

    { A(EVENT_LOG), TDX, "\"app\":{\"event_log\":true}", { { 0 } }, DS_CODE_NONE },
    { A(EVENT_LOG), TDX, "\"app\":{\"event_log\":true}", { SET(c.has_log, 0) }, NO(LOG_MISSING) },
    { A(EVENT_LOG), SNP, "\"app\":{\"event_log\":true}", { SET(c.has_log, 0) }, NO(LOG_MISSING) },
    { A(EVENT_LOG), TDX, "\"app\":{\"event_log\":false}", { SET(c.has_log, 0) }, DS_CODE_NONE },
    LISTED(A(APP_IDS), TDX, "\"app\":{", "ids", 20, "}", c.app_id.b, APP_ID),
    { A(APP_IDS), SNP, "\"app\":{\"ids\":[\"" B20 "\"]}", { SET(c.app_id.len, 0) }, NO(APP_ID) },
    LISTED(A(INSTANCE_IDS), TDX, "\"app\":{", "instance_ids", 20, "}", c.instance_id.b, INSTANCE_ID),
    { A(INSTANCE_IDS), TDX, "\"app\":{\"instance_ids\":[\"" B20 "\"]}", { SET(c.instance_id.len, 0) }, NO(INSTANCE_ID) },
    LISTED(A(COMPOSE_HASHES), TDX, "\"app\":{", "compose_hashes", 32, "}", c.compose_hash.b, COMPOSE_HASH),
    { A(COMPOSE_HASHES), TDX, "\"app\":{\"compose_hashes\":[\"" B32 "\"]}", { SET(c.compose_hash.len, 31) }, NO(COMPOSE_HASH) },
    LISTED(A(OS_IMAGES), TDX, "\"app\":{", "os_images", 32, "}", c.os_image_hash.b, OS_IMAGE),
    { A(OS_IMAGES), TDX, "\"app\":{\"os_images\":[\"" B32 "\"]}", { SET(c.os_image_hash.len, 0) }, NO(OS_IMAGE) },
    { A(KEY_PROVIDERS), TDX, "\"app\":{\"key_providers\":[\"[]\",\"{}\"]}", { { 0 } }, DS_CODE_NONE },
    { A(KEY_PROVIDERS), TDX, "\"app\":{\"key_providers\":[\"{}\"]}", { SET(c.key_provider[0], '[') }, NO(KEY_PROVIDER) },
    { A(KEY_PROVIDERS), TDX, "\"app\":{\"key_providers\":[\"{}\"]}", { SET(c.key_provider_len, 0) }, NO(KEY_PROVIDER) },

    { A(FMSPCS), TDX, "\"intel\":{\"fmspcs\":[\"010101010101\"]}", { { 0 } }, DS_CODE_NONE },
    { A(FMSPCS), SGX, "\"intel\":{\"fmspcs\":[\"010101010102\",\"010101010101\"]}", { { 0 } }, DS_CODE_NONE },
    { A(FMSPCS), TDX, "\"intel\":{\"fmspcs\":[\"010101010102\"]}", { { 0 } }, NO(PLATFORM) },
    { A(FMSPCS), SGX, "\"intel\":{\"fmspcs\":[\"010101010102\"]}", { { 0 } }, NO(PLATFORM) },
    { A(TCB_AGE), TDX, "\"intel\":{\"max_tcb_age_s\":1000}", { { 0 } }, DS_CODE_NONE },
    { A(TCB_AGE), TDX, "\"intel\":{\"max_tcb_age_s\":1001}", { { 0 } }, DS_CODE_NONE },
    { A(TCB_AGE), TDX, "\"intel\":{\"max_tcb_age_s\":999}", { { 0 } }, NO(TCB_AGE) },
    { A(TCB_AGE), SGX, "\"intel\":{\"max_tcb_age_s\":999}", { { 0 } }, NO(TCB_AGE) },
    { A(TCB_AGE), TDX, "\"intel\":{\"max_tcb_age_s\":0}", { SET(c.tcb.date_s, RULES_NOW_S + 5) }, DS_CODE_NONE },
    { A(TCB_AGE), TDX, "\"intel\":{\"max_tcb_age_s\":600000000}", { SET(c.tcb.date_s, 0) }, NO(TCB_AGE) },
    { A(TCB_AGE), TDX, "\"intel\":{\"max_tcb_age_s\":999}",
      { SET(c.tdx.is_td15, 1), SET(c.tcb.date_s, RULES_NOW_S) }, NO(TCB_AGE) },
    LEAST(A(TCB_EVALUATION), TDX, "intel", "min_tcb_evaluation_number", TCB_EVAL_NUMBER),
    { A(TCB_EVALUATION), SGX, "\"intel\":{\"min_tcb_evaluation_number\":0}", { SET(c.tcb_eval_number, 0) }, NO(TCB_EVAL_NUMBER) },
    { A(COLLATERAL_AGE), TDX, "\"intel\":{\"max_collateral_age_s\":1000}", { { 0 } }, DS_CODE_NONE },
    { A(COLLATERAL_AGE), SGX, "\"intel\":{\"max_collateral_age_s\":1001}", { { 0 } }, DS_CODE_NONE },
    { A(COLLATERAL_AGE), TDX, "\"intel\":{\"max_collateral_age_s\":999}", { { 0 } }, NO(COLLATERAL_AGE) },
    { A(COLLATERAL_AGE), TDX, "\"intel\":{\"max_collateral_age_s\":999}", { SET(c.collateral_issued_s, 0) }, NO(COLLATERAL_AGE) },
    LEAST(A(QE_ISVSVN), SGX, "intel", "min_qe_isvsvn", SVN),

    /* SEPT_VE_DISABLE off; migratable; LASS; the two highest; a bit of no known meaning. */
    { A(TD_ATTRIBUTES), TDX, "\"tees\":[\"tdx\"]", { SET(c.tdx.td_attributes, 0) }, NO(TD_ATTRIBUTES) },
    { A(TD_ATTRIBUTES), TDX, "\"tdx\":{\"attributes\":[\"sept_ve\"]}", { SET(c.tdx.td_attributes, 0) }, DS_CODE_NONE },
    { A(TD_ATTRIBUTES), TDX, "\"tees\":[\"tdx\"]", { SET(c.tdx.td_attributes, 0x30000000) }, NO(TD_ATTRIBUTES) },
    { A(TD_ATTRIBUTES), TDX, "\"tdx\":{\"attributes\":[\"migratable\"]}", { SET(c.tdx.td_attributes, 0x30000000) }, DS_CODE_NONE },
    { A(TD_ATTRIBUTES), TDX, "\"tees\":[\"tdx\"]", { SET(c.tdx.td_attributes, 0xc0000000d8000000) }, DS_CODE_NONE },
    { A(TD_ATTRIBUTES), TDX, "\"tdx\":{\"attributes\":[]}", { SET(c.tdx.td_attributes, 0x18000000) }, NO(TD_ATTRIBUTES) },
    { A(TD_ATTRIBUTES), TDX, "\"tdx\":{\"attributes\":[\"lass\",\"pks\",\"kl\",\"tpa\",\"perfmon\",\"sept_ve\",\"migratable\"]}",
      { SET(c.tdx.td_attributes, 0x10010000000) }, NO(TD_ATTRIBUTES) },

    /* Each word is of all its bits; what no word names is refused whatever is listed. */
    { A(XFAM), TDX, "\"tees\":[\"tdx\"]", { SET(c.tdx.xfam, UINT64_MAX) }, DS_CODE_NONE },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[\"avx\",\"avx512\",\"pkru\",\"amx\"]}", { SET(c.tdx.xfam, 0x602e7) }, DS_CODE_NONE },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[\"avx\",\"avx512\",\"pkru\"]}", { SET(c.tdx.xfam, 0x602e7) }, NO(XFEATURES) },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[]}", { SET(c.tdx.xfam, 0x3) }, DS_CODE_NONE },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[]}", { SET(c.tdx.xfam, 0x0) }, DS_CODE_NONE },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[]}", { SET(c.tdx.xfam, 0x7) }, NO(XFEATURES) },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[" XFEATURES "]}", { SET(c.tdx.xfam, 0xedbff) }, DS_CODE_NONE },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[" XFEATURES "]}", { SET(c.tdx.xfam, 0x403) }, NO(XFEATURES) },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[" XFEATURES "]}", { SET(c.tdx.xfam, 0x2003) }, NO(XFEATURES) },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[" XFEATURES "]}", { SET(c.tdx.xfam, 0x10003) }, NO(XFEATURES) },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[" XFEATURES "]}", { SET(c.tdx.xfam, 0x100003) }, NO(XFEATURES) },
    { A(XFAM), TDX, "\"tdx\":{\"xfam\":[" XFEATURES "]}", { SET(c.tdx.xfam, 0x8000000000000003) }, NO(XFEATURES) },
    XFEATURE(avx, apx, 2),
    XFEATURE(mpx, apx, 3),
    XFEATURE(mpx, apx, 4),
    XFEATURE(avx512, apx, 5),
    XFEATURE(avx512, apx, 6),
    XFEATURE(avx512, apx, 7),
    XFEATURE(pt, apx, 8),
    XFEATURE(pkru, apx, 9),
    XFEATURE(cet, apx, 11),
    XFEATURE(cet, apx, 12),
    XFEATURE(uintr, apx, 14),
    XFEATURE(lbr, apx, 15),
    XFEATURE(amx, apx, 17),
    XFEATURE(amx, apx, 18),
    XFEATURE(apx, amx, 19),
    LISTED(A(MRTD), TDX, "\"tdx\":{", "mrtd", 48, "}", c.tdx.mrtd48, MEASUREMENT),
    LISTED(A(RTMR0), TDX, "\"tdx\":{", "rtmr0", 48, "}", c.tdx.rtmr48[0], MEASUREMENT),
    LISTED(A(RTMR1), TDX, "\"tdx\":{", "rtmr1", 48, "}", c.tdx.rtmr48[1], MEASUREMENT),
    LISTED(A(RTMR2), TDX, "\"tdx\":{", "rtmr2", 48, "}", c.tdx.rtmr48[2], MEASUREMENT),
    LISTED(A(RTMR3), TDX, "\"tdx\":{", "rtmr3", 48, "}", c.tdx.rtmr48[3], MEASUREMENT),
    LISTED(A(MRSEAM), TDX, "\"tdx\":{", "mrseam", 48, "}", c.tdx.mrseam48, MODULE),
    LISTED(A(MRSIGNERSEAM), TDX, "\"tdx\":{", "mrsignerseam", 48, "}", c.tdx.mrsignerseam48, MODULE),
    LISTED(A(MRCONFIGID), TDX, "\"tdx\":{", "mrconfigid", 48, "}", c.tdx.mrconfigid48, MRCONFIGID),
    LISTED(A(MROWNER), TDX, "\"tdx\":{", "mrowner", 48, "}", c.tdx.mrowner48, LAUNCH_DATA),
    LISTED(A(MROWNERCONFIG), TDX, "\"tdx\":{", "mrownerconfig", 48, "}", c.tdx.mrownerconfig48, LAUNCH_DATA),
    { A(MRSERVICETD), TDX, "\"tees\":[\"tdx\"]", { { 0 } }, DS_CODE_NONE },
    { A(MRSERVICETD), TDX, "\"tees\":[\"tdx\"]", { SET(c.tdx.mrservicetd48[47], 1) }, NO(SERVICE_TD) },
    { A(MRSERVICETD), TDX, "\"tdx\":{\"mrservicetd\":[\"" B48 "\"]}", { { 0 } }, NO(SERVICE_TD) },
    { A(TEE_TCB_SVN), TDX, "\"tdx\":{\"min_tee_tcb_svn\":[" SVNS "7]}", { { 0 } }, DS_CODE_NONE },
    { A(TEE_TCB_SVN), TDX, "\"tdx\":{\"min_tee_tcb_svn\":[" SVNS "6]}", { { 0 } }, DS_CODE_NONE },
    { A(TEE_TCB_SVN), TDX, "\"tdx\":{\"min_tee_tcb_svn\":[" SVNS "8]}", { { 0 } }, NO(SVN) },
    { A(TEE_TCB_SVN), TDX, "\"tdx\":{\"min_tee_tcb_svn\":[" SVNS "7]}",
      { SET(c.tdx.tee_tcb_svn16[0], 6), SET(c.tdx.tee_tcb_svn16[1], 9) }, NO(SVN) },
    { A(CURRENT_TEE_TCB_SVN), TDX, "\"tdx\":{\"min_current_tee_tcb_svn\":[" SVNS "7]}", { SET(c.tdx.is_td15, 1) }, DS_CODE_NONE },
    { A(CURRENT_TEE_TCB_SVN), TDX, "\"tdx\":{\"min_current_tee_tcb_svn\":[" SVNS "8]}", { SET(c.tdx.is_td15, 1) }, NO(SVN) },
    { A(CURRENT_TEE_TCB_SVN), TDX, "\"tdx\":{\"min_current_tee_tcb_svn\":[" SVNS "0]}", { { 0 } }, NO(SVN) },

    LISTED(A(MRENCLAVE), SGX, "\"sgx\":{", "mrenclave", 32, "}", c.sgx.report.mrenclave32, MEASUREMENT),
    LISTED(A(MRSIGNER), SGX, "\"sgx\":{", "mrsigner", 32, "}", c.sgx.report.mrsigner32, SIGNER),
    { A(ISVPRODIDS), SGX, "\"sgx\":{\"isvprodids\":[6,7]}", { { 0 } }, DS_CODE_NONE },
    { A(ISVPRODIDS), SGX, "\"sgx\":{\"isvprodids\":[6,8]}", { { 0 } }, NO(SIGNER) },
    LISTED(A(ISVEXTPRODIDS), SGX, "\"sgx\":{", "isvextprodids", 16, "}", c.sgx.report.isvextprodid16, SIGNER),
    LISTED(A(ISVFAMILYIDS), SGX, "\"sgx\":{", "isvfamilyids", 16, "}", c.sgx.report.isvfamilyid16, SIGNER),
    LISTED(A(CONFIGIDS), SGX, "\"sgx\":{", "configids", 64, "}", c.sgx.report.configid64, LAUNCH_DATA),
    LEAST(A(ISVSVN), SGX, "sgx", "min_isvsvn", SVN),
    LEAST(A(CONFIGSVN), SGX, "sgx", "min_configsvn", SVN),

    { A(SGX_ATTRIBUTES), SGX, "\"tees\":[\"sgx\"]", { SET(c.sgx.report.attributes16[0], 0xfd) }, DS_CODE_NONE },
    ENCLAVE("", 0x5, 0x0, DS_CODE_NONE),
    ENCLAVE("", 0x1, 0x0, DS_CODE_NONE),
    ENCLAVE("", 0x15, 0x0, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"provision_key\"", 0x15, 0x0, DS_CODE_NONE),
    ENCLAVE("\"einittoken_key\",\"cet\",\"kss\",\"aex_notify\"", 0x15, 0x0, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"einittoken_key\"", 0x25, 0x0, DS_CODE_NONE),
    ENCLAVE("\"provision_key\"", 0x25, 0x0, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"cet\"", 0x45, 0x0, DS_CODE_NONE),
    ENCLAVE("\"kss\"", 0x45, 0x0, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"kss\"", 0x85, 0x0, DS_CODE_NONE),
    ENCLAVE("\"cet\"", 0x85, 0x0, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"aex_notify\"", 0x5, 0x4, DS_CODE_NONE),
    ENCLAVE("\"kss\"", 0x5, 0x4, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"provision_key\",\"einittoken_key\",\"cet\",\"kss\",\"aex_notify\"", 0xd, 0x0, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"provision_key\",\"einittoken_key\",\"cet\",\"kss\",\"aex_notify\"", 0x5, 0x1, NO(ENCLAVE_ATTRIBUTES)),
    ENCLAVE("\"provision_key\",\"einittoken_key\",\"cet\",\"kss\",\"aex_notify\"", 0xf5, 0x4, DS_CODE_NONE),
    { A(SGX_ATTRIBUTES), SGX, "\"sgx\":{\"attributes\":[\"provision_key\",\"einittoken_key\",\"cet\",\"kss\",\"aex_notify\"]}", { SET(c.sgx.report.attributes16[7], 0x80) }, NO(ENCLAVE_ATTRIBUTES) },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[]}", { SET(c.sgx.report.attributes16[8], 0x3) }, DS_CODE_NONE },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[]}", { SET(c.sgx.report.attributes16[8], 0x7) }, NO(XFEATURES) },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[\"avx\",\"avx512\"]}", { SET(c.sgx.report.attributes16[8], 0xe7) }, DS_CODE_NONE },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[\"avx\"]}", { SET(c.sgx.report.attributes16[8], 0xe7) }, NO(XFEATURES) },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[\"avx\",\"mpx\"]}", { SET(c.sgx.report.attributes16[8], 0x1f) }, DS_CODE_NONE },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[" XFEATURES "]}", { SET(c.sgx.report.attributes16[15], 0x80) }, NO(XFEATURES) },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[\"amx\"]}", { SET(c.sgx.report.attributes16[10], 6) }, DS_CODE_NONE },
    { A(SGX_XFRM), SGX, "\"sgx\":{\"xfrm\":[\"pkru\"]}", { SET(c.sgx.report.attributes16[10], 6) }, NO(XFEATURES) },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[]}", { SET_AT(c.sgx.report.miscselect4, 0, 0) }, DS_CODE_NONE },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[]}", { SET_AT(c.sgx.report.miscselect4, 0, 1) }, NO(ENCLAVE_ATTRIBUTES) },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[\"exinfo\"]}", { SET_AT(c.sgx.report.miscselect4, 0, 1) }, DS_CODE_NONE },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[\"cpinfo\"]}", { SET_AT(c.sgx.report.miscselect4, 0, 1) }, NO(ENCLAVE_ATTRIBUTES) },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[\"cpinfo\"]}", { SET_AT(c.sgx.report.miscselect4, 0, 2) }, DS_CODE_NONE },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[\"exinfo\"]}", { SET_AT(c.sgx.report.miscselect4, 0, 3) }, NO(ENCLAVE_ATTRIBUTES) },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[\"exinfo\",\"cpinfo\"]}", { SET_AT(c.sgx.report.miscselect4, 0, 3) }, DS_CODE_NONE },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[\"exinfo\",\"cpinfo\"]}", { SET_AT(c.sgx.report.miscselect4, 0, 4) }, NO(ENCLAVE_ATTRIBUTES) },
    { A(MISCSELECT), SGX, "\"sgx\":{\"miscselect\":[\"exinfo\",\"cpinfo\"]}", { SET_AT(c.sgx.report.miscselect4, 3, 128) }, NO(ENCLAVE_ATTRIBUTES) },

    LISTED(A(SNP_MEASUREMENT), SNP, "\"snp\":{", "measurement", 48, "}", c.snp.measurement48, MEASUREMENT),
    LISTED(A(SNP_HOST_DATA), SNP, "\"snp\":{", "host_data", 32, "}", c.snp.host_data32, LAUNCH_DATA),
    LISTED(A(SNP_FAMILY_ID), SNP, "\"snp\":{", "family_ids", 16, "}", c.snp.family_id16, SIGNER),
    LISTED(A(SNP_IMAGE_ID), SNP, "\"snp\":{", "image_ids", 16, "}", c.snp.image_id16, SIGNER),
    LISTED(A(SNP_ID_KEY), SNP, "\"snp\":{", "id_key_digests", 48, "}", c.snp.id_key_digest48, SIGNER),
    LISTED(A(SNP_AUTHOR_KEY), SNP, "\"snp\":{", "author_key_digests", 48, "}", c.snp.author_key_digest48, SIGNER),
    { A(SNP_AUTHOR_KEY), SNP, "\"snp\":{\"author_key_digests\":[\"" B48 "\"]}", { SET(c.snp.key_info, 0) }, NO(SIGNER) },
    { A(SNP_VMPLS), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.vmpl, 1) }, NO(VMPL) },
    { A(SNP_VMPLS), SNP, "\"snp\":{\"vmpls\":[0,1]}", { SET(c.snp.vmpl, 1) }, DS_CODE_NONE },
    { A(SNP_VMPLS), SNP, "\"snp\":{\"vmpls\":[1,3]}", { SET(c.snp.vmpl, 2) }, NO(VMPL) },
    { A(SNP_POLICY_ALLOWED), SNP, "\"snp\":{\"policy_allowed\":[]}", { { 0 } }, NO(GUEST_POLICY) },
    { A(SNP_POLICY_ALLOWED), SNP, "\"snp\":{\"policy_allowed\":[]}", { SET(c.snp.policy, 0x20000) }, DS_CODE_NONE },
    { A(SNP_POLICY_ALLOWED), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.policy, 0x70000) }, NO(GUEST_POLICY) },
    { A(SNP_POLICY_ALLOWED), SNP, "\"snp\":{\"policy_allowed\":[\"smt\",\"migrate_ma\"]}", { SET(c.snp.policy, 0x70000) }, DS_CODE_NONE },
    { A(SNP_POLICY_ALLOWED), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.policy, 0x230000) }, NO(GUEST_POLICY) },
    { A(SNP_POLICY_ALLOWED), SNP, "\"snp\":{\"policy_allowed\":[\"cxl\"]}", { SET(c.snp.policy, 0x220000) }, DS_CODE_NONE },
    { A(SNP_POLICY_REQUIRED), SNP, "\"snp\":{\"policy_required\":[\"single_socket\",\"ciphertext_hiding\"]}",
      { SET(c.snp.policy, 0x1130000) }, DS_CODE_NONE },
    { A(SNP_POLICY_REQUIRED), SNP, "\"snp\":{\"policy_required\":[\"single_socket\",\"ciphertext_hiding\"]}",
      { SET(c.snp.policy, 0x1030000) }, NO(GUEST_POLICY) },
    { A(SNP_POLICY_REQUIRED), SNP, "\"snp\":{\"policy_required\":[\"mem_aes_256_xts\",\"rapl_dis\",\"page_swap_disable\"]}",
      { SET(c.snp.policy, 0x2c30000) }, DS_CODE_NONE },
    { A(SNP_PLATFORM_ALLOWED), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.platform_info, 0x81) }, DS_CODE_NONE },
    { A(SNP_PLATFORM_ALLOWED), SNP, "\"snp\":{\"platform_allowed\":[\"tio\"]}", { SET(c.snp.platform_info, 1) }, NO(PLATFORM) },
    { A(SNP_PLATFORM_ALLOWED), SNP, "\"snp\":{\"platform_allowed\":[\"smt\"]}", { SET(c.snp.platform_info, 0x80) }, NO(PLATFORM) },
    { A(SNP_PLATFORM_REQUIRED), SNP, "\"snp\":{\"platform_required\":[\"tsme\",\"ecc\",\"rapl_dis\",\"ciphertext_hiding\",\"alias_check\"]}",
      { SET(c.snp.platform_info, 0x3e) }, DS_CODE_NONE },
    { A(SNP_PLATFORM_REQUIRED), SNP, "\"snp\":{\"platform_required\":[\"tsme\",\"alias_check\"]}",
      { SET(c.snp.platform_info, 0x1e) }, NO(PLATFORM) },
    { A(SNP_KEYS), SNP, "\"snp\":{\"keys\":[\"vcek\"]}", { { 0 } }, DS_CODE_NONE },
    { A(SNP_KEYS), SNP, "\"snp\":{\"keys\":[\"vcek\"]}", { SET(c.snp.key_info, 1 << 2) }, NO(PLATFORM) },
    { A(SNP_KEYS), SNP, "\"snp\":{\"keys\":[\"vlek\"]}", { SET(c.snp.key_info, 1 << 2) }, DS_CODE_NONE },
    { A(SNP_CLOUDS), SNP, "\"snp\":{\"csp_ids\":[\"cloud\"]}", { { 0 } }, DS_CODE_NONE },
    { A(SNP_CLOUDS), SNP, "\"snp\":{\"csp_ids\":[\"clouds\"]}", { { 0 } }, NO(PLATFORM) },
    { A(SNP_CLOUDS), SNP, "\"snp\":{\"csp_ids\":[\"cloud\"]}", { SET(c.snp.csp_id[0], 0) }, NO(PLATFORM) },
    { A(SNP_UNCHECKED_REVOCATION), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.is_crl_checked, 0) }, NO(REVOCATION_UNCHECKED) },
    { A(SNP_UNCHECKED_REVOCATION), SNP, "\"snp\":{\"unchecked_revocation\":true}", { SET(c.snp.is_crl_checked, 0) }, DS_CODE_NONE },
    LEAST(A(SNP_GUEST_SVN), SNP, "snp", "min_guest_svn", SVN),

    MITIGATION(LAUNCH, launch, "\"bit0\",\"bit3\"", 5, launch, 0x9, DS_CODE_NONE),
    MITIGATION(LAUNCH, launch, "\"bit0\"", 5, launch, 0x9, DS_CODE_NONE),
    MITIGATION(LAUNCH, launch, "\"bit0\",\"bit1\"", 5, launch, 0x9, NO(MITIGATION)),
    MITIGATION(LAUNCH, launch, "\"bit3\"", 5, launch, 0, NO(MITIGATION)),
    MITIGATION(LAUNCH, launch, "\"bit0\",\"bit63\"", 5, launch, UINT64_MAX, DS_CODE_NONE),
    MITIGATION(LAUNCH, launch, "\"bit63\"", 5, launch, INT64_MAX, NO(MITIGATION)),
    MITIGATION(LAUNCH, launch, "\"bit3\"", 4, launch, 0x9, NO(MITIGATION)),
    MITIGATION(LAUNCH, launch, "\"bit0\"", 3, launch, 0, NO(MITIGATION)),
    MITIGATION(LAUNCH, launch, "\"bit3\"", 5, current, 0x8, NO(MITIGATION)),
    { A(SNP_LAUNCH_MITIGATIONS), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.report_version, 2), SET(c.snp.launch_mit_vector, 0) }, DS_CODE_NONE },
    MITIGATION(CURRENT, current, "\"bit0\",\"bit3\"", 5, current, 0x9, DS_CODE_NONE),
    MITIGATION(CURRENT, current, "\"bit0\"", 5, current, 0x9, DS_CODE_NONE),
    MITIGATION(CURRENT, current, "\"bit0\",\"bit1\"", 5, current, 0x9, NO(MITIGATION)),
    MITIGATION(CURRENT, current, "\"bit3\"", 5, current, 0, NO(MITIGATION)),
    MITIGATION(CURRENT, current, "\"bit0\",\"bit63\"", 5, current, UINT64_MAX, DS_CODE_NONE),
    MITIGATION(CURRENT, current, "\"bit63\"", 5, current, INT64_MAX, NO(MITIGATION)),
    MITIGATION(CURRENT, current, "\"bit3\"", 4, current, 0x9, NO(MITIGATION)),
    MITIGATION(CURRENT, current, "\"bit0\"", 3, current, 0, NO(MITIGATION)),
    MITIGATION(CURRENT, current, "\"bit3\"", 5, launch, 0x8, NO(MITIGATION)),
    { A(SNP_CURRENT_MITIGATIONS), SNP, "\"tees\":[\"snp\"]", { SET(c.snp.report_version, 2), SET(c.snp.current_mit_vector, 0) }, DS_CODE_NONE },

    /* AMD 56860 2.2, Turin: FMC, boot loader, TEE, SNP in bytes 0 to 3, microcode in byte 7. */
    SNP_LEAST(A(SNP_BOOT_LOADER_SVN), "min_boot_loader_svn", 1),
    SNP_LEAST(A(SNP_TEE_SVN), "min_tee_svn", 2),
    SNP_LEAST(A(SNP_SNP_SVN), "min_snp_svn", 3),
    SNP_LEAST(A(SNP_MICROCODE_SVN), "min_microcode_svn", 7),
    SNP_LEAST(A(SNP_FMC_SVN), "min_fmc_svn", 0),
    { A(SNP_FMC_SVN), SNP, "\"snp\":{\"min_fmc_svn\":0}", { SET(c.snp.product, DS_SNP_PRODUCT_MILAN) }, NO(SVN) },
};
/* clang-format on */

static struct policy_document document_of(struct ds_arena *mem, const char *members)
{
    static char text[4096];
    struct policy_document doc;
    struct ds_error e = { 0 };
    (void)snprintf(text, sizeof text, "{\"version\":1,%s}", members);
    if (policy_document_parse(&doc, mem, ds_span_str(text), &e) < 0)
        fail_msg("%s: %s", text, e.msg);
    return doc;
}

static void apply(struct world *w, const struct change *change)
{
    /* The low bytes come first on the machines that this is built for. */
    if (change->len > 0)
        memcpy((uint8_t *)w + change->at, &change->value, change->len);
}

static struct ds_verdict judge(const struct world *w, const char *members)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(POLICY_DOCUMENT_MEM);
    struct ds_arena mem = ds_arena_of(room, POLICY_DOCUMENT_MEM);
    struct ds_verdict v = { 0 };
    const struct policy_document doc = document_of(&mem, members);
    policy_check(&v, &w->c, &doc.rules, &w->facts);
    return v;
}

static void each_row_judges(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct world w = good_world(row->tee);
        for (size_t k = 0; k < DS_LEN(row->changes); k++)
            apply(&w, &row->changes[k]);
        struct ds_verdict v = judge(&w, row->document);
        if (row->code == DS_CODE_NONE && v.n_reasons == 0)
            continue;
        if (v.n_reasons != (row->code == DS_CODE_NONE ? 0 : 1) || v.reasons[0].code != row->code)
            fail_msg("row %zu, {%s}: %u reasons, first %s of %s: expected '%s', got '%s'", i,
                     row->document, v.n_reasons, ds_code_info_get(v.reasons[0].code)->id,
                     v.reasons[0].detail.claim, v.reasons[0].detail.expected,
                     v.reasons[0].detail.got);
        assert_string_equal(v.reasons[0].detail.claim, policy_attribute_get(row->attr)->claim);
        assert_string_not_equal(v.reasons[0].detail.expected, "");
        assert_string_not_equal(v.reasons[0].detail.got, "");
        assert_string_equal(v.reasons[0].detail.anchor, w.c.anchor);
    }
}

/* Nothing is in the table of attributes that these rows do not meet both ways. */
static void each_attribute_is_met_both_ways(void **state)
{
    (void)state;
    for (size_t attr = 0; attr < POLICY_N_ATTRS; attr++) {
        size_t n_allow = 0, n_deny = 0;
        for (size_t i = 0; i < DS_LEN(rows); i++) {
            bool allows = rows[i].code == DS_CODE_NONE;
            n_allow += rows[i].attr == attr && allows ? 1 : 0;
            n_deny += rows[i].attr == attr && !allows ? 1 : 0;
        }
        if (n_allow == 0 || n_deny == 0)
            fail_msg("%s: %zu rows allow, %zu deny",
                     policy_attribute_path((enum policy_attr)attr).s, n_allow, n_deny);
    }
}

/* A rule of a TEE's own section is not for the evidence of others. */
static void own_rules_spare_other_tees(void **state)
{
    static const enum ds_tee tees[] = { DS_TEE_TDX, DS_TEE_SGX, DS_TEE_SEV_SNP };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct policy_section_info *section = policy_section_get(
            policy_attribute_get(rows[i].attr)->section);
        if (!section->is_own || strstr(rows[i].document, "tees") != NULL)
            continue;
        char members[2048];
        (void)snprintf(members, sizeof members, "\"tees\":[\"tdx\",\"sgx\",\"snp\"],%s",
                       rows[i].document);
        for (size_t t = 0; t < DS_LEN(tees); t++) {
            const struct world w = good_world(tees[t]);
            if ((section->tees & POLICY_TEE(tees[t])) == 0)
                assert_int_equal(judge(&w, members).n_reasons, 0);
        }
    }
}

/* Documents say a status in the words of claims. */
static void status_words_are_the_claims(void **state)
{
    (void)state;
    const struct policy_attribute *a = policy_attribute_get(POLICY_ATTR_TCB_STATUSES);
    for (int s = DS_TCB_UP_TO_DATE; s <= DS_TCB_REVOKED; s++)
        if ((size_t)s < a->n_words && a->words[s] != NULL)
            assert_string_equal(a->words[s], ds_tcb_status_text((enum ds_tcb_status)s));
        else
            assert_int_equal(s, DS_TCB_NONE);
}

/* Each attribute's row is whole, and no two have one path. */
static void the_table_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        const struct policy_attribute *a = policy_attribute_get((enum policy_attr)i);
        if (a->key == NULL || a->claim == NULL || a->absent == NULL || a->help == NULL ||
            a->code == DS_CODE_NONE)
            fail_msg("row %zu of the table is not filled", i);
        assert_int_equal((a->number != NULL) + (a->bytes != NULL) + (a->text != NULL), 1);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(policy_attribute_path((enum policy_attr)i).s,
                                    policy_attribute_path((enum policy_attr)k).s);
    }
}

static void all_reasons_come_at_once(void **state)
{
    struct world w = good_world(DS_TEE_TDX);
    (void)state;
    w.c.kind = DS_KIND_SIMULATED;
    w.c.tdx.td_attributes |= 1;
    w.c.tcb.status = DS_TCB_OUT_OF_DATE;
    struct ds_verdict v = judge(&w, "\"roots\":[\"AMD ARK-Milan\"],\"tdx\":{\"mrtd\":[\"" O48
                                    "\"],\"rtmr0\":[\"" O48 "\"]}");
    assert_int_equal(v.n_reasons, 6);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_SIMULATED_EVIDENCE);
    assert_non_null(strstr(ds_code_info_get(v.reasons[0].code)->fix, "--allow-simulated"));
    assert_true(ds_verdict_has(&v, DS_CODE_POLICY_DEBUG));
    assert_string_equal(v.reasons[5].detail.claim, "rtmr0");
    assert_string_equal(v.reasons[5].detail.expected, O48);
    assert_string_equal(v.reasons[5].detail.got, B48);
}

static void refusals_tell_what_they_want(void **state)
{
    static const struct {
        enum ds_tee tee;
        const char *document;
        struct change change;
        const char *expected, *got;
    } texts[] = {
        { DS_TEE_TDX, "\"tcb_statuses\":[\"UpToDate\",\"OutOfDate\"]",
          SET(c.tcb.status, DS_TCB_REVOKED), "UpToDate, OutOfDate", "Revoked" },
        { DS_TEE_TDX, "\"tees\":[\"tdx\"]", SET(c.tcb.status, DS_TCB_NONE), "UpToDate", "nothing" },
        { DS_TEE_TDX, "\"tees\":[\"tdx\"]", SET(c.tdx.td_attributes, (uint64_t)0x30 << 36),
          "no other than lass, pks, kl, tpa, perfmon", "sept_ve, unknown ones" },
        { DS_TEE_TDX, "\"tees\":[\"snp\",\"sgx\"]", { 0 }, "sgx, snp", "tdx" },
        { DS_TEE_TDX, "\"intel\":{\"max_tcb_age_s\":9}", { 0 }, "at most 9", "1000" },
        { DS_TEE_SGX, "\"sgx\":{\"isvprodids\":[3,4]}", { 0 }, "3, 4", "7" },
        { DS_TEE_TDX,
          "\"tdx\":{\"min_tee_tcb_svn\":[" SVNS "9]}",
          { 0 },
          "part 15 at least 9",
          "7" },
        { DS_TEE_TDX, "\"app\":{\"ids\":[\"" O20 "\",\"" B16 O4 "\"]}", SET(c.app_id.len, 0),
          "one of 2 accepted", "nothing" },
        { DS_TEE_SEV_SNP,
          "\"snp\":{\"policy_required\":[\"rapl_dis\"]}",
          { 0 },
          "rapl_dis",
          "none" },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(texts); i++) {
        struct world w = good_world(texts[i].tee);
        apply(&w, &texts[i].change);
        struct ds_verdict v = judge(&w, texts[i].document);
        assert_int_equal(v.n_reasons, 1);
        assert_string_equal(v.reasons[0].detail.expected, texts[i].expected);
        assert_string_equal(v.reasons[0].detail.got, texts[i].got);
    }
}

static void zeroed_rules_deny_everything(void **state)
{
    static const enum ds_tee tees[] = { DS_TEE_TDX, DS_TEE_SGX, DS_TEE_SEV_SNP };
    struct policy_rules none = { 0 };
    (void)state;
    for (size_t i = 0; i < DS_LEN(tees); i++) {
        const struct world w = good_world(tees[i]);
        struct ds_verdict v = { 0 };
        policy_check(&v, &w.c, &none, &w.facts);
        assert_int_equal(v.n_reasons, DS_VERDICT_REASONS_MAX);
        assert_true(v.n_dropped > 0);
        assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_TEE);
        assert_int_equal(v.reasons[1].code, DS_CODE_POLICY_HARDWARE_EVIDENCE);
    }
}

/* No program can accept a revoked platform, or one whose state nobody said. */
static void nothing_accepts_revoked(void **state)
{
    struct world w = good_world(DS_TEE_TDX);
    struct policy_rules rules;
    struct ds_verdict v = { 0 };
    (void)state;
    policy_rules_for(&rules, UINT64_MAX, UINT32_MAX);
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 0);
    rules.of[POLICY_ATTR_TCB_STATUSES].is_any = true;
    w.c.tcb.status = DS_TCB_REVOKED;
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_TCB_REVOKED);
    w.c.tcb.status = DS_TCB_NONE;
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 2);
    assert_int_equal(v.reasons[1].code, DS_CODE_POLICY_TCB_STATUS);
}

/* A program that sets states takes them with whatever advisories they list. */
static void programs_set_kinds_and_states(void **state)
{
    struct world w = good_world(DS_TEE_TDX);
    struct policy_rules rules;
    struct ds_verdict v = { 0 };
    (void)state;
    policy_rules_for(&rules, POLICY_BIT(DS_KIND_SIMULATED), POLICY_TCB(DS_TCB_OUT_OF_DATE));
    w.c.kind = DS_KIND_SIMULATED;
    w.c.tcb.status = DS_TCB_OUT_OF_DATE;
    w.c.tcb.n_advisories = 1;
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 0);
    w.c.kind = DS_KIND_HARDWARE;
    w.c.tcb.status = DS_TCB_UP_TO_DATE;
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 2);
}

/* What a caller asks holds beside the rules: each can refuse alone. */
static void what_is_asked_counts_too(void **state)
{
    static const uint8_t one[20] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    static const uint8_t two[20] = { 2 };
    static const struct {
        const uint8_t *listed, *asked[2];
        uint32_t n_reasons;
    } cases[] = {
        { NULL, { NULL, NULL }, 0 }, { NULL, { one, NULL }, 0 }, { NULL, { two, NULL }, 1 },
        { NULL, { two, one }, 0 },   { one, { one, NULL }, 0 },  { one, { two, NULL }, 1 },
        { two, { one, NULL }, 1 },   { two, { two, NULL }, 1 },
    };
    const struct world w = good_world(DS_TEE_TDX);
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        struct policy_rules rules;
        struct ds_verdict v = { 0 };
        policy_rules_preset(&rules);
        assert_false(policy_is_compared(&rules, POLICY_ATTR_APP_IDS, &w.c));
        struct policy_rule *rule = &rules.of[POLICY_ATTR_APP_IDS];
        if (cases[i].listed != NULL)
            *rule = (struct policy_rule){ .items = { .bytes = cases[i].listed, .n = 1 } };
        for (size_t k = 0; k < 2 && cases[i].asked[k] != NULL; k++)
            policy_ask(&rules, POLICY_ATTR_APP_IDS, DS_SPAN(cases[i].asked[k], 20));
        policy_ask(&rules, POLICY_ATTR_INSTANCE_IDS, (struct ds_span){ 0 });
        assert_int_equal(policy_is_compared(&rules, POLICY_ATTR_APP_IDS, &w.c), i > 0);
        policy_check(&v, &w.c, &rules, &w.facts);
        assert_int_equal(v.n_reasons, cases[i].n_reasons);
    }
}

/* Of one of two sets that must both hold, and never by a section of another TEE. */
static void what_counts_as_compared(void **state)
{
    const struct world tdx = good_world(DS_TEE_TDX), sgx = good_world(DS_TEE_SGX);
    struct policy_rules rules, also;
    (void)state;
    policy_rules_preset(&rules);
    policy_rules_preset(&also);
    assert_false(policy_is_compared(&rules, POLICY_ATTR_MRCONFIGID, &tdx.c));
    also.of[POLICY_ATTR_MRCONFIGID] = (struct policy_rule){ .items = { .n = 0 } };
    assert_false(policy_is_compared(&rules, POLICY_ATTR_MRCONFIGID, &tdx.c));
    rules.also = &also;
    assert_true(policy_is_compared(&rules, POLICY_ATTR_MRCONFIGID, &tdx.c));
    assert_false(policy_is_compared(&rules, POLICY_ATTR_MRCONFIGID, &sgx.c));
}

/* Each rule of each set counts; what they refuse alike is said once. */
static void sets_must_all_hold(void **state)
{
    static const uint8_t two[96] = { 2 };
    struct world w = good_world(DS_TEE_TDX);
    struct policy_rules rules, also;
    struct ds_verdict v = { 0 };
    (void)state;
    policy_rules_preset(&rules);
    policy_rules_preset(&also);
    rules.also = &also;
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 0);
    w.c.kind = DS_KIND_SIMULATED;
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 1);
    /* Said before this check, and so of something else. */
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 2);
    w.c.kind = DS_KIND_HARDWARE;
    v = (struct ds_verdict){ 0 };
    also.of[POLICY_ATTR_MRTD] = (struct policy_rule){ .items = { .bytes = two, .n = 1 } };
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 1);
    assert_string_equal(v.reasons[0].detail.claim, "mrtd");
    rules.of[POLICY_ATTR_MRTD] = (struct policy_rule){ .items = { .bytes = two, .n = 2 } };
    v = (struct ds_verdict){ 0 };
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 2); /* alike, and expected was another */
    assert_string_not_equal(v.reasons[0].detail.expected, v.reasons[1].detail.expected);
}

static void empty_claims_are_denied(void **state)
{
    struct policy_rules rules;
    const struct world w = { 0 };
    struct ds_verdict v = { 0 };
    (void)state;
    policy_rules_for(&rules, UINT64_MAX, UINT32_MAX);
    policy_check(&v, &w.c, &rules, &w.facts);
    assert_int_equal(v.n_reasons, 1);
    assert_int_equal(v.reasons[0].code, DS_CODE_POLICY_NO_EVIDENCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_judges),
        cmocka_unit_test(each_attribute_is_met_both_ways),
        cmocka_unit_test(own_rules_spare_other_tees),
        cmocka_unit_test(status_words_are_the_claims),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(all_reasons_come_at_once),
        cmocka_unit_test(refusals_tell_what_they_want),
        cmocka_unit_test(zeroed_rules_deny_everything),
        cmocka_unit_test(nothing_accepts_revoked),
        cmocka_unit_test(programs_set_kinds_and_states),
        cmocka_unit_test(what_is_asked_counts_too),
        cmocka_unit_test(what_counts_as_compared),
        cmocka_unit_test(sets_must_all_hold),
        cmocka_unit_test(empty_claims_are_denied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

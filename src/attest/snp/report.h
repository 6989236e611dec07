/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMD SEV-SNP attestation report, versions 2 to 5: the layout, unverified.
 * spec: AMD 56860, SEV Secure Nested Paging Firmware ABI, revision 1.58: 2.2 (TCB_VERSION),
 *       4.3 table 9 (guest policy), 7.3 table 23 (ATTESTATION_REPORT), chapter 10 (signatures);
 *       AMD 57230, revision 1.00: 1.5 table 4 (product by family and model)
 */

#include "base/span.h"

#define DS_SNP_REPORT_LEN 1184

enum ds_snp_product {
    DS_SNP_PRODUCT_NONE = 0,
    DS_SNP_PRODUCT_MILAN,
    DS_SNP_PRODUCT_GENOA, /* with Bergamo and Siena */
    DS_SNP_PRODUCT_TURIN,
};

/* Which key signs reports; the numbers are the report's. */
enum ds_snp_key {
    DS_SNP_KEY_VCEK = 0, /* the chip's own */
    DS_SNP_KEY_VLEK = 1, /* one that AMD gave to a cloud */
    DS_SNP_KEY_NONE = 7,
};

/* Bits of POLICY (4.3 table 9); the two low bytes are the least ABI version, minor and major. */
#define DS_SNP_POLICY_SMT               ((uint64_t)1 << 16)
#define DS_SNP_POLICY_MIGRATE_MA        ((uint64_t)1 << 18)
#define DS_SNP_POLICY_DEBUG             ((uint64_t)1 << 19)
#define DS_SNP_POLICY_SINGLE_SOCKET     ((uint64_t)1 << 20)
#define DS_SNP_POLICY_CXL_ALLOW         ((uint64_t)1 << 21)
#define DS_SNP_POLICY_MEM_AES_256_XTS   ((uint64_t)1 << 22)
#define DS_SNP_POLICY_RAPL_DIS          ((uint64_t)1 << 23)
#define DS_SNP_POLICY_CIPHERTEXT_HIDING ((uint64_t)1 << 24)
#define DS_SNP_POLICY_PAGE_SWAP_DISABLE ((uint64_t)1 << 25)
#define DS_SNP_PLATFORM_SMT             ((uint64_t)1 << 0) /* PLATFORM_INFO */
#define DS_SNP_PLATFORM_TSME            ((uint64_t)1 << 1)
#define DS_SNP_PLATFORM_ECC             ((uint64_t)1 << 2)
#define DS_SNP_PLATFORM_RAPL_DIS        ((uint64_t)1 << 3)
#define DS_SNP_PLATFORM_CIPHERTEXT      ((uint64_t)1 << 4)
#define DS_SNP_PLATFORM_ALIAS_CHECK     ((uint64_t)1 << 5)
#define DS_SNP_PLATFORM_TIO             ((uint64_t)1 << 7)
#define DS_SNP_KEY_INFO_AUTHOR          ((uint32_t)1 << 0) /* AUTHOR_KEY_DIGEST counts */
#define DS_SNP_KEY_INFO_MASK_CHIP_KEY   ((uint32_t)1 << 1)

/* A TCB_VERSION by its parts; fmc is zero before Turin. */
struct ds_snp_tcb {
    uint8_t fmc, boot_loader, tee, snp, microcode;
};

struct ds_snp_firmware {
    uint8_t major, minor, build;
};

/* Spans borrow the parsed bytes. */
struct ds_snp_report {
    uint32_t version, guest_svn;
    uint64_t policy;
    uint8_t family_id16[16], image_id16[16];
    uint32_t vmpl, sig_algo;
    uint64_t platform_info;
    uint32_t key_info;
    uint8_t report_data64[64], measurement48[48], host_data32[32];
    uint8_t id_key_digest48[48], author_key_digest48[48];
    uint8_t report_id32[32], report_id_ma32[32];
    uint8_t current_tcb8[8], reported_tcb8[8], committed_tcb8[8], launch_tcb8[8];
    uint8_t cpuid_family, cpuid_model, cpuid_stepping; /* zero in version 2 */
    uint8_t chip_id64[64];
    struct ds_snp_firmware current, committed;
    uint64_t launch_mit_vector, current_mit_vector; /* zero before version 4 */
    struct ds_span signed_part;
    uint8_t sig96[96]; /* r || s, big-endian */
};

/*
 * err:  UNSUPPORTED  attest.snp.version, attest.snp.signature_algorithm
 *       TRUNCATED, TRAILING, FORMAT  attest.snp.report_format: also where a byte or bit that
 *                    must be zero is not
 */
DS_MUST_USE int ds_snp_report_parse(struct ds_snp_report *ret, struct ds_span in,
                                    struct ds_error *e);

/* SIGNING_KEY: which certificate this report needs. Values in between are refused by the parser. */
enum ds_snp_key ds_snp_report_key(const struct ds_snp_report *report);

/* By family and model; NONE for version 2, which does not say, and for what is not known here. */
enum ds_snp_product ds_snp_report_product(const struct ds_snp_report *report);

/* "Milan", "Genoa", "Turin", "none" */
const char *ds_snp_product_text(enum ds_snp_product product);

/* The parts of a TCB_VERSION, whose order Turin changed. */
struct ds_snp_tcb ds_snp_tcb_of(const uint8_t tcb8[static 8], enum ds_snp_product product);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of struct ds_claims. Only files of attest/ include this, and of
 * those only the ones that verify write to it.
 */

#include "attest/claims.h"
#include "attest/dcap/report.h"
#include "attest/snp/claims.h"

#define CLAIMS_ADVISORIES_MAX   64
#define CLAIMS_INIT_SCRIPTS_MAX 5

struct claims_bytes {
    uint16_t len;
    uint8_t b[32];
};

/* The state of a platform's TCB. */
struct claims_tcb {
    enum ds_tcb_status status;
    int64_t date_s;
    size_t n_advisories;
    char advisories[CLAIMS_ADVISORIES_MAX][24];
};

struct claims_tdx {
    bool is_td15;
    uint8_t mrtd48[48], rtmr48[4][48], mrseam48[48], mrsignerseam48[48];
    uint8_t mrconfigid48[48], mrowner48[48], mrownerconfig48[48], mrservicetd48[48];
    uint64_t td_attributes, xfam;
    uint8_t tee_tcb_svn16[16], tee_tcb_svn2_16[16];
    uint8_t fmspc6[6];
    struct claims_tcb current; /* TD 1.5: by the module that runs now */
};

struct claims_sgx {
    struct ds_sgx_report report;
    uint8_t fmspc6[6];
};

struct claims_snp {
    uint8_t measurement48[48], host_data32[32], family_id16[16], image_id16[16];
    uint8_t id_key_digest48[48], author_key_digest48[48], report_id32[32], report_id_ma32[32];
    uint8_t chip_id64[64], tcb8[DS_SNP_N_TCBS][8];
    bool has_chip_id, is_crl_checked;
    uint64_t policy, platform_info, launch_mit_vector, current_mit_vector;
    uint32_t report_version, vmpl, guest_svn, key_info;
    enum ds_snp_product product;
    struct ds_snp_firmware current, committed;
    char csp_id[64];
};

struct ds_claims {
    enum ds_kind kind;
    char anchor[64];
    enum ds_tee tee; /* which member of the union below is filled */
    uint8_t report_data64[64];
    uint8_t device_id32[32];
    union {
        struct claims_tdx tdx;
        struct claims_sgx sgx;
        struct claims_snp snp;
    };
    struct claims_tcb tcb;
    uint32_t tcb_eval_number;
    uint16_t qe_isvsvn;          /* TDX, SGX */
    int64_t collateral_issued_s; /* likewise */
    int64_t valid_from_s, valid_until_s;

    /* from the replayed log */
    bool has_log;
    bool is_boot_done, is_system_ready;
    struct claims_bytes app_id, compose_hash, instance_id, os_image_hash, gpu_policy_hash;
    struct claims_bytes storage_fs;
    size_t n_init_scripts;
    uint8_t init_scripts32[CLAIMS_INIT_SCRIPTS_MAX][32];
    size_t key_provider_len;
    uint8_t key_provider[512];
};

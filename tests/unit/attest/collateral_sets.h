/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The recorded collateral as the parts that the verifier takes. Sources kept
 * their files in different forms; a row says where each part of a set lies.
 */

#include "attest/dcap/collateral.h"

struct collateral_set {
    const char *json;                  /* the whole set in one file; else: */
    const char *tcb, *qe;              /* {"tcbInfo"|"enclaveIdentity": ..., "signature"} */
    const char *chain_pem;             /* TCB signer and root */
    const char *signer_der, *root_der; /* the same as two files */
    bool chain_of_oe;                  /* the same from Open Enclave's endorsements */
    const char *root_crl, *pck_crl;    /* DER */
    const char *pck_chain_pem[2];      /* PCK chain beside the quote: leaf; CAs, root first */
    bool is_chain_root_first;
    const char *pck_chain_files[3]; /* PCK chain beside the quote: leaf, CA, root */
    const char *base;               /* a whole set: its signer and lists, issued in the same days */
};

/* Times at which the sets below hold. */
#define AT_2020_01_01 1577836800
#define AT_2023_07_01 1688169600
#define AT_2025_03_10 1741564800
#define AT_2025_06_15 1749945600
#define AT_2025_06_25 1750809600
#define AT_2025_07_10 1752105600
#define AT_2025_11_10 1762732800
#define AT_2026_02_03 1770080400
#define AT_2026_04_01 1775001600

/* Intel's library shipped a synthetic set under a root of its own; it holds at this time. */
#define AT_QVL_SAMPLE 1640995200

extern const struct collateral_set set_dcapqvl, set_solana, set_0625, set_2026, set_2023,
    set_2023_alone, set_trustee, set_qvl_sample, set_90c0_2025, set_90c0_2025_alone, set_90c0_2026,
    set_90c0_tcb_alone, set_sgx_dcapqvl, set_sgx_606a, set_sgx_606a_alone, set_sgx_solana,
    set_sgx_chain_alone, set_sgx_qvl_sample;

/* DS_OK, or why the set does not read. */
int set_load(struct ds_dcap_collateral *ret, struct ds_arena *a, const struct collateral_set *s,
             struct ds_error *e);

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
};

/* Times at which the sets below hold. */
#define AT_2023_07_01 1688169600
#define AT_2025_03_10 1741564800
#define AT_2025_06_15 1749945600
#define AT_2025_06_25 1750809600
#define AT_2025_07_10 1752105600
#define AT_2025_11_10 1762732800
#define AT_2026_04_01 1775001600

/* Intel's library shipped a synthetic set under a root of its own; it holds at this time. */
#define AT_QVL_SAMPLE 1640995200

extern const struct collateral_set set_dcapqvl, set_solana, set_0625, set_2026, set_2023,
    set_2023_alone, set_trustee, set_qvl_sample;

/* DS_OK, or why the set does not read. */
int set_load(struct ds_dcap_collateral *ret, struct ds_arena *a, const struct collateral_set *s,
             struct ds_error *e);

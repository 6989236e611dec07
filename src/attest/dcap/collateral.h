/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What Intel publishes beside a quote: certificate chains, revocation lists,
 * TCB info (version 3; of SGX also 2) and the quoting enclave's identity (version
 * 2). Parsed here, judged in attest/dcap/platform.c. The outer JSON is the de-facto form of
 * DCAP libraries: root_ca_crl, pck_crl, tcb_info_issuer_chain, tcb_info,
 * tcb_info_signature, qe_identity_issuer_chain, qe_identity,
 * qe_identity_signature; CRLs and signatures in hex. pck_certificate_chain is
 * optional and stands in for the chain inside the quote. Of pck_crl_issuer_chain
 * no use is made but to complete a quote that carries its PCK certificate alone:
 * the list must be signed by the very CA that issued the PCK.
 * spec: Intel PCS API version 4
 */

#include "attest/claims.h"
#include "base/arena.h"

#define DS_TCB_LEVELS_MAX      48
#define DS_TDX_MODULES_MAX     16
#define DS_DCAP_COLLATERAL_MEM ((size_t)1 << 20) /* bytes of arena that always suffice */

/* One row of TCB info. Rows stand as in the document, the highest first. */
struct ds_tcb_level {
    uint8_t sgx16[16], tdx16[16];
    uint16_t pcesvn;
    enum ds_tcb_status status;
    int64_t date_s;
    struct ds_span advisories; /* the raw JSON array; empty when absent */
};

/* One row of an enclave's or TDX module's identity. */
struct ds_svn_level {
    uint16_t isvsvn;
    enum ds_tcb_status status;
    int64_t date_s;
    struct ds_span advisories;
};

struct ds_tdx_module {
    char id[16]; /* upper-cased: "TDX_03" */
    uint8_t mrsigner48[48], attributes8[8];
    const struct ds_svn_level *levels;
    size_t n_levels;
};

struct ds_tcb_info {
    char id[16];
    uint32_t version, eval_number;
    int64_t issue_s, next_s;
    uint8_t fmspc6[6], pceid2[2];
    struct ds_tdx_module module;         /* tdxModule: for TEE_TCB_SVN[1] == 0 */
    const struct ds_tdx_module *modules; /* tdxModuleIdentities */
    size_t n_modules;
    const struct ds_tcb_level *levels;
    size_t n_levels;
};

struct ds_qe_identity {
    char id[16];
    uint32_t version, eval_number;
    int64_t issue_s, next_s;
    uint8_t miscselect4[4], miscselect_mask4[4];
    uint8_t attributes16[16], attributes_mask16[16];
    uint8_t mrsigner32[32];
    uint16_t isvprodid;
    const struct ds_svn_level *levels;
    size_t n_levels;
};

/* The parts as they were served; an absent part is an empty span. */
struct ds_dcap_parts {
    struct ds_span pck_chain_pem;     /* used instead of what the quote carries */
    struct ds_span pck_crl_chain_pem; /* the PCK's issuer and the root */
    struct ds_span tcb_chain_pem, qe_chain_pem;
    struct ds_span root_crl_der, pck_crl_der;
    struct ds_span tcb_info, qe_identity; /* JSON, the exact bytes that are signed */
    struct ds_span tcb_sig64, qe_sig64;   /* r || s */
};

/* That a part is absent is for the verifier to judge: tcb or qe then has version 0. */
struct ds_dcap_collateral {
    struct ds_dcap_parts parts;
    struct ds_tcb_info tcb;
    struct ds_qe_identity qe;
};

/*
 * io:   mem   DS_DCAP_COLLATERAL_MEM bytes always suffice; holds what ret points to
 * out:  ret   borrows the JSON too
 * err:  FORMAT, RANGE, NOMEM, TRUNCATED, TRAILING, all with attest.dcap.collateral_format;
 *       UNSUPPORTED (another version of TCB info or identity)
 */
DS_MUST_USE int ds_dcap_collateral_parse(struct ds_dcap_collateral *ret, struct ds_arena *mem,
                                         struct ds_span json, struct ds_error *e);

/* The same from the parts; ret borrows them. */
DS_MUST_USE int ds_dcap_collateral_of(struct ds_dcap_collateral *ret, struct ds_arena *mem,
                                      const struct ds_dcap_parts *parts, struct ds_error *e);

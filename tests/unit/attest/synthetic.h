/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A whole Intel platform made on the spot: PKI, collateral and a TDX or SGX quote
 * in Intel's forms under a root of the test's own, with every field open to
 * change before it is signed. So each check of the verifier can be reached alone.
 */

#include "attest/sgx/verify.h"
#include "attest/tdx/verify.h"
#include "base/buf.h"
#include "crypto/key.h"

#define SYNTH_NOW 1800000000
#define SYNTH_DAY 86400

enum synth_cert { ROOT, CA, PCK, SIGNER, OTHER_ROOT, N_CERTS };

struct synth_cert_plan {
    const char *cn;
    enum synth_cert issuer;
    bool ca;
    int path_len;
    uint32_t usage;
    bool has_marker, is_marker_soft, has_unknown;
    int64_t not_before_s, not_after_s;
    bool has_sgx;
};

struct synth {
    struct synth_cert_plan plans[N_CERTS];
    /* PCK: the SGX extension */
    uint8_t fmspc[6], pceid[2], sgx_svn;
    uint16_t pcesvn;
    uint8_t n_more_sgx_fields, sgx_type_tag; /* 1: the SGX type, as the processor CA writes it */
    /* lists */
    enum synth_cert root_crl_by, pck_crl_by;
    bool is_ca_revoked, is_signer_revoked, is_pck_revoked;
    int64_t crl_this_s, crl_next_s;
    uint8_t crl_hides; /* an extension of both lists, by the last arc below 2.5.29; 0: none */
    /* TCB info */
    const char *tcb_id, *tcb_issue, *tcb_next, *level_status, *module_id, *module_status;
    const char *module_attributes, *module_mrsigner_byte, *qe_status;
    const char *more_module_levels, *more_qe_levels; /* JSON behind the first: ",{...}" */
    bool has_modules, is_modules_empty, has_no_module_mask, has_modules_of_tdx; /* for SGX too */
    bool has_more_levels; /* of the platform: a second, OutOfDate */
    uint8_t more_svn, more_tdx_svn;
    unsigned more_pcesvn;
    uint8_t info_fmspc[6], info_pceid[2], level_svn, level_tdx_svn;
    unsigned level_pcesvn, module_svn, qe_svn, tcb_type, tcb_version, tcb_eval;
    /* QE identity */
    const char *qe_id, *qe_issue, *qe_next, *qe_misc, *qe_attributes, *qe_mrsigner_byte;
    unsigned qe_prodid;
    /* quote */
    struct ds_tdx_quote quote; /* fields that are written */
    struct ds_sgx_report enclave;
    struct ds_span
        qe_part; /* of a quote made before: quoting enclaves keep theirs; empty: a new one */
    bool has_no_pck_crl_chain;
    bool is_chain_beside; /* the collateral brings it, and the quote carries a hint instead */
    bool breaks_binding, breaks_binding_tail, breaks_quote_sig, breaks_qe_sig;
    bool breaks_ak; /* no point of the curve, and the quoting enclave vouches for it */
    bool breaks_tcb_sig, breaks_qe_id_sig;
    enum synth_cert collateral_root; /* ROOT or OTHER_ROOT signs the signer */

    struct ds_p256_key *keys[N_CERTS], *ak;
    struct ds_buf certs[N_CERTS];
};

/* A quote of version 4 about a TD 1.0 of which everything verifies at SYNTH_NOW; nothing is made yet. */
struct synth synth_good(void);
/* The same in another shape. */
struct synth synth_good_of(uint16_t version, enum ds_dcap_body body);
void synth_done(struct synth *s);

/* Keys and certificates, as planned. */
void synth_make(struct synth *s);

/* Collateral and quote, signed; they stand in the arena. */
struct ds_dcap_parts synth_parts(struct ds_arena *a, const struct synth *s);
struct ds_span synth_quote(struct ds_arena *a, const struct synth *s);
/* The JSON that services and callers give such collateral in, appended. */
void synth_set(struct ds_buf *ret, const struct ds_dcap_parts *parts);

struct ds_extra_anchor synth_anchor(const struct synth *s, enum synth_cert root, bool is_simulated);

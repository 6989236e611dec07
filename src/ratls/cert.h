/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Certificates that carry evidence: TLS proves that the peer holds the key of
 * its certificate, the evidence proves what holds the key. The link is
 * report_data = SHA-512("ratls-cert:" || SPKI).
 * spec: guest-api 5.2, 5.3
 */

#include "attest/claims.h"
#include "attest/wrapper/attestation.h"
#include "attest/wrapper/cert_evidence.h"
#include "attest/wrapper/cert_ext.h"
#include "crypto/cert.h"

#define RATLS_EXTS_MAX  16 /* extensions of ours and a caller's */
#define RATLS_SPKI_HEAD 27 /* bytes of a P-256 SPKI that are the same in all */

/*
 * Get evidence over exactly these 64 bytes: a versioned attestation, *appended*
 * to ret, stripped as certificates want it. It may block.
 */
typedef int ratls_evidence_fn(void *arg, struct ds_buf *ret, const uint8_t report_data64[64],
                              struct ds_error *e);

/* What a certificate says besides its key; NULL and empty parts are left out. */
struct ratls_spec {
    const char *cn, *org;
    int64_t not_before_s, not_after_s;
    bool ca;
    int path_len;
    uint32_t eku; /* enum ds_cert_eku */
    const char *const *sans;
    size_t n_sans;
    struct ds_span attestation;         /* extension 8 */
    struct ds_span app_id;              /* extension 3 */
    const char *usage;                  /* extension 4: "app:ca", "kms:rpc" */
    const struct ds_app_info *app_info; /* extension 9 */
    const struct ds_cert_ext *exts;     /* others, as they are */
    size_t n_exts;
};

/* report_data that binds evidence to a certificate's key. */
DS_MUST_USE int ratls_report_data(uint8_t ret64[64], struct ds_span spki, struct ds_error *e);

/*
 * Make a certificate with dstack's extensions over a public key.
 *
 * in:   issuer_der  empty: self-signed by issuer_key, which is then the subject's
 * out:  ret  DER, *appended*
 */
DS_MUST_USE int ratls_cert_make(struct ds_buf *ret, const struct ratls_spec *spec,
                                struct ds_span spki, struct ds_span issuer_der,
                                const struct ds_p256_key *issuer_key, struct ds_error *e);

/* A self-signed one around fresh evidence for this key. spec->attestation is ignored. */
DS_MUST_USE int ratls_cert_attest(struct ds_buf *ret, const struct ratls_spec *spec,
                                  const struct ds_p256_key *key, ratls_evidence_fn *evidence,
                                  void *arg, struct ds_error *e);

/* A peer's certificate, taken apart. Unverified but for its own form. */
struct ratls_peer {
    struct ds_x509 cert;
    struct ds_span app_id, usage; /* p NULL: not there */
    struct ds_cert_evidence evidence;
    bool has_attestation; /* dstack's: evidence.kind is that; parsed */
    struct ds_attestation attestation;
    bool has_app_info;
    struct ds_app_info app_info;
};

/*
 * io:   mem  holds the attestation's events
 * err:  FORMAT, UNSUPPORTED
 */
DS_MUST_USE int ratls_peer_parse(struct ratls_peer *ret, struct ds_arena *mem, struct ds_span der,
                                 struct ds_error *e);

/*
 * The certificate is one that a peer may show at now_s: in its dates, without critical extensions
 * that nobody here understands, signed by its own key where it names itself as issuer.
 *
 * err:  UNTRUSTED  attest.x509.signature, attest.x509.critical_extension
 *       STALE      attest.x509.expired, attest.x509.not_yet_valid
 */
DS_MUST_USE int ratls_cert_check(const struct ds_x509 *cert, int64_t now_s, struct ds_error *e);

/*
 * The verified evidence was made for this certificate's key, and the certificate passes
 * ratls_cert_check(); the extension with the evidence may be critical. A tagged quote is bound by
 * its claims, everything else as dstack binds it.
 *
 * err:  UNTRUSTED  ratls.key_not_bound, attest.x509.signature
 *       STALE      attest.x509.expired, attest.x509.not_yet_valid
 */
DS_MUST_USE int ratls_peer_check(const struct ratls_peer *peer, const struct ds_claims *claims,
                                 int64_t now_s, struct ds_error *e);

/*
 * The certificates of a chain, leaf first, were issued one by the next, all are in their dates,
 * and the last one's key is the pinned one. For peers that are known by their root.
 *
 * err:  UNTRUSTED  ratls.root_not_pinned, attest.x509.*
 *       STALE
 */
DS_MUST_USE int ratls_chain_check(const struct ds_span *chain_der, size_t n_chain,
                                  struct ds_span pinned_spki, int64_t now_s, struct ds_error *e);

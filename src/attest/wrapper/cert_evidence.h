/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Evidence in a certificate: which extension carries it, and the forms that are
 * not dstack's own: a conceptual message wrapper, under IETF's number or TCG's,
 * and under TCG's the tagged quote of interoperable RA-TLS (Gramine, Intel's SGX
 * SDK, rats-tls). Unverified; nothing here says that it is this certificate's.
 * spec: guest-api 5.3; RFC 9999, Transporting CMW in PKIX Formats; TCG DICE Attestation
 *       Architecture 1.1 (tcg-dice-conceptual-message-wrapper, in drafts tcg-dice-TaggedEvidence);
 *       CCC Attestation SIG, Interoperable RA-TLS X.509 Cert and Evidence Formats, and its SGX / TDX
 *       Evidence Tags and Formats
 */

#include "attest/x509.h"
#include "base/buf.h"

#define DS_OID_PE_CMW   "1.3.6.1.5.5.7.1.35"
#define DS_OID_DICE_CMW "2.23.133.5.4.9"

/* hash-entry's algorithms, as IANA's Named Information Hash Algorithm Registry numbers them. */
enum ds_dice_hash {
    DS_DICE_SHA256 = 1,
    DS_DICE_SHA384 = 7,
    DS_DICE_SHA512 = 8,
};

/* CBOR tag 60000 around a quote and the claims whose hash is its report_data. */
struct ds_tagged_quote {
    struct ds_span quote;
    struct ds_span claims; /* CBOR, as it is hashed */
    enum ds_dice_hash key_hash_alg;
    struct ds_span key_hash; /* of the certificate's SubjectPublicKeyInfo, it says */
    struct ds_span nonce;    /* p NULL: none */
};

/* In the order in which they are looked for; the first that is there is taken. */
enum ds_cert_evidence_kind {
    DS_CERT_EVIDENCE_NONE,
    DS_CERT_EVIDENCE_ATTESTATION, /* dstack's extension 8 */
    DS_CERT_EVIDENCE_CMW_CBOR,
    DS_CERT_EVIDENCE_CMW_JSON,
    DS_CERT_EVIDENCE_TAGGED_QUOTE,
    DS_CERT_EVIDENCE_LEGACY, /* dstack's extension 1, a quote, and 2, the log */
};

struct ds_cert_evidence {
    enum ds_cert_evidence_kind kind;
    struct ds_span oid;            /* of the extension, which may be critical, content bytes */
    struct ds_span bytes;          /* attestation, wrapper or quote */
    struct ds_span event_log;      /* LEGACY: JSON; empty where there is none */
    struct ds_tagged_quote tagged; /* TAGGED_QUOTE */
};

/*
 * Find the evidence of a parsed certificate.
 *
 * out:  ret  borrows what the certificate was parsed from; NONE when no extension carries evidence
 * err:  FORMAT  attest.wrapper.format: the extension is not built as it must be
 */
DS_MUST_USE int ds_cert_evidence_find(struct ds_cert_evidence *ret, const struct ds_x509 *cert,
                                      struct ds_error *e);

/* Values of the extensions, *appended*: id-pe-cmw and TCG's around a wrapper that was encoded. */
void ds_pe_cmw_encode_cbor(struct ds_buf *ret, struct ds_span cmw);
void ds_pe_cmw_encode_json(struct ds_buf *ret, struct ds_span cmw);
void ds_dice_cmw_encode(struct ds_buf *ret, struct ds_span cmw);

/*
 * The claims for a key, *appended*, and what report_data of a quote over them is: their SHA-256,
 * then zeros.
 *
 * in:   nonce  p NULL: none
 * err:  CRYPTO; RANGE: no such algorithm
 */
DS_MUST_USE int ds_dice_claims_encode(struct ds_buf *ret, enum ds_dice_hash alg,
                                      struct ds_span spki, struct ds_span nonce,
                                      struct ds_error *e);
DS_MUST_USE int ds_dice_report_data(uint8_t ret64[static 64], struct ds_span claims,
                                    struct ds_error *e);

/* TCG's extension around a quote and its claims, *appended*. */
void ds_tagged_quote_encode(struct ds_buf *ret, struct ds_span quote, struct ds_span claims);
/* err: FORMAT attest.wrapper.format */
DS_MUST_USE int ds_tagged_quote_parse(struct ds_tagged_quote *ret, struct ds_span in,
                                      struct ds_error *e);

/*
 * The claims name this key, by its hash.
 *
 * out:  ret_is_of  false: they name another one
 * err:  CRYPTO
 */
DS_MUST_USE int ds_tagged_quote_is_of(bool *ret_is_of, const struct ds_tagged_quote *q,
                                      struct ds_span spki, struct ds_error *e);

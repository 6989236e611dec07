/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * X.509 certificates and CRLs, as far as evidence needs them: one pass of the
 * DER reader, spans into the input, no heap. Parsed is not verified: ds_x509_check_* below judge.
 * spec: RFC 5280
 */

#include "attest/anchors.h"
#include "base/span.h"

#define DS_X509_EXTENSIONS_MAX 16
#define DS_X509_CHAIN_MAX      4

/* 2.25.87004685595501205687623033636980005123.1: certificates of the simulated platform only. */
#define DS_OID_SIMULATED_MARKER                                            \
    DS_SPAN_LIT("\x69\x81\x82\xf4\xbf\x8c\x93\x8e\xf2\x95\x9f\x8f\x8d\x86" \
                "\xcb\xcb\xfe\xb0\xb2\x03\x01")

/* Bits 0, 5 and 6 of keyUsage (RFC 5280 4.2.1.3), as ds_der_named_bits() has them. */
enum {
    DS_KEY_USAGE_DIGITAL_SIGNATURE = 0x8000 >> 0,
    DS_KEY_USAGE_CERT_SIGN = 0x8000 >> 5,
    DS_KEY_USAGE_CRL_SIGN = 0x8000 >> 6,
};

struct ds_x509_extension {
    struct ds_span oid;   /* content bytes */
    struct ds_span value; /* content of extnValue */
    bool is_critical;
};

struct ds_x509 {
    struct ds_span der;
    struct ds_span tbs, sig_alg, sig; /* sig_alg: raw AlgorithmIdentifier */
    struct ds_span serial;            /* INTEGER content; may be zero or negative (AMD) */
    struct ds_span issuer, subject;   /* raw Names */
    int64_t not_before_s, not_after_s;
    struct ds_span spki; /* raw SubjectPublicKeyInfo */
    bool has_basic_constraints, is_ca;
    int path_len; /* -1 when unlimited */
    bool has_key_usage;
    uint16_t key_usage;
    struct ds_span aki, ski; /* key identifiers; empty when absent */
    size_t n_extensions;
    struct ds_x509_extension extensions[DS_X509_EXTENSIONS_MAX]; /* the rest is not written */
};

/* *ret is empty after a failure. err: FORMAT, TRAILING, RANGE (too many extensions); an extension twice is FORMAT */
DS_MUST_USE int ds_x509_parse(struct ds_x509 *ret, struct ds_span der, struct ds_error *e);

/* The extension with this OID (content bytes); NULL when there is none. */
const struct ds_x509_extension *ds_x509_find(const struct ds_x509 *cert, struct ds_span oid);

/*
 * Check one step of a chain: `cert` was issued by `issuer`, whose certificate
 * was or will be checked itself. Names, key identifiers, CA and path length
 * (`depth` CAs stand between issuer and the end of the chain), keyUsage,
 * algorithm, signature.
 *
 * err:  UNTRUSTED    attest.x509.issuer, attest.x509.not_ca, attest.x509.signature
 *       UNSUPPORTED  attest.x509.algorithm
 */
DS_MUST_USE int ds_x509_check_issued(const struct ds_x509 *cert, const struct ds_x509 *issuer,
                                     size_t depth, struct ds_error *e);

/*
 * The subject's last commonName; empty where it has none or is not built as a
 * Name is. Names are compared as raw bytes and looked into only here. (Intel's
 * verifier reads the first; vendors' CAs write one.)
 */
struct ds_span ds_x509_cn(const struct ds_x509 *cert);

/* The same as printable ASCII for messages, cut to fit; "?" stands for other bytes. */
struct ds_x509_name {
    char s[64];
};
struct ds_x509_name ds_x509_name_of(const struct ds_x509 *cert);

/* err: STALE attest.x509.expired, attest.x509.not_yet_valid */
DS_MUST_USE int ds_x509_check_time(const struct ds_x509 *cert, int64_t now_s, struct ds_error *e);

/* err: UNTRUSTED attest.x509.critical_extension: one that nobody here understands */
DS_MUST_USE int ds_x509_check_critical(const struct ds_x509 *cert, struct ds_error *e);
/* The same where the caller processes the extension of this OID, which then may be critical. */
DS_MUST_USE int ds_x509_check_critical_but(const struct ds_x509 *cert, struct ds_span processed,
                                           struct ds_error *e);

/*
 * Certificates of the simulated platform carry the critical marker and no others do.
 *
 * err:  UNTRUSTED  attest.marker_missing, attest.marker_unexpected
 */
DS_MUST_USE int ds_x509_check_marker(const struct ds_x509 *cert, const struct ds_anchor *anchor,
                                     struct ds_error *e);

/*
 * Everything but the dates of one certificate below an issuer that is trusted
 * already, under this anchor.
 */
DS_MUST_USE int ds_x509_check_link(const struct ds_x509 *cert, const struct ds_x509 *issuer,
                                   size_t depth, const struct ds_anchor *anchor,
                                   struct ds_error *e);

/*
 * Check all but the dates of a chain, leaf first and root last, up to an anchor:
 * every certificate's extensions and marker, every step, and the root's key
 * among the anchors of the vendor.
 *
 * out:  ret  the anchor that holds it
 */
DS_MUST_USE int ds_x509_check_path(struct ds_anchor *ret, const struct ds_x509 *chain, size_t n,
                                   const struct ds_anchors *anchors, enum ds_vendor vendor,
                                   struct ds_error *e);

/* Every certificate of a chain is in date, the root's first. err: as ds_x509_check_time */
DS_MUST_USE int ds_x509_check_times(const struct ds_x509 *chain, size_t n, int64_t now_s,
                                    struct ds_error *e);

/* Both: first the path, then the dates. */
DS_MUST_USE int ds_x509_check_chain(struct ds_anchor *ret, const struct ds_x509 *chain, size_t n,
                                    const struct ds_anchors *anchors, enum ds_vendor vendor,
                                    int64_t now_s, struct ds_error *e);

struct ds_crl {
    struct ds_span tbs, sig_alg, sig;
    struct ds_span issuer; /* raw Name */
    int64_t this_update_s, next_update_s;
    struct ds_span aki;     /* empty when absent */
    bool has_number;        /* cRLNumber */
    struct ds_span revoked; /* content of revokedCertificates; empty when none */
    size_t n_revoked;
};

/* err: FORMAT, TRAILING; UNSUPPORTED: a critical extension (delta, indirect, partial lists) */
DS_MUST_USE int ds_crl_parse(struct ds_crl *ret, struct ds_span der, struct ds_error *e);

/*
 * The list is this issuer's and signed by it.
 *
 * err:  UNTRUSTED  attest.crl.issuer, attest.crl.signature
 */
DS_MUST_USE int ds_crl_check_issued(const struct ds_crl *crl, const struct ds_x509 *issuer,
                                    struct ds_error *e);

/* err: STALE attest.crl.dates */
DS_MUST_USE int ds_crl_check_time(const struct ds_crl *crl, const struct ds_x509 *issuer,
                                  int64_t now_s, struct ds_error *e);

/* Both: first whose it is, then the dates. */
DS_MUST_USE int ds_crl_check(const struct ds_crl *crl, const struct ds_x509 *issuer, int64_t now_s,
                             struct ds_error *e);

bool ds_crl_has(const struct ds_crl *crl, const struct ds_x509 *cert);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes X.509 certificates (v3) and revocation lists (v2), signed with ECDSA
 * P-256/SHA-256. Subject and authority key identifiers are always added.
 * Parsing and chain verification are attest/x509.h.
 */

#include "base/buf.h"
#include "crypto/key.h"

/* Absent parts are NULL; encoded in this order, UTF8String (C PrintableString). */
struct ds_cert_name {
    const char *c, *st, *l, *o, *cn;
};

enum ds_cert_usage {
    DS_CERT_DIGITAL_SIGNATURE = 1 << 0,
    DS_CERT_NON_REPUDIATION = 1 << 1,
    DS_CERT_KEY_CERT_SIGN = 1 << 2,
    DS_CERT_CRL_SIGN = 1 << 3,
};

enum ds_cert_eku {
    DS_CERT_SERVER_AUTH = 1 << 0,
    DS_CERT_CLIENT_AUTH = 1 << 1,
};

struct ds_cert_ext {
    const char *oid; /* dotted */
    bool critical;
    struct ds_span value; /* DER; becomes the content of extnValue */
};

struct ds_cert_spec {
    struct ds_cert_name subject;
    struct ds_span spki;   /* the subject's key, DER, P-256 */
    struct ds_span serial; /* big-endian, at most 20 bytes; empty: 16 random bytes */
    int64_t not_before_s, not_after_s;
    bool ca;
    int path_len;            /* with ca: -1 for none */
    uint32_t usage;          /* enum ds_cert_usage, critical; 0: no extension */
    uint32_t eku;            /* enum ds_cert_eku; 0: no extension */
    const char *const *sans; /* an IP address in text becomes iPAddress, others dNSName */
    size_t n_sans;
    const char *crl_url; /* CRL distribution point; NULL: none */
    const struct ds_cert_ext *exts;
    size_t n_exts;
};

struct ds_crl_spec {
    int64_t this_update_s, next_update_s;
    uint64_t number;
    const struct ds_span *revoked; /* serials, big-endian; revoked at this_update_s */
    size_t n_revoked;
};

/*
 * Make a certificate.
 *
 * in:   issuer_der  the issuer's certificate; empty: self-signed
 *       issuer_key  the key that signs
 * out:  ret  DER, *appended*
 * err:  ARG (a name, date, address or oid that cannot be encoded; the key is not the issuer's),
 *       FORMAT (issuer_der), CRYPTO
 */
DS_MUST_USE int ds_cert_make(struct ds_buf *ret, const struct ds_cert_spec *spec,
                             struct ds_span issuer_der, const struct ds_p256_key *issuer_key,
                             struct ds_error *e);

/* Make a revocation list of this issuer; DER, *appended*. err: as above */
DS_MUST_USE int ds_crl_make(struct ds_buf *ret, const struct ds_crl_spec *spec,
                            struct ds_span issuer_der, const struct ds_p256_key *issuer_key,
                            struct ds_error *e);

/* Armour DER as PEM ("CERTIFICATE", "X509 CRL"), lines of 64, *appended*. Public data only. */
void ds_pem_add(struct ds_buf *ret, const char *label, struct ds_span der);

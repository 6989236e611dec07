/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * NIST P-256 key pairs: made, loaded, written, signed with. Verification is
 * crypto/verify.h, so that pure rooms need nothing from here.
 */

#include "base/scope.h"
#include "base/secret.h"

#define DS_P256_SPKI_LEN    91  /* DER SubjectPublicKeyInfo, uncompressed point */
#define DS_P256_PKCS8_LEN   138 /* DER PrivateKeyInfo with public key, guest-api 6.1 */
#define DS_P256_PEM_LEN     241 /* the same as PEM, without a NUL */
#define DS_P256_SIG_DER_MAX 72

struct ds_p256_key; /* a key pair */

/* The PKCS#8 PEM text of a key: a secret. */
struct ds_p256_pem {
    char s[DS_P256_PEM_LEN + 1];
};
void ds_p256_pem_wipe(struct ds_p256_pem *pem);

struct ds_p256_pkcs8 {
    uint8_t b[DS_P256_PKCS8_LEN];
};
void ds_p256_pkcs8_wipe(struct ds_p256_pkcs8 *der);

struct ds_p256_sig_der {
    uint8_t b[DS_P256_SIG_DER_MAX];
    size_t len;
};

/*
 * For main() of daemons that hold keys: from here on the private parts of new
 * keys live in locked memory that is not dumped. err: SYS (the memory lock limit)
 */
DS_MUST_USE int ds_key_memory_lock(struct ds_error *e);

/* A fresh random key. *gives* it: ds_p256_key_free. */
DS_MUST_USE int ds_p256_key_new(struct ds_p256_key **ret, struct ds_error *e);
/* The pair of a big-endian scalar. err: RANGE (zero, or not below the order), CRYPTO */
DS_MUST_USE int ds_p256_key_from_scalar(struct ds_p256_key **ret, const struct ds_key32 *scalar,
                                        struct ds_error *e);
/* From PKCS#8 or SEC 1 DER, or PEM of either. err: FORMAT, UNSUPPORTED (another kind of key) */
DS_MUST_USE int ds_p256_key_parse(struct ds_p256_key **ret, struct ds_span der_or_pem,
                                  struct ds_error *e);
void ds_p256_key_free(struct ds_p256_key *key);
DS_DEFINE_AUTO(struct ds_p256_key, ds_p256_key_free);

DS_MUST_USE int ds_p256_key_scalar(struct ds_key32 *ret, const struct ds_p256_key *key,
                                   struct ds_error *e);
/* x || y, big-endian. */
void ds_p256_key_public(uint8_t ret_xy64[64], const struct ds_p256_key *key);
void ds_p256_key_spki(uint8_t ret_spki[DS_P256_SPKI_LEN], const struct ds_p256_key *key);
DS_MUST_USE int ds_p256_key_pkcs8(struct ds_p256_pkcs8 *ret, const struct ds_p256_key *key,
                                  struct ds_error *e);
DS_MUST_USE int ds_p256_key_pem(struct ds_p256_pem *ret, const struct ds_p256_key *key,
                                struct ds_error *e);

/* The SPKI of a point; the way back is ds_p256_of_spki (crypto/verify.h). */
void ds_p256_spki_of(uint8_t ret_spki[DS_P256_SPKI_LEN], const uint8_t xy64[64]);

/* ECDSA with SHA-256 over the message: r || s, or DER. */
DS_MUST_USE int ds_p256_sign(uint8_t ret_sig64[64], const struct ds_p256_key *key,
                             struct ds_span message, struct ds_error *e);
DS_MUST_USE int ds_p256_sign_der(struct ds_p256_sig_der *ret, const struct ds_p256_key *key,
                                 struct ds_span message, struct ds_error *e);

/* The library's own object, borrowed: for net/tls, which hands it to OpenSSL. */
struct evp_pkey_st;
struct evp_pkey_st *ds_p256_key_evp(const struct ds_p256_key *key);

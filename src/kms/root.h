/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The KMS root: a P-256 CA key, a secp256k1 key, and the CA certificate with
 * the kind the root was born with. Everything that the KMS ever derives comes
 * from these two keys (guest-api 6.2).
 */

#include "base/buf.h"
#include "crypto/key.h"

enum kms_kind {
    KMS_KIND_HARDWARE, /* refuses simulated evidence for ever */
    KMS_KIND_SIMULATED,
};

/* "hardware", "simulated" */
const char *kms_kind_text(enum kms_kind kind);

/* What everything is derived from. */
struct kms_root_keys {
    struct ds_key32 ca_scalar, k256;
};

struct kms_root {
    struct ds_secret locked; /* what `keys` points into */
    struct kms_root_keys *keys;
    struct ds_p256_key *ca_key;
    uint8_t ca_spki[DS_P256_SPKI_LEN];
    uint8_t k256_pub33[33];
    struct ds_buf ca_der, ca_pem;
    enum kms_kind kind;
};

void kms_root_done(struct kms_root *r);

/*
 * Open the root in a directory; make it where there is nothing of one. The CA certificate is made
 * anew when the file is not this root's, or has less than two years left.
 *
 * in:   dir   exists, 0700. Files: root.key (secret, 0600), root-ca.pem
 *       kind  the birth kind of a new root; an old one must have it
 * err:  DENIED  kms.birth_kind: the root was born another kind
 *       FORMAT  kms.root_damaged: root.key, or it is missing beside root-ca.pem
 *       SYS, CRYPTO
 */
DS_MUST_USE int kms_root_open(struct kms_root *ret, const char *dir, enum kms_kind kind,
                              int64_t now_s, struct ds_error *e);

/*
 * A serving identity: fresh key, certificate by the root CA with usage
 * "kms:rpc", for `name`. Both as PEM, *appended*; the chain ends with the root.
 */
DS_MUST_USE int kms_root_serving_cert(struct ds_buf *ret_chain_pem, struct ds_p256_pem *ret_key_pem,
                                      const struct kms_root *root, const char *name, int64_t now_s,
                                      struct ds_error *e);

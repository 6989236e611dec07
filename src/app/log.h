/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The release log: one leaf for each decision about a key, denials too, and a
 * signed head. Both documents are JCS, so that equal content is equal bytes.
 */

#include "app/identity.h"
#include "crypto/key.h"
#include "merkle/tree.h"

#define APP_LOG_CODES_MAX 16
#define APP_LOG_DOC_MAX   8192

/* Texts are ASCII; empty spans and NULL become empty strings. */
struct app_log_leaf {
    int64_t time_s;
    const char *node; /* who wrote it */
    uint64_t epoch;   /* of the root that decided */
    const char *act;  /* "get_app_key", "sign_cert" ... */
    struct ds_span app_id, instance_id, compose_hash, os_image_hash, device_id;
    const char *kind;     /* kind of evidence: "hardware", "simulated" */
    const char *decision; /* "allow", "deny" */
    const char *codes[APP_LOG_CODES_MAX];
    size_t n_codes;
    const char *policy_source;
    const char *policy_version;
    struct ds_span evidence_sha256; /* 32 bytes */
};

/* The leaf's document, *appended*. Its hash is ds_merkle_leaf's. */
DS_MUST_USE int app_log_leaf_encode(struct ds_buf *ret, const struct app_log_leaf *leaf,
                                    struct ds_error *e);

struct app_log_head {
    uint8_t log_id32[32]; /* SHA-256 of the signing key's SPKI */
    uint64_t size;
    struct ds_merkle_hash root;
    int64_t time_s;
    char kind[16]; /* birth kind of the root: "hardware", "simulated" */
};

/* SHA-256 of the SPKI of the key that signs heads. */
DS_MUST_USE int app_log_id(uint8_t ret32[32], struct ds_span spki, struct ds_error *e);

/* The head's document, *appended*. */
DS_MUST_USE int app_log_head_encode(struct ds_buf *ret, const struct app_log_head *head,
                                    struct ds_error *e);
/* err: FORMAT app.log_head_format: unless it is exactly what app_log_head_encode would write */
DS_MUST_USE int app_log_head_parse(struct app_log_head *ret, struct ds_span document,
                                   struct ds_error *e);

/* r || s over "dstack-log-head-v1" || 0x00 || document. */
DS_MUST_USE int app_log_head_sign(uint8_t ret_sig64[64], const struct ds_p256_key *key,
                                  struct ds_span document, struct ds_error *e);
/* Parse a document that this key signed, and whose log_id is this key's. err: UNTRUSTED
 * app.log_head_signature */
DS_MUST_USE int app_log_head_verify(struct app_log_head *ret, struct ds_span document,
                                    const uint8_t sig64[64], struct ds_span spki,
                                    struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dstack's certificate signing request, version 2: SCALE, signed over its whole
 * encoding by the key it asks a certificate for.
 * spec: guest-api 5.3
 */

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/key.h"

#define APP_CSR_MAX      ((size_t)1 << 20)
#define APP_CSR_SANS_MAX 64
#define APP_CSR_TEXT_MAX 255 /* bytes of a subject or name */

/* Spans are borrowed. */
struct app_csr {
    struct ds_span spki;     /* P-256 */
    struct ds_span org_name; /* p NULL: none */
    struct ds_span subject;
    struct ds_span sans[APP_CSR_SANS_MAX];
    size_t n_sans;
    bool server_auth, client_auth, ext_quote, ext_app_info;
    bool has_not_before, has_not_after;
    uint64_t not_before_s, not_after_s;
    struct ds_span attestation; /* a versioned attestation; may be empty in encoding */
};

/* The bytes that are signed, *appended*. err: RANGE */
DS_MUST_USE int app_csr_encode(struct ds_buf *ret, const struct app_csr *csr, struct ds_error *e);

/* Unverified. err: FORMAT app.csr_format, RANGE, UNSUPPORTED (a key that is not P-256) */
DS_MUST_USE int app_csr_parse(struct app_csr *ret, struct ds_span in, struct ds_error *e);

/*
 * Parse, and the key in it signed it (ECDSA P-256/SHA-256 in DER).
 * err:  as app_csr_parse, UNTRUSTED app.csr_signature
 */
DS_MUST_USE int app_csr_verify(struct app_csr *ret, struct ds_span in, struct ds_span sig,
                               struct ds_error *e);

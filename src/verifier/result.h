/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A finding in words: dstack's JSON, ours, and signed results (EAR as JWT and CWT).
 * Which form a caller gets is decided by what it accepts, through one table.
 */

#include "codec/json_write.h"
#include "verifier/signer.h"
#include "verifier/verify.h"

/* dstack's {is_valid, details, reason}. spec: guest-api 7.1 */
DS_MUST_USE int verifier_result_compatible(struct ds_buf *ret, const struct verifier_finding *f,
                                           int64_t now_s, struct ds_error *e);
/* The same for a request that could not be judged: everything false, "Internal error: ...". */
DS_MUST_USE int verifier_result_compatible_error(struct ds_buf *ret, const struct ds_error *why,
                                                 struct ds_error *e);

/* What a result says beside the finding. */
struct verifier_say {
    int64_t now_s, life_s;       /* a signed one expires */
    struct ds_span nonce;        /* of the request; empty: none */
    const struct signer *signer; /* JSON: none */
};
typedef int verifier_encode_fn(struct ds_buf *ret, const struct verifier_finding *f,
                               const struct verifier_say *say, struct ds_error *e);

/* {verdict, kind, anchor, ..., reasons, claims, proof} */
verifier_encode_fn verifier_result_v1;
/* spec: draft-ietf-rats-ear-04, RFC 9711; application/eat+jwt and application/eat+cwt, RFC 9782 5 */
verifier_encode_fn verifier_result_jwt, verifier_result_cwt;

struct verifier_form {
    const char *media_type;
    verifier_encode_fn *encode;
};
/* The form for an Accept header (NULL: the first); NULL when none is acceptable. */
const struct verifier_form *verifier_form_find(const char *accept);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A finding as JSON: in dstack's form, and in ours. Which form a caller gets is
 * decided by what it accepts; a signed result would be another row of that table.
 */

#include "codec/json_write.h"
#include "verifier/verify.h"

typedef int verifier_encode_fn(struct ds_buf *ret, const struct verifier_finding *f, int64_t now_s,
                               struct ds_error *e);

/* dstack's {is_valid, details, reason}. spec: guest-api 7.1 */
DS_MUST_USE int verifier_result_compatible(struct ds_buf *ret, const struct verifier_finding *f,
                                           int64_t now_s, struct ds_error *e);
/* The same for a request that could not be judged: everything false, "Internal error: ...". */
DS_MUST_USE int verifier_result_compatible_error(struct ds_buf *ret, const struct ds_error *why,
                                                 struct ds_error *e);

/* {verdict, kind, anchor, ..., reasons, claims, proof} */
DS_MUST_USE int verifier_result_v1(struct ds_buf *ret, const struct verifier_finding *f,
                                   int64_t now_s, struct ds_error *e);

/* An Accept header covers this media type; NULL and an empty one cover all. RFC 9110 12.5.1 */
bool verifier_accepts(const char *accept, const char *type);

struct verifier_form {
    const char *media_type;
    verifier_encode_fn *encode;
};
/* The form for an Accept header (NULL: the first); NULL when none is acceptable. */
const struct verifier_form *verifier_form_find(const char *accept);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What callers post, read into a verifier_input: JSON by the tables of fields
 * (which are also the documentation), or bytes with a media type.
 */

#include "rpc/method.h"
#include "verifier/verify.h"

/* A body being read; what the input borrows lies here and in the arena. */
struct verifier_request {
    yyjson_doc *doc;
    char *collateral; /* JSON */
};
void verifier_request_done(struct verifier_request *r);

#define VERIFIER_N_COMPATIBLE_FIELDS 5
#define VERIFIER_N_V1_FIELDS         8
extern const struct rpc_field verifier_compatible_fields[VERIFIER_N_COMPATIBLE_FIELDS];
extern const struct rpc_field verifier_v1_fields[VERIFIER_N_V1_FIELDS];

/*
 * The body of dstack's /verify: a reply of GetQuote or Attest unchanged, or {quote, event_log,
 * vm_config} or {attestation}. Hex without 0x.
 *
 * err:  ARG  rpc.bad_request
 */
DS_MUST_USE int verifier_request_compatible(struct verifier_input *ret, struct verifier_request *r,
                                            struct ds_arena *mem, struct ds_span body,
                                            struct ds_error *e);
/* The body of /v1/verify. err: ARG rpc.bad_request */
DS_MUST_USE int verifier_request_v1(struct verifier_input *ret, struct verifier_request *r,
                                    struct ds_arena *mem, struct ds_span body, struct ds_error *e);

/* The media types of evidence, ended by NULL: what sessions accept, and /v1/verify beside JSON. */
extern const char *const verifier_media_types[];
/* A Content-Type of the list, parameters aside; NULL when it is none. */
const char *verifier_media_find(const char *content_type);
/*
 * Evidence of such a type.
 *
 * err:  ARG  rpc.bad_request; UNSUPPORTED  verifier.media_type
 */
DS_MUST_USE int verifier_request_media(struct verifier_input *ret, struct verifier_request *r,
                                       struct ds_arena *mem, const char *media_type,
                                       struct ds_span body, struct ds_error *e);

/* A certificate as PEM or DER. err: ARG rpc.bad_request */
DS_MUST_USE int verifier_request_certificate(struct verifier_input *ret, struct ds_arena *mem,
                                             struct ds_span bytes, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON that callers post, read into a verifier_input by the tables of fields
 * (which are also the documentation). Bytes with a media type: evidence.h.
 */

#include "rpc/method.h"
#include "verifier/verify.h"

/* A body being read; what the input borrows lies here and in the arena. */
struct verifier_request {
    yyjson_doc *doc;
    char *collateral, *policy; /* JSON */
};
void verifier_request_done(struct verifier_request *r);

#define VERIFIER_N_COMPATIBLE_FIELDS 5
#define VERIFIER_N_V1_FIELDS         11
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
/*
 * The body of /v1/verify.
 *
 * err: ARG rpc.bad_request; of `evidence` as evidence_read(), of `policy` as verifier_policy_parse()
 */
DS_MUST_USE int verifier_request_v1(struct verifier_input *ret, struct verifier_request *r,
                                    struct ds_arena *mem, struct ds_span body, struct ds_error *e);

/* A certificate as PEM or DER. err: ARG rpc.bad_request */
DS_MUST_USE int verifier_request_certificate(struct verifier_input *ret, struct ds_arena *mem,
                                             struct ds_span bytes, struct ds_error *e);

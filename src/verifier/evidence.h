/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kinds of evidence that are verified here: one table, by which a media type
 * or the bytes themselves say what they are, and which also says what is taken
 * when something else came. Pure.
 */

#include "verifier/request.h"

/*
 * Media types, ended by NULL, in the order of the table: what sessions accept, and /v1/verify
 * beside JSON. The last one, application/octet-stream, leaves it to the bytes.
 */
extern const char *const evidence_media_types[];
/* A Content-Type of the list, parameters aside; NULL when it is none. */
const char *evidence_media_find(const char *content_type);
/* All of the list as the value of a header, *appended* (RFC 9110 15.5.16). */
void evidence_media_list(struct ds_buf *ret);

/*
 * Read evidence of a media type: the bytes must be what it says.
 *
 * in:   type  as evidence_media_find() gave it
 * out:  ret   borrows body, r and the arena
 * err:  UNSUPPORTED  verifier.media_type: no type of the list, outside or inside a wrapper;
 *                    verifier.evidence_unknown: bytes of another kind, or of none
 *       FORMAT ...   attest.cmw.format; ARG rpc.bad_request: nothing, or no certificate
 */
DS_MUST_USE int evidence_read(struct verifier_input *ret, struct verifier_request *r,
                              struct ds_arena *mem, const char *type, struct ds_span body,
                              struct ds_error *e);

/*
 * Open a wrapper that a certificate carries: bytes of evidence, and collateral where none came
 * beside the certificate.
 *
 * io:   io_input  the certificate stays
 * err:  as evidence_read(), for what is inside; another certificate or a reply of the guest's
 *       socket is verifier.media_type there
 */
DS_MUST_USE int evidence_open(struct verifier_input *io_input, struct ds_arena *mem,
                              struct ds_span cmw, bool is_json, struct ds_error *e);

/* What a bare quote is of, by its bytes; NONE when it is no quote. */
enum ds_tee evidence_tee(struct ds_span quote);

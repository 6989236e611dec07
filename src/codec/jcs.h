/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON canonicalisation: equal values, equal bytes. Members sorted by UTF-16
 * code units, no white space, the shortest escapes. Numbers are integers within
 * +-(2^53 - 1): documents that we sign or hash have no others, and printing
 * doubles as ECMAScript does is left out until one has.
 * spec: RFC 8785
 */

#include "base/buf.h"
#include "codec/json.h"

/*
 * Append the canonical form of a parsed value.
 *
 * io:   mem  scratch for sorting and unescaping: given back
 * err:  UNSUPPORTED  a fraction, an exponent, or an integer out of bounds
 *       FORMAT (a lone surrogate), NOMEM
 */
DS_MUST_USE int ds_jcs_add(struct ds_buf *ret, struct ds_arena *mem,
                           const struct ds_json_tok *value, struct ds_error *e);

/* A string in canonical form, quotes included; the text is UTF-8. */
void ds_jcs_str(struct ds_buf *ret, struct ds_span text);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PEM blocks (RFC 7468) one after another: strict about what stands between
 * them (white space only) and behind the last (white space and a NUL), as evidence
 * has no business with more.
 */

#include "base/arena.h"
#include "base/span.h"

/*
 * Decode the next block.
 *
 * in:   label   "CERTIFICATE"
 * io:   rest    moves behind the block
 *       mem     gives room for the content
 * out:  ret     the content; p == NULL when no block is left
 * err:  FORMAT  text outside of blocks, another label, not base64, no end line
 *       NOMEM   the arena is full
 */
DS_MUST_USE int ds_pem_next(struct ds_span *ret, struct ds_span *rest, const char *label,
                            struct ds_arena *mem, struct ds_error *e);

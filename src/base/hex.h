/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hex and base64, both ways, over memory of the caller's.
 */

#include "base/span.h"

/* Lower-case hex of in, NUL-terminated; out holds 2 * in.len + 1 bytes. Returns out. */
char *ds_hex_encode(char *out, struct ds_span in);

/* Hex digits of either case and nothing else; also when there are none, or an odd number. */
bool ds_hex_is_text(struct ds_span text);

/* Exactly out_len bytes from 2 * out_len hex digits of either case. err: FORMAT, RANGE (length). */
DS_MUST_USE int ds_hex_decode(uint8_t *ret, size_t out_len, struct ds_span text,
                              struct ds_error *e);

/* Any even number of digits, at most `cap` bytes. */
DS_MUST_USE int ds_hex_decode_any(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                                  struct ds_error *e);

/* A hex text on the stack, for messages: DS_HEX(span of at most 72 bytes). */
struct ds_hex_text {
    char s[2 * 72 + 1];
};
struct ds_hex_text ds_hex_text_of(struct ds_span in);
#define DS_HEX(span) (ds_hex_text_of(span).s)

#define DS_BASE64_LEN(n) (((n) + 2) / 3 * 4) /* encoded, without a NUL */

/* Standard alphabet with padding, NUL-terminated; out holds DS_BASE64_LEN(in.len) + 1. */
char *ds_base64_encode(char *out, struct ds_span in);
/* URL alphabet without padding, NUL-terminated; the same room. */
char *ds_base64url_encode(char *out, struct ds_span in);

/* Standard alphabet, padding required, nothing else allowed. err: FORMAT, RANGE (over cap). */
DS_MUST_USE int ds_base64_decode(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                                 struct ds_error *e);
/* As above, but white space between digits is passed over (PEM bodies). */
DS_MUST_USE int ds_base64_decode_ws(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                                    struct ds_error *e);
/* URL alphabet, no padding, nothing else allowed (RFC 7515 §2). err: FORMAT, RANGE (over cap). */
DS_MUST_USE int ds_base64url_decode(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                                    struct ds_error *e);

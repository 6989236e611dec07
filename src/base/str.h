/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text: checked conversions and the few helpers the C library lacks.
 */

#include "base/span.h"

/* Bounded copy; false (and an empty out) when it does not fit. out_len counts the NUL. */
DS_MUST_USE bool ds_str_copy(char *out, size_t out_len, const char *text);
DS_MUST_USE bool ds_str_copy_span(char *out, size_t out_len, struct ds_span text);

/*
 * Outside text for a message: printable ASCII as it is, '?' for every other byte, cut to fit.
 * out_len counts the NUL. Returns out.
 */
char *ds_str_printable(char *out, size_t out_len, struct ds_span text);

/* Heap copy with a NUL (free it with free); NULL when memory is out or a NUL stands inside. */
char *ds_str_dup_span(struct ds_span text);
/* printf into fresh memory (free it with free); NULL when memory is out. */
char *ds_str_fmt(const char *fmt, ...) DS_PRINTF(1, 2);

/* Decimal, no sign, no leading zeros, at most max. err: FORMAT, RANGE */
DS_MUST_USE int ds_str_u64(uint64_t *ret, struct ds_span text, uint64_t max, struct ds_error *e);

bool ds_str_starts(const char *text, const char *prefix);
bool ds_str_ends(const char *text, const char *suffix);

/* The next line of *rest without its newline; false at the end. */
bool ds_span_line(struct ds_span *rest, struct ds_span *ret_line);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool ds_utf8_is_valid(struct ds_span s);

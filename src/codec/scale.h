/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SCALE, the encoding of dstack's attestations and signing requests: reading
 * over struct ds_reader, with its latch, and writing into a ds_buf. Fixed-width
 * integers are plain little-endian and have no functions here.
 * spec: Polkadot protocol specification, appendix A.2.2
 */

#include "base/buf.h"

/* A compact integer in its shortest form, at most 8 bytes long. */
uint64_t ds_scale_compact(struct ds_reader *r);
/* The length of a list whose elements take at least elem_len bytes: never more than can follow. */
size_t ds_scale_count(struct ds_reader *r, size_t elem_len);
/* Vec<u8>: compact length, then the bytes. */
struct ds_span ds_scale_bytes(struct ds_reader *r);
/* String: as bytes, and well-formed UTF-8. */
struct ds_span ds_scale_text(struct ds_reader *r);
/* A bool, or the tag of an Option: 0 or 1. */
bool ds_scale_bool(struct ds_reader *r);

void ds_scale_put_compact(struct ds_buf *b, uint64_t v);
void ds_scale_put_bytes(struct ds_buf *b, struct ds_span bytes);
void ds_scale_put_bool(struct ds_buf *b, bool v);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Deterministic CBOR: definite lengths, every head in its shortest form, which
 * is also all that is read. Read over struct ds_reader with its latch, written
 * into a ds_buf. Maps are read in the order in which they must stand.
 * spec: RFC 8949 §3, §4.2.1
 */

#include "base/buf.h"

uint64_t ds_cbor_u64(struct ds_reader *r);
struct ds_span ds_cbor_bytes(struct ds_reader *r);
/* Well-formed UTF-8. */
struct ds_span ds_cbor_text(struct ds_reader *r);
/* The number of pairs, or of elements; never more than can follow. */
size_t ds_cbor_map(struct ds_reader *r);
size_t ds_cbor_array(struct ds_reader *r);
/* This text stands here, as the key of a pair does. */
void ds_cbor_key(struct ds_reader *r, const char *key);

void ds_cbor_put_u64(struct ds_buf *b, uint64_t v);
void ds_cbor_put_bytes(struct ds_buf *b, struct ds_span bytes);
void ds_cbor_put_text(struct ds_buf *b, const char *text);
void ds_cbor_put_map(struct ds_buf *b, size_t n);
void ds_cbor_put_array(struct ds_buf *b, size_t n);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The part of MessagePack that records of bytes use, positional or named: arrays,
 * maps, bin, str, unsigned integers and nil, read over struct ds_reader with its
 * latch and written into a ds_buf. Each value is read in its shortest form only,
 * which is what Rust's rmp writes: the same record has one encoding.
 */

#include "base/arena.h"
#include "base/buf.h"

/* The number of elements of the array that begins here; never more than can follow. */
size_t ds_msgpack_array(struct ds_reader *r);
/* bin 8, 16 or 32. */
struct ds_span ds_msgpack_bin(struct ds_reader *r);
/* True, and taken, when a nil stands here. */
bool ds_msgpack_nil(struct ds_reader *r);

/* The number of pairs of the map that begins here; never more than can follow. */
size_t ds_msgpack_map(struct ds_reader *r);
/* Well-formed UTF-8. */
struct ds_span ds_msgpack_str(struct ds_reader *r);
/* This text stands here, as the key of a pair does. */
void ds_msgpack_key(struct ds_reader *r, const char *key);
/* A key that may stand here: true, and taken, when it does. */
bool ds_msgpack_has_key(struct ds_reader *r, const char *key);
uint64_t ds_msgpack_u64(struct ds_reader *r);
/* Bytes as an array of integers, which is what Rust's serde makes of a plain byte vector: copied. */
struct ds_span ds_msgpack_octets(struct ds_reader *r, struct ds_arena *mem);

void ds_msgpack_put_map(struct ds_buf *b, size_t n);
void ds_msgpack_put_str(struct ds_buf *b, struct ds_span text);
void ds_msgpack_put_u64(struct ds_buf *b, uint64_t v);
/* As an array of integers. */
void ds_msgpack_put_octets(struct ds_buf *b, struct ds_span bytes);
void ds_msgpack_put_array(struct ds_buf *b, size_t n);
void ds_msgpack_put_bin(struct ds_buf *b, struct ds_span bytes);
void ds_msgpack_put_nil(struct ds_buf *b);

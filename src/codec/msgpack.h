/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The part of MessagePack that positional records of bytes use: arrays, bin and
 * nil, read over struct ds_reader with its latch and written into a ds_buf.
 * Longer forms than necessary are accepted, since nothing is hashed over them.
 */

#include "base/buf.h"

/* The number of elements of the array that begins here; never more than can follow. */
size_t ds_msgpack_array(struct ds_reader *r);
/* bin 8, 16 or 32. */
struct ds_span ds_msgpack_bin(struct ds_reader *r);
/* True, and taken, when a nil stands here. */
bool ds_msgpack_nil(struct ds_reader *r);

void ds_msgpack_put_array(struct ds_buf *b, size_t n);
void ds_msgpack_put_bin(struct ds_buf *b, struct ds_span bytes);
void ds_msgpack_put_nil(struct ds_buf *b);

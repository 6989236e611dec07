/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Deterministic CBOR: definite lengths, every head in its shortest form, which
 * is also all that is read. Read over struct ds_reader with its latch, written
 * into a ds_buf. What has a fixed order is read in that order; the maps of
 * COSE and CWT, which have none, are read as a table of pairs.
 * spec: RFC 8949 §3, §4.2.1
 */

#include "base/buf.h"

/* What stands next; the numbers are the wire's major types. */
enum ds_cbor_type {
    DS_CBOR_UNSIGNED = 0,
    DS_CBOR_NEGATIVE = 1,
    DS_CBOR_BYTES = 2,
    DS_CBOR_TEXT = 3,
    DS_CBOR_ARRAY = 4,
    DS_CBOR_MAP = 5,
    DS_CBOR_TAG = 6,
    DS_CBOR_SIMPLE = 7, /* false, true, null, floats */
    DS_CBOR_NONE = 8,   /* the input ended, or is bad */
};

/* The type of the next item, which is left where it is. */
enum ds_cbor_type ds_cbor_peek(const struct ds_reader *r);

uint64_t ds_cbor_u64(struct ds_reader *r);
/* An integer of either sign. */
int64_t ds_cbor_i64(struct ds_reader *r);
bool ds_cbor_bool(struct ds_reader *r);
struct ds_span ds_cbor_bytes(struct ds_reader *r);
/* Well-formed UTF-8. */
struct ds_span ds_cbor_text(struct ds_reader *r);
/* The number of pairs, or of elements; never more than can follow. */
size_t ds_cbor_map(struct ds_reader *r);
size_t ds_cbor_array(struct ds_reader *r);
/* The tag of the item that follows. */
uint64_t ds_cbor_tag(struct ds_reader *r);
/* This text stands here, as the key of a pair does. */
void ds_cbor_key(struct ds_reader *r, const char *key);

#define DS_CBOR_DEPTH_MAX 16 /* containers and tags in one another, in a skipped item */

/* One item of any type, whole: its bytes. */
struct ds_span ds_cbor_skip(struct ds_reader *r);

/* One pair of a map: the bytes of its two items. */
struct ds_cbor_pair {
    struct ds_span key, value;
};

/*
 * A map in any order: fills ret[0..n) and gives n. Keys are integers or texts
 * (labels of COSE and CWT); a key of another type or one that stands twice, and
 * more than `cap` pairs, are bad.
 * spec: RFC 9052 §1.4, §3 (labels are unique)
 */
size_t ds_cbor_pairs(struct ds_reader *r, struct ds_cbor_pair *ret, size_t cap);

/* The value of an integer or a text key, as a reader over it; false where there is none. */
bool ds_cbor_find_i64(struct ds_reader *ret, const struct ds_cbor_pair *pairs, size_t n,
                      int64_t key);
bool ds_cbor_find_text(struct ds_reader *ret, const struct ds_cbor_pair *pairs, size_t n,
                       const char *key);

void ds_cbor_put_u64(struct ds_buf *b, uint64_t v);
void ds_cbor_put_i64(struct ds_buf *b, int64_t v);
void ds_cbor_put_bool(struct ds_buf *b, bool v);
void ds_cbor_put_bytes(struct ds_buf *b, struct ds_span bytes);
void ds_cbor_put_text(struct ds_buf *b, const char *text);
/* The text is UTF-8. */
void ds_cbor_put_text_span(struct ds_buf *b, struct ds_span text);
void ds_cbor_put_map(struct ds_buf *b, size_t n);
void ds_cbor_put_array(struct ds_buf *b, size_t n);
void ds_cbor_put_tag(struct ds_buf *b, uint64_t tag);

/* The head of a byte string alone, for whoever hashes the string itself in place. */
struct ds_cbor_head {
    uint8_t b[9];
    size_t len;
};
struct ds_cbor_head ds_cbor_head_of(enum ds_cbor_type type, uint64_t v);

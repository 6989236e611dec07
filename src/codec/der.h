/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Strict DER over struct ds_reader: single-byte tags, definite lengths in their
 * shortest form, values in their shortest form. As with every reader, the first
 * thing that does not fit latches `bad` and later calls yield empty values: read
 * a structure as a list, then ask ds_der_end() once.
 */

#include "base/span.h"

enum {
    DS_DER_BOOLEAN = 0x01,
    DS_DER_INTEGER = 0x02,
    DS_DER_BIT_STRING = 0x03,
    DS_DER_OCTET_STRING = 0x04,
    DS_DER_NULL = 0x05,
    DS_DER_OID = 0x06,
    DS_DER_ENUMERATED = 0x0a,
    DS_DER_UTF8 = 0x0c,
    DS_DER_PRINTABLE = 0x13,
    DS_DER_UTC_TIME = 0x17,
    DS_DER_GENERALIZED_TIME = 0x18,
    DS_DER_SEQUENCE = 0x30,
    DS_DER_SET = 0x31,
};
#define DS_DER_CONTEXT(n)             (0x80 | (n)) /* primitive, IMPLICIT */
#define DS_DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

struct ds_der_tlv {
    uint8_t tag;
    struct ds_span raw;  /* tag, length and content */
    struct ds_span body; /* content */
};

/* From the whole element, whose first header_len bytes are tag and length. */
static inline struct ds_der_tlv ds_der_tlv_(uint8_t tag, struct ds_span raw, size_t header_len)
{
    struct ds_span body = { raw.p + header_len, raw.len - header_len };
    return (struct ds_der_tlv){ tag, raw, body };
}

struct ds_der_tlv ds_der_any(struct ds_reader *r);

/* The next element's tag without taking it; 0 at the end. */
static inline uint8_t ds_der_peek(const struct ds_reader *r)
{
    return r->bad || r->p == r->end ? 0 : *r->p;
}

/*
 * Nearly all elements are shorter than 128 bytes and have their length in one
 * byte. They are taken here, since certificates are made of little else; false
 * leaves anything else, and every fault, to ds_der_take_long_().
 */
static inline bool ds_der_take_short_(struct ds_reader *r, uint8_t tag, struct ds_span *raw)
{
    if (r->bad || ds_read_left(r) < 2 || r->p[0] != tag || r->p[1] >= 0x80 ||
        ds_read_left(r) - 2 < r->p[1])
        return false;
    *raw = (struct ds_span){ r->p, (size_t)r->p[1] + 2 };
    r->p += raw->len;
    return true;
}

/* A span is returned in registers, a struct ds_der_tlv is not. */
struct ds_span ds_der_take_long_(struct ds_reader *r, uint8_t tag, size_t *ret_header_len);

/* The next element, of any length; bad, with empty spans, when it has another tag. */
static inline struct ds_der_tlv ds_der_take(struct ds_reader *r, uint8_t tag)
{
    struct ds_span raw;
    size_t header_len = 2;
    if (!ds_der_take_short_(r, tag, &raw))
        raw = ds_der_take_long_(r, tag, &header_len);
    return ds_der_tlv_(tag, raw, header_len);
}

/* The content of the next element; bad when it has another tag. */
static inline struct ds_span ds_der_get(struct ds_reader *r, uint8_t tag)
{
    return ds_der_take(r, tag).body;
}

/* The whole element, tag and length included; bad when it has another tag. */
static inline struct ds_span ds_der_get_raw(struct ds_reader *r, uint8_t tag)
{
    return ds_der_take(r, tag).raw;
}

/* A reader over the content of the next element. */
static inline struct ds_reader ds_der_enter(struct ds_reader *r, uint8_t tag)
{
    struct ds_reader sub = ds_reader_of(ds_der_get(r, tag));
    sub.bad = r->bad;
    return sub;
}

/* INTEGER or ENUMERATED, not negative, at most max. */
uint64_t ds_der_u64(struct ds_reader *r, uint8_t tag, uint64_t max);
/* INTEGER of any sign and length in its shortest form: the content bytes. */
struct ds_span ds_der_integer(struct ds_reader *r);
bool ds_der_bool(struct ds_reader *r);
/* BIT STRING of whole bytes. */
struct ds_span ds_der_bit_bytes(struct ds_reader *r);
/* Named bits (keyUsage), at most 16: bit 0 is 0x8000, as it stands in the encoding; zero bits at the end are passed over. */
uint16_t ds_der_named_bits(struct ds_reader *r);
/* UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 writes them, seconds since 1970. */
int64_t ds_der_time(struct ds_reader *r);

/* Why a structure was not read to its end; never DS_OK. */
DS_MUST_USE int ds_der_end_fault(const struct ds_reader *r, struct ds_error *e, const char *what);

/* FORMAT when something did not fit, TRAILING when bytes are left; `what` names the structure. */
DS_MUST_USE static inline int ds_der_end(const struct ds_reader *r, struct ds_error *e,
                                         const char *what)
{
    return !r->bad && r->p == r->end ? DS_OK : ds_der_end_fault(r, e, what);
}

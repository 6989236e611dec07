/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict DER reader (ITU-T X.690 section 10). Each function latches the
 * reader's `bad` on the first thing that is not in its one allowed form.
 */
#include "codec/der.h"

#include "base/scope.h"
#include "codec/date.h"

/* The next element, of any tag, and how much of it is header; bad and empty where there is none. */
static struct ds_span element(struct ds_reader *r, size_t *ret_header_len)
{
    const uint8_t *start = r->p;
    uint8_t tag = ds_read_u8(r);
    size_t len = ds_read_u8(r);
    /* X.690 8.1.2.4: tag numbers over 30 take more bytes; nothing we read has them. */
    if ((tag & 0x1f) == 0x1f)
        r->bad = true;
    if (len >= 0x80) {
        size_t n = len & 0x7f;
        uint8_t first = r->p < r->end ? *r->p : 0;
        /* X.690 10.1: definite form, fewest bytes. Four bytes hold any length we accept. */
        if (n == 0 || n > 4 || first == 0 || (n == 1 && first < 0x80))
            r->bad = true;
        len = (size_t)ds_read_be_(r, n);
    }
    *ret_header_len = (size_t)(r->p - start);
    ds_read_skip(r, len);
    if (!r->bad)
        return (struct ds_span){ start, (size_t)(r->p - start) };
    *ret_header_len = 0;
    return (struct ds_span){ start, 0 };
}

struct ds_der_tlv ds_der_any(struct ds_reader *r)
{
    size_t header_len;
    struct ds_span raw = element(r, &header_len);
    return ds_der_tlv_(r->bad ? 0 : *raw.p, raw, header_len);
}

struct ds_span ds_der_take_long_(struct ds_reader *r, uint8_t tag, size_t *ret_header_len)
{
    struct ds_span raw = element(r, ret_header_len);
    if (r->bad || *raw.p == tag)
        return raw;
    r->bad = true;
    *ret_header_len = 0;
    return (struct ds_span){ raw.p, 0 };
}

/* X.690 8.3.2: the first nine bits are neither all zero nor all one. */
static bool is_shortest_integer(struct ds_span s)
{
    if (s.len < 2)
        return s.len == 1;
    return !(s.p[0] == 0 && s.p[1] < 0x80) && !(s.p[0] == 0xff && s.p[1] >= 0x80);
}

static struct ds_span integer(struct ds_reader *r, uint8_t tag)
{
    struct ds_span s = ds_der_get(r, tag);
    if (r->bad || is_shortest_integer(s))
        return s;
    r->bad = true;
    return (struct ds_span){ 0 };
}

struct ds_span ds_der_integer(struct ds_reader *r) { return integer(r, DS_DER_INTEGER); }

uint64_t ds_der_u64(struct ds_reader *r, uint8_t tag, uint64_t max)
{
    struct ds_span s = integer(r, tag);
    uint64_t v = 0;
    bool fits = s.len > 0 && s.p[0] < 0x80 && (s.len <= 8 || (s.len == 9 && s.p[0] == 0));
    for (size_t i = 0; fits && i < s.len; i++)
        v = v << 8 | s.p[i];
    if (fits && v <= max)
        return v;
    r->bad = true;
    return 0;
}

bool ds_der_bool(struct ds_reader *r)
{
    struct ds_span s = ds_der_get(r, DS_DER_BOOLEAN);
    /* X.690 11.1: true is 0xff. */
    if (s.len != 1 || (s.p[0] != 0 && s.p[0] != 0xff)) {
        r->bad = true;
        return false;
    }
    return s.p[0] != 0;
}

struct ds_span ds_der_bit_bytes(struct ds_reader *r)
{
    struct ds_span s = ds_der_get(r, DS_DER_BIT_STRING);
    if (s.len >= 1 && s.p[0] == 0)
        return ds_span_sub(s, 1, s.len - 1);
    r->bad = true;
    return (struct ds_span){ 0 };
}

uint16_t ds_der_named_bits(struct ds_reader *r)
{
    struct ds_span s = ds_der_get(r, DS_DER_BIT_STRING);
    uint8_t unused = s.len > 0 ? s.p[0] : 0;
    uint8_t last = s.len > 1 ? s.p[s.len - 1] : 0;
    /*
     * X.690 11.2.1: unused bits are zero. By 11.2.2 the last used one is set, but AMD's CAs say
     * keyCertSign with one zero bit too many; it means the same.
     */
    bool is_exact = last != 0 ? unused < 8 && (last & ((1u << unused) - 1)) == 0 : unused == 0;
    if (s.len < 1 || s.len > 3 || (s.len > 1 && last == 0) || !is_exact) {
        r->bad = true;
        return 0;
    }
    return (uint16_t)((s.len > 1 ? s.p[1] << 8 : 0) | (s.len > 2 ? s.p[2] : 0));
}

/* -1 for anything else */
static int two_digits(const uint8_t *p)
{
    unsigned tens = p[0] - (unsigned)'0', ones = p[1] - (unsigned)'0';
    return tens <= 9 && ones <= 9 ? (int)(tens * 10 + ones) : -1;
}

int64_t ds_der_time(struct ds_reader *r)
{
    bool is_utc = ds_der_peek(r) == DS_DER_UTC_TIME;
    struct ds_span text = ds_der_get(r, is_utc ? DS_DER_UTC_TIME : DS_DER_GENERALIZED_TIME);
    size_t year_len = is_utc ? 2 : 4;
    bool ok = text.len == year_len + 11 && text.p[year_len + 10] == 'Z';
    int part[7] = { 0 }; /* century, year to second */
    const uint8_t *p = text.p;
    for (int *at = is_utc ? part + 1 : part; ok && at < part + DS_LEN(part); at++, p += 2) {
        *at = two_digits(p);
        ok = *at >= 0;
    }
    /* RFC 5280 4.1.2.5.1: two-digit years from 50 on are 19xx. */
    int century = is_utc ? (part[1] >= 50 ? 19 : 20) : part[0];
    int64_t at_s = 0;
    ok = ok &&
         ds_date_to_s(&at_s, century * 100 + part[1], part[2], part[3], part[4], part[5], part[6]);
    if (!ok)
        r->bad = true;
    return ok ? at_s : 0;
}

int ds_der_end_fault(const struct ds_reader *r, struct ds_error *e, const char *what)
{
    if (r->bad)
        return ds_fail(e, DS_ERR_FORMAT, "%s is not the DER it should be, at byte %zu of %zu", what,
                       ds_read_at(r), (size_t)(r->end - r->start));
    return ds_fail(e, DS_ERR_TRAILING, "%s has %zu bytes after its end", what, ds_read_left(r));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hex and base64. Strict: an odd digit, a foreign character or non-zero bits
 * under the padding are errors, so that one value has one text.
 */
#include "base/hex.h"

#include "base/secret.h"

/*
 * Keys pass here (GetKey, the KMS's reply, the disk's passphrase): no branch and no index depends on
 * a digit. `x >> 8` is all ones where the difference x is negative; the rest is arithmetic.
 */
static uint8_t in_range(int c, int from, int to) /* 0xff or 0 */
{
    return (uint8_t)~(((c - from) | (to - c)) >> 8);
}

/* The value of a digit, or some value and 0xff in *bad. */
static uint8_t hex_digit(uint8_t c, uint8_t *bad)
{
    uint8_t small = c | 0x20;
    uint8_t is_digit = in_range(c, '0', '9'), is_letter = in_range(small, 'a', 'f');
    *bad |= (uint8_t)~(is_digit | is_letter);
    return (uint8_t)((is_digit & (c - '0')) | (is_letter & (small - 'a' + 10)));
}

static char digit_of(int value)
{
    return (char)('0' + value + (((9 - value) >> 8) & ('a' - '0' - 10)));
}

char *ds_hex_encode(char *out, struct ds_span in)
{
    for (size_t i = 0; i < in.len; i++) {
        out[2 * i] = digit_of(in.p[i] >> 4);
        out[2 * i + 1] = digit_of(in.p[i] & 15);
    }
    out[2 * in.len] = '\0';
    return out;
}

struct ds_hex_text ds_hex_text_of(struct ds_span in)
{
    struct ds_hex_text t;
    (void)ds_hex_encode(t.s, ds_span_sub(in, 0, (sizeof t.s - 1) / 2));
    return t;
}

static int not_hex(struct ds_span text, struct ds_error *e)
{
    size_t at = 0;
    for (uint8_t bad = 0; at < text.len; at++) {
        (void)hex_digit(text.p[at], &bad);
        if (bad != 0)
            break;
    }
    return ds_fail(e, DS_ERR_FORMAT, "character %zu of a hex text is no hex digit", at);
}

int ds_hex_decode_any(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                      struct ds_error *e)
{
    if (text.len % 2 != 0)
        return ds_fail(e, DS_ERR_FORMAT, "hex text has an odd number of digits (%zu)", text.len);
    if (text.len / 2 > cap)
        return ds_fail(e, DS_ERR_RANGE, "hex text of %zu bytes; at most %zu fit", text.len / 2,
                       cap);
    uint8_t bad = 0, ignored = 0;
    for (size_t i = 0; i < text.len; i++)
        (void)hex_digit(text.p[i], &bad);
    ds_ct_public(&bad, sizeof bad); /* that a text is none is told to whoever sent it */
    if (bad != 0)
        return not_hex(text, e);
    for (size_t i = 0; i < text.len / 2; i++)
        ret[i] = (uint8_t)(hex_digit(text.p[2 * i], &ignored) << 4 |
                           hex_digit(text.p[2 * i + 1], &ignored));
    *ret_len = text.len / 2;
    return DS_OK;
}

int ds_hex_decode(uint8_t *ret, size_t out_len, struct ds_span text, struct ds_error *e)
{
    if (text.len != 2 * out_len)
        return ds_fail(e, DS_ERR_RANGE, "hex text has %zu digits, expected %zu", text.len,
                       2 * out_len);
    size_t n;
    return ds_hex_decode_any(ret, &n, out_len, text, e);
}

static char *encode64(char *out, struct ds_span in, const char *digits, bool pad)
{
    char *o = out;
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        uint32_t v = (uint32_t)in.p[i] << 16;
        if (n > 1)
            v |= (uint32_t)in.p[i + 1] << 8;
        if (n > 2)
            v |= in.p[i + 2];
        for (size_t k = 0; k < n + 1; k++)
            *o++ = digits[(v >> (18 - 6 * k)) & 63];
        for (size_t k = n + 1; pad && k < 4; k++)
            *o++ = '=';
    }
    *o = '\0';
    return out;
}

char *ds_base64_encode(char *out, struct ds_span in)
{
    return encode64(out, in, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                    true);
}

char *ds_base64url_encode(char *out, struct ds_span in)
{
    return encode64(out, in, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                    false);
}

enum form64 { STANDARD, SPACED, URL };

static int digit64(uint8_t c, enum form64 form)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (form == URL ? '-' : '+'))
        return 62;
    if (c == (form == URL ? '_' : '/'))
        return 63;
    return -1;
}

static bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static int decode64(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                    enum form64 form, struct ds_error *e)
{
    uint32_t v = 0;
    size_t n_digits = 0, n_pad = 0, n_out = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (form == SPACED && is_space(c))
            continue;
        if (c == '=' && form != URL) {
            n_pad++;
            continue;
        }
        int d = digit64(c, form);
        if (d < 0 || n_pad > 0)
            return ds_fail(e, DS_ERR_FORMAT, "character %zu of a base64 text is out of place", i);
        v = (v << 6) | (uint32_t)d;
        n_digits++;
        if (n_digits % 4 == 0) {
            if (cap - n_out < 3)
                return ds_fail(e, DS_ERR_RANGE, "base64 text is over %zu bytes", cap);
            ret[n_out++] = (uint8_t)(v >> 16);
            ret[n_out++] = (uint8_t)(v >> 8);
            ret[n_out++] = (uint8_t)v;
            v = 0;
        }
    }
    size_t tail = n_digits % 4;
    size_t pad = form == URL ? 0 : (4 - tail) % 4;
    if (tail == 1 || n_pad != pad || (tail == 2 && (v & 15) != 0) || (tail == 3 && (v & 3) != 0))
        return ds_fail(e, DS_ERR_FORMAT, "base64 text has a wrong ending");
    if (tail != 0 && cap - n_out < tail - 1)
        return ds_fail(e, DS_ERR_RANGE, "base64 text is over %zu bytes", cap);
    if (tail == 2)
        ret[n_out++] = (uint8_t)(v >> 4);
    if (tail == 3) {
        ret[n_out++] = (uint8_t)(v >> 10);
        ret[n_out++] = (uint8_t)(v >> 2);
    }
    *ret_len = n_out;
    return DS_OK;
}

int ds_base64_decode(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                     struct ds_error *e)
{
    return decode64(ret, ret_len, cap, text, STANDARD, e);
}

int ds_base64_decode_ws(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                        struct ds_error *e)
{
    return decode64(ret, ret_len, cap, text, SPACED, e);
}

int ds_base64url_decode(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                        struct ds_error *e)
{
    return decode64(ret, ret_len, cap, text, URL, e);
}

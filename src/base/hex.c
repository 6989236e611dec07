/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hex and base64. Strict: an odd digit, a foreign character or non-zero bits
 * under the padding are errors, so that one value has one text.
 */
#include "base/hex.h"

#include <endian.h>

#include "base/secret.h"

#define BLOCK 32
#define WORD  4 /* bytes whose digits fill one */

/*
 * Keys pass here (GetKey, the KMS's reply, the disk's passphrase): no branch and no index depends on
 * a digit.
 */
static uint8_t in_range(uint8_t c, uint8_t from, uint8_t n) /* 0xff or 0 */
{
    return (uint8_t)-(uint8_t)((uint8_t)(c - from) < n);
}

static uint8_t is_foreign(uint8_t c) /* 0xff or 0 */
{
    return (uint8_t)~(in_range(c, '0', 10) | in_range(c | 0x20, 'a', 6));
}

/* Not zero when one is no digit; by blocks of a fixed length, which the compiler turns into vector code. */
static uint8_t foreign_in(struct ds_span text)
{
    uint8_t bad = 0;
    size_t i = 0;
    for (; text.len - i >= BLOCK; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            bad |= is_foreign(text.p[i + k]);
    for (; i < text.len; i++)
        bad |= is_foreign(text.p[i]);
    ds_ct_public(&bad, sizeof bad); /* that a text is none is told to whoever sent it */
    return bad;
}

/* The value of each of eight digits, a byte each; of letters, bit 6 is set and the low half is 1 to 6. */
static uint64_t values_of(uint64_t digits)
{
    return (digits & 0x0f0f0f0f0f0f0f0f) + 9 * (digits >> 6 & 0x0101010101010101);
}

/* A word of digits at once; ret has WORD bytes, digits twice as many. */
static void decode_word(uint8_t *ret, const uint8_t *digits)
{
    uint64_t word;
    memcpy(&word, digits, sizeof word);
    word = values_of(le64toh(word));
    word = (word << 4 | word >> 8) & 0x00ff00ff00ff00ff;
    word = (word | word >> 8) & 0x0000ffff0000ffff;
    uint32_t bytes = htole32((uint32_t)(word | word >> 16));
    memcpy(ret, &bytes, sizeof bytes);
}

static void decode(uint8_t *ret, struct ds_span text)
{
    uint8_t digits[2 * WORD] = { 0 }, last[WORD];
    size_t n = text.len / 2, i = 0;
    for (; n - i >= WORD; i += WORD)
        decode_word(ret + i, text.p + 2 * i);
    if (i == n)
        return;
    memcpy(digits, text.p + 2 * i, 2 * (n - i));
    decode_word(last, digits);
    memcpy(ret + i, last, n - i);
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
    while (at < text.len && is_foreign(text.p[at]) == 0)
        at++;
    return ds_fail(e, DS_ERR_FORMAT, "character %zu of a hex text is no hex digit", at);
}

bool ds_hex_is_text(struct ds_span text) { return foreign_in(text) == 0; }

int ds_hex_decode_any(uint8_t *ret, size_t *ret_len, size_t cap, struct ds_span text,
                      struct ds_error *e)
{
    if (text.len % 2 != 0)
        return ds_fail(e, DS_ERR_FORMAT, "hex text has an odd number of digits (%zu)", text.len);
    if (text.len / 2 > cap)
        return ds_fail(e, DS_ERR_RANGE, "hex text of %zu bytes; at most %zu fit", text.len / 2,
                       cap);
    if (foreign_in(text) != 0)
        return not_hex(text, e);
    decode(ret, text);
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

/* 1 more than the value of each base64 digit; 0 for what is none. */
/* clang-format off */
static const uint8_t digits64[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

/* As the table has it, with the last two digits of the URL alphabet. */
static uint8_t digit64(uint8_t c, enum form64 form)
{
    if (form == URL)
        c = c == '-' ? '+' : c == '_' ? '/' : c == '+' || c == '/' ? 0 : c;
    return digits64[c];
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
        uint8_t d = digit64(c, form);
        if (d == 0 || n_pad > 0)
            return ds_fail(e, DS_ERR_FORMAT, "character %zu of a base64 text is out of place", i);
        v = (v << 6) | (uint32_t)(d - 1);
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

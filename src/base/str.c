/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text helpers.
 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool ds_str_copy_span(char *out, size_t out_len, struct ds_span text)
{
    if (text.len >= out_len || (text.len > 0 && memchr(text.p, 0, text.len) != NULL)) {
        if (out_len > 0)
            out[0] = '\0';
        return false;
    }
    if (text.len > 0)
        memcpy(out, text.p, text.len);
    out[text.len] = '\0';
    return true;
}

bool ds_str_copy(char *out, size_t out_len, const char *text)
{
    return ds_str_copy_span(out, out_len, ds_span_str(text));
}

char *ds_str_printable(char *out, size_t out_len, struct ds_span text)
{
    size_t n = text.len < out_len - 1 ? text.len : out_len - 1;
    for (size_t i = 0; i < n; i++) {
        bool is_printable = text.p[i] >= 0x20 && text.p[i] < 0x7f;
        memcpy(out + i, is_printable ? text.p + i : (const uint8_t *)"?", 1);
    }
    out[n] = '\0';
    return out;
}

char *ds_str_dup_span(struct ds_span text)
{
    char *p = text.len < SIZE_MAX ? malloc(text.len + 1) : NULL;
    if (p != NULL && !ds_str_copy_span(p, text.len + 1, text)) {
        free(p);
        return NULL;
    }
    return p;
}

char *ds_str_fmt(const char *fmt, ...)
{
    char *p = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    return n >= 0 ? p : NULL;
}

int ds_str_u64(uint64_t *ret, struct ds_span text, uint64_t max, struct ds_error *e)
{
    if (text.len == 0 || text.len > 20 || (text.len > 1 && text.p[0] == '0'))
        return ds_fail(e, DS_ERR_FORMAT, "not a plain decimal number");
    uint64_t v = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return ds_fail(e, DS_ERR_FORMAT, "not a plain decimal number");
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(text.p[i] - '0'), &v))
            return ds_fail(e, DS_ERR_RANGE, "number is over %llu", (unsigned long long)max);
    }
    if (v > max)
        return ds_fail(e, DS_ERR_RANGE, "number is over %llu", (unsigned long long)max);
    *ret = v;
    return DS_OK;
}

bool ds_str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool ds_str_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

bool ds_span_line(struct ds_span *rest, struct ds_span *ret_line)
{
    if (rest->len == 0)
        return false;
    const uint8_t *nl = memchr(rest->p, '\n', rest->len);
    size_t n = nl != NULL ? (size_t)(nl - rest->p) : rest->len;
    *ret_line = DS_SPAN(rest->p, n);
    size_t taken = nl != NULL ? n + 1 : n;
    *rest = DS_SPAN(rest->p + taken, rest->len - taken);
    return true;
}

/* Bytes that follow a UTF-8 lead byte, and the least code point such a form may carry. */
static int utf8_follow(uint8_t lead, uint32_t *ret_bits, uint32_t *ret_min)
{
    if (lead < 0x80) {
        *ret_bits = lead;
        *ret_min = 0;
        return 0;
    }
    if ((lead & 0xe0) == 0xc0) {
        *ret_bits = lead & 0x1fU;
        *ret_min = 0x80;
        return 1;
    }
    if ((lead & 0xf0) == 0xe0) {
        *ret_bits = lead & 0x0fU;
        *ret_min = 0x800;
        return 2;
    }
    if ((lead & 0xf8) == 0xf0) {
        *ret_bits = lead & 0x07U;
        *ret_min = 0x10000;
        return 3;
    }
    return -1;
}

/* How many bytes of ASCII stand at `at`, in steps of eight. */
static size_t ascii_run(struct ds_span s, size_t at)
{
    size_t n = 0;
    for (uint64_t v; s.len - at - n >= 8; n += 8) {
        memcpy(&v, s.p + at + n, 8);
        if ((v & 0x8080808080808080u) != 0)
            break;
    }
    return n;
}

bool ds_utf8_is_valid(struct ds_span s)
{
    for (size_t i = 0; i < s.len;) {
        i += ascii_run(s, i);
        if (i == s.len)
            break;
        uint32_t cp, min;
        int follow = utf8_follow(s.p[i++], &cp, &min);
        if (follow < 0 || (size_t)follow > s.len - i)
            return false;
        for (int k = 0; k < follow; k++, i++) {
            if ((s.p[i] & 0xc0) != 0x80)
                return false;
            cp = (cp << 6) | (s.p[i] & 0x3fU);
        }
        if (cp < min || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
            return false;
    }
    return true;
}

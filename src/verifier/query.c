/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a query and an Accept header; both end in NUL, as HTTP gave them.
 */
#include "verifier/query.h"

#include <strings.h>

#include "base/hex.h"
#include "base/scope.h"
#include "base/str.h"

static int bad(const char *claim, const char *expected, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, claim, expected, "something else",
                     NULL);
}

/* base64url or base64, with or without padding; %2B, %2F and %3D stand for theirs (RFC 3986 2.1). */
static int read_nonce(struct query_nonce *ret, struct ds_span text, struct ds_error *e)
{
    static const char expected[] = "8 to 64 bytes in base64url";
    char digits[DS_BASE64_LEN(EAR_NONCE_MAX) + 4];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.p[i];
        if (c == '%') {
            uint8_t byte;
            if (ds_hex_decode(&byte, 1, ds_span_sub(text, i + 1, 2), NULL) < 0)
                return bad("nonce", expected, e);
            c = (char)byte;
            i += 2;
        }
        if (n + 4 >= sizeof digits)
            return bad("nonce", expected, e);
        digits[n++] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (n > 0 && digits[n - 1] == '=')
        n--;
    while (n % 4 != 0)
        digits[n++] = '=';
    if (ds_base64_decode(ret->b, &ret->len, EAR_NONCE_MAX, DS_SPAN(digits, n), NULL) < 0 ||
        ret->len < EAR_NONCE_MIN)
        return bad("nonce", expected, e);
    return DS_OK;
}

/* The value of a name in the query; p NULL when it is not there. Twice is refused. */
static int query_value(struct ds_span *ret, const char *query, const char *name, struct ds_error *e)
{
    size_t len = strlen(name);
    *ret = (struct ds_span){ 0 };
    for (const char *p = query; *p != '\0';) {
        size_t n = strcspn(p, "&");
        if (n > len && strncmp(p, name, len) == 0 && p[len] == '=') {
            if (ret->p != NULL)
                return bad(name, "one value", e);
            *ret = DS_SPAN(p + len + 1, n - len - 1);
        }
        p += n + (p[n] == '&');
    }
    return DS_OK;
}

int query_nonce_parse(struct query_nonce *ret, const char *query, struct ds_error *e)
{
    struct ds_span nonce, size;
    struct query_nonce got = { .is_given = false };
    uint64_t n = QUERY_NONCE_PRESET;
    DS_TRY(query_value(&nonce, query, "nonce", e));
    DS_TRY(query_value(&size, query, "nonceSize", e));
    got.is_given = nonce.p != NULL;
    if (got.is_given && size.p != NULL)
        return bad("nonce", "nonce or nonceSize, not both", e);
    if (size.p != NULL && (ds_str_u64(&n, size, EAR_NONCE_MAX, NULL) < 0 || n < EAR_NONCE_MIN))
        return bad("nonceSize", "8 to 64", e);
    got.len = (size_t)n;
    if (got.is_given)
        DS_TRY(read_nonce(&got, nonce, e));
    *ret = got;
    return DS_OK;
}

/* One range of an Accept header covers a type; its weight is not zero. */
static bool covers(struct ds_span range, const char *type)
{
    struct ds_span name = range;
    const uint8_t *semicolon = memchr(range.p, ';', range.len);
    if (semicolon != NULL)
        name.len = (size_t)(semicolon - range.p);
    while (name.len > 0 && name.p[name.len - 1] == ' ')
        name.len--;
    if (semicolon != NULL) {
        struct ds_span rest = DS_SPAN(semicolon, range.len - (size_t)(semicolon - range.p));
        const uint8_t *q = memmem(rest.p, rest.len, "q=0", 3);
        const uint8_t *end = rest.p + rest.len;
        if (q != NULL && (q + 3 == end || q[3] != '.' || q + 4 == end || q[4] == '0'))
            return false;
    }
    size_t slash = strcspn(type, "/");
    if (ds_span_eq_str(name, "*/*"))
        return true;
    if (name.len == slash + 2 && strncasecmp((const char *)name.p, type, slash + 1) == 0 &&
        name.p[slash + 1] == '*')
        return true;
    return name.len == strlen(type) && strncasecmp((const char *)name.p, type, name.len) == 0;
}

bool query_accepts(const char *accept, const char *type)
{
    if (accept == NULL)
        return true;
    for (const char *p = accept; *p != '\0';) {
        p += strspn(p, " ,\t");
        size_t n = strcspn(p, ",");
        if (n > 0 && covers(DS_SPAN(p, n), type))
            return true;
        p += n;
    }
    return accept[strspn(accept, " ,\t")] == '\0';
}

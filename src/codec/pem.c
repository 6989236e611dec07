/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM blocks, one after another.
 */
#include "codec/pem.h"

#include "base/hex.h"

/* White space before a block; behind the last one NUL may follow it, as a string of C has one. */
static void skip_between(struct ds_span *rest)
{
    while (rest->len > 0 &&
           (rest->p[0] == '\n' || rest->p[0] == '\r' || rest->p[0] == ' ' || rest->p[0] == '\t'))
        *rest = ds_span_sub(*rest, 1, rest->len);
    if (rest->len == 1 && rest->p[0] == '\0')
        *rest = ds_span_sub(*rest, 1, 1);
}

static bool take(struct ds_span *rest, struct ds_span s)
{
    if (!ds_span_eq(ds_span_sub(*rest, 0, s.len), s))
        return false;
    *rest = ds_span_sub(*rest, s.len, rest->len);
    return true;
}

/* "-----BEGIN label-----" or END */
static bool take_line(struct ds_span *rest, struct ds_span verb, const char *label)
{
    struct ds_span at = *rest;
    if (!take(&at, DS_SPAN_LIT("-----")) || !take(&at, verb) || !take(&at, ds_span_str(label)) ||
        !take(&at, DS_SPAN_LIT("-----")))
        return false;
    *rest = at;
    return true;
}

int ds_pem_next(struct ds_span *ret, struct ds_span *rest, const char *label, struct ds_arena *mem,
                struct ds_error *e)
{
    struct ds_span at = *rest;
    skip_between(&at);
    if (at.len == 0) {
        *rest = at;
        *ret = (struct ds_span){ 0 };
        return DS_OK;
    }
    if (!take_line(&at, DS_SPAN_LIT("BEGIN "), label))
        return ds_fail(e, DS_ERR_FORMAT, "PEM text does not begin with a %s block", label);
    const uint8_t *end = at.len > 0 ? memchr(at.p, '-', at.len) : NULL;
    if (end == NULL)
        return ds_fail(e, DS_ERR_FORMAT, "PEM block %s has no end", label);
    struct ds_span body = ds_span_sub(at, 0, (size_t)(end - at.p));
    at = ds_span_sub(at, body.len, at.len);
    if (!take_line(&at, DS_SPAN_LIT("END "), label))
        return ds_fail(e, DS_ERR_FORMAT, "PEM block %s has no end", label);
    size_t cap = body.len / 4 * 3 + 3, len = 0;
    uint8_t *out = ds_arena_get(mem, cap);
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a PEM block of %zu bytes", cap);
    int r = ds_base64_decode_ws(out, &len, cap, body, e);
    if (r < 0)
        return ds_wrap(e, r, "PEM block %s", label);
    if (len == 0)
        return ds_fail(e, DS_ERR_FORMAT, "PEM block %s is empty", label);
    *ret = (struct ds_span){ out, len };
    *rest = at;
    return DS_OK;
}

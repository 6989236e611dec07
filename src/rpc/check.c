/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters against the table. Unknown fields are ignored, as the wire format
 * has it; a known field that stands twice is refused, since two readers might
 * take different ones.
 */
#include <assert.h>
#include <stdio.h>

#include "base/hex.h"
#include "rpc/call.h"

#define FIELDS_MAX 64

static int bad(const struct rpc_field *f, const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, f->name, expected, got, NULL);
}

static int wrong_type(const struct rpc_field *f, const char *want, yyjson_val *v,
                      struct ds_error *e)
{
    return bad(f, want, yyjson_get_type_desc(v), e);
}

static int too_much(const struct rpc_field *f, const char *unit, uint64_t got, struct ds_error *e)
{
    char want[48], have[48];
    (void)snprintf(want, sizeof want, "at most %llu%s", (unsigned long long)f->max, unit);
    (void)snprintf(have, sizeof have, "%llu", (unsigned long long)got);
    return bad(f, want, have, e);
}

static bool is_over(const struct rpc_field *f, uint64_t n) { return f->max != 0 && n > f->max; }

static int check_text(const struct rpc_field *f, yyjson_val *v, struct ds_error *e)
{
    if (!yyjson_is_str(v))
        return wrong_type(f, "a text", v, e);
    size_t len = yyjson_get_len(v);
    if (memchr(yyjson_get_str(v), '\0', len) != NULL)
        return bad(f, "a text without NUL", "one with", e);
    return is_over(f, len) ? too_much(f, " bytes", len, e) : DS_OK;
}

struct ds_span rpc_hex_digits(yyjson_val *text)
{
    struct ds_span s = DS_SPAN(yyjson_get_str(text), yyjson_get_len(text));
    while (s.len >= 2 && s.p[0] == '0' && s.p[1] == 'x')
        s = DS_SPAN(s.p + 2, s.len - 2);
    return s;
}

static int check_hex(const struct rpc_field *f, yyjson_val *v, struct ds_error *e)
{
    if (!yyjson_is_str(v))
        return wrong_type(f, "hex text", v, e);
    struct ds_span digits = rpc_hex_digits(v);
    if (!ds_hex_is_text(digits))
        return bad(f, "hex text", "another character", e);
    if (digits.len % 2 != 0)
        return bad(f, "an even number of hex digits", "an odd one", e);
    return is_over(f, digits.len / 2) ? too_much(f, " bytes", digits.len / 2, e) : DS_OK;
}

static int check_u64(const struct rpc_field *f, yyjson_val *v, struct ds_error *e)
{
    if (!yyjson_is_uint(v))
        return wrong_type(f, "a whole number, not negative", v, e);
    return is_over(f, yyjson_get_uint(v)) ? too_much(f, "", yyjson_get_uint(v), e) : DS_OK;
}

static int check_value(const struct rpc_field *f, yyjson_val *v, struct ds_error *e);

static int check_object(const struct rpc_field *f, yyjson_val *v, struct ds_error *e)
{
    if (!yyjson_is_obj(v))
        return wrong_type(f, "an object", v, e);
    return f->fields != NULL ? rpc_check(f->fields, f->n_fields, v, e) : DS_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the static tables nest. */
static int check_list(const struct rpc_field *f, enum rpc_kind of, yyjson_val *v,
                      struct ds_error *e)
{
    if (!yyjson_is_arr(v))
        return wrong_type(f, "a list", v, e);
    if (is_over(f, yyjson_arr_size(v)))
        return too_much(f, " elements", yyjson_arr_size(v), e);
    struct rpc_field element = *f;
    element.kind = of;
    element.max = 0;
    size_t i, n;
    yyjson_val *one;
    yyjson_arr_foreach(v, i, n, one) DS_TRY(check_value(&element, one, e));
    return DS_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the static tables nest. */
static int check_value(const struct rpc_field *f, yyjson_val *v, struct ds_error *e)
{
    switch (f->kind) {
    case RPC_TEXT:
        return check_text(f, v, e);
    case RPC_HEX:
        return check_hex(f, v, e);
    case RPC_U64:
        return check_u64(f, v, e);
    case RPC_BOOL:
        return yyjson_is_bool(v) ? DS_OK : wrong_type(f, "true or false", v, e);
    case RPC_TEXT_LIST:
        return check_list(f, RPC_TEXT, v, e);
    case RPC_HEX_LIST:
        return check_list(f, RPC_HEX, v, e);
    case RPC_OBJECT:
        return check_object(f, v, e);
    case RPC_OBJECT_LIST:
        return check_list(f, RPC_OBJECT, v, e);
    case RPC_ANY:
        break;
    }
    return DS_OK;
}

static size_t find_field(const struct rpc_field *fields, size_t n, yyjson_val *key)
{
    size_t i = 0;
    while (i < n && !yyjson_equals_str(key, fields[i].name))
        i++;
    return i;
}

int rpc_check(const struct rpc_field *fields, size_t n_fields, yyjson_val *object,
              struct ds_error *e)
{
    bool seen[FIELDS_MAX] = { 0 };
    assert(n_fields <= FIELDS_MAX);
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        size_t at = find_field(fields, n_fields, key);
        if (at == n_fields)
            continue;
        if (seen[at])
            return bad(&fields[at], "one value", "two", e);
        seen[at] = true;
        if (!yyjson_is_null(value))
            DS_TRY(check_value(&fields[at], value, e));
    }
    for (size_t k = 0; k < n_fields; k++) {
        yyjson_val *v = object != NULL ? yyjson_obj_get(object, fields[k].name) : NULL;
        if (fields[k].required && (v == NULL || yyjson_is_null(v)))
            return bad(&fields[k], "a value", "none", e);
    }
    return DS_OK;
}

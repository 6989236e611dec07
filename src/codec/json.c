/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded JSON reader: an explicit stack instead of recursion, one token a
 * value, every limit checked where it is reached. Strictness beyond RFC 8259:
 * duplicate keys and lone surrogates are refused, since two readers of one
 * signed text must not see two different things.
 */
#include "codec/json.h"

#include "base/hex.h"
#include "base/str.h"

struct parser {
    const uint8_t *p, *end;
    struct ds_json_tok *toks;
    size_t n, cap;
    struct {
        uint32_t tok;   /* the open container */
        bool wants_key; /* inside an object, before a key */
    } stack[DS_JSON_DEPTH_MAX];
    size_t depth;
    const uint8_t *start;
};

static int bad(const struct parser *ps, const char *what, struct ds_error *e)
{
    if (ps->p == ps->end)
        return ds_fail(e, DS_ERR_TRUNCATED, "JSON ends early: %s", what);
    return ds_fail(e, DS_ERR_FORMAT, "JSON at byte %zu: %s", (size_t)(ps->p - ps->start), what);
}

static void skip_space(struct parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
        ps->p++;
}

static bool is_digit(const struct parser *ps)
{
    return ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9';
}

static bool take(struct parser *ps, char c)
{
    if (ps->p == ps->end || *ps->p != (uint8_t)c)
        return false;
    ps->p++;
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Walks a string's content, escapes resolved, as code points. */
struct unescaper {
    const uint8_t *p, *end;
    bool bad;
};

static uint32_t unit16(struct unescaper *u)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int d = u->p < u->end ? hex_value(*u->p++) : -1;
        u->bad = u->bad || d < 0;
        v = v << 4 | ((uint32_t)d & 15);
    }
    return v;
}

/* \uXXXX, joined with its second half where it is a surrogate pair (RFC 8259 7). */
static uint32_t escaped_code_point(struct unescaper *u)
{
    uint32_t c = unit16(u);
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c > 0xdbff || u->end - u->p < 6 || u->p[0] != '\\' || u->p[1] != 'u') {
        u->bad = true;
        return 0;
    }
    u->p += 2;
    uint32_t low = unit16(u);
    u->bad = u->bad || low < 0xdc00 || low > 0xdfff;
    return 0x10000 + ((c - 0xd800) << 10) + (low & 0x3ff);
}

/* The next piece as UTF-8: one byte of plain text, or a resolved escape. Returns its length. */
static size_t unescape_next(struct unescaper *u, uint8_t out[static 4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    out[0] = *u->p++;
    if (out[0] != '\\')
        return 1;
    if (u->p == u->end) {
        u->bad = true;
        return 0;
    }
    char c = (char)*u->p++;
    const char *at = c != 0 ? strchr(from, c) : NULL;
    if (at != NULL) {
        out[0] = (uint8_t)to[at - from];
        return 1;
    }
    uint32_t cp = c == 'u' ? escaped_code_point(u) : 0;
    u->bad = u->bad || c != 'u';
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (uint8_t)(0x80 | (cp & 0x3f));
    out[0] = (uint8_t)((0xf00 >> n & 0xff) | cp);
    return n;
}

/* Equality of two strings' contents, escapes resolved. */
static bool same_text(const struct ds_json_tok *a, const struct ds_json_tok *b)
{
    if (!a->is_escaped && !b->is_escaped)
        return ds_span_eq(a->raw, b->raw);
    struct unescaper ua = { a->raw.p, a->raw.p + a->raw.len, false };
    struct unescaper ub = { b->raw.p, b->raw.p + b->raw.len, false };
    uint8_t wa[4], wb[4];
    size_t na = 0, nb = 0, ia = 0, ib = 0;
    for (;;) {
        if (ia == na) {
            na = ua.p < ua.end ? unescape_next(&ua, wa) : 0;
            ia = 0;
        }
        if (ib == nb) {
            nb = ub.p < ub.end ? unescape_next(&ub, wb) : 0;
            ib = 0;
        }
        if (na == 0 || nb == 0)
            return na == nb && !ua.bad && !ub.bad;
        if (wa[ia++] != wb[ib++])
            return false;
    }
}

static int new_token(struct parser *ps, enum ds_json_type type, struct ds_error *e)
{
    if (ps->n == ps->cap)
        return ds_fail(e, DS_ERR_RANGE, "JSON has more than %zu values", ps->cap);
    ps->toks[ps->n++] = (struct ds_json_tok){ .raw = { ps->p, 0 }, .skip = 1, .type = type };
    return DS_OK;
}

static struct ds_json_tok *last(struct parser *ps) { return &ps->toks[ps->n - 1]; }

static void close_raw(struct ds_json_tok *t, const uint8_t *end)
{
    t->raw.len = (size_t)(end - t->raw.p);
}

/*
 * Behind the characters that stand for themselves: at a quote, a backslash, a
 * control character or the end. Eight at a time: in `hit` the high bit of a byte
 * is set where one of the three is in it; a byte behind a hit may have it too.
 */
static const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    for (uint64_t v; end - p >= 8; p += 8) {
        memcpy(&v, p, 8);
        uint64_t quote = v ^ (ones * '"'), slash = v ^ (ones * '\\');
        uint64_t hit = ((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) |
                       ((slash - ones) & ~slash);
        if ((hit & highs) != 0)
            break;
    }
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20)
        p++;
    return p;
}

static int scan_string(struct parser *ps, struct ds_error *e)
{
    if (!take(ps, '"'))
        return bad(ps, "a string was expected", e);
    DS_TRY(new_token(ps, DS_JSON_STRING, e));
    struct ds_json_tok *t = last(ps);
    for (;;) {
        ps->p = skip_plain(ps->p, ps->end);
        if (ps->p == ps->end || *ps->p == '"')
            break;
        if (*ps->p < 0x20)
            return bad(ps, "a control character inside a string", e);
        t->is_escaped = true;
        struct unescaper u = { ps->p, ps->end, false };
        uint8_t out[4];
        (void)unescape_next(&u, out);
        if (u.bad)
            return bad(ps, "an escape that does not exist", e);
        ps->p = u.p;
    }
    close_raw(t, ps->p);
    return take(ps, '"') ? DS_OK : bad(ps, "a string without its end", e);
}

static int scan_number(struct parser *ps, struct ds_error *e)
{
    DS_TRY(new_token(ps, DS_JSON_NUMBER, e));
    (void)take(ps, '-');
    if (!is_digit(ps))
        return bad(ps, "a value was expected", e);
    if (!take(ps, '0'))
        while (is_digit(ps))
            ps->p++;
    if (is_digit(ps))
        return bad(ps, "a number with a leading zero", e);
    if (take(ps, '.')) {
        if (!is_digit(ps))
            return bad(ps, "a fraction without digits", e);
        while (is_digit(ps))
            ps->p++;
    }
    if (take(ps, 'e') || take(ps, 'E')) {
        if (!take(ps, '+'))
            (void)take(ps, '-');
        if (!is_digit(ps))
            return bad(ps, "an exponent without digits", e);
        while (is_digit(ps))
            ps->p++;
    }
    close_raw(last(ps), ps->p);
    return DS_OK;
}

static int scan_word(struct parser *ps, enum ds_json_type type, const char *word,
                     struct ds_error *e)
{
    struct ds_span s = ds_span_str(word);
    if ((size_t)(ps->end - ps->p) < s.len || memcmp(ps->p, s.p, s.len) != 0)
        return bad(ps, "a value was expected", e);
    DS_TRY(new_token(ps, type, e));
    ps->p += s.len;
    close_raw(last(ps), ps->p);
    return DS_OK;
}

static int open_container(struct parser *ps, enum ds_json_type type, struct ds_error *e)
{
    if (ps->depth == DS_JSON_DEPTH_MAX)
        return bad(ps, "nested too deeply", e);
    DS_TRY(new_token(ps, type, e));
    ps->stack[ps->depth].tok = (uint32_t)(ps->n - 1);
    ps->stack[ps->depth].wants_key = type == DS_JSON_OBJECT;
    ps->depth++;
    ps->p++;
    return DS_OK;
}

static void close_container(struct parser *ps)
{
    ps->p++;
    uint32_t at = ps->stack[--ps->depth].tok;
    struct ds_json_tok *t = &ps->toks[at];
    close_raw(t, ps->p);
    t->skip = (uint32_t)(ps->n - at);
}

static int scan_value(struct parser *ps, struct ds_error *e)
{
    switch (ps->p < ps->end ? *ps->p : 0) {
    case '{':
        return open_container(ps, DS_JSON_OBJECT, e);
    case '[':
        return open_container(ps, DS_JSON_ARRAY, e);
    case '"':
        return scan_string(ps, e);
    case 't':
        return scan_word(ps, DS_JSON_TRUE, "true", e);
    case 'f':
        return scan_word(ps, DS_JSON_FALSE, "false", e);
    case 'n':
        return scan_word(ps, DS_JSON_NULL, "null", e);
    default:
        return scan_number(ps, e);
    }
}

static int scan_key(struct parser *ps, struct ds_error *e)
{
    struct ds_json_tok *obj = &ps->toks[ps->stack[ps->depth - 1].tok];
    if (obj->n == DS_JSON_MEMBERS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "JSON object has more than %d members",
                       DS_JSON_MEMBERS_MAX);
    DS_TRY(scan_string(ps, e));
    const struct ds_json_tok *key = last(ps), *k = obj + 1;
    for (uint32_t i = 0; i < obj->n; i++, k += 1 + k[1].skip)
        if (same_text(k, key))
            return bad(ps, "a key stands twice in one object", e);
    obj->n++;
    skip_space(ps);
    if (!take(ps, ':'))
        return bad(ps, "':' was expected", e);
    ps->stack[ps->depth - 1].wants_key = false;
    return DS_OK;
}

/* After a value: close what ends here, or pass the comma before the next one. */
static int scan_after_value(struct parser *ps, struct ds_error *e)
{
    while (ps->depth > 0) {
        skip_space(ps);
        bool is_object = ps->toks[ps->stack[ps->depth - 1].tok].type == DS_JSON_OBJECT;
        if (ps->p < ps->end && *ps->p == (is_object ? '}' : ']')) {
            close_container(ps);
            continue;
        }
        if (!take(ps, ','))
            return bad(ps, is_object ? "',' or '}' was expected" : "',' or ']' was expected", e);
        ps->stack[ps->depth - 1].wants_key = is_object;
        return DS_OK;
    }
    return DS_OK;
}

/* One value, or one key, with what surrounds it. */
static int scan_step(struct parser *ps, struct ds_error *e)
{
    skip_space(ps);
    if (ps->depth > 0 && ps->stack[ps->depth - 1].wants_key)
        return scan_key(ps, e);
    if (ps->depth > 0 && ps->toks[ps->stack[ps->depth - 1].tok].type == DS_JSON_ARRAY)
        ps->toks[ps->stack[ps->depth - 1].tok].n++;
    size_t depth = ps->depth;
    DS_TRY(scan_value(ps, e));
    if (ps->depth > depth) {
        skip_space(ps);
        bool is_object = last(ps)->type == DS_JSON_OBJECT;
        if (ps->p == ps->end || *ps->p != (is_object ? '}' : ']'))
            return DS_OK;
        close_container(ps);
    }
    return scan_after_value(ps, e);
}

static int parse(struct parser *ps, struct ds_error *e)
{
    if (!ds_utf8_is_valid((struct ds_span){ ps->p, (size_t)(ps->end - ps->p) }))
        return ds_fail(e, DS_ERR_FORMAT, "JSON is not UTF-8");
    do {
        DS_TRY(scan_step(ps, e));
    } while (ps->depth > 0);
    skip_space(ps);
    if (ps->p != ps->end)
        return ds_fail(e, DS_ERR_TRAILING, "JSON has %zu bytes after its end",
                       (size_t)(ps->end - ps->p));
    return DS_OK;
}

static struct parser parser_of(struct ds_json_tok *toks, size_t cap, struct ds_span text)
{
    const uint8_t *p = text.p != NULL ? text.p : (const uint8_t *)"";
    return (struct parser){ .p = p,
                            .start = p,
                            .end = p + text.len,
                            .toks = toks,
                            .cap = cap < UINT32_MAX ? cap : UINT32_MAX };
}

int ds_json_parse(struct ds_json_tok *toks, size_t cap, struct ds_span text, struct ds_error *e)
{
    struct parser ps = parser_of(toks, cap, text);
    return parse(&ps, e);
}

int ds_json_parse_in(const struct ds_json_tok **ret, struct ds_arena *mem, struct ds_span text,
                     struct ds_error *e)
{
    struct ds_json_tok *toks = ds_arena_get(mem, 0);
    if (toks == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for the values of a JSON text");
    struct parser ps = parser_of(toks, (mem->cap - mem->used) / sizeof *toks, text);
    DS_TRY(parse(&ps, e));
    mem->used += ps.n * sizeof *toks;
    *ret = toks;
    return DS_OK;
}

const struct ds_json_tok *ds_json_first(const struct ds_json_tok *c)
{
    bool is_container = c != NULL && (c->type == DS_JSON_ARRAY || c->type == DS_JSON_OBJECT);
    return is_container && c->n > 0 ? c + 1 : NULL;
}

const struct ds_json_tok *ds_json_next(const struct ds_json_tok *c, const struct ds_json_tok *v)
{
    const struct ds_json_tok *next = v + v->skip;
    if (c->type == DS_JSON_OBJECT)
        next = v + 1 + v[1].skip;
    return next < c + c->skip ? next : NULL;
}

bool ds_json_is_str(const struct ds_json_tok *t, const char *text)
{
    if (t == NULL || t->type != DS_JSON_STRING)
        return false;
    if (!t->is_escaped)
        return ds_span_eq_str(t->raw, text);
    struct ds_span want = ds_span_str(text);
    struct unescaper u = { t->raw.p, t->raw.p + t->raw.len, false };
    size_t at = 0;
    while (u.p < u.end) {
        uint8_t out[4];
        size_t n = unescape_next(&u, out);
        if (u.bad || n > want.len - at || memcmp(out, want.p + at, n) != 0)
            return false;
        at += n;
    }
    return at == want.len;
}

const struct ds_json_tok *ds_json_find(const struct ds_json_tok *obj, const char *key)
{
    if (obj == NULL || obj->type != DS_JSON_OBJECT)
        return NULL;
    for (const struct ds_json_tok *k = ds_json_first(obj); k != NULL; k = ds_json_next(obj, k))
        if (ds_json_is_str(k, key))
            return k + 1;
    return NULL;
}

int ds_json_str(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *t,
                struct ds_error *e)
{
    if (t == NULL || t->type != DS_JSON_STRING)
        return ds_fail(e, DS_ERR_FORMAT, "a JSON string was expected");
    if (!t->is_escaped) {
        *ret = t->raw;
        return DS_OK;
    }
    /* An escape is never shorter than what it stands for. */
    uint8_t *out = ds_arena_get(mem, t->raw.len);
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a JSON string of %zu bytes", t->raw.len);
    struct unescaper u = { t->raw.p, t->raw.p + t->raw.len, false };
    size_t len = 0;
    while (u.p < u.end) {
        uint8_t piece[4];
        const uint8_t *slash = memchr(u.p, '\\', (size_t)(u.end - u.p));
        size_t n = (size_t)((slash != NULL ? slash : u.end) - u.p);
        memcpy(out + len, u.p, n);
        len += n;
        u.p += n;
        if (slash == NULL)
            break;
        n = unescape_next(&u, piece);
        memcpy(out + len, piece, n);
        len += n;
    }
    *ret = (struct ds_span){ out, len };
    return DS_OK;
}

static const char *type_text(enum ds_json_type type)
{
    static const char *const texts[] = { "null",     "true",     "false",    "a number",
                                         "a string", "an array", "an object" };
    return texts[type];
}

int ds_json_get(const struct ds_json_tok **ret, const struct ds_json_tok *obj, const char *key,
                enum ds_json_type type, struct ds_error *e)
{
    const struct ds_json_tok *v = ds_json_find(obj, key);
    if (v == NULL)
        return ds_fail(e, DS_ERR_FORMAT, "JSON member '%s' is missing", key);
    if (v->type != type)
        return ds_fail(e, DS_ERR_FORMAT, "JSON member '%s' is %s, not %s", key, type_text(v->type),
                       type_text(type));
    *ret = v;
    return DS_OK;
}

int ds_json_get_str(struct ds_span *ret, const struct ds_json_tok *obj, const char *key,
                    struct ds_error *e)
{
    const struct ds_json_tok *v;
    DS_TRY(ds_json_get(&v, obj, key, DS_JSON_STRING, e));
    if (v->is_escaped)
        return ds_fail(e, DS_ERR_FORMAT, "JSON member '%s' has escapes", key);
    *ret = v->raw;
    return DS_OK;
}

int ds_json_get_u64(uint64_t *ret, const struct ds_json_tok *obj, const char *key, uint64_t max,
                    struct ds_error *e)
{
    const struct ds_json_tok *v;
    DS_TRY(ds_json_get(&v, obj, key, DS_JSON_NUMBER, e));
    if (ds_str_u64(ret, v->raw, max, NULL) < 0)
        return ds_fail(e, DS_ERR_FORMAT, "JSON member '%s' is no whole number up to %llu", key,
                       (unsigned long long)max);
    return DS_OK;
}

int ds_json_get_hex(uint8_t *ret, size_t len, const struct ds_json_tok *obj, const char *key,
                    struct ds_error *e)
{
    struct ds_span text;
    DS_TRY(ds_json_get_str(&text, obj, key, e));
    if (ds_hex_decode(ret, len, text, NULL) < 0)
        return ds_fail(e, DS_ERR_FORMAT, "JSON member '%s' is not %zu bytes of hex", key, len);
    return DS_OK;
}

int ds_json_get_bool(bool *ret, const struct ds_json_tok *obj, const char *key, struct ds_error *e)
{
    const struct ds_json_tok *v = ds_json_find(obj, key);
    if (v == NULL || (v->type != DS_JSON_TRUE && v->type != DS_JSON_FALSE))
        return ds_fail(e, DS_ERR_FORMAT, "JSON member '%s' is not true or false", key);
    *ret = v->type == DS_JSON_TRUE;
    return DS_OK;
}

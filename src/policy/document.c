/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading policy documents: which key a row is, its value by the row's type, and
 * what two rules cannot both mean.
 */

#include "policy/document.h"

#include <stdio.h>

#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"
#include "policy/attribute.h"

struct reader {
    struct policy_document *doc;
    struct ds_arena *mem;
    bool has_section[POLICY_N_SECTIONS];
};

/* A value on its way into a rule. */
struct value {
    struct reader *r;
    const struct policy_attribute *a;
    struct policy_rule *rule;
    const struct ds_json_tok *tok;
    const char *path;
};

static int refuse(struct ds_error *e, enum ds_code code, const char *path, const char *expected,
                  const char *got)
{
    int cls = code == DS_CODE_POLICY_DOCUMENT_TOO_LARGE ? DS_ERR_RANGE : DS_ERR_FORMAT;
    return ds_refuse(e, cls, code, path, expected, got, NULL);
}

/* The value as it stands, cut to a line. */
static int refuse_token(struct ds_error *e, enum ds_code code, const char *path,
                        const char *expected, const struct ds_json_tok *tok)
{
    char got[80];
    (void)ds_str_printable(got, sizeof got, tok->raw);
    return refuse(e, code, path, expected, got[0] != '\0' ? got : "an empty text");
}

static int no_memory(struct ds_error *e)
{
    return ds_fail(e, DS_ERR_NOMEM, "read a policy document");
}

static const char *type_text(enum ds_json_type type)
{
    static const char *const texts[] = {
        [DS_JSON_NULL] = "null",     [DS_JSON_TRUE] = "true",   [DS_JSON_FALSE] = "false",
        [DS_JSON_NUMBER] = "number", [DS_JSON_STRING] = "text", [DS_JSON_ARRAY] = "list",
        [DS_JSON_OBJECT] = "object",
    };
    return texts[type];
}

static int want_type(const struct ds_json_tok *tok, enum ds_json_type type, const char *path,
                     struct ds_error *e)
{
    if (tok->type == type)
        return DS_OK;
    return refuse(e, DS_CODE_POLICY_DOCUMENT_WRONG_TYPE, path, type_text(type),
                  type_text(tok->type));
}

/* "tdx.mrtd[2]" */
struct item_path {
    char s[72];
};

static struct item_path item_path(const struct value *v, size_t i)
{
    struct item_path path;
    (void)snprintf(path.s, sizeof path.s, "%.47s[%zu]", v->path, i);
    return path;
}

static int refuse_twice(const struct value *v, size_t i, const struct ds_json_tok *tok,
                        struct ds_error *e)
{
    return refuse_token(e, DS_CODE_POLICY_DOCUMENT_DUPLICATE, item_path(v, i).s, "each value once",
                        tok);
}

/* A list within its bounds; where none is meant to be a value, it may be empty. */
static int want_list(const struct value *v, struct ds_error *e)
{
    char got[32];
    bool may_be_empty = v->a->type == POLICY_FLAGS || v->a->type == POLICY_TEXTS;
    DS_TRY(want_type(v->tok, DS_JSON_ARRAY, v->path, e));
    if (v->tok->n == 0 && !may_be_empty)
        return refuse(e, DS_CODE_POLICY_DOCUMENT_EMPTY_LIST, v->path, "at least one value", "none");
    if (v->tok->n <= POLICY_ITEMS_MAX)
        return DS_OK;
    (void)snprintf(got, sizeof got, "%u", v->tok->n);
    return refuse(e, DS_CODE_POLICY_DOCUMENT_TOO_LARGE, v->path, "at most 256 values", got);
}

/* Room for the list's elements; n counts up as they are read. */
static int take_room(void **ret, const struct value *v, size_t elem_len, struct ds_error *e)
{
    *ret = ds_arena_get_n(v->r->mem, v->tok->n, elem_len);
    return *ret != NULL ? DS_OK : no_memory(e);
}

static int find_word(size_t *ret, const struct value *v, size_t i, const struct ds_json_tok *tok,
                     struct ds_error *e)
{
    char expected[144] = "";
    uint64_t nameable = policy_attribute_words(v->a);
    DS_TRY(want_type(tok, DS_JSON_STRING, item_path(v, i).s, e));
    for (size_t w = 0; w < v->a->n_words; w++) {
        if ((nameable & POLICY_BIT(w)) == 0)
            continue;
        if (ds_json_is_str(tok, v->a->words[w])) {
            *ret = w;
            return DS_OK;
        }
        size_t n = strlen(expected);
        (void)snprintf(expected + n, sizeof expected - n, "%s%s", n > 0 ? ", " : "",
                       v->a->words[w]);
    }
    return refuse_token(e, DS_CODE_POLICY_DOCUMENT_WRONG_VALUE, item_path(v, i).s, expected, tok);
}

static int read_words(struct value *v, struct ds_error *e)
{
    size_t i = 0, word = 0;
    DS_TRY(want_list(v, e));
    for (const struct ds_json_tok *t = ds_json_first(v->tok); t != NULL;
         t = ds_json_next(v->tok, t), i++) {
        DS_TRY(find_word(&word, v, i, t, e));
        if ((v->rule->number & POLICY_BIT(word)) != 0)
            return refuse_twice(v, i, t, e);
        v->rule->number |= POLICY_BIT(word);
    }
    return DS_OK;
}

static int read_bool(struct value *v, struct ds_error *e)
{
    if (v->tok->type != DS_JSON_TRUE && v->tok->type != DS_JSON_FALSE)
        return refuse(e, DS_CODE_POLICY_DOCUMENT_WRONG_TYPE, v->path, "true or false",
                      type_text(v->tok->type));
    v->rule->number = v->tok->type == DS_JSON_TRUE;
    return DS_OK;
}

/* Lower case alone: one value has one spelling, for the search for duplicates here and in schemas. */
static bool is_hex(struct ds_span text, size_t len)
{
    bool ok = text.len == 2 * len;
    for (size_t i = 0; i < text.len; i++)
        ok = ok &&
             ((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f'));
    return ok;
}

static int read_hex(uint8_t *ret, const struct value *v, size_t i, const struct ds_json_tok *tok,
                    struct ds_error *e)
{
    char expected[48];
    struct ds_span text;
    DS_TRY(want_type(tok, DS_JSON_STRING, item_path(v, i).s, e));
    DS_TRY(ds_json_str(&text, v->r->mem, tok, e));
    (void)snprintf(expected, sizeof expected, "%zu lower-case hex digits", 2 * v->a->len);
    if (!is_hex(text, v->a->len))
        return refuse_token(e, DS_CODE_POLICY_DOCUMENT_WRONG_VALUE, item_path(v, i).s, expected,
                            tok);
    return ds_hex_decode(ret, v->a->len, text, e);
}

static int read_bytes(struct value *v, struct ds_error *e)
{
    void *room;
    size_t n = 0;
    DS_TRY(want_list(v, e));
    DS_TRY(take_room(&room, v, v->a->len, e));
    uint8_t *items = room;
    for (const struct ds_json_tok *t = ds_json_first(v->tok); t != NULL;
         t = ds_json_next(v->tok, t), n++) {
        uint8_t *item = items + n * v->a->len;
        DS_TRY(read_hex(item, v, n, t, e));
        for (size_t i = 0; i < n; i++)
            if (memcmp(items + i * v->a->len, item, v->a->len) == 0)
                return refuse_twice(v, n, t, e);
    }
    v->rule->items.bytes = items;
    v->rule->items.n = n;
    return DS_OK;
}

static bool is_printable(struct ds_span text)
{
    bool ok = true;
    for (size_t i = 0; i < text.len; i++)
        ok = ok && text.p[i] >= 0x20 && text.p[i] < 0x7f;
    return ok;
}

static int read_text(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *tok,
                     size_t max, const char *path, struct ds_error *e)
{
    char expected[64];
    DS_TRY(want_type(tok, DS_JSON_STRING, path, e));
    DS_TRY(ds_json_str(ret, mem, tok, e));
    (void)snprintf(expected, sizeof expected, "1 to %zu printable ASCII characters", max);
    if (ret->len >= 1 && ret->len <= max && is_printable(*ret))
        return DS_OK;
    return refuse_token(e, DS_CODE_POLICY_DOCUMENT_WRONG_VALUE, path, expected, tok);
}

static int read_texts(struct value *v, struct ds_error *e)
{
    void *room;
    size_t n = 0;
    DS_TRY(want_list(v, e));
    DS_TRY(take_room(&room, v, sizeof(struct ds_span), e));
    struct ds_span *items = room;
    for (const struct ds_json_tok *t = ds_json_first(v->tok); t != NULL;
         t = ds_json_next(v->tok, t), n++) {
        DS_TRY(read_text(&items[n], v->r->mem, t, v->a->len, item_path(v, n).s, e));
        for (size_t i = 0; i < n; i++)
            if (ds_span_eq(items[i], items[n]))
                return refuse_twice(v, n, t, e);
    }
    v->rule->items.texts = items;
    v->rule->items.n = n;
    return DS_OK;
}

static int read_u64(uint64_t *ret, const struct ds_json_tok *tok, uint64_t max, const char *path,
                    struct ds_error *e)
{
    char expected[64];
    DS_TRY(want_type(tok, DS_JSON_NUMBER, path, e));
    (void)snprintf(expected, sizeof expected, "a whole number, 0 to %llu", (unsigned long long)max);
    if (ds_str_u64(ret, tok->raw, max, NULL) == DS_OK)
        return DS_OK;
    return refuse_token(e, DS_CODE_POLICY_DOCUMENT_WRONG_VALUE, path, expected, tok);
}

static int read_number(struct value *v, struct ds_error *e)
{
    return read_u64(&v->rule->number, v->tok, v->a->max, v->path, e);
}

static int read_numbers(struct value *v, struct ds_error *e)
{
    void *room;
    size_t n = 0;
    DS_TRY(want_list(v, e));
    DS_TRY(take_room(&room, v, sizeof(uint64_t), e));
    uint64_t *items = room;
    for (const struct ds_json_tok *t = ds_json_first(v->tok); t != NULL;
         t = ds_json_next(v->tok, t), n++) {
        DS_TRY(read_u64(&items[n], t, v->a->max, item_path(v, n).s, e));
        for (size_t i = 0; i < n; i++)
            if (items[i] == items[n])
                return refuse_twice(v, n, t, e);
    }
    v->rule->items.numbers = items;
    v->rule->items.n = n;
    return DS_OK;
}

static int read_parts(struct value *v, struct ds_error *e)
{
    char expected[32], got[32];
    size_t n = 0;
    DS_TRY(want_type(v->tok, DS_JSON_ARRAY, v->path, e));
    (void)snprintf(expected, sizeof expected, "%zu numbers", v->a->len);
    (void)snprintf(got, sizeof got, "%u", v->tok->n);
    if (v->tok->n != v->a->len)
        return refuse(e, DS_CODE_POLICY_DOCUMENT_WRONG_VALUE, v->path, expected, got);
    uint8_t *items = ds_arena_get(v->r->mem, v->a->len);
    if (items == NULL)
        return no_memory(e);
    for (const struct ds_json_tok *t = ds_json_first(v->tok); t != NULL;
         t = ds_json_next(v->tok, t), n++) {
        uint64_t part;
        DS_TRY(read_u64(&part, t, UINT8_MAX, item_path(v, n).s, e));
        items[n] = (uint8_t)part;
    }
    v->rule->items.bytes = items;
    v->rule->items.n = n;
    return DS_OK;
}

typedef int read_fn(struct value *v, struct ds_error *e);

static read_fn *const reads[POLICY_N_TYPES] = {
    [POLICY_WORDS] = read_words, [POLICY_FLAGS] = read_words, [POLICY_NEEDS] = read_words,
    [POLICY_ALLOW] = read_bool,  [POLICY_DEMAND] = read_bool, [POLICY_BYTES] = read_bytes,
    [POLICY_TEXT] = read_texts,  [POLICY_TEXTS] = read_texts, [POLICY_NUMBERS] = read_numbers,
    [POLICY_MIN] = read_number,  [POLICY_MAX] = read_number,  [POLICY_PARTS] = read_parts,
};

static int refuse_key(const struct ds_json_tok *key, enum policy_section section,
                      struct ds_error *e)
{
    char name[40], path[64];
    const char *in = policy_section_get(section)->name;
    (void)ds_str_printable(name, sizeof name, key->raw);
    (void)snprintf(path, sizeof path, "%s%s%s", in, in[0] != '\0' ? "." : "", name);
    return refuse(e, DS_CODE_POLICY_DOCUMENT_UNKNOWN_KEY, path, "a key of docs/policy.md", name);
}

static int read_attribute(struct reader *r, enum policy_section section,
                          const struct ds_json_tok *key, struct ds_error *e)
{
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        const struct policy_attribute *a = policy_attribute_get((enum policy_attr)i);
        if (a->section != section || !ds_json_is_str(key, a->key))
            continue;
        const struct policy_path path = policy_attribute_path((enum policy_attr)i);
        struct policy_rule rule = { 0 };
        struct value v = { .r = r, .a = a, .rule = &rule, .tok = key + 1, .path = path.s };
        DS_TRY(reads[a->type](&v, e));
        r->doc->rules.of[i] = rule;
        r->doc->is_given[i] = true;
        return DS_OK;
    }
    return refuse_key(key, section, e);
}

static int read_section(struct reader *r, enum policy_section section,
                        const struct ds_json_tok *obj, struct ds_error *e)
{
    DS_TRY(want_type(obj, DS_JSON_OBJECT, policy_section_get(section)->name, e));
    r->has_section[section] = true;
    for (const struct ds_json_tok *key = ds_json_first(obj); key != NULL;
         key = ds_json_next(obj, key))
        DS_TRY(read_attribute(r, section, key, e));
    return DS_OK;
}

static int read_member(struct reader *r, const struct ds_json_tok *key, struct ds_error *e)
{
    if (ds_json_is_str(key, "version"))
        return DS_OK;
    if (ds_json_is_str(key, "description"))
        return read_text(&r->doc->description, r->mem, key + 1, POLICY_DESCRIPTION_MAX,
                         "description", e);
    for (size_t s = POLICY_IN_TOP + 1; s < POLICY_N_SECTIONS; s++)
        if (ds_json_is_str(key, policy_section_get((enum policy_section)s)->name))
            return read_section(r, (enum policy_section)s, key + 1, e);
    return read_attribute(r, POLICY_IN_TOP, key, e);
}

/* Before anything else: what the other keys mean depends on it. */
static int check_version(const struct ds_json_tok *root, struct ds_error *e)
{
    const struct ds_json_tok *version = ds_json_find(root, "version");
    if (version == NULL)
        return refuse(e, DS_CODE_POLICY_DOCUMENT_VERSION, "version", "1", "none");
    DS_TRY(want_type(version, DS_JSON_NUMBER, "version", e));
    if (ds_span_eq_str(version->raw, "1"))
        return DS_OK;
    return refuse_token(e, DS_CODE_POLICY_DOCUMENT_VERSION, "version", "1", version);
}

/*
 * Where the document does not say which TEEs: those of which it says what may run there.
 * "intel" says nothing of that, so it counts only when it stands alone.
 */
static void derive_tees(struct reader *r)
{
    uint32_t tees = 0;
    for (size_t s = POLICY_IN_TDX; s < POLICY_N_SECTIONS; s++)
        tees |= r->has_section[s] ? policy_section_get((enum policy_section)s)->tees : 0;
    if (tees == 0 && r->has_section[POLICY_IN_INTEL])
        tees = policy_section_get(POLICY_IN_INTEL)->tees;
    if (tees != 0)
        r->doc->rules.of[POLICY_ATTR_TEES].number = tees;
}

static int check_sections(struct reader *r, struct ds_error *e)
{
    if (!r->doc->is_given[POLICY_ATTR_TEES])
        derive_tees(r);
    for (size_t s = 0; s < POLICY_N_SECTIONS; s++) {
        const struct policy_section_info *info = policy_section_get((enum policy_section)s);
        if (!r->has_section[s] || (info->tees & r->doc->rules.of[POLICY_ATTR_TEES].number) != 0)
            continue;
        return refuse(e, DS_CODE_POLICY_DOCUMENT_CONTRADICTION, info->name,
                      "rules for a TEE that tees accepts", "rules for one that it leaves out");
    }
    return DS_OK;
}

static bool is_pinned(struct ds_span name)
{
    const char *pinned;
    for (size_t i = 0; (pinned = ds_anchors_name(i)) != NULL; i++)
        if (ds_span_eq_str(name, pinned))
            return true;
    return false;
}

/* A compiled-in root is of kind hardware, and every other one is not. */
static int check_roots(const struct reader *r, struct ds_error *e)
{
    const struct policy_items *roots = &r->doc->rules.of[POLICY_ATTR_ROOTS].items;
    uint64_t kinds = r->doc->rules.of[POLICY_ATTR_KINDS].number;
    uint64_t given = POLICY_BIT(DS_KIND_SIMULATED) | POLICY_BIT(DS_KIND_CUSTOM);
    for (size_t i = 0; i < roots->n; i++) {
        char name[64], path[32];
        bool pinned = is_pinned(roots->texts[i]);
        if ((kinds & (pinned ? POLICY_BIT(DS_KIND_HARDWARE) : given)) != 0)
            continue;
        (void)snprintf(path, sizeof path, "roots[%zu]", i);
        return refuse(e, DS_CODE_POLICY_DOCUMENT_CONTRADICTION, path,
                      pinned ? "kinds with hardware, of which this root is"
                             : "the name of a compiled-in root, or kinds with simulated or custom",
                      ds_str_printable(name, sizeof name, roots->texts[i]));
    }
    return DS_OK;
}

static int read_document(struct reader *r, const struct ds_json_tok *root, struct ds_error *e)
{
    DS_TRY(want_type(root, DS_JSON_OBJECT, "the document", e));
    DS_TRY(check_version(root, e));
    for (const struct ds_json_tok *key = ds_json_first(root); key != NULL;
         key = ds_json_next(root, key))
        DS_TRY(read_member(r, key, e));
    DS_TRY(check_sections(r, e));
    return check_roots(r, e);
}

int policy_document_parse(struct policy_document *ret, struct ds_arena *mem, struct ds_span text,
                          struct ds_error *e)
{
    char got[32];
    const struct ds_json_tok *root;
    struct policy_document doc = { 0 };
    struct reader r = { .doc = &doc, .mem = mem };
    policy_rules_preset(&doc.rules);
    (void)snprintf(got, sizeof got, "%zu bytes", text.len);
    if (text.len > POLICY_DOCUMENT_MAX)
        return refuse(e, DS_CODE_POLICY_DOCUMENT_TOO_LARGE, "the document", "at most 65536 bytes",
                      got);
    int parsed = ds_json_parse_in(&root, mem, text, e);
    if (parsed < 0) {
        ds_error_code(e, DS_CODE_POLICY_DOCUMENT_JSON);
        return parsed;
    }
    DS_TRY(read_document(&r, root, e));
    *ret = doc;
    return DS_OK;
}

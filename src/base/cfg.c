/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: libfyaml reads, the table decides. Aliases are not followed,
 * so that a small file stays a small configuration.
 */
#include "base/cfg.h"

#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/str.h"

#define PATH_MAX_LEN 96
#define DEPTH_MAX    4

struct load {
    const struct ds_cfg_schema *schema;
    void *ret;
    const char *what;
    bool *seen; /* by key */
    struct ds_error *e;
};

static void *field_of(void *cfg, const struct ds_cfg_key *k) { return (char *)cfg + k->offset; }

static int wrong_type(const struct load *l, const struct ds_cfg_key *k, const char *want)
{
    return ds_fail_code(l->e, DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE, "%s: %s must be %s", l->what,
                        k->key, want);
}

static int out_of_bounds(const struct load *l, const struct ds_cfg_key *k, const char *what)
{
    if (k->max != 0)
        return ds_fail_code(l->e, DS_ERR_RANGE, DS_CODE_CFG_OUT_OF_BOUNDS,
                            "%s: %s: %s between %llu and %llu is allowed", l->what, k->key, what,
                            (unsigned long long)k->min, (unsigned long long)k->max);
    return ds_fail_code(l->e, DS_ERR_RANGE, DS_CODE_CFG_OUT_OF_BOUNDS,
                        "%s: %s: %s of at least %llu is allowed", l->what, k->key, what,
                        (unsigned long long)k->min);
}

static bool is_within(const struct ds_cfg_key *k, uint64_t v)
{
    return v >= k->min && (k->max == 0 || v <= k->max);
}

static bool scalar(struct fy_node *n, struct ds_span *ret)
{
    if (n == NULL || !fy_node_is_scalar(n) || fy_node_is_alias(n))
        return false;
    size_t len = 0;
    const char *p = fy_node_get_scalar(n, &len);
    *ret = DS_SPAN(p != NULL ? p : "", p != NULL ? len : 0);
    return true;
}

static int set_bool(const struct load *l, const struct ds_cfg_key *k, struct ds_span text)
{
    bool yes = ds_span_eq_str(text, "true");
    if (!yes && !ds_span_eq_str(text, "false"))
        return wrong_type(l, k, "true or false");
    *(bool *)field_of(l->ret, k) = yes;
    return DS_OK;
}

static int set_u64(const struct load *l, const struct ds_cfg_key *k, struct ds_span text)
{
    uint64_t v = 0;
    int r = ds_str_u64(&v, text, UINT64_MAX, NULL);
    if (r < 0 && r != DS_ERR_RANGE)
        return wrong_type(l, k, "a whole number");
    if (r < 0 || !is_within(k, v))
        return out_of_bounds(l, k, "a number");
    *(uint64_t *)field_of(l->ret, k) = v;
    return DS_OK;
}

static int dup_text(const struct load *l, const struct ds_cfg_key *k, char **ret,
                    struct ds_span text)
{
    if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL)
        return wrong_type(l, k, "text without NUL");
    *ret = ds_str_dup_span(text);
    return *ret != NULL ? DS_OK : ds_fail(l->e, DS_ERR_NOMEM, "%s", l->what);
}

static int set_text(const struct load *l, const struct ds_cfg_key *k, struct ds_span text)
{
    if (!is_within(k, text.len))
        return out_of_bounds(l, k, "a length");
    return dup_text(l, k, field_of(l->ret, k), text);
}

static int set_choice(const struct load *l, const struct ds_cfg_key *k, struct ds_span text)
{
    char all[160] = "one of";
    for (const char *const *c = k->choices; *c != NULL; c++) {
        if (ds_span_eq_str(text, *c))
            return dup_text(l, k, field_of(l->ret, k), text);
        size_t n = strlen(all);
        (void)snprintf(all + n, sizeof all - n, " %s", *c);
    }
    return wrong_type(l, k, all);
}

static int set_list(const struct load *l, const struct ds_cfg_key *k, struct fy_node *n)
{
    int count = n != NULL && fy_node_is_sequence(n) ? fy_node_sequence_item_count(n) : -1;
    if (count < 0)
        return wrong_type(l, k, "a list of texts");
    if (!is_within(k, (uint64_t)count))
        return out_of_bounds(l, k, "a number of entries");
    struct ds_cfg_list *list = field_of(l->ret, k);
    list->v = calloc((size_t)count + 1, sizeof *list->v);
    if (list->v == NULL)
        return ds_fail(l->e, DS_ERR_NOMEM, "%s", l->what);
    for (int i = 0; i < count; i++) {
        struct ds_span text;
        if (!scalar(fy_node_sequence_get_by_index(n, i), &text))
            return wrong_type(l, k, "a list of texts");
        DS_TRY(dup_text(l, k, &list->v[list->n], text));
        list->n++;
    }
    return DS_OK;
}

static int set(const struct load *l, const struct ds_cfg_key *k, struct fy_node *n)
{
    if (k->kind == DS_CFG_LIST)
        return set_list(l, k, n);
    struct ds_span text;
    if (!scalar(n, &text))
        return wrong_type(l, k, "a single value");
    if (k->kind == DS_CFG_BOOL)
        return set_bool(l, k, text);
    if (k->kind == DS_CFG_U64)
        return set_u64(l, k, text);
    return k->kind == DS_CFG_CHOICE ? set_choice(l, k, text) : set_text(l, k, text);
}

/* Letters to insert, delete or change to make a of b. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[PATH_MAX_LEN + 1];
    size_t n = strnlen(b, PATH_MAX_LEN);
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

static int unknown_key(const struct load *l, const char *path)
{
    const struct ds_cfg_key *near = NULL;
    for (size_t i = 0; i < l->schema->n_keys; i++) {
        const struct ds_cfg_key *k = &l->schema->keys[i];
        if (near == NULL || distance(path, k->key) < distance(path, near->key))
            near = k;
    }
    return ds_fail_code(l->e, DS_ERR_FORMAT, DS_CODE_CFG_UNKNOWN_KEY,
                        "%s: unknown key '%s'; did you mean '%s'?", l->what, path,
                        near != NULL ? near->key : "nothing at all");
}

static bool is_group(const struct ds_cfg_schema *schema, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < schema->n_keys; i++)
        if (ds_str_starts(schema->keys[i].key, path) && schema->keys[i].key[n] == '.')
            return true;
    return false;
}

static int set_path(const struct load *l, const char *path, struct fy_node *value, bool *ret_done)
{
    for (size_t i = 0; i < l->schema->n_keys; i++) {
        const struct ds_cfg_key *k = &l->schema->keys[i];
        if (strcmp(k->key, path) != 0)
            continue;
        if (l->seen[i])
            return ds_fail_code(l->e, DS_ERR_FORMAT, DS_CODE_CFG_DUPLICATE_KEY,
                                "%s: key '%s' stands twice", l->what, path);
        l->seen[i] = true;
        *ret_done = true;
        return set(l, k, value);
    }
    return DS_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most DEPTH_MAX deep. */
static int walk(const struct load *l, const char *prefix, struct fy_node *map, unsigned depth)
{
    void *it = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(map, &it)) != NULL) {
        struct ds_span name;
        char path[PATH_MAX_LEN];
        if (!scalar(fy_node_pair_key(pair), &name) || name.len >= PATH_MAX_LEN)
            return ds_fail_code(l->e, DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX,
                                "%s: a key that is no short text", l->what);
        int n = snprintf(path, sizeof path, "%s%s%.*s", prefix, prefix[0] != '\0' ? "." : "",
                         (int)name.len, (const char *)name.p);
        if (n < 0 || (size_t)n >= sizeof path || memchr(name.p, '.', name.len) != NULL)
            return unknown_key(l, path);
        struct fy_node *value = fy_node_pair_value(pair);
        bool done = false;
        DS_TRY(set_path(l, path, value, &done));
        if (done)
            continue;
        if (!is_group(l->schema, path) || depth == DEPTH_MAX)
            return unknown_key(l, path);
        if (value == NULL || !fy_node_is_mapping(value))
            return ds_fail_code(l->e, DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
                                "%s: %s must be a group of keys", l->what, path);
        DS_TRY(walk(l, path, value, depth + 1));
    }
    return DS_OK;
}

static void destroy_doc(struct fy_document **doc) { fy_document_destroy(*doc); }

static int syntax(struct fy_diag *diag, const char *what, struct ds_error *e)
{
    void *it = NULL;
    const struct fy_diag_error *first = diag != NULL ? fy_diag_errors_iterate(diag, &it) : NULL;
    if (first == NULL)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "%s: not YAML", what);
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "%s: line %d: %s", what, first->line,
                        first->msg);
}

struct source {
    struct fy_diag *diag;
    struct fy_parse_cfg cfg;
    struct ds_span text;
    const char *what;
};

/* How many documents the text holds: none (spaces and comments), one, or 2 for more. */
static int count_documents(const struct source *src, unsigned *ret, struct ds_error *e)
{
    unsigned n = 0;
    struct fy_parser *parser = fy_parser_create(&src->cfg);
    bool fed = parser != NULL &&
               fy_parser_set_string(parser, (const char *)src->text.p, src->text.len) == 0;
    while (fed && n < 2) {
        struct fy_document *doc = fy_parse_load_document(parser);
        if (doc == NULL)
            break;
        fy_parse_document_destroy(parser, doc);
        n++;
    }
    bool failed = !fed || fy_parser_get_stream_error(parser);
    if (parser != NULL)
        fy_parser_destroy(parser);
    if (failed)
        return syntax(src->diag, src->what, e);
    *ret = n;
    return DS_OK;
}

static int build_source(struct fy_document **ret, struct source *src, struct ds_error *e)
{
    unsigned n = 0;
    if (src->text.len > 0)
        DS_TRY(count_documents(src, &n, e));
    if (n > 1)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX,
                            "%s: must hold one document, not several", src->what);
    if (n == 0)
        src->text = DS_SPAN_LIT("{}");
    *ret = fy_document_build_from_string(&src->cfg, (const char *)src->text.p, src->text.len);
    return *ret != NULL ? DS_OK : syntax(src->diag, src->what, e);
}

static int build(struct fy_document **ret, struct ds_span yaml, const char *what,
                 struct ds_error *e)
{
    static const struct fy_diag_cfg quiet = { .fp = NULL };
    struct fy_diag *diag = fy_diag_create(&quiet);
    if (diag == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "%s", what);
    fy_diag_set_collect_errors(diag, true);
    struct source src = { .diag = diag,
                          /* Keys that stand twice are told by set_path, by name. The flags are
                             bits, and libfyaml's enum has no member for two of them together. */
                          /* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange) */
                          .cfg = { .flags = FYPCF_DEFAULT_DOC | FYPCF_ALLOW_DUPLICATE_KEYS,
                                   .diag = diag },
                          .text = yaml,
                          .what = what };
    int r = build_source(ret, &src, e);
    fy_diag_destroy(diag);
    return r;
}

static int set_preset(const struct load *l, const struct ds_cfg_key *k)
{
    if (k->preset == NULL)
        return ds_fail_code(l->e, DS_ERR_ARG, DS_CODE_CFG_MISSING_KEY, "%s: key '%s' is missing",
                            l->what, k->key);
    DS_AUTO(destroy_doc) struct fy_document *doc = NULL;
    DS_TRY(build(&doc, ds_span_str(k->preset), "default", l->e));
    return set(l, k, fy_document_root(doc));
}

static int fill(const struct load *l, struct fy_document *doc)
{
    struct fy_node *root = fy_document_root(doc);
    struct ds_span text;
    bool empty = root == NULL || (scalar(root, &text) && text.len == 0);
    if (!empty && !fy_node_is_mapping(root))
        return ds_fail_code(l->e, DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX,
                            "%s: must hold keys and values", l->what);
    if (!empty)
        DS_TRY(walk(l, "", root, 1));
    for (size_t i = 0; i < l->schema->n_keys; i++)
        if (!l->seen[i])
            DS_TRY(set_preset(l, &l->schema->keys[i]));
    return DS_OK;
}

int ds_cfg_parse(const struct ds_cfg_schema *schema, void *ret, struct ds_span yaml,
                 const char *what, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) bool *seen = calloc(schema->n_keys + 1, sizeof *seen);
    if (seen == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "%s", what);
    struct load l = { .schema = schema, .ret = ret, .what = what, .seen = seen, .e = e };
    DS_AUTO(destroy_doc) struct fy_document *doc = NULL;
    /* libfyaml ends at a NUL, hands on what is not UTF-8, and hangs in such a directive. */
    if (!ds_utf8_is_valid(yaml) || (yaml.len > 0 && memchr(yaml.p, '\0', yaml.len) != NULL))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "%s: not UTF-8 text", what);
    DS_TRY(build(&doc, yaml, what, e));
    int r = fill(&l, doc);
    if (r < 0)
        ds_cfg_done(schema, ret);
    return r;
}

int ds_cfg_load(const struct ds_cfg_schema *schema, void *ret, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (path != NULL)
        DS_TRY(ds_file_load(&text, path, DS_CFG_FILE_MAX, e));
    return ds_cfg_parse(schema, ret, ds_buf_span(&text), path != NULL ? path : "configuration", e);
}

void ds_cfg_done(const struct ds_cfg_schema *schema, void *cfg)
{
    for (size_t i = 0; i < schema->n_keys; i++) {
        const struct ds_cfg_key *k = &schema->keys[i];
        if (k->kind == DS_CFG_TEXT || k->kind == DS_CFG_CHOICE) {
            char **text = field_of(cfg, k);
            free(*text);
            *text = NULL;
        } else if (k->kind == DS_CFG_LIST) {
            struct ds_cfg_list *list = field_of(cfg, k);
            for (size_t j = 0; j < list->n; j++)
                free(list->v[j]);
            free(list->v);
            *list = (struct ds_cfg_list){ 0 };
        }
    }
}

static void help_bounds(struct ds_buf *out, const struct ds_cfg_key *k)
{
    if (k->unit != NULL)
        ds_buf_printf(out, " [%s]", k->unit);
    if (k->kind == DS_CFG_U64 && (k->min != 0 || k->max != 0))
        ds_buf_printf(out, " (%llu to %llu)", (unsigned long long)k->min,
                      (unsigned long long)(k->max != 0 ? k->max : UINT64_MAX));
    for (const char *const *c = k->choices; c != NULL && *c != NULL; c++)
        ds_buf_printf(out, "%s%s", c == k->choices ? " (" : " | ", *c);
    if (k->choices != NULL)
        ds_buf_char(out, ')');
}

/* Opens the groups of key that `last` is not in already; gives the indentation. */
static unsigned help_groups(struct ds_buf *out, const char *last, const char *key,
                            const char **ret_leaf)
{
    unsigned indent = 0;
    const char *part = key;
    for (const char *dot = strchr(part, '.'); dot != NULL; dot = strchr(part, '.')) {
        size_t n = (size_t)(dot - key) + 1;
        if (strncmp(last, key, n) != 0)
            ds_buf_printf(out, "%*s%.*s:\n", (int)(2 * indent), "", (int)(dot - part), part);
        indent++;
        part = dot + 1;
    }
    *ret_leaf = part;
    return 2 * indent;
}

void ds_cfg_help(struct ds_buf *out, const struct ds_cfg_schema *schema)
{
    const char *last = "";
    ds_buf_printf(out, "# Configuration of %s: every key with its default.\n", schema->program);
    for (size_t i = 0; i < schema->n_keys; i++) {
        const struct ds_cfg_key *k = &schema->keys[i];
        const char *leaf = k->key;
        int indent = (int)help_groups(out, last, k->key, &leaf);
        ds_buf_printf(out, "%*s# %s", indent, "", k->help);
        help_bounds(out, k);
        if (k->preset != NULL)
            ds_buf_printf(out, "\n%*s%s: %s\n", indent, "", leaf, k->preset);
        else
            ds_buf_printf(out, "\n%*s# %s: (required)\n", indent, "", leaf);
        last = k->key;
    }
}

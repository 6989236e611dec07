/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows say, written for schema validators and for people.
 */

#include "policy/schema.h"

#include <stdio.h>

#include "codec/json_write.h"
#include "policy/attribute.h"

static void put_type(struct ds_jw *w, const char *type) { ds_jw_str(w, "type", type); }

/* A list of different values; the caller goes on inside "items". */
static void begin_list(struct ds_jw *w, size_t least)
{
    put_type(w, "array");
    ds_jw_u64(w, "minItems", least);
    ds_jw_u64(w, "maxItems", POLICY_ITEMS_MAX);
    ds_jw_bool(w, "uniqueItems", true);
    ds_jw_object(w, "items");
}

static void put_number(struct ds_jw *w, uint64_t max)
{
    put_type(w, "integer");
    ds_jw_u64(w, "minimum", 0);
    ds_jw_u64(w, "maximum", max);
}

static void put_text(struct ds_jw *w, size_t max)
{
    put_type(w, "string");
    ds_jw_u64(w, "minLength", 1);
    ds_jw_u64(w, "maxLength", max);
    ds_jw_str(w, "pattern", "^[ -~]*$");
}

static void put_words(struct ds_jw *w, const struct policy_attribute *a)
{
    uint64_t nameable = policy_attribute_words(a);
    begin_list(w, a->type == POLICY_FLAGS ? 0 : 1);
    ds_jw_array(w, "enum");
    for (size_t i = 0; i < a->n_words; i++)
        if ((nameable & POLICY_BIT(i)) != 0)
            ds_jw_str(w, NULL, a->words[i]);
    ds_jw_array_end(w);
    ds_jw_object_end(w);
}

static void put_bool(struct ds_jw *w, const struct policy_attribute *a)
{
    (void)a;
    put_type(w, "boolean");
}

static void put_bytes(struct ds_jw *w, const struct policy_attribute *a)
{
    char pattern[32];
    (void)snprintf(pattern, sizeof pattern, "^[0-9a-f]{%zu}$", 2 * a->len);
    begin_list(w, 1);
    put_type(w, "string");
    ds_jw_str(w, "pattern", pattern);
    ds_jw_object_end(w);
}

static void put_texts(struct ds_jw *w, const struct policy_attribute *a)
{
    begin_list(w, a->type == POLICY_TEXTS ? 0 : 1);
    put_text(w, a->len);
    ds_jw_object_end(w);
}

static void put_numbers(struct ds_jw *w, const struct policy_attribute *a)
{
    begin_list(w, 1);
    put_number(w, a->max);
    ds_jw_object_end(w);
}

static void put_bound(struct ds_jw *w, const struct policy_attribute *a) { put_number(w, a->max); }

static void put_parts(struct ds_jw *w, const struct policy_attribute *a)
{
    put_type(w, "array");
    ds_jw_u64(w, "minItems", a->len);
    ds_jw_u64(w, "maxItems", a->len);
    ds_jw_object(w, "items");
    put_number(w, a->max);
    ds_jw_object_end(w);
}

static const struct {
    void (*put)(struct ds_jw *w, const struct policy_attribute *a);
    const char *compared;
} types[POLICY_N_TYPES] = {
    [POLICY_WORDS] = { put_words, "one of" },
    [POLICY_FLAGS] = { put_words, "no other than" },
    [POLICY_NEEDS] = { put_words, "all of" },
    [POLICY_ALLOW] = { put_bool, "allowed" },
    [POLICY_DEMAND] = { put_bool, "demanded" },
    [POLICY_BYTES] = { put_bytes, "one of" },
    [POLICY_TEXT] = { put_texts, "one of" },
    [POLICY_TEXTS] = { put_texts, "no other than" },
    [POLICY_NUMBERS] = { put_numbers, "one of" },
    [POLICY_MIN] = { put_bound, "at least" },
    [POLICY_MAX] = { put_bound, "at most" },
    [POLICY_PARTS] = { put_parts, "each part at least" },
};

static void put_attribute(struct ds_jw *w, const struct policy_attribute *a)
{
    ds_jw_object(w, a->key);
    ds_jw_str(w, "description", a->help);
    types[a->type].put(w, a);
    ds_jw_str(w, "x-absent", a->absent);
    ds_jw_str(w, "x-compared", types[a->type].compared);
    ds_jw_str(w, "x-code", ds_code_info_get(a->code)->id);
    ds_jw_object_end(w);
}

static void put_attributes(struct ds_jw *w, enum policy_section section)
{
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        const struct policy_attribute *a = policy_attribute_get((enum policy_attr)i);
        if (a->section == section)
            put_attribute(w, a);
    }
}

static void put_section(struct ds_jw *w, enum policy_section section)
{
    const struct policy_section_info *info = policy_section_get(section);
    ds_jw_object(w, info->name);
    ds_jw_str(w, "description", info->help);
    put_type(w, "object");
    ds_jw_object(w, "properties");
    put_attributes(w, section);
    ds_jw_object_end(w);
    ds_jw_bool(w, "additionalProperties", false);
    ds_jw_object_end(w);
}

static void put_properties(struct ds_jw *w)
{
    ds_jw_object(w, "properties");
    ds_jw_object(w, "version");
    ds_jw_u64(w, "const", POLICY_DOCUMENT_VERSION);
    ds_jw_object_end(w);
    ds_jw_object(w, "description");
    ds_jw_str(w, "description", "for people");
    put_text(w, POLICY_DESCRIPTION_MAX);
    ds_jw_object_end(w);
    put_attributes(w, POLICY_IN_TOP);
    for (size_t s = POLICY_IN_TOP + 1; s < POLICY_N_SECTIONS; s++)
        put_section(w, (enum policy_section)s);
    ds_jw_object_end(w);
}

/* A section is for a TEE that `tees` accepts. */
static void put_section_rule(struct ds_jw *w, const struct policy_section_info *info)
{
    const struct policy_attribute *tees = policy_attribute_get(POLICY_ATTR_TEES);
    char required[32];
    (void)snprintf(required, sizeof required, "[\"%s\",\"tees\"]", info->name);
    ds_jw_object(w, NULL);
    ds_jw_object(w, "if");
    ds_jw_raw(w, "required", ds_span_str(required));
    ds_jw_object_end(w);
    ds_jw_object(w, "then");
    ds_jw_object(w, "properties");
    ds_jw_object(w, "tees");
    ds_jw_object(w, "contains");
    ds_jw_array(w, "enum");
    for (size_t i = 0; i < tees->n_words; i++)
        if (tees->words[i] != NULL && (info->tees & POLICY_BIT(i)) != 0)
            ds_jw_str(w, NULL, tees->words[i]);
    ds_jw_array_end(w);
    for (size_t i = 0; i < 4; i++)
        ds_jw_object_end(w);
    ds_jw_object_end(w);
}

/* "intel" beside "snp" alone: nothing says which of Intel's TEEs is meant. */
static const char intel_rule[] = "{\"not\":{\"required\":[\"intel\",\"snp\"],\"not\":{\"anyOf\":["
                                 "{\"required\":[\"tees\"]},{\"required\":[\"tdx\"]},"
                                 "{\"required\":[\"sgx\"]}]}}}";

/* Kinds without (or with nothing beside) hardware, and the roots that go with them. */
static void put_roots_rule(struct ds_jw *w, const char *when, const char *roots)
{
    const char *name;
    ds_jw_object(w, NULL);
    ds_jw_raw(w, "if", ds_span_str(when));
    ds_jw_object(w, "then");
    ds_jw_object(w, "properties");
    ds_jw_object(w, "roots");
    ds_jw_object(w, "items");
    if (roots != NULL)
        ds_jw_object(w, roots);
    ds_jw_array(w, "enum");
    for (size_t i = 0; (name = ds_anchors_name(i)) != NULL; i++)
        ds_jw_str(w, NULL, name);
    ds_jw_array_end(w);
    for (size_t i = roots != NULL ? 0 : 1; i < 5; i++)
        ds_jw_object_end(w);
    ds_jw_object_end(w);
}

static void put_contradictions(struct ds_jw *w)
{
    ds_jw_array(w, "allOf");
    for (size_t s = 0; s < POLICY_N_SECTIONS; s++)
        if (policy_section_get((enum policy_section)s)->is_own)
            put_section_rule(w, policy_section_get((enum policy_section)s));
    ds_jw_raw(w, NULL, ds_span_str(intel_rule));
    put_roots_rule(w,
                   "{\"not\":{\"required\":[\"kinds\"],\"properties\":{\"kinds\":"
                   "{\"contains\":{\"enum\":[\"simulated\",\"custom\"]}}}}}",
                   NULL);
    put_roots_rule(w,
                   "{\"required\":[\"kinds\"],\"properties\":{\"kinds\":"
                   "{\"not\":{\"contains\":{\"const\":\"hardware\"}}}}}",
                   "not");
    ds_jw_array_end(w);
}

int policy_schema_write(struct ds_buf *out, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(out);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    ds_jw_str(&w, "title", "dstack policy");
    ds_jw_str(&w, "description", "what evidence must be like to be accepted");
    put_type(&w, "object");
    put_properties(&w);
    ds_jw_raw(&w, "required", DS_SPAN_LIT("[\"version\"]"));
    ds_jw_bool(&w, "additionalProperties", false);
    put_contradictions(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "the schema of policies");
}

static void write_words(struct ds_buf *out, const struct policy_attribute *a, uint64_t mask)
{
    const char *between = "";
    for (size_t i = 0; i < a->n_words; i++) {
        if ((mask & POLICY_BIT(i)) == 0)
            continue;
        ds_buf_printf(out, "%s%s", between, a->words[i]);
        between = ", ";
    }
    if (mask == 0)
        ds_buf_str(out, "none");
}

static void write_item(struct ds_buf *out, const struct policy_attribute *a,
                       const struct policy_items *items, size_t i)
{
    if (a->type == POLICY_BYTES)
        ds_buf_hex(out, DS_SPAN(items->bytes + i * a->len, a->len));
    else if (a->type == POLICY_PARTS)
        ds_buf_printf(out, "%u", items->bytes[i]);
    else if (a->type == POLICY_NUMBERS)
        ds_buf_printf(out, "%llu", (unsigned long long)items->numbers[i]);
    else
        ds_buf_add(out, items->texts[i]);
}

static void write_items(struct ds_buf *out, const struct policy_attribute *a,
                        const struct policy_items *items)
{
    for (size_t i = 0; i < items->n; i++) {
        ds_buf_str(out, i > 0 ? ", " : "");
        write_item(out, a, items, i);
    }
    if (items->n == 0)
        ds_buf_str(out, "none");
}

static void write_given(struct ds_buf *out, const struct policy_attribute *a,
                        const struct policy_rule *rule)
{
    if (a->type == POLICY_ALLOW || a->type == POLICY_DEMAND) {
        ds_buf_printf(out, "%s%s", rule->number != 0 ? "" : "not ", types[a->type].compared);
        return;
    }
    ds_buf_printf(out, "%s ", types[a->type].compared);
    if (a->n_words > 0)
        write_words(out, a, rule->number);
    else if (a->type == POLICY_MIN || a->type == POLICY_MAX)
        ds_buf_printf(out, "%llu", (unsigned long long)rule->number);
    else
        write_items(out, a, &rule->items);
}

void policy_demand_write(struct ds_buf *out, const struct policy_document *doc,
                         enum policy_attr attr)
{
    const struct policy_attribute *a = policy_attribute_get(attr);
    /* Which TEEs an absent list means depends on the document's sections. */
    if (doc->is_given[attr] || attr == POLICY_ATTR_TEES)
        write_given(out, a, &doc->rules.of[attr]);
    else
        ds_buf_str(out, a->absent);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check: row by row of the table, each by its type; no row ends the search
 * for reasons.
 */

#include "policy/policy.h"

#include <assert.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/str.h"
#include "policy/attribute.h"

/* A rule and the claims it is held against, with the words for a refusal. */
struct held {
    const struct policy_attribute *a;
    const struct policy_rule *rule;
    const struct ds_claims *c;
    const struct policy_facts *facts;
    char expected[144], got[144];
};

/* Append to a text that is cut when it is full. */
static void say(char text[static 144], const char *more)
{
    size_t n = strlen(text);
    (void)snprintf(text + n, 144 - n, "%s%s", n > 0 ? ", " : "", more);
}

static void say_words(char text[static 144], const struct policy_attribute *a, uint64_t mask)
{
    for (size_t i = 0; i < a->n_words; i++)
        if ((mask & POLICY_BIT(i)) != 0 && a->words[i] != NULL)
            say(text, a->words[i]);
    if ((mask & ~policy_attribute_words(a)) != 0)
        say(text, "unknown ones");
    if (text[0] == '\0')
        say(text, "none");
}

static void say_number(char text[static 144], const char *before, uint64_t number)
{
    char one[64];
    (void)snprintf(one, sizeof one, "%s%llu", before, (unsigned long long)number);
    say(text, one);
}

static bool number_of(uint64_t *ret, struct held *h)
{
    if (h->a->number(ret, h->c, h->facts))
        return true;
    say(h->got, "nothing");
    return false;
}

static bool holds_words(struct held *h)
{
    uint64_t nameable = policy_attribute_words(h->a), claim;
    uint64_t accepted = (h->rule->is_any ? UINT64_MAX : h->rule->number) & nameable;
    bool is_there = number_of(&claim, h);
    if (h->rule->is_any && !is_there)
        return true;
    if (is_there && claim < 64 && (accepted & POLICY_BIT(claim)) != 0)
        return true;
    say_words(h->expected, h->a, accepted);
    bool is_word = is_there && claim < h->a->n_words && h->a->words[claim] != NULL;
    if (is_there)
        say(h->got, is_word ? h->a->words[claim] : "nothing");
    return false;
}

static bool holds_flags(struct held *h)
{
    uint64_t claim, allowed = h->rule->number & policy_attribute_words(h->a);
    bool is_there = number_of(&claim, h);
    if (is_there && (claim & ~allowed) == 0)
        return true;
    (void)snprintf(h->expected, sizeof h->expected, "no other than ");
    size_t n = strlen(h->expected);
    char words[144] = "";
    say_words(words, h->a, allowed);
    (void)snprintf(h->expected + n, sizeof h->expected - n, "%.120s", words);
    if (is_there)
        say_words(h->got, h->a, claim);
    return false;
}

static bool holds_needs(struct held *h)
{
    uint64_t claim;
    bool is_there = number_of(&claim, h);
    if (is_there && (h->rule->number & ~claim) == 0)
        return true;
    say_words(h->expected, h->a, h->rule->number);
    if (is_there)
        say_words(h->got, h->a, claim);
    return false;
}

static bool holds_allow(struct held *h)
{
    uint64_t claim;
    if (number_of(&claim, h) && (claim == 0 || h->rule->number != 0))
        return true;
    say(h->expected, "off");
    if (h->got[0] == '\0')
        say(h->got, "on");
    return false;
}

static bool holds_demand(struct held *h)
{
    uint64_t claim;
    if (h->rule->number == 0 || (number_of(&claim, h) && claim != 0))
        return true;
    say(h->expected, "bound to the registers");
    if (h->got[0] == '\0')
        say(h->got, "none");
    return false;
}

static void say_value(char text[static 144], enum policy_type type, struct ds_span value)
{
    char one[144];
    if (type == POLICY_TEXT)
        say(text, ds_str_printable(one, sizeof one, value));
    else
        say(text, DS_HEX(ds_span_sub(value, 0, 64)));
}

static struct ds_span item(const struct held *h, size_t i)
{
    const struct policy_items *items = &h->rule->items;
    return h->a->type == POLICY_TEXT ? items->texts[i]
                                     : DS_SPAN(items->bytes + i * h->a->len, h->a->len);
}

static bool is_listed(const struct held *h, struct ds_span claim)
{
    for (size_t i = 0; i < h->rule->items.n; i++)
        if (claim.len > 0 && ds_span_eq(item(h, i), claim))
            return true;
    return false;
}

static bool is_asked_for(const struct policy_rule *rule, struct ds_span claim)
{
    for (size_t i = 0; i < rule->n_asked; i++)
        if (claim.len > 0 && ds_span_eq(rule->asked[i], claim))
            return true;
    return false;
}

static void say_accepted(struct held *h, size_t n)
{
    char text[64];
    (void)snprintf(text, sizeof text, n > 0 ? "one of %zu accepted" : "none is accepted", n);
    say(h->expected, text);
}

/* Bytes and texts: what the rules list, and what the caller asks. */
static bool holds_list(struct held *h)
{
    const struct policy_rule *rule = h->rule;
    struct ds_span claim = h->a->bytes(h->c);
    bool listed = rule->is_any || is_listed(h, claim);
    bool asked = rule->n_asked == 0 || is_asked_for(rule, claim);
    if (listed && asked)
        return true;
    if (listed && rule->n_asked == 1)
        say_value(h->expected, h->a->type, rule->asked[0]);
    else if (!listed && rule->items.n == 1)
        say_value(h->expected, h->a->type, item(h, 0));
    else
        say_accepted(h, listed ? rule->n_asked : rule->items.n);
    if (claim.len > 0)
        say_value(h->got, h->a->type, claim);
    else
        say(h->got, "nothing");
    return false;
}

static bool is_text_listed(const struct policy_items *items, const char *text)
{
    for (size_t i = 0; i < items->n; i++)
        if (ds_span_eq_str(items->texts[i], text))
            return true;
    return false;
}

static bool holds_texts(struct held *h)
{
    const char *text;
    if (h->rule->spares_up_to_date && ds_claims_tcb_status(h->c) == DS_TCB_UP_TO_DATE)
        return true;
    for (size_t i = 0; (text = h->a->text(h->c, i)) != NULL; i++)
        if (!is_text_listed(&h->rule->items, text))
            say(h->got, text);
    if (h->got[0] == '\0')
        return true;
    say_accepted(h, h->rule->items.n);
    return false;
}

static bool holds_numbers(struct held *h)
{
    const struct policy_items *items = &h->rule->items;
    uint64_t claim;
    bool is_there = number_of(&claim, h);
    for (size_t i = 0; i < items->n && is_there; i++)
        if (items->numbers[i] == claim)
            return true;
    for (size_t i = 0; i < items->n; i++)
        say_number(h->expected, "", items->numbers[i]);
    if (is_there)
        say_number(h->got, "", claim);
    return false;
}

static bool holds_min(struct held *h)
{
    uint64_t claim;
    bool is_there = number_of(&claim, h);
    if (is_there && claim >= h->rule->number)
        return true;
    say_number(h->expected, "at least ", h->rule->number);
    if (is_there)
        say_number(h->got, "", claim);
    return false;
}

static bool holds_max(struct held *h)
{
    uint64_t claim;
    bool is_there = number_of(&claim, h);
    if (is_there && claim <= h->rule->number)
        return true;
    say_number(h->expected, "at most ", h->rule->number);
    if (is_there)
        say_number(h->got, "", claim);
    return false;
}

static bool holds_parts(struct held *h)
{
    const struct policy_items *items = &h->rule->items;
    struct ds_span claim = h->a->bytes(h->c);
    size_t i = 0;
    while (i < items->n && i < claim.len && claim.p[i] >= items->bytes[i])
        i++;
    if (items->n == h->a->len && i == items->n)
        return true;
    char text[64] = "every part named";
    if (i < items->n)
        (void)snprintf(text, sizeof text, "part %zu at least %u", i, items->bytes[i]);
    say(h->expected, text);
    if (i < claim.len)
        say_number(h->got, "", claim.p[i]);
    else
        say(h->got, "nothing");
    return false;
}

typedef bool holds_fn(struct held *h);

static holds_fn *const holds[POLICY_N_TYPES] = {
    [POLICY_WORDS] = holds_words, [POLICY_FLAGS] = holds_flags,   [POLICY_NEEDS] = holds_needs,
    [POLICY_ALLOW] = holds_allow, [POLICY_DEMAND] = holds_demand, [POLICY_BYTES] = holds_list,
    [POLICY_TEXT] = holds_list,   [POLICY_TEXTS] = holds_texts,   [POLICY_NUMBERS] = holds_numbers,
    [POLICY_MIN] = holds_min,     [POLICY_MAX] = holds_max,       [POLICY_PARTS] = holds_parts,
};

/* The sections of TEEs say nothing of others. */
static bool is_of_its_tee(const struct policy_attribute *a, const struct ds_claims *c)
{
    const struct policy_section_info *section = policy_section_get(a->section);
    return !section->is_own || (section->tees & POLICY_TEE(ds_claims_tee(c))) != 0;
}

/* Words are looked at in any case: what no word names, such as Revoked, nothing accepts. */
static bool is_looked_at(const struct policy_attribute *a, const struct policy_rule *rule,
                         const struct ds_claims *c)
{
    if (!is_of_its_tee(a, c))
        return false;
    return !rule->is_any || rule->n_asked > 0 || a->type == POLICY_WORDS;
}

void policy_rules_preset(struct policy_rules *ret)
{
    for (size_t i = 0; i < POLICY_N_ATTRS; i++)
        ret->of[i] = policy_attribute_get((enum policy_attr)i)->preset;
    ret->also = NULL;
}

void policy_ask(struct policy_rules *rules, enum policy_attr attr, struct ds_span value)
{
    struct policy_rule *rule = &rules->of[attr];
    if (value.len == 0)
        return;
    assert(rule->n_asked < POLICY_ASKED_MAX);
    rule->asked[rule->n_asked++] = value;
}

void policy_rules_for(struct policy_rules *ret, uint64_t kinds, uint32_t tcb_statuses)
{
    policy_rules_preset(ret);
    ret->of[POLICY_ATTR_KINDS].number = kinds;
    ret->of[POLICY_ATTR_TCB_STATUSES].number = tcb_statuses;
    ret->of[POLICY_ATTR_TCB_ADVISORIES].is_any = true;
}

bool policy_is_compared(const struct policy_rules *rules, enum policy_attr attr,
                        const struct ds_claims *c)
{
    bool is_compared = false;
    if (!is_of_its_tee(policy_attribute_get(attr), c))
        return false;
    for (; rules != NULL; rules = rules->also)
        is_compared |= !rules->of[attr].is_any || rules->of[attr].n_asked > 0;
    return is_compared;
}

/* By rules that were looked at before. */
static bool is_said(const struct ds_verdict *v, uint32_t from, enum ds_code code,
                    const struct held *h)
{
    for (uint32_t i = from; i < v->n_reasons; i++) {
        const struct ds_reason *r = &v->reasons[i];
        if (r->code == code && strcmp(r->detail.claim, h->a->claim) == 0 &&
            strcmp(r->detail.expected, h->expected) == 0 && strcmp(r->detail.got, h->got) == 0)
            return true;
    }
    return false;
}

static void check_rules(struct ds_verdict *v, uint32_t from, const struct ds_claims *c,
                        const struct policy_rules *rules, const struct policy_facts *facts)
{
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        const struct policy_attribute *a = policy_attribute_get((enum policy_attr)i);
        struct held h = { .a = a, .rule = &rules->of[i], .c = c, .facts = facts };
        if (!is_looked_at(a, h.rule, c) || holds[a->type](&h))
            continue;
        enum ds_code code = a->code_of != NULL ? a->code_of(c) : a->code;
        if (!is_said(v, from, code, &h))
            ds_verdict_add(v, code, a->claim, h.expected, h.got, ds_claims_anchor(c));
    }
}

void policy_check(struct ds_verdict *v, const struct ds_claims *c, const struct policy_rules *rules,
                  const struct policy_facts *facts)
{
    if (ds_claims_kind(c) == DS_KIND_NONE || ds_claims_tee(c) == DS_TEE_NONE) {
        ds_verdict_add(v, DS_CODE_POLICY_NO_EVIDENCE, "evidence", "verified evidence", "none",
                       NULL);
        return;
    }
    uint32_t from = v->n_reasons;
    for (; rules != NULL; rules = rules->also)
        check_rules(v, from, c, rules, facts);
}

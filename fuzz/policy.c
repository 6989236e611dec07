/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy documents: what is read borrows the text or the arena and stays within
 * its bounds, a refusal names a code and leaves the result alone, and no
 * document accepts a revoked platform, claims that nobody filled, or another
 * kind of evidence than it names.
 */
#include "attest/claims_private.h"
#include "fuzz.h"
#include "policy/attribute.h"
#include "policy/schema.h"

static max_align_t room[POLICY_DOCUMENT_MEM / sizeof(max_align_t)];

static bool is_text(enum policy_type type) { return type == POLICY_TEXT || type == POLICY_TEXTS; }

static void check_rule(const struct policy_document *doc, enum policy_attr attr, struct ds_span in,
                       const struct ds_arena *mem)
{
    const struct policy_attribute *a = policy_attribute_get(attr);
    const struct policy_rule *rule = &doc->rules.of[attr];
    if (!doc->is_given[attr])
        return;
    FUZZ_CHECK(!rule->is_any && !rule->spares_up_to_date && rule->n_asked == 0);
    FUZZ_CHECK(rule->items.n <= POLICY_ITEMS_MAX);
    if (a->n_words > 0)
        FUZZ_CHECK((rule->number & ~policy_attribute_words(a)) == 0);
    if (a->type == POLICY_MIN || a->type == POLICY_MAX)
        FUZZ_CHECK(rule->number <= a->max);
    if (a->type == POLICY_BYTES)
        fuzz_check_borrowed(DS_SPAN(rule->items.bytes, rule->items.n * a->len), in, mem);
    for (size_t i = 0; is_text(a->type) && i < rule->items.n; i++) {
        FUZZ_CHECK(rule->items.texts[i].len >= 1 && rule->items.texts[i].len <= a->len);
        fuzz_check_borrowed(rule->items.texts[i], in, mem);
    }
}

static bool passes(const struct policy_document *doc, const struct ds_claims *c)
{
    const struct policy_facts facts = { 1790000000, POLICY_SESSION_NONCE };
    struct ds_verdict v = { 0 };
    policy_check(&v, c, &doc->rules, &facts);
    return v.n_reasons == 0;
}

static void check_verdicts(const struct policy_document *doc)
{
    static const enum ds_tee tees[] = { DS_TEE_TDX, DS_TEE_SGX, DS_TEE_SEV_SNP };
    const struct ds_claims empty = { 0 };
    FUZZ_CHECK(!passes(doc, &empty));
    for (size_t i = 0; i < DS_LEN(tees); i++) {
        struct ds_claims c = { .kind = DS_KIND_HARDWARE, .tee = tees[i] };
        c.tcb.status = DS_TCB_UP_TO_DATE;
        if (passes(doc, &c)) {
            FUZZ_CHECK((doc->rules.of[POLICY_ATTR_TEES].number & POLICY_TEE(tees[i])) != 0);
            FUZZ_CHECK((doc->rules.of[POLICY_ATTR_KINDS].number & POLICY_BIT(c.kind)) != 0);
        }
        c.tcb.status = DS_TCB_REVOKED;
        FUZZ_CHECK(!passes(doc, &c));
    }
}

static void check_document(const struct policy_document *doc, struct ds_span in,
                           const struct ds_arena *mem)
{
    DS_AUTO(ds_buf_done) struct ds_buf words = { 0 };
    FUZZ_CHECK(doc->description.len <= POLICY_DESCRIPTION_MAX);
    fuzz_check_borrowed(doc->description, in, mem);
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        check_rule(doc, (enum policy_attr)i, in, mem);
        size_t before = words.len;
        policy_demand_write(&words, doc, (enum policy_attr)i);
        FUZZ_CHECK(words.bad || words.len > before);
    }
    check_verdicts(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e = { 0 };
    struct policy_document doc = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span in = DS_SPAN(data, len);
    if (fuzz_is_ok(policy_document_parse(&doc, &mem, in, &e), &e)) {
        check_document(&doc, in, &mem);
        return 0;
    }
    FUZZ_CHECK(e.code != DS_CODE_NONE);
    FUZZ_CHECK(doc.rules.of[POLICY_ATTR_TEES].number == 0);
    return 0;
}

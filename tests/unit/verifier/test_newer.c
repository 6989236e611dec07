/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of two documents is taken: older ones of whoever attests never are.
 */
#include "verifier/newer.h"

#include "sets.h"

#define NOW SYNTH_NOW

static struct synth platform;
static max_align_t rooms[2][(1u << 19) / sizeof(max_align_t)];

/* The documents of the platform with some of its plan changed. */
static struct ds_dcap_collateral made(size_t at, const struct synth *s)
{
    struct ds_dcap_collateral c;
    struct ds_error e = { 0 };
    struct ds_arena mem = ds_arena_of(rooms[at], sizeof rooms[at]);
    const struct ds_dcap_parts parts = synth_parts(&mem, s);
    if (ds_dcap_collateral_of(&c, &mem, &parts, &e) < 0)
        fail_msg("%s", e.msg);
    return c;
}

static bool is_same(struct ds_span a, struct ds_span b) { return a.p == b.p && a.len == b.len; }

struct change {
    unsigned eval;
    const char *issue, *next, *qe_issue, *qe_next;
    int64_t crl_this_s, crl_next_s;
};

static struct synth with(const struct change *c)
{
    struct synth s = platform;
    s.tcb_eval = c->eval != 0 ? c->eval : s.tcb_eval;
    s.tcb_issue = c->issue != NULL ? c->issue : s.tcb_issue;
    s.tcb_next = c->next != NULL ? c->next : s.tcb_next;
    s.qe_issue = c->qe_issue != NULL ? c->qe_issue : s.qe_issue;
    s.qe_next = c->qe_next != NULL ? c->qe_next : s.qe_next;
    s.crl_this_s = c->crl_this_s != 0 ? c->crl_this_s : s.crl_this_s;
    s.crl_next_s = c->crl_next_s != 0 ? c->crl_next_s : s.crl_next_s;
    return s;
}

static void each_document_by_itself(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct change own, other;
        bool tcb, qe, crls; /* the other's is taken */
    } rows[] = {
        { "the same", { 0 }, { 0 }, false, false, false },
        { "older number", { .eval = 18 }, { .eval = 17 }, false, false, false },
        { "newer number", { .eval = 17 }, { .eval = 18 }, true, false, false },
        { "newer number, earlier",
          { 0 },
          { .eval = 18, .issue = "2027-01-02T00:00:00Z" },
          true,
          false,
          false },
        { "older number, later",
          { .eval = 18 },
          { .issue = "2027-01-14T12:00:00Z" },
          false,
          false,
          false },
        { "earlier", { 0 }, { .issue = "2027-01-13T23:59:59Z" }, false, false, false },
        { "later", { 0 }, { .issue = "2027-01-14T00:00:01Z" }, true, false, false },
        { "newer and over",
          { 0 },
          { .eval = 18, .next = "2027-01-14T00:00:01Z" },
          false,
          false,
          false },
        { "own is over",
          { .eval = 18, .next = "2027-01-14T00:00:01Z" },
          { 0 },
          true,
          false,
          false },
        { "QE identity", { 0 }, { .qe_issue = "2027-01-14T00:00:01Z" }, false, true, false },
        { "older QE identity", { .qe_issue = "2027-01-14T00:00:01Z" }, { 0 }, false, false, false },
        { "lists", { 0 }, { .crl_this_s = NOW - 60 }, false, false, true },
        { "older lists",
          { .crl_this_s = NOW - 60 },
          { .crl_this_s = NOW - 61 },
          false,
          false,
          false },
        { "newer lists, over",
          { 0 },
          { .crl_this_s = NOW - 60, .crl_next_s = NOW - 1 },
          false,
          false,
          false },
        { "all",
          { 0 },
          { .eval = 18, .qe_issue = "2027-01-14T00:00:01Z", .crl_this_s = NOW - 60 },
          true,
          true,
          true },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct synth a = with(&rows[i].own), b = with(&rows[i].other);
        const struct ds_dcap_collateral own = made(0, &a), other = made(1, &b);
        struct ds_dcap_parts got;
        enum verifier_by by = newer_dcap(&got, &own, &other, NOW);
        const struct ds_dcap_parts *tcb = rows[i].tcb ? &other.parts : &own.parts;
        const struct ds_dcap_parts *qe = rows[i].qe ? &other.parts : &own.parts;
        const struct ds_dcap_parts *crls = rows[i].crls ? &other.parts : &own.parts;
        unsigned n = (unsigned)rows[i].tcb + rows[i].qe + rows[i].crls;
        enum verifier_by want = n == 3   ? VERIFIER_BY_EVIDENCE
                                : n == 0 ? VERIFIER_BY_OWN
                                         : VERIFIER_BY_BOTH;
        if (!is_same(got.tcb_info, tcb->tcb_info) || !is_same(got.tcb_sig64, tcb->tcb_sig64) ||
            !is_same(got.tcb_chain_pem, tcb->tcb_chain_pem) ||
            !is_same(got.qe_identity, qe->qe_identity) || !is_same(got.qe_sig64, qe->qe_sig64) ||
            !is_same(got.qe_chain_pem, qe->qe_chain_pem) ||
            !is_same(got.root_crl_der, crls->root_crl_der) ||
            !is_same(got.pck_crl_der, crls->pck_crl_der) || by != want)
            fail_msg("%s: by %d", rows[i].what, (int)by);
    }
}

static void what_is_not_the_own_ones_equal(void **state)
{
    (void)state;
    struct synth s = platform;
    const struct ds_dcap_collateral own = made(0, &platform);
    struct ds_dcap_parts got;
    s.tcb_eval = 18;
    struct ds_dcap_collateral other = made(1, &s), cut = other;
    cut.parts.tcb_sig64 = (struct ds_span){ 0 };
    assert_int_equal(newer_dcap(&got, &own, &cut, NOW), VERIFIER_BY_OWN);
    cut = other;
    cut.parts.tcb_chain_pem = (struct ds_span){ 0 };
    assert_int_equal(newer_dcap(&got, &own, &cut, NOW), VERIFIER_BY_OWN);
    cut = other;
    cut.tcb.fmspc6[5] ^= 1;
    assert_int_equal(newer_dcap(&got, &own, &cut, NOW), VERIFIER_BY_OWN);
    cut = other;
    memcpy(cut.tcb.id, "SGX", 4);
    assert_int_equal(newer_dcap(&got, &own, &cut, NOW), VERIFIER_BY_OWN);
    assert_int_equal(newer_dcap(&got, &own, &other, NOW), VERIFIER_BY_BOTH);
    /* Nothing at hand: all of it is the evidence's; nothing beside it: all is one's own. */
    const struct ds_dcap_collateral none = { 0 };
    assert_int_equal(newer_dcap(&got, &none, &other, NOW), VERIFIER_BY_EVIDENCE);
    assert_true(is_same(got.tcb_info, other.parts.tcb_info));
    assert_int_equal(newer_dcap(&got, &own, &none, NOW), VERIFIER_BY_OWN);
    assert_int_equal(newer_dcap(&got, &none, &none, NOW), VERIFIER_BY_OWN);
}

static void lists_of_others_are_no_newer(void **state)
{
    (void)state;
    struct synth s = platform;
    bool is_other = true;
    const struct ds_dcap_collateral own = made(0, &platform);
    struct ds_span crl = own.parts.pck_crl_der;
    s.pck_crl_by = ROOT;
    s.crl_this_s = NOW;
    const struct ds_dcap_collateral other = made(1, &s);
    assert_true(is_same(newer_crl(&is_other, crl, other.parts.pck_crl_der, NOW), crl));
    assert_false(is_other);
    assert_true(is_same(newer_crl(&is_other, crl, DS_SPAN_LIT("no list"), NOW), crl));
    assert_true(is_same(newer_crl(&is_other, crl, (struct ds_span){ 0 }, NOW), crl));
    assert_false(is_other);
    assert_true(is_same(newer_crl(&is_other, (struct ds_span){ 0 }, crl, NOW), crl));
    assert_true(is_other);
}

static int setup(void **state)
{
    (void)state;
    platform = synth_good();
    synth_make(&platform);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    synth_done(&platform);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_document_by_itself),
        cmocka_unit_test(what_is_not_the_own_ones_equal),
        cmocka_unit_test(lists_of_others_are_no_newer),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a platform: one place a machine however its chain is written,
 * and no more than what counts.
 */
#include "verifier/warm.h"

#include <stdlib.h>

#include "sets.h"

static struct synth platform;
static struct ds_tdx_quote quote;
static struct ds_dcap_parts parts;
static struct ds_extra_anchor root;
static struct ds_anchors anchors;
static struct warm *warm;
static max_align_t room[(1u << 19) / sizeof(max_align_t)];
static uint8_t *scratch;

static struct warm_ground ground_of(enum verifier_by whose, uint8_t set)
{
    return (struct warm_ground){ .tee = DS_TEE_TDX,
                                 .whose = whose,
                                 .by = whose,
                                 .set32 = { set },
                                 .parts = parts,
                                 .anchors = &anchors,
                                 .now_s = SYNTH_NOW };
}

static struct ds_arena mem_of(void) { return ds_arena_of(scratch, DS_DCAP_COLLATERAL_MEM); }

static void make(const struct ds_dcap_quote *q, const struct warm_ground *g)
{
    struct ds_error e = { 0 };
    struct ds_arena mem = mem_of();
    struct warm_platform *p = NULL;
    if (warm_make(&p, warm, &mem, q, g, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(warm_platform_by(p), g->by);
    warm_unref(warm, p);
}

static bool knows(const struct ds_dcap_quote *q, const struct warm_ground *g)
{
    struct ds_dcap_quote copy = *q;
    struct ds_arena mem = mem_of();
    struct warm_platform *p = warm_find(warm, &mem, &copy, g);
    if (p != NULL)
        assert_true(ds_dcap_platform_serves(warm_platform_get(p), &copy));
    warm_unref(warm, p);
    return p != NULL;
}

/* The same certificates, written with n more lines. */
static struct ds_dcap_quote written(struct ds_buf *io, size_t n)
{
    struct ds_dcap_quote q = quote.dcap;
    ds_buf_done(io);
    *io = (struct ds_buf){ 0 };
    for (size_t i = 0; i < n; i++)
        ds_buf_char(io, '\n');
    ds_buf_add(io, q.cert_data);
    q.cert_data = ds_buf_span(io);
    return q;
}

static void white_space_makes_no_other_machine(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_dcap_quote other = quote.dcap;
    const struct warm_ground own = ground_of(VERIFIER_BY_OWN, 0);
    /* Another machine: its chain came with the collateral, so any bytes may name it. */
    struct warm_ground beside = own;
    other.cert_data = DS_SPAN_LIT("another");
    beside.parts.pck_chain_pem = quote.dcap.cert_data;
    make(&other, &beside);
    make(&quote.dcap, &own);
    for (size_t i = 1; i <= WARM_MAX; i++) {
        struct ds_dcap_quote q = written(&text, i);
        assert_true(knows(&q, &own));
        make(&q, &own);
    }
    assert_true(knows(&quote.dcap, &own));
    assert_true(knows(&other, &own));
    /* As other certification data it is something else. */
    other = quote.dcap;
    other.cert_type = DS_DCAP_CERT_PCK_LEAF;
    other.cert_data = written(&text, 1).cert_data;
    assert_false(knows(&other, &own));
}

static void each_ground_has_its_own(void **state)
{
    (void)state;
    const struct warm_ground rows[] = {
        ground_of(VERIFIER_BY_OWN, 0),
        ground_of(VERIFIER_BY_REQUEST, 1),
        ground_of(VERIFIER_BY_REQUEST, 2),
        ground_of(VERIFIER_BY_EVIDENCE, 1),
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        assert_false(knows(&quote.dcap, &rows[i]));
        make(&quote.dcap, &rows[i]);
        assert_true(knows(&quote.dcap, &rows[i]));
    }
    struct warm_ground later = rows[3];
    later.generation++;
    assert_false(knows(&quote.dcap, &later));
    later = rows[0];
    later.generation++;
    assert_false(knows(&quote.dcap, &later));
    later = rows[0];
    later.tee = DS_TEE_SGX;
    assert_false(knows(&quote.dcap, &later));
    later = rows[0];
    const struct ds_anchors none = { 0 };
    later.anchors = &none;
    assert_false(knows(&quote.dcap, &later));
}

/* Issuers and lists may come with as much beside them as a body holds. */
static void only_what_counts_is_kept(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    for (size_t i = 0; i < (size_t)1 << 20; i++)
        ds_buf_char(&chain, '\n');
    ds_buf_add(&chain, parts.tcb_chain_pem);
    struct warm_ground g = ground_of(VERIFIER_BY_REQUEST, 0);
    g.parts.tcb_chain_pem = g.parts.qe_chain_pem = ds_buf_span(&chain);
    for (uint8_t i = 0; i < WARM_MAX; i++) {
        g.set32[0] = i;
        make(&quote.dcap, &g);
    }
    for (uint8_t i = 0; i < WARM_MAX; i++) {
        g.set32[0] = i;
        struct ds_arena mem = mem_of();
        struct ds_dcap_quote asked = quote.dcap;
        struct warm_platform *p = warm_find(warm, &mem, &asked, &g);
        assert_non_null(p);
        assert_in_range(warm_platform_len(p), asked.cert_data.len, 64 << 10);
        warm_unref(warm, p);
    }
}

static void what_does_not_verify_is_not_kept(void **state)
{
    (void)state;
    struct ds_arena mem = mem_of();
    struct ds_error e = { 0 };
    struct warm_platform *p = NULL;
    struct warm_ground g = ground_of(VERIFIER_BY_OWN, 0);
    g.now_s += 400 * SYNTH_DAY;
    assert_true(warm_make(&p, warm, &mem, &quote.dcap, &g, &e) < 0);
    assert_null(p);
    g.now_s = SYNTH_NOW;
    assert_false(knows(&quote.dcap, &g));
}

static int setup(void **state)
{
    (void)state;
    return warm_new(&warm, NULL);
}

static int teardown(void **state)
{
    (void)state;
    warm_free(warm);
    return 0;
}

static int setup_all(void **state)
{
    (void)state;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    platform = synth_good();
    synth_make(&platform);
    parts = synth_parts(&mem, &platform);
    root = synth_anchor(&platform, ROOT, true);
    anchors = (struct ds_anchors){ &root, 1 };
    scratch = malloc(DS_DCAP_COLLATERAL_MEM);
    return scratch != NULL ? ds_tdx_quote_parse(&quote, synth_quote(&mem, &platform), NULL) : -1;
}

static int teardown_all(void **state)
{
    (void)state;
    synth_done(&platform);
    free(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(white_space_makes_no_other_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(each_ground_has_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_counts_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_verify_is_not_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Evidence of a synthetic Intel platform, made, parsed and verified at SYNTH_NOW, in
 * each shape that quotes come in.
 */

#include <stdlib.h>

#include "attest/claims_private.h"
#include "synthetic.h"

/* The shapes that quotes come in; each check is tried in each that has it. */
static const struct shape {
    const char *name;
    uint16_t version;
    enum ds_dcap_body body;
} shapes[] = {
    { "TD 1.0, version 4", 4, DS_DCAP_BODY_TD10 }, { "TD 1.0, version 5", 5, DS_DCAP_BODY_TD10 },
    { "TD 1.5, version 5", 5, DS_DCAP_BODY_TD15 }, { "SGX, version 3", 3, DS_DCAP_BODY_SGX },
    { "SGX, version 4", 4, DS_DCAP_BODY_SGX },     { "SGX, version 5", 5, DS_DCAP_BODY_SGX },
};

/* Evidence of a synthetic platform, parsed; everything stands in the arena. */
struct made {
    struct ds_arena mem;
    struct ds_extra_anchor extra[2];
    struct ds_anchors anchors;
    struct ds_dcap_collateral coll;
    bool is_sgx;
    struct ds_tdx_quote tdx;
    struct ds_sgx_quote sgx;
};

static inline void made_done(struct made *m) { free(m->mem.p); }

static inline int make(struct made *m, const struct synth *s, bool is_simulated, bool is_sgx,
                       struct ds_error *e)
{
    m->mem = ds_arena_of(calloc(2, DS_DCAP_COLLATERAL_MEM), 2 * DS_DCAP_COLLATERAL_MEM);
    assert_non_null(m->mem.p);
    m->extra[0] = synth_anchor(s, ROOT, is_simulated);
    m->extra[1] = synth_anchor(s, OTHER_ROOT, is_simulated);
    m->anchors = (struct ds_anchors){ m->extra, DS_LEN(m->extra) };
    m->is_sgx = is_sgx;
    struct ds_dcap_parts parts = synth_parts(&m->mem, s);
    struct ds_span quote = synth_quote(&m->mem, s);
    DS_TRY(ds_dcap_collateral_of(&m->coll, &m->mem, &parts, e));
    return is_sgx ? ds_sgx_quote_parse(&m->sgx, quote, e) : ds_tdx_quote_parse(&m->tdx, quote, e);
}

/* Evidence of a platform in which one thing is broken, in this shape. */
static inline void make_broken(struct made *m, const struct shape *shape,
                               void (*breaks)(struct synth *s))
{
    DS_AUTO(synth_done) struct synth s = synth_good_of(shape->version, shape->body);
    breaks(&s);
    synth_make(&s);
    assert_int_equal(make(m, &s, true, shape->body == DS_DCAP_BODY_SGX, NULL), DS_OK);
}

static inline const struct ds_dcap_quote *quote_of(const struct made *m)
{
    return m->is_sgx ? &m->sgx.dcap : &m->tdx.dcap;
}

static inline int verify(struct ds_claims *ret, struct made *m, struct ds_error *e)
{
    return m->is_sgx
               ? ds_sgx_quote_verify(ret, &m->mem, &m->sgx, &m->coll, &m->anchors, SYNTH_NOW, e)
               : ds_tdx_quote_verify(ret, &m->mem, &m->tdx, &m->coll, &m->anchors, SYNTH_NOW, e);
}

static inline int verify_on(struct ds_claims *ret, const struct made *m,
                            const struct ds_dcap_platform *platform, struct ds_dcap_qe *qe,
                            int64_t now_s, struct ds_error *e)
{
    return m->is_sgx ? ds_sgx_quote_verify_on(ret, &m->sgx, platform, qe, now_s, e)
                     : ds_tdx_quote_verify_on(ret, &m->tdx, platform, qe, now_s, e);
}

/* Make and verify at once; the quote is read as one of the shape's TEE. */
static inline int run_of(struct ds_claims *ret, const struct synth *s, bool is_simulated,
                         bool is_sgx, struct ds_error *e)
{
    DS_AUTO(made_done) struct made m = { 0 };
    DS_TRY(make(&m, s, is_simulated, is_sgx, e));
    return verify(ret, &m, e);
}

static inline int run(struct ds_claims *ret, const struct synth *s, bool is_simulated,
                      struct ds_error *e)
{
    return run_of(ret, s, is_simulated, s->quote.dcap.body_type == DS_DCAP_BODY_SGX, e);
}

/* What a row breaks. */
#define BREAK(name, ...) \
    static void name(struct synth *s) { __VA_ARGS__; }

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collateral JSON: what is accepted borrows the text or the arena, within its
 * bounds, and the promised memory suffices.
 */
#include "attest/dcap/collateral.h"

#include "fuzz.h"

static max_align_t room[DS_DCAP_COLLATERAL_MEM / sizeof(max_align_t)];

static void check(const struct ds_dcap_collateral *c, struct ds_span in, const struct ds_arena *mem)
{
    const struct ds_dcap_parts *p = &c->parts;
    const struct ds_span parts[] = { p->pck_chain_pem, p->tcb_chain_pem, p->qe_chain_pem,
                                     p->root_crl_der,  p->pck_crl_der,   p->tcb_info,
                                     p->qe_identity,   p->tcb_sig64,     p->qe_sig64 };
    for (size_t i = 0; i < DS_LEN(parts); i++)
        fuzz_check_borrowed(parts[i], in, mem);
    FUZZ_CHECK(p->tcb_sig64.len == 0 || p->tcb_sig64.len == 64);
    FUZZ_CHECK(p->qe_sig64.len == 0 || p->qe_sig64.len == 64);
    FUZZ_CHECK(c->tcb.n_levels <= DS_TCB_LEVELS_MAX && c->tcb.n_modules <= DS_TDX_MODULES_MAX);
    for (size_t i = 0; i < c->tcb.n_levels; i++)
        fuzz_check_borrowed(c->tcb.levels[i].advisories, in, mem);
    for (size_t i = 0; i < c->tcb.n_modules; i++)
        FUZZ_CHECK(memchr(c->tcb.modules[i].id, '\0', sizeof c->tcb.modules[i].id) != NULL);
    FUZZ_CHECK(c->qe.n_levels <= DS_TCB_LEVELS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct ds_dcap_collateral c;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span in = DS_SPAN(data, len);
    if (fuzz_is_ok(ds_dcap_collateral_parse(&c, &mem, in, &e), &e))
        check(&c, in, &mem);
    return 0;
}

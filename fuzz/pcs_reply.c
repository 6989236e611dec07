/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of Intel's service: the input is their bodies and issuer headers, a
 * line "#" between them. What is accepted makes a set that reads, with the
 * signed texts as they stood in the replies.
 */
#include "collateral/pcs.h"

#include "attest/dcap/collateral.h"
#include "fuzz.h"

/* The part up to the next "\n#\n". */
static struct ds_span next_part(struct ds_span *rest)
{
    const uint8_t *end = rest->len > 0 ? memmem(rest->p, rest->len, "\n#\n", 3) : NULL;
    struct ds_span part = *rest;
    if (end != NULL)
        part.len = (size_t)(end - rest->p);
    *rest = end != NULL ? ds_span_sub(*rest, part.len + 3, rest->len) : (struct ds_span){ 0 };
    return part;
}

static void check(const struct ds_buf *set, const struct pcs_reply *replies, struct ds_arena mem)
{
    struct ds_error e;
    struct ds_dcap_collateral c;
    /* TCB info that says nothing is a set that the verifier's reader refuses, no other way. */
    if (!fuzz_is_ok(ds_dcap_collateral_parse(&c, &mem, ds_buf_span(set), &e), &e))
        return;
    const struct ds_span texts[] = { c.parts.tcb_info, c.parts.qe_identity };
    for (size_t i = 0; i < DS_LEN(texts); i++)
        FUZZ_CHECK(memmem(replies[i].body.p, replies[i].body.len, texts[i].p, texts[i].len) !=
                   NULL);
    FUZZ_CHECK(c.parts.tcb_sig64.len == 64 && c.parts.qe_sig64.len == 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct pcs_reply replies[PCS_N_DOCS];
    struct ds_span rest = DS_SPAN(data, len);
    static uint8_t *room;
    room = room != NULL ? room : malloc(PCS_SET_MEM);
    struct ds_arena mem = ds_arena_of(room, PCS_SET_MEM);
    DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
    for (size_t i = 0; i < PCS_N_DOCS; i++) {
        replies[i].body = next_part(&rest);
        replies[i].chain = next_part(&rest);
    }
    if (fuzz_is_ok(pcs_set_make(&set, &mem, replies, &e), &e))
        check(&set, replies, ds_arena_of(room, PCS_SET_MEM));
    else
        FUZZ_CHECK(e.code == DS_CODE_COLLATERAL_REPLY && set.len == 0);
    return 0;
}

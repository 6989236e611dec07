/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing documents by what they say of themselves.
 */
#include "verifier/newer.h"

#include <string.h>

#include "attest/x509.h"

struct age {
    bool is_there, is_in_date;
    uint32_t eval_number;
    int64_t from_s;
};

static int order(int64_t a, int64_t b) { return (a > b) - (a < b); }

static bool is_newer(const struct age *a, const struct age *than)
{
    const int by[] = { order(a->is_there, than->is_there), order(a->is_in_date, than->is_in_date),
                       order(a->eval_number, than->eval_number), order(a->from_s, than->from_s) };
    size_t i = 0;
    while (i + 1 < DS_LEN(by) && by[i] == 0)
        i++;
    return by[i] > 0;
}

static struct age age_of_crl(const struct ds_crl *crl, int64_t now_s)
{
    return (struct age){ .is_there = true,
                         .is_in_date = now_s <= crl->next_update_s,
                         .from_s = crl->this_update_s };
}

struct ds_span newer_crl(bool *ret_is_other, struct ds_span own, struct ds_span other,
                         int64_t now_s)
{
    struct ds_crl a, b;
    *ret_is_other = own.len == 0 && other.len > 0;
    if (own.len > 0 && ds_crl_parse(&a, own, NULL) == DS_OK &&
        ds_crl_parse(&b, other, NULL) == DS_OK && ds_span_eq(a.issuer, b.issuer)) {
        const struct age of_own = age_of_crl(&a, now_s), of_other = age_of_crl(&b, now_s);
        *ret_is_other = is_newer(&of_other, &of_own);
    }
    return *ret_is_other ? other : own;
}

static struct age age_of_tcb(const struct ds_dcap_collateral *c, int64_t now_s)
{
    const struct ds_dcap_parts *p = &c->parts;
    return (struct age){ .is_there = p->tcb_info.len > 0 && p->tcb_sig64.len > 0 &&
                                     p->tcb_chain_pem.len > 0,
                         .is_in_date = now_s <= c->tcb.next_s,
                         .eval_number = c->tcb.eval_number,
                         .from_s = c->tcb.issue_s };
}

static struct age age_of_qe(const struct ds_dcap_collateral *c, int64_t now_s)
{
    const struct ds_dcap_parts *p = &c->parts;
    return (struct age){ .is_there = p->qe_identity.len > 0 && p->qe_sig64.len > 0 &&
                                     p->qe_chain_pem.len > 0,
                         .is_in_date = now_s <= c->qe.next_s,
                         .eval_number = c->qe.eval_number,
                         .from_s = c->qe.issue_s };
}

/* Where there is none of one's own, the other is of the same platform. */
static bool is_same_tcb(const struct ds_dcap_collateral *own,
                        const struct ds_dcap_collateral *other)
{
    return own->parts.tcb_info.len == 0 ||
           (strcmp(own->tcb.id, other->tcb.id) == 0 &&
            memcmp(own->tcb.fmspc6, other->tcb.fmspc6, sizeof own->tcb.fmspc6) == 0);
}

static bool is_same_qe(const struct ds_dcap_collateral *own, const struct ds_dcap_collateral *other)
{
    return own->parts.qe_identity.len == 0 || strcmp(own->qe.id, other->qe.id) == 0;
}

static bool take_tcb(struct ds_dcap_parts *io, const struct ds_dcap_collateral *own,
                     const struct ds_dcap_collateral *other, int64_t now_s)
{
    const struct age a = age_of_tcb(own, now_s), b = age_of_tcb(other, now_s);
    if (!is_same_tcb(own, other) || !is_newer(&b, &a))
        return false;
    io->tcb_info = other->parts.tcb_info;
    io->tcb_sig64 = other->parts.tcb_sig64;
    io->tcb_chain_pem = other->parts.tcb_chain_pem;
    return true;
}

static bool take_qe(struct ds_dcap_parts *io, const struct ds_dcap_collateral *own,
                    const struct ds_dcap_collateral *other, int64_t now_s)
{
    const struct age a = age_of_qe(own, now_s), b = age_of_qe(other, now_s);
    if (!is_same_qe(own, other) || !is_newer(&b, &a))
        return false;
    io->qe_identity = other->parts.qe_identity;
    io->qe_sig64 = other->parts.qe_sig64;
    io->qe_chain_pem = other->parts.qe_chain_pem;
    return true;
}

/* Chains of the platform itself are no matter of age. */
static void complete(struct ds_span *io, struct ds_span other)
{
    if (io->len == 0)
        *io = other;
}

enum verifier_by newer_dcap(struct ds_dcap_parts *ret, const struct ds_dcap_collateral *own,
                            const struct ds_dcap_collateral *other, int64_t now_s)
{
    const struct ds_dcap_parts *a = &own->parts, *b = &other->parts;
    bool took[4];
    *ret = *a;
    took[0] = take_tcb(ret, own, other, now_s);
    took[1] = take_qe(ret, own, other, now_s);
    ret->root_crl_der = newer_crl(&took[2], a->root_crl_der, b->root_crl_der, now_s);
    ret->pck_crl_der = newer_crl(&took[3], a->pck_crl_der, b->pck_crl_der, now_s);
    complete(&ret->pck_chain_pem, b->pck_chain_pem);
    complete(&ret->pck_crl_chain_pem, b->pck_crl_chain_pem);
    size_t n = 0;
    for (size_t i = 0; i < DS_LEN(took); i++)
        n += took[i];
    if (n == 0)
        return VERIFIER_BY_OWN;
    return n == DS_LEN(took) ? VERIFIER_BY_EVIDENCE : VERIFIER_BY_BOTH;
}

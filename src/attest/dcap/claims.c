/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims that quotes about enclaves and about TDs have alike: what platform and
 * collateral say.
 */

#include <stdio.h>

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "base/str.h"
#include "codec/json.h"
#include "crypto/hash.h"

/* QVL 4.1.2.5.19 (sgxAttestationVerifyQuoteEx): evaluation number and date of issue, the lower of
   both documents'. Ours: the rest, and the dates within which everything signed holds. */
int dcap_fill_claims(struct ds_claims *c, const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_dcap_platform *p = v->platform;
    uint32_t tcb_eval = p->coll->tcb.eval_number, qe_eval = p->coll->qe.eval_number;
    c->kind = p->anchor.kind;
    (void)snprintf(c->anchor, sizeof c->anchor, "%s", p->anchor.name);
    c->tcb_eval_number = tcb_eval < qe_eval ? tcb_eval : qe_eval;
    c->qe_isvsvn = v->quote->qe_report.isvsvn;
    c->collateral_issued_s = p->coll->tcb.issue_s < p->coll->qe.issue_s ? p->coll->tcb.issue_s
                                                                        : p->coll->qe.issue_s;
    c->valid_from_s = p->dates.from_s;
    c->valid_until_s = p->dates.until_s;
    return ds_hash(DS_SHA256, c->device_id32, DS_SPAN_OF(p->pck.ppid16), e);
}

/* Add the ids of one level that are not there yet. */
static int add_advisories(struct claims_tcb *c, struct ds_span raw, struct ds_error *e)
{
    struct ds_json_tok toks[CLAIMS_ADVISORIES_MAX + 1];
    if (raw.len == 0)
        return DS_OK;
    DS_TRY(ds_json_parse(toks, DS_LEN(toks), raw, e));
    for (const struct ds_json_tok *t = ds_json_first(toks); t != NULL; t = ds_json_next(toks, t)) {
        size_t i = 0;
        while (i < c->n_advisories && !ds_span_eq_str(t->raw, c->advisories[i]))
            i++;
        if (i < c->n_advisories)
            continue;
        if (i == CLAIMS_ADVISORIES_MAX ||
            !ds_str_copy_span(c->advisories[i], sizeof c->advisories[i], t->raw))
            return ds_fail(e, DS_ERR_RANGE, "more or longer advisory ids than claims hold");
        c->n_advisories++;
    }
    return DS_OK;
}

static int add_all_advisories(struct claims_tcb *c, const struct dcap_tcb *tcb, struct ds_error *e)
{
    DS_TRY(add_advisories(c, tcb->platform->advisories, e));
    DS_TRY(add_advisories(c, tcb->qe->advisories, e));
    return tcb->module != NULL ? add_advisories(c, tcb->module->advisories, e) : DS_OK;
}

/* QVL finalizeTcbEvaluation: advisories in its order. Ours: each once. */
int dcap_fill_tcb(struct claims_tcb *c, const struct dcap_tcb *tcb, struct ds_error *e)
{
    c->status = tcb->status;
    c->date_s = tcb->date_s;
    return ds_coded(add_all_advisories(c, tcb, e), DS_CODE_DCAP_COLLATERAL_FORMAT, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels of platforms and quoting enclaves. How Intel's steps are cited:
 * attest/tdx/verify.c.
 */

#include "attest/dcap/tcb.h"

#include <stdio.h>

#include "attest/coded.h"
#include "base/hex.h"

static bool is_at_least(const uint8_t *have, const uint8_t *need, size_t from)
{
    for (size_t i = from; i < 16; i++)
        if (have[i] < need[i])
            return false;
    return true;
}

/* Of sixteen SVNs, those that were compared. */
static int refuse_svns(const char *claim, const uint8_t *need16, const uint8_t *have16, size_t from,
                       struct ds_error *e)
{
    char want[192], first[40] = "";
    if (from > 0)
        (void)snprintf(first, sizeof first, " from byte %zu on", from);
    (void)snprintf(want, sizeof want, "at least %s%s", DS_HEX(DS_SPAN(need16 + from, 16 - from)),
                   first);
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_DCAP_TCB_NOT_SUPPORTED, claim, want,
                     DS_HEX(DS_SPAN(have16 + from, 16 - from)), NULL);
}

static int refuse_below(enum ds_code code, const char *claim, unsigned need, unsigned have,
                        struct ds_error *e)
{
    char want[24];
    (void)snprintf(want, sizeof want, "at least %u", need);
    return ds_refuse_number(e, DS_ERR_UNTRUSTED, code, claim, want, have, NULL);
}

/* Which part of the last, lowest level is not reached; in the order in which levels are matched. */
static int refuse_level(const struct ds_tcb_level *last, const struct dcap_pck *pck,
                        const struct dcap_tee_svn *tee, struct ds_error *e)
{
    if (!is_at_least(pck->sgx16, last->sgx16, 0))
        return refuse_svns("sgxtcbcomponents", last->sgx16, pck->sgx16, 0, e);
    if (pck->pcesvn < last->pcesvn)
        return refuse_below(DS_CODE_DCAP_TCB_NOT_SUPPORTED, "pcesvn", last->pcesvn, pck->pcesvn, e);
    return refuse_svns(tee->name, last->tdx16, tee->svn16, tee->from, e);
}

int dcap_tcb_platform(struct dcap_tcb *ret, const struct dcap_run *v,
                      const struct dcap_tee_svn *tee, struct ds_error *e)
{
    const struct ds_tcb_info *info = v->docs.tcb_info;
    const struct dcap_pck *pck = &v->platform->pck;
    /* Without TCB info the status stays NONE, which only Revoked of a part changes (converged()
       below). It goes into no claims: dcap_check_complete() refuses. */
    *ret = (struct dcap_tcb){ .date_s = INT64_MAX };
    if (info == NULL)
        return DS_OK;
    /* QVL 4.1.2.5.1.1.1 to .3 (sgxEvaluateTCB) and, with the TEE's own components,
       QVL 4.1.2.5.2.1.1 to .4 (tdxEvaluateTCB) */
    for (size_t i = 0; i < info->n_levels; i++) {
        const struct ds_tcb_level *l = &info->levels[i];
        if (!is_at_least(pck->sgx16, l->sgx16, 0) || pck->pcesvn < l->pcesvn ||
            !is_at_least(tee->svn16, l->tdx16, tee->from))
            continue;
        *ret = (struct dcap_tcb){ .status = l->status, .date_s = l->date_s, .platform = l };
        return DS_OK;
    }
    return refuse_level(&info->levels[info->n_levels - 1], pck, tee, e);
}

const struct ds_svn_level *dcap_tcb_find_svn(const struct ds_svn_level *levels, size_t n,
                                             uint16_t isvsvn)
{
    for (size_t i = 0; i < n; i++)
        if (isvsvn >= levels[i].isvsvn)
            return &levels[i];
    return NULL;
}

/* QVL convergeTcbStatuses: only OutOfDate and Revoked of a module or enclave change what the
   platform's level says. */
static enum ds_tcb_status converged(enum ds_tcb_status platform, enum ds_tcb_status part)
{
    if (platform == DS_TCB_REVOKED || part == DS_TCB_REVOKED)
        return DS_TCB_REVOKED;
    if (part != DS_TCB_OUT_OF_DATE)
        return platform;
    if (platform == DS_TCB_UP_TO_DATE || platform == DS_TCB_SW_HARDENING_NEEDED)
        return DS_TCB_OUT_OF_DATE;
    if (platform == DS_TCB_CONFIGURATION_NEEDED ||
        platform == DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
        return DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    return platform;
}

/* QVL 4.1.2.5.1.3 to .6 (sgxEvaluateTCB), QVL 4.1.2.5.1.4 to .7 (tdxEvaluateTCB), both by
   finalizeTcbEvaluation: status and the earliest date; the advisories are dcap_fill_tcb()'s. */
void dcap_tcb_converge(struct dcap_tcb *t, const struct ds_svn_level *part)
{
    t->status = converged(t->status, part->status);
    t->date_s = part->date_s < t->date_s ? part->date_s : t->date_s;
}

/* QVL 4.1.2.5.1.2 (sgxEvaluateTCB), QVL 4.1.2.5.1.3 (tdxEvaluateTCB), both by applyQeIdentity. The
   look-up is the one of QVL 4.1.2.9.9 and .10 (EnclaveReportVerifier::verify). */
int dcap_tcb_qe(struct dcap_tcb *t, const struct dcap_run *v, struct ds_error *e)
{
    const struct ds_qe_identity *id = v->docs.qe_identity;
    uint16_t isvsvn = v->quote->qe_report.isvsvn;
    if (id == NULL)
        return DS_OK;
    t->qe = dcap_tcb_find_svn(id->levels, id->n_levels, isvsvn);
    if (t->qe == NULL)
        return refuse_below(DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, "qe_isvsvn",
                            id->levels[id->n_levels - 1].isvsvn, isvsvn, e);
    dcap_tcb_converge(t, t->qe);
    return DS_OK;
}

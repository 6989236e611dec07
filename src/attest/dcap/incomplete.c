/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The refusal of a set of collateral in which a part is missing. QVL asks for the parts
 * of each call at its beginning: QVL 4.1.2.5.1 (sgxAttestationVerifyQuoteEx) for quote, PCK, its
 * list and TCB info; sgxAttestationVerifyPCKCertificate for the root's list too; QVL 4.1.2.7.1
 * (sgxAttestationVerifyTCBInfo) and sgxAttestationVerifyEnclaveIdentity each for document,
 * chain and root's list.
 *
 * Ours: they are asked for at the end. Everything that can be checked without what is
 * missing is checked before, so that a bad quote is called bad; then it is told what the
 * level would be. That there is a QE identity is not asked by the quote's call, but by Intel's
 * caller of all (QvE).
 */

#include <stdio.h>

#include "attest/dcap/steps.h"

static struct dcap_run with_all_present(const struct dcap_run *v)
{
    const struct ds_dcap_collateral *coll = v->platform->coll;
    struct dcap_run all = *v;
    all.docs.tcb_info = coll->parts.tcb_info.len > 0 ? &coll->tcb : NULL;
    all.docs.qe_identity = coll->parts.qe_identity.len > 0 ? &coll->qe : NULL;
    return all;
}

/* The steps that documents decide. */
static int judge(enum ds_tcb_status *ret, const struct dcap_run *v)
{
    DS_TRY(dcap_check_tcb_info_id(v, NULL));
    DS_TRY(dcap_check_fmspc_and_pceid(v, NULL));
    DS_TRY(dcap_check_qe_identity_id(v, NULL));
    DS_TRY(dcap_check_qe_identity(v, NULL));
    return v->tee->level_if_complete(ret, v);
}

/* With one of the documents alone nobody knows, but whatever the other would say, Revoked stays. */
static bool is_certain(const struct dcap_docs *docs, enum ds_tcb_status level)
{
    return (docs->tcb_info != NULL && docs->qe_identity != NULL) || level == DS_TCB_REVOKED;
}

int dcap_check_complete(const struct dcap_run *v, enum ds_tcb_status level, struct ds_error *e)
{
    char got[64];
    if (v->platform->missing[0] == '\0')
        return DS_OK;
    /* By all documents present, signed or not, the level that a complete set would give: so where
       only the signature of TCB info is missing. Where they do not fit the quote, by the signed
       ones. Where one document is missing, unknown, unless Revoked. */
    const struct dcap_run all = with_all_present(v);
    enum ds_tcb_status by_all;
    bool fits = judge(&by_all, &all) == DS_OK;
    if (fits)
        level = by_all;
    (void)snprintf(got, sizeof got, "missing; the level would be %s",
                   is_certain(fits ? &all.docs : &v->docs, level) ? ds_tcb_status_text(level)
                                                                  : "unknown");
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_DCAP_COLLATERAL_INCOMPLETE, "collateral",
                     v->platform->missing, got, v->platform->anchor.name);
}

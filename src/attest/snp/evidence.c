/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report and the certificates of an attestation, whichever form they have there.
 */

#include "attest/snp/evidence.h"

#include <stdio.h>

#include "attest/coded.h"

static int parse(struct ds_snp_evidence *ev, struct ds_arena *mem, const struct ds_attestation *a,
                 struct ds_error *e)
{
    char got[16];
    (void)snprintf(got, sizeof got, "%d", (int)a->platform);
    if (a->platform != DS_ATTESTATION_SEV_SNP)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_SNP_NOT_SNP, "platform", "3", got,
                         DS_NO_ANCHOR);
    DS_TRY(ds_snp_report_parse(&ev->report, a->quote, e));
    for (size_t i = 0; i < a->n_certs; i++)
        DS_TRY(ds_snp_certs_add(&ev->certs, mem, a->certs[i], e));
    return DS_OK;
}

int ds_snp_evidence_of(struct ds_snp_evidence *ret, struct ds_arena *mem,
                       const struct ds_attestation *attestation, struct ds_error *e)
{
    struct ds_snp_evidence ev = { 0 };
    DS_TRY(parse(&ev, mem, attestation, e));
    *ret = ev;
    return DS_OK;
}

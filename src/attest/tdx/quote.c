/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a TD report, TD 1.0 and TD 1.5.
 */

#include "attest/tdx/quote.h"

#include "attest/coded.h"

/* QVL 4.1.2.5.3 (sgxAttestationVerifyQuoteEx), TDReport10::insert, TDReport15::insert */
static void read_td_report(struct ds_td_report *ret, bool is_td15, struct ds_reader *r)
{
    ds_read_into(r, ret->tee_tcb_svn16, 16);
    ds_read_into(r, ret->mrseam48, 48);
    ds_read_into(r, ret->mrsignerseam48, 48);
    ds_read_into(r, ret->seamattributes8, 8);
    ret->td_attributes = ds_read_u64le(r);
    ret->xfam = ds_read_u64le(r);
    ds_read_into(r, ret->mrtd48, 48);
    ds_read_into(r, ret->mrconfigid48, 48);
    ds_read_into(r, ret->mrowner48, 48);
    ds_read_into(r, ret->mrownerconfig48, 48);
    for (size_t i = 0; i < 4; i++)
        ds_read_into(r, ret->rtmr48[i], 48);
    ds_read_into(r, ret->report_data64, 64);
    if (!is_td15)
        return;
    ds_read_into(r, ret->tee_tcb_svn2_16, 16);
    ds_read_into(r, ret->mrservicetd48, 48);
}

int ds_tdx_quote_parse(struct ds_tdx_quote *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_tdx_quote q = { 0 };
    DS_TRY(ds_dcap_quote_parse(&q.dcap, in, e));
    /* Ours: QVL reads quotes of both TEEs by one function. */
    if (q.dcap.body_type == DS_DCAP_BODY_SGX)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_TEE_TYPE, "tee_type", "129 (TDX)",
                         "0 (SGX)", DS_NO_ANCHOR);
    struct ds_reader r = ds_reader_of(q.dcap.body);
    read_td_report(&q.td, q.dcap.body_type == DS_DCAP_BODY_TD15, &r);
    int end = ds_coded(ds_reader_end(&r, e, "TD report"), DS_CODE_DCAP_QUOTE_FORMAT, e);
    DS_TRY(ds_anchored(end, NULL, e));
    *ret = q;
    return DS_OK;
}

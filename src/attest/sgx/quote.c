/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an SGX quote.
 */

#include "attest/sgx/quote.h"

#include "attest/coded.h"

int ds_sgx_quote_parse(struct ds_sgx_quote *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_sgx_quote q = { 0 };
    DS_TRY(ds_dcap_quote_parse(&q.dcap, in, e));
    /* Ours: QVL reads quotes of both TEEs by one function. */
    if (q.dcap.body_type != DS_DCAP_BODY_SGX)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_TEE_TYPE, "tee_type", "0 (SGX)",
                         "129 (TDX)", DS_NO_ANCHOR);
    struct ds_reader r = ds_reader_of(q.dcap.body);
    ds_sgx_report_read(&q.report, &r);
    int end = ds_coded(ds_reader_end(&r, e, "SGX report"), DS_CODE_DCAP_QUOTE_FORMAT, e);
    DS_TRY(ds_anchored(end, NULL, e));
    *ret = q;
    return DS_OK;
}

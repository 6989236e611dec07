/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a TDX quote, version 4. Encoding stands with the signers (simtee).
 */

#include "attest/tdx/quote.h"

#include <stdio.h>

#include "attest/coded.h"
#include "base/hex.h"

#define TEE_TYPE_TDX        0x81
#define HEADER_LEN          48
#define TD_REPORT_LEN       584
#define SGX_REPORT_LEN      384
#define CERT_TYPE_QE_REPORT 6 /* QE report and what certifies it */

static void read_sgx_report(struct ds_sgx_report *ret, struct ds_reader *r)
{
    ds_read_into(r, ret->cpusvn16, 16);
    ds_read_into(r, ret->miscselect4, 4);
    ds_read_skip(r, 28); /* reserved, ISVEXTPRODID */
    ds_read_into(r, ret->attributes16, 16);
    ds_read_into(r, ret->mrenclave32, 32);
    ds_read_skip(r, 32);
    ds_read_into(r, ret->mrsigner32, 32);
    ds_read_skip(r, 96); /* reserved, CONFIGID */
    ret->isvprodid = ds_read_u16le(r);
    ret->isvsvn = ds_read_u16le(r);
    ds_read_skip(r, 60); /* CONFIGSVN, reserved, ISVFAMILYID */
    ds_read_into(r, ret->report_data64, 64);
}

static void read_td_report(struct ds_td_report *ret, struct ds_reader *r)
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
}

static int refuse_number(enum ds_code code, const char *claim, const char *expected, uint64_t got,
                         struct ds_error *e)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)got);
    return ds_refuse(e, DS_ERR_UNSUPPORTED, code, claim, expected, text, DS_NO_ANCHOR);
}

static int read_header(struct ds_tdx_quote *q, struct ds_reader *r, struct ds_error *e)
{
    q->version = ds_read_u16le(r);
    q->key_type = ds_read_u16le(r);
    q->tee_type = ds_read_u32le(r);
    ds_read_skip(r, 4); /* QE and PCE SVN of version 3 */
    ds_read_into(r, q->qe_vendor_id16, 16);
    ds_read_into(r, q->user_data20, 20);
    if (r->bad)
        return ds_fail(e, DS_ERR_TRUNCATED, "TDX quote ends inside its header");
    if (q->version != 4)
        return refuse_number(DS_CODE_DCAP_VERSION, "quote_version", "4", q->version, e);
    if (q->tee_type != TEE_TYPE_TDX)
        return refuse_number(DS_CODE_DCAP_TEE_TYPE, "tee_type", "129", q->tee_type, e);
    return DS_OK;
}

/* QE report, its signature, authentication data and the certification of the PCK key. */
static int read_qe_part(struct ds_tdx_quote *q, struct ds_reader *r, struct ds_error *e)
{
    q->qe_report_raw = ds_read_span(r, SGX_REPORT_LEN);
    struct ds_reader report = ds_reader_of(q->qe_report_raw);
    read_sgx_report(&q->qe_report, &report);
    ds_read_into(r, q->qe_sig64, 64);
    q->qe_auth = ds_read_span(r, ds_read_u16le(r));
    q->cert_type = ds_read_u16le(r);
    q->cert_data = ds_read_span(r, ds_read_u32le(r));
    return ds_reader_end(r, e, "QE certification data");
}

static int parse(struct ds_tdx_quote *q, struct ds_span in, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(in);
    if (in.len > DS_TDX_QUOTE_MAX)
        return ds_fail(e, DS_ERR_RANGE, "TDX quote of %zu bytes; at most %d are read", in.len,
                       DS_TDX_QUOTE_MAX);
    DS_TRY(read_header(q, &r, e));
    read_td_report(&q->td, &r);
    q->signed_part = ds_span_sub(in, 0, HEADER_LEN + TD_REPORT_LEN);

    struct ds_reader sig = ds_read_sub(&r, ds_read_u32le(&r));
    ds_read_into(&sig, q->sig64, 64);
    ds_read_into(&sig, q->ak_pub64, 64);
    uint16_t type = ds_read_u16le(&sig);
    struct ds_reader qe = ds_read_sub(&sig, ds_read_u32le(&sig));
    DS_TRY(ds_reader_end(&sig, e, "TDX quote signature data"));
    if (type != CERT_TYPE_QE_REPORT)
        return refuse_number(DS_CODE_DCAP_QUOTE_FORMAT, "certification_data_type", "6", type, e);
    q->padding = ds_read_span(&r, ds_read_left(&r));
    return read_qe_part(q, &qe, e);
}

int ds_tdx_quote_parse(struct ds_tdx_quote *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_tdx_quote q = { 0 };
    int r = ds_coded(parse(&q, in, e), DS_CODE_DCAP_QUOTE_FORMAT, e);
    DS_TRY(ds_anchored(r, NULL, e));
    *ret = q;
    return DS_OK;
}

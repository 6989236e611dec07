/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel's quotes as a whole, whose parts stand here by the contracts that dcap.c proves of them; and
 * quotes about enclaves and TDs, for which ds_dcap_quote_parse() stands by what is proved here.
 */
#include "proof.h"

#include "attest/dcap/report.c"

#include "attest/dcap/quote.c"

/* dcap/header */
int header_by_contract(struct ds_dcap_quote *q, struct ds_reader *r, struct ds_error *e)
{
    ds_read_skip(r, 48);
    if (r->bad || nondet_bool())
        return ds_fail(e, DS_ERR_UNSUPPORTED, "no header");
    q->version = nondet_u16();
    q->tee_type = nondet_bool() ? DS_DCAP_TEE_TDX : DS_DCAP_TEE_SGX;
    GIVEN(q->version >= 3 && q->version <= 5 && (q->version > 3 || q->tee_type == DS_DCAP_TEE_SGX));
    return DS_OK;
}

/* dcap/body */
int body_by_contract(struct ds_dcap_quote *q, struct ds_reader *r, struct ds_error *e)
{
    ds_read_skip(r, q->version == 5 ? 6 : 0);
    if (r->bad || nondet_bool())
        return ds_fail(e, DS_ERR_UNSUPPORTED, "no body");
    q->body_type = nondet_bool() ? DS_DCAP_BODY_TD15 : DS_DCAP_BODY_TD10;
    if (q->tee_type == DS_DCAP_TEE_SGX)
        q->body_type = DS_DCAP_BODY_SGX;
    q->body = ds_read_span(r, body_lens[q->body_type]);
    return DS_OK;
}

/* dcap/signature and dcap/signature_v3 */
int signature_by_contract(struct ds_dcap_quote *q, struct ds_reader *r, struct ds_error *e)
{
    ds_read_skip(r, q->version == 3 ? 128 : 134);
    q->qe_report_raw = ds_read_span(r, DS_SGX_REPORT_LEN);
    ds_read_skip(r, 64 + 2);
    q->qe_auth = ds_read_span(r, nondet_u16());
    ds_read_skip(r, 2 + 4);
    q->cert_data = ds_read_span(r, nondet_u32());
    if (r->bad || r->p != r->end)
        return ds_fail(e, DS_ERR_FORMAT, "no signature data");
    return DS_OK;
}

void proof_quote(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_dcap_quote q = { 0 };
    int cls = ds_dcap_quote_parse(&q, in, any_error());
    PROVE(cls == DS_OK || (q.version == 0 && q.cert_data.p == NULL), "a failure gives nothing");
    GIVEN(cls == DS_OK);
    PROVE(in.len <= DS_DCAP_QUOTE_MAX, "no longer than the limit");
    PROVE(q.signed_part.p == in.p && q.body.p + q.body.len == in.p + q.signed_part.len,
          "what is signed ends with the body");
    PROVE(q.body.len == body_lens[q.body_type] && is_inside(q.body, in),
          "a body of its type in the input");
    PROVE(is_inside(q.qe_report_raw, in) && q.qe_report_raw.len == 384, "the QE's report, too");
    PROVE(is_inside(q.qe_auth, in) && is_inside(q.cert_data, in) && is_inside(q.padding, in),
          "parts lie in the input");
    PROVE(q.signed_part.len + 4 + (q.version == 3 ? 128 : 134) + 384 + 64 + 2 + q.qe_auth.len + 2 +
                  4 + q.cert_data.len + q.padding.len ==
              in.len,
          "every byte belongs to one part");
    REACHED_IF(q.version == 3 && q.cert_data.len > 3000, "a quote of version 3");
    REACHED_IF(q.body_type == DS_DCAP_BODY_TD15 && q.padding.len > 0, "a TD 1.5, and padding");
}

/* ds_dcap_quote_parse() by what of proof_quote its callers build on. */
static int quote_by_contract(struct ds_dcap_quote *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_dcap_quote any;
    size_t at = nondet_size();
    if (nondet_bool())
        return ds_fail(e, DS_ERR_FORMAT, "no quote");
    GIVEN(any.body_type >= DS_DCAP_BODY_SGX && any.body_type <= DS_DCAP_BODY_TD15);
    GIVEN(in.len >= body_lens[any.body_type] && at <= in.len - body_lens[any.body_type]);
    any.body = DS_SPAN(in.p + at, body_lens[any.body_type]);
    *ret = any;
    return DS_OK;
}

#define ds_dcap_quote_parse quote_by_contract
#include "attest/sgx/quote.c"
#include "attest/tdx/quote.c"
#undef ds_dcap_quote_parse

void proof_sgx(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_sgx_quote q = { 0 };
    int cls = ds_sgx_quote_parse(&q, in, any_error());
    PROVE(cls != DS_OK || q.dcap.body.len == 384, "an enclave's report");
    PROVE(cls == DS_OK || q.dcap.body.p == NULL, "a failure gives nothing");
    PROVE(cls == DS_OK || cls == DS_ERR_FORMAT || cls == DS_ERR_UNSUPPORTED,
          "a body of its length is read");
    REACHED_IF(cls == DS_OK, "a quote");
}

void proof_tdx(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_tdx_quote q = { 0 };
    int cls = ds_tdx_quote_parse(&q, in, any_error());
    bool is_td15 = q.dcap.body_type == DS_DCAP_BODY_TD15;
    PROVE(cls != DS_OK || q.dcap.body.len == (is_td15 ? 648 : 584), "a TD's report");
    PROVE(cls == DS_OK || q.dcap.body.p == NULL, "a failure gives nothing");
    PROVE(cls == DS_OK || cls == DS_ERR_FORMAT || cls == DS_ERR_UNSUPPORTED,
          "a body of its length is read");
    REACHED_IF(cls == DS_OK && is_td15, "a quote about a TD 1.5");
    REACHED_IF(cls == DS_OK && !is_td15, "a quote about a TD 1.0");
}

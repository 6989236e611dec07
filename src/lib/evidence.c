/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling forms of evidence apart. Nothing rests on it: each form has its own
 * parser and its own verifier, and a wrong guess is refused there.
 */
#include "attest/snp/evidence.h"
#include "lib/private.h"

/* By the first bytes, which no two forms share. */
enum form { DCAP_QUOTE, SNP_REPORT, WRAPPER };

/*
 * Intel's header begins with LE16 version 3 to 5 and a key type that is not 0; AMD's
 * report with LE32 version 2 to 5; dstack's attestation with 0, or where it is
 * MessagePack with a map.
 */
static enum form form_of(struct ds_span in)
{
    if (in.len > 0 && (in.p[0] == 0 || in.p[0] >= 0x80))
        return WRAPPER;
    return in.len >= 4 && in.p[2] == 0 && in.p[3] == 0 ? SNP_REPORT : DCAP_QUOTE;
}

static int parse_quote(struct lib_evidence *ev, struct ds_span in, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(in);
    ds_read_skip(&r, 4);
    bool is_td = ds_read_u32le(&r) == DS_DCAP_TEE_TDX;
    ev->tee = is_td ? DS_TEE_TDX : DS_TEE_SGX;
    return is_td ? ds_tdx_quote_parse(&ev->tdx, in, e) : ds_sgx_quote_parse(&ev->sgx, in, e);
}

/* As SNP_GET_EXT_REPORT gives it: what stands behind the report are its certificates. */
static int parse_report(struct lib_evidence *ev, struct ds_arena *mem, struct ds_span in,
                        struct ds_error *e)
{
    struct ds_span certs = ds_span_sub(in, DS_SNP_REPORT_LEN, in.len);
    ev->tee = DS_TEE_SEV_SNP;
    DS_TRY(ds_snp_report_parse(&ev->snp, ds_span_sub(in, 0, DS_SNP_REPORT_LEN), e));
    return certs.len > 0 ? ds_snp_certs_add(&ev->certs, mem, certs, e) : DS_OK;
}

static int parse_wrapped_report(struct lib_evidence *ev, struct ds_arena *mem,
                                const struct ds_attestation *in, struct ds_error *e)
{
    struct ds_snp_evidence snp;
    DS_TRY(ds_snp_evidence_of(&snp, mem, in, e));
    ev->tee = DS_TEE_SEV_SNP;
    ev->snp = snp.report;
    ev->certs = snp.certs;
    return DS_OK;
}

static int parse_wrapper(struct lib_evidence *ev, struct ds_arena *mem, struct ds_span in,
                         struct ds_error *e)
{
    struct ds_attestation inner;
    DS_TRY(ds_attestation_parse(&inner, mem, in, e));
    if (inner.platform != DS_ATTESTATION_TDX)
        return parse_wrapped_report(ev, mem, &inner, e);
    ev->tee = DS_TEE_TDX;
    ev->has_log = true;
    ev->log = inner.log;
    return ds_tdx_quote_parse(&ev->tdx, inner.quote, e);
}

int lib_evidence_parse(struct lib_evidence *ret, struct ds_arena *mem, struct ds_span in,
                       struct ds_error *e)
{
    struct lib_evidence ev = { .tee = DS_TEE_NONE };
    switch (form_of(in)) {
    case DCAP_QUOTE:
        DS_TRY(parse_quote(&ev, in, e));
        break;
    case SNP_REPORT:
        DS_TRY(parse_report(&ev, mem, in, e));
        break;
    case WRAPPER:
        DS_TRY(parse_wrapper(&ev, mem, in, e));
        break;
    }
    *ret = ev;
    return DS_OK;
}

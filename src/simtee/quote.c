/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signing half of a quote: the layout that attest/tdx/quote.c reads, field
 * by field in the same order.
 */
#include "simtee/quote.h"

#include "crypto/hash.h"

#define QUOTE_VERSION       4
#define KEY_TYPE_ECDSA_P256 2
#define TEE_TYPE_TDX        0x81
#define CERT_TYPE_CHAIN     5
#define CERT_TYPE_QE_REPORT 6

static void add_zeros(struct ds_buf *b, size_t n)
{
    for (; n > 0; n--)
        ds_buf_char(b, '\0');
}

/* Intel SGX REPORT: the fields that the QE leaves zero are runs of zeros. */
static void add_qe_report(struct ds_buf *b, const uint8_t binding32[static 32])
{
    const struct simtee_platform *p = &simtee_platform;
    ds_buf_add(b, DS_SPAN_OF(p->cpusvn16));
    add_zeros(b, 4 + 12 + 16); /* MISCSELECT, reserved, ISVEXTPRODID */
    ds_buf_add(b, DS_SPAN_OF(p->qe_attributes16));
    ds_buf_add(b, DS_SPAN_OF(p->qe_mrenclave32));
    add_zeros(b, 32);
    ds_buf_add(b, DS_SPAN_OF(p->qe_mrsigner32));
    add_zeros(b, 32 + 64); /* reserved, CONFIGID */
    ds_buf_le(b, p->qe_isvprodid, 2);
    ds_buf_le(b, p->qe_isvsvn, 2);
    add_zeros(b, 2 + 42 + 16); /* CONFIGSVN, reserved, ISVFAMILYID */
    ds_buf_add(b, DS_SPAN(binding32, 32));
    add_zeros(b, 32);
}

int simtee_qe_init(struct simtee_qe *ret, struct ds_p256_key *attestation_key,
                   const struct ds_p256_key *pck_key, struct ds_error *e)
{
    struct simtee_qe qe = { .attestation_key = attestation_key };
    ds_p256_key_public(qe.attestation_xy64, attestation_key);

    uint8_t binding32[32];
    const struct ds_span bound[] = { DS_SPAN_OF(qe.attestation_xy64),
                                     DS_SPAN_OF(simtee_platform.qe_auth32) };
    DS_TRY(ds_hash_v(DS_SHA256, binding32, bound, DS_LEN(bound), e));

    DS_AUTO(ds_buf_done) struct ds_buf report = { .max = SIMTEE_QE_REPORT_LEN };
    add_qe_report(&report, binding32);
    DS_TRY(ds_buf_end(&report, e, "QE report"));
    memcpy(qe.report, report.p, sizeof qe.report);
    DS_TRY(ds_p256_sign(qe.report_sig64, pck_key, DS_SPAN_OF(qe.report), e));
    *ret = qe;
    return DS_OK;
}

void simtee_qe_done(struct simtee_qe *qe)
{
    ds_p256_key_free(qe->attestation_key);
    *qe = (struct simtee_qe){ 0 };
}

static void add_header(struct ds_buf *b)
{
    ds_buf_le(b, QUOTE_VERSION, 2);
    ds_buf_le(b, KEY_TYPE_ECDSA_P256, 2);
    ds_buf_le(b, TEE_TYPE_TDX, 4);
    add_zeros(b, 4);
    ds_buf_add(b, DS_SPAN_OF(simtee_platform.qe_vendor16));
    add_zeros(b, 20); /* user data */
}

static void add_td_report(struct ds_buf *b, const struct simtee_registers *regs,
                          const uint8_t report_data64[static 64])
{
    const struct simtee_platform *p = &simtee_platform;
    ds_buf_add(b, DS_SPAN_OF(p->tee_tcb_svn16));
    ds_buf_add(b, DS_SPAN_OF(p->mrseam48));
    ds_buf_add(b, DS_SPAN_OF(p->mrsignerseam48));
    ds_buf_add(b, DS_SPAN_OF(p->seamattributes8));
    ds_buf_add(b, DS_SPAN_OF(p->tdattributes8));
    ds_buf_add(b, DS_SPAN_OF(p->xfam8));
    ds_buf_add(b, DS_SPAN_OF(regs->mrtd48));
    ds_buf_add(b, DS_SPAN_OF(regs->mrconfigid48));
    add_zeros(b, 48 + 48); /* MROWNER, MROWNERCONFIG */
    ds_buf_add(b, DS_SPAN_OF(regs->rtmr48));
    ds_buf_add(b, DS_SPAN(report_data64, 64));
}

int simtee_quote_make(struct ds_buf *ret, const struct simtee_qe *qe,
                      const struct simtee_registers *regs, const uint8_t report_data64[static 64],
                      struct ds_span pck_chain, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    add_header(&b);
    add_td_report(&b, regs, report_data64);
    DS_TRY(ds_buf_end(&b, e, "quote"));
    uint8_t sig64[64];
    DS_TRY(ds_p256_sign(sig64, qe->attestation_key, ds_buf_span(&b), e));

    /* The inner data stands in the outer: its length is known before its parts are written. */
    size_t inner_len = sizeof qe->report + 64 + 2 + sizeof simtee_platform.qe_auth32 + 2 + 4 +
                       pck_chain.len;
    ds_buf_le(&b, 64 + 64 + 2 + 4 + inner_len, 4);
    ds_buf_add(&b, DS_SPAN_OF(sig64));
    ds_buf_add(&b, DS_SPAN_OF(qe->attestation_xy64));
    ds_buf_le(&b, CERT_TYPE_QE_REPORT, 2);
    ds_buf_le(&b, inner_len, 4);
    ds_buf_add(&b, DS_SPAN_OF(qe->report));
    ds_buf_add(&b, DS_SPAN_OF(qe->report_sig64));
    ds_buf_le(&b, sizeof simtee_platform.qe_auth32, 2);
    ds_buf_add(&b, DS_SPAN_OF(simtee_platform.qe_auth32));
    ds_buf_le(&b, CERT_TYPE_CHAIN, 2);
    ds_buf_le(&b, pck_chain.len, 4);
    ds_buf_add(&b, pck_chain);
    DS_TRY(ds_buf_end(&b, e, "quote"));
    ds_buf_add(ret, ds_buf_span(&b));
    return ds_buf_end(ret, e, "quote");
}

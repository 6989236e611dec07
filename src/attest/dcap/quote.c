/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading Intel quotes: QVL 4.1.2.5.3 (sgxAttestationVerifyQuoteEx), which is Quote::parse
 * and Quote::validate; how Intel's steps are cited: attest/tdx/verify.c. Encoding
 * stands with the signers (simtee).
 */

#include "attest/dcap/quote.h"

#include "attest/coded.h"
#include "base/hex.h"

#define VERSION_MIN 3
#define VERSION_MAX 5

#define KEY_TYPE_ECDSA_P256 2

static const uint8_t intel_qe_vendor_id16[] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };

static const size_t body_lens[] = {
    [DS_DCAP_BODY_SGX] = DS_SGX_REPORT_LEN,
    [DS_DCAP_BODY_TD10] = 584,
    [DS_DCAP_BODY_TD15] = 648,
};

static int read_header(struct ds_dcap_quote *q, struct ds_reader *r, struct ds_error *e)
{
    q->version = ds_read_u16le(r);
    q->key_type = ds_read_u16le(r);
    q->tee_type = ds_read_u32le(r);
    ds_read_skip(r, 4); /* QE and PCE SVN: repeated where they are signed for */
    ds_read_into(r, q->qe_vendor_id16, 16);
    ds_read_skip(r, 20); /* user data, which nobody reads */
    if (r->bad)
        return ds_fail(e, DS_ERR_TRUNCATED, "the quote ends inside its header");
    /* QVL Quote::validate, here and up to the vendor id */
    if (q->version < VERSION_MIN || q->version > VERSION_MAX)
        return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_VERSION, "quote_version",
                                "3, 4 or 5", q->version, DS_NO_ANCHOR);
    /* Version 3 has no TEE type: its four bytes are reserved. */
    if (q->tee_type != DS_DCAP_TEE_SGX && (q->tee_type != DS_DCAP_TEE_TDX || q->version == 3))
        return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_TEE_TYPE, "tee_type",
                                q->version == 3 ? "0" : "0 (SGX) or 129 (TDX)", q->tee_type,
                                DS_NO_ANCHOR);
    if (q->key_type != KEY_TYPE_ECDSA_P256)
        return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_KEY_TYPE,
                                "attestation_key_type", "2", q->key_type, DS_NO_ANCHOR);
    if (memcmp(q->qe_vendor_id16, intel_qe_vendor_id16, 16) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_DCAP_QE_VENDOR, "qe_vendor_id",
                         DS_HEX(DS_SPAN_OF(intel_qe_vendor_id16)),
                         DS_HEX(DS_SPAN_OF(q->qe_vendor_id16)), DS_NO_ANCHOR);
    return DS_OK;
}

/*
 * QVL Quote::parse and, for type and TEE, Quote::validate. Version 5 says type and size of its
 * body; before, both follow from the TEE. Ours: type 4 is not read.
 */
static int read_body(struct ds_dcap_quote *q, struct ds_reader *r, struct ds_error *e)
{
    bool is_tdx = q->tee_type == DS_DCAP_TEE_TDX;
    uint32_t type = is_tdx ? DS_DCAP_BODY_TD10 : DS_DCAP_BODY_SGX;
    if (q->version == 5) {
        type = ds_read_u16le(r);
        uint32_t len = ds_read_u32le(r);
        if (r->bad)
            return ds_fail(e, DS_ERR_TRUNCATED, "the quote ends before its body");
        if (type < DS_DCAP_BODY_SGX || type > DS_DCAP_BODY_TD15)
            return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_BODY_TYPE, "body_type",
                                    "1 (SGX), 2 (TD 1.0) or 3 (TD 1.5)", type, DS_NO_ANCHOR);
        if ((type != DS_DCAP_BODY_SGX) != is_tdx)
            return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_TEE_TYPE, "body_type",
                                    is_tdx ? "2 or 3" : "1", type, DS_NO_ANCHOR);
        if (len != body_lens[type])
            return ds_refuse_number(e, DS_ERR_FORMAT, DS_CODE_DCAP_QUOTE_FORMAT, "body_size",
                                    "the size of its body type", len, DS_NO_ANCHOR);
    }
    q->body_type = (enum ds_dcap_body)type;
    q->body = ds_read_span(r, body_lens[type]);
    return DS_OK;
}

/* QVL Quote::parse: QE report, its signature, authentication data and what certifies the key that
   signed it. */
static int read_qe_part(struct ds_dcap_quote *q, struct ds_reader *r, struct ds_error *e)
{
    q->qe_report_raw = ds_read_span(r, DS_SGX_REPORT_LEN);
    struct ds_reader report = ds_reader_of(q->qe_report_raw);
    ds_sgx_report_read(&q->qe_report, &report);
    ds_read_into(r, q->qe_sig64, 64);
    q->qe_auth = ds_read_span(r, ds_read_u16le(r));
    q->cert_type = ds_read_u16le(r);
    q->cert_data = ds_read_span(r, ds_read_u32le(r));
    /* QVL verifyCertificationData: the length of the data is the one that is said.
       QVL QEReportCertificationData::insert, of versions 4 and 5: nothing is left; ours for 3. */
    DS_TRY(ds_reader_end(r, e, "QE certification data"));
    /* QVL Quote::validate. Ours: 7 as well, which QVL refuses. A QE report (6) certifies no key of
       another. */
    if (q->cert_type < DS_DCAP_CERT_PPID || q->cert_type > DS_DCAP_CERT_MANIFEST ||
        q->cert_type == DS_DCAP_CERT_QE_REPORT)
        return ds_refuse_number(e, DS_ERR_FORMAT, DS_CODE_DCAP_QUOTE_FORMAT,
                                "certification_data_type", "1 to 5, or 7", q->cert_type,
                                DS_NO_ANCHOR);
    return DS_OK;
}

static int read_signature_data(struct ds_dcap_quote *q, struct ds_reader *r, struct ds_error *e)
{
    ds_read_into(r, q->sig64, 64);
    ds_read_into(r, q->ak_pub64, 64);
    if (q->version == 3)
        return read_qe_part(q, r, e);
    uint16_t type = ds_read_u16le(r);
    struct ds_reader qe = ds_read_sub(r, ds_read_u32le(r));
    /* Ours: nothing may be left. */
    DS_TRY(ds_reader_end(r, e, "quote signature data"));
    /* QVL Quote::validate */
    if (type != DS_DCAP_CERT_QE_REPORT)
        return ds_refuse_number(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_QUOTE_FORMAT,
                                "certification_data_type", "6", type, DS_NO_ANCHOR);
    return read_qe_part(q, &qe, e);
}

static int parse(struct ds_dcap_quote *q, struct ds_span in, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(in);
    /* Ours */
    if (in.len > DS_DCAP_QUOTE_MAX)
        return ds_fail(e, DS_ERR_RANGE, "a quote of %zu bytes; at most %d are read", in.len,
                       DS_DCAP_QUOTE_MAX);
    DS_TRY(read_header(q, &r, e));
    DS_TRY(read_body(q, &r, e));
    q->signed_part = ds_span_sub(in, 0, ds_read_at(&r));
    struct ds_reader sig = ds_read_sub(&r, ds_read_u32le(&r));
    q->padding = ds_read_span(&r, ds_read_left(&r));
    return read_signature_data(q, &sig, e);
}

int ds_dcap_quote_parse(struct ds_dcap_quote *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_dcap_quote q = { 0 };
    int r = ds_coded(parse(&q, in, e), DS_CODE_DCAP_QUOTE_FORMAT, e);
    DS_TRY(ds_anchored(r, NULL, e));
    *ret = q;
    return DS_OK;
}

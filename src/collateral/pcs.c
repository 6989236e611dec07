/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of PCS version 4, and its replies as a set. What is malformed is refused
 * here with the document's name; signatures and dates are collateral/check.h.
 */
#include "collateral/pcs.h"

#include <stdio.h>

#include "attest/dcap/pck.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "codec/pem.h"

/* The root's list is a plain file of the vendor's; a PCCS serves it under its own address. */
#define ROOT_CRL_URL "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
#define API_PATH     "/sgx/certification/v4"

enum {
    CERT_TYPE_PCK_CHAIN = 5,
    CERT_TYPE_QE_REPORT = 6,
    SGX_REPORT_LEN = 384,
    TD_REPORT_LEN = 584
};

const char *pcs_doc_text(enum pcs_doc doc)
{
    static const char *const texts[] = {
        [PCS_TCB_INFO] = "TCB info",
        [PCS_QE_IDENTITY] = "QE identity",
        [PCS_PCK_CRL] = "PCK revocation list",
        [PCS_ROOT_CRL] = "root revocation list",
        [PCS_N_DOCS] = "",
    };
    return texts[doc];
}

const char *pcs_chain_header(enum pcs_doc doc, bool older)
{
    static const char *const names[][2] = {
        /* PCS API 3 said SGX- for TCB info too, and caches of its time still do. */
        [PCS_TCB_INFO] = { "TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain" },
        [PCS_QE_IDENTITY] = { "SGX-Enclave-Identity-Issuer-Chain", NULL },
        [PCS_PCK_CRL] = { "SGX-PCK-CRL-Issuer-Chain", NULL },
        [PCS_ROOT_CRL] = { NULL, NULL },
        [PCS_N_DOCS] = { NULL, NULL },
    };
    return names[doc][older];
}

/*
 * A quote's signature data behind signature and attestation key; from version 4 on the rest stands
 * inside certification data of type 6.
 */
static int signature_data(struct ds_reader *ret, struct ds_span quote, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(quote);
    uint16_t version = ds_read_u16le(&r);
    ds_read_skip(&r, 2);
    uint32_t tee = ds_read_u32le(&r);
    ds_read_skip(&r, 40);
    if (version < 3 || version > 5)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_QUOTE,
                            "a quote of version %u; 3, 4 and 5 are read", version);
    /* Version 5 says which body follows, and its length. */
    ds_read_skip(&r, version == 5 ? 2 : 0);
    if (version == 5)
        ds_read_skip(&r, ds_read_u32le(&r));
    else
        ds_read_skip(&r, tee != 0 ? TD_REPORT_LEN : SGX_REPORT_LEN);
    struct ds_reader sig = ds_read_sub(&r, ds_read_u32le(&r));
    ds_read_skip(&sig, 128);
    if (version >= 4) {
        uint16_t outer = ds_read_u16le(&sig);
        if (!sig.bad && outer != CERT_TYPE_QE_REPORT)
            return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_QUOTE,
                                "certification data of type %u, not 6", outer);
        sig = ds_read_sub(&sig, ds_read_u32le(&sig));
    }
    *ret = sig;
    return DS_OK;
}

/*
 * Intel SGX ECDSA quote library, appendix A; TDX DCAP quoting library, appendix 3: the last field is
 * {type, length, data}.
 */
static int find_pck_chain(struct ds_span *ret, struct ds_span quote, struct ds_error *e)
{
    struct ds_reader sig;
    DS_TRY(signature_data(&sig, quote, e));
    ds_read_skip(&sig, SGX_REPORT_LEN + 64);
    ds_read_skip(&sig, ds_read_u16le(&sig));
    uint16_t type = ds_read_u16le(&sig);
    struct ds_span data = ds_read_span(&sig, ds_read_u32le(&sig));
    if (sig.bad)
        return ds_fail_code(e, DS_ERR_TRUNCATED, DS_CODE_COLLATERAL_QUOTE, "the quote ends early");
    if (type != CERT_TYPE_PCK_CHAIN)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_COLLATERAL_QUOTE,
                            "certification data of type %u hold no PCK certificate", type);
    *ret = data;
    return DS_OK;
}

int pcs_ask_of_quote(struct pcs_ask *ret, struct ds_arena *mem, struct ds_span quote,
                     struct ds_error *e)
{
    struct ds_span pem, der[2] = { 0 };
    struct ds_x509 leaf, ca;
    struct dcap_pck pck;
    DS_TRY(find_pck_chain(&pem, quote, e));
    for (size_t i = 0; i < DS_LEN(der); i++) {
        DS_TRY(ds_pem_next(&der[i], &pem, "CERTIFICATE", mem, e));
        if (der[i].p == NULL)
            return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_QUOTE,
                                "the quote's PCK chain has fewer than two certificates");
    }
    DS_TRY(ds_x509_parse(&leaf, der[0], e));
    DS_TRY(ds_x509_parse(&ca, der[1], e));
    DS_TRY(dcap_pck_parse(&pck, &leaf, e));
    struct pcs_ask ask = { .is_sgx = quote.p[4] == 0 };
    memcpy(ask.fmspc6, pck.fmspc6, sizeof ask.fmspc6);
    if (strstr(ds_x509_name_of(&ca).s, "Processor") != NULL)
        ask.ca = PCS_CA_PROCESSOR;
    *ret = ask;
    return DS_OK;
}

/* The base without what people copy from the settings of Intel's own library. */
static size_t base_len(const char *base)
{
    size_t n = strlen(base), path = strlen(API_PATH);
    while (n > 0 && base[n - 1] == '/')
        n--;
    if (n > path && memcmp(base + n - path, API_PATH, path) == 0)
        n -= path;
    return n;
}

int pcs_url(char ret[static PCS_URL_MAX], const struct pcs_ask *ask, enum pcs_doc doc,
            const char *base, struct ds_error *e)
{
    const char *tee = ask->is_sgx ? "sgx" : "tdx";
    char choice[48] = "";
    const char *host = base != NULL ? base : PCS_BASE;
    int len = base_len(host) < PCS_URL_MAX ? (int)base_len(host) : PCS_URL_MAX, n = 0;
    /* PCS API 4: the number and `update` exclude each other; standard is what it does without. */
    if (ask->eval_number != 0)
        (void)snprintf(choice, sizeof choice, "tcbEvaluationDataNumber=%u", ask->eval_number);
    else if (ask->is_early)
        (void)snprintf(choice, sizeof choice, "update=early");
    const char *also = choice[0] != '\0' ? "&" : "", *first = choice[0] != '\0' ? "?" : "";
    switch (doc) {
    case PCS_TCB_INFO:
        n = snprintf(ret, PCS_URL_MAX, "%.*s/%s/certification/v4/tcb?fmspc=%s%s%s", len, host, tee,
                     DS_HEX(DS_SPAN(ask->fmspc6, 6)), also, choice);
        break;
    case PCS_QE_IDENTITY:
        n = snprintf(ret, PCS_URL_MAX, "%.*s/%s/certification/v4/qe/identity%s%s", len, host, tee,
                     first, choice);
        break;
    case PCS_PCK_CRL:
        n = snprintf(ret, PCS_URL_MAX, "%.*s" API_PATH "/pckcrl?ca=%s&encoding=der", len, host,
                     ask->ca == PCS_CA_PROCESSOR ? "processor" : "platform");
        break;
    case PCS_ROOT_CRL:
    case PCS_N_DOCS:
        n = base == NULL ? snprintf(ret, PCS_URL_MAX, ROOT_CRL_URL)
                         : snprintf(ret, PCS_URL_MAX, "%.*s" API_PATH "/rootcacrl", len, host);
        break;
    }
    if (n < 0 || n >= PCS_URL_MAX)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_NET_BAD_TARGET,
                            "the address of the service is too long");
    return DS_OK;
}

static int refuse(enum pcs_doc doc, const char *got, struct ds_error *e)
{
    static const char *const forms[] = {
        [PCS_TCB_INFO] = "{\"tcbInfo\": {...}, \"signature\": \"...\"} and its issuers",
        [PCS_QE_IDENTITY] = "{\"enclaveIdentity\": {...}, \"signature\": \"...\"} and its issuers",
        [PCS_PCK_CRL] = "a CRL as DER, hex or PEM, and its issuers",
        [PCS_ROOT_CRL] = "a CRL as DER, hex or PEM",
        [PCS_N_DOCS] = "",
    };
    return ds_refuse(e, DS_ERR_PEER, DS_CODE_COLLATERAL_REPLY, pcs_doc_text(doc), forms[doc], got,
                     NULL);
}

static int hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * RFC 3986 2.1. Some caches write forms, where + is a blank; base64 has a + of its own, which those
 * write as %2B. "BEGIN+" tells the two apart.
 */
static bool url_decode(struct ds_span *ret, struct ds_arena *mem, struct ds_span in)
{
    uint8_t *out = ds_arena_get(mem, in.len);
    size_t n = 0;
    if (out == NULL || in.len == 0)
        return false;
    bool is_form = memmem(in.p, in.len, "BEGIN+", 6) != NULL;
    for (size_t i = 0; i < in.len; i++) {
        out[n++] = is_form && in.p[i] == '+' ? ' ' : in.p[i];
        if (in.p[i] != '%')
            continue;
        struct ds_span two = ds_span_sub(in, i + 1, 2);
        if (two.len != 2 || hex_of(two.p[0]) < 0 || hex_of(two.p[1]) < 0)
            return false;
        out[n - 1] = (uint8_t)(hex_of(two.p[0]) << 4 | hex_of(two.p[1]));
        i += 2;
    }
    *ret = DS_SPAN(out, n);
    return true;
}

/* The issuers as PEM that reads as such. */
static int take_chain(struct ds_span *ret, struct ds_arena *mem, enum pcs_doc doc,
                      struct ds_span header, struct ds_error *e)
{
    size_t n = 0;
    if (header.len == 0)
        return refuse(doc, "no header with its issuers", e);
    if (!url_decode(ret, mem, header))
        return refuse(doc, "issuers that are not URL-encoded", e);
    struct ds_span rest = *ret, der;
    for (;; n++) {
        if (ds_pem_next(&der, &rest, "CERTIFICATE", mem, NULL) < 0)
            return refuse(doc, "issuers that are no PEM", e);
        if (der.p == NULL)
            break;
    }
    return n == 2 ? DS_OK : refuse(doc, "another number of issuers than two", e);
}

static int take_signed(struct ds_span *ret_text, struct ds_span *ret_sig, struct ds_arena *mem,
                       enum pcs_doc doc, struct ds_span body, struct ds_error *e)
{
    const char *key = doc == PCS_TCB_INFO ? "tcbInfo" : "enclaveIdentity";
    const struct ds_json_tok *root, *text;
    uint8_t sig64[64];
    if (ds_json_parse_in(&root, mem, body, NULL) < 0)
        return refuse(doc, "no JSON", e);
    if (ds_json_get(&text, root, key, DS_JSON_OBJECT, NULL) < 0)
        return refuse(doc, "JSON without it", e);
    if (ds_json_get_hex(sig64, sizeof sig64, root, "signature", NULL) < 0)
        return refuse(doc, "JSON without a signature of 64 bytes", e);
    *ret_text = text->raw;
    *ret_sig = ds_json_find(root, "signature")->raw;
    return DS_OK;
}

static bool is_hex_text(struct ds_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (hex_of(s.p[i]) < 0)
            return false;
    return s.len > 0 && s.len % 2 == 0;
}

/* DER by the vendor; hex by a PCCS for the root's list; PEM where `encoding` is not understood. */
static int take_crl(struct ds_span *ret, struct ds_arena *mem, enum pcs_doc doc,
                    struct ds_span body, struct ds_error *e)
{
    struct ds_span der = body, line = body;
    struct ds_crl crl;
    while (line.len > 0 && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r'))
        line.len--;
    if (is_hex_text(line)) {
        size_t len = 0;
        uint8_t *out = ds_arena_get(mem, line.len / 2);
        if (out == NULL || ds_hex_decode_any(out, &len, line.len / 2, line, NULL) < 0)
            return refuse(doc, "too much hex", e);
        der = DS_SPAN(out, len);
    } else if (body.len > 0 && body.p[0] == '-') {
        if (ds_pem_next(&der, &body, "X509 CRL", mem, NULL) < 0)
            return refuse(doc, "broken PEM", e);
    }
    if (ds_crl_parse(&crl, der, NULL) < 0)
        return refuse(doc, der.len == 0 ? "nothing" : "other bytes", e);
    *ret = der;
    return DS_OK;
}

struct parts {
    struct ds_span text[2], sig[2]; /* TCB info, QE identity */
    struct ds_span chain[PCS_N_DOCS];
    struct ds_span crl[PCS_N_DOCS];
};

static int take_parts(struct parts *p, struct ds_arena *mem, const struct pcs_reply *replies,
                      struct ds_error *e)
{
    for (enum pcs_doc doc = PCS_TCB_INFO; doc < PCS_N_DOCS; doc++) {
        struct ds_span body = replies[doc].body;
        if (body.len > PCS_BODY_MAX)
            return refuse(doc, "a document that is too long", e);
        if (doc != PCS_ROOT_CRL)
            DS_TRY(take_chain(&p->chain[doc], mem, doc, replies[doc].chain, e));
        if (doc == PCS_TCB_INFO || doc == PCS_QE_IDENTITY)
            DS_TRY(take_signed(&p->text[doc], &p->sig[doc], mem, doc, body, e));
        else
            DS_TRY(take_crl(&p->crl[doc], mem, doc, body, e));
    }
    return DS_OK;
}

int pcs_set_make(struct ds_buf *ret, struct ds_arena *mem,
                 const struct pcs_reply replies[static PCS_N_DOCS], struct ds_error *e)
{
    struct parts p = { 0 };
    DS_TRY(take_parts(&p, mem, replies, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "pck_crl", p.crl[PCS_PCK_CRL]);
    ds_jw_text(&w, "pck_crl_issuer_chain", p.chain[PCS_PCK_CRL]);
    ds_jw_text(&w, "qe_identity", p.text[PCS_QE_IDENTITY]);
    ds_jw_text(&w, "qe_identity_issuer_chain", p.chain[PCS_QE_IDENTITY]);
    ds_jw_text(&w, "qe_identity_signature", p.sig[PCS_QE_IDENTITY]);
    ds_jw_hex(&w, "root_ca_crl", p.crl[PCS_ROOT_CRL]);
    ds_jw_text(&w, "tcb_info", p.text[PCS_TCB_INFO]);
    ds_jw_text(&w, "tcb_info_issuer_chain", p.chain[PCS_TCB_INFO]);
    ds_jw_text(&w, "tcb_info_signature", p.sig[PCS_TCB_INFO]);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "collateral set");
}

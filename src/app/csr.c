/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate signing requests, version 2: one layout, both ways.
 */
#include "app/csr.h"

#include "codec/scale.h"
#include "crypto/verify.h"

#define CONFIRM "please sign cert:"

static void put_option_u64(struct ds_buf *b, bool is_there, uint64_t v)
{
    ds_scale_put_bool(b, is_there);
    if (is_there)
        ds_buf_le(b, v, 8);
}

int app_csr_encode(struct ds_buf *ret, const struct app_csr *csr, struct ds_error *e)
{
    if (csr->n_sans > APP_CSR_SANS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "a request with %zu alternative names", csr->n_sans);
    ds_scale_put_bytes(ret, DS_SPAN_LIT(CONFIRM));
    ds_scale_put_bytes(ret, csr->spki);
    ds_scale_put_bool(ret, csr->org_name.p != NULL);
    if (csr->org_name.p != NULL)
        ds_scale_put_bytes(ret, csr->org_name);
    ds_scale_put_bytes(ret, csr->subject);
    ds_scale_put_compact(ret, csr->n_sans);
    for (size_t i = 0; i < csr->n_sans; i++)
        ds_scale_put_bytes(ret, csr->sans[i]);
    ds_scale_put_bool(ret, csr->server_auth);
    ds_scale_put_bool(ret, csr->client_auth);
    ds_scale_put_bool(ret, csr->ext_quote);
    ds_scale_put_bool(ret, csr->ext_app_info);
    put_option_u64(ret, csr->has_not_before, csr->not_before_s);
    put_option_u64(ret, csr->has_not_after, csr->not_after_s);
    ds_buf_add(ret, csr->attestation); /* to the end, without a length */
    return ds_buf_end(ret, e, "certificate signing request");
}

static int bad(struct ds_error *e, const char *what)
{
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_CSR_FORMAT, "certificate signing request %s",
                        what);
}

static bool read_config(struct app_csr *c, struct ds_reader *r)
{
    if (ds_scale_bool(r)) {
        c->org_name = ds_scale_text(r);
        if (c->org_name.p == NULL)
            c->org_name.p = (const uint8_t *)"";
    }
    c->subject = ds_scale_text(r);
    c->n_sans = ds_scale_count(r, 1);
    if (r->bad || c->n_sans > APP_CSR_SANS_MAX)
        return false;
    for (size_t i = 0; i < c->n_sans; i++) {
        c->sans[i] = ds_scale_text(r);
        if (c->sans[i].len > APP_CSR_TEXT_MAX)
            return false;
    }
    c->server_auth = ds_scale_bool(r);
    c->client_auth = ds_scale_bool(r);
    c->ext_quote = ds_scale_bool(r);
    c->ext_app_info = ds_scale_bool(r);
    c->has_not_before = ds_scale_bool(r);
    c->not_before_s = c->has_not_before ? ds_read_u64le(r) : 0;
    c->has_not_after = ds_scale_bool(r);
    c->not_after_s = c->has_not_after ? ds_read_u64le(r) : 0;
    return !r->bad && c->subject.len <= APP_CSR_TEXT_MAX && c->org_name.len <= APP_CSR_TEXT_MAX;
}

int app_csr_parse(struct app_csr *ret, struct ds_span in, struct ds_error *e)
{
    if (in.len > APP_CSR_MAX)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_APP_CSR_FORMAT,
                            "certificate signing request has %zu bytes, over %zu", in.len,
                            APP_CSR_MAX);
    struct ds_reader r = ds_reader_of(in);
    struct app_csr c = { 0 };
    /* The first field keeps a signature over something else from being taken for a request. */
    if (!ds_span_eq(ds_scale_text(&r), DS_SPAN_LIT(CONFIRM)) || r.bad)
        return bad(e, "does not begin as one");
    c.spki = ds_scale_bytes(&r);
    if (!read_config(&c, &r))
        return bad(e, "is cut short or has a value out of bounds");
    c.attestation = ds_read_rest(&r);
    uint8_t xy[64];
    DS_TRY(ds_p256_of_spki(xy, c.spki, e));
    *ret = c;
    return DS_OK;
}

int app_csr_verify(struct app_csr *ret, struct ds_span in, struct ds_span sig, struct ds_error *e)
{
    struct app_csr c;
    struct ds_error inner = { 0 };
    DS_TRY(app_csr_parse(&c, in, e));
    int r = ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, c.spki, in, sig, &inner);
    if (r != DS_OK)
        return ds_fail_code(e, r == DS_ERR_CRYPTO ? r : DS_ERR_UNTRUSTED, DS_CODE_APP_CSR_SIGNATURE,
                            "certificate signing request: %s", inner.msg);
    *ret = c;
    return DS_OK;
}

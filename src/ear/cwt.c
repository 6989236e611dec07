/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CWT: the message is attest/cose's, the claims are ear's.
 */
#include "ear/cwt.h"

#include "ear/type.h"

#define TAG_CWT      61 /* RFC 8392 §6 */
#define TAG_SIGN1    18 /* RFC 9052 §2 */
#define TYPE         "eat+cwt"
#define TYPE_CONTENT 263 /* application/eat+cwt as a CoAP content format, RFC 9782 §6.3 */

/* RFC 8392 §6: CWT's tag stands before a COSE tag, never before an untagged message. */
static int strip_tag(struct ds_span *io, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(*io);
    if (io->len > EAR_TOKEN_MAX)
        return ds_refuse(e, DS_ERR_RANGE, DS_CODE_COSE_FORMAT, "cwt", "1 MiB at most", "more",
                         NULL);
    if (ds_cbor_peek(&r) != DS_CBOR_TAG || ds_cbor_tag(&r) != TAG_CWT)
        return DS_OK; /* another tag is for the COSE parser to judge */
    struct ds_span rest = ds_read_rest(&r);
    if (ds_cbor_peek(&r) != DS_CBOR_TAG)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_COSE_FORMAT, "cwt", "tag 18 under tag 61",
                         "no tag", NULL);
    *io = rest;
    return DS_OK;
}

/* RFC 9596 §2, RFC 8725 §3.11: a stated type is this one. */
static int check_type(const struct ds_cose_sign1 *m, struct ds_error *e)
{
    struct ds_reader v;
    if (!ds_cbor_find_i64(&v, m->headers, m->n_headers, DS_COSE_LABEL_TYP) &&
        !ds_cbor_find_i64(&v, m->unprotected, m->n_unprotected, DS_COSE_LABEL_TYP))
        return DS_OK;
    bool is_it = ds_cbor_peek(&v) == DS_CBOR_TEXT ? ear_type_is(ds_cbor_text(&v), TYPE)
                                                  : ds_cbor_u64(&v) == TYPE_CONTENT;
    if (is_it && !v.bad)
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_EAR_TYPE, "typ", TYPE, "another type", NULL);
}

int ear_cwt_open(struct ear *ret, struct ds_arena *mem, struct ds_span token,
                 const struct ds_cose_key *key, struct ds_error *e)
{
    struct ds_cose_sign1 m;
    DS_TRY(strip_tag(&token, e));
    DS_TRY(ds_cose_sign1_parse(&m, token, e));
    DS_TRY(check_type(&m, e));
    DS_TRY(ds_cose_sign1_verify(&m, key, (struct ds_span){ 0 }, e));
    return ear_decode(ret, mem, FORM_CBOR, m.payload, e);
}

static void put_headers(struct ds_buf *ret, const char *kid)
{
    ds_cbor_put_map(ret, kid != NULL ? 3 : 2);
    ds_cbor_put_i64(ret, DS_COSE_LABEL_ALG);
    ds_cbor_put_i64(ret, DS_COSE_ES256);
    if (kid != NULL) {
        ds_cbor_put_i64(ret, DS_COSE_LABEL_KID);
        ds_cbor_put_bytes(ret, ds_span_str(kid));
    }
    ds_cbor_put_i64(ret, DS_COSE_LABEL_TYP);
    ds_cbor_put_i64(ret, TYPE_CONTENT);
}

static int sign(uint8_t ret_sig64[64], const struct ds_p256_key *key, struct ds_span protected_,
                struct ds_span payload, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf signed_ = { 0 };
    struct ds_cose_tbs tbs;
    ds_cose_tbs_init(&tbs, protected_, (struct ds_span){ 0 }, payload);
    for (size_t i = 0; i < DS_LEN(tbs.parts); i++)
        ds_buf_add(&signed_, tbs.parts[i]);
    DS_TRY(ds_buf_end(&signed_, e, "what is signed"));
    return ds_p256_sign(ret_sig64, key, ds_buf_span(&signed_), e);
}

int ear_cwt_sign(struct ds_buf *ret, const struct ear *ear, const struct ds_p256_key *key,
                 const char *kid, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf headers = { 0 }, payload = { 0 };
    uint8_t sig64[64];
    put_headers(&headers, kid);
    DS_TRY(ds_buf_end(&headers, e, "the token's header"));
    DS_TRY(ear_encode(&payload, ear, FORM_CBOR, e));
    DS_TRY(sign(sig64, key, ds_buf_span(&headers), ds_buf_span(&payload), e));
    ds_cbor_put_tag(ret, TAG_SIGN1);
    ds_cbor_put_array(ret, 4);
    ds_cbor_put_bytes(ret, ds_buf_span(&headers));
    ds_cbor_put_map(ret, 0);
    ds_cbor_put_bytes(ret, ds_buf_span(&payload));
    ds_cbor_put_bytes(ret, DS_SPAN_OF(sig64));
    return ds_buf_end(ret, e, "the token");
}

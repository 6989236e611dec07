/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COSE_Sign1: [protected, unprotected, payload, signature].
 */
#include "attest/cose.h"

#include "attest/coded.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define TAG_SIGN1 18 /* RFC 9052 §2, Table 1 */

/* RFC 9052 §4.4: ["Signature1", ...] as an array of four; its first two heads and the text. */
#define TBS_START "\x84\x6aSignature1"

static const struct alg {
    enum ds_cose_alg alg;
    const char *text;
    size_t sig_len;
} algs[] = {
    { DS_COSE_ES256, "ES256", 64 },
    { DS_COSE_ES384, "ES384", 96 },
};

static const struct alg *alg_find(int64_t id)
{
    for (size_t i = 0; i < DS_LEN(algs); i++)
        if ((int64_t)algs[i].alg == id)
            return &algs[i];
    return NULL;
}

const char *ds_cose_alg_text(enum ds_cose_alg alg)
{
    const struct alg *a = alg_find(alg);
    return a != NULL ? a->text : "unknown";
}

int ds_cose_key_of_spki(struct ds_cose_key *ret, struct ds_span spki, struct ds_error *e)
{
    struct ds_cose_key key = { .alg = DS_COSE_ES256 };
    int r = ds_p256_of_spki(key.xy, spki, NULL);
    if (r == DS_ERR_UNSUPPORTED) {
        key.alg = DS_COSE_ES384;
        DS_TRY(ds_p384_of_spki(key.xy, spki, e));
    } else if (r < 0) {
        return ds_p256_of_spki(key.xy, spki, e);
    }
    *ret = key;
    return DS_OK;
}

static int bad_format(struct ds_error *e, int cls, const char *expected, const char *got)
{
    return ds_refuse(e, cls, DS_CODE_COSE_FORMAT, "cose", expected, got, DS_NO_ANCHOR);
}

/* One map of headers, whole. */
static int headers(size_t *ret_n, struct ds_cbor_pair *ret, struct ds_reader *r, const char *which,
                   struct ds_error *e)
{
    size_t n = ds_cbor_pairs(r, ret, DS_COSE_HEADERS_MAX);
    if (r->bad)
        return bad_format(e, DS_ERR_FORMAT, "a map with each label once", which);
    *ret_n = n;
    return DS_OK;
}

/* RFC 9052 §3: a label stands in one of the two maps, or nobody knows which value counts. */
static int labels_once(const struct ds_cose_sign1 *m, struct ds_error *e)
{
    for (size_t i = 0; i < m->n_headers; i++)
        for (size_t k = 0; k < m->n_unprotected; k++)
            if (ds_span_eq(m->headers[i].key, m->unprotected[k].key))
                return bad_format(e, DS_ERR_FORMAT, "each label in one map",
                                  "a label in both the protected and the unprotected headers");
    return DS_OK;
}

/* RFC 9052 §3.1: alg is authenticated; a critical header that is not understood ends the matter. */
static int check_headers(struct ds_cose_sign1 *m, struct ds_error *e)
{
    struct ds_reader v;
    if (ds_cbor_find_i64(&v, m->headers, m->n_headers, DS_COSE_LABEL_CRIT) ||
        ds_cbor_find_i64(&v, m->unprotected, m->n_unprotected, DS_COSE_LABEL_CRIT))
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_COSE_CRITICAL, "crit",
                         "no critical headers", "crit", DS_NO_ANCHOR);
    if (!ds_cbor_find_i64(&v, m->headers, m->n_headers, DS_COSE_LABEL_ALG))
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_COSE_ALGORITHM, "alg",
                         "ES256 or ES384, protected", "no protected algorithm", DS_NO_ANCHOR);
    int64_t id = ds_cbor_i64(&v);
    const struct alg *a = v.bad ? NULL : alg_find(id);
    if (a == NULL)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_COSE_ALGORITHM, "alg",
                         "ES256 or ES384, protected", "another algorithm", DS_NO_ANCHOR);
    if (m->sig.len != a->sig_len)
        return bad_format(e, DS_ERR_FORMAT, a->alg == DS_COSE_ES256 ? "64 bytes" : "96 bytes",
                          "a signature of another length");
    m->alg = a->alg;
    return DS_OK;
}

static int parse(struct ds_cose_sign1 *m, struct ds_span in, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(in);
    if (ds_cbor_peek(&r) == DS_CBOR_TAG && ds_cbor_tag(&r) != TAG_SIGN1)
        return bad_format(e, DS_ERR_FORMAT, "tag 18 or none", "another tag");
    if (ds_cbor_array(&r) != 4)
        return bad_format(e, DS_ERR_FORMAT, "an array of four", "something else");
    m->protected_ = ds_cbor_bytes(&r);
    if (r.bad || m->protected_.len == 0)
        return bad_format(e, DS_ERR_FORMAT, "protected headers", "none");
    struct ds_reader inner = ds_reader_of(m->protected_);
    DS_TRY(headers(&m->n_headers, m->headers, &inner, "the protected headers are none", e));
    DS_TRY(ds_reader_end(&inner, e, "the protected headers"));
    DS_TRY(headers(&m->n_unprotected, m->unprotected, &r, "the unprotected headers are none", e));
    DS_TRY(labels_once(m, e));
    m->payload = ds_cbor_bytes(&r);
    m->sig = ds_cbor_bytes(&r);
    DS_TRY(ds_reader_end(&r, e, "the COSE message"));
    return check_headers(m, e);
}

int ds_cose_sign1_parse(struct ds_cose_sign1 *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_cose_sign1 m = { .alg = DS_COSE_ES256 }; /* until the headers say which */
    DS_TRY(ds_anchored(ds_coded(parse(&m, in, e), DS_CODE_COSE_FORMAT, e), NULL, e));
    *ret = m;
    return DS_OK;
}

void ds_cose_tbs_init(struct ds_cose_tbs *ret, struct ds_span protected_, struct ds_span external,
                      struct ds_span payload)
{
    const struct ds_span strings[3] = { protected_, external, payload };
    ret->parts[0] = DS_SPAN_LIT(TBS_START);
    for (size_t i = 0; i < 3; i++)
        ret->heads[i] = ds_cbor_head_of(DS_CBOR_BYTES, strings[i].len);
    for (size_t i = 0; i < 3; i++) {
        ret->parts[1 + 2 * i] = DS_SPAN(ret->heads[i].b, ret->heads[i].len);
        ret->parts[2 + 2 * i] = strings[i];
    }
}

int ds_cose_sign1_verify(const struct ds_cose_sign1 *msg, const struct ds_cose_key *key,
                         struct ds_span external, struct ds_error *e)
{
    /* RFC 9053 §2.1, RFC 8725 §3.1: the key says which algorithm counts, not the message. */
    if (msg->alg != key->alg)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_COSE_ALGORITHM, "alg",
                         ds_cose_alg_text(key->alg), ds_cose_alg_text(msg->alg), NULL);
    struct ds_cose_tbs tbs;
    ds_cose_tbs_init(&tbs, msg->protected_, external, msg->payload);
    bool is_p256 = key->alg == DS_COSE_ES256;
    uint8_t digest[DS_HASH_MAX];
    DS_TRY(ds_hash_v(is_p256 ? DS_SHA256 : DS_SHA384, digest, tbs.parts, DS_LEN(tbs.parts), e));
    int r = is_p256 ? ds_p256_verify(key->xy, digest, msg->sig.p, e)
                    : ds_p384_verify(key->xy, digest, msg->sig.p, e);
    if (r == DS_ERR_UNTRUSTED)
        return ds_refuse(e, r, DS_CODE_COSE_SIGNATURE, "signature", "one of the given key",
                         "another one", NULL);
    return r;
}

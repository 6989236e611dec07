/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header "." payload "." signature, each in base64url.
 */
#include "ear/jwt.h"

#include "attest/coded.h"
#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/verify.h"
#include "ear/type.h"

#define HEADER_MAX 4096 /* bytes, decoded */
#define TYPE       "eat+jwt"

struct parts {
    struct ds_span header, payload, sig; /* still encoded */
    struct ds_span signed_;              /* header "." payload */
};

static int refuse(struct ds_error *e, int cls, enum ds_code code, const char *claim,
                  const char *expected, const char *got)
{
    return ds_refuse(e, cls, code, claim, expected, got, NULL);
}

static int bad_form(struct ds_error *e, const char *expected, const char *got)
{
    return refuse(e, DS_ERR_FORMAT, DS_CODE_EAR_JWT_FORMAT, "jws", expected, got);
}

/* RFC 7515 §7.1 */
static int split(struct parts *ret, struct ds_span token, struct ds_error *e)
{
    size_t dots[2], n = 0;
    if (token.len > EAR_TOKEN_MAX)
        return refuse(e, DS_ERR_RANGE, DS_CODE_EAR_JWT_FORMAT, "jws", "1 MiB at most", "more");
    for (size_t i = 0; i < token.len; i++) {
        if (token.p[i] != '.')
            continue;
        if (n == DS_LEN(dots))
            return bad_form(e, "three parts", "more");
        dots[n++] = i;
    }
    if (n != DS_LEN(dots))
        return bad_form(e, "three parts", "fewer");
    ret->header = ds_span_sub(token, 0, dots[0]);
    ret->payload = ds_span_sub(token, dots[0] + 1, dots[1] - dots[0] - 1);
    ret->sig = ds_span_sub(token, dots[1] + 1, SIZE_MAX);
    ret->signed_ = ds_span_sub(token, 0, dots[1]);
    return DS_OK;
}

static int decode_part(struct ds_span *ret, struct ds_arena *mem, struct ds_span text, size_t max,
                       struct ds_error *e)
{
    size_t cap = text.len < max ? text.len : max, len;
    uint8_t *out = ds_arena_get(mem, cap);
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a token of %zu bytes", text.len);
    DS_TRY(ds_base64url_decode(out, &len, cap, text, e));
    *ret = DS_SPAN(out, len);
    return DS_OK;
}

/* RFC 7515 §4.1.11, RFC 7797 §6: both change what the rest means. */
static int check_critical(const struct ds_json_tok *header, struct ds_error *e)
{
    static const char *const names[] = { "crit", "b64" };
    for (size_t i = 0; i < DS_LEN(names); i++)
        if (ds_json_find(header, names[i]) != NULL)
            return refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_EAR_JWT_CRITICAL, names[i],
                          "no critical headers", names[i]);
    return DS_OK;
}

/* RFC 8725 §3.1, §3.2: the algorithm is the key's; "none" is an algorithm like any other here. */
static int check_algorithm(const struct ds_json_tok *header, const struct ds_cose_key *key,
                           struct ds_error *e)
{
    static const enum ds_cose_alg algs[] = { DS_COSE_ES256, DS_COSE_ES384 };
    const struct ds_json_tok *alg = ds_json_find(header, "alg");
    for (size_t i = 0; i < DS_LEN(algs) && alg != NULL; i++) {
        if (!ds_json_is_str(alg, ds_cose_alg_text(algs[i])))
            continue;
        if (algs[i] == key->alg)
            return DS_OK;
        return refuse(e, DS_ERR_UNTRUSTED, DS_CODE_EAR_JWT_ALGORITHM, "alg",
                      ds_cose_alg_text(key->alg), ds_cose_alg_text(algs[i]));
    }
    return refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_EAR_JWT_ALGORITHM, "alg",
                  ds_cose_alg_text(key->alg), alg == NULL ? "no algorithm" : "another algorithm");
}

/* RFC 8725 §3.11: a key may sign tokens of several kinds; those that say so are told apart. */
static int check_type(const struct ds_json_tok *header, struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_json_tok *typ = ds_json_find(header, "typ");
    struct ds_span type = { 0 };
    if (typ == NULL)
        return DS_OK;
    if (typ->type != DS_JSON_STRING)
        return bad_form(e, "a typ that is a text", "something else");
    DS_TRY(ds_json_str(&type, mem, typ, e));
    if (ear_type_is(type, TYPE) || ear_type_is(type, "jwt"))
        return DS_OK;
    return refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_EAR_TYPE, "typ", TYPE " or JWT", "another type");
}

static int check_header(struct ds_arena *mem, struct ds_span text, const struct ds_cose_key *key,
                        struct ds_error *e)
{
    struct ds_span json;
    const struct ds_json_tok *header;
    DS_TRY(decode_part(&json, mem, text, HEADER_MAX, e));
    DS_TRY(ds_json_parse_in(&header, mem, json, e)); /* a member twice is refused there */
    if (header->type != DS_JSON_OBJECT)
        return bad_form(e, "a header that is an object", "something else");
    DS_TRY(check_critical(header, e));
    DS_TRY(check_algorithm(header, key, e));
    return check_type(header, mem, e);
}

/* RFC 7518 §3.4 */
static int check_signature(const struct parts *p, const struct ds_cose_key *key, struct ds_error *e)
{
    bool is_p256 = key->alg == DS_COSE_ES256;
    uint8_t sig[96], digest[DS_HASH_MAX];
    size_t want = is_p256 ? 64 : 96, len;
    DS_TRY(ds_base64url_decode(sig, &len, sizeof sig, p->sig, e));
    if (len != want)
        return bad_form(e, is_p256 ? "a signature of 64 bytes" : "a signature of 96 bytes",
                        "another length");
    DS_TRY(ds_hash(is_p256 ? DS_SHA256 : DS_SHA384, digest, p->signed_, e));
    int r = is_p256 ? ds_p256_verify(key->xy, digest, sig, e)
                    : ds_p384_verify(key->xy, digest, sig, e);
    if (r == DS_ERR_UNTRUSTED)
        return refuse(e, r, DS_CODE_EAR_JWT_SIGNATURE, "signature", "one of the given key",
                      "another one");
    return r;
}

static int verify(struct ds_span *ret_payload, struct ds_arena *mem, struct ds_span token,
                  const struct ds_cose_key *key, struct ds_error *e)
{
    struct parts p;
    DS_TRY(split(&p, token, e));
    DS_TRY(check_header(mem, p.header, key, e));
    DS_TRY(check_signature(&p, key, e));
    return decode_part(ret_payload, mem, p.payload, EAR_TOKEN_MAX, e);
}

int ear_jwt_open(struct ear *ret, struct ds_arena *mem, struct ds_span token,
                 const struct ds_cose_key *key, struct ds_error *e)
{
    struct ds_span payload;
    DS_TRY(ds_coded(verify(&payload, mem, token, key, e), DS_CODE_EAR_JWT_FORMAT, e));
    return ear_decode(ret, mem, FORM_JSON, payload, e);
}

int ear_jwt_sign(struct ds_buf *ret, const struct ear *ear, const struct ds_p256_key *key,
                 const char *kid, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf header = { 0 }, payload = { 0 }, text = { 0 };
    uint8_t sig64[64];
    struct ds_jw w = ds_jw_of(&header);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "alg", ds_cose_alg_text(DS_COSE_ES256));
    ds_jw_str(&w, "typ", TYPE);
    if (kid != NULL)
        ds_jw_str(&w, "kid", kid);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "the token's header"));
    DS_TRY(ear_encode(&payload, ear, FORM_JSON, e));
    ds_buf_base64url(&text, ds_buf_span(&header));
    ds_buf_char(&text, '.');
    ds_buf_base64url(&text, ds_buf_span(&payload));
    DS_TRY(ds_buf_end(&text, e, "the token"));
    DS_TRY(ds_p256_sign(sig64, key, ds_buf_span(&text), e));
    ds_buf_add(ret, ds_buf_span(&text));
    ds_buf_char(ret, '.');
    ds_buf_base64url(ret, DS_SPAN_OF(sig64));
    return ds_buf_end(ret, e, "the token");
}

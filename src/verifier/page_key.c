/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose results these are: the public key, by itself and in Veraison's discovery.
 * spec: RFC 7517 5, RFC 9052 7; Veraison, api/well-known in github.com/veraison/docs
 */
#include "verifier/call.h"
#include "verifier/evidence.h"
#include "verifier/query.h"

#define MEDIA_JWK_SET   "application/jwk-set+json" /* RFC 7517 8.5.2 */
#define MEDIA_COSE_SET  "application/cose-key-set" /* RFC 9052 11.3.2 */
#define MEDIA_DISCOVERY "application/vnd.veraison.discovery+json"

static const struct {
    const char *media;
    int (*encode)(struct ds_buf *ret, const struct signer *s, struct ds_error *e);
} sets[] = {
    { MEDIA_JWK_SET, signer_jwk_set },
    { MEDIA_COSE_SET, signer_cose_key_set },
};

static int encode_discovery(struct ds_buf *ret, const struct verifier *v, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf key = { 0 };
    struct ds_jw w = ds_jw_of(ret);
    DS_TRY(signer_jwk(&key, &v->signer, e));
    ds_jw_object(&w, NULL);
    ds_jw_raw(&w, "ear-verification-key", ds_buf_span(&key));
    ds_jw_array(&w, "media-types");
    for (size_t i = 0; evidence_media_types[i] != NULL; i++)
        ds_jw_str(&w, NULL, evidence_media_types[i]);
    ds_jw_array_end(&w);
    ds_jw_str(&w, "version", DS_VERSION);
    ds_jw_str(&w, "service-state", "READY");
    ds_jw_object(&w, "api-endpoints");
    ds_jw_str(&w, "newChallengeResponseSession", "/challenge-response/v1/newSession");
    ds_jw_object_end(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "discovery");
}

static void answer(const struct call *c, int r, const char *media, const struct ds_buf *body,
                   const struct ds_error *e)
{
    if (r < 0)
        call_fail(c, e);
    else
        call_answer(c, 200, media, ds_buf_span(body), NULL);
}

void page_keys(struct call *c)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    struct ds_error e;
    size_t i = 0;
    const char *accept = net_http_header(c->req, "Accept");
    while (i < DS_LEN(sets) && !query_accepts(accept, sets[i].media))
        i++;
    if (i < DS_LEN(sets)) {
        answer(c, sets[i].encode(&body, &c->v->signer, &e), sets[i].media, &body, &e);
        return;
    }
    (void)ds_refuse(&e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_NOT_ACCEPTABLE, "Accept",
                    MEDIA_JWK_SET ", " MEDIA_COSE_SET, accept, NULL);
    call_fail(c, &e);
}

void page_discovery(struct call *c)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    struct ds_error e;
    answer(c, encode_discovery(&body, c->v, &e), MEDIA_DISCOVERY, &body, &e);
}

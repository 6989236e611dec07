/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derivations and signatures of guest-api 6.2, and the replies around them.
 */
#include "kms/issue.h"

#include <assert.h>

#include "app/chain.h"
#include "app/derive.h"
#include "codec/json_write.h"
#include "crypto/x25519.h"
#include "ratls/cert.h"

#define DAY_S       86400
#define CERT_DAYS   3650 /* dstack's default validity of an app's certificate */
#define CA_DAYS     3650
#define GATEWAY_ANY "" /* no gateway yet */

/* Where in the log this decision stands, beside dstack's own fields (DECISIONS "Release log"). */
static void add_receipt(struct ds_jw *w, const struct kms_log_receipt *r)
{
    ds_jw_u64(w, "log_index", r->index);
    ds_jw_object(w, "log_head");
    ds_jw_text(w, "head", ds_buf_span(&r->head));
    ds_jw_hex(w, "signature", DS_SPAN_OF(r->head_sig64));
    ds_jw_object_end(w);
    ds_jw_array(w, "log_proof");
    for (size_t i = 0; i < r->proof.n; i++)
        ds_jw_hex(w, NULL, DS_SPAN_OF(r->proof.path[i].b));
    ds_jw_array_end(w);
}

struct app_keys {
    struct ds_key32 disk, env, k256;
    uint8_t k256_sig65[65];
};

static void app_keys_wipe(struct app_keys *k) { explicit_bzero(k, sizeof *k); }

static int derive(struct app_keys *ret, const struct kms_root *root, const uint8_t app_id20[20],
                  struct ds_span instance_id, struct ds_error *e)
{
    uint8_t pub33[33];
    DS_TRY(app_derive_disk_key(&ret->disk, &root->keys->ca_scalar, app_id20, instance_id, e));
    DS_TRY(app_derive_env_key(&ret->env, &root->keys->ca_scalar, app_id20, e));
    DS_TRY(app_derive_k256_key(&ret->k256, &root->keys->k256, app_id20, e));
    DS_TRY(ds_k256_public(pub33, &ret->k256, e));
    return app_issue_sign(ret->k256_sig65, &root->keys->k256, app_id20, pub33, e);
}

int kms_issue_boot_keys(struct ds_buf *ret, const struct kms *kms, const struct kms_grant *grant,
                        struct ds_error *e)
{
    DS_AUTO(app_keys_wipe) struct app_keys keys = { 0 };
    const struct ds_claims *c = grant->appraisal.claims;
    assert(ret->wipes);
    DS_TRY(derive(&keys, &kms->root, ds_claims_app_id(c).p, ds_claims_instance_id(c), e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_text(&w, "ca_cert", ds_buf_span(&kms->root.ca_pem));
    ds_jw_hex(&w, "disk_crypt_key", DS_SPAN_OF(keys.disk.b));
    ds_jw_hex(&w, "env_crypt_key", DS_SPAN_OF(keys.env.b));
    ds_jw_hex(&w, "k256_key", DS_SPAN_OF(keys.k256.b));
    ds_jw_hex(&w, "k256_signature", DS_SPAN_OF(keys.k256_sig65));
    ds_jw_str(&w, "tproxy_app_id", GATEWAY_ANY);
    ds_jw_str(&w, "gateway_app_id", GATEWAY_ANY);
    ds_jw_hex(&w, "os_image_hash", DS_SPAN_OF(grant->appraisal.vm.os_image_hash32));
    add_receipt(&w, &grant->receipt);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "GetAppKey");
}

/* The app's CA: derived, so that every certificate of the app chains to the same key. */
static int app_ca_make(struct ds_buf *ret_der, struct ds_p256_key **ret_key,
                       const struct kms_root *root, const uint8_t app_id20[20], int64_t now_s,
                       struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    uint8_t spki[DS_P256_SPKI_LEN];
    DS_TRY(app_derive_ca_key(&key, &root->keys->ca_scalar, app_id20, e));
    ds_p256_key_spki(spki, key);
    const struct ratls_spec spec = { .cn = "Dstack App CA",
                                     .org = "Dstack",
                                     .not_before_s = now_s - DAY_S,
                                     .not_after_s = now_s + (int64_t)CA_DAYS * DAY_S,
                                     .ca = true,
                                     .path_len = 0,
                                     .app_id = DS_SPAN(app_id20, 20),
                                     .usage = "app:ca" };
    DS_TRY(ratls_cert_make(ret_der, &spec, DS_SPAN_OF(spki), ds_buf_span(&root->ca_der),
                           root->ca_key, e));
    *ret_key = DS_TAKE_PTR(key);
    return DS_OK;
}

struct leaf_texts {
    char subject[256];
    char sans[APP_CSR_SANS_MAX][256];
    const char *san_list[APP_CSR_SANS_MAX];
};

static bool copy_text(char out[256], struct ds_span text)
{
    if (text.len >= 256 || (text.len > 0 && memchr(text.p, 0, text.len) != NULL))
        return false;
    if (text.len > 0)
        memcpy(out, text.p, text.len);
    out[text.len] = '\0';
    return true;
}

static int leaf_texts_of(struct leaf_texts *ret, const struct app_csr *csr, struct ds_error *e)
{
    bool ok = copy_text(ret->subject, csr->subject);
    for (size_t i = 0; i < csr->n_sans; i++) {
        ok = ok && copy_text(ret->sans[i], csr->sans[i]);
        ret->san_list[i] = ret->sans[i];
    }
    return ok ? DS_OK : ds_fail(e, DS_ERR_RANGE, "a name of the request is too long");
}

static int leaf_make(struct ds_buf *ret, const struct kms_grant *grant, const struct app_csr *csr,
                     struct ds_span ca_der, const struct ds_p256_key *ca_key, int64_t now_s,
                     struct ds_error *e)
{
    DS_AUTO(ds_auto_free) struct leaf_texts *texts = calloc(1, sizeof *texts);
    const struct app_appraisal *a = &grant->appraisal;
    const struct ds_app_info info = { .app_id = ds_claims_app_id(a->claims),
                                      .compose_hash = ds_claims_compose_hash(a->claims),
                                      .instance_id = ds_claims_instance_id(a->claims),
                                      .device_id = ds_claims_device_id32(a->claims),
                                      .os_image_hash = DS_SPAN_OF(a->vm.os_image_hash32),
                                      .key_provider_info = ds_claims_key_provider(a->claims) };
    if (texts == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "sign a certificate");
    DS_TRY(leaf_texts_of(texts, csr, e));
    const struct ratls_spec spec = {
        .cn = texts->subject,
        .not_before_s = csr->has_not_before ? (int64_t)csr->not_before_s : now_s - DAY_S,
        .not_after_s = csr->has_not_after ? (int64_t)csr->not_after_s
                                          : now_s + (int64_t)CERT_DAYS * DAY_S,
        .eku = (csr->server_auth ? DS_CERT_SERVER_AUTH : 0U) |
               (csr->client_auth ? DS_CERT_CLIENT_AUTH : 0U),
        .sans = texts->san_list,
        .n_sans = csr->n_sans,
        .attestation = csr->ext_quote ? csr->attestation : (struct ds_span){ 0 },
        .app_id = ds_claims_app_id(a->claims),
        .usage = "app:custom",
        .app_info = csr->ext_app_info ? &info : NULL,
    };
    return ratls_cert_make(ret, &spec, csr->spki, ca_der, ca_key, e);
}

static void add_pem(struct ds_jw *w, struct ds_span der)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    ds_pem_add(&pem, "CERTIFICATE", der);
    ds_jw_text(w, NULL, ds_buf_span(&pem));
}

int kms_issue_cert(struct ds_buf *ret, const struct kms *kms, const struct kms_grant *grant,
                   const struct app_csr *csr, int64_t now_s, struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *ca_key = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf ca = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    const uint8_t *app_id20 = ds_claims_app_id(grant->appraisal.claims).p;
    DS_TRY(app_ca_make(&ca, &ca_key, &kms->root, app_id20, now_s, e));
    DS_TRY(leaf_make(&leaf, grant, csr, ds_buf_span(&ca), ca_key, now_s, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_array(&w, "certificate_chain");
    add_pem(&w, ds_buf_span(&leaf));
    add_pem(&w, ds_buf_span(&ca));
    ds_jw_text(&w, NULL, ds_buf_span(&kms->root.ca_pem));
    ds_jw_array_end(&w);
    add_receipt(&w, &grant->receipt);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "SignCert");
}

int kms_issue_env_pub(struct ds_buf *ret, const struct kms *kms, const uint8_t app_id20[static 20],
                      int64_t now_s, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 key = { 0 };
    uint8_t pub32[32], sig65[65], sig_v1_65[65];
    DS_TRY(app_derive_env_key(&key, &kms->root.keys->ca_scalar, app_id20, e));
    DS_TRY(ds_x25519_public(pub32, &key, e));
    DS_TRY(app_env_pub_sign(sig65, &kms->root.keys->k256, app_id20, pub32, e));
    DS_TRY(
        app_env_pub_sign_v1(sig_v1_65, &kms->root.keys->k256, app_id20, (uint64_t)now_s, pub32, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "public_key", DS_SPAN_OF(pub32));
    ds_jw_hex(&w, "signature", DS_SPAN_OF(sig65));
    ds_jw_i64(&w, "timestamp", now_s);
    ds_jw_hex(&w, "signature_v1", DS_SPAN_OF(sig_v1_65));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "GetAppEnvEncryptPubKey");
}

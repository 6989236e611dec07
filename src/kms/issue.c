/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derivations and signatures of guest-api 6.2, and the replies around them.
 */
#include "kms/issue.h"

#include <assert.h>

#include "app/chain.h"
#include "app/derive.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "crypto/x25519.h"
#include "kms/credential.h"
#include "ratls/cert.h"

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

static void add_pem(struct ds_jw *w, struct ds_span der)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    ds_pem_add(&pem, "CERTIFICATE", der);
    ds_jw_text(w, NULL, ds_buf_span(&pem));
}

/* Leaf, app CA, root. */
static void add_chain(struct ds_jw *w, const char *name, struct ds_span leaf,
                      const struct kms_app_ca *ca, const struct kms_root *root)
{
    ds_jw_array(w, name);
    add_pem(w, leaf);
    add_pem(w, ds_buf_span(&ca->der));
    ds_jw_text(w, NULL, ds_buf_span(&root->ca_pem));
    ds_jw_array_end(w);
}

static int add_credential(struct ds_jw *w, const struct kms *kms, const struct kms_grant *grant,
                          int64_t now_s, struct ds_error *e)
{
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    const struct ds_claims *c = grant->appraisal.claims;
    const struct kms_credential_for who = { .spki = grant->bound_spki,
                                            .app_id = ds_claims_app_id(c),
                                            .instance_id = ds_claims_instance_id(c),
                                            .now_s = now_s,
                                            .life_s = kms->credential_life_s };
    DS_TRY(kms_app_ca_make(&ca, &kms->root, who.app_id.p, now_s, e));
    DS_TRY(kms_credential_make(&leaf, &ca, &who, e));
    add_chain(w, "instance_credential", ds_buf_span(&leaf), &ca, &kms->root);
    return DS_OK;
}

int kms_issue_boot_keys(struct ds_buf *ret, const struct kms *kms, const struct kms_grant *grant,
                        int64_t now_s, struct ds_error *e)
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
    DS_TRY(add_credential(&w, kms, grant, now_s, e));
    add_receipt(&w, &grant->receipt);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "GetAppKey");
}

int kms_issue_credential(struct ds_buf *ret, const struct kms *kms, const struct kms_grant *grant,
                         int64_t now_s, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    DS_TRY(add_credential(&w, kms, grant, now_s, e));
    add_receipt(&w, &grant->receipt);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "RenewCredential");
}

struct leaf_texts {
    char subject[256], org[256];
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

/* The SDKs ask with an empty subject; a common name has at least one character (RFC 5280 A.1). */
static int leaf_texts_of(struct leaf_texts *ret, const struct app_csr *csr, struct ds_span app_id,
                         struct ds_error *e)
{
    bool ok = copy_text(ret->subject, csr->subject) && copy_text(ret->org, csr->org_name);
    if (csr->subject.len == 0)
        (void)ds_hex_encode(ret->subject, app_id);
    for (size_t i = 0; i < csr->n_sans; i++) {
        ok = ok && copy_text(ret->sans[i], csr->sans[i]);
        ret->san_list[i] = ret->sans[i];
    }
    return ok ? DS_OK : ds_fail(e, DS_ERR_RANGE, "a name of the request is too long");
}

static int leaf_make(struct ds_buf *ret, const struct kms_grant *grant, const struct app_csr *csr,
                     const struct kms_app_ca *ca, int64_t now_s, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) struct leaf_texts *texts = calloc(1, sizeof *texts);
    const struct app_appraisal *a = &grant->appraisal;
    const struct ds_app_info info = { .app_id = ds_claims_app_id(a->claims),
                                      .compose_hash = ds_claims_compose_hash(a->claims),
                                      .instance_id = ds_claims_instance_id(a->claims),
                                      .device_id = ds_claims_device_id32(a->claims),
                                      .os_image_hash = DS_SPAN_OF(a->vm.os_image_hash32),
                                      .key_provider_info = ds_claims_key_provider(a->claims) };
    struct kms_cert_dates dates;
    if (texts == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "sign a certificate");
    DS_TRY(leaf_texts_of(texts, csr, info.app_id, e));
    DS_TRY(kms_cert_dates_of(&dates, csr, now_s, ca->not_after_s, e));
    const struct ratls_spec spec = {
        .cn = texts->subject,
        .org = texts->org[0] != '\0' ? texts->org : NULL,
        .not_before_s = dates.not_before_s,
        .not_after_s = dates.not_after_s,
        .eku = (csr->server_auth ? DS_CERT_SERVER_AUTH : 0U) |
               (csr->client_auth ? DS_CERT_CLIENT_AUTH : 0U),
        .sans = texts->san_list,
        .n_sans = csr->n_sans,
        .attestation = csr->ext_quote ? csr->attestation : (struct ds_span){ 0 },
        .app_id = ds_claims_app_id(a->claims),
        .usage = "app:custom",
        .app_info = csr->ext_app_info ? &info : NULL,
    };
    return ratls_cert_make(ret, &spec, csr->spki, ds_buf_span(&ca->der), ca->key, e);
}

int kms_issue_cert(struct ds_buf *ret, const struct kms *kms, const struct kms_grant *grant,
                   const struct app_csr *csr, int64_t now_s, struct ds_error *e)
{
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    const uint8_t *app_id20 = ds_claims_app_id(grant->appraisal.claims).p;
    DS_TRY(kms_app_ca_make(&ca, &kms->root, app_id20, now_s, e));
    DS_TRY(leaf_make(&leaf, grant, csr, &ca, now_s, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    add_chain(&w, "certificate_chain", ds_buf_span(&leaf), &ca, &kms->root);
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetAppKey over RA-TLS; SignCert and RenewCredential over TLS with the instance
 * credential.
 */
#include "guest/kms_client.h"

#include "attest/wrapper/cert_ext.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "crypto/key.h"
#include "guest/evidence.h"
#include "net/target.h"
#include "net/tls.h"
#include "ratls/cert.h"
#include "rpc/client.h"

#define CALL_MS     60000
#define CERT_DAYS   1
#define DAY_S       86400
#define ADDRESS_MAX 300

static int verify_kms(void *arg, const struct ds_span *chain, size_t n_chain, struct ds_error *e)
{
    const struct agent *a = arg;
    struct ds_x509 leaf;
    struct ds_span usage;
    DS_TRY(ratls_chain_check(chain, n_chain, a->compose.key_provider_id, ds_clock_now_s(), e));
    DS_TRY(ds_x509_parse(&leaf, chain[0], e));
    DS_TRY(ds_cert_ext_find(&usage, &leaf, DS_CERT_EXT_USAGE, e));
    /* The same root signs the certificates of apps: they must not pass for the KMS. */
    if (!ds_span_eq_str(usage, "kms:rpc"))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_GUEST_KMS_USAGE, "certificate usage",
                         "kms:rpc", usage.p != NULL ? "another usage" : "none", "KMS root CA");
    return DS_OK;
}

/* A TLS client that shows this chain (PEM) for the credential's key. */
static int client_make(struct net_tls **ret, struct agent *a, struct ds_span chain_pem,
                       struct ds_error *e)
{
    const struct net_tls_config cfg = {
        .chain_pem = chain_pem, .key = a->credential.key, .verify = verify_kms, .verify_arg = a
    };
    return net_tls_client_new(ret, &cfg, e);
}

/* At boot: the certificate carries fresh evidence for the key. */
static int client_attested(struct net_tls **ret, struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    int64_t now_s = ds_clock_now_s();
    const struct ratls_spec spec = { .cn = "dstack guest",
                                     .not_before_s = now_s - DAY_S,
                                     .not_after_s = now_s + (int64_t)CERT_DAYS * DAY_S,
                                     .eku = DS_CERT_CLIENT_AUTH };
    DS_TRY(ratls_cert_attest(&der, &spec, a->credential.key, guest_evidence_for_cert, a, e));
    ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&der));
    DS_TRY(ds_buf_end(&pem, e, "certificate"));
    return client_make(ret, a, ds_buf_span(&pem), e);
}

/* Later: the credential. */
static int client_credential(struct net_tls **ret, struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    DS_TRY(guest_credential_chain(&pem, &a->credential, e));
    return client_make(ret, a, ds_buf_span(&pem), e);
}

/* "https://10.0.2.101:8001" becomes a target's text. */
static int address_of(char out[static ADDRESS_MAX], const char *url, struct ds_error *e)
{
    struct net_target t;
    if (net_target_parse(&t, url, NULL) < 0 || t.kind != NET_TARGET_TLS)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_GUEST_SYS_CONFIG_INVALID, "kms_urls",
                         "an https address", url, "host-shared disk");
    (void)net_target_text(out, &t);
    return DS_OK;
}

static int call(yyjson_doc **ret, struct ds_verdict *reasons, struct agent *a, struct net_tls *tls,
                const char *method, struct ds_span params, struct ds_error *e)
{
    int r = ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_GUEST_SYS_CONFIG_INVALID, "kms_urls",
                      "at least one address", "none", "host-shared disk");
    for (size_t i = 0; i < a->sys.n_kms_urls; i++) {
        char address[ADDRESS_MAX];
        DS_TRY(address_of(address, a->sys.kms_urls[i], e));
        const struct rpc_target target = { .address = address, .tls = tls, .timeout_ms = CALL_MS };
        r = rpc_client_call(ret, reasons, &target, method, params, e);
        /* Another address may answer; a refusal is an answer. */
        if (r != DS_ERR_UNAVAILABLE && r != DS_ERR_TIMEOUT)
            return r;
        (void)ds_wrap(e, r, "KMS at %.100s", address);
    }
    return r;
}

static int take_hex(uint8_t *out, size_t len, yyjson_val *reply, const char *key,
                    struct ds_error *e)
{
    const char *text = yyjson_get_str(yyjson_obj_get(reply, key));
    if (text == NULL || ds_hex_decode(out, len, ds_span_str(text), NULL) < 0)
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_GUEST_KMS_REPLY, key, "hex of the right length",
                         "something else", "KMS");
    return DS_OK;
}

static int take_secret(struct ds_secret *ret, yyjson_val *reply, const char *key,
                       struct ds_error *e)
{
    DS_TRY(ds_secret_new(ret, 32, e));
    return take_hex(ret->p, 32, reply, key, e);
}

static int take_keys(struct guest_keys *ret, yyjson_val *reply, struct ds_error *e)
{
    const char *ca = yyjson_get_str(yyjson_obj_get(reply, "ca_cert"));
    if (ca == NULL)
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_GUEST_KMS_REPLY, "ca_cert", "a certificate",
                         "nothing", "KMS");
    ds_buf_str(&ret->ca_pem, ca);
    DS_TRY(take_secret(&ret->disk_key32, reply, "disk_crypt_key", e));
    DS_TRY(take_secret(&ret->env_key32, reply, "env_crypt_key", e));
    DS_TRY(take_secret(&ret->k256_key32, reply, "k256_key", e));
    DS_TRY(take_hex(ret->k256_signature65, 65, reply, "k256_signature", e));
    DS_TRY(take_hex(ret->os_image32, 32, reply, "os_image_hash", e));
    return ds_buf_end(&ret->ca_pem, e, "CA certificate");
}

static int take_credential(struct agent *a, yyjson_val *reply, struct ds_error *e)
{
    const char *pems[NET_TLS_CHAIN_MAX];
    size_t i, n, n_pems = 0;
    yyjson_val *list = yyjson_obj_get(reply, "instance_credential"), *v;
    yyjson_arr_foreach(list, i, n, v)
    {
        if (n_pems == DS_LEN(pems) || !yyjson_is_str(v))
            return ds_refuse(e, DS_ERR_PEER, DS_CODE_GUEST_KMS_REPLY, "instance_credential",
                             "an array of certificates", "something else", "KMS");
        pems[n_pems++] = yyjson_get_str(v);
    }
    return guest_credential_take(&a->credential, pems, n_pems, e);
}

int guest_kms_boot_keys(struct guest_keys *ret, struct ds_verdict *reasons, struct agent *a,
                        struct ds_error *e)
{
    DS_AUTO(net_tls_unref_auto) struct net_tls *tls = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_u64(&w, "api_version", 1);
    ds_jw_str(&w, "vm_config", a->sys.vm_config);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "GetAppKey"));
    DS_TRY(ds_p256_key_new(&a->credential.key, e));
    DS_TRY(client_attested(&tls, a, e));
    DS_TRY(call(&doc, reasons, a, tls, "GetAppKey", ds_buf_span(&params), e));
    int r = take_keys(ret, yyjson_doc_get_root(doc), e);
    if (r == DS_OK)
        r = take_credential(a, yyjson_doc_get_root(doc), e);
    yyjson_doc_free(doc);
    return r;
}

static int renew_params(struct ds_buf *ret, struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN], data64[64];
    ds_p256_key_spki(spki, a->credential.key);
    DS_TRY(ratls_report_data(data64, DS_SPAN_OF(spki), e));
    DS_TRY(guest_evidence(&evidence, a, data64, GUEST_LOG_COMPACT, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "attestation", ds_buf_span(&evidence));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "RenewCredential");
}

int guest_kms_renew_credential(struct agent *a, struct ds_error *e)
{
    DS_AUTO(net_tls_unref_auto) struct net_tls *tls = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    yyjson_doc *doc = NULL;
    DS_TRY(renew_params(&params, a, e));
    DS_TRY(client_credential(&tls, a, e));
    DS_TRY(call(&doc, NULL, a, tls, "RenewCredential", ds_buf_span(&params), e));
    int r = take_credential(a, yyjson_doc_get_root(doc), e);
    yyjson_doc_free(doc);
    return r;
}

int guest_kms_sign_cert(struct ds_buf *ret, struct agent *a, struct ds_span csr, struct ds_span sig,
                        struct ds_error *e)
{
    DS_AUTO(net_tls_unref_auto) struct net_tls *tls = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_u64(&w, "api_version", 2);
    ds_jw_hex(&w, "csr", csr);
    ds_jw_hex(&w, "signature", sig);
    ds_jw_str(&w, "vm_config", a->sys.vm_config);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "SignCert"));
    DS_TRY(client_credential(&tls, a, e));
    DS_TRY(call(&doc, NULL, a, tls, "SignCert", ds_buf_span(&params), e));
    yyjson_val *chain = yyjson_obj_get(yyjson_doc_get_root(doc), "certificate_chain");
    size_t len = 0;
    DS_AUTO(ds_auto_free)
    char *text = yyjson_is_arr(chain) ? yyjson_val_write(chain, YYJSON_WRITE_ESCAPE_UNICODE, &len)
                                      : NULL;
    yyjson_doc_free(doc);
    if (text == NULL)
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_GUEST_KMS_REPLY, "certificate_chain",
                         "an array of certificates", "something else", "KMS");
    ds_buf_add(ret, DS_SPAN(text, len));
    return ds_buf_end(ret, e, "certificate chain");
}

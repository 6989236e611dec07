/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers: each takes its call to the worker thread, where the whole decision
 * is made, and answers on the loop. spec: host-api 2.1
 */
#include "kms/api.h"

#include "attest/wrapper/cert_ext.h"
#include "base/clock.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "kms/issue.h"
#include "net/tls.h"
#include "ratls/cert.h"
#include "rpc/job.h"

/* Whoever may ask can make it fail: 64 lines, then one a minute. */
static const struct kms_rate line_rate = { .burst = 64, .refill_ms = 60000 };

/* A denial is in the release log. This may be the release log itself. */
static void log_failure(void *ctx, const struct rpc_call *call, const struct ds_error *e)
{
    struct kms *kms = ctx;
    char dropped[24];
    if (!kms_bucket_take(&kms->log_lines, &line_rate, ds_clock_mono_ms())) {
        kms->n_lines_dropped++;
        return;
    }
    (void)snprintf(dropped, sizeof dropped, "%llu", (unsigned long long)kms->n_lines_dropped);
    ds_log(&kms->log, DS_LOG_WARN, "kms.call", "method", rpc_call_method(call)->name, "code",
           ds_code_info_get(e->code)->id, "err", e->msg, "lines_left_out", dropped);
}

/* What is no request is no decision either: it is counted, and makes no leaf. */
static int malformed(struct kms *kms, int r)
{
    kms->n_malformed += r < 0;
    return r;
}

/* Dates mean nothing by a clock that is behind: then they are not looked at, and kms_decide says why. */
static bool clock_holds(const struct kms *kms, int64_t clock_s)
{
    struct ds_error why;
    int64_t now_s;
    return kms_now(&now_s, kms, clock_s, &why) == DS_OK;
}

/* The evidence in the caller's certificate, and the certificate's own key. */
static int peer_evidence(struct kms_request *ret, struct ds_x509 *cert, const struct rpc_job *j,
                         int64_t now_s, struct ds_error *e)
{
    const struct net_chain *chain = rpc_call_caller(j->call)->chain;
    if (chain == NULL || chain->n == 0)
        return DS_OK; /* kms_decide says what is missing */
    DS_TRY(ds_x509_parse(cert, chain->der[0], e));
    /* DESIGN 5, "Sessions": evidence in a certificate is as old as the certificate lets it be. The
     * holder of its key chose those dates: they bound what an honest guest leaves behind, no more. */
    if (clock_holds(j->ctx, now_s))
        DS_TRY(ratls_cert_check(cert, now_s, e));
    DS_TRY(ds_cert_ext_find(&ret->attestation, cert, DS_CERT_EXT_ATTESTATION, e));
    ret->bound_spki = cert->spki;
    return DS_OK;
}

static void peer_chain(struct kms_request *ret, const struct rpc_call *call)
{
    const struct net_chain *chain = rpc_call_caller(call)->chain;
    if (chain == NULL)
        return; /* kms_decide says what is missing */
    ret->chain = chain->der;
    ret->n_chain = chain->n;
}

static int get_app_key(struct rpc_job *j, struct ds_error *e)
{
    struct kms *kms = j->ctx;
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    struct kms_request request = { .act = KMS_ACT_BOOT_KEYS, .mono_ms = ds_clock_mono_ms() };
    struct ds_x509 cert;
    int64_t now_s = ds_clock_now_s();
    DS_TRY(malformed(kms, peer_evidence(&request, &cert, j, now_s, e)));
    DS_TRY(kms_decide(&grant, &j->verdict, kms, &request, now_s, e));
    return kms_issue_boot_keys(&j->reply, kms, &grant, now_s, e);
}

/* A bytes field of any length, decoded into fresh memory (*gives*). */
static int take_bytes(uint8_t **ret, struct ds_span *ret_span, const struct rpc_call *call,
                      const char *name, struct ds_error *e)
{
    size_t cap = strlen(rpc_call_text(call, name)) / 2 + 1, len = 0;
    DS_AUTO(ds_auto_free) uint8_t *p = malloc(cap);
    if (p == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read %s", name);
    DS_TRY(rpc_call_hex(call, name, p, &len, cap, e));
    *ret_span = DS_SPAN(p, len);
    *ret = DS_TAKE_PTR(p);
    return DS_OK;
}

static int sign_cert(struct rpc_job *j, struct ds_error *e)
{
    struct kms *kms = j->ctx;
    DS_AUTO(ds_auto_free) uint8_t *csr_mem = NULL, *sig_mem = NULL;
    DS_AUTO(ds_auto_free) struct app_csr *csr = calloc(1, sizeof *csr);
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    struct ds_span csr_bytes, sig;
    if (csr == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "sign a certificate");
    DS_TRY(take_bytes(&csr_mem, &csr_bytes, j->call, "csr", e));
    DS_TRY(take_bytes(&sig_mem, &sig, j->call, "signature", e));
    DS_TRY(malformed(kms, app_csr_verify(csr, csr_bytes, sig, e)));
    struct kms_request request = { .act = KMS_ACT_SIGN_CERT,
                                   .mono_ms = ds_clock_mono_ms(),
                                   .attestation = csr->attestation,
                                   .bound_spki = csr->spki };
    peer_chain(&request, j->call);
    int64_t now_s = ds_clock_now_s();
    struct kms_cert_dates dates; /* with the CA they are judged again */
    if (clock_holds(kms, now_s))
        DS_TRY(malformed(kms, kms_cert_dates_of(&dates, csr, now_s, INT64_MAX, e)));
    DS_TRY(kms_decide(&grant, &j->verdict, kms, &request, now_s, e));
    return kms_issue_cert(&j->reply, kms, &grant, csr, now_s, e);
}

static int renew_credential(struct rpc_job *j, struct ds_error *e)
{
    struct kms *kms = j->ctx;
    DS_AUTO(ds_auto_free) uint8_t *mem = NULL;
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    struct kms_request request = { .act = KMS_ACT_RENEW_CREDENTIAL, .mono_ms = ds_clock_mono_ms() };
    int64_t now_s = ds_clock_now_s();
    DS_TRY(take_bytes(&mem, &request.attestation, j->call, "attestation", e));
    peer_chain(&request, j->call);
    DS_TRY(kms_decide(&grant, &j->verdict, kms, &request, now_s, e));
    return kms_issue_credential(&j->reply, kms, &grant, now_s, e);
}

static int take_exact(uint8_t *ret, size_t len, const struct rpc_call *call, const char *name,
                      struct ds_error *e)
{
    size_t got = 0;
    DS_TRY(rpc_call_hex(call, name, ret, &got, len, e));
    if (got != len)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_KMS_BAD_LENGTH,
                            "%s has %zu bytes, expected %zu", name, got, len);
    return DS_OK;
}

static int get_env_pub(struct rpc_job *j, struct ds_error *e)
{
    struct kms *kms = j->ctx;
    uint8_t app_id20[20];
    int64_t now_s;
    DS_TRY(take_exact(app_id20, sizeof app_id20, j->call, "app_id", e));
    DS_TRY(kms_now(&now_s, kms, ds_clock_now_s(), e)); /* it signs the time */
    return kms_issue_env_pub(&j->reply, kms, app_id20, now_s, e);
}

static int get_meta(struct rpc_job *j, struct ds_error *e)
{
    const struct kms *kms = j->ctx;
    const struct kms_root *root = &kms->root;
    struct ds_jw w = ds_jw_of(&j->reply);
    ds_jw_object(&w, NULL);
    ds_jw_text(&w, "ca_cert", ds_buf_span(&root->ca_pem));
    ds_jw_hex(&w, "ca_spki", DS_SPAN_OF(root->ca_spki));
    ds_jw_bool(&w, "allow_any_upgrade", false);
    ds_jw_hex(&w, "k256_pubkey", DS_SPAN_OF(root->k256_pub33));
    ds_jw_null(&w, "bootstrap_info"); /* a local KMS is pinned, not attested */
    ds_jw_bool(&w, "is_dev", root->kind == KMS_KIND_SIMULATED);
    ds_jw_str(&w, "birth_kind", kms_kind_text(root->kind));
    ds_jw_u64(&w, "log_size", kms_log_size(kms->release_log));
    ds_jw_object(&w, "not_logged"); /* since the start: what became no leaf */
    ds_jw_u64(&w, "malformed", kms->n_malformed);
    ds_jw_u64(&w, "denials_over_limit", kms->limit.n_denials_dropped);
    ds_jw_u64(&w, "certificates_over_limit", kms->limit.n_holders_refused);
    ds_jw_object_end(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "GetMeta");
}

static int version(struct rpc_job *j, struct ds_error *e)
{
    ds_buf_str(&j->reply, "{\"version\":\"" DS_VERSION "\",\"rev\":\"\"}");
    return ds_buf_end(&j->reply, e, "Version");
}

/*
 * A change is on disk before anything is decided by it. It is made on a copy of the list in memory,
 * not on the file: an edit by another hand would come in under a version that leaves name already.
 */
static int allow_app(struct rpc_job *j, struct ds_error *e)
{
    struct kms *kms = j->ctx;
    uint8_t app_id20[20], compose32[32], os_image32[32];
    char path[DS_PLACE_MAX + 16];
    DS_AUTO(kms_allow_done) struct kms_allow next = { 0 };
    DS_TRY(take_exact(app_id20, 20, j->call, "app_id", e));
    DS_TRY(take_exact(compose32, 32, j->call, "compose_hash", e));
    DS_TRY(take_exact(os_image32, 32, j->call, "os_image_hash", e));
    DS_TRY(kms_allow_dup(&next, &kms->allow, e));
    DS_TRY(kms_allow_add(&next, app_id20, compose32, os_image32,
                         rpc_call_bool(j->call, "only_compose"), e));
    ds_buf_printf(&j->reply, "{\"version\":%llu}", (unsigned long long)next.version);
    DS_TRY(ds_buf_end(&j->reply, e, "AllowApp"));
    if (next.version == kms->allow.version)
        return DS_OK;
    (void)snprintf(path, sizeof path, "%s/allow.json", kms->dir);
    DS_TRY(kms_allow_save(&next, path, e));
    struct kms_allow old = kms->allow;
    kms->allow = next;
    next = old;
    return DS_OK;
}

#define HANDLER(name, work)                                     \
    static void name(struct rpc_call *call, void *ctx)          \
    {                                                           \
        rpc_call_submit(call, ((struct kms *)ctx)->pool, work); \
    }

HANDLER(on_get_app_key, get_app_key)
HANDLER(on_sign_cert, sign_cert)
HANDLER(on_renew_credential, renew_credential)
HANDLER(on_get_env_pub, get_env_pub)
HANDLER(on_get_meta, get_meta)
HANDLER(on_version, version)
HANDLER(on_allow_app, allow_app)

/* clang-format off */
static const struct rpc_field get_app_key_request[] = {
    { "api_version", RPC_U64, false, 1, "1", NULL, 0 },
    { "vm_config", RPC_TEXT, false, 262144, "as in the evidence, which alone counts", NULL, 0 },
};
static const struct rpc_field sign_cert_request[] = {
    { "api_version", RPC_U64, false, 2, "2", NULL, 0 },
    { "csr", RPC_HEX, true, APP_CSR_MAX, "signing request with evidence, SCALE", NULL, 0 },
    { "signature", RPC_HEX, true, 128, "over csr, by the key in it, DER", NULL, 0 },
    { "vm_config", RPC_TEXT, false, 262144, "as in the evidence, which alone counts", NULL, 0 },
};
static const struct rpc_field renew_request[] = {
    { "attestation", RPC_HEX, true, APP_CSR_MAX, "evidence for the credential's key, versioned attestation", NULL, 0 },
};
static const struct rpc_field app_id_request[] = {
    { "app_id", RPC_HEX, true, 20, "20 bytes", NULL, 0 },
};
static const struct rpc_field allow_request[] = {
    { "app_id", RPC_HEX, true, 20, "20 bytes", NULL, 0 },
    { "compose_hash", RPC_HEX, true, 32, "SHA-256 of app-compose.json", NULL, 0 },
    { "os_image_hash", RPC_HEX, true, 32, "digest.txt of the image", NULL, 0 },
    { "only_compose", RPC_BOOL, false, 0, "take every other compose hash of the app off the list", NULL, 0 },
};

static const struct rpc_method methods[] = {
    { "GetAppKey", RPC_ANYONE, on_get_app_key, "The boot keys of an app, for evidence that the policy accepts.",
      get_app_key_request, DS_LEN(get_app_key_request), NULL, 0 },
    { "SignCert", RPC_ANYONE, on_sign_cert, "A certificate of the app's CA, for a request with fresh evidence and the instance credential in TLS.",
      sign_cert_request, DS_LEN(sign_cert_request), NULL, 0 },
    { "RenewCredential", RPC_ANYONE, on_renew_credential, "The instance credential anew, for the credential in TLS and fresh evidence for its key.",
      renew_request, DS_LEN(renew_request), NULL, 0 },
    { "GetAppEnvEncryptPubKey", RPC_ANYONE, on_get_env_pub, "The key to encrypt an app's environment to.",
      app_id_request, DS_LEN(app_id_request), NULL, 0 },
    { "GetMeta", RPC_ANYONE, on_get_meta, "Who this KMS is.", NULL, 0, NULL, 0 },
    { "Version", RPC_ANYONE, on_version, "The KMS's version.", NULL, 0, NULL, 0 },
};
static const struct rpc_method admin_methods[] = {
    { "AllowApp", RPC_SAME_UID, on_allow_app, "Let a compose hash of an app boot on an OS image.",
      allow_request, DS_LEN(allow_request), NULL, 0 },
    { "GetMeta", RPC_SAME_UID, on_get_meta, "Who this KMS is.", NULL, 0, NULL, 0 },
    { "Version", RPC_SAME_UID, on_version, "The KMS's version.", NULL, 0, NULL, 0 },
};
/* clang-format on */

int kms_api_init(struct kms *kms, struct ds_error *e)
{
    static const char *const prefixes[] = { "KMS.", NULL };
    static const char *const admin_prefixes[] = { "Admin.", NULL };
    kms->service = (struct rpc_service){ .name = "kms",
                                         .mount = "/prpc/",
                                         .prefixes = prefixes,
                                         .methods = methods,
                                         .n_methods = DS_LEN(methods),
                                         .ctx = kms,
                                         .job_failed = log_failure };
    kms->admin_service = (struct rpc_service){ .name = "kms_admin",
                                               .mount = "/prpc/",
                                               .prefixes = admin_prefixes,
                                               .methods = admin_methods,
                                               .n_methods = DS_LEN(admin_methods),
                                               .ctx = kms,
                                               .job_failed = log_failure };
    DS_TRY(rpc_service_init(&kms->service, e));
    return rpc_service_init(&kms->admin_service, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The KMS's methods over TLS, asked as a guest asks: evidence in the client's
 * certificate for boot keys; later the instance credential there, and evidence
 * in the request.
 */
#include "kms/api.h"

#include "../net/serve.h"
#include "app/csr.h"
#include "app/derive.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "codec/pem.h"
#include "kit.h"
#include "kms/credential.h"
#include "net/target.h"
#include "ratls/cert.h"
#include "rpc/client.h"
#include "rpc/serve.h"

#define DAY_S 86400

static char dir[] = "/tmp/ds-kms-api-XXXXXX";
static struct kit kit;
static struct kms kms;
static int64_t now_s;
static struct ds_buf credential_pem;

struct ask {
    const char *name, *method;
    bool is_anonymous, is_running, is_lent, is_old, is_early, is_csr_broken, is_long;
    bool is_garbage, is_too_large;
    bool has_credential; /* the one that the first question brought */
    int want;
    enum ds_code code;
    unsigned n_leaves;    /* that the question adds to the log */
    unsigned n_malformed; /* to the count of what is no request */
};

/* What one question gave; filled on the client's thread, looked at on the test's. */
struct answer {
    const struct ask *ask;
    int status;
    struct ds_error e;
    struct ds_verdict reasons;
    yyjson_doc *doc;
};

static int evidence(void *arg, struct ds_buf *ret, const uint8_t report_data64[64],
                    struct ds_error *e)
{
    const struct ask *ask = arg;
    struct kit_plan plan = ask->is_running ? kit_plan_running(&kit) : kit_plan_boot(&kit);
    (void)report_data64; /* the kit makes it from the key */
    if (ask->is_lent)
        plan.bound_spki = DS_SPAN_OF(kms.root.ca_spki);
    kit_attest(ret, &kit, &plan);
    return ds_buf_end(ret, e, "evidence");
}

static int verify_kms(void *arg, const struct ds_span *chain, size_t n, struct ds_error *e)
{
    (void)arg;
    return ratls_chain_check(chain, n, DS_SPAN_OF(kms.root.ca_spki), now_s, e);
}

static int client_tls(struct net_tls **ret, const struct ask *ask, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem key_pem = { 0 };
    struct net_tls_config cfg = { .verify = verify_kms };
    if (ask->has_credential) {
        cfg.chain_pem = KIT_SPAN(credential_pem);
        cfg.key = kit.guest;
    } else if (!ask->is_anonymous) {
        const struct ratls_spec spec = { .cn = "guest",
                                         .not_before_s = now_s + (ask->is_early ? 500 : -DAY_S),
                                         .not_after_s = now_s + (ask->is_old ? -60 : DAY_S),
                                         .eku = DS_CERT_CLIENT_AUTH };
        struct ask copy = *ask;
        DS_TRY(ratls_cert_attest(&der, &spec, kit.guest, evidence, &copy, e));
        ds_pem_add(&pem, "CERTIFICATE", KIT_SPAN(der));
        DS_TRY(ds_p256_key_pem(&key_pem, kit.guest, e));
        cfg.chain_pem = KIT_SPAN(pem);
        cfg.key_pem = ds_span_str(key_pem.s);
    }
    return net_tls_client_new(ret, &cfg, e);
}

static int sign_cert_params(struct ds_buf *ret, const struct ask *ask, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf proof = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    struct ask copy = *ask;
    struct ds_p256_sig_der sig;
    DS_TRY(evidence(&copy, &proof, NULL, e));
    const struct app_csr csr = { .spki = DS_SPAN_OF(kit.guest_spki),
                                 .subject = DS_SPAN_LIT("hello"),
                                 .server_auth = true,
                                 .has_not_after = ask->is_long,
                                 .not_after_s = UINT64_MAX,
                                 .attestation = KIT_SPAN(proof) };
    DS_TRY(app_csr_encode(&bytes, &csr, e));
    DS_TRY(ds_p256_sign_der(&sig, kit.guest, KIT_SPAN(bytes), e));
    if (ask->is_csr_broken)
        bytes.p[bytes.len - 1] ^= 1;
    if (ask->is_garbage)
        bytes.len = 3;
    while (ask->is_too_large && bytes.len <= APP_CSR_MAX)
        ds_buf_char(&bytes, 'x');
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "csr", KIT_SPAN(bytes));
    ds_jw_hex(&w, "signature", DS_SPAN(sig.b, sig.len));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "SignCert");
}

static int renew_params(struct ds_buf *ret, const struct ask *ask, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf proof = { 0 };
    struct ask copy = *ask;
    DS_TRY(evidence(&copy, &proof, NULL, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "attestation", KIT_SPAN(proof));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "RenewCredential");
}

static int question(struct answer *a)
{
    DS_AUTO(net_tls_unref_auto) struct net_tls *tls = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    char address[48];
    (void)snprintf(address, sizeof address, "tls:127.0.0.1:%u", net_http_server_port(kms.http));
    DS_TRY(client_tls(&tls, a->ask, &a->e));
    const struct rpc_target target = { .address = address, .tls = tls, .timeout_ms = 20000 };
    if (strcmp(a->ask->method, "SignCert") == 0)
        DS_TRY(sign_cert_params(&params, a->ask, &a->e));
    if (strcmp(a->ask->method, "GetAppEnvEncryptPubKey") == 0)
        ds_buf_printf(&params, "{\"app_id\":\"%s\"}", DS_HEX(DS_SPAN_OF(kit.app_id20)));
    if (strcmp(a->ask->method, "RenewCredential") == 0)
        DS_TRY(renew_params(&params, a->ask, &a->e));
    return rpc_client_call(&a->doc, &a->reasons, &target, a->ask->method, KIT_SPAN(params), &a->e);
}

static void ask_on_thread(void *arg)
{
    struct answer *a = arg;
    a->status = question(a);
}

static void assert_hex(yyjson_doc *doc, const char *key, struct ds_span want)
{
    const char *text = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), key));
    assert_non_null(text);
    assert_string_equal(text, DS_HEX(want));
}

static void check_keys(yyjson_doc *doc)
{
    struct ds_error e = { 0 };
    struct ds_key32 disk, env;
    assert_int_equal(app_derive_disk_key(&disk, &kms.root.keys->ca_scalar, kit.app_id20,
                                         DS_SPAN_OF(kit.instance_id20), &e),
                     DS_OK);
    assert_int_equal(app_derive_env_key(&env, &kms.root.keys->ca_scalar, kit.app_id20, &e), DS_OK);
    assert_hex(doc, "disk_crypt_key", DS_SPAN_OF(disk.b));
    assert_hex(doc, "env_crypt_key", DS_SPAN_OF(env.b));
}

/* What the guest keeps of the reply: the chain as PEM. */
static void take_credential(yyjson_doc *doc)
{
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "instance_credential"), *v;
    size_t i, n;
    assert_int_equal(yyjson_arr_size(list), 3);
    ds_buf_clear(&credential_pem);
    yyjson_arr_foreach(list, i, n, v) ds_buf_str(&credential_pem, yyjson_get_str(v));
    assert_false(credential_pem.bad);
}

static const struct ask asks[] = {
    { "boot keys", "GetAppKey", .want = DS_OK, .n_leaves = 1 },
    { "boot keys without a certificate", "GetAppKey", .is_anonymous = true, .want = DS_ERR_DENIED,
      .code = DS_CODE_KMS_NO_EVIDENCE, .n_leaves = 1 },
    { "boot keys when the app runs", "GetAppKey", .is_running = true, .want = DS_ERR_DENIED,
      .code = DS_CODE_KMS_EVIDENCE_AFTER_BOOT, .n_leaves = 1 },
    { "boot keys for evidence of another key", "GetAppKey", .is_lent = true, .want = DS_ERR_DENIED,
      .code = DS_CODE_RATLS_KEY_NOT_BOUND, .n_leaves = 1 },
    { "boot keys for a certificate of yesterday", "GetAppKey", .is_old = true, .want = DS_ERR_STALE,
      .code = DS_CODE_X509_EXPIRED, .n_malformed = 1 },
    { "certificate", "SignCert", .has_credential = true, .is_running = true, .want = DS_OK,
      .n_leaves = 1 },
    { "certificate without a credential", "SignCert", .is_anonymous = true, .is_running = true,
      .want = DS_ERR_DENIED, .code = DS_CODE_KMS_NO_CREDENTIAL, .n_leaves = 1 },
    { "certificate with evidence in place of the credential", "SignCert", .is_running = true,
      .want = DS_ERR_DENIED, .code = DS_CODE_KMS_NO_CREDENTIAL, .n_leaves = 1 },
    { "certificate for evidence of another key", "SignCert", .has_credential = true,
      .is_lent = true, .want = DS_ERR_DENIED, .code = DS_CODE_RATLS_KEY_NOT_BOUND, .n_leaves = 1 },
    { "certificate for a request that was changed", "SignCert", .has_credential = true,
      .is_csr_broken = true, .want = DS_ERR_UNTRUSTED, .code = DS_CODE_APP_CSR_SIGNATURE,
      .n_malformed = 1 },
    { "certificate for no request at all", "SignCert", .has_credential = true, .is_garbage = true,
      .want = DS_ERR_FORMAT, .code = DS_CODE_APP_CSR_FORMAT, .n_malformed = 1 },
    { "certificate for too large a request", "SignCert", .has_credential = true,
      .is_too_large = true, .want = DS_ERR_ARG, .code = DS_CODE_RPC_BAD_REQUEST },
    { "certificate for ever", "SignCert", .has_credential = true, .is_running = true,
      .is_long = true, .want = DS_ERR_RANGE, .code = DS_CODE_KMS_CERT_DATES, .n_malformed = 1 },
    { "credential anew", "RenewCredential", .has_credential = true, .is_running = true,
      .want = DS_OK, .n_leaves = 1 },
    { "credential anew without the old one", "RenewCredential", .is_running = true,
      .want = DS_ERR_DENIED, .code = DS_CODE_KMS_NO_CREDENTIAL, .n_leaves = 1 },
    { "who it is", "GetMeta", .is_anonymous = true, .want = DS_OK },
    { "the list is not for guests", "AllowApp", .want = DS_ERR_NOTFOUND,
      .code = DS_CODE_RPC_NO_METHOD },
};

static void test_methods(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(asks); i++) {
        struct answer a = { .ask = &asks[i] };
        uint64_t before = kms_log_size(kms.release_log), malformed = kms.n_malformed;
        serve_while(kms.loop, ask_on_thread, &a);
        bool ok = a.status == asks[i].want && (a.status == DS_OK || a.e.code == asks[i].code) &&
                  kms_log_size(kms.release_log) == before + asks[i].n_leaves &&
                  kms.n_malformed == malformed + asks[i].n_malformed;
        if (!ok)
            fail_msg("%s: %d %s", asks[i].name, a.status, a.e.msg);
        if (a.status == DS_ERR_DENIED)
            assert_true(ds_verdict_has(&a.reasons, asks[i].code));
        if (i == 0)
            check_keys(a.doc);
        if (yyjson_obj_get(yyjson_doc_get_root(a.doc), "instance_credential") != NULL)
            take_credential(a.doc);
        yyjson_doc_free(a.doc);
    }
}

/* Over the wire a flood ends in a code of its own, and the others are served. */
static void test_flood(void **state)
{
    (void)state;
    static const struct ask nobody = { "nobody's flood", "GetAppKey", .is_anonymous = true };
    struct answer a = { .ask = &nobody };
    while (kms_limit_denial(&kms.limit, KMS_SOURCE_NOBODY, ds_clock_mono_ms()))
        continue;
    uint64_t before = kms_log_size(kms.release_log);
    serve_while(kms.loop, ask_on_thread, &a);
    assert_int_equal(a.status, DS_ERR_UNAVAILABLE);
    assert_int_equal(a.e.code, DS_CODE_KMS_TOO_MANY);
    assert_int_equal(kms_log_size(kms.release_log), before);
    a = (struct answer){ .ask = &asks[0] };
    serve_while(kms.loop, ask_on_thread, &a);
    assert_int_equal(a.status, DS_OK);
    yyjson_doc_free(a.doc);
}

/* One question that was not asked before; a denial is a leaf. */
static void assert_answer(const struct ask *ask)
{
    struct answer a = { .ask = ask };
    uint64_t before = kms_log_size(kms.release_log);
    serve_while(kms.loop, ask_on_thread, &a);
    if (a.status != ask->want || (a.status < 0 && a.e.code != ask->code))
        fail_msg("%s: %d %s", ask->name, a.status, a.e.msg);
    assert_int_equal(kms_log_size(kms.release_log), before + ask->n_leaves);
    yyjson_doc_free(a.doc);
}

/*
 * A clock that is behind signs nothing, not even the time beside a public key; and it is what the
 * answer names, where dates are wrong only by that clock.
 */
static void test_clock_behind(void **state)
{
    (void)state;
    static const struct ask env = { "env key", "GetAppEnvEncryptPubKey", .is_anonymous = true };
    static const struct ask behind[] = {
        { "env key", "GetAppEnvEncryptPubKey", .is_anonymous = true, .want = DS_ERR_STALE,
          .code = DS_CODE_TIME_BEHIND_FLOOR },
        { "boot keys for a certificate of later", "GetAppKey", .is_early = true,
          .want = DS_ERR_DENIED, .code = DS_CODE_TIME_BEHIND_FLOOR, .n_leaves = 1 },
        { "certificate with dates of later", "SignCert", .has_credential = true, .is_running = true,
          .is_long = true, .want = DS_ERR_DENIED, .code = DS_CODE_TIME_BEHIND_FLOOR,
          .n_leaves = 1 },
    };
    assert_answer(&env);
    kms.time.persisted_s = ds_clock_now_s() + 1000;
    for (size_t i = 0; i < DS_LEN(behind); i++)
        assert_answer(&behind[i]);
    kms.time.persisted_s = 0;
}

static void allow_on_thread(void *arg)
{
    struct answer *a = arg;
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    char address[64];
    (void)snprintf(address, sizeof address, "unix:%s/admin.sock", dir);
    const struct rpc_target target = { .address = address, .timeout_ms = 20000 };
    ds_buf_printf(&params, "{\"app_id\":\"%s\",", DS_HEX(DS_SPAN_OF(kit.app_id20)));
    ds_buf_printf(&params, "\"compose_hash\":\"%s\",", DS_HEX(DS_SPAN_OF(kit.compose32)));
    ds_buf_printf(&params, "\"os_image_hash\":\"%s\"}", DS_HEX(DS_SPAN_OF(kit.os_image32)));
    a->status = rpc_client_call(&a->doc, NULL, &target, "AllowApp", KIT_SPAN(params), &a->e);
}

/* Another hand's edit of the file does not come in under a version that leaves name already. */
static void test_allow_list_is_the_one_in_memory(void **state)
{
    (void)state;
    static const uint8_t foreign20[20] = { 0xf };
    struct ds_error e = { 0 };
    struct answer a = { 0 };
    struct ds_verdict v = { 0 };
    char path[64];
    DS_AUTO(kms_allow_done) struct kms_allow edited = { 0 };
    (void)snprintf(path, sizeof path, "%s/allow.json", dir);
    assert_int_equal(kms_allow_dup(&edited, &kms.allow, &e), DS_OK);
    assert_int_equal(kms_allow_add(&edited, foreign20, kit.compose32, kit.os_image32, false, &e),
                     DS_OK);
    edited.version = kms.allow.version;
    assert_int_equal(kms_allow_save(&edited, path, &e), DS_OK);
    serve_while(kms.loop, allow_on_thread, &a);
    if (a.status < 0)
        fail_msg("%s", a.e.msg);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(yyjson_doc_get_root(a.doc), "version")),
                     edited.version);
    yyjson_doc_free(a.doc);
    kms_allow_check(&v, &kms.allow, DS_SPAN_OF(foreign20), DS_SPAN_OF(kit.compose32),
                    DS_SPAN_OF(kit.os_image32));
    assert_true(ds_verdict_has(&v, DS_CODE_KMS_APP_NOT_REGISTERED));
}

static void on_request(void *arg, struct net_http_request *req)
{
    assert_true(rpc_serve_http(arg, req));
}

static int serve_tls(struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem key = { 0 };
    DS_AUTO(net_tls_unref_auto) struct net_tls *tls = NULL;
    struct net_target target;
    DS_TRY(kms_root_serving_cert(&chain, &key, &kms.root, "kms.local", now_s, e));
    const struct net_tls_config cfg = { .chain_pem = KIT_SPAN(chain),
                                        .key_pem = ds_span_str(key.s),
                                        .ask_client = true };
    DS_TRY(net_tls_server_new(&tls, &cfg, e));
    DS_TRY(net_target_parse(&target, "tls:127.0.0.1:0", e));
    DS_TRY(net_http_server_new(&kms.http, kms.loop, NULL, on_request, &kms.service, e));
    return net_http_server_listen(kms.http, &target, 0, tls, e);
}

static int serve_admin(struct ds_error *e)
{
    struct net_target target = { .kind = NET_TARGET_UNIX };
    (void)snprintf(target.host, sizeof target.host, "%s/admin.sock", dir);
    DS_TRY(net_http_server_new(&kms.admin_http, kms.loop, NULL, on_request, &kms.admin_service, e));
    return net_http_server_listen(kms.admin_http, &target, 0600, NULL, e);
}

static int start(struct ds_error *e)
{
    char path[64];
    (void)snprintf(kms.dir, sizeof kms.dir, "%s", dir);
    (void)snprintf(path, sizeof path, "%s/log.db", dir);
    kms.credential_life_s = KMS_CREDENTIAL_LIFE_S;
    kms.log = (struct ds_log){ .program = "kms", .min = DS_LOG_ERROR };
    DS_TRY(kms_root_open(&kms.root, dir, KMS_KIND_SIMULATED, now_s, e));
    DS_TRY(kms_log_open(&kms.release_log, path, &kms.root, e));
    DS_TRY(kms_time_open(&kms.time, dir, e));
    kit_init(&kit, kms.root.ca_spki, now_s);
    DS_TRY(kms_allow_add(&kms.allow, kit.app_id20, kit.compose32, kit.os_image32, false, e));
    ds_buf_add(&kms.simulated.collateral, simtee_pki_collateral(kit.pki));
    simtee_pki_root_spki32(kms.simulated.root_spki32, kit.pki);
    kms.simulated.fetched_s = now_s;
    DS_TRY(net_loop_new(&kms.loop, e));
    DS_TRY(net_pool_new(&kms.pool, kms.loop, 1, 16, e));
    DS_TRY(kms_api_init(&kms, e));
    DS_TRY(serve_admin(e));
    return serve_tls(e);
}

static int setup(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    now_s = ds_clock_now_s();
    if (mkdtemp(dir) == NULL)
        return -1;
    if (start(&e) == DS_OK)
        return 0;
    print_error("%s\n", e.msg);
    return -1;
}

static int teardown(void **state)
{
    (void)state;
    net_http_server_free(kms.http);
    net_http_server_free(kms.admin_http);
    net_pool_free(kms.pool);
    net_loop_free(kms.loop);
    rpc_service_done(&kms.service);
    rpc_service_done(&kms.admin_service);
    kms_log_close(kms.release_log);
    kms_allow_done(&kms.allow);
    kms_root_done(&kms.root);
    ds_buf_done(&kms.simulated.collateral);
    kit_done(&kit);
    ds_buf_done(&credential_pem);
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_methods),
                                        cmocka_unit_test(test_allow_list_is_the_one_in_memory),
                                        cmocka_unit_test(test_flood),
                                        cmocka_unit_test(test_clock_behind) };
    return cmocka_run_group_tests_name("kms/api", tests, setup, teardown);
}

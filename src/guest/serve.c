/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two method tables: what the app may ask of its socket, and the host of
 * the channel.
 */
#include "guest/serve.h"

#include "app/identity.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "guest/api.h"
#include "net/target.h"
#include "rpc/job.h"
#include "rpc/serve.h"

/* GetTlsKey with its names is the largest request; the VM's memory is the app's. */
static const struct net_http_limits app_limits = { .body_max = (size_t)1 << 20,
                                                   .bodies_max = (size_t)8 << 20,
                                                   .connections_max = 256 };

#define HANDLER(name, api)                                       \
    static int name##_job(struct rpc_job *j, struct ds_error *e) \
    {                                                            \
        return api(&j->reply, j->ctx, j->call, e);               \
    }                                                            \
    static void name(struct rpc_call *call, void *ctx)           \
    {                                                            \
        struct agent *a = ctx;                                   \
        rpc_call_submit(call, a->pool, name##_job);              \
    }

HANDLER(on_get_key, guest_api_get_key)
HANDLER(on_get_quote, guest_api_get_quote)
HANDLER(on_attest, guest_api_attest)
HANDLER(on_info, guest_api_info)
HANDLER(on_get_tls_key, guest_api_get_tls_key)
HANDLER(on_version, guest_api_version)
HANDLER(on_host_attest, guest_api_host_attest)
HANDLER(on_host_info, guest_api_host_info)
HANDLER(on_host_logs, guest_api_host_logs)

static void shutdown_now(void *arg, unsigned what)
{
    struct agent *a = arg;
    (void)what;
    net_loop_stop(a->loop);
}

/* The reply leaves first; then the agent ends, and process 1 turns the machine off. */
static void on_host_shutdown(struct rpc_call *call, void *ctx)
{
    struct agent *a = ctx;
    struct ds_error e;
    agent_notify(a, "shutdown.progress", DS_SPAN_LIT("powering off"));
    rpc_call_reply(call, NULL);
    if (a->shutdown_timer == NULL &&
        (net_event_timer(&a->shutdown_timer, a->loop, shutdown_now, a, &e) < 0 ||
         net_event_after(a->shutdown_timer, 200, &e) < 0))
        net_loop_stop(a->loop);
}

#define LOGS_SINCE_MAX_S UINT32_MAX

/* clang-format off */
static const struct rpc_field get_key_request[] = {
    { "path", RPC_TEXT, false, 1024, "what the key is for; another path gives another key", NULL, 0 },
    { "purpose", RPC_TEXT, false, 1024, "stands in the signature", NULL, 0 },
    { "algorithm", RPC_TEXT, false, 64, "secp256k1 (also as k256 or empty) or ed25519", NULL, 0 },
};
static const struct rpc_field get_key_reply[] = {
    { "key", RPC_HEX, true, 32, "the private key", NULL, 0 },
    { "signature_chain", RPC_HEX_LIST, true, 2, "by the app's key, and by the KMS over the app's key", NULL, 0 },
};
static const struct rpc_field report_data_request[] = {
    { "report_data", RPC_HEX, false, 64, "padded with zeros on the right", NULL, 0 },
};
static const struct rpc_field get_quote_reply[] = {
    { "quote", RPC_HEX, true, 0, "TDX quote", NULL, 0 },
    { "event_log", RPC_TEXT, true, 0, "events as JSON text", NULL, 0 },
    { "report_data", RPC_HEX, true, 64, "what the quote covers", NULL, 0 },
    { "vm_config", RPC_TEXT, true, 0, "the machine as JSON text", NULL, 0 },
};
static const struct rpc_field attest_reply[] = {
    { "attestation", RPC_HEX, true, 0, "versioned attestation", NULL, 0 },
};
static const struct rpc_field tls_key_request[] = {
    { "subject", RPC_TEXT, false, 255, "common name", NULL, 0 },
    { "alt_names", RPC_TEXT_LIST, false, 64, "DNS names and IP addresses", NULL, 0 },
    { "usage_ra_tls", RPC_BOOL, false, 0, "carry this VM's evidence", NULL, 0 },
    { "usage_server_auth", RPC_BOOL, false, 0, "for servers", NULL, 0 },
    { "usage_client_auth", RPC_BOOL, false, 0, "for clients", NULL, 0 },
    { "not_before", RPC_U64, false, 0, "seconds since 1970", NULL, 0 },
    { "not_after", RPC_U64, false, 0, "seconds since 1970", NULL, 0 },
    { "with_app_info", RPC_BOOL, false, 0, "carry the app's identity", NULL, 0 },
};
static const struct rpc_field tls_key_reply[] = {
    { "key", RPC_TEXT, true, 0, "PKCS#8 PEM", NULL, 0 },
    { "certificate_chain", RPC_TEXT_LIST, true, 0, "PEM, leaf first", NULL, 0 },
};
static const struct rpc_field version_reply[] = {
    { "version", RPC_TEXT, true, 0, "of the agent", NULL, 0 },
    { "rev", RPC_TEXT, true, 0, "always empty: a revision must not enter what is measured", NULL, 0 },
};
static const struct rpc_field nonce_request[] = {
    { "nonce", RPC_HEX, true, 32, "32 fresh random bytes", NULL, 0 },
};
static const struct rpc_field logs_request[] = {
    { "lines", RPC_U64, false, 10000, "newest lines of each container", NULL, 0 },
    { "container", RPC_TEXT, false, 128, "one container; all when empty", NULL, 0 },
    { "since_s", RPC_U64, false, LOGS_SINCE_MAX_S, "from this second up to the present one, which is left out", NULL, 0 },
};
static const struct rpc_field logs_reply[] = {
    { "text", RPC_TEXT, true, 0, "lines", NULL, 0 },
    { "next_s", RPC_U64, true, 0, "the since_s that goes on from here", NULL, 0 },
};

static const struct rpc_method app_methods[] = {
    { "GetKey", RPC_ANYONE, on_get_key, "A key of the app, the same at every boot.",
      get_key_request, DS_LEN(get_key_request), get_key_reply, DS_LEN(get_key_reply) },
    { "GetQuote", RPC_ANYONE, on_get_quote, "A quote over the caller's bytes.",
      report_data_request, DS_LEN(report_data_request), get_quote_reply, DS_LEN(get_quote_reply) },
    { "Attest", RPC_ANYONE, on_attest, "Complete evidence over the caller's bytes.",
      report_data_request, DS_LEN(report_data_request), attest_reply, DS_LEN(attest_reply) },
    { "Info", RPC_ANYONE, on_info, "Who this app and VM are.", NULL, 0, NULL, 0 },
    { "GetTlsKey", RPC_ANYONE, on_get_tls_key, "A fresh TLS key with a certificate by the app's CA.",
      tls_key_request, DS_LEN(tls_key_request), tls_key_reply, DS_LEN(tls_key_reply) },
    { "Version", RPC_ANYONE, on_version, "The agent's version.",
      NULL, 0, version_reply, DS_LEN(version_reply) },
};

static const struct rpc_method host_methods[] = {
    { "Attest", RPC_CHANNEL, on_host_attest, "Evidence over a verifier's nonce.",
      nonce_request, DS_LEN(nonce_request), attest_reply, DS_LEN(attest_reply) },
    { "Info", RPC_CHANNEL, on_host_info, "Who this app and VM are, as far as the app makes it public.",
      NULL, 0, NULL, 0 },
    { "Logs", RPC_CHANNEL, on_host_logs, "Container logs, when the app makes them public.",
      logs_request, DS_LEN(logs_request), logs_reply, DS_LEN(logs_reply) },
    { "Shutdown", RPC_CHANNEL, on_host_shutdown, "Turn the machine off.", NULL, 0, NULL, 0 },
};
/* clang-format on */

int guest_services_init(struct agent *a, struct ds_error *e)
{
    a->app_service = (struct rpc_service){ .name = "guest",
                                           .mount = "/",
                                           .methods = app_methods,
                                           .n_methods = DS_LEN(app_methods),
                                           .ctx = a };
    a->host_service = (struct rpc_service){ .name = "guest_host",
                                            .mount = "/",
                                            .methods = host_methods,
                                            .n_methods = DS_LEN(host_methods),
                                            .ctx = a };
    DS_TRY(rpc_service_init(&a->app_service, e));
    return rpc_service_init(&a->host_service, e);
}

static void on_request(void *arg, struct net_http_request *req)
{
    struct agent *a = arg;
    struct ds_error e;
    if (rpc_serve_http(&a->app_service, req))
        return;
    (void)ds_fail(&e, DS_ERR_NOTFOUND, "there is no such page; methods are at /<Method>");
    rpc_error_reply(req, 404, &e);
}

void guest_serve_start(struct agent *a)
{
    struct net_target t;
    struct ds_error *e = &a->boot.error;
    int r = net_target_parse(&t, "unix:" GUEST_SOCKET, e);
    if (r == DS_OK)
        r = net_http_server_new(&a->http, a->loop, &app_limits, on_request, a, e);
    /* Any container that is given the socket may use it: the app is one trust domain. */
    if (r == DS_OK)
        r = net_http_server_listen(a->http, &t, 0666, NULL, e);
    a->boot.status = r;
}

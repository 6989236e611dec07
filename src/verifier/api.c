/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, and the way from a path to its page. Nothing is judged here:
 * verify.c does that, in the pool.
 */
#include "verifier/api.h"

#include <stdio.h>
#include <string.h>

#include "rpc/serve.h"
#include "verifier/call.h"
#include "verifier/clock.h"

static void serve_health(struct call *c)
{
    call_answer(c, 200, MEDIA_JSON,
                DS_SPAN_LIT("{\"status\":\"ok\",\"service\":\"dstack-verifier\"}"), NULL);
}

static void serve_metrics(struct call *c);

/* clang-format off */
static const struct rpc_field reason_fields[] = {
    { "code", RPC_TEXT, true, 0, "a row of docs/errors.md", NULL, 0 },
    { "claim", RPC_TEXT, true, 0, "what was refused", NULL, 0 },
    { "expected", RPC_TEXT, true, 0, "what would have been accepted", NULL, 0 },
    { "got", RPC_TEXT, true, 0, "what came", NULL, 0 },
    { "anchor", RPC_TEXT, true, 0, "which root decides", NULL, 0 },
    { "fix", RPC_TEXT, true, 0, "what to do", NULL, 0 },
};
static const struct rpc_field proof_fields[] = {
    { "claim", RPC_TEXT, true, 0, "kernel, app_id, ...", NULL, 0 },
    { "value", RPC_TEXT, true, 0, "its value", NULL, 0 },
    { "state", RPC_TEXT, true, 0, "proved, stated, refused or not proved", NULL, 0 },
    { "by", RPC_TEXT, true, 0, "what vouches for it", NULL, 0 },
};
static const struct rpc_field v1_reply[] = {
    { "verdict", RPC_TEXT, true, 0, "accepted; denied: it holds, but is not wanted; invalid: it does not hold", NULL, 0 },
    { "kind", RPC_TEXT, true, 0, "of the root: hardware, simulated, custom, none", NULL, 0 },
    { "anchor", RPC_TEXT, true, 0, "the root's name", NULL, 0 },
    { "fresh", RPC_BOOL, true, 0, "it answers the nonce of the request", NULL, 0 },
    { "judged_at", RPC_TEXT, true, 0, "the verifier's clock, UTC", NULL, 0 },
    { "collateral_by", RPC_TEXT, true, 0, "whose documents decided: verifier, request, evidence, verifier and evidence, none", NULL, 0 },
    { "collateral_from", RPC_TEXT, false, 0, "the vendor's documents hold from here", NULL, 0 },
    { "collateral_until", RPC_TEXT, false, 0, "to here", NULL, 0 },
    { "steps", RPC_OBJECT, true, 0, "read, quote, binding, event_log, os_image, identity, policy: held, failed or skipped", NULL, 0 },
    { "policies", RPC_TEXT_LIST, true, 0, "policy documents that judged: the configuration's, then the request's; as ni:///sha-256;..., of their canonical form (RFC 8785)", NULL, 0 },
    { "reasons", RPC_OBJECT_LIST, true, 0, "all that speaks against it", reason_fields, DS_LEN(reason_fields) },
    { "reasons_left_out", RPC_U64, true, 0, "reasons for which there was no room", NULL, 0 },
    { "claims", RPC_OBJECT, false, 0, "what the quote, and the log once it held, say", NULL, 0 },
    { "proof", RPC_OBJECT_LIST, true, 0, "each claim with what vouches for it", proof_fields, DS_LEN(proof_fields) },
};
static const struct rpc_field compatible_reply[] = {
    { "is_valid", RPC_BOOL, true, 0, "quote, log, image and identity hold, on a platform that is not debugged or revoked", NULL, 0 },
    { "details", RPC_OBJECT, true, 0, "as dstack's verifier, and anchor_kind", NULL, 0 },
    { "reason", RPC_TEXT, false, 0, "null, or what failed first", NULL, 0 },
};
static const struct rpc_field health_reply[] = {
    { "status", RPC_TEXT, true, 0, "ok", NULL, 0 },
    { "service", RPC_TEXT, true, 0, "dstack-verifier", NULL, 0 },
};
static const struct rpc_field keys_reply[] = {
    { "keys", RPC_OBJECT_LIST, true, 0, "one JWK with kid and alg; as COSE_KeySet for application/cose-key-set", NULL, 0 },
};
static const struct rpc_field discovery_reply[] = {
    { "ear-verification-key", RPC_OBJECT, true, 0, "JWK of the key that signs results", NULL, 0 },
    { "media-types", RPC_TEXT_LIST, true, 0, "of evidence", NULL, 0 },
    { "version", RPC_TEXT, true, 0, "of this program", NULL, 0 },
    { "service-state", RPC_TEXT, true, 0, "READY", NULL, 0 },
    { "api-endpoints", RPC_OBJECT, true, 0, "paths by name: newChallengeResponseSession", NULL, 0 },
};
static const struct rpc_field session_query[] = {
    { "nonceSize", RPC_U64, false, 64, "bytes of a nonce that is made here, 8 to 64; 32 by default", NULL, 0 },
    { "nonce", RPC_TEXT, false, 0, "the caller's own, 8 to 64 bytes in base64url", NULL, 0 },
};
static const struct rpc_field session_reply[] = {
    { "status", RPC_TEXT, true, 0, "waiting, processing, complete, failed", NULL, 0 },
    { "state", RPC_TEXT, true, 0, "the same", NULL, 0 },
    { "nonce", RPC_TEXT, true, 0, "base64", NULL, 0 },
    { "expiry", RPC_TEXT, true, 0, "UTC; then it is gone", NULL, 0 },
    { "accept", RPC_TEXT_LIST, true, 0, "media types of evidence", NULL, 0 },
    { "evidence", RPC_OBJECT, false, 0, "what was submitted: type, and value in base64", NULL, 0 },
    { "result", RPC_TEXT, false, 0, "EAR as JWT, signed by the key of /v1/keys; eat_nonce is the session's", NULL, 0 },
};

#define FIELDS(list) list, DS_LEN(list)
static const struct rpc_method methods[] = {
    { "Verify", RPC_ANYONE, NULL, "Is a reply of GetQuote or Attest, posted unchanged, evidence of an app? dstack's own form; any body gets 200 and a verdict.",
      FIELDS(verifier_compatible_fields), FIELDS(compatible_reply), "POST", "verify", NULL },
    { "VerifyV1", RPC_ANYONE, NULL, "What evidence proves, and all that speaks against it. MEDIA_JSON, or the evidence itself with one of the sessions' media types. By Accept the reply is this JSON, or an EAR: application/eat+jwt, application/eat+cwt.",
      FIELDS(verifier_v1_fields), FIELDS(v1_reply), "POST", "v1/verify", NULL },
    { "NewSession", RPC_ANYONE, NULL, "Open a challenge-response session: a nonce for evidence to answer.",
      FIELDS(session_query), FIELDS(session_reply), "POST", "challenge-response/v1/newSession?nonce", NULL },
    { "GetSession", RPC_ANYONE, NULL, "A session as it is.", NULL, 0, FIELDS(session_reply),
      "GET", "challenge-response/v1/session/{id}", NULL },
    { "SubmitEvidence", RPC_ANYONE, NULL, "Evidence for a session's nonce; once.", NULL, 0, FIELDS(session_reply),
      "POST", "challenge-response/v1/session/{id}", "*/*" },
    { "CloseSession", RPC_ANYONE, NULL, "End a session.", NULL, 0, NULL, 0,
      "DELETE", "challenge-response/v1/session/{id}", NULL },
    { "Keys", RPC_ANYONE, NULL, "The public key that signs results, as a set of JWKs or, by Accept, of COSE keys.", NULL, 0, FIELDS(keys_reply), "GET", "v1/keys", NULL },
    { "Discovery", RPC_ANYONE, NULL, "Veraison's discovery: key, media types, sessions.", NULL, 0, FIELDS(discovery_reply), "GET", ".well-known/veraison/verification", NULL },
    { "Health", RPC_ANYONE, NULL, "Does it run?", NULL, 0, FIELDS(health_reply), "GET", "health", NULL },
    { "Metrics", RPC_ANYONE, NULL, "Counters and latencies as Prometheus text.", NULL, 0, NULL, 0, "GET", "metrics", NULL },
};

static const struct route {
    page_fn *serve;
    enum limit_kind rate;
    bool is_session; /* errors are problem documents */
} routes[] = {
    { page_compatible, LIMIT_WORK, false },
    { page_v1, LIMIT_WORK, false },
    { page_new_session, LIMIT_WORK, true },
    { page_get_session, LIMIT_WORK, true },
    { page_submit, LIMIT_WORK, true },
    { page_close_session, LIMIT_WORK, true },
    { page_keys, LIMIT_ASIDE, false },
    { page_discovery, LIMIT_ASIDE, false },
    { serve_health, LIMIT_NONE, false },
    { serve_metrics, LIMIT_ASIDE, false },
};
/* clang-format on */
_Static_assert(DS_LEN(routes) == DS_LEN(methods), "each page has its document");
_Static_assert(DS_LEN(routes) < STATS_ROUTES_MAX, "and its counters, and so has no page at all");

#define NO_ROUTE DS_LEN(routes)

static void serve_metrics(struct call *c)
{
    const char *names[DS_LEN(routes) + 1];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    for (size_t i = 0; i < DS_LEN(routes); i++)
        names[i] = methods[i].name;
    names[NO_ROUTE] = "none";
    struct stats_more more = { .names = names,
                               .n_routes = DS_LEN(names),
                               .n_waiting = c->v->jobs.fresh.n + c->v->jobs.again.n,
                               .n_away = c->v->jobs.n_away,
                               .n_sessions = c->v->sessions.n,
                               .session_bytes = c->v->sessions.bytes,
                               .connections_max = c->v->connections_max };
    net_http_server_stats(&more.http, c->v->http);
    stats_encode(&text, &c->v->stats, &more);
    call_answer(c, 200, "text/plain; version=0.0.4", ds_buf_span(&text), NULL);
}

/* The path behind the mount is that of a page; *part is what stands for {id}. */
static bool path_matches(struct ds_span *part, const char *page, const char *path)
{
    size_t n = strcspn(page, "{?");
    *part = (struct ds_span){ 0 };
    if (strncmp(page, path, n) != 0)
        return false;
    if (page[n] == '{') {
        *part = ds_span_str(path + n);
        return part->len > 0 && memchr(part->p, '/', part->len) == NULL;
    }
    return path[n] == '\0';
}

static bool verb_matches(const char *page, const char *verb)
{
    return strcmp(page, verb) == 0 || (strcmp(page, "GET") == 0 && strcmp(verb, "HEAD") == 0);
}

/* The page; or NO_ROUTE, and in allow the methods that the path does have. */
static size_t find_route(struct ds_span *part, char allow[64], const char *verb, const char *path)
{
    allow[0] = '\0';
    for (size_t i = 0; i < DS_LEN(methods); i++) {
        if (!path_matches(part, methods[i].path, path))
            continue;
        if (verb_matches(methods[i].verb, verb))
            return i;
        size_t n = strlen(allow);
        (void)snprintf(allow + n, 64 - n, "%s%s", n > 0 ? ", " : "", methods[i].verb);
    }
    return NO_ROUTE;
}

static void serve_no_page(const struct call *c, const char *allow)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    struct ds_error e;
    char extra[96];
    bool is_page = allow[0] != '\0';
    if (is_page)
        (void)ds_refuse(&e, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, "HTTP method", allow,
                        net_http_method(c->req), NULL);
    else
        (void)ds_fail_code(&e, DS_ERR_NOTFOUND, DS_CODE_RPC_NO_METHOD,
                           "there is no such page; evidence goes to /verify or /v1/verify");
    (void)snprintf(extra, sizeof extra, "Allow: %s\r\n", allow);
    c->v->stats.codes[e.code]++;
    rpc_error_encode(&body, &e, NULL);
    call_answer(c, is_page ? 405 : 404, MEDIA_JSON, ds_buf_span(&body), is_page ? extra : NULL);
}

static int take_turn(const struct call *c, struct ds_error *e)
{
    if (limit_take(c->v->limit, routes[c->route].rate, c->source, c->began_us))
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_TOO_MANY, "rate",
                     "fewer requests of this source, or of all", "one more", NULL);
}

void verifier_api_serve(void *arg, struct net_http_request *req)
{
    struct call c = { .v = arg, .req = req, .began_us = verifier_now_us() };
    struct ds_error e;
    char allow[64];
    const char *path = net_http_path(req);
    c.route = find_route(&c.part, allow, net_http_method(req), path + (path[0] == '/'));
    if (c.route == NO_ROUTE) {
        serve_no_page(&c, allow);
        return;
    }
    c.is_session = routes[c.route].is_session;
    c.source = limit_key(c.v->limit, net_http_peer(req)->address);
    if (take_turn(&c, &e) < 0)
        call_fail(&c, &e);
    else
        routes[c.route].serve(&c);
}

int verifier_api_init(struct verifier *v, struct ds_error *e)
{
    v->service = (struct rpc_service){
        .name = "verifier", .mount = "/", .methods = methods, .n_methods = DS_LEN(methods), .ctx = v
    };
    return rpc_service_init(&v->service, e);
}

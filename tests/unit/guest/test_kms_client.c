/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may pass for the KMS: only a certificate under the pinned root that says
 * it is one. A server of the test's own stands in the KMS's place.
 */
#include "guest/kms_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "crypto/cert.h"
#include "net/http_server.h"
#include "net/serve.h"
#include "net/target.h"
#include "net/tls.h"

#define OID_USAGE "1.3.6.1.4.1.62397.1.4"
#define DAY_S     86400

/* Usage extensions as dstack writes them: a text in an OCTET STRING. */
#define KMS_USAGE "\x04\x07kms:rpc"
#define APP_USAGE \
    "\x04\x0a"    \
    "app:custom"

struct row {
    const char *name, *usage, *reply;
    bool is_pinned;
    enum ds_code code; /* DS_CODE_NONE: it succeeds */
};

static const struct row rows[] = {
    { "the KMS", KMS_USAGE, "{\"certificate_chain\":[\"a\"]}", true, DS_CODE_NONE },
    { "an app of the same root", APP_USAGE, "{}", true, DS_CODE_GUEST_KMS_USAGE },
    { "no usage", "", "{}", true, DS_CODE_GUEST_KMS_USAGE },
    { "another root", KMS_USAGE, "{}", false, DS_CODE_RATLS_ROOT_NOT_PINNED },
    { "the KMS, with half an answer", KMS_USAGE, "{}", true, DS_CODE_GUEST_KMS_REPLY },
};

struct server {
    struct net_loop *loop;
    struct net_http_server *http;
    struct net_tls *tls;
    const char *reply;
    char url[64];
};

static void answer(void *arg, struct net_http_request *req)
{
    const struct server *s = arg;
    net_http_reply(req, 200, "application/json", ds_span_str(s->reply), NULL);
}

static struct ds_cert_spec spec_of(struct ds_span spki)
{
    int64_t now_s = ds_clock_now_s();
    return (struct ds_cert_spec){ .subject = { .cn = "test" },
                                  .spki = spki,
                                  .not_before_s = now_s - DAY_S,
                                  .not_after_s = now_s + DAY_S };
}

/* A root and a leaf under it with this usage, as a server's identity. */
static struct net_tls *identity(uint8_t ret_spki[static DS_P256_SPKI_LEN], const char *usage)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *root = NULL;
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *leaf = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf root_der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf_der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN];
    struct net_tls *tls = NULL;
    assert_int_equal(ds_p256_key_new(&root, NULL), DS_OK);
    assert_int_equal(ds_p256_key_new(&leaf, NULL), DS_OK);
    ds_p256_key_spki(ret_spki, root);
    ds_p256_key_spki(spki, leaf);
    struct ds_cert_spec ca = spec_of(DS_SPAN(ret_spki, DS_P256_SPKI_LEN));
    ca.ca = true;
    ca.path_len = 1;
    ca.usage = DS_CERT_KEY_CERT_SIGN;
    assert_int_equal(ds_cert_make(&root_der, &ca, (struct ds_span){ 0 }, root, NULL), DS_OK);
    const struct ds_cert_ext ext = { OID_USAGE, false, ds_span_str(usage) };
    struct ds_cert_spec own = spec_of(DS_SPAN_OF(spki));
    own.usage = DS_CERT_DIGITAL_SIGNATURE;
    own.eku = DS_CERT_SERVER_AUTH;
    own.exts = &ext;
    own.n_exts = usage[0] != '\0' ? 1 : 0;
    assert_int_equal(ds_cert_make(&leaf_der, &own, ds_buf_span(&root_der), root, NULL), DS_OK);
    ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&leaf_der));
    ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&root_der));
    const struct net_tls_config cfg = { .chain_pem = ds_buf_span(&pem),
                                        .key = leaf,
                                        .ask_client = true };
    assert_int_equal(net_tls_server_new(&tls, &cfg, NULL), DS_OK);
    return tls;
}

static void listen_on_loopback(struct server *s)
{
    const struct net_target any = { .kind = NET_TARGET_TCP, .host = "127.0.0.1" };
    struct sockaddr_in at = { 0 };
    socklen_t len = sizeof at;
    int fd;
    assert_int_equal(net_listen(&fd, &any, 0600, NULL), DS_OK);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(s->url, sizeof s->url, "https://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(net_loop_new(&s->loop, NULL), DS_OK);
    assert_int_equal(net_http_server_new(&s->http, s->loop, NULL, answer, s, NULL), DS_OK);
    assert_int_equal(net_http_server_listen_fd(s->http, fd, s->tls, NULL), DS_OK);
}

struct ask {
    struct agent *agent;
    struct ds_buf chain;
    struct ds_error error;
    int status;
};

static void sign_cert(void *arg)
{
    struct ask *q = arg;
    q->status = guest_kms_sign_cert(&q->chain, q->agent, DS_SPAN_LIT("csr"), DS_SPAN_LIT("sig"),
                                    &q->error);
}

/* An instance credential of its own making: the server takes any. */
static void credential_make(struct guest_credential *c)
{
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN];
    guest_credential_init(c);
    assert_int_equal(ds_p256_key_new(&c->key, NULL), DS_OK);
    ds_p256_key_spki(spki, c->key);
    const struct ds_cert_spec spec = spec_of(DS_SPAN_OF(spki));
    assert_int_equal(ds_cert_make(&der, &spec, (struct ds_span){ 0 }, c->key, NULL), DS_OK);
    ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&der));
    assert_false(pem.bad);
    const char *const pems[] = { pem.p };
    assert_int_equal(guest_credential_take(c, pems, 1, NULL), DS_OK);
}

static void run_row(const struct row *row)
{
    static struct agent a;
    uint8_t root_spki[DS_P256_SPKI_LEN];
    char vm_config[] = "{}";
    struct server s = { .reply = row->reply };
    struct ask q = { .agent = &a };
    memset(&a, 0, sizeof a);
    s.tls = identity(root_spki, row->usage);
    if (!row->is_pinned)
        root_spki[DS_P256_SPKI_LEN - 1] ^= 1;
    listen_on_loopback(&s);
    credential_make(&a.credential);
    a.compose.key_provider_id = DS_SPAN_OF(root_spki);
    a.sys.n_kms_urls = 1;
    a.sys.vm_config = vm_config;
    (void)snprintf(a.sys.kms_urls[0], sizeof a.sys.kms_urls[0], "%s", s.url);
    serve_while(s.loop, sign_cert, &q);
    enum ds_code got = q.status < 0 ? q.error.code : DS_CODE_NONE;
    if ((q.status == DS_OK) != (row->code == DS_CODE_NONE) || got != row->code)
        fail_msg("%s: %d %s: %s", row->name, q.status, ds_code_info_get(got)->id, q.error.msg);
    guest_credential_done(&a.credential);
    ds_buf_done(&q.chain);
    net_http_server_free(s.http);
    net_tls_unref(s.tls);
    net_loop_free(s.loop);
}

static void only_the_kms_is_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        run_row(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(only_the_kms_is_asked) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

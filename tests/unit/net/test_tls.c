/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS between our server and client: who sees which chain, whose word decides,
 * and that both ends export the same secret.
 */
#include "serve.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net/http_client.h"
#include "net/http_server.h"

struct identity {
    char *chain, *key; /* PEM */
    uint8_t *der;
    size_t der_len;
};

static char *take_bio(BIO *b)
{
    char *p = NULL;
    long n = BIO_get_mem_data(b, &p);
    char *out = calloc(1, (size_t)n + 1);
    assert_non_null(out);
    memcpy(out, p, (size_t)n);
    BIO_free(b);
    return out;
}

/* A self-signed certificate; `extra` copies of it stand behind it in the chain. */
static void make_identity(struct identity *id, int serial, int extra)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *c = X509_new();
    assert_true(key != NULL && c != NULL);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c), 3600));
    assert_int_equal(X509_set_pubkey(c, key), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                                (const unsigned char *)"test", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(c, X509_get_subject_name(c)), 1);
    assert_true(X509_sign(c, key, EVP_sha256()) > 0);
    BIO *chain = BIO_new(BIO_s_mem()), *pem = BIO_new(BIO_s_mem());
    for (int i = 0; i <= extra; i++) {
        /* the copies differ, or they would be taken for the leaf */
        assert_int_equal(PEM_write_bio_X509(chain, c), 1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), serial + 100 + i), 1);
        if (i < extra)
            assert_true(X509_sign(c, key, EVP_sha256()) > 0);
    }
    assert_int_equal(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), 1);
    id->chain = take_bio(chain);
    id->key = take_bio(pem);
    BIO *again = BIO_new_mem_buf(id->chain, -1);
    X509 *leaf = PEM_read_bio_X509(again, NULL, NULL, NULL);
    id->der = NULL;
    int n = i2d_X509(leaf, &id->der);
    assert_true(n > 0);
    id->der_len = (size_t)n;
    X509_free(leaf);
    BIO_free(again);
    X509_free(c);
    EVP_PKEY_free(key);
}

static void free_identity(struct identity *id)
{
    free(id->chain);
    free(id->key);
    OPENSSL_free(id->der);
}

struct fixture {
    struct net_loop *loop;
    struct net_http_server *server;
    struct net_target target;
    struct identity server_id, client_id;
    struct net_tls *server_tls;
    size_t server_saw, client_saw; /* chain lengths */
    bool leaf_matches;
    int verdict; /* what the client's verifier says */
    uint8_t exported[2][32];
    struct net_tls *client_tls;
    int result;
    struct ds_error e;
    struct net_http_response response;
};

static void handler(void *arg, struct net_http_request *req)
{
    struct fixture *f = arg;
    const struct net_http_peer *p = net_http_peer(req);
    f->server_saw = p->chain->n;
    f->leaf_matches = p->chain->n > 0 &&
                      ds_span_eq(p->chain->der[0], DS_SPAN(f->client_id.der, f->client_id.der_len));
    assert_true(p->is_tls && !p->is_unix);
    assert_int_equal(net_tls_export(f->exported[0], 32, net_http_ssl(req), "test", NULL), DS_OK);
    net_http_reply(req, 200, "text/plain", DS_SPAN_LIT("secret"), NULL);
}

static int verify(void *arg, const struct ds_span *chain, size_t n, struct ds_error *e)
{
    struct fixture *f = arg;
    f->client_saw = n;
    assert_true(ds_span_eq(chain[0], DS_SPAN(f->server_id.der, f->server_id.der_len)));
    if (f->verdict < 0)
        return ds_refuse(e, f->verdict, DS_CODE_NET_TLS_FAILED, "spki", "this", "that", NULL);
    return DS_OK;
}

static void start(struct fixture *f, int client_extra, bool ask_client)
{
    *f = (struct fixture){ 0 };
    make_identity(&f->server_id, 1, 2);
    make_identity(&f->client_id, 2, client_extra);
    struct net_tls_config cfg = { .chain_pem = ds_span_str(f->server_id.chain),
                                  .key_pem = ds_span_str(f->server_id.key),
                                  .ask_client = ask_client };
    assert_int_equal(net_tls_server_new(&f->server_tls, &cfg, &f->e), DS_OK);
    assert_int_equal(net_loop_new(&f->loop, &f->e), DS_OK);
    struct net_http_limits limits = { .idle_ms = 500 };
    assert_int_equal(net_http_server_new(&f->server, f->loop, &limits, handler, f, &f->e), DS_OK);
    assert_int_equal(net_target_parse(&f->target, "tls:127.0.0.1:0", &f->e), DS_OK);
    assert_int_equal(net_http_server_listen(f->server, &f->target, 0, f->server_tls, &f->e), DS_OK);
    (void)snprintf(f->target.port, sizeof f->target.port, "%u", net_http_server_port(f->server));
}

static void stop(struct fixture *f)
{
    net_http_response_done(&f->response);
    net_tls_unref(f->client_tls);
    net_http_server_free(f->server);
    net_tls_unref(f->server_tls);
    net_loop_free(f->loop);
    free_identity(&f->server_id);
    free_identity(&f->client_id);
}

static void do_call(void *arg)
{
    struct fixture *f = arg;
    struct net_conn *c = NULL;
    f->result = net_conn_open(&c, &f->target, f->client_tls, 2000, &f->e);
    if (f->result < 0)
        return;
    struct net_http_call call = { .path = "/", .timeout_ms = 2000 };
    bool closed;
    f->result = net_http_exchange(&f->response, &closed, c, NULL, &call, &f->e);
    (void)!net_tls_export(f->exported[1], 32, net_conn_ssl(c), "test", &f->e);
    net_conn_close(c);
}

static void call(struct fixture *f, bool with_certificate)
{
    struct net_tls_config cfg = { .verify = verify, .verify_arg = f };
    if (with_certificate) {
        cfg.chain_pem = ds_span_str(f->client_id.chain);
        cfg.key_pem = ds_span_str(f->client_id.key);
    }
    assert_int_equal(net_tls_client_new(&f->client_tls, &cfg, &f->e), DS_OK);
    serve_while(f->loop, do_call, f);
}

static void test_both_see_each_other(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 1, true);
    call(&f, true);
    assert_int_equal(f.result, DS_OK);
    assert_string_equal(f.response.body.p, "secret");
    assert_int_equal(f.client_saw, 3);
    assert_int_equal(f.server_saw, 2);
    assert_true(f.leaf_matches);
    assert_memory_equal(f.exported[0], f.exported[1], 32);
    stop(&f);
}

static void test_client_without_certificate(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0, true);
    call(&f, false);
    assert_int_equal(f.result, DS_OK);
    assert_int_equal(f.server_saw, 0);
    stop(&f);
}

static void test_unasked_certificate_is_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0, false);
    call(&f, true);
    assert_int_equal(f.result, DS_OK);
    assert_int_equal(f.server_saw, 0);
    stop(&f);
}

static void test_refused_server_gets_no_request(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0, true);
    f.verdict = DS_ERR_DENIED;
    call(&f, true);
    assert_int_equal(f.result, DS_ERR_DENIED); /* the verifier's own error */
    assert_string_equal(f.e.detail.claim, "spki");
    assert_int_equal(f.server_saw, 0);
    assert_int_equal(f.response.status, 0);
    stop(&f);
}

#define AHEAD 300

/* All requests and the end at once; then whatever comes. */
static void do_half_close(void *arg)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct fixture *f = arg;
    struct net_conn *c = NULL;
    char in[4096];
    int n = 1;
    f->result = net_conn_open(&c, &f->target, f->client_tls, 2000, &f->e);
    if (f->result < 0)
        return;
    const struct timeval wait = { .tv_sec = 10 };
    SSL *ssl = net_conn_ssl(c);
    (void)fcntl(SSL_get_fd(ssl), F_SETFL, 0);
    (void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    for (size_t i = 0; i < AHEAD && n > 0; i++)
        n = SSL_write(ssl, get, (int)sizeof get - 1);
    (void)SSL_shutdown(ssl);
    while ((n = SSL_read(ssl, in, sizeof in)) > 0)
        ds_buf_add(&f->response.body, DS_SPAN(in, (size_t)n));
    net_conn_close(c);
}

static void test_half_closed_before_the_replies(void **state)
{
    (void)state;
    struct fixture f;
    size_t n = 0;
    start(&f, 0, true);
    struct net_tls_config cfg = { .verify = verify, .verify_arg = &f };
    assert_int_equal(net_tls_client_new(&f.client_tls, &cfg, &f.e), DS_OK);
    serve_while(f.loop, do_half_close, &f);
    assert_int_equal(f.result, DS_OK);
    assert_non_null(f.response.body.p);
    for (const char *at = f.response.body.p; (at = strstr(at, "secret")) != NULL; at++)
        n++;
    assert_int_equal(n, AHEAD);
    stop(&f);
}

static void do_plain(void *arg)
{
    struct fixture *f = arg;
    struct net_target plain = f->target;
    plain.kind = NET_TARGET_TCP;
    struct net_http_call call = { .path = "/", .timeout_ms = 2000 };
    f->result = net_http_call(&f->response, &plain, NULL, &call, &f->e);
}

static void test_plain_http_to_a_tls_port(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0, true);
    serve_while(f.loop, do_plain, &f);
    assert_true(f.result == DS_ERR_UNAVAILABLE || f.result == DS_ERR_PEER);
    stop(&f);
}

static void test_silent_server_times_out(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 0, true);
    int fd = -1;
    struct net_target t;
    assert_int_equal(net_target_parse(&t, "tcp:127.0.0.1:0", NULL), DS_OK);
    assert_int_equal(net_listen(&fd, &t, 0, NULL), DS_OK);
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(f.target.port, sizeof f.target.port, "%u", ntohs(a.sin_port));
    struct net_tls_config cfg = { .verify = verify, .verify_arg = &f };
    assert_int_equal(net_tls_client_new(&f.client_tls, &cfg, &f.e), DS_OK);
    struct net_conn *c = NULL;
    assert_int_equal(net_conn_open(&c, &f.target, f.client_tls, 100, &f.e), DS_ERR_TIMEOUT);
    (void)close(fd);
    stop(&f);
}

static void test_contexts_that_cannot_be_made(void **state)
{
    (void)state;
    struct identity a, b;
    make_identity(&a, 1, 0);
    make_identity(&b, 2, 0);
    struct ds_span chain = ds_span_str(a.chain), key = ds_span_str(a.key);
    DS_AUTO(ds_auto_free) char *cut = strdup(a.chain);
    cut[strlen(cut) / 2] = '\0';
    DS_AUTO(ds_auto_free) char *two = NULL;
    assert_true(asprintf(&two, "%s%s", a.chain, cut) > 0);
    const struct {
        struct ds_span chain, key;
        int status;
    } rows[] = {
        { chain, key, DS_OK },
        { chain, ds_span_str(b.key), DS_ERR_CRYPTO }, /* another's key */
        { chain, chain, DS_ERR_CRYPTO },
        { chain, (struct ds_span){ 0 }, DS_ERR_CRYPTO },
        { key, key, DS_ERR_CRYPTO },
        { ds_span_str(cut), key, DS_ERR_CRYPTO },
        { ds_span_str(two), key, DS_ERR_CRYPTO }, /* the second certificate is cut */
        { DS_SPAN_LIT("x"), key, DS_ERR_CRYPTO },
        { (struct ds_span){ 0 }, key, DS_ERR_ARG },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct net_tls *t = NULL;
        struct ds_error e;
        struct net_tls_config cfg = { .chain_pem = rows[i].chain, .key_pem = rows[i].key };
        int r = net_tls_server_new(&t, &cfg, &e);
        if (r != rows[i].status)
            fail_msg("row %zu: %d %s", i, r, r < 0 ? e.msg : "");
        net_tls_unref(t);
    }
    struct net_tls *t = NULL;
    struct net_tls_config no_verify = { 0 };
    assert_int_equal(net_tls_client_new(&t, &no_verify, NULL), DS_ERR_ARG);
    free_identity(&a);
    free_identity(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_see_each_other),
        cmocka_unit_test(test_client_without_certificate),
        cmocka_unit_test(test_unasked_certificate_is_not_sent),
        cmocka_unit_test(test_refused_server_gets_no_request),
        cmocka_unit_test(test_half_closed_before_the_replies),
        cmocka_unit_test(test_plain_http_to_a_tls_port),
        cmocka_unit_test(test_silent_server_times_out),
        cmocka_unit_test(test_contexts_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

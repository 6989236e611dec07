/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS contexts over OpenSSL. Its own chain verification is replaced as a whole:
 * no CA store is ever consulted.
 */
#include "net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/str.h"
#include "crypto/key.h"

/* Certificates carry evidence: quotes and event logs. */
#define CHAIN_BYTES_MAX ((size_t)1 << 20)

struct net_tls {
    atomic_uint refs;
    SSL_CTX *ctx;
    net_tls_verify_fn *verify;
    void *verify_arg;
};

/* Hangs on an SSL object: what the verify function said. */
struct verdict {
    bool failed;
    struct ds_error e;
};

/* OpenSSL hands out slot numbers once per process. */
static pthread_once_t slot_once = PTHREAD_ONCE_INIT;
static int slot = -1;

static void free_verdict(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                         void *argp)
{
    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    free(ptr);
}

static void make_slot(void) { slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_verdict); }

static int fail_ssl(struct ds_error *e, const char *doing)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return ds_fail_code(e, DS_ERR_CRYPTO, DS_CODE_NET_TLS_FAILED, "TLS: %s: %s", doing,
                        why != NULL ? why : "no reason given");
}

int net_tls_fail(struct ssl_st *ssl, int cls, const char *doing, struct ds_error *e)
{
    const struct verdict *v = SSL_get_ex_data(ssl, slot);
    if (v != NULL && v->failed) {
        ERR_clear_error();
        if (e != NULL)
            *e = v->e;
        return v->e.cls;
    }
    (void)fail_ssl(e, doing);
    if (e != NULL)
        e->cls = cls;
    return cls;
}

void net_chain_done(struct net_chain *c)
{
    free(c->store);
    *c = (struct net_chain){ 0 };
}

/* The certificates of a stack as DER in one piece of memory. */
static int encode_chain(struct net_chain *ret, X509 *const *certs, size_t n, struct ds_error *e)
{
    size_t total = 0, len[NET_TLS_CHAIN_MAX];
    assert(n <= NET_TLS_CHAIN_MAX);
    for (size_t i = 0; i < n; i++) {
        int one = i2d_X509(certs[i], NULL);
        if (one <= 0)
            return fail_ssl(e, "encode a certificate");
        len[i] = (size_t)one;
        total += len[i];
    }
    struct net_chain c = { .n = n, .store = malloc(total + 1) };
    if (c.store == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "certificate chain");
    uint8_t *p = c.store;
    for (size_t i = 0; i < n; i++) {
        c.der[i] = DS_SPAN(p, len[i]);
        (void)i2d_X509(certs[i], &p);
    }
    *ret = c;
    return DS_OK;
}

static int gather(X509 *ret[static NET_TLS_CHAIN_MAX], size_t *ret_n, X509 *leaf,
                  STACK_OF(X509) * rest, struct ds_error *e)
{
    size_t n = 0;
    ret[n++] = leaf;
    for (int i = 0; rest != NULL && i < sk_X509_num(rest); i++) {
        X509 *c = sk_X509_value(rest, i);
        if (i == 0 && X509_cmp(c, leaf) == 0)
            continue;
        if (n == NET_TLS_CHAIN_MAX)
            return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_NET_TLS_FAILED,
                                "TLS: more than %u certificates", NET_TLS_CHAIN_MAX);
        ret[n++] = c;
    }
    *ret_n = n;
    return DS_OK;
}

static int ask_verifier(const struct net_tls *t, X509_STORE_CTX *store, struct ds_error *e)
{
    X509 *certs[NET_TLS_CHAIN_MAX];
    size_t n = 0;
    DS_TRY(gather(certs, &n, X509_STORE_CTX_get0_cert(store), X509_STORE_CTX_get0_untrusted(store),
                  e));
    DS_AUTO(net_chain_done) struct net_chain chain = { 0 };
    DS_TRY(encode_chain(&chain, certs, n, e));
    return t->verify(t->verify_arg, chain.der, chain.n, e);
}

static int on_verify(X509_STORE_CTX *store, void *arg)
{
    const struct net_tls *t = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct verdict *v = ssl != NULL ? SSL_get_ex_data(ssl, slot) : NULL;
    if (v == NULL)
        return 0;
    if (t->verify == NULL || ask_verifier(t, store, &v->e) == DS_OK)
        return 1;
    v->failed = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* No pass phrase is ever asked for. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static void free_bio(BIO **b) { BIO_free_all(*b); }
static void free_key(EVP_PKEY **k) { EVP_PKEY_free(*k); }
static void free_cert(X509 **c) { X509_free(*c); }

static BIO *bio_of(struct ds_span s) { return BIO_new_mem_buf(s.p, (int)s.len); }

static int use_chain(SSL_CTX *ctx, struct ds_span pem, struct ds_error *e)
{
    DS_AUTO(free_bio) BIO *bio = bio_of(pem);
    if (bio == NULL)
        return fail_ssl(e, "read certificates");
    DS_AUTO(free_cert) X509 *leaf = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    if (leaf == NULL || SSL_CTX_use_certificate(ctx, leaf) != 1)
        return fail_ssl(e, "use a certificate");
    for (;;) {
        X509 *next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (next == NULL)
            break;
        if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
            X509_free(next);
            return fail_ssl(e, "use a certificate");
        }
    }
    unsigned long last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        return fail_ssl(e, "read certificates");
    ERR_clear_error();
    return DS_OK;
}

static EVP_PKEY *key_of(const struct net_tls_config *cfg)
{
    if (cfg->key != NULL) {
        EVP_PKEY *key = ds_p256_key_evp(cfg->key);
        return EVP_PKEY_up_ref(key) == 1 ? key : NULL;
    }
    DS_AUTO(free_bio) BIO *bio = bio_of(cfg->key_pem);
    return bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

static int use_key(SSL_CTX *ctx, const struct net_tls_config *cfg, struct ds_error *e)
{
    DS_AUTO(free_key) EVP_PKEY *key = key_of(cfg);
    if (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return fail_ssl(e, "use a private key");
    return DS_OK;
}

static int new_tls(struct net_tls **ret, const struct net_tls_config *cfg, const SSL_METHOD *method,
                   int verify_mode, struct ds_error *e)
{
    (void)pthread_once(&slot_once, make_slot);
    struct net_tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "TLS context");
    atomic_init(&t->refs, 1);
    DS_AUTO(net_tls_unref_auto) struct net_tls *owned = t;
    t->verify = cfg->verify;
    t->verify_arg = cfg->verify_arg;
    t->ctx = SSL_CTX_new(method);
    if (slot < 0 || t->ctx == NULL || SSL_CTX_set_min_proto_version(t->ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(t->ctx, 0) != 1)
        return fail_ssl(e, "make a context");
    (void)SSL_CTX_set_options(t->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                          SSL_OP_CLEANSE_PLAINTEXT);
    (void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_max_cert_list(t->ctx, CHAIN_BYTES_MAX);
    SSL_CTX_set_verify(t->ctx, verify_mode, NULL);
    SSL_CTX_set_cert_verify_callback(t->ctx, on_verify, t);
    if (cfg->chain_pem.len > 0) {
        DS_TRY(use_chain(t->ctx, cfg->chain_pem, e));
        DS_TRY(use_key(t->ctx, cfg, e));
    }
    *ret = DS_TAKE_PTR(owned);
    return DS_OK;
}

int net_tls_server_new(struct net_tls **ret, const struct net_tls_config *cfg, struct ds_error *e)
{
    if (cfg->chain_pem.len == 0)
        return ds_fail(e, DS_ERR_ARG, "a TLS server needs a certificate");
    return new_tls(ret, cfg, TLS_server_method(),
                   cfg->ask_client ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, e);
}

int net_tls_client_new(struct net_tls **ret, const struct net_tls_config *cfg, struct ds_error *e)
{
    if (cfg->verify == NULL)
        return ds_fail(e, DS_ERR_ARG, "a TLS client needs a way to verify the server");
    return new_tls(ret, cfg, TLS_client_method(), SSL_VERIFY_PEER, e);
}

struct net_tls *net_tls_ref(struct net_tls *t)
{
    (void)atomic_fetch_add(&t->refs, 1);
    return t;
}

void net_tls_unref(struct net_tls *t)
{
    if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    SSL_CTX_free(t->ctx);
    free(t);
}

int net_tls_ssl_new(struct ssl_st **ret, struct net_tls *t, const char *server_name,
                    struct ds_error *e)
{
    struct verdict *v = calloc(1, sizeof *v);
    SSL *ssl = v != NULL ? SSL_new(t->ctx) : NULL;
    if (ssl == NULL || SSL_set_ex_data(ssl, slot, v) != 1) {
        SSL_free(ssl);
        free(v);
        return ds_fail(e, DS_ERR_NOMEM, "TLS connection");
    }
    char name[256]; /* SSL_set_tlsext_host_name copies, but through a cast that drops const */
    if (server_name != NULL &&
        (!ds_str_copy(name, sizeof name, server_name) ||
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) != 1)) {
        SSL_free(ssl);
        return fail_ssl(e, "set the server name");
    }
    *ret = ssl;
    return DS_OK;
}

int net_tls_peer_chain(struct net_chain *ret, struct ssl_st *ssl, struct ds_error *e)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    if (leaf == NULL) {
        *ret = (struct net_chain){ 0 };
        return DS_OK;
    }
    X509 *certs[NET_TLS_CHAIN_MAX];
    size_t n = 0;
    DS_TRY(gather(certs, &n, leaf, SSL_get_peer_cert_chain(ssl), e));
    return encode_chain(ret, certs, n, e);
}

int net_tls_export(uint8_t *ret, size_t len, struct ssl_st *ssl, const char *label,
                   struct ds_error *e)
{
    if (SSL_export_keying_material(ssl, ret, len, label, strlen(label), NULL, 0, 0) != 1)
        return fail_ssl(e, "export keying material");
    return DS_OK;
}

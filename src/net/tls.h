/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS contexts: version 1.3 only, no tickets, keys from memory. OpenSSL proves
 * that the peer holds the key of its leaf; whether to trust that key is decided
 * by our verify function alone, which sees the chain as DER.
 */

#include "base/scope.h"
#include "base/span.h"

struct ds_p256_key;
struct ssl_st;
struct net_tls;

#define NET_TLS_CHAIN_MAX 8u

/* The peer's certificates, leaf first; borrowed for the call. Runs during the handshake, on the
 * thread of the connection. Any failure ends the handshake. */
typedef int net_tls_verify_fn(void *arg, const struct ds_span *chain, size_t n_chain,
                              struct ds_error *e);

struct net_tls_config {
    struct ds_span chain_pem; /* leaf first; empty for a client without certificate */
    struct ds_span key_pem;   /* PKCS#8 */
    /* Instead of key_pem: a key that never becomes text. Referenced, not copied. */
    const struct ds_p256_key *key;
    /* Client: required. Server: NULL accepts any chain, which the handler then judges
     * (net_http_peer). */
    net_tls_verify_fn *verify;
    void *verify_arg;
    bool ask_client; /* server: request a client certificate (never required by TLS itself) */
};

DS_MUST_USE int net_tls_server_new(struct net_tls **ret, const struct net_tls_config *cfg,
                                   struct ds_error *e);
DS_MUST_USE int net_tls_client_new(struct net_tls **ret, const struct net_tls_config *cfg,
                                   struct ds_error *e);
struct net_tls *net_tls_ref(struct net_tls *t);
void net_tls_unref(struct net_tls *t);
DS_DEFINE_AUTO(struct net_tls, net_tls_unref);

/* The chain a peer showed, copied. */
struct net_chain {
    struct ds_span der[NET_TLS_CHAIN_MAX]; /* leaf first */
    size_t n;
    uint8_t *store; /* what der points into */
};
void net_chain_done(struct net_chain *c);

/* A connection's SSL object; server_name (SNI) for clients, may be NULL. */
DS_MUST_USE int net_tls_ssl_new(struct ssl_st **ret, struct net_tls *t, const char *server_name,
                                struct ds_error *e);
DS_MUST_USE int net_tls_peer_chain(struct net_chain *ret, struct ssl_st *ssl, struct ds_error *e);
/* RFC 9266 style exporter of the session. */
DS_MUST_USE int net_tls_export(uint8_t *ret, size_t len, struct ssl_st *ssl, const char *label,
                               struct ds_error *e);
/* Why the last operation on ssl failed; a verify function's own error passes unchanged. */
int net_tls_fail(struct ssl_st *ssl, int cls, const char *doing, struct ds_error *e);

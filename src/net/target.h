/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where to listen or connect: "unix:/path", "tcp:host:port", "tls:host:port".
 * http:// and https:// URLs are read as tcp and tls (default ports 80, 443).
 */

#include "base/span.h"

enum net_target_kind {
    NET_TARGET_UNIX,
    NET_TARGET_TCP,
    NET_TARGET_TLS,
};

struct net_target {
    enum net_target_kind kind;
    char host[256]; /* or the path of the socket */
    char port[6];   /* decimal; empty for unix */
};

/* err: FORMAT net.bad_target */
DS_MUST_USE int net_target_parse(struct net_target *ret, const char *text, struct ds_error *e);
/* The text form; out holds 300 bytes. Returns out. */
char *net_target_text(char out[static 300], const struct net_target *t);

/*
 * A listening, non-blocking socket. A left-over unix socket that nobody serves is
 * replaced; `mode` is the mode of a new one. TCP gets NODELAY and REUSEADDR.
 * err: EXISTS  net.address_taken: someone answers there
 */
DS_MUST_USE int net_listen(int *ret_fd, const struct net_target *t, unsigned mode,
                           struct ds_error *e);

/* A connected, non-blocking socket. err: UNAVAILABLE net.no_answer, TIMEOUT */
DS_MUST_USE int net_connect(int *ret_fd, const struct net_target *t, int64_t deadline_ms,
                            struct ds_error *e);

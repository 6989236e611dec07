/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fetches documents of public services over HTTP and HTTPS: libcurl on our
 * loop. Proxies and their exceptions are curl's environment variables, TLS
 * verifies the server by name. Size and time are bounded; what may pass is tried
 * again, as the server asks (Retry-After) or after a growing pause. A redirect is
 * followed on the same server only. What comes back is untrusted all the same.
 */

#include "base/buf.h"
#include "base/scope.h"
#include "net/loop.h"

struct net_fetcher; /* connections of one loop; reused between fetches */
struct net_fetch;   /* one document under way */

/* in:   ca_file  PEM certificates to trust instead of the system's; NULL: the system's */
DS_MUST_USE int net_fetcher_new(struct net_fetcher **ret, struct net_loop *loop,
                                const char *ca_file, struct ds_error *e);
/* No fetch is under way any more, and not from a fetch's callback. */
void net_fetcher_free(struct net_fetcher *f);
DS_DEFINE_AUTO(struct net_fetcher, net_fetcher_free);

/* A field of 0 stands for what its comment names. */
struct net_fetch_limits {
    size_t body_max;     /* 1 MiB */
    int64_t total_ms;    /* for everything, tries and pauses too: 60 s */
    int64_t stall_ms;    /* without a byte, within one try: 15 s */
    unsigned tries;      /* 3 */
    int64_t pause_ms;    /* before the second try; doubled for each more: 500 ms */
    int64_t wait_max_ms; /* a longer Retry-After ends the fetch: 30 s */
};

struct net_fetch_reply {
    int status; /* 200 to 299 */
    struct ds_buf body;
    struct ds_buf headers; /* lines of the last reply as they came */
    int64_t retry_after_s; /* of the reply that ended a fetch with net.fetch_busy; else 0 */
};
void net_fetch_reply_done(struct net_fetch_reply *reply);

/* The value of the first header of this name, without the blanks around it; p NULL if none. */
struct ds_span net_fetch_header(const struct net_fetch_reply *reply, const char *name);

/*
 * The end of a fetch, which is gone after it. The reply is the callback's to take (clear it) or
 * leave; `e` says why there is none.
 *
 * r:    UNAVAILABLE  net.no_answer, net.fetch_busy (429, 503), net.fetch_truncated
 *       TIMEOUT      net.fetch_timeout
 *       NOTFOUND     net.fetch_not_found (404)
 *       PEER         net.fetch_status, net.fetch_redirect, net.fetch_tls, net.bad_http
 *       RANGE        net.reply_too_large
 */
typedef void net_fetch_fn(void *arg, int r, struct net_fetch_reply *reply,
                          const struct ds_error *e);

/*
 * Begin to fetch; fn is called from the loop, never from here.
 *
 * in:   url     http or https, without a user name; copied
 *       limits  NULL: all defaults
 * out:  ret     borrowed until fn is called: for net_fetch_cancel; may be NULL
 * err:  ARG net.bad_target, NOMEM
 */
DS_MUST_USE int net_fetch_start(struct net_fetch **ret, struct net_fetcher *f, const char *url,
                                const struct net_fetch_limits *limits, net_fetch_fn *fn, void *arg,
                                struct ds_error *e);
/* End it without a callback. NULL is fine. */
void net_fetch_cancel(struct net_fetch *fetch);

/* Fetch and wait, running the loop. *ret is the caller's (net_fetch_reply_done), also after a
 * failure. */
DS_MUST_USE int net_fetch_now(struct net_fetch_reply *ret, struct net_fetcher *f, const char *url,
                              const struct net_fetch_limits *limits, struct ds_error *e);

/*
 * How long a server wants to be left alone: Retry-After as seconds or as an HTTP date.
 * Pure; -1 when the text is neither.
 * spec: RFC 9110 10.2.3, 5.6.7 (IMF-fixdate)
 */
int64_t net_fetch_retry_after_s(struct ds_span value, int64_t now_s);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi interface driven by our loop. curl tells which descriptors and
 * which time it waits for; we tell it what happened. A fetch is in one of two
 * states, under way or pausing before its next try; one timer serves both (the
 * next byte is due; the pause is over), another bounds the whole.
 */
#include "net/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/str.h"
#include "codec/date.h"

#define HEADERS_MAX   ((size_t)64 * 1024)
#define REDIRECTS_MAX 4
#define AGENT         "dstack/" DS_VERSION

struct net_fetcher {
    struct net_loop *loop;
    CURLM *multi;
    struct net_event *timer;
    char *ca_file;
    bool is_global; /* curl's own reference count was raised */
};

struct sock {
    struct net_fetcher *fetcher;
    struct net_event *ev;
    curl_socket_t fd;
};

struct net_fetch {
    struct net_fetcher *fetcher;
    CURL *easy;
    bool is_running; /* the easy handle is in the multi handle */
    char *url;       /* moves with redirects */
    struct net_fetch_limits limits;
    unsigned n_tries, n_redirects;
    bool too_large, too_many_headers;
    struct net_event *step, *total;
    struct net_fetch_reply reply;
    net_fetch_fn *fn;
    void *arg;
};

/* What one try came to, before it is decided whether there is another. */
struct outcome {
    int cls;
    enum ds_code code;
    bool may_pass;      /* worth another try */
    int64_t pause_ms;   /* that the server asks for; 0: ours */
    const char *detail; /* appended to the message */
};

void net_fetch_reply_done(struct net_fetch_reply *reply)
{
    ds_buf_done(&reply->body);
    ds_buf_done(&reply->headers);
    *reply = (struct net_fetch_reply){ 0 };
}

static struct ds_span trim(struct ds_span s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = ds_span_sub(s, 1, s.len);
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t' || s.p[s.len - 1] == '\r'))
        s.len--;
    return s;
}

struct ds_span net_fetch_header(const struct net_fetch_reply *reply, const char *name)
{
    struct ds_span rest = ds_buf_span(&reply->headers), line;
    size_t n = strlen(name);
    while (ds_span_line(&rest, &line))
        if (line.len > n && line.p[n] == ':' && strncasecmp((const char *)line.p, name, n) == 0) {
            struct ds_span value = trim(ds_span_sub(line, n + 1, line.len));
            return value.p != NULL ? value : DS_SPAN_LIT("");
        }
    return (struct ds_span){ 0 };
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static int64_t http_date(struct ds_span v)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const uint8_t form[] = "???, ## ??? #### ##:##:## GMT";
    int month = 0;
    int64_t s;
    if (v.len != sizeof form - 1)
        return -1;
    for (size_t i = 0; i < v.len; i++)
        if (form[i] == '#' ? v.p[i] < '0' || v.p[i] > '9' : form[i] != '?' && v.p[i] != form[i])
            return -1;
    for (int m = 0; m < 12; m++)
        if (memcmp(v.p + 8, months + (size_t)m * 3, 3) == 0)
            month = m + 1;
#define TWO(at) ((v.p[at] - '0') * 10 + (v.p[(at) + 1] - '0'))
    int year = TWO(12) * 100 + TWO(14);
    return ds_date_to_s(&s, year, month, TWO(5), TWO(17), TWO(20), TWO(23)) ? s : -1;
#undef TWO
}

int64_t net_fetch_retry_after_s(struct ds_span value, int64_t now_s)
{
    uint64_t s;
    if (ds_str_u64(&s, value, UINT32_MAX, NULL) == DS_OK)
        return (int64_t)s;
    int64_t at = http_date(value);
    if (at < 0)
        return -1;
    return at > now_s ? at - now_s : 0;
}

static void fetch_free(struct net_fetch *x)
{
    if (x->is_running)
        (void)curl_multi_remove_handle(x->fetcher->multi, x->easy);
    if (x->easy != NULL)
        curl_easy_cleanup(x->easy);
    net_event_free(x->step);
    net_event_free(x->total);
    net_fetch_reply_done(&x->reply);
    free(x->url);
    free(x);
}

/* The callback may start and cancel other fetches; this one is out of everyone's reach by then. */
static void finish(struct net_fetch *x, int r, const struct ds_error *e)
{
    if (x->is_running)
        (void)curl_multi_remove_handle(x->fetcher->multi, x->easy);
    x->is_running = false;
    net_event_stop(x->step);
    net_event_stop(x->total);
    x->fn(x->arg, r, &x->reply, e);
    fetch_free(x);
}

/* What is told of a URL: no query, which may be long. */
static int shown_len(const char *url) { return (int)strcspn(url, "?"); }

static void fail(struct net_fetch *x, const struct outcome *o)
{
    struct ds_error e = { 0 };
    int r = ds_fail_code(&e, o->cls, o->code, "%.*s: %s%s%s", shown_len(x->url), x->url,
                         ds_code_info_get(o->code)->what, o->detail[0] != '\0' ? ": " : "",
                         o->detail);
    finish(x, r, &e);
}

static void end_timeout(struct net_fetch *x, const char *detail)
{
    const struct outcome o = { DS_ERR_TIMEOUT, DS_CODE_NET_FETCH_TIMEOUT, .detail = detail };
    fail(x, &o);
}

static void start_try(struct net_fetch *x)
{
    struct ds_error e;
    net_fetch_reply_done(&x->reply);
    x->reply.body.max = x->limits.body_max + 1; /* and the NUL behind it */
    x->reply.headers.max = HEADERS_MAX;
    x->too_large = x->too_many_headers = false;
    x->n_tries++;
    bool is_set = curl_easy_setopt(x->easy, CURLOPT_URL, x->url) == CURLE_OK &&
                  net_event_after(x->step, x->limits.stall_ms, &e) == DS_OK;
    x->is_running = is_set && curl_multi_add_handle(x->fetcher->multi, x->easy) == CURLM_OK;
    if (x->is_running)
        return;
    const struct outcome o = { DS_ERR_NOMEM, DS_CODE_NET_NO_ANSWER, .detail = "out of memory" };
    fail(x, &o);
}

static int64_t pause_of(const struct net_fetch *x, const struct outcome *o)
{
    int64_t ms = x->limits.pause_ms << (x->n_tries < 8 ? x->n_tries - 1 : 7);
    return o->pause_ms > ms ? o->pause_ms : ms;
}

/* Another try, or the end. */
static void retry(struct net_fetch *x, const struct outcome *o)
{
    struct ds_error e;
    int64_t ms = pause_of(x, o);
    if (!o->may_pass || x->n_tries >= x->limits.tries || ms > x->limits.wait_max_ms) {
        fail(x, o);
        return;
    }
    (void)curl_multi_remove_handle(x->fetcher->multi, x->easy);
    x->is_running = false;
    if (net_event_after(x->step, ms, &e) < 0)
        fail(x, o);
}

static char *url_part(CURLU *u, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    return curl_url_get(u, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *x = url_part(a, part, CURLU_DEFAULT_PORT), *y = url_part(b, part, CURLU_DEFAULT_PORT);
    bool same = x != NULL && y != NULL && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

/* Scheme, host and port: elsewhere nobody has said that documents may come from. */
static bool is_same_server(const char *a, const char *b)
{
    CURLU *x = curl_url(), *y = curl_url();
    bool same = x != NULL && y != NULL && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK &&
                same_part(x, y, CURLUPART_SCHEME) && same_part(x, y, CURLUPART_HOST) &&
                same_part(x, y, CURLUPART_PORT);
    curl_url_cleanup(x);
    curl_url_cleanup(y);
    return same;
}

static void redirect(struct net_fetch *x)
{
    char *to = NULL, shown[96];
    (void)curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &to);
    struct outcome o = { DS_ERR_PEER, DS_CODE_NET_FETCH_REDIRECT, .detail = "it names no address" };
    if (to != NULL && x->n_redirects >= REDIRECTS_MAX)
        o.detail = "there is no end to them";
    else if (to != NULL && !is_same_server(x->url, to))
        o.detail = ds_str_printable(shown, sizeof shown, DS_SPAN(to, strcspn(to, "?")));
    else if (to != NULL) {
        char *copy = strdup(to);
        (void)curl_multi_remove_handle(x->fetcher->multi, x->easy);
        x->is_running = false;
        if (copy != NULL) {
            free(x->url);
            x->url = copy;
            x->n_redirects++;
            x->n_tries--;
            start_try(x);
            return;
        }
        o.detail = "out of memory";
    }
    fail(x, &o);
}

static void end_status(struct net_fetch *x, int status)
{
    char detail[64];
    struct ds_span after = net_fetch_header(&x->reply, "Retry-After");
    struct outcome o = { DS_ERR_PEER, DS_CODE_NET_FETCH_STATUS, .detail = detail };
    (void)snprintf(detail, sizeof detail, "status %d", status);
    if (status == 404)
        o = (struct outcome){ DS_ERR_NOTFOUND, DS_CODE_NET_FETCH_NOT_FOUND, .detail = "" };
    /* RFC 9110 15.6.4, RFC 6585 4: both may say when to come again. */
    if (status == 429 || status == 503) {
        int64_t s = after.p != NULL ? net_fetch_retry_after_s(after, ds_clock_now_s()) : 0;
        o.cls = DS_ERR_UNAVAILABLE;
        o.code = DS_CODE_NET_FETCH_BUSY;
        o.pause_ms = s > 0 ? s * 1000 : 0;
        x->reply.retry_after_s = s > 0 ? s : 0;
        if (s > 0)
            (void)snprintf(detail, sizeof detail, "status %d, come again in %lld s", status,
                           (long long)s);
    }
    o.may_pass = status == 429 || status >= 500;
    retry(x, &o);
}

/* curl's words for what can go wrong, as ours. */
static struct outcome outcome_of(const struct net_fetch *x, CURLcode rc)
{
    static const struct {
        CURLcode rc;
        struct outcome o;
    } rows[] = {
        { CURLE_OPERATION_TIMEDOUT, { DS_ERR_TIMEOUT, DS_CODE_NET_FETCH_TIMEOUT, true } },
        { CURLE_PARTIAL_FILE, { DS_ERR_UNAVAILABLE, DS_CODE_NET_FETCH_TRUNCATED, true } },
        { CURLE_RECV_ERROR, { DS_ERR_UNAVAILABLE, DS_CODE_NET_FETCH_TRUNCATED, true } },
        { CURLE_HTTP2_STREAM, { DS_ERR_UNAVAILABLE, DS_CODE_NET_FETCH_TRUNCATED, true } },
        { CURLE_PEER_FAILED_VERIFICATION, { DS_ERR_PEER, DS_CODE_NET_FETCH_TLS, false } },
        { CURLE_SSL_CONNECT_ERROR, { DS_ERR_PEER, DS_CODE_NET_FETCH_TLS, false } },
        { CURLE_SSL_CACERT_BADFILE, { DS_ERR_PEER, DS_CODE_NET_FETCH_TLS, false } },
        { CURLE_UNSUPPORTED_PROTOCOL, { DS_ERR_PEER, DS_CODE_NET_BAD_HTTP, false } },
        { CURLE_WEIRD_SERVER_REPLY, { DS_ERR_PEER, DS_CODE_NET_BAD_HTTP, false } },
        { CURLE_OUT_OF_MEMORY, { DS_ERR_NOMEM, DS_CODE_NET_NO_ANSWER, false } },
    };
    struct outcome o = { DS_ERR_UNAVAILABLE, DS_CODE_NET_NO_ANSWER, true, 0, NULL };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (rows[i].rc == rc)
            o = rows[i].o;
    o.detail = curl_easy_strerror(rc);
    if (o.code == DS_CODE_NET_FETCH_TRUNCATED && x->reply.headers.len == 0)
        o.code = DS_CODE_NET_NO_ANSWER; /* nothing had begun */
    if (x->too_large)
        o = (struct outcome){ DS_ERR_RANGE, DS_CODE_NET_REPLY_TOO_LARGE, .detail = "" };
    if (x->too_many_headers)
        o = (struct outcome){ DS_ERR_PEER, DS_CODE_NET_BAD_HTTP,
                              .detail = "its header is too long" };
    return o;
}

static void ended(struct net_fetch *x, CURLcode rc)
{
    long status = 0;
    net_event_stop(x->step);
    if (rc != CURLE_OK) {
        struct outcome o = outcome_of(x, rc);
        retry(x, &o);
        return;
    }
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    x->reply.status = (int)status;
    if (status >= 200 && status < 300)
        finish(x, DS_OK, NULL);
    else if (status >= 300 && status < 400)
        redirect(x);
    else
        end_status(x, (int)status);
}

static void take_messages(struct net_fetcher *f)
{
    int n_left;
    for (CURLMsg *m = curl_multi_info_read(f->multi, &n_left); m != NULL;
         m = curl_multi_info_read(f->multi, &n_left)) {
        struct net_fetch *x = NULL;
        CURLcode rc = m->data.result;
        if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x) == 0)
            ended(x, rc);
    }
}

static void on_timer(void *arg, unsigned what)
{
    struct net_fetcher *f = arg;
    int n;
    (void)what;
    (void)curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &n);
    take_messages(f);
}

static void on_socket(void *arg, unsigned what)
{
    const struct sock *s = arg;
    struct net_fetcher *f = s->fetcher;
    int n, bits = ((what & NET_READ) != 0 ? CURL_CSELECT_IN : 0) |
                  ((what & NET_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(f->multi, s->fd, bits, &n);
    take_messages(f);
}

static void sock_free(struct sock *s)
{
    if (s == NULL)
        return;
    net_event_free(s->ev);
    free(s);
}

static int sock_new(struct sock **ret, struct net_fetcher *f, curl_socket_t fd)
{
    struct sock *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -1;
    *s = (struct sock){ .fetcher = f, .fd = fd };
    if (net_event_fd(&s->ev, f->loop, fd, 0, on_socket, s, NULL) < 0) {
        free(s);
        return -1;
    }
    *ret = s;
    return curl_multi_assign(f->multi, fd, s) == CURLM_OK ? 0 : -1;
}

/* curl says what it waits for on a descriptor. -1 makes curl give the transfer up. */
static int socket_wants(CURL *easy, curl_socket_t fd, int what, void *arg, void *sockp)
{
    struct net_fetcher *f = arg;
    struct sock *s = sockp;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)curl_multi_assign(f->multi, fd, NULL);
        sock_free(s);
        return 0;
    }
    if (s == NULL && sock_new(&s, f, fd) < 0)
        return -1;
    unsigned want = ((what & CURL_POLL_IN) != 0 ? NET_READ : 0) |
                    ((what & CURL_POLL_OUT) != 0 ? NET_WRITE : 0);
    return net_event_want(s->ev, want, NULL) < 0 ? -1 : 0;
}

static int timer_wants(CURLM *multi, long ms, void *arg)
{
    struct net_fetcher *f = arg;
    (void)multi;
    if (ms >= 0)
        return net_event_after(f->timer, ms, NULL) < 0 ? -1 : 0;
    net_event_stop(f->timer);
    return 0;
}

static size_t take_body(char *p, size_t one, size_t n, void *arg)
{
    struct net_fetch *x = arg;
    (void)one;
    if (net_event_after(x->step, x->limits.stall_ms, NULL) < 0)
        return CURL_WRITEFUNC_ERROR;
    x->too_large = n > x->limits.body_max - x->reply.body.len;
    if (!x->too_large)
        ds_buf_add(&x->reply.body, DS_SPAN(p, n));
    return x->too_large || x->reply.body.bad ? CURL_WRITEFUNC_ERROR : n;
}

/* One line at a time. A status line begins the header of another reply (100, a proxy's). */
static size_t take_header(char *p, size_t one, size_t n, void *arg)
{
    struct net_fetch *x = arg;
    (void)one;
    if (n > 5 && memcmp(p, "HTTP/", 5) == 0)
        ds_buf_clear(&x->reply.headers);
    x->too_many_headers = n > HEADERS_MAX - 1 - x->reply.headers.len;
    if (!x->too_many_headers)
        ds_buf_add(&x->reply.headers, DS_SPAN(p, n));
    if (x->too_many_headers || net_event_after(x->step, x->limits.stall_ms, NULL) < 0)
        return CURL_WRITEFUNC_ERROR;
    return n;
}

static void on_step(void *arg, unsigned what)
{
    struct net_fetch *x = arg;
    const struct outcome slow = { DS_ERR_TIMEOUT, DS_CODE_NET_FETCH_TIMEOUT, .may_pass = true,
                                  .detail = "nothing came for too long" };
    (void)what;
    if (x->is_running)
        retry(x, &slow);
    else
        start_try(x);
}

static void on_total(void *arg, unsigned what)
{
    (void)what;
    end_timeout(arg, "it was not complete in time");
}

int net_fetcher_new(struct net_fetcher **ret, struct net_loop *loop, const char *ca_file,
                    struct ds_error *e)
{
    DS_AUTO(net_fetcher_free_auto) struct net_fetcher *f = calloc(1, sizeof *f);
    if (f == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "fetcher");
    f->loop = loop;
    f->is_global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    f->multi = f->is_global ? curl_multi_init() : NULL;
    f->ca_file = ca_file != NULL ? strdup(ca_file) : NULL;
    if (f->multi == NULL || (ca_file != NULL && f->ca_file == NULL))
        return ds_fail(e, DS_ERR_NOMEM, "fetcher");
    DS_TRY(net_event_timer(&f->timer, loop, on_timer, f, e));
    if (curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, socket_wants) != CURLM_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f) != CURLM_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, timer_wants) != CURLM_OK ||
        curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f) != CURLM_OK)
        return ds_fail(e, DS_ERR_UNSUPPORTED, "libcurl refuses the options of a fetcher");
    *ret = DS_TAKE_PTR(f);
    return DS_OK;
}

void net_fetcher_free(struct net_fetcher *f)
{
    if (f == NULL)
        return;
    if (f->multi != NULL)
        (void)curl_multi_cleanup(f->multi);
    net_event_free(f->timer);
    if (f->is_global)
        curl_global_cleanup();
    free(f->ca_file);
    free(f);
}

static struct net_fetch_limits limits_of(const struct net_fetch_limits *given)
{
    struct net_fetch_limits l = given != NULL ? *given : (struct net_fetch_limits){ 0 };
    l.body_max = l.body_max != 0 ? l.body_max : (size_t)1 << 20;
    l.total_ms = l.total_ms != 0 ? l.total_ms : 60000;
    l.stall_ms = l.stall_ms != 0 ? l.stall_ms : 15000;
    l.tries = l.tries != 0 ? l.tries : 3;
    l.pause_ms = l.pause_ms != 0 ? l.pause_ms : 500;
    l.wait_max_ms = l.wait_max_ms != 0 ? l.wait_max_ms : 30000;
    return l;
}

static int check_url(const char *url, struct ds_error *e)
{
    CURLU *u = curl_url();
    bool good = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
    char *scheme = good ? url_part(u, CURLUPART_SCHEME, 0) : NULL;
    char *user = good ? url_part(u, CURLUPART_USER, 0) : NULL;
    good = scheme != NULL && user == NULL &&
           (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(u);
    if (!good)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_NET_BAD_TARGET,
                            "'%.*s' is no address of a web service", shown_len(url), url);
    return DS_OK;
}

static bool set_options(struct net_fetch *x)
{
    CURL *c = x->easy;
    return curl_easy_setopt(c, CURLOPT_PRIVATE, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, AGENT) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)x->limits.stall_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, x) == CURLE_OK &&
           (x->fetcher->ca_file == NULL ||
            curl_easy_setopt(c, CURLOPT_CAINFO, x->fetcher->ca_file) == CURLE_OK);
}

static int prepare(struct net_fetch *x, const char *url, struct ds_error *e)
{
    x->url = strdup(url);
    x->easy = curl_easy_init();
    if (x->url == NULL || x->easy == NULL || !set_options(x))
        return ds_fail(e, DS_ERR_NOMEM, "fetch");
    DS_TRY(net_event_timer(&x->step, x->fetcher->loop, on_step, x, e));
    DS_TRY(net_event_timer(&x->total, x->fetcher->loop, on_total, x, e));
    DS_TRY(net_event_after(x->total, x->limits.total_ms, e));
    /* The first try too begins from the loop, so that no caller is called back from here. */
    return net_event_after(x->step, 0, e);
}

int net_fetch_start(struct net_fetch **ret, struct net_fetcher *f, const char *url,
                    const struct net_fetch_limits *limits, net_fetch_fn *fn, void *arg,
                    struct ds_error *e)
{
    DS_TRY(check_url(url, e));
    struct net_fetch *x = calloc(1, sizeof *x);
    if (x == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "fetch");
    *x = (struct net_fetch){ .fetcher = f, .limits = limits_of(limits), .fn = fn, .arg = arg };
    int r = prepare(x, url, e);
    if (r < 0) {
        fetch_free(x);
        return r;
    }
    if (ret != NULL)
        *ret = x;
    return DS_OK;
}

void net_fetch_cancel(struct net_fetch *fetch)
{
    if (fetch != NULL)
        fetch_free(fetch);
}

struct waiting {
    struct net_fetch_reply *reply;
    struct ds_error *e;
    int r;
    bool done;
};

static void on_waited(void *arg, int r, struct net_fetch_reply *reply, const struct ds_error *e)
{
    struct waiting *w = arg;
    *w->reply = *reply;
    *reply = (struct net_fetch_reply){ 0 };
    if (e != NULL && w->e != NULL)
        *w->e = *e;
    w->r = r;
    w->done = true;
}

int net_fetch_now(struct net_fetch_reply *ret, struct net_fetcher *f, const char *url,
                  const struct net_fetch_limits *limits, struct ds_error *e)
{
    struct waiting w = { .reply = ret, .e = e };
    struct net_fetch *x = NULL;
    DS_TRY(net_fetch_start(&x, f, url, limits, on_waited, &w, e));
    while (!w.done) {
        int r = net_loop_step(f->loop, 1000, e);
        if (r < 0 && !w.done) {
            net_fetch_cancel(x);
            return r;
        }
    }
    return w.r;
}

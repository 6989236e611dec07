/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenge-response sessions over HTTP.
 * spec: Veraison challenge-response API, api/challenge-response in github.com/veraison/docs
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "verifier/call.h"

#define NONCE_PRESET 32

static struct session_time time_now(void)
{
    return (struct session_time){ .mono_ms = ds_clock_mono_ms(), .now_s = ds_clock_now_s() };
}

static int check_accept(const struct call *c, struct ds_error *e)
{
    const char *accept = net_http_header(c->req, "Accept");
    if (verifier_accepts(accept, MEDIA_SESSION))
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_NOT_ACCEPTABLE, "Accept",
                     MEDIA_SESSION, accept, NULL);
}

static void answer_session(const struct call *c, int status, const struct session *x)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    char extra[96] = "";
    struct ds_error e;
    if (sessions_encode(&body, x, verifier_media_types, &e) < 0) {
        call_fail(c, &e);
        return;
    }
    /* Relative to the page that made it (RFC 9110 10.2.2), as the API's own implementation has it. */
    if (status == 201)
        (void)snprintf(extra, sizeof extra, "Location: session/%s\r\n", x->id);
    call_answer(c, status, MEDIA_SESSION, ds_buf_span(&body), extra);
}

static int bad_query(const char *claim, const char *expected, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, claim, expected, "something else",
                     NULL);
}

/* base64url or base64, with or without padding; %2B, %2F and %3D stand for theirs (RFC 3986 2.1). */
static int read_nonce(uint8_t ret[SESSION_NONCE_MAX], size_t *ret_len, struct ds_span text,
                      struct ds_error *e)
{
    static const char expected[] = "8 to 64 bytes in base64url";
    char digits[DS_BASE64_LEN(SESSION_NONCE_MAX) + 4];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.p[i];
        if (c == '%') {
            uint8_t byte;
            if (ds_hex_decode(&byte, 1, ds_span_sub(text, i + 1, 2), NULL) < 0)
                return bad_query("nonce", expected, e);
            c = (char)byte;
            i += 2;
        }
        if (n + 4 >= sizeof digits)
            return bad_query("nonce", expected, e);
        digits[n++] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (n > 0 && digits[n - 1] == '=')
        n--;
    while (n % 4 != 0)
        digits[n++] = '=';
    if (ds_base64_decode(ret, ret_len, SESSION_NONCE_MAX, DS_SPAN(digits, n), NULL) < 0 ||
        *ret_len < SESSION_NONCE_MIN)
        return bad_query("nonce", expected, e);
    return DS_OK;
}

/* The value of a name in the query; p NULL when it is not there. Twice is refused. */
static int query_value(struct ds_span *ret, const char *query, const char *name, struct ds_error *e)
{
    size_t len = strlen(name);
    *ret = (struct ds_span){ 0 };
    for (const char *p = query; *p != '\0';) {
        size_t n = strcspn(p, "&");
        if (n > len && strncmp(p, name, len) == 0 && p[len] == '=') {
            if (ret->p != NULL)
                return bad_query(name, "one value", e);
            *ret = DS_SPAN(p + len + 1, n - len - 1);
        }
        p += n + (p[n] == '&');
    }
    return DS_OK;
}

static int take_nonce(uint8_t ret[SESSION_NONCE_MAX], size_t *ret_len, const char *query,
                      struct ds_error *e)
{
    struct ds_span nonce, size;
    uint64_t n = NONCE_PRESET;
    DS_TRY(query_value(&nonce, query, "nonce", e));
    DS_TRY(query_value(&size, query, "nonceSize", e));
    if (nonce.p != NULL && size.p != NULL)
        return bad_query("nonce", "nonce or nonceSize, not both", e);
    if (nonce.p != NULL)
        return read_nonce(ret, ret_len, nonce, e);
    if (size.p != NULL &&
        (ds_str_u64(&n, size, SESSION_NONCE_MAX, NULL) < 0 || n < SESSION_NONCE_MIN))
        return bad_query("nonceSize", "8 to 64", e);
    *ret_len = (size_t)n;
    return ds_rand(ret, (size_t)n, e);
}

static int open_session(struct session **ret, const struct call *c, struct ds_error *e)
{
    uint8_t nonce[SESSION_NONCE_MAX], random16[16];
    size_t len = 0;
    const struct session_time t = time_now();
    DS_TRY(check_accept(c, e));
    DS_TRY(take_nonce(nonce, &len, net_http_query(c->req), e));
    DS_TRY(ds_rand(random16, sizeof random16, e));
    return sessions_open(ret, &c->v->sessions, random16, DS_SPAN(nonce, len), c->source, &t, e);
}

void page_new_session(struct call *c)
{
    struct session *x = NULL;
    struct ds_error e;
    if (open_session(&x, c, &e) < 0)
        call_fail(c, &e);
    else
        answer_session(c, 201, x);
}

static int find_session(struct session **ret, const struct call *c, struct ds_error *e)
{
    const struct session_time t = time_now();
    return sessions_find(ret, &c->v->sessions, c->part, &t, e);
}

void page_get_session(struct call *c)
{
    struct session *x = NULL;
    struct ds_error e;
    if (check_accept(c, &e) < 0 || find_session(&x, c, &e) < 0)
        call_fail(c, &e);
    else
        answer_session(c, 200, x);
}

void page_close_session(struct call *c)
{
    struct session *x = NULL;
    struct ds_error e;
    if (find_session(&x, c, &e) < 0) {
        call_fail(c, &e);
        return;
    }
    sessions_close(&c->v->sessions, x);
    call_answer(c, 204, NULL, DS_SPAN_LIT(""), NULL);
}

static int work_session(struct job *j, struct ds_error *e)
{
    struct verifier_request r = { 0 };
    struct verifier_input in;
    int ok = verifier_request_media(&in, &r, &j->mem, j->media_type, net_http_body(j->req), e);
    in.nonce = DS_SPAN(j->nonce, j->nonce_len);
    if (ok == DS_OK)
        ok = call_judge(j, &in, e);
    if (ok == DS_OK)
        ok = verifier_result_v1(&j->reply, j->finding, j->ground.now_s, e);
    verifier_request_done(&r);
    return ok;
}

/* What cannot even be read leaves the session waiting: nothing has answered its nonce. */
static void done_session(struct job *j, int r, const struct ds_error *e)
{
    struct call c = call_of(j);
    struct session *x = NULL;
    struct ds_error gone;
    const struct session_time t = time_now();
    call_count_finding(j);
    if (sessions_find(&x, &j->v->sessions, ds_span_str(j->session), &t, &gone) < 0) {
        call_fail(&c, r < 0 ? e : &gone);
        return;
    }
    if (r < 0 && call_status_of(e) != 500) {
        sessions_withdraw(&j->v->sessions, x);
        call_fail(&c, e);
        return;
    }
    sessions_end(&j->v->sessions, x, ds_buf_span(&j->reply));
    if (r < 0)
        call_fail(&c, e);
    else
        answer_session(&c, 200, x);
}

static int submit_evidence(struct job *j, struct session **ret, const struct call *c,
                           struct ds_error *e)
{
    const char *type = net_http_header(c->req, "Content-Type");
    const struct session_time t = time_now();
    DS_TRY(check_accept(c, e));
    DS_TRY(find_session(ret, c, e));
    j->media_type = verifier_media_find(type);
    if (j->media_type == NULL)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_MEDIA_TYPE, "Content-Type",
                         "one of the session's accept list", type != NULL ? type : "none", NULL);
    memcpy(j->session, (*ret)->id, sizeof j->session);
    memcpy(j->nonce, (*ret)->nonce, sizeof j->nonce);
    j->nonce_len = (*ret)->nonce_len;
    return sessions_submit(&c->v->sessions, *ret, j->media_type, net_http_body(c->req), &t, e);
}

void page_submit(struct call *c)
{
    struct job j = call_job(c);
    struct session *x = NULL;
    struct ds_error e;
    j.work = work_session;
    j.done = done_session;
    j.ground = ground_v1(&c->v->ground, ds_clock_now_s());
    if (submit_evidence(&j, &x, c, &e) < 0) {
        call_fail(c, &e);
        return;
    }
    if (jobs_submit(&j, &e) < 0) {
        sessions_withdraw(&c->v->sessions, x);
        call_fail(c, &e);
    }
}

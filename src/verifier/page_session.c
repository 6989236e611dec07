/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenge-response sessions over HTTP.
 * spec: Veraison challenge-response API, api/challenge-response in github.com/veraison/docs
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/rand.h"
#include "verifier/call.h"
#include "verifier/evidence.h"
#include "verifier/query.h"

static struct session_time time_now(void)
{
    return (struct session_time){ .mono_ms = ds_clock_mono_ms(), .now_s = ds_clock_now_s() };
}

static int check_accept(const struct call *c, struct ds_error *e)
{
    const char *accept = net_http_header(c->req, "Accept");
    if (query_accepts(accept, MEDIA_SESSION))
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_NOT_ACCEPTABLE, "Accept",
                     MEDIA_SESSION, accept, NULL);
}

static void answer_session(const struct call *c, int status, const struct session *x)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    char extra[96] = "";
    struct ds_error e;
    if (sessions_encode(&body, x, evidence_media_types, &e) < 0) {
        call_fail(c, &e);
        return;
    }
    /* Relative to the page that made it (RFC 9110 10.2.2), as the API's own implementation has it. */
    if (status == 201)
        (void)snprintf(extra, sizeof extra, "Location: session/%s\r\n", x->id);
    call_answer(c, status, MEDIA_SESSION, ds_buf_span(&body), extra);
}

static int open_session(struct session **ret, const struct call *c, struct ds_error *e)
{
    uint8_t random16[16];
    struct query_nonce nonce;
    const struct session_time t = time_now();
    DS_TRY(check_accept(c, e));
    DS_TRY(query_nonce_parse(&nonce, net_http_query(c->req), e));
    if (!nonce.is_given)
        DS_TRY(ds_rand(nonce.b, nonce.len, e));
    DS_TRY(ds_rand(random16, sizeof random16, e));
    return sessions_open(ret, &c->v->sessions, random16, DS_SPAN(nonce.b, nonce.len), c->source, &t,
                         e);
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
    int ok = evidence_read(&in, &r, &j->mem, j->media_type, net_http_body(j->req), e);
    in.nonce = DS_SPAN(j->nonce, j->nonce_len);
    const struct verifier_say say = call_say(j, in.nonce);
    if (ok == DS_OK)
        ok = call_judge(j, &in, e);
    if (ok == DS_OK)
        ok = verifier_result_jwt(&j->reply, j->finding, &say, e);
    if (ok == DS_OK && j->finding->steps[VERIFIER_READ] == VERIFIER_HELD)
        sessions_quote(&j->quoted, net_http_body(j->req));
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
        sessions_withdraw(x);
        call_fail(&c, e);
        return;
    }
    sessions_end(&j->v->sessions, x, j->media_type, &j->quoted, &j->reply);
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
    j->media_type = evidence_media_find(type);
    if (j->media_type == NULL)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_MEDIA_TYPE, "Content-Type",
                         "one of the session's accept list", type != NULL ? type : "none", NULL);
    memcpy(j->session, (*ret)->id, sizeof j->session);
    memcpy(j->nonce, (*ret)->nonce, sizeof j->nonce);
    j->nonce_len = (*ret)->nonce_len;
    return sessions_submit(&c->v->sessions, *ret, &t, e);
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
        sessions_withdraw(x);
        call_fail(c, &e);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an outcome to an HTTP reply.
 */
#include "verifier/call.h"

#include <stdio.h>
#include <string.h>

#include "rpc/serve.h"
#include "verifier/clock.h"
#include "verifier/evidence.h"
#include "verifier/obtain.h"

/* What a failure is in HTTP. */
int call_status_of(const struct ds_error *e)
{
    static const struct {
        enum ds_code code;
        int status;
    } rows[] = {
        { DS_CODE_VERIFIER_TOO_MANY, 429 },       { DS_CODE_VERIFIER_BUSY, 503 },
        { DS_CODE_NET_POOL_FULL, 503 },           { DS_CODE_VERIFIER_NO_SESSION, 404 },
        { DS_CODE_VERIFIER_SESSION_STATE, 409 },  { DS_CODE_VERIFIER_MEDIA_TYPE, 415 },
        { DS_CODE_VERIFIER_NOT_ACCEPTABLE, 406 }, { DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, 415 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (rows[i].code == e->code)
            return rows[i].status;
    return e->cls == DS_ERR_NOMEM || e->cls == DS_ERR_SYS || e->cls == DS_ERR_CRYPTO ? 500 : 400;
}

void call_answer(const struct call *c, int status, const char *type, struct ds_span body,
                 const char *extra)
{
    stats_count(&c->v->stats.routes[c->route], status, verifier_now_us() - c->began_us);
    net_http_reply(c->req, status, type, body, extra);
}

/* RFC 9457, with our code and reasons beside its own members. */
static void encode_problem(struct ds_buf *out, int status, const struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(out);
    const struct ds_code_info *info = ds_code_info_get(e->code);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "type", "about:blank");
    ds_jw_str(&w, "title", info->what[0] != '\0' ? info->what : ds_err_text(e->cls));
    ds_jw_u64(&w, "status", (uint64_t)status);
    ds_jw_str(&w, "detail", e->msg);
    ds_jw_str(&w, "code", info->id);
    ds_jw_str(&w, "fix", info->fix);
    ds_jw_object_end(&w);
}

void call_fail_as(const struct call *c, int status, const struct ds_error *e, const char *extra)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    bool is_problem = c->is_session;
    c->v->stats.codes[e->code]++;
    if (is_problem)
        encode_problem(&body, status, e);
    else
        rpc_error_encode(&body, e, NULL);
    call_answer(c, status, is_problem ? MEDIA_PROBLEM : MEDIA_JSON, ds_buf_span(&body), extra);
}

/* RFC 9110 15.5.16: what would have been taken stands in Accept. */
static void fail_unread(const struct call *c, const struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf extra = { 0 };
    ds_buf_str(&extra, "Accept: ");
    evidence_media_list(&extra);
    ds_buf_str(&extra, "\r\n");
    call_fail_as(c, 415, e, ds_buf_end(&extra, NULL, "header") == DS_OK ? extra.p : NULL);
}

void call_fail(const struct call *c, const struct ds_error *e)
{
    int status = call_status_of(e);
    if (status == 415)
        fail_unread(c, e);
    else
        call_fail_as(c, status, e, status == 429 || status == 503 ? "Retry-After: 1\r\n" : NULL);
}

struct call call_of(const struct job *j)
{
    return (struct call){ .v = j->v,
                          .req = j->req,
                          .route = j->route,
                          .is_session = j->session[0] != '\0',
                          .began_us = j->began_us };
}

struct job call_job(const struct call *c)
{
    return (struct job){
        .v = c->v, .req = c->req, .route = c->route, .began_us = c->began_us, .source = c->source
    };
}

void call_submit(const struct call *c, const struct job *j)
{
    struct ds_error e;
    if (jobs_submit(j, &e) < 0)
        call_fail(c, &e);
}

/* Beside what is missing: why it could not be had; the text still ends with the code of what is. */
static void add_obtain_error(const struct job *j, struct verifier_finding *f)
{
    char whole[sizeof f->why[0]];
    char *why = f->why[VERIFIER_QUOTE];
    const struct ds_error *e = &j->obtain_error;
    enum ds_code code = e->code != DS_CODE_NONE ? e->code : DS_CODE_COLLATERAL_NO_SET;
    if (j->obtained >= 0 || f->steps[VERIFIER_QUOTE] != VERIFIER_FAILED)
        return;
    ds_verdict_add_error(&f->verdict, e, DS_CODE_COLLATERAL_NO_SET);
    (void)snprintf(whole, sizeof whole, "%.50s (%s); %.310s", e->msg, ds_code_info_get(code)->id,
                   why);
    memcpy(why, whole, sizeof whole);
}

/* In the job's room, where the answer is counted from. */
int call_judge(struct job *j, const struct verifier_input *in, struct ds_error *e)
{
    struct verifier_finding *f = ds_arena_get(&j->mem, sizeof *f);
    if (f == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "verify evidence");
    verifier_verify(f, &j->mem, &j->ground, in);
    j->finding = f;
    obtain_look(j, in);
    add_obtain_error(j, f);
    return DS_OK;
}

struct verifier_say call_say(const struct job *j, struct ds_span nonce)
{
    return (struct verifier_say){ .now_s = j->ground.now_s,
                                  .life_s = (int64_t)j->v->cfg.result_life_s,
                                  .nonce = nonce,
                                  .signer = &j->v->signer };
}

void call_count_finding(const struct job *j)
{
    if (j->finding != NULL)
        stats_verdict(&j->v->stats, j->finding);
}

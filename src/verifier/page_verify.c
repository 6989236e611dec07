/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /verify, where whatever is posted gets 200 and a verdict in dstack's form, and
 * /v1/verify, with ours.
 */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "verifier/call.h"
#include "verifier/evidence.h"

static int work_compatible(struct job *j, struct ds_error *e)
{
    struct verifier_request r = { 0 };
    struct verifier_input in;
    struct ds_error why = { 0 };
    int bad = verifier_request_compatible(&in, &r, &j->mem, net_http_body(j->req), &why);
    int ok = bad < 0 ? verifier_result_compatible_error(&j->reply, &why, e) : call_judge(j, &in, e);
    if (bad == DS_OK && ok == DS_OK)
        ok = verifier_result_compatible(&j->reply, j->finding, j->ground.now_s, e);
    verifier_request_done(&r);
    j->error.code = bad < 0 ? why.code : DS_CODE_NONE;
    return ok;
}

static void done_compatible(struct job *j, int r, const struct ds_error *e)
{
    struct call c = call_of(j);
    if (r < 0) {
        call_fail(&c, e);
        return;
    }
    call_count_finding(j);
    if (j->finding == NULL)
        j->v->stats.codes[j->error.code]++;
    call_answer(&c, 200, MEDIA_JSON, ds_buf_span(&j->reply), NULL);
}

void page_compatible(struct call *c)
{
    struct job j = call_job(c);
    j.work = work_compatible;
    j.done = done_compatible;
    j.ground = ground_compatible(&c->v->ground, ds_clock_now_s());
    call_submit(c, &j);
}

static int work_v1(struct job *j, struct ds_error *e)
{
    struct verifier_request r = { 0 };
    struct verifier_input in;
    struct ds_span body = net_http_body(j->req);
    int ok = j->media_type != NULL ? evidence_read(&in, &r, &j->mem, j->media_type, body, e)
                                   : verifier_request_v1(&in, &r, &j->mem, body, e);
    if (ok == DS_OK)
        ok = call_judge(j, &in, e);
    const struct verifier_say say = call_say(j, in.nonce);
    if (ok == DS_OK)
        ok = j->form->encode(&j->reply, j->finding, &say, e);
    verifier_request_done(&r);
    return ok;
}

static void done_v1(struct job *j, int r, const struct ds_error *e)
{
    struct call c = call_of(j);
    call_count_finding(j);
    if (r < 0)
        call_fail(&c, e);
    else
        call_answer(&c, 200, j->form->media_type, ds_buf_span(&j->reply), NULL);
}

/* A body without a type, or with what form clients put there by themselves, is the JSON request. */
static bool is_json(const char *content_type)
{
    static const char *const types[] = { MEDIA_JSON, "application/x-www-form-urlencoded" };
    if (content_type == NULL)
        return true;
    for (size_t i = 0; i < DS_LEN(types); i++) {
        size_t n = strlen(types[i]);
        if (strncasecmp(content_type, types[i], n) == 0 && strchr(" ;", content_type[n]) != NULL)
            return true; /* also where it ends here */
    }
    return false;
}

static int take_types(struct job *j, const struct call *c, struct ds_error *e)
{
    const char *accept = net_http_header(c->req, "Accept");
    const char *type = net_http_header(c->req, "Content-Type");
    j->form = verifier_form_find(accept);
    j->media_type = evidence_media_find(type);
    if (j->form == NULL)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_NOT_ACCEPTABLE, "Accept",
                         MEDIA_JSON ", application/eat+jwt, application/eat+cwt", accept, NULL);
    if (j->media_type == NULL && !is_json(type))
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_MEDIA_TYPE, "Content-Type",
                         MEDIA_JSON ", or a type of evidence, as in Accept", type, NULL);
    return DS_OK;
}

void page_v1(struct call *c)
{
    struct job j = call_job(c);
    struct ds_error e;
    j.work = work_v1;
    j.done = done_v1;
    j.ground = ground_v1(&c->v->ground, ds_clock_now_s());
    if (take_types(&j, c, &e) < 0)
        call_fail(c, &e);
    else
        call_submit(c, &j);
}

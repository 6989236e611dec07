/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request under way on the loop, and how it is answered: what a page stands
 * on. The pages themselves are in page_*.c; api.c has the table of them.
 */

#include "verifier/job.h"

#define MEDIA_JSON    "application/json"
#define MEDIA_SESSION "application/vnd.veraison.challenge-response-session+json"
#define MEDIA_PROBLEM "application/problem+json"

struct call {
    struct verifier *v;
    struct net_http_request *req;
    size_t route;
    bool is_session; /* errors are problem documents */
    int64_t began_us;
    struct ds_span part; /* what stands for {id} */
    uint64_t source;
};

/* Count and reply; ends the call. */
void call_answer(const struct call *c, int status, const char *type, struct ds_span body,
                 const char *extra);
void call_fail_as(const struct call *c, int status, const struct ds_error *e, const char *extra);
/* With the status that the failure has in HTTP. */
void call_fail(const struct call *c, const struct ds_error *e);
int call_status_of(const struct ds_error *e);

/* The call of a job, and a job for a call. */
struct call call_of(const struct job *j);
struct job call_job(const struct call *c);
void call_submit(const struct call *c, const struct job *j);
/* For the work: judge in the job's room, into j->finding. */
DS_MUST_USE int call_judge(struct job *j, const struct verifier_input *in, struct ds_error *e);
/* What a result of the job says beside its finding. */
struct verifier_say call_say(const struct job *j, struct ds_span nonce);
void call_count_finding(const struct job *j);

typedef void page_fn(struct call *c);
page_fn page_compatible, page_v1;
page_fn page_keys, page_discovery;
page_fn page_new_session, page_get_session, page_close_session, page_submit;

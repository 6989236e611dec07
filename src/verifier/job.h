/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A request whose answer takes work: it waits its turn, is done in the pool in
 * memory of its own, and is answered on the loop.
 */

#include "collateral/ask.h"
#include "verifier/request.h"
#include "verifier/result.h"
#include "verifier/verifier.h"

struct job {
    struct verifier *v;
    struct net_http_request *req;
    size_t route;
    int64_t began_us;
    uint64_t source; /* who asks: limit_key() */
    /* On a thread of the pool: fills reply, or returns why not. */
    int (*work)(struct job *j, struct ds_error *e);
    /* On the loop: answers. r: what work returned. */
    void (*done)(struct job *j, int r, const struct ds_error *e);
    /* What the work needs beside the body; copies. */
    const struct verifier_form *form;
    const char *media_type;
    char session[SESSION_ID_LEN + 1];
    uint8_t nonce[EAR_NONCE_MAX];
    size_t nonce_len;
    struct verifier_ground ground;
    /* What it gives. */
    struct ds_buf reply;
    struct ds_buf quoted;             /* of a session: its evidence as it is shown */
    struct verifier_finding *finding; /* in the room; NULL when it did not come so far */
    /* Documents that the evidence lacked: obtain.h. */
    struct collateral_ask ask;
    bool lacks_documents, has_asked;
    int obtained; /* why they could not be had */
    struct ds_error obtain_error;
    int64_t queued_us; /* since when it waits: for a thread, or for its documents */
    /* job.c */
    struct ds_arena mem;
    struct room *room;
    struct job *next;
    int result;
    struct ds_error error;
};

DS_MUST_USE int jobs_init(struct verifier *v, struct ds_error *e);
void jobs_done(struct verifier *v);

/*
 * Do it as soon as there is room; j is copied.
 *
 * err:  UNAVAILABLE  verifier.busy: too many wait; NOMEM
 */
DS_MUST_USE int jobs_submit(const struct job *j, struct ds_error *e);
/* Once more, for a job that obtain_for() took. */
void jobs_again(struct job *j);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Documents that evidence lacked: from the cache that `dstack collateral` keeps,
 * and from the vendors' services where that is configured. It blocks, and so has
 * threads of its own; jobs wait for it without a room. Each vendor has a lane:
 * threads, questions under way, jobs that wait, answers that are remembered, all
 * bounded, so that one vendor's silence costs the other nothing. Intel's service
 * is asked only for platforms whose PCK chain leads to a root; AMD's for any
 * report, since the key that would judge it is what is asked for.
 */

#include "verifier/verifier.h"

struct obtain;

/* err: ARG (no state directory, where one is needed), NOMEM, SYS */
DS_MUST_USE int obtain_new(struct obtain **ret, struct verifier *v, struct ds_error *e);
/* Ends what is under way, within a second; all jobs that wait come back, and no more are taken. */
void obtain_end(struct obtain *o);
/* After obtain_end, and after the last job. */
void obtain_free(struct obtain *o);

/*
 * On a thread of the pool: what this finding lacked, into j->ask; and where that was asked for a
 * short while ago, why it could not be had, into j->obtain_error.
 */
void obtain_look(struct job *j, const struct verifier_input *in);
/* On the loop: j waits for its documents, and comes back by jobs_again(); false: nobody is asked. */
bool obtain_for(struct obtain *o, struct job *j);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Documents that evidence lacked: from the cache that `dstack collateral` keeps,
 * and from the vendors' services where that is configured. It blocks, and so has
 * threads of its own; jobs wait for it without a room. Everything is bounded: so
 * many questions under way, one a platform, and what could not be had is not
 * asked for again at once. Intel's services are asked for platforms alone whose
 * quote verified as far as it can without the answer.
 */

#include "verifier/verifier.h"

struct obtain;

/* err: ARG (no state directory, where one is needed), NOMEM, SYS */
DS_MUST_USE int obtain_new(struct obtain **ret, struct verifier *v, struct ds_error *e);
/* Ends what is under way; all jobs that wait come back. */
void obtain_free(struct obtain *o);

/* On a thread of the pool: what this finding lacked, into j->ask. */
void obtain_look(struct job *j, const struct verifier_input *in);
/* On the loop: j waits for its documents, and comes back by jobs_again(); false: nobody is asked. */
bool obtain_for(struct obtain *o, struct job *j);

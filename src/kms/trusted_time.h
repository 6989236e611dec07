/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The KMS's time. A host can set the clock back to make old evidence, old
 * collateral and an old credential good again; so the clock counts only while
 * it is not behind what the KMS knows to be past.
 * spec: DESIGN 5, "Time is hostile"
 */

#include "base/buf.h"
#include "base/place.h"

/* What is past already; 0 where nothing is known. */
struct kms_floors {
    int64_t persisted_s;  /* the file time.floor */
    int64_t log_head_s;   /* the newest head of the release log */
    int64_t collateral_s; /* the newest document of the collateral in use; not verified */
};

/* The latest of the three. */
int64_t kms_floors_max(const struct kms_floors *f);

/*
 * The time to decide at: the clock's, unless it is behind a floor. Pure.
 *
 * err:  STALE  time.behind_floor
 */
DS_MUST_USE int kms_time_decide(int64_t *ret_now_s, int64_t clock_s, const struct kms_floors *f,
                                struct ds_error *e);

/* The floor on disk: 8 bytes, big-endian, the file `time.floor`. */
struct kms_time {
    char path[DS_PLACE_MAX + 16];
    int64_t persisted_s;
};

/* A floor of 0 where there is no file yet. err: FORMAT time.floor_damaged */
DS_MUST_USE int kms_time_open(struct kms_time *ret, const char *dir, struct ds_error *e);

/*
 * Something was decided at this time. The file follows when it is an hour
 * behind: the log's head holds the rest, and a write for each decision would be
 * one too many. `point` "kms.time" names the fault hooks.
 */
DS_MUST_USE int kms_time_raise(struct kms_time *t, int64_t at_s, struct ds_error *e);

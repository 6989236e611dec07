/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The log of runtime events (guest-api 4.2): JSON lines in
 * <dir>/runtime_events.log, each extended into the runtime register before it
 * is written, digests of version 1. A lock file holds writers of several
 * processes apart.
 */

#include "base/buf.h"
#include "tee/tee.h"

#define TEE_RUNTIME_DIR         "/run/log/dstack"
#define TEE_RUNTIME_NAME_MAX    128
#define TEE_RUNTIME_PAYLOAD_MAX ((size_t)64 * 1024)
#define TEE_RUNTIME_EVENTS_MAX  4096

struct tee_runtime_event {
    char *name;       /* owned */
    uint8_t *payload; /* owned */
    size_t payload_len;
};

struct tee_runtime_events {
    struct tee_runtime_event *v;
    size_t n;
};

/*
 * Extend the event into the register, then append it to the log.
 *
 * in:   name  1 to TEE_RUNTIME_NAME_MAX bytes of UTF-8
 * err:  as tee_extend: nothing was logged; SYS from the file: extended but not logged, so that
 *       the log no longer explains the register and evidence of this boot is refused
 */
DS_MUST_USE int tee_runtime_emit(struct tee *tee, const char *dir, const char *name,
                                 struct ds_span payload, struct ds_error *e);

/* All events so far, in order; none when the log is not there. err: FORMAT (tee.log_damaged) */
DS_MUST_USE int tee_runtime_load(struct tee_runtime_events *ret, const char *dir,
                                 struct ds_error *e);
void tee_runtime_events_done(struct tee_runtime_events *events);

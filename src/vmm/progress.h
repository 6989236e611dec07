/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a guest tells about itself over the host channel. The guest is hostile:
 * every text has a bound, events come at a bounded rate, numbers decide
 * nothing, and all of it is escaped when it leaves us as JSON.
 */

#include <yyjson.h>

#include "base/buf.h"
#include "codec/json_write.h"

#define VMM_STEPS_MAX   40
#define VMM_EVENTS_MAX  20
#define VMM_PAYLOAD_MAX 4096
#define VMM_REASONS_MAX 16

struct vmm_step {
    char step[32], title[96];
    char state[8];     /* start, done, failed */
    uint64_t t_ms, ms; /* since the guest's kernel started; duration */
};

struct vmm_guest_event {
    char event[40];
    char *body; /* owned */
    int64_t at_ms;
};

struct vmm_guest_reason {
    char code[64], claim[48], expected[144], got[144], anchor[64];
};

struct vmm_failure {
    char text[400]; /* empty: none */
    char code[64];
    char cls[24]; /* "class" of the error body; empty: not told */
    struct vmm_guest_reason reasons[VMM_REASONS_MAX];
    size_t n_reasons;
};

struct vmm_progress {
    struct vmm_step steps[VMM_STEPS_MAX];
    size_t n_steps;
    struct vmm_guest_event events[VMM_EVENTS_MAX]; /* a ring */
    uint64_t n_events;                             /* ever */
    uint64_t n_dropped;                            /* over the rate or too long */
    char boot[160], shutdown[160];
    struct vmm_failure failure;
    char instance_id[41];
    bool ready;        /* containers were started */
    bool powering_off; /* the guest ends by its own will */
    int64_t tokens_at_ms;
    uint32_t tokens;
};

/* Forget an earlier boot. The events stay, and its failure does unless `forgive`: a VM that is
 * started again by itself must not hide why. */
void vmm_progress_restart(struct vmm_progress *p, bool forgive);
/* The VMM could not start it. */
void vmm_progress_fail(struct vmm_progress *p, const struct ds_error *why);
void vmm_progress_done(struct vmm_progress *p);

/*
 * One Notify of the guest.
 *
 * out:  ret_instance  set when payload is an instance info to keep on disk
 * err:  RANGE         too long, or too many in a short time: dropped
 *       FORMAT        a payload that should be JSON and is not: kept as an event only
 */
DS_MUST_USE int vmm_progress_notify(struct vmm_progress *p, bool *ret_instance, const char *event,
                                    struct ds_span payload, int64_t now_ms, struct ds_error *e);

/* An event of the VMM's own. */
void vmm_progress_event(struct vmm_progress *p, const char *event, const char *body,
                        int64_t now_ms);

/*
 * What the serial console says of a boot that failed before the agent could:
 * the last "dstack-init: <code>: expected <…> got <…>" line.
 */
void vmm_progress_console(struct vmm_progress *p, struct ds_span serial_tail);

/* Members of the open JSON object: boot_progress, boot_error, boot_failure, boot_steps, … */
void vmm_progress_put(struct ds_jw *w, const struct vmm_progress *p);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CCEL log of attest/eventlog: any area of up to BOUND bytes, which has room for its header, three
 * events and an empty slot. DS_EVENTS_MAX is lowered so that it can be reached.
 */
#include "proof.h"

#include "attest/eventlog/event.h"

#undef DS_EVENTS_MAX
#define DS_EVENTS_MAX 2
#include "attest/eventlog/ccel.c"

void proof_ccel(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_arena mem = { .used = DS_EVENTS_MAX * sizeof(struct ds_tdx_event) };
    struct ds_tdx_log log = { 0 };
    size_t i = nondet_size();
    int cls = ds_tdx_log_parse_ccel(&log, &mem, in, any_error());
    PROVE(cls == DS_OK || (log.events == NULL && log.n_events == 0), "a failure gives nothing");
    REACHED_IF(cls == DS_ERR_NOMEM, "an arena that is too small");
    REACHED_IF(cls == DS_ERR_RANGE, "too many events");
    GIVEN(cls == DS_OK);
    PROVE(mem.used == log.n_events * sizeof *log.events, "only what is used stays taken");
    PROVE(log.n_events <= DS_EVENTS_MAX, "no more events than there is room for");
    REACHED_IF(log.n_events == DS_EVENTS_MAX, "as many events as fit");
    GIVEN(i < log.n_events);
    PROVE(log.events[i].imr <= 3 && is_inside(log.events[i].payload, in), "an event of a register");
}

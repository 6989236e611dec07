/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tie a log to verified registers: replay every event, compare all four RTMRs,
 * and only then read what the runtime events say.
 */

#include "attest/claims.h"
#include "attest/eventlog/event.h"

/*
 * out:  ret_rtmr48  the four registers that the log gives, from zero
 * err:  as ds_event_measured
 */
DS_MUST_USE int ds_tdx_log_replay(uint8_t ret_rtmr48[static 4][48], const struct ds_tdx_log *log,
                                  struct ds_error *e);

/*
 * Add to verified claims what a full log proves. Runtime events count up to the
 * first system-ready; one that appears twice there is refused, whoever would
 * have read the other one.
 *
 * io:   c    filled by a verify function; unchanged on failure
 * err:  UNTRUSTED  attest.log.mismatch (which register, quoted and replayed) or, where that can be
 *                  told, attest.log.entry, attest.log.order, attest.log.duplicate;
 *                  attest.log.payload, attest.log.name, attest.log.preimage,
 *                  attest.log.foreign_event (RTMR3 takes runtime events alone)
 */
DS_MUST_USE int ds_claims_bind_log(struct ds_claims *c, const struct ds_tdx_log *log,
                                   struct ds_error *e);

/* The same for a stripped log (certificates): only RTMR3 can be replayed and is compared. */
DS_MUST_USE int ds_claims_bind_runtime_log(struct ds_claims *c, const struct ds_tdx_log *log,
                                           struct ds_error *e);

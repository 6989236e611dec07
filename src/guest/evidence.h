/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * This VM's evidence: a quote over given bytes, with the boot log, the runtime
 * events and the VM's configuration, as one versioned attestation.
 */

#include "base/buf.h"
#include "guest/agent.h"

enum guest_log_form {
    GUEST_LOG_FULL,     /* every payload and digest */
    GUEST_LOG_COMPACT,  /* boot events without payloads: what appraisal needs, for certificates */
    GUEST_LOG_STRIPPED, /* as dstack's GetQuote: runtime events without digests as well */
};

/* The versioned attestation, *appended*. Blocks. */
DS_MUST_USE int guest_evidence(struct ds_buf *ret, struct agent *a,
                               const uint8_t report_data64[static 64], enum guest_log_form form,
                               struct ds_error *e);

/* The event log as dstack's JSON (guest-api 4.3), *appended*. */
DS_MUST_USE int guest_event_log_json(struct ds_buf *ret, struct agent *a, enum guest_log_form form,
                                     struct ds_error *e);

/* ratls_evidence_fn with the agent as arg. */
int guest_evidence_for_cert(void *agent, struct ds_buf *ret, const uint8_t report_data64[64],
                            struct ds_error *e);

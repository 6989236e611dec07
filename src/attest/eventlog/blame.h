/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What was done to a log that does not give the quoted register. The register
 * refuses it in any case; this only finds the words. Few changes can be told
 * from the log alone: an entry whose own digest denies it, two entries that
 * changed places, an entry that came twice.
 */

#include "attest/eventlog/event.h"

/*
 * Refuse a log whose events of `imr` replay to another value than quoted48.
 *
 * err:  UNTRUSTED  attest.log.entry, attest.log.order, attest.log.duplicate where one of them is the
 *                  whole difference; else attest.log.mismatch
 */
DS_MUST_USE int eventlog_blame(const struct ds_tdx_log *log, uint32_t imr,
                               const uint8_t quoted48[static 48],
                               const uint8_t replayed48[static 48], const char *anchor,
                               struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events of a TDX log: what was measured into an RTMR, in order. A log is a
 * claim of the guest or host until its replay equals the quoted registers
 * (attest/eventlog/bind.h); nothing here is trusted.
 */

#include "base/arena.h"
#include "base/span.h"

#define DS_EVENTS_MAX        512
#define DS_TDX_LOG_MEM       ((size_t)1 << 20) /* bytes of arena that suffice for these bounds */
#define DS_EVENT_NAME_MAX    128
#define DS_EVENT_PAYLOAD_MAX 65536

/* Events of the guest at run time; everything else is the firmware's. */
#define DS_EVENT_TYPE_RUNTIME 0x08000001u

struct ds_tdx_event {
    uint32_t imr;    /* register: 0 to 3 */
    uint32_t type;   /* TCG event type */
    uint8_t version; /* 1 or 2: how a runtime event's digest is made */
    bool has_digest; /* false where a stripped log left it out */
    uint8_t digest48[48];
    struct ds_span name;     /* runtime events: "app-id"; else empty */
    struct ds_span payload;  /* empty where stripped */
    struct ds_span preimage; /* version 2: what the log says was hashed; else empty */
};

struct ds_tdx_log {
    struct ds_tdx_event *events;
    size_t n_events;
};

/*
 * The digest of a runtime event, version 1: SHA-384(LE32(type) ":" name ":" payload).
 * spec: dstack cc-eventlog, runtime events
 */
DS_MUST_USE int ds_event_digest(uint8_t ret48[static 48], struct ds_span name,
                                struct ds_span payload, struct ds_error *e);

/*
 * What an event extends: of a runtime event always recomputed from its fields,
 * of others the digest in the log. Version 2 hashes the canonical JSON that must
 * stand in the log as its preimage.
 *
 * err:  UNTRUSTED  attest.log.preimage: not the canonical text of the fields
 *       FORMAT     a boot event without digest
 */
DS_MUST_USE int ds_event_measured(uint8_t ret48[static 48], const struct ds_tdx_event *event,
                                  struct ds_error *e);

/* As certificates carry it: RTMR1 and RTMR2 cannot be replayed from it, nor RTMR0. */
bool ds_tdx_log_is_stripped(const struct ds_tdx_log *log);

/*
 * Parse the JSON form: an array of {imr, event_type, digest, event, event_payload,
 * version?, preimage?}.
 *
 * out:  ret   events and decoded bytes stand in `mem`; names borrow the text
 * err:  FORMAT, RANGE (over a DS_EVENT*_MAX), NOMEM (arena)
 */
DS_MUST_USE int ds_tdx_log_parse_json(struct ds_tdx_log *ret, struct ds_arena *mem,
                                      struct ds_span text, struct ds_error *e);

/*
 * Parse the ACPI CCEL area: TCG crypto-agile log, SHA-384 bank, up to the first
 * empty slot or the end.
 *
 * out:  ret   events stand in `mem`; payloads borrow the bytes
 * err:  FORMAT, TRUNCATED, RANGE, NOMEM; UNSUPPORTED (more than one bank)
 */
DS_MUST_USE int ds_tdx_log_parse_ccel(struct ds_tdx_log *ret, struct ds_arena *mem,
                                      struct ds_span ccel, struct ds_error *e);

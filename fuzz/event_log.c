/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs, both forms: what is accepted stays within its bounds, can be
 * measured, and replays to the same registers each time.
 */
#include "attest/eventlog/bind.h"
#include "attest/eventlog/event.h"
#include "fuzz.h"

static max_align_t room[DS_TDX_LOG_MEM / sizeof(max_align_t)];

static void check(const struct ds_tdx_log *log, struct ds_span in, const struct ds_arena *mem)
{
    FUZZ_CHECK(log->n_events <= DS_EVENTS_MAX);
    for (size_t i = 0; i < log->n_events; i++) {
        const struct ds_tdx_event *ev = &log->events[i];
        FUZZ_CHECK(ev->imr <= 3);
        FUZZ_CHECK(ev->version == 1 || ev->version == 2);
        FUZZ_CHECK(ev->name.len <= DS_EVENT_NAME_MAX);
        FUZZ_CHECK(ev->payload.len <= DS_EVENT_PAYLOAD_MAX);
        fuzz_check_borrowed(ev->name, in, mem);
        fuzz_check_borrowed(ev->payload, in, mem);
        fuzz_check_borrowed(ev->preimage, in, mem);
    }
}

static void check_replay(const struct ds_tdx_log *log)
{
    struct ds_error e;
    uint8_t once[4][48], again[4][48];
    int r = ds_tdx_log_replay(once, log, &e);
    FUZZ_CHECK(r == ds_tdx_log_replay(again, log, NULL));
    FUZZ_CHECK(!fuzz_is_ok(r, &e) || memcmp(once, again, sizeof once) == 0);
}

typedef int parse_fn(struct ds_tdx_log *ret, struct ds_arena *mem, struct ds_span in,
                     struct ds_error *e);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static parse_fn *const forms[] = { ds_tdx_log_parse_json, ds_tdx_log_parse_ccel };
    struct ds_span in = DS_SPAN(data, len);
    for (size_t i = 0; i < DS_LEN(forms); i++) {
        struct ds_error e;
        struct ds_tdx_log log;
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        int r = forms[i](&log, &mem, in, &e);
        /* Memory that suffices is promised for JSON up to these bounds. */
        if (!fuzz_is_ok(r, &e))
            continue;
        check(&log, in, &mem);
        check_replay(&log);
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware's log as the ACPI CCEL table points to it.
 * spec: UEFI 2.10 38.4.1 (confidential computing log), TCG PC Client Platform
 * Firmware Profile 10.2 (TCG_PCR_EVENT2, TCG_EfiSpecIDEvent)
 */

#include "attest/coded.h"
#include "attest/eventlog/event.h"

#define EV_NO_ACTION 3
#define ALG_SHA384   0x000c
#define SLOT_EMPTY   0xffffffffu

/* The first event has the old form and says which banks the others carry. */
static int parse_header(struct ds_reader *r, struct ds_error *e)
{
    (void)ds_read_u32le(r);
    uint32_t type = ds_read_u32le(r);
    ds_read_skip(r, 20);
    struct ds_reader event = ds_read_sub(r, ds_read_u32le(r));
    if (!ds_span_eq(ds_read_span(&event, 16), DS_SPAN_LIT("Spec ID Event03\0")) ||
        type != EV_NO_ACTION)
        return ds_fail(e, DS_ERR_FORMAT, "CCEL does not start with a Spec ID event");
    ds_read_skip(&event, 8); /* platform class, versions, size of UINTN */
    uint32_t n_algs = ds_read_u32le(&event);
    uint16_t alg = ds_read_u16le(&event), len = ds_read_u16le(&event);
    if (n_algs != 1 || alg != ALG_SHA384 || len != 48)
        return ds_fail(e, DS_ERR_UNSUPPORTED, "CCEL has other banks than SHA-384");
    ds_read_skip(&event, ds_read_u8(&event)); /* vendor info */
    return ds_reader_end(&event, e, "Spec ID event");
}

/* One TCG_PCR_EVENT2; false in *ret_more at the first empty slot. */
static int parse_event(struct ds_tdx_event *ret, uint32_t *ret_index, bool *ret_more,
                       struct ds_reader *r, struct ds_error *e)
{
    *ret_index = ds_read_u32le(r);
    ret->type = ds_read_u32le(r);
    *ret_more = r->bad || (*ret_index != SLOT_EMPTY && (*ret_index != 0 || ret->type != 0));
    if (!*ret_more)
        return DS_OK;
    uint32_t n_digests = ds_read_u32le(r);
    uint16_t alg = ds_read_u16le(r);
    ds_read_into(r, ret->digest48, 48);
    ret->payload = ds_read_span(r, ds_read_u32le(r));
    if (r->bad)
        return ds_fail(e, DS_ERR_TRUNCATED, "CCEL ends inside an event");
    if (n_digests != 1 || alg != ALG_SHA384 || ret->payload.len > DS_EVENT_PAYLOAD_MAX ||
        *ret_index > 4)
        return ds_fail(e, DS_ERR_FORMAT, "CCEL event at byte %zu is not as firmware writes it",
                       ds_read_at(r));
    ret->version = 1;
    ret->has_digest = true;
    return DS_OK;
}

static int parse(struct ds_tdx_log *ret, struct ds_arena *mem, struct ds_span ccel,
                 struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(ccel);
    DS_TRY(parse_header(&r, e));
    *ret = (struct ds_tdx_log){ .events = ds_arena_get_n(mem, DS_EVENTS_MAX, sizeof *ret->events) };
    if (ret->events == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for an event log");
    while (ds_read_left(&r) > 0) {
        struct ds_tdx_event event = { 0 };
        uint32_t index;
        bool more;
        DS_TRY(parse_event(&event, &index, &more, &r, e));
        if (!more)
            break;
        /* Index 0 is MRTD's; EV_NO_ACTION extends nothing. */
        if (index == 0 || event.type == EV_NO_ACTION)
            continue;
        if (ret->n_events == DS_EVENTS_MAX)
            return ds_fail(e, DS_ERR_RANGE, "CCEL has more than %d events", DS_EVENTS_MAX);
        event.imr = index - 1;
        ret->events[ret->n_events++] = event;
    }
    mem->used -= (DS_EVENTS_MAX - ret->n_events) * sizeof *ret->events;
    return DS_OK;
}

int ds_tdx_log_parse_ccel(struct ds_tdx_log *ret, struct ds_arena *mem, struct ds_span ccel,
                          struct ds_error *e)
{
    struct ds_tdx_log log;
    DS_TRY(ds_coded(parse(&log, mem, ccel, e), DS_CODE_LOG_FORMAT, e));
    *ret = log;
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting evidence together. The log is rebuilt for every request from the boot
 * log and the runtime log: both only grow, and both stand in the registers.
 */
#include "guest/evidence.h"

#include "attest/wrapper/attestation.h"
#include "base/hex.h"
#include "codec/json_write.h"

#define ACPI_PAYLOAD "ACPI DATA"
#define LOG_MEM      ((size_t)1 << 20)

struct log {
    uint8_t *room;
    struct tee_runtime_events runtime;
    struct ds_tdx_log log; /* boot events, then runtime events */
};

static void log_done(struct log *l)
{
    free(l->room);
    tee_runtime_events_done(&l->runtime);
}

static bool is_acpi(const struct ds_tdx_event *ev)
{
    return ev->imr == 0 && ds_span_eq_str(ev->payload, ACPI_PAYLOAD);
}

static int add_runtime(struct log *l, size_t n_boot, enum guest_log_form form, struct ds_error *e)
{
    for (size_t i = 0; i < l->runtime.n; i++) {
        const struct tee_runtime_event *from = &l->runtime.v[i];
        struct ds_tdx_event *to = &l->log.events[n_boot + i];
        *to = (struct ds_tdx_event){ .imr = 3,
                                     .type = DS_EVENT_TYPE_RUNTIME,
                                     .version = 1,
                                     .has_digest = form != GUEST_LOG_STRIPPED,
                                     .name = ds_span_str(from->name),
                                     .payload = DS_SPAN(from->payload, from->payload_len) };
        if (to->has_digest)
            DS_TRY(ds_event_digest(to->digest48, to->name, to->payload, e));
    }
    l->log.n_events = n_boot + l->runtime.n;
    return DS_OK;
}

static int log_build(struct log *ret, struct agent *a, enum guest_log_form form, struct ds_error *e)
{
    DS_AUTO(log_done) struct log l = { 0 };
    DS_TRY(tee_runtime_load(&l.runtime, TEE_RUNTIME_DIR, e));
    l.room = malloc(LOG_MEM);
    if (l.room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "build the event log");
    struct ds_arena mem = ds_arena_of(l.room, LOG_MEM);
    struct ds_tdx_log boot;
    DS_TRY(ds_tdx_log_parse_ccel(&boot, &mem, ds_buf_span(&a->boot_log), e));
    l.log.events = ds_arena_get_n(&mem, boot.n_events + l.runtime.n, sizeof *l.log.events);
    if (l.log.events == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "build the event log");
    for (size_t i = 0; i < boot.n_events; i++) {
        l.log.events[i] = boot.events[i];
        if (form != GUEST_LOG_FULL && !is_acpi(&boot.events[i]))
            l.log.events[i].payload = (struct ds_span){ 0 };
    }
    DS_TRY(add_runtime(&l, boot.n_events, form, e));
    *ret = l;
    l = (struct log){ 0 };
    return DS_OK;
}

int guest_evidence(struct ds_buf *ret, struct agent *a, const uint8_t report_data64[static 64],
                   enum guest_log_form form, struct ds_error *e)
{
    DS_AUTO(log_done) struct log l = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    /* The log first: an event that comes in between is then missing from the log, and the check
     * fails, rather than a log that the quote does not cover. */
    DS_TRY(log_build(&l, a, form, e));
    DS_TRY(tee_quote(&quote, a->tee, report_data64, e));
    DS_AUTO(ds_auto_free)
    struct ds_runtime_event *runtime = calloc(l.runtime.n + 1, sizeof *runtime);
    if (runtime == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "build evidence");
    for (size_t i = 0; i < l.runtime.n; i++)
        runtime[i] = (struct ds_runtime_event){ .name = ds_span_str(l.runtime.v[i].name),
                                                .payload = DS_SPAN(l.runtime.v[i].payload,
                                                                   l.runtime.v[i].payload_len) };
    struct ds_attestation att = { .platform = DS_ATTESTATION_TDX,
                                  .quote = ds_buf_span(&quote),
                                  .log = l.log,
                                  .runtime = runtime,
                                  .n_runtime = l.runtime.n,
                                  .config = ds_span_str(a->sys.vm_config) };
    memcpy(att.report_data64, report_data64, 64);
    return ds_attestation_encode(ret, &att, e);
}

int guest_evidence_for_cert(void *agent, struct ds_buf *ret, const uint8_t report_data64[64],
                            struct ds_error *e)
{
    return guest_evidence(ret, agent, report_data64, GUEST_LOG_COMPACT, e);
}

int guest_event_log_json(struct ds_buf *ret, struct agent *a, enum guest_log_form form,
                         struct ds_error *e)
{
    DS_AUTO(log_done) struct log l = { 0 };
    DS_TRY(log_build(&l, a, form, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_array(&w, NULL);
    for (size_t i = 0; i < l.log.n_events; i++) {
        const struct ds_tdx_event *ev = &l.log.events[i];
        ds_jw_object(&w, NULL);
        ds_jw_u64(&w, "imr", ev->imr);
        ds_jw_u64(&w, "event_type", ev->type);
        ds_jw_hex(&w, "digest", ev->has_digest ? DS_SPAN_OF(ev->digest48) : DS_SPAN(NULL, 0));
        ds_jw_text(&w, "event", ev->name);
        ds_jw_hex(&w, "event_payload", ev->payload);
        ds_jw_object_end(&w);
    }
    ds_jw_array_end(&w);
    return ds_jw_end(&w, e, "event log");
}

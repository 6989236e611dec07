/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest notifications: a table of events, each with what it may change.
 */
#include "vmm/progress.h"

#include "base/str.h"

#define RATE_BURST 100u /* events at once */
#define MS_MAX     ((uint64_t)1 << 40)
#define RATE_PER_S 20u

static void cut(char *out, size_t out_len, struct ds_span text)
{
    struct ds_span head = ds_span_sub(text, 0, out_len - 1);
    for (size_t i = 0; i < head.len; i++)
        out[i] = (char)(head.p[i] >= 0x20 && head.p[i] != 0x7f ? head.p[i] : '?');
    out[head.len] = '\0';
}

static void cut_json(char *out, size_t out_len, yyjson_val *obj, const char *key)
{
    yyjson_val *v = yyjson_obj_get(obj, key);
    cut(out, out_len, DS_SPAN(yyjson_get_str(v), yyjson_get_len(v)));
}

/* A time that is none, or absurd, is 0. */
static uint64_t get_ms(yyjson_val *obj, const char *key)
{
    yyjson_val *v = yyjson_obj_get(obj, key);
    return yyjson_is_uint(v) && yyjson_get_uint(v) <= MS_MAX ? yyjson_get_uint(v) : 0;
}

static struct vmm_step *step_of(struct vmm_progress *p, const char *name)
{
    for (size_t i = 0; i < p->n_steps; i++)
        if (strcmp(p->steps[i].step, name) == 0)
            return &p->steps[i];
    return p->n_steps < VMM_STEPS_MAX ? &p->steps[p->n_steps++] : NULL;
}

static void on_step(struct vmm_progress *p, yyjson_val *v)
{
    struct vmm_step step = { 0 };
    cut_json(step.step, sizeof step.step, v, "step");
    cut_json(step.title, sizeof step.title, v, "title");
    cut_json(step.state, sizeof step.state, v, "state");
    step.t_ms = get_ms(v, "t_ms");
    step.ms = get_ms(v, "ms");
    struct vmm_step *slot = step.step[0] != '\0' ? step_of(p, step.step) : NULL;
    if (slot == NULL)
        return;
    /* The start of a step is when it began, whatever comes later. */
    if (slot->state[0] != '\0' && strcmp(step.state, "start") != 0)
        step.t_ms = slot->t_ms;
    *slot = step;
}

/* A code is told on as it came, but only in the form that codes have. */
static void cut_code(char *out, size_t out_len, yyjson_val *obj, const char *key)
{
    cut_json(out, out_len, obj, key);
    for (const char *c = out; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '.' || *c == '_')) {
            out[0] = '\0';
            return;
        }
}

static void on_error(struct vmm_progress *p, yyjson_val *v)
{
    struct vmm_failure f = { 0 };
    cut_json(f.text, sizeof f.text, v, "error");
    cut_code(f.code, sizeof f.code, v, "code");
    cut_code(f.cls, sizeof f.cls, v, "class");
    yyjson_arr_iter it = yyjson_arr_iter_with(yyjson_obj_get(v, "reasons"));
    for (yyjson_val *r = yyjson_arr_iter_next(&it); r != NULL && f.n_reasons < VMM_REASONS_MAX;
         r = yyjson_arr_iter_next(&it)) {
        struct vmm_guest_reason *reason = &f.reasons[f.n_reasons++];
        cut_code(reason->code, sizeof reason->code, r, "code");
        cut_json(reason->claim, sizeof reason->claim, r, "claim");
        cut_json(reason->expected, sizeof reason->expected, r, "expected");
        cut_json(reason->got, sizeof reason->got, r, "got");
        cut_json(reason->anchor, sizeof reason->anchor, r, "anchor");
    }
    if (f.text[0] == '\0')
        (void)snprintf(f.text, sizeof f.text, "the guest failed without a reason");
    p->failure = f;
}

static void on_instance(struct vmm_progress *p, yyjson_val *v)
{
    char id[41];
    cut_json(id, sizeof id, v, "instance_id");
    if (strspn(id, "0123456789abcdef") == strlen(id))
        memcpy(p->instance_id, id, sizeof id);
}

static void on_ready(struct vmm_progress *p, struct ds_span payload)
{
    (void)payload;
    p->ready = true;
    p->failure = (struct vmm_failure){ 0 };
    (void)snprintf(p->boot, sizeof p->boot, "done");
}

static void on_progress(struct vmm_progress *p, struct ds_span payload)
{
    cut(p->boot, sizeof p->boot, payload);
}

static void on_shutdown(struct vmm_progress *p, struct ds_span payload)
{
    cut(p->shutdown, sizeof p->shutdown, payload);
    p->powering_off = ds_span_eq_str(payload, "powering off");
}

struct event_row {
    const char *event;
    void (*text)(struct vmm_progress *p, struct ds_span payload);
    void (*json)(struct vmm_progress *p, yyjson_val *v);
    bool is_instance;
};

static const struct event_row event_rows[] = {
    { "boot.step", NULL, on_step, false },   { "boot.progress", on_progress, NULL, false },
    { "boot.error", NULL, on_error, false }, { "instance.info", NULL, on_instance, true },
    { "app.ready", on_ready, NULL, false },  { "shutdown.progress", on_shutdown, NULL, false },
};

static const struct event_row *row_find(const char *event)
{
    for (size_t i = 0; i < DS_LEN(event_rows); i++)
        if (strcmp(event_rows[i].event, event) == 0)
            return &event_rows[i];
    return NULL;
}

static void keep_event(struct vmm_progress *p, const char *event, struct ds_span body,
                       int64_t now_ms)
{
    struct vmm_guest_event *slot = &p->events[p->n_events++ % VMM_EVENTS_MAX];
    free(slot->body);
    *slot = (struct vmm_guest_event){ .body = malloc(body.len + 1), .at_ms = now_ms };
    cut(slot->event, sizeof slot->event, ds_span_str(event));
    if (slot->body != NULL)
        cut(slot->body, body.len + 1, body);
}

void vmm_progress_event(struct vmm_progress *p, const char *event, const char *body, int64_t now_ms)
{
    keep_event(p, event, ds_span_str(body), now_ms);
}

static bool take_token(struct vmm_progress *p, int64_t now_ms)
{
    if (p->tokens_at_ms == 0 || now_ms < p->tokens_at_ms) {
        p->tokens = RATE_BURST;
        p->tokens_at_ms = now_ms;
    }
    uint64_t more = (uint64_t)(now_ms - p->tokens_at_ms) * RATE_PER_S / 1000;
    if (more > 0) {
        p->tokens = more > RATE_BURST - p->tokens ? RATE_BURST : p->tokens + (uint32_t)more;
        p->tokens_at_ms = now_ms;
    }
    if (p->tokens == 0)
        return false;
    p->tokens--;
    return true;
}

static int notify_json(struct vmm_progress *p, const struct event_row *row, struct ds_span payload,
                       struct ds_error *e)
{
    yyjson_doc *doc = yyjson_read((const char *)payload.p, payload.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    bool is_obj = yyjson_is_obj(root);
    if (is_obj)
        row->json(p, root);
    yyjson_doc_free(doc);
    if (!is_obj)
        return ds_fail(e, DS_ERR_FORMAT, "payload of '%s' is no JSON object", row->event);
    return DS_OK;
}

int vmm_progress_notify(struct vmm_progress *p, bool *ret_instance, const char *event,
                        struct ds_span payload, int64_t now_ms, struct ds_error *e)
{
    *ret_instance = false;
    if (payload.len > VMM_PAYLOAD_MAX || !take_token(p, now_ms)) {
        p->n_dropped++;
        return ds_fail(e, DS_ERR_RANGE, "event dropped: %zu bytes, %u more events allowed now",
                       payload.len, p->tokens);
    }
    const struct event_row *row = row_find(event);
    /* Steps are kept as steps: they would push everything else out of the ring. */
    if (row == NULL || row->json != on_step)
        keep_event(p, event, payload, now_ms);
    if (row == NULL)
        return DS_OK;
    if (row->text != NULL) {
        row->text(p, payload);
        return DS_OK;
    }
    DS_TRY(notify_json(p, row, payload, e));
    *ret_instance = row->is_instance;
    return DS_OK;
}

void vmm_progress_restart(struct vmm_progress *p, bool forgive)
{
    p->n_steps = 0;
    p->boot[0] = p->shutdown[0] = '\0';
    if (forgive)
        p->failure = (struct vmm_failure){ 0 };
    p->ready = p->powering_off = false;
}

void vmm_progress_fail(struct vmm_progress *p, const struct ds_error *why)
{
    struct vmm_failure f = { .n_reasons = why->code != DS_CODE_NONE ? 1 : 0 };
    struct vmm_guest_reason *r = &f.reasons[0];
    cut(f.text, sizeof f.text, ds_span_str(why->msg));
    (void)snprintf(f.code, sizeof f.code, "%s", ds_code_info_get(why->code)->id);
    memcpy(r->code, f.code, sizeof r->code);
    memcpy(r->claim, why->detail.claim, sizeof r->claim);
    memcpy(r->expected, why->detail.expected, sizeof r->expected);
    memcpy(r->got, why->detail.got, sizeof r->got);
    memcpy(r->anchor, why->detail.anchor, sizeof r->anchor);
    p->failure = f;
}

void vmm_progress_done(struct vmm_progress *p)
{
    for (size_t i = 0; i < VMM_EVENTS_MAX; i++)
        free(p->events[i].body);
    *p = (struct vmm_progress){ 0 };
}

/* The text between '<' and '>' after `before`; empty when it is not there. */
static struct ds_span bracketed(struct ds_span line, const char *before)
{
    const uint8_t *at = memmem(line.p, line.len, before, strlen(before));
    if (at == NULL)
        return (struct ds_span){ 0 };
    at += strlen(before);
    const uint8_t *end = memchr(at, '>', (size_t)(line.p + line.len - at));
    return end != NULL ? DS_SPAN(at, (size_t)(end - at)) : (struct ds_span){ 0 };
}

void vmm_progress_console(struct vmm_progress *p, struct ds_span serial_tail)
{
    static const char mark[] = "dstack-init: ";
    struct ds_span line;
    struct ds_span last = { 0 };
    while (ds_span_line(&serial_tail, &line)) {
        const uint8_t *at = memmem(line.p, line.len, mark, sizeof mark - 1);
        if (at != NULL)
            last = DS_SPAN(at + sizeof mark - 1,
                           (size_t)(line.p + line.len - at) - sizeof mark + 1);
    }
    const uint8_t *colon = last.len > 0 ? memchr(last.p, ':', last.len) : NULL;
    if (colon == NULL || p->failure.text[0] != '\0')
        return;
    struct vmm_failure f = { .n_reasons = 1 };
    struct vmm_guest_reason *r = &f.reasons[0];
    cut(f.text, sizeof f.text, last);
    cut(f.code, sizeof f.code, DS_SPAN(last.p, (size_t)(colon - last.p)));
    if (strspn(f.code, "abcdefghijklmnopqrstuvwxyz0123456789._") != strlen(f.code))
        return;
    memcpy(r->code, f.code, sizeof f.code);
    cut(r->expected, sizeof r->expected, bracketed(last, "expected <"));
    cut(r->got, sizeof r->got, bracketed(last, "got <"));
    p->failure = f;
}

static void put_failure(struct ds_jw *w, const struct vmm_failure *f)
{
    if (f->text[0] == '\0') {
        ds_jw_null(w, "boot_failure");
        return;
    }
    ds_jw_object(w, "boot_failure");
    ds_jw_str(w, "error", f->text);
    if (f->cls[0] != '\0')
        ds_jw_str(w, "class", f->cls);
    ds_jw_str(w, "code", f->code);
    ds_jw_array(w, "reasons");
    for (size_t i = 0; i < f->n_reasons; i++) {
        const struct vmm_guest_reason *r = &f->reasons[i];
        ds_jw_object(w, NULL);
        ds_jw_str(w, "code", r->code);
        ds_jw_str(w, "claim", r->claim);
        ds_jw_str(w, "expected", r->expected);
        ds_jw_str(w, "got", r->got);
        ds_jw_str(w, "anchor", r->anchor);
        ds_jw_str(w, "fix", ds_code_info_get(ds_code_find(r->code))->fix);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
    ds_jw_object_end(w);
}

static void put_steps(struct ds_jw *w, const struct vmm_progress *p)
{
    ds_jw_array(w, "boot_steps");
    for (size_t i = 0; i < p->n_steps; i++) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "step", p->steps[i].step);
        ds_jw_str(w, "title", p->steps[i].title);
        ds_jw_str(w, "state", p->steps[i].state);
        ds_jw_u64(w, "t_ms", p->steps[i].t_ms);
        ds_jw_u64(w, "ms", p->steps[i].ms);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void put_events(struct ds_jw *w, const struct vmm_progress *p)
{
    uint64_t first = p->n_events > VMM_EVENTS_MAX ? p->n_events - VMM_EVENTS_MAX : 0;
    ds_jw_array(w, "events");
    for (uint64_t i = first; i < p->n_events; i++) {
        const struct vmm_guest_event *ev = &p->events[i % VMM_EVENTS_MAX];
        ds_jw_object(w, NULL);
        ds_jw_str(w, "event", ev->event);
        ds_jw_str(w, "body", ev->body != NULL ? ev->body : "");
        ds_jw_i64(w, "timestamp", ev->at_ms);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

void vmm_progress_put(struct ds_jw *w, const struct vmm_progress *p)
{
    ds_jw_str(w, "boot_progress", p->boot);
    ds_jw_str(w, "boot_error", p->failure.text);
    put_failure(w, &p->failure);
    ds_jw_str(w, "shutdown_progress", p->shutdown);
    ds_jw_bool(w, "app_ready", p->ready);
    put_steps(w, p);
    put_events(w, p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking the table of steps: submit to the pool, report, submit the next.
 */
#include "guest/boot.h"

#include <assert.h>
#include <time.h>

#include "codec/json_write.h"
#include "guest/agent.h"
#include "rpc/serve.h"

/* Milliseconds since the kernel started. */
static int64_t uptime_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void send_report(struct agent *a, size_t step)
{
    static const char *const states[] = { "start", "done", "failed" };
    const struct boot_report *r = &a->boot.reports[step];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_jw w = ds_jw_of(&text);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "step", boot_steps[step].name);
    ds_jw_str(&w, "title", boot_steps[step].title);
    ds_jw_str(&w, "state", states[r->state]);
    ds_jw_i64(&w, "t_ms", r->t_ms);
    ds_jw_i64(&w, "ms", r->ms);
    ds_jw_object_end(&w);
    if (!text.bad)
        agent_notify(a, "boot.step", ds_buf_span(&text));
}

static void report(struct agent *a, enum boot_state state)
{
    struct boot_report *r = &a->boot.reports[a->boot.step];
    if (state == BOOT_STARTED)
        r->t_ms = uptime_ms();
    r->ms = uptime_ms() - r->t_ms;
    r->state = state;
    if (state != BOOT_STARTED) {
        char ms[24];
        (void)snprintf(ms, sizeof ms, "%lld", (long long)r->ms);
        ds_log(&a->log, state == BOOT_DONE ? DS_LOG_INFO : DS_LOG_ERROR, "boot.step", "step",
               boot_steps[a->boot.step].name, "ms", ms);
    }
    send_report(a, a->boot.step);
}

/* A document that is cut is none: reasons are left out, the last ones first, until it fits. */
void boot_error_encode(struct ds_buf *ret, const struct boot_progress *b)
{
    struct ds_verdict v = b->reasons;
    size_t from = ret->len;
    rpc_error_encode(ret, &b->error, v.n_reasons > 0 ? &v : NULL);
    while (ret->len - from > GUEST_PAYLOAD_MAX && v.n_reasons > 0) {
        ret->len = from;
        v.n_reasons--;
        rpc_error_encode(ret, &b->error, v.n_reasons > 0 ? &v : NULL);
    }
}

void boot_report_again(struct agent *a)
{
    for (size_t i = 0; i <= a->boot.step && i < boot_n_steps; i++)
        send_report(a, i);
}

static void run_step(void *arg)
{
    struct agent *a = arg;
    a->boot.status = boot_steps[a->boot.step].run(a, &a->boot.error);
}

static void step_failed(struct agent *a)
{
    report(a, BOOT_FAILED);
    (void)ds_wrap(&a->boot.error, a->boot.status, "boot step '%s'", boot_steps[a->boot.step].name);
    agent_boot_failed(a);
}

static void step_done(void *arg);

static void next_step(struct agent *a)
{
    report(a, BOOT_STARTED);
    struct ds_error e;
    int r = net_pool_submit(a->pool, run_step, step_done, a, &e);
    if (r == DS_OK)
        return; /* boot.status is the step's own from here on: it may have ended already */
    a->boot.status = r;
    a->boot.error = e;
    step_failed(a);
}

static void step_done(void *arg)
{
    struct agent *a = arg;
    const struct boot_step *s = &boot_steps[a->boot.step];
    if (a->boot.status == DS_OK && s->after != NULL)
        s->after(a);
    if (a->boot.status < 0) {
        step_failed(a);
        return;
    }
    report(a, BOOT_DONE);
    if (++a->boot.step == boot_n_steps)
        agent_ready(a);
    else
        next_step(a);
}

void boot_start(struct agent *a)
{
    assert(boot_n_steps <= GUEST_STEPS_MAX);
    a->boot.step = 0;
    next_step(a);
}

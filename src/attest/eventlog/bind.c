/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaying a log and reading what it says, in this order only.
 */

#include "attest/eventlog/bind.h"

#include <stdio.h>

#include "attest/claims_private.h"
#include "attest/eventlog/blame.h"
#include "base/str.h"
#include "crypto/hash.h"

#define EV_SEPARATOR 4
#define RUNTIME_IMR  3

int ds_tdx_log_replay(uint8_t ret_rtmr48[static 4][48], const struct ds_tdx_log *log,
                      struct ds_error *e)
{
    uint8_t rtmr48[4][48] = { 0 }, digest48[48];
    for (size_t i = 0; i < log->n_events; i++) {
        const struct ds_tdx_event *event = &log->events[i];
        if (event->imr > 3)
            return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_LOG_FORMAT, "an event of RTMR%u",
                                event->imr);
        DS_TRY(ds_event_measured(digest48, event, e));
        DS_TRY(ds_hash_extend(DS_SHA384, rtmr48[event->imr], digest48, e));
    }
    memcpy(ret_rtmr48, rtmr48, sizeof rtmr48);
    return DS_OK;
}

static int check_registers(const struct ds_claims *c, const struct ds_tdx_log *log, size_t first,
                           struct ds_error *e)
{
    uint8_t rtmr48[4][48];
    DS_TRY(ds_tdx_log_replay(rtmr48, log, e));
    for (size_t i = first; i < 4; i++)
        if (memcmp(rtmr48[i], c->tdx.rtmr48[i], 48) != 0)
            return eventlog_blame(log, (uint32_t)i, c->tdx.rtmr48[i], rtmr48[i], c->anchor, e);
    return DS_OK;
}

static bool is_runtime(const struct ds_tdx_event *event)
{
    return event->imr == RUNTIME_IMR && event->type == DS_EVENT_TYPE_RUNTIME;
}

static int refuse_event(enum ds_code code, const struct ds_tdx_event *event, const char *expected,
                        const char *got, const struct ds_claims *c, struct ds_error *e)
{
    char name[40];
    (void)ds_str_printable(name, sizeof name, event->name);
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, name, expected, got, c->anchor);
}

/* The firmware that we predict separates once a register; a second one has no honest reader. */
static int check_separators(const struct ds_claims *c, const struct ds_tdx_log *log,
                            struct ds_error *e)
{
    unsigned seen = 0;
    for (size_t i = 0; i < log->n_events; i++) {
        if (log->events[i].type != EV_SEPARATOR)
            continue;
        if (seen & 1u << log->events[i].imr)
            return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_LOG_DUPLICATE, "separator",
                             "one a register", "two", c->anchor);
        seen |= 1u << log->events[i].imr;
    }
    return DS_OK;
}

/*
 * The digest of a boot event is taken as it stands in the log. In RTMR3 that would let whoever
 * presents the log hide a runtime event: same digest, another type, and nobody reads its name.
 */
static int check_runtime_register(const struct ds_claims *c, const struct ds_tdx_log *log,
                                  struct ds_error *e)
{
    for (size_t i = 0; i < log->n_events; i++)
        if (log->events[i].imr == RUNTIME_IMR && !is_runtime(&log->events[i]))
            return refuse_event(DS_CODE_LOG_FOREIGN, &log->events[i], "a runtime event",
                                "another type", c, e);
    return DS_OK;
}

/* The events that say something; every other name is passed over. */
enum { SYSTEM_READY, BOOT_DONE, INIT_SCRIPT, KEY_PROVIDER, FIELD };

struct known_event {
    const char *name;
    int what;
    size_t min, max;                                    /* bytes of payload */
    struct claims_bytes *(*field)(struct ds_claims *c); /* of a FIELD */
};

static struct claims_bytes *app_id(struct ds_claims *c) { return &c->app_id; }
static struct claims_bytes *compose_hash(struct ds_claims *c) { return &c->compose_hash; }
static struct claims_bytes *instance_id(struct ds_claims *c) { return &c->instance_id; }
static struct claims_bytes *os_image_hash(struct ds_claims *c) { return &c->os_image_hash; }
static struct claims_bytes *gpu_policy_hash(struct ds_claims *c) { return &c->gpu_policy_hash; }
static struct claims_bytes *storage_fs(struct ds_claims *c) { return &c->storage_fs; }

/* clang-format off */
static const struct known_event known_events[] = {
    { "app-id", FIELD, 20, 20, app_id },
    { "compose-hash", FIELD, 32, 32, compose_hash },
    { "instance-id", FIELD, 0, 20, instance_id },
    { "os-image-hash", FIELD, 32, 32, os_image_hash },
    { "gpu-policy-hash", FIELD, 32, 32, gpu_policy_hash },
    { "storage-fs", FIELD, 1, 16, storage_fs },
    { "key-provider", KEY_PROVIDER, 2, sizeof ((struct ds_claims *)0)->key_provider, NULL },
    { "init-script-hash", INIT_SCRIPT, 32, 32, NULL },
    { "boot-mr-done", BOOT_DONE, 0, 0, NULL },
    { "system-ready", SYSTEM_READY, 0, 0, NULL },
};
/* clang-format on */

static const struct known_event *find_known(struct ds_span name)
{
    for (size_t i = 0; i < DS_LEN(known_events); i++)
        if (ds_span_eq_str(name, known_events[i].name))
            return &known_events[i];
    return NULL;
}

static int read_event(struct ds_claims *c, const struct known_event *known,
                      const struct ds_tdx_event *event, struct ds_error *e)
{
    struct ds_span p = event->payload;
    char want[32], got[32];
    bool is_instance = known->field == instance_id && p.len != 0 && p.len != 20;
    if (p.len < known->min || p.len > known->max || is_instance) {
        (void)snprintf(want, sizeof want, "%zu bytes", known->max);
        (void)snprintf(got, sizeof got, "%zu bytes", p.len);
        return refuse_event(DS_CODE_LOG_PAYLOAD, event, want, got, c, e);
    }
    switch (known->what) {
    case SYSTEM_READY:
        c->is_system_ready = true;
        break;
    case BOOT_DONE:
        c->is_boot_done = true;
        break;
    case INIT_SCRIPT:
        if (c->n_init_scripts == CLAIMS_INIT_SCRIPTS_MAX)
            return refuse_event(DS_CODE_LOG_DUPLICATE, event, "at most 5", "more", c, e);
        memcpy(c->init_scripts32[c->n_init_scripts++], p.p, 32);
        break;
    case KEY_PROVIDER:
        c->key_provider_len = p.len;
        memcpy(c->key_provider, p.p, p.len);
        break;
    default:
        known->field(c)->len = (uint16_t)p.len;
        if (p.len > 0)
            memcpy(known->field(c)->b, p.p, p.len);
        break;
    }
    return DS_OK;
}

/* Of the runtime events before this one; scripts alone may repeat. */
static bool is_repeated(const struct ds_tdx_log *log, size_t at)
{
    struct ds_span name = log->events[at].name;
    if (ds_span_eq_str(name, "init-script-hash"))
        return false;
    for (size_t i = 0; i < at; i++)
        if (is_runtime(&log->events[i]) && ds_span_eq(log->events[i].name, name))
            return true;
    return false;
}

/*
 * Version 1 hashes name ":" payload. With a colon in the name the border could be moved: whoever
 * presents the log would turn app-id with a colon among its bytes into an event that nobody knows.
 */
static bool has_colon(struct ds_span name)
{
    return name.len > 0 && memchr(name.p, ':', name.len) != NULL;
}

static int read_events(struct ds_claims *c, const struct ds_tdx_log *log, struct ds_error *e)
{
    for (size_t i = 0; i < log->n_events && !c->is_system_ready; i++) {
        const struct ds_tdx_event *event = &log->events[i];
        if (!is_runtime(event))
            continue;
        if (has_colon(event->name))
            return refuse_event(DS_CODE_LOG_NAME, event, "a name without colon", "a colon", c, e);
        if (is_repeated(log, i))
            return refuse_event(DS_CODE_LOG_DUPLICATE, event, "once", "twice", c, e);
        const struct known_event *known = find_known(event->name);
        if (known != NULL)
            DS_TRY(read_event(c, known, event, e));
    }
    return DS_OK;
}

static int bind(struct ds_claims *c, const struct ds_tdx_log *log, size_t first_register,
                struct ds_error *e)
{
    struct ds_claims next = *c;
    if (c->kind == DS_KIND_NONE || c->has_log)
        return ds_fail(e, DS_ERR_ARG, "a log binds once, to verified claims");
    DS_TRY(check_registers(c, log, first_register, e));
    DS_TRY(check_separators(c, log, e));
    DS_TRY(check_runtime_register(c, log, e));
    DS_TRY(read_events(&next, log, e));
    next.has_log = true;
    *c = next;
    return DS_OK;
}

int ds_claims_bind_log(struct ds_claims *c, const struct ds_tdx_log *log, struct ds_error *e)
{
    return bind(c, log, 0, e);
}

int ds_claims_bind_runtime_log(struct ds_claims *c, const struct ds_tdx_log *log,
                               struct ds_error *e)
{
    return bind(c, log, RUNTIME_IMR, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What events measure, and their JSON form.
 */

#include "attest/eventlog/event.h"

#include "attest/coded.h"
#include "base/hex.h"
#include "codec/json.h"
#include "crypto/hash.h"

int ds_event_digest(uint8_t ret48[static 48], struct ds_span name, struct ds_span payload,
                    struct ds_error *e)
{
    static const uint8_t type_le[] = { 0x01, 0x00, 0x00, 0x08 };
    const struct ds_span parts[] = { DS_SPAN_OF(type_le), DS_SPAN_LIT(":"), name, DS_SPAN_LIT(":"),
                                     payload };
    return ds_hash_v(DS_SHA384, ret48, parts, DS_LEN(parts), e);
}

static bool take(struct ds_reader *r, struct ds_span want)
{
    return ds_span_eq(ds_read_span(r, want.len), want);
}

/* Printable ASCII that JSON writes as it is. Event names are; other text could be written twice. */
static bool is_plain(struct ds_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return true;
}

/* The preimage is {"name":"...","payload":"<hex>","type":134217729} of these very fields. */
static bool is_preimage_of(const struct ds_tdx_event *event)
{
    struct ds_reader r = ds_reader_of(event->preimage);
    bool ok = is_plain(event->name) && take(&r, DS_SPAN_LIT("{\"name\":\"")) &&
              take(&r, event->name) && take(&r, DS_SPAN_LIT("\",\"payload\":\""));
    for (size_t i = 0; ok && i < event->payload.len; i++) {
        char hex[3];
        (void)ds_hex_encode(hex, ds_span_sub(event->payload, i, 1));
        ok = take(&r, DS_SPAN(hex, 2));
    }
    return ok && take(&r, DS_SPAN_LIT("\",\"type\":134217729}")) && ds_read_left(&r) == 0;
}

int ds_event_measured(uint8_t ret48[static 48], const struct ds_tdx_event *event,
                      struct ds_error *e)
{
    if (event->type != DS_EVENT_TYPE_RUNTIME) {
        if (!event->has_digest)
            return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_LOG_FORMAT,
                                "a boot event in the log has no digest");
        memcpy(ret48, event->digest48, 48);
        return DS_OK;
    }
    if (event->version != 2)
        return ds_event_digest(ret48, event->name, event->payload, e);
    if (!is_preimage_of(event))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_LOG_PREIMAGE, "preimage", NULL, NULL, NULL);
    return ds_hash(DS_SHA384, ret48, event->preimage, e);
}

/* Hex of any length up to max, decoded into the arena; absent is empty. */
static int get_bytes(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *obj,
                     const char *key, size_t max, struct ds_error *e)
{
    struct ds_span text;
    size_t len;
    if (ds_json_find(obj, key) == NULL)
        return DS_OK;
    DS_TRY(ds_json_get_str(&text, obj, key, e));
    if (text.len / 2 > max)
        return ds_fail(e, DS_ERR_RANGE, "event member '%s' has %zu bytes; at most %zu are read",
                       key, text.len / 2, max);
    uint8_t *out = ds_arena_get(mem, text.len / 2);
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for an event log");
    DS_TRY(ds_hex_decode_any(out, &len, text.len / 2, text, e));
    *ret = DS_SPAN(out, len);
    return DS_OK;
}

static int get_uint(uint64_t *ret, const struct ds_json_tok *obj, const char *key, uint64_t max,
                    struct ds_error *e)
{
    return ds_json_find(obj, key) != NULL ? ds_json_get_u64(ret, obj, key, max, e) : DS_OK;
}

static int parse_event(struct ds_tdx_event *ret, struct ds_arena *mem,
                       const struct ds_json_tok *obj, struct ds_error *e)
{
    const struct ds_json_tok *name;
    struct ds_span digest = { 0 };
    uint64_t imr, type, version = 1;
    DS_TRY(ds_json_get_u64(&imr, obj, "imr", 3, e));
    DS_TRY(ds_json_get_u64(&type, obj, "event_type", UINT32_MAX, e));
    DS_TRY(get_uint(&version, obj, "version", 2, e));
    DS_TRY(ds_json_get(&name, obj, "event", DS_JSON_STRING, e));
    DS_TRY(ds_json_str(&ret->name, mem, name, e));
    DS_TRY(get_bytes(&digest, mem, obj, "digest", 48, e));
    DS_TRY(get_bytes(&ret->payload, mem, obj, "event_payload", DS_EVENT_PAYLOAD_MAX, e));
    DS_TRY(get_bytes(&ret->preimage, mem, obj, "preimage", 3 * DS_EVENT_PAYLOAD_MAX, e));
    if (ret->name.len > DS_EVENT_NAME_MAX)
        return ds_fail(e, DS_ERR_RANGE, "an event name of %zu bytes", ret->name.len);
    if (version == 0 || (digest.len != 0 && digest.len != 48))
        return ds_fail(e, DS_ERR_FORMAT, "an event of version %llu with a digest of %zu bytes",
                       (unsigned long long)version, digest.len);
    ret->imr = (uint32_t)imr;
    ret->type = (uint32_t)type;
    ret->version = (uint8_t)version;
    ret->has_digest = digest.len == 48;
    if (ret->has_digest)
        memcpy(ret->digest48, digest.p, 48);
    return DS_OK;
}

static int parse_json(struct ds_tdx_log *ret, struct ds_arena *mem, struct ds_span text,
                      struct ds_error *e)
{
    const struct ds_json_tok *root;
    DS_TRY(ds_json_parse_in(&root, mem, text, e));
    if (root->type != DS_JSON_ARRAY)
        return ds_fail(e, DS_ERR_FORMAT, "event log is no JSON array");
    if (root->n > DS_EVENTS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "event log of %u events; at most %d are read", root->n,
                       DS_EVENTS_MAX);
    struct ds_tdx_event *event = ds_arena_get_n(mem, root->n, sizeof *event);
    if (event == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for an event log");
    *ret = (struct ds_tdx_log){ .events = event, .n_events = root->n };
    for (const struct ds_json_tok *v = ds_json_first(root); v != NULL; v = ds_json_next(root, v))
        DS_TRY(parse_event(event++, mem, v, e));
    return DS_OK;
}

bool ds_tdx_log_is_stripped(const struct ds_tdx_log *log)
{
    for (size_t i = 0; i < log->n_events; i++)
        if ((log->events[i].imr == 1 || log->events[i].imr == 2) && log->events[i].has_digest)
            return false;
    return true;
}

int ds_tdx_log_parse_json(struct ds_tdx_log *ret, struct ds_arena *mem, struct ds_span text,
                          struct ds_error *e)
{
    struct ds_tdx_log log;
    DS_TRY(ds_coded(parse_json(&log, mem, text, e), DS_CODE_LOG_FORMAT, e));
    *ret = log;
    return DS_OK;
}

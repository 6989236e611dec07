/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtime events on disk (in memory, in truth: /run) and in the register.
 */
#include "tee/runtime_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "attest/eventlog/event.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/json_write.h"

#define LOG_NAME  "runtime_events.log"
#define LOCK_NAME "runtime_event.lock"
#define LOG_MAX   ((size_t)8 << 20)
#define LINE_MEM  (DS_BASE64_LEN(TEE_RUNTIME_PAYLOAD_MAX) + 16384)

void tee_runtime_events_done(struct tee_runtime_events *events)
{
    for (size_t i = 0; i < events->n; i++) {
        free(events->v[i].name);
        free(events->v[i].payload);
    }
    free(events->v);
    *events = (struct tee_runtime_events){ 0 };
}

static int open_in(int *ret, const char *dir, const char *name, int flags, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/%s", dir, name);
    int fd = path != NULL ? open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0)
        return ds_fail_errno(e, path != NULL ? errno : ENOMEM, "open '%s/%s'", dir, name);
    *ret = fd;
    return DS_OK;
}

static int encode_line(struct ds_buf *ret, const char *name, struct ds_span payload,
                       struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *base64 = malloc(DS_BASE64_LEN(payload.len) + 1);
    if (base64 == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "log event '%s'", name);
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "event", name);
    ds_jw_str(&w, "payload", ds_base64_encode(base64, payload));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "runtime event"));
    ds_buf_char(ret, '\n');
    return ds_buf_end(ret, e, "runtime event");
}

int tee_runtime_emit(struct tee *tee, const char *dir, const char *name, struct ds_span payload,
                     struct ds_error *e)
{
    size_t name_len = strlen(name);
    if (name_len == 0 || name_len > TEE_RUNTIME_NAME_MAX || !ds_utf8_is_valid(ds_span_str(name)))
        return ds_fail(e, DS_ERR_ARG, "an event name has 1 to %d bytes of UTF-8",
                       TEE_RUNTIME_NAME_MAX);
    if (payload.len > TEE_RUNTIME_PAYLOAD_MAX)
        return ds_fail(e, DS_ERR_RANGE, "an event payload has at most %zu bytes",
                       TEE_RUNTIME_PAYLOAD_MAX);
    DS_AUTO(ds_auto_close) int lock = -1;
    DS_AUTO(ds_auto_close) int log = -1;
    DS_AUTO(ds_buf_done) struct ds_buf line = { 0 };
    uint8_t digest48[48];
    /* Everything that can fail before the register changes comes before it. */
    DS_TRY(encode_line(&line, name, payload, e));
    DS_TRY(ds_event_digest(digest48, ds_span_str(name), payload, e));
    DS_TRY(ds_dir_make(dir, 0755, e));
    DS_TRY(open_in(&lock, dir, LOCK_NAME, O_RDWR | O_CREAT, e));
    if (flock(lock, LOCK_EX) != 0)
        return ds_fail_errno(e, errno, "lock the runtime event log");
    DS_TRY(open_in(&log, dir, LOG_NAME, O_WRONLY | O_CREAT | O_APPEND, e));
    DS_TRY(tee_extend(tee, digest48, e));
    return ds_fd_write_all(log, ds_buf_span(&line), e);
}

static int decode_line(struct tee_runtime_event *ret, struct ds_span line, struct ds_arena *mem,
                       struct ds_error *e)
{
    const struct ds_json_tok *root, *name;
    struct ds_span text, base64;
    DS_TRY(ds_json_parse_in(&root, mem, line, e));
    DS_TRY(ds_json_get(&name, root, "event", DS_JSON_STRING, e));
    DS_TRY(ds_json_str(&text, mem, name, e));
    DS_TRY(ds_json_get_str(&base64, root, "payload", e));
    if (root->n != 2)
        return ds_fail(e, DS_ERR_FORMAT, "unknown members");
    struct tee_runtime_event ev = { .name = ds_str_dup_span(text),
                                    .payload = malloc(base64.len + 1) };
    int r = DS_ERR_NOMEM;
    if (ev.name != NULL && ev.payload != NULL)
        r = ds_base64_decode(ev.payload, &ev.payload_len, base64.len, base64, e);
    if (r < 0) {
        free(ev.name);
        free(ev.payload);
        return r;
    }
    *ret = ev;
    return DS_OK;
}

static int load_lines(struct tee_runtime_events *events, struct ds_span text, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(LINE_MEM);
    events->v = calloc(TEE_RUNTIME_EVENTS_MAX, sizeof *events->v);
    if (room == NULL || events->v == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the runtime event log");
    struct ds_span line;
    while (ds_span_line(&text, &line)) {
        struct ds_arena mem = ds_arena_of(room, LINE_MEM);
        if (events->n == TEE_RUNTIME_EVENTS_MAX)
            return ds_fail(e, DS_ERR_RANGE, "more than %d events", TEE_RUNTIME_EVENTS_MAX);
        DS_TRY(decode_line(&events->v[events->n], line, &mem, e));
        events->n++;
    }
    return DS_OK;
}

int tee_runtime_load(struct tee_runtime_events *ret, const char *dir, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/" LOG_NAME, dir);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_AUTO(tee_runtime_events_done) struct tee_runtime_events events = { 0 };
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the runtime event log");
    int r = ds_file_load(&text, path, LOG_MAX, e);
    if (r == DS_OK)
        r = load_lines(&events, ds_buf_span(&text), e);
    if (r == DS_ERR_NOTFOUND)
        r = DS_OK;
    if (r == DS_ERR_NOMEM || r == DS_ERR_SYS)
        return r;
    if (r < 0)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_TEE_LOG_DAMAGED, "'%s', event %zu: %s", path,
                            events.n, ds_err_text(r));
    *ret = DS_TAKE(events, (struct tee_runtime_events){ 0 });
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log streams: the last lines of a file, then what is added. What a guest
 * writes is not shown raw unless asked for: control characters go, and with
 * them the ways to take over a terminal.
 */
#include "vmm/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "rpc/serve.h"
#include "vmm/vm.h"

#define LINES_DEFAULT 10000u
#define LINES_MAX     1000000u
#define TAIL_MAX      ((off_t)16 << 20) /* how far back lines are looked for */
#define PIECE         ((size_t)64 << 10)
#define POLL_MS       200
#define HEARTBEAT_MS  60000

struct log_query {
    char id[VMM_ID_LEN + 1];
    const char *file; /* of the VM directory */
    uint64_t lines;
    bool follow, ansi;
};

struct channel_row {
    const char *name, *file;
};

static const struct channel_row channels[] = {
    { "serial", VMM_FILE_SERIAL },
    { "stdout", VMM_FILE_QEMU_LOG },
    { "stderr", VMM_FILE_QEMU_LOG },
    { "simtee", VMM_FILE_SIMTEE_LOG },
};

struct stream {
    struct net_http_request *req;
    struct net_event *timer;
    int fd;
    struct vmm_log_filter filter;
    bool follow, ansi, full;
    int64_t quiet_since_ms;
};

static bool is_true(struct ds_span v)
{
    return v.len == 0 || ds_span_eq_str(v, "1") || ds_span_eq_str(v, "true");
}

static const char *channel_file(struct ds_span name)
{
    for (size_t i = 0; i < DS_LEN(channels); i++)
        if (ds_span_eq_str(name, channels[i].name))
            return channels[i].file;
    return NULL;
}

static int take_pair(struct log_query *q, struct ds_span key, struct ds_span v, struct ds_error *e)
{
    if (ds_span_eq_str(key, "id") && ds_str_copy_span(q->id, sizeof q->id, v))
        return DS_OK;
    if (ds_span_eq_str(key, "ch") && (q->file = channel_file(v)) != NULL)
        return DS_OK;
    if (ds_span_eq_str(key, "lines"))
        return ds_str_u64(&q->lines, v, LINES_MAX, e);
    if (ds_span_eq_str(key, "follow")) {
        q->follow = is_true(v);
        return DS_OK;
    }
    if (ds_span_eq_str(key, "ansi")) {
        q->ansi = is_true(v);
        return DS_OK;
    }
    return ds_fail(e, DS_ERR_ARG, "logs: no such parameter, or no such value: %.*s=%.*s",
                   (int)(key.len < 40 ? key.len : 40), (const char *)key.p,
                   (int)(v.len < 40 ? v.len : 40), (const char *)v.p);
}

static int parse_query(struct log_query *ret, const char *query, struct ds_error *e)
{
    struct log_query q = { .file = VMM_FILE_SERIAL, .lines = LINES_DEFAULT };
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        size_t key_len = strcspn(query, "=&");
        struct ds_span pair = DS_SPAN(query, len);
        DS_TRY(
            take_pair(&q, ds_span_sub(pair, 0, key_len), ds_span_sub(pair, key_len + 1, len), e));
        query += len + (query[len] == '&' ? 1 : 0);
    }
    *ret = q;
    return DS_OK;
}

/* Where the last n lines begin. */
static off_t tail_start(int fd, uint64_t n)
{
    off_t end = lseek(fd, 0, SEEK_END);
    off_t at = end;
    char buf[4096];
    while (at > 0 && end - at < TAIL_MAX) {
        size_t want = at < (off_t)sizeof buf ? (size_t)at : sizeof buf;
        at -= (off_t)want;
        ssize_t got = pread(fd, buf, want, at);
        for (ssize_t i = got; i-- > 0;)
            /* The newline at the very end closes the last line, it begins none. */
            if (buf[i] == '\n' && at + i + 1 < end && n-- == 1)
                return at + i + 1;
        if (got <= 0)
            break;
    }
    return at;
}

static uint8_t sequence_len(uint8_t lead)
{
    return lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
}

/*
 * A byte above ASCII; false: it goes. U+0080 to U+009F are control characters as well (ECMA-48's C1:
 * U+009B begins what "ESC [" begins): in UTF-8 they are 0xc2 and this byte, which becomes a space
 * that does not break, since the first has gone out already; without a first byte they are raw ones.
 */
static bool keep_high(struct vmm_log_filter *f, uint8_t *c)
{
    bool is_first = *c >= 0xc0;
    if (!is_first && f->more == 0)
        return false;
    if (!is_first && f->lead == 0xc2 && *c < 0xa0)
        *c = 0xa0;
    f->more = is_first ? sequence_len(*c) : (uint8_t)(f->more - 1);
    f->lead = is_first ? *c : 0;
    return true;
}

static bool keep(struct vmm_log_filter *f, uint8_t *c)
{
    if (f->in_escape) {
        /* ECMA-48 §5.4: a control sequence ends at the first byte from @ to ~. */
        if ((*c >= '@' && *c <= '~' && *c != '[') || *c == '\n')
            f->in_escape = false;
        return false;
    }
    if (*c >= 0x80)
        return keep_high(f, c);
    f->more = 0;
    f->in_escape = *c == 0x1b;
    return *c == '\n' || *c == '\t' || (*c >= 0x20 && *c != 0x7f);
}

size_t vmm_log_clean(struct vmm_log_filter *f, char *p, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)p[i];
        if (keep(f, &c))
            p[out++] = (char)c;
    }
    return out;
}

static void stream_free(struct stream *s)
{
    net_event_free(s->timer);
    (void)close(s->fd);
    free(s);
}

static void stream_end(struct stream *s)
{
    net_http_stream_end(s->req);
    stream_free(s);
}

static bool write_piece(struct stream *s, char *p, size_t n)
{
    size_t len = s->ansi ? n : vmm_log_clean(&s->filter, p, n);
    s->quiet_since_ms = ds_clock_mono_ms();
    if (len > 0 && !net_http_stream_write(s->req, DS_SPAN(p, len)))
        s->full = true;
    return !s->full;
}

/* A log that was cut begins again at its start. */
static void rewind_if_cut(struct stream *s)
{
    struct stat st;
    if (fstat(s->fd, &st) == 0 && st.st_size < lseek(s->fd, 0, SEEK_CUR))
        (void)lseek(s->fd, 0, SEEK_SET);
}

static void pump(struct stream *s)
{
    static const char beat[] = "[vmm heartbeat]\n";
    char buf[PIECE];
    ssize_t n;
    rewind_if_cut(s);
    while ((n = read(s->fd, buf, sizeof buf)) > 0)
        if (!write_piece(s, buf, (size_t)n))
            return;
    if (!s->follow) {
        stream_end(s);
        return;
    }
    if (ds_clock_mono_ms() - s->quiet_since_ms >= HEARTBEAT_MS) {
        s->quiet_since_ms = ds_clock_mono_ms();
        s->full = !net_http_stream_write(s->req, DS_SPAN(beat, sizeof beat - 1));
    }
    if (net_event_after(s->timer, POLL_MS, NULL) < 0)
        stream_end(s);
}

static void on_timer(void *arg, unsigned what)
{
    (void)what;
    pump(arg);
}

static void on_room(void *arg)
{
    struct stream *s = arg;
    s->full = false;
    pump(s);
}

static void on_gone(void *arg) { stream_end(arg); }

static int open_log(int *ret_fd, const struct vmm_vm *vm, const struct log_query *q,
                    struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    /* Made when it is not there yet: a follower may come before the first line. */
    int fd = open(vmm_path(path, vm->dir, q->file), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                  0600);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    (void)lseek(fd, q->lines > 0 ? tail_start(fd, q->lines) : 0,
                q->lines > 0 ? SEEK_SET : SEEK_END);
    *ret_fd = fd;
    return DS_OK;
}

static int start_stream(struct vmm *vmm, const struct vmm_vm *vm, const struct log_query *q,
                        struct net_http_request *req, struct ds_error *e)
{
    static const struct net_http_stream_ops ops = { on_room, on_gone };
    DS_AUTO(ds_auto_close) int fd = -1;
    DS_TRY(open_log(&fd, vm, q, e));
    struct stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "log stream");
    *s = (struct stream){ .req = req,
                          .fd = -1,
                          .follow = q->follow,
                          .ansi = q->ansi,
                          .quiet_since_ms = ds_clock_mono_ms() };
    int r = net_event_timer(&s->timer, vmm->loop, on_timer, s, e);
    if (r < 0) {
        free(s);
        return r;
    }
    s->fd = DS_TAKE_FD(fd);
    net_http_stream(req, 200, "text/plain; charset=utf-8", &ops, s);
    pump(s);
    return DS_OK;
}

bool vmm_logs_serve(struct vmm *vmm, struct net_http_request *req)
{
    struct ds_error e = { 0 };
    struct log_query q = { 0 };
    if (strcmp(net_http_path(req), "/logs") != 0)
        return false;
    int r = parse_query(&q, net_http_query(req), &e);
    if (r < 0) {
        rpc_error_reply(req, 400, &e);
        return true;
    }
    struct vmm_vm *vm = vmm_vm_find(vmm, q.id);
    /* Opening makes a file that is not there: in a directory that goes, that would stop its removal. */
    if (vm == NULL || vm->removing) {
        (void)ds_fail_code(&e, DS_ERR_NOTFOUND, DS_CODE_VMM_VM_NOT_FOUND, "no VM '%s'", q.id);
        rpc_error_reply(req, 404, &e);
        return true;
    }
    r = start_stream(vmm, vm, &q, req, &e);
    if (r < 0)
        rpc_error_reply(req, 400, &e);
    return true;
}

static void rotate(const char *dir, const char *name, uint64_t max_bytes)
{
    char path[VMM_PATH_LEN];
    char old[VMM_PATH_LEN];
    char old_name[32];
    struct stat st;
    DS_AUTO(ds_buf_done) struct ds_buf content = { 0 };
    (void)snprintf(old_name, sizeof old_name, "%s.1", name);
    if (stat(vmm_path(path, dir, name), &st) != 0 || (uint64_t)st.st_size <= max_bytes)
        return;
    /* Whoever writes appends: it goes on at the start of the emptied file. A failed copy costs old
     * lines only; the bound on the disk matters more. */
    if (ds_file_load(&content, path, (size_t)max_bytes * 4, NULL) == DS_OK)
        (void)(ds_file_save(vmm_path(old, dir, old_name), ds_buf_span(&content), 0600, "vmm.log",
                            NULL) == DS_OK);
    (void)(truncate(path, 0) == 0);
}

/* QEMU's own log, too: a guest that misuses a device, resets it and does so again fills it. */
void vmm_logs_rotate(const char *dir, uint64_t max_bytes)
{
    static const char *const names[] = { VMM_FILE_SERIAL, VMM_FILE_QEMU_LOG, VMM_FILE_SIMTEE_LOG };
    for (size_t i = 0; i < DS_LEN(names); i++)
        rotate(dir, names[i], max_bytes);
}

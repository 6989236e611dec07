/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener on QMP: it leaves negotiation mode and then only reads lines.
 */
#include "vmm/qmp.h"

#include <errno.h>
#include <yyjson.h>

#include "base/file.h"
#include "vmm/sock.h"
#include "vmm/vm.h"

#define LINE_MAX_LEN ((size_t)64 << 10)
#define PIECE        4096

struct vmm_qmp {
    struct vmm_vm *vm;
    int fd;
    struct net_event *event;
    struct ds_buf in;
};

static void on_line(struct vmm_qmp *q, struct ds_span line)
{
    yyjson_doc *doc = yyjson_read((const char *)line.p, line.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *reason = yyjson_get_str(yyjson_obj_get(yyjson_obj_get(root, "data"), "reason"));
    if (yyjson_equals_str(yyjson_obj_get(root, "event"), "SHUTDOWN") && reason != NULL)
        vmm_vm_note_shutdown(q->vm, reason);
    yyjson_doc_free(doc);
}

static void take_lines(struct vmm_qmp *q)
{
    const char *end;
    while (q->in.len > 0 && (end = memchr(q->in.p, '\n', q->in.len)) != NULL) {
        size_t len = (size_t)(end - q->in.p);
        on_line(q, DS_SPAN(q->in.p, len));
        ds_buf_drop(&q->in, len + 1);
    }
}

/* One read: what came, 0 at the end (or on a line that is too long), or -1 with errno. */
static ssize_t read_some(struct vmm_qmp *q)
{
    char *room = q->in.len < LINE_MAX_LEN ? ds_buf_room(&q->in, PIECE) : NULL;
    ssize_t n = room != NULL ? read(q->fd, room, PIECE) : 0;
    if (n > 0) {
        ds_buf_took(&q->in, (size_t)n);
        take_lines(q);
    }
    return n;
}

static void on_readable(void *arg, unsigned what)
{
    struct vmm_qmp *q = arg;
    (void)what;
    ssize_t n = read_some(q);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        net_event_stop(q->event);
}

void vmm_qmp_drain(struct vmm_qmp *q)
{
    /* The process has ended: the socket has an end, and this a bound. */
    while (q != NULL && read_some(q) > 0)
        continue;
}

struct vmm_qmp *vmm_qmp_open(struct vmm_vm *vm)
{
    struct vmm_qmp *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->vm = vm;
    q->fd = -1;
    if (vmm_sock_connect(&q->fd, vm->dir, VMM_FILE_QMP, NULL) < 0 ||
        ds_fd_write_all(q->fd, DS_SPAN_LIT("{\"execute\":\"qmp_capabilities\"}\n"), NULL) < 0 ||
        net_event_fd(&q->event, vm->vmm->loop, q->fd, NET_READ, on_readable, q, NULL) < 0) {
        vmm_qmp_close(q);
        return NULL;
    }
    return q;
}

void vmm_qmp_close(struct vmm_qmp *q)
{
    if (q == NULL)
        return;
    if (q->event != NULL)
        net_event_free(q->event);
    if (q->fd >= 0)
        (void)close(q->fd);
    ds_buf_done(&q->in);
    free(q);
}

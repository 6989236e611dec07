/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a program to its end: input from a memory file, so that writing it
 * cannot block; output and the last words on stderr collected meanwhile.
 */
#include "base/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define FDS_MAX 24

struct run {
    struct ds_proc proc;
    int out_fd, err_fd; /* our ends; -1 at EOF */
    struct ds_buf *out; /* NULL: thrown away */
    size_t out_left;
    char err[512]; /* the end of stderr */
    size_t err_len;
};

static void run_done(struct run *r)
{
    ds_auto_close(&r->out_fd);
    ds_auto_close(&r->err_fd);
    ds_proc_done(&r->proc);
}

static void keep_tail(struct run *r, const char *p, size_t n)
{
    size_t room = sizeof r->err - 1;
    if (n >= room) {
        memcpy(r->err, p + (n - room), room);
        r->err_len = room;
    } else {
        size_t keep = r->err_len < room - n ? r->err_len : room - n;
        memmove(r->err, r->err + (r->err_len - keep), keep);
        memcpy(r->err + keep, p, n);
        r->err_len = keep + n;
    }
    r->err[r->err_len] = '\0';
}

/* Take what is there; closes the descriptor at its end. false: more output than is allowed. */
static bool drain(struct run *r, int *fd)
{
    char in[16 * 1024];
    while (*fd >= 0) {
        ssize_t n = read(*fd, in, sizeof in);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0) {
            (void)close(*fd);
            *fd = -1;
        } else if (fd == &r->err_fd) {
            keep_tail(r, in, (size_t)n);
        } else if ((size_t)n > r->out_left) {
            return false;
        } else {
            r->out_left -= (size_t)n;
            if (r->out != NULL)
                ds_buf_add(r->out, DS_SPAN(in, (size_t)n));
        }
    }
    return true;
}

/* Until the process has ended; a daemon it leaves behind may keep its pipes open. */
static int collect(struct run *r, const char *name, int timeout_ms, struct ds_error *e)
{
    int64_t end = ds_clock_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left = end - ds_clock_mono_ms();
        struct pollfd p[3] = { { .fd = r->out_fd, .events = POLLIN },
                               { .fd = r->err_fd, .events = POLLIN },
                               { .fd = r->proc.pidfd, .events = POLLIN } };
        int n = left > 0 ? poll(p, 3, (int)left) : 0;
        if (n < 0 && errno != EINTR)
            return ds_fail_errno(e, errno, "wait for '%s'", name);
        if (n == 0)
            return ds_fail(e, DS_ERR_TIMEOUT, "'%s' did not end within %d ms", name, timeout_ms);
        if (!drain(r, &r->out_fd) || !drain(r, &r->err_fd))
            return ds_fail(e, DS_ERR_RANGE, "'%s' says more than is allowed", name);
        if (n > 0 && p[2].revents != 0)
            return DS_OK;
    }
}

static const char *last_line(struct run *r)
{
    while (r->err_len > 0 && (r->err[r->err_len - 1] == '\n' || r->err[r->err_len - 1] == '\r'))
        r->err[--r->err_len] = '\0';
    const char *nl = memrchr(r->err, '\n', r->err_len);
    return nl != NULL ? nl + 1 : r->err;
}

static int check_status(struct run *r, const char *name, const struct ds_proc_exit *how,
                        struct ds_error *e)
{
    if (how->known && how->status == 0)
        return DS_OK;
    const char *said = last_line(r);
    return ds_fail_code(e, DS_ERR_SYS, DS_CODE_PROC_FAILED, "'%s' ended with status %d%s%s", name,
                        how->status, said[0] != '\0' ? ": " : "", said);
}

static int input_fd(int *ret, struct ds_span input, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "memory file for input");
    DS_TRY(ds_fd_write_all(fd, input, e));
    if (lseek(fd, 0, SEEK_SET) != 0)
        return ds_fail_errno(e, errno, "memory file for input");
    *ret = DS_TAKE_FD(fd);
    return DS_OK;
}

static int run_spawn(struct run *r, const struct ds_proc_spec *spec, int in_fd, struct ds_error *e)
{
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        return ds_fail_errno(e, errno, "pipe");
    r->out_fd = out[0];
    DS_AUTO(ds_auto_close) int out_to = out[1];
    if (pipe2(err, O_CLOEXEC) != 0)
        return ds_fail_errno(e, errno, "pipe");
    r->err_fd = err[0];
    DS_AUTO(ds_auto_close) int err_to = err[1];
    if (fcntl(r->out_fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(r->err_fd, F_SETFL, O_NONBLOCK) != 0)
        return ds_fail_errno(e, errno, "pipe");
    struct ds_proc_fd fds[FDS_MAX];
    size_t n = 0;
    assert(spec->n_fds + 3 < FDS_MAX);
    fds[n++] = (struct ds_proc_fd){ in_fd, 0 };
    fds[n++] = (struct ds_proc_fd){ out_to, 1 };
    if (spec->log_path == NULL)
        fds[n++] = (struct ds_proc_fd){ err_to, 2 };
    for (size_t i = 0; i < spec->n_fds; i++)
        fds[n++] = spec->fds[i];
    struct ds_proc_spec with = *spec;
    with.fds = fds;
    with.n_fds = n;
    return ds_proc_spawn(&r->proc, &with, e);
}

int ds_proc_run(struct ds_buf *ret_out, const struct ds_proc_spec *spec, struct ds_span input,
                size_t out_max, int timeout_ms, struct ds_error *e)
{
    DS_AUTO(run_done)
    struct run r = {
        .proc.pidfd = -1, .out_fd = -1, .err_fd = -1, .out = ret_out, .out_left = out_max
    };
    DS_AUTO(ds_auto_close) int in_fd = -1;
    DS_TRY(input_fd(&in_fd, input, e));
    DS_TRY(run_spawn(&r, spec, in_fd, e));
    int status = collect(&r, spec->argv[0], timeout_ms, e);
    struct ds_proc_exit how;
    if (status < 0) {
        DS_TRY(ds_proc_kill(&r.proc, SIGKILL, NULL));
        DS_TRY(ds_proc_wait(&how, &r.proc, -1, NULL));
        return status;
    }
    DS_TRY(ds_proc_wait(&how, &r.proc, -1, e));
    DS_TRY(check_status(&r, spec->argv[0], &how, e));
    return ret_out != NULL ? ds_buf_end(ret_out, e, spec->argv[0]) : DS_OK;
}

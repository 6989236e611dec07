/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spawning: everything that can fail is prepared before the fork; the child only
 * arranges descriptors and tells through a pipe which step failed.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#define FDS_MAX 24

enum step {
    STEP_SETUP,
    STEP_FDS,
    STEP_CWD,
    STEP_EXEC,
};

struct report {
    int err;
    enum step step;
};

struct plan {
    const struct ds_proc_spec *spec;
    struct ds_proc_fd fds[FDS_MAX];
    size_t n_fds;
    int report_fd;
    pid_t parent;
};

static int read_boot_id(char ret[static 37], struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    DS_TRY(ds_file_load(&b, "/proc/sys/kernel/random/boot_id", 64, e));
    if (b.len < 36 || !ds_str_copy_span(ret, 37, ds_span_sub(ds_buf_span(&b), 0, 36)))
        return ds_fail(e, DS_ERR_SYS, "the kernel's boot id is malformed");
    return DS_OK;
}

/* Fields 3 and 22 of /proc/PID/stat; the name in field 2 may contain anything but its last ')'. */
static int read_stat(pid_t pid, uint64_t *ret_start, char *ret_state, struct ds_error *e)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    DS_TRY(ds_file_load(&b, path, 4096, e));
    const char *p = b.p != NULL ? strrchr(b.p, ')') : NULL;
    if (p == NULL || p[1] != ' ' || p[2] == '\0')
        return ds_fail(e, DS_ERR_SYS, "'%s' is malformed", path);
    *ret_state = p[2];
    for (int field = 2; field < 22 && p != NULL; field++)
        p = strchr(p + 1, ' ');
    if (p == NULL)
        return ds_fail(e, DS_ERR_SYS, "'%s' is malformed", path);
    return ds_str_u64(ret_start, DS_SPAN(p + 1, strcspn(p + 1, " ")), UINT64_MAX, e);
}

static _Noreturn void child_fail(const struct plan *plan, enum step step)
{
    struct report r = { .err = errno, .step = step };
    ssize_t n = write(plan->report_fd, &r, sizeof r);
    (void)n;
    _exit(127);
}

static void child_signals(void)
{
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    for (int s = 1; s < NSIG; s++)
        (void)sigaction(s, &dfl, NULL); /* SIGKILL and SIGSTOP refuse, rightly */
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Between fork and exec: async-signal-safe calls only, since other threads may hold locks. */
static _Noreturn void child_run(struct plan *plan)
{
    const struct ds_proc_spec *spec = plan->spec;
    child_signals();
    if (spec->session && setsid() < 0)
        child_fail(plan, STEP_SETUP);
    if (spec->bound && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        child_fail(plan, STEP_SETUP);
    /* A parent that ended before prctl sends no signal any more. */
    if (spec->bound && getppid() != plan->parent)
        _exit(127);
    /* First out of the way of every target number, then to the targets. */
    int above = 3;
    for (size_t i = 0; i < plan->n_fds; i++)
        if (plan->fds[i].to >= above)
            above = plan->fds[i].to + 1;
    int report_fd = fcntl(plan->report_fd, F_DUPFD_CLOEXEC, above);
    if (report_fd < 0)
        child_fail(plan, STEP_FDS);
    plan->report_fd = report_fd;
    for (size_t i = 0; i < plan->n_fds; i++) {
        plan->fds[i].from = fcntl(plan->fds[i].from, F_DUPFD_CLOEXEC, above);
        if (plan->fds[i].from < 0)
            child_fail(plan, STEP_FDS);
    }
    if (close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        child_fail(plan, STEP_FDS);
    for (size_t i = 0; i < plan->n_fds; i++)
        if (dup2(plan->fds[i].from, plan->fds[i].to) < 0)
            child_fail(plan, STEP_FDS);
    if (spec->cwd != NULL && chdir(spec->cwd) != 0)
        child_fail(plan, STEP_CWD);
    union {
        const char *const *in;
        char *const *out;
    } argv = { .in = spec->argv }, env = { .in = spec->env };
    (void)execvpe(spec->argv[0], argv.out, spec->env != NULL ? env.out : environ);
    child_fail(plan, STEP_EXEC);
}

static int child_told(const struct plan *plan, const struct report *r, struct ds_error *e)
{
    const char *name = plan->spec->argv[0];
    if (r->step == STEP_EXEC && (r->err == ENOENT || r->err == ENOTDIR))
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_PROC_NO_PROGRAM, "there is no program '%s'",
                            name);
    if (r->step == STEP_CWD)
        return ds_fail_errno(e, r->err, "start '%s': change to '%s'", name, plan->spec->cwd);
    return ds_fail_errno(e, r->err, "start '%s': %s", name,
                         r->step == STEP_EXEC  ? "execute"
                         : r->step == STEP_FDS ? "arrange descriptors"
                                               : "set up");
}

static bool has_target(const struct plan *plan, int to)
{
    for (size_t i = 0; i < plan->n_fds; i++)
        if (plan->fds[i].to == to)
            return true;
    return false;
}

static void give_default(struct plan *plan, int from, int to)
{
    if (!has_target(plan, to))
        plan->fds[plan->n_fds++] = (struct ds_proc_fd){ from, to };
}

static int identify(struct ds_proc *p, pid_t pid, struct ds_error *e)
{
    p->id.pid = pid;
    char state = 0;
    DS_TRY(read_boot_id(p->id.boot_id, e));
    DS_TRY(read_stat(pid, &p->id.start_ticks, &state, e));
    p->pidfd = pidfd_open(pid, 0);
    if (p->pidfd < 0)
        return ds_fail_errno(e, errno, "open process %d", (int)pid);
    return DS_OK;
}

/* No handler of ours may run in the child: it would write to pipes that it shares with us. */
static pid_t fork_blocked(struct plan *plan)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    plan->parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_run(plan); /* unblocks when the handlers are gone */
    int err = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return pid;
}

static int start(struct ds_proc *ret, struct plan *plan, int report_in, struct ds_error *e)
{
    pid_t pid = fork_blocked(plan);
    if (pid < 0)
        return ds_fail_errno(e, errno, "start '%s': fork", plan->spec->argv[0]);
    (void)close(plan->report_fd);
    plan->report_fd = -1;
    struct report r;
    ssize_t n;
    do
        n = read(report_in, &r, sizeof r);
    while (n < 0 && errno == EINTR);
    struct ds_proc p = { .pidfd = -1 };
    int status = n == (ssize_t)sizeof r ? child_told(plan, &r, e) : identify(&p, pid, e);
    if (status < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return status;
    }
    *ret = p;
    return DS_OK;
}

int ds_proc_spawn(struct ds_proc *ret, const struct ds_proc_spec *spec, struct ds_error *e)
{
    struct plan plan = { .spec = spec };
    if (spec->n_fds > FDS_MAX - 3)
        return ds_fail(e, DS_ERR_ARG, "start '%s': too many descriptors", spec->argv[0]);
    for (size_t i = 0; i < spec->n_fds; i++)
        plan.fds[plan.n_fds++] = spec->fds[i];
    DS_AUTO(ds_auto_close) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        return ds_fail_errno(e, errno, "open '/dev/null'");
    DS_AUTO(ds_auto_close) int log_fd = -1;
    if (spec->log_path != NULL) {
        log_fd = open(spec->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (log_fd < 0)
            return ds_fail_errno(e, errno, "open '%s'", spec->log_path);
    }
    give_default(&plan, null_fd, 0);
    give_default(&plan, log_fd >= 0 ? log_fd : null_fd, 1);
    give_default(&plan, log_fd >= 0 ? log_fd : null_fd, 2);
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return ds_fail_errno(e, errno, "start '%s': pipe", spec->argv[0]);
    plan.report_fd = report[1];
    int r = start(ret, &plan, report[0], e);
    (void)close(report[0]);
    if (plan.report_fd >= 0)
        (void)close(plan.report_fd);
    return r;
}

int ds_proc_open(struct ds_proc *ret, const struct ds_proc_id *id, struct ds_error *e)
{
    char boot_id[37];
    DS_TRY(read_boot_id(boot_id, e));
    DS_AUTO(ds_auto_close) int pidfd = -1;
    uint64_t start_ticks = 0;
    char state = 'Z';
    bool same = id->pid > 0 && strcmp(boot_id, id->boot_id) == 0;
    if (same)
        pidfd = pidfd_open(id->pid, 0);
    same = pidfd >= 0 && read_stat(id->pid, &start_ticks, &state, NULL) == DS_OK &&
           start_ticks == id->start_ticks && state != 'Z' && state != 'X';
    if (!same)
        return ds_fail(e, DS_ERR_NOTFOUND, "process %d has ended", (int)id->pid);
    ret->id = *id;
    ret->pidfd = DS_TAKE_FD(pidfd);
    return DS_OK;
}

int ds_proc_wait(struct ds_proc_exit *ret, struct ds_proc *p, int timeout_ms, struct ds_error *e)
{
    int64_t end = ds_clock_mono_ms() + timeout_ms;
    struct pollfd poll_fd = { .fd = p->pidfd, .events = POLLIN };
    int n = poll(&poll_fd, 1, timeout_ms);
    while (n < 0 && errno == EINTR) {
        int64_t left = end - ds_clock_mono_ms();
        n = poll(&poll_fd, 1, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);
    }
    if (n < 0)
        return ds_fail_errno(e, errno, "wait for process %d", (int)p->id.pid);
    struct ds_proc_exit out = { .ended = n > 0 };
    siginfo_t info = { 0 };
    if (out.ended && waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG) == 0) {
        out.known = info.si_pid != 0;
        out.status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    }
    *ret = out;
    return DS_OK;
}

int ds_proc_kill(const struct ds_proc *p, int sig, struct ds_error *e)
{
    if (pidfd_send_signal(p->pidfd, sig, NULL, 0) != 0 && errno != ESRCH)
        return ds_fail_errno(e, errno, "send signal %d to process %d", sig, (int)p->id.pid);
    return DS_OK;
}

int ds_proc_stop(struct ds_proc_exit *ret, struct ds_proc *p, int grace_ms, struct ds_error *e)
{
    struct ds_proc_exit out;
    DS_TRY(ds_proc_kill(p, SIGTERM, e));
    DS_TRY(ds_proc_wait(&out, p, grace_ms, e));
    if (!out.ended) {
        DS_TRY(ds_proc_kill(p, SIGKILL, e));
        DS_TRY(ds_proc_wait(&out, p, -1, e));
    }
    *ret = out;
    return DS_OK;
}

void ds_proc_done(struct ds_proc *p)
{
    if (p->pidfd >= 0)
        (void)close(p->pidfd);
    p->pidfd = -1;
}

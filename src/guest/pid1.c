/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1. It holds no keys and parses nothing: whatever could fail in an
 * interesting way belongs into the agent.
 */
#include "guest/pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"

#define HOSTNAME "dstack"
#define CGROUP   "/sys/fs/cgroup"

static _Noreturn void power_off(const char *why)
{
    (void)fprintf(stderr, "dstack-pid1: power off: %s\n", why);
    sync();
    (void)reboot(RB_POWER_OFF);
    /* Power-off can only fail for lack of rights, and process 1 has them all. */
    for (;;)
        (void)pause();
}

static int write_text(const char *path, const char *text)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* cgroup v2 gives controllers to children only when no process sits in the parent. */
static void make_cgroups(void)
{
    if (mkdir(CGROUP "/init", 0755) != 0 && errno != EEXIST)
        power_off("the cgroup of the agent cannot be made");
    if (write_text(CGROUP "/init/cgroup.procs", "1") < 0 ||
        write_text(CGROUP "/cgroup.subtree_control", "+cpu +memory +pids +io +cpuset") < 0)
        power_off("the cgroup controllers cannot be opened");
}

static pid_t start_agent(int modules_fd)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    /* Where the pipe has that number already dup2 does nothing, and close-on-exec would stay. */
    if (dup2(modules_fd, GUEST_MODULES_FD) != GUEST_MODULES_FD ||
        fcntl(GUEST_MODULES_FD, F_SETFD, 0) != 0)
        _exit(127);
    char *const argv[] = { (char[]){ "dstack-guest-agent" }, (char[]){ "agent" }, NULL };
    /* libdevmapper waits for udev unless told that there is none. */
    char *const env[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
                          (char[]){ "HOME=/run/home" },
                          (char[]){ "DOCKER_CONFIG=/run/home" },
                          (char[]){ "GOGC=400" },
                          (char[]){ "DM_DISABLE_UDEV=1" },
                          NULL };
    (void)execve("/proc/self/exe", argv, env);
    _exit(127);
}

static void describe_end(char *out, size_t out_len, int status)
{
    if (WIFEXITED(status))
        (void)snprintf(out, out_len, "the agent ended with exit code %d", WEXITSTATUS(status));
    else
        (void)snprintf(out, out_len, "the agent was killed by signal %d", WTERMSIG(status));
}

/* The child of the initramfs that loads modules beside our first steps; 0 when there is none. */
static pid_t modules_pid(void)
{
    const char *text = secure_getenv("DSTACK_MODULES_PID"); /* banned-ok: from our own init */
    uint64_t pid;
    if (text == NULL || ds_str_u64(&pid, ds_span_str(text), INT32_MAX, NULL) < 0)
        return 0;
    return (pid_t)pid;
}

struct children {
    pid_t agent, modules;
    int modules_fd; /* a byte here tells the agent that all modules are loaded */
};

static void reaped(struct children *c, pid_t pid, int status)
{
    if (pid == c->modules) {
        if (status != 0)
            power_off("the kernel modules could not be loaded");
        ssize_t n = write(c->modules_fd, "m", 1);
        (void)n; /* an agent that is gone is reaped next */
        c->modules = 0;
    }
    if (pid == c->agent) {
        char why[80];
        describe_end(why, sizeof why, status);
        power_off(why);
    }
}

void guest_pid1_run(void)
{
    sigset_t all;
    int fds[2];
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)reboot(RB_DISABLE_CAD);
    if (sethostname(HOSTNAME, strlen(HOSTNAME)) != 0)
        power_off("the host name cannot be set");
    /* A page fault of process 1 must never wait for a disk that the host controls. */
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 || pipe2(fds, O_CLOEXEC) != 0)
        power_off("out of memory");
    make_cgroups();
    struct children c = { .modules = modules_pid(), .modules_fd = fds[1] };
    if (c.modules == 0)
        (void)!write(fds[1], "m", 1);
    c.agent = start_agent(fds[0]);
    if (c.agent < 0)
        power_off("the agent cannot be started");
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid > 0)
            reaped(&c, pid, status);
        else if (errno != EINTR)
            power_off("no children are left");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Child processes: spawned with exactly the descriptors they are given, watched
 * and signalled by pidfd, and found again after a restart of ours by pid, start
 * time and boot id, so that a recycled pid is never taken for the old process.
 */

#include <sys/types.h>

#include "base/buf.h"

/* What identifies a process for ever on one machine; plain data, may be saved. */
struct ds_proc_id {
    pid_t pid;
    uint64_t start_ticks; /* /proc/PID/stat field 22: clock ticks since boot */
    char boot_id[37];
};

struct ds_proc {
    struct ds_proc_id id;
    int pidfd; /* readable when the process has ended; -1 when none */
};

struct ds_proc_fd {
    int from; /* a descriptor of ours, borrowed */
    int to;   /* its number in the child */
};

struct ds_proc_spec {
    const char *const
        *argv;              /* NULL-terminated; argv[0] with a slash is a path, else PATH is used */
    const char *const *env; /* NULL-terminated "NAME=value"; NULL: ours is inherited */
    const char *cwd;        /* NULL: ours */
    const char *log_path;   /* stdout and stderr are appended to this file (made 0600) */
    const struct ds_proc_fd *fds; /* given beyond or instead of 0, 1, 2 */
    size_t n_fds;
    bool session; /* a session of its own: survives our terminal */
    bool bound;   /* killed when the *thread* that spawned it ends */
};

/*
 * Start a program. Standard descriptors that neither fds nor log_path give are
 * /dev/null; everything else is closed; signals are at their defaults.
 *
 * out:  ret  free it with ds_proc_done (which does not kill)
 * err:  NOTFOUND  proc.no_program: argv[0] is not there
 *       SYS       any other step; the message names it
 */
DS_MUST_USE int ds_proc_spawn(struct ds_proc *ret, const struct ds_proc_spec *spec,
                              struct ds_error *e);

/* Find a process of a former life of ours. err: NOTFOUND when it ended (or its pid is another's). */
DS_MUST_USE int ds_proc_open(struct ds_proc *ret, const struct ds_proc_id *id, struct ds_error *e);

struct ds_proc_exit {
    bool ended; /* false: still running when the time was up */
    bool known; /* false: it was not our child, so how it ended is not known */
    int status; /* exit status, or 128 + signal */
};

/* Wait at most timeout_ms (-1: for ever) and reap. Also for processes that are not our children. */
DS_MUST_USE int ds_proc_wait(struct ds_proc_exit *ret, struct ds_proc *p, int timeout_ms,
                             struct ds_error *e);

/* Send a signal; a process that has ended already is fine. */
DS_MUST_USE int ds_proc_kill(const struct ds_proc *p, int sig, struct ds_error *e);

/* SIGTERM, then SIGKILL after grace_ms, then reap. */
DS_MUST_USE int ds_proc_stop(struct ds_proc_exit *ret, struct ds_proc *p, int grace_ms,
                             struct ds_error *e);

/* Close the pidfd. */
void ds_proc_done(struct ds_proc *p);

/*
 * Run a program to its end and collect its stdout. Its stderr goes into the message of the error
 * (the last line of it), unless spec->log_path takes it.
 *
 * in:   input    written to its stdin; may be empty
 *       out_max  bytes of stdout; more is RANGE and kills it
 * out:  ret_out  appended to; may be NULL
 * err:  SYS      proc.failed: it exited with another status than 0, or by a signal
 *       TIMEOUT  killed after timeout_ms
 */
DS_MUST_USE int ds_proc_run(struct ds_buf *ret_out, const struct ds_proc_spec *spec,
                            struct ds_span input, size_t out_max, int timeout_ms,
                            struct ds_error *e);

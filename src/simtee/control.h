/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The VMM's side of a helper's control socket (README.md "Control protocol").
 * The VMM binds the socket and hands it over listening, so it can connect as
 * soon as the helper was spawned. Calls block up to their timeout: run them in
 * the pool.
 */

#include "simtee/launch.h"

#define SIMTEE_CONTROL_SOCKET "control.sock"

/* Bind and listen on <dir>/control.sock (0600; dir is made 0700); *gives* the fd. */
DS_MUST_USE int simtee_control_listen(int *ret_fd, const char *dir, struct ds_error *e);
/* err: UNAVAILABLE  no helper listens there */
DS_MUST_USE int simtee_control_connect(int *ret_fd, const char *dir, struct ds_error *e);

/*
 * Launch: sealed files to start QEMU with, and the registers they measure to.
 *
 * out:  ret_fds   *gives* three fds (enum simtee_file), CLOEXEC
 *       ret_regs  RTMR3 is zero
 * err:  the helper's own error with its code; TIMEOUT, PEER
 */
DS_MUST_USE int simtee_control_launch(int ret_fds[static SIMTEE_FILE_COUNT],
                                      struct simtee_registers *ret_regs, int fd,
                                      const struct simtee_spec *spec, int timeout_ms,
                                      struct ds_error *e);
/* A new helper for a QEMU that runs already. err: UNTRUSTED (simtee.journal_mismatch) */
DS_MUST_USE int simtee_control_resume(struct simtee_registers *ret_regs, int fd,
                                      const char *launch_id, int timeout_ms, struct ds_error *e);
/* QEMU runs: serve the guest on this chardev socket. */
DS_MUST_USE int simtee_control_serve(int fd, const char *tee_socket, int timeout_ms,
                                     struct ds_error *e);
/* Not needed any more. */
DS_MUST_USE int simtee_control_end(int fd, int timeout_ms, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packets of the control socket: one JSON text each, and file descriptors
 * beside it. Both ends use this.
 */

#include "base/buf.h"

#define SIMTEE_PACKET_MAX ((size_t)64 * 1024)
#define SIMTEE_PACKET_FDS 4

/* Send one packet, whole. err: UNAVAILABLE (the peer is gone), SYS */
DS_MUST_USE int simtee_packet_send(int fd, struct ds_span text, const int *fds, size_t n_fds,
                                   struct ds_error *e);

/*
 * Receive one packet; text is *appended*.
 *
 * out:  ret_fds    *gives* them, CLOEXEC; -1 where fewer came
 * err:  UNAVAILABLE (EOF), RANGE (too long or too many descriptors), SYS
 */
DS_MUST_USE int simtee_packet_recv(struct ds_buf *ret, int ret_fds[static SIMTEE_PACKET_FDS],
                                   int fd, struct ds_error *e);

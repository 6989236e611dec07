/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiting for a daemon's unix socket: the kernel tells when it appears, so
 * nothing is asked again and again.
 */

#include "base/proc.h"

/*
 * Returns once something accepts connections at a path.
 *
 * in:   path   its directory exists
 *       owner  the process that will make it; borrowed. One that is ended is reaped
 * err:  UNAVAILABLE  the owner ended before
 *       TIMEOUT
 *       SYS
 */
DS_MUST_USE int guest_socket_await(const char *path, const struct ds_proc *owner,
                                   int64_t timeout_ms, struct ds_error *e);

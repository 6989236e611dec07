/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unix sockets in a VM's directory. Its path may be longer than sun_path takes;
 * then the socket is named through a descriptor of the directory.
 */

#include <sys/types.h>

#include "base/err.h"

/*
 * out:  ret_fd  connected, non-blocking
 * err:  UNAVAILABLE  nobody listens there (yet)
 */
DS_MUST_USE int vmm_sock_connect(int *ret_fd, const char *dir, const char *name,
                                 struct ds_error *e);

/* The process that made the listening socket; 0 when it cannot be told. */
pid_t vmm_sock_owner(int fd);

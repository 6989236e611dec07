/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unix sockets at paths of any length: VM directories may lie deeper than the
 * 107 bytes that a socket address holds.
 */

#include "base/err.h"

/* Bind and listen, mode 0600; a socket that lies there is replaced. type: SOCK_SEQPACKET, … */
DS_MUST_USE int simtee_unix_listen(int *ret_fd, const char *path, int type, struct ds_error *e);
/* err: UNAVAILABLE  nobody listens there */
DS_MUST_USE int simtee_unix_connect(int *ret_fd, const char *path, int type, struct ds_error *e);

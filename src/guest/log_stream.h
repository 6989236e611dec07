/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Docker's log stream (Engine API, "attach a container"): frames of
 * {u8 stream, 3 zeros, BE32 length}; of a container with a terminal what it
 * wrote, as it is.
 */

#include "base/buf.h"

/* Appends each line as "NAME | line". Of a frame that is cut short, what is there. */
void guest_log_stream_add(struct ds_buf *ret, const char *name, struct ds_span stream);

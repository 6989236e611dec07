/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a failure of the container engine is told. Its log and Compose's hold what
 * containers print and what the environment says: they leave the VM only where
 * the measured app-compose makes logs public.
 */

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/*
 * Fail with what failed, and with the end of its log where logs are public.
 *
 * in:   what      static: "dockerd", "docker compose up"
 *       log_path  need not be there
 */
DS_MUST_USE int guest_engine_fail(struct ds_error *e, int cls, enum ds_code code, const char *what,
                                  const char *log_path, bool logs_are_public);

/*
 * Pure: the lines of a log that say most, oldest first, in printable ASCII. The last line is always
 * one of them; beside it stand the newest error, then older errors (older lines, where there is
 * none) as far as they fit whole. One that is too long loses its middle: its head says who failed,
 * its end why. Times are left out. "no log" when there is no line. out_len is 32 or more.
 */
void guest_engine_log_end(char *out, size_t out_len, struct ds_span log);

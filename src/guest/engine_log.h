/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a failure of the container engine is told. Its log and Compose's hold what
 * containers print and what the environment says: they leave the VM only where
 * the measured app-compose makes logs public.
 */

#include <stdbool.h>

#include "base/err.h"

/*
 * Fail with what failed, and with the end of its log where logs are public.
 *
 * in:   what      static: "dockerd", "docker compose up"
 *       log_path  need not be there
 */
DS_MUST_USE int guest_engine_fail(struct ds_error *e, int cls, enum ds_code code, const char *what,
                                  const char *log_path, bool logs_are_public);

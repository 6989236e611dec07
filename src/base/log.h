/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemons' log: one line an event, on stderr, stable dotted names and
 * fields. Libraries do not log. Values are escaped, so that outside text can
 * neither forge a line nor reach the terminal.
 */

#include "base/err.h"

enum ds_log_level {
    DS_LOG_DEBUG,
    DS_LOG_INFO,
    DS_LOG_WARN,
    DS_LOG_ERROR,
};

struct ds_log {
    const char *program; /* static */
    enum ds_log_level min;
};

/* ds_log(log, level, "vm.start", "id", id, "err", e.msg): pairs of texts; NULL prints as "". */
#define ds_log(log, level, ...) ds_log_at((log), (level), __VA_ARGS__, (const char *)NULL)

void ds_log_at(const struct ds_log *log, enum ds_log_level level, const char *event, ...)
    __attribute__((sentinel));

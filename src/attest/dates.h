/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dates within which something holds, both included, and the refusal behind them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct ds_dates {
    int64_t from_s, until_s;
};
#define DS_DATES_ALWAYS ((struct ds_dates){ INT64_MIN, INT64_MAX })

bool ds_dates_has(const struct ds_dates *d, int64_t now_s);

/* Yields STALE, under this code. anchor: NULL: none was found so far */
int ds_dates_refuse(const struct ds_dates *d, int64_t now_s, enum ds_code code, const char *claim,
                    const char *anchor, struct ds_error *e);

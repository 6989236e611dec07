/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Calendar dates to seconds since 1970-01-01 UTC, exact for years 1 to 9999 and
 * without the C library's time zone.
 */

#include "base/span.h"

/* False when the date does not exist (month 13, 30 February, hour 24, second 60). */
DS_MUST_USE bool ds_date_to_s(int64_t *ret, int year, int month, int day, int hour, int minute,
                              int second);

/* "2025-06-19T10:16:03Z", NUL-terminated; years 1 to 9999, else "?". Returns out. */
char *ds_date_format(char out[static 21], int64_t t_s);

/* "2025-06-19T10:16:03Z", no other form of RFC 3339. err: FORMAT */
DS_MUST_USE int ds_date_parse(int64_t *ret, struct ds_span text, struct ds_error *e);

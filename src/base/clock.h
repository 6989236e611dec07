/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The clocks. Only main programs and daemons read them; pure code takes now_s.
 */

#include <stdint.h>

/* Seconds since 1970-01-01 UTC. */
int64_t ds_clock_now_s(void);
/* Milliseconds of a clock that never steps; its zero means nothing. */
int64_t ds_clock_mono_ms(void);

/* "2026-11-22T10:42:52Z"; out holds 21 bytes. Years 1970 to 9999, else "?". Returns out. */
char *ds_clock_iso(char out[static 21], int64_t t_s);

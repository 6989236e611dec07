/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t ds_clock_now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

int64_t ds_clock_mono_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

char *ds_clock_iso(char out[static 21], int64_t t_s)
{
    time_t t = (time_t)t_s;
    struct tm tm;
    if (t_s < 0 || t_s > 253402300799 || gmtime_r(&t, &tm) == NULL ||
        strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(out, 21, "?");
    return out;
}

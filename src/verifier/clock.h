/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The steady clock as the verifier counts it: rates and latencies are below a millisecond. */

#include <stdint.h>
#include <time.h>

static inline int64_t verifier_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

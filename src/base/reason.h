/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A verdict: allow, or deny with every reason at once. Fixed size, no heap, so
 * that pure code can fill it; each reason is a code with its detail.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define DS_VERDICT_REASONS_MAX 16

struct ds_reason {
    enum ds_code code;
    struct ds_detail detail;
};

struct ds_verdict {
    uint32_t n_reasons; /* 0 means nothing was refused */
    uint32_t n_dropped; /* reasons beyond DS_VERDICT_REASONS_MAX */
    struct ds_reason reasons[DS_VERDICT_REASONS_MAX];
};

/* Add one reason; NULL texts are empty. */
void ds_verdict_add(struct ds_verdict *v, enum ds_code code, const char *claim,
                    const char *expected, const char *got, const char *anchor);

/* Add what an error says; an error without a code is added under `fallback`, its message as got. */
void ds_verdict_add_error(struct ds_verdict *v, const struct ds_error *e, enum ds_code fallback);

bool ds_verdict_has(const struct ds_verdict *v, enum ds_code code);

/* Turn a verdict with reasons into an error of this class: the first reason, and how many more. */
int ds_verdict_fail(const struct ds_verdict *v, int cls, struct ds_error *e);

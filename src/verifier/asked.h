/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Questions to a vendor's service that were answered a short while ago, with the
 * answer or its failure, so that nobody is asked the same again at once. A table
 * of fixed size; time is an argument.
 */

#include "collateral/ask.h"

#define ASKED_MAX       256
#define ASKED_FAILED_US INT64_C(60000000)  /* what could not be had is not asked for again within */
#define ASKED_HELD_US   INT64_C(300000000) /* what came may not help: nor is it, within */

struct asked_row {
    char key[COLLATERAL_KEY_MAX];
    int64_t until_us; /* 0: free */
    int r;            /* a failure: error says which */
    struct ds_error error;
};

struct asked {
    struct asked_row rows[ASKED_MAX];
};

/* NULL: not asked of late. */
const struct asked_row *asked_find(const struct asked *a, const char *key, int64_t now_us);
/* In the place of what was known of it; else of what would be forgotten first. */
void asked_keep(struct asked *a, const char *key, int r, const struct ds_error *error,
                int64_t now_us);

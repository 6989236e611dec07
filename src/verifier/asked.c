/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of answers.
 */
#include "verifier/asked.h"

#include <stdio.h>
#include <string.h>

const struct asked_row *asked_find(const struct asked *a, const char *key, int64_t now_us)
{
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (now_us < a->rows[i].until_us && strcmp(a->rows[i].key, key) == 0)
            return &a->rows[i];
    return NULL;
}

static struct asked_row *place_for(struct asked *a, const char *key)
{
    struct asked_row *first = &a->rows[0];
    for (size_t i = 0; i < ASKED_MAX; i++) {
        if (strcmp(a->rows[i].key, key) == 0)
            return &a->rows[i];
        if (a->rows[i].until_us < first->until_us)
            first = &a->rows[i];
    }
    return first;
}

void asked_keep(struct asked *a, const char *key, int r, const struct ds_error *error,
                int64_t now_us)
{
    struct asked_row *at = place_for(a, key);
    *at = (struct asked_row){ .until_us = now_us + (r < 0 ? ASKED_FAILED_US : ASKED_HELD_US),
                              .r = r,
                              .error = *error };
    (void)snprintf(at->key, sizeof at->key, "%s", key);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching for the one change that explains a mismatch. The search tries every
 * pair of a register's events, so it is bounded: logs of a guest have about
 * twenty, and a longer one gets no better words than "mismatch".
 */
#include "attest/eventlog/blame.h"

#include <stdio.h>

#include "base/hex.h"
#include "base/str.h"
#include "crypto/hash.h"

#define SEARCH_MAX 32 /* events of a register: 16,000 hashes at most */

struct search {
    const struct ds_tdx_event *events[SEARCH_MAX]; /* of the one register */
    uint8_t digests48[SEARCH_MAX][48];
    size_t n;
    const uint8_t *quoted48;
};

static const char *const names[] = { "rtmr0", "rtmr1", "rtmr2", "rtmr3" };

/* False: more events than are searched, or one that measures nothing. */
static bool collect(struct search *s, const struct ds_tdx_log *log, uint32_t imr)
{
    for (size_t i = 0; i < log->n_events; i++) {
        if (log->events[i].imr != imr)
            continue;
        if (s->n == SEARCH_MAX || ds_event_measured(s->digests48[s->n], &log->events[i], NULL) < 0)
            return false;
        s->events[s->n++] = &log->events[i];
    }
    return true;
}

/* The register is that of the events in this order, one of them left out. */
static bool is_it(const struct search *s, size_t left_out, size_t a, size_t b)
{
    uint8_t rtmr48[48] = { 0 };
    for (size_t i = 0; i < s->n; i++) {
        size_t from = i;
        if (i == left_out)
            continue;
        if (i == a || i == b)
            from = i == a ? b : a;
        if (ds_hash_extend(DS_SHA384, rtmr48, s->digests48[from], NULL) < 0)
            return false;
    }
    return memcmp(rtmr48, s->quoted48, 48) == 0;
}

struct name {
    char s[40];
};

static struct name name_of(const struct ds_tdx_event *event, const char *otherwise)
{
    struct name n;
    if (event->name.len == 0)
        (void)snprintf(n.s, sizeof n.s, "%s", otherwise);
    else
        (void)ds_str_printable(n.s, sizeof n.s, event->name);
    return n;
}

static int blame_entry(const struct search *s, const char *imr, const char *anchor,
                       struct ds_error *e)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct ds_tdx_event *event = s->events[i];
        if (event->has_digest && memcmp(event->digest48, s->digests48[i], 48) != 0)
            return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_LOG_ENTRY, name_of(event, imr).s,
                             DS_HEX(DS_SPAN_OF(event->digest48)),
                             DS_HEX(DS_SPAN_OF(s->digests48[i])), anchor);
    }
    return DS_OK;
}

static bool is_there_twice(const struct search *s, size_t at)
{
    for (size_t i = 0; i < s->n; i++)
        if (i != at && memcmp(s->digests48[i], s->digests48[at], 48) == 0)
            return true;
    return false;
}

static int blame_duplicate(const struct search *s, const char *imr, const char *anchor,
                           struct ds_error *e)
{
    for (size_t i = 0; i < s->n; i++)
        if (is_there_twice(s, i) && is_it(s, i, SIZE_MAX, SIZE_MAX))
            return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_LOG_DUPLICATE,
                             name_of(s->events[i], imr).s, "as often as it was measured",
                             "once more", anchor);
    return DS_OK;
}

static int blame_order(const struct search *s, const char *imr, const char *anchor,
                       struct ds_error *e)
{
    char want[64], got[64];
    for (size_t a = 0; a < s->n; a++)
        for (size_t b = a + 1; b < s->n; b++) {
            if (!is_it(s, SIZE_MAX, a, b))
                continue;
            (void)snprintf(want, sizeof want, "before %s", name_of(s->events[a], imr).s);
            (void)snprintf(got, sizeof got, "after %s", name_of(s->events[a], imr).s);
            return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_LOG_ORDER, name_of(s->events[b], imr).s,
                             want, got, anchor);
        }
    return DS_OK;
}

int eventlog_blame(const struct ds_tdx_log *log, uint32_t imr, const uint8_t quoted48[static 48],
                   const uint8_t replayed48[static 48], const char *anchor, struct ds_error *e)
{
    struct search s = { .quoted48 = quoted48 };
    if (collect(&s, log, imr)) {
        DS_TRY(blame_entry(&s, names[imr], anchor, e));
        DS_TRY(blame_duplicate(&s, names[imr], anchor, e));
        DS_TRY(blame_order(&s, names[imr], anchor, e));
    }
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_LOG_MISMATCH, names[imr],
                     DS_HEX(DS_SPAN(quoted48, 48)), DS_HEX(DS_SPAN(replayed48, 48)), anchor);
}

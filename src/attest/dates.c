/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates, which lists, documents and kept platforms have alike.
 */

#include "attest/dates.h"

#include <stdio.h>

#include "codec/date.h"

bool ds_dates_has(const struct ds_dates *d, int64_t now_s)
{
    return now_s >= d->from_s && now_s <= d->until_s;
}

int ds_dates_refuse(const struct ds_dates *d, int64_t now_s, enum ds_code code, const char *claim,
                    const char *anchor, struct ds_error *e)
{
    char want[48], from[21], until[21], now[21];
    (void)snprintf(want, sizeof want, "%s to %s", ds_date_format(from, d->from_s),
                   ds_date_format(until, d->until_s));
    return ds_refuse(e, DS_ERR_STALE, code, claim, want, ds_date_format(now, now_s), anchor);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pure: a request's dates against what is allowed now.
 */
#include "kms/cert_dates.h"

#include "codec/date.h"

#define DAY_S INT64_C(86400)

static int refuse(struct ds_error *e, const char *claim, const char *how, int64_t limit_s,
                  uint64_t got_s)
{
    char limit[21], expected[40], got[21];
    (void)snprintf(expected, sizeof expected, "%s %s", how, ds_date_format(limit, limit_s));
    /* A date beyond the calendar formats as "?" all the same. */
    (void)ds_date_format(got, got_s > INT64_MAX ? INT64_MAX : (int64_t)got_s);
    return ds_refuse(e, DS_ERR_RANGE, DS_CODE_KMS_CERT_DATES, claim, expected, got, "app CA");
}

int kms_cert_dates_of(struct kms_cert_dates *ret, const struct app_csr *csr, int64_t now_s,
                      int64_t ca_not_after_s, struct ds_error *e)
{
    int64_t first_s = now_s > KMS_CERT_BACK_S ? now_s - KMS_CERT_BACK_S : 0;
    int64_t last_s = now_s + KMS_CERT_DAYS_MAX * DAY_S;
    if (last_s > ca_not_after_s)
        last_s = ca_not_after_s;
    if (csr->has_not_before && csr->not_before_s < (uint64_t)first_s)
        return refuse(e, "not_before", "at least", first_s, csr->not_before_s);
    if (csr->has_not_after && csr->not_after_s > (uint64_t)last_s)
        return refuse(e, "not_after", "at most", last_s, csr->not_after_s);
    uint64_t from_s = csr->has_not_before ? csr->not_before_s : (uint64_t)first_s;
    uint64_t to_s = csr->has_not_after ? csr->not_after_s : (uint64_t)last_s;
    if (from_s >= to_s)
        return refuse(e, "not_before", "earlier than", (int64_t)to_s, from_s);
    *ret = (struct kms_cert_dates){ (int64_t)from_s, (int64_t)to_s };
    return DS_OK;
}

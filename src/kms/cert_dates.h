/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From when until when a certificate of an app is good.
 */

#include "app/csr.h"

/*
 * There is no revocation: what is taken off the allow-list keeps its certificates until they end.
 * 398 days is the longest that clients take from servers at all.
 */
#define KMS_CERT_DAYS_MAX 398
/* A request may be dated back by as much, for peers whose clock is behind. */
#define KMS_CERT_BACK_S 86400

struct kms_cert_dates {
    int64_t not_before_s, not_after_s;
};

/*
 * The dates of a request, or where it names none: from KMS_CERT_BACK_S ago for KMS_CERT_DAYS_MAX.
 * No certificate outlives its CA.
 *
 * err:  RANGE  kms.cert_dates
 */
DS_MUST_USE int kms_cert_dates_of(struct kms_cert_dates *ret, const struct app_csr *csr,
                                  int64_t now_s, int64_t ca_not_after_s, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a granted request gets: derived keys, signed certificates, each as the
 * JSON of its reply.
 */

#include "app/csr.h"
#include "kms/cert_dates.h"
#include "kms/release.h"

/*
 * The reply of GetAppKey, *appended*: dstack's fields, and the instance credential for the key
 * that the evidence was made for. Its text holds keys: ret->wipes.
 */
DS_MUST_USE int kms_issue_boot_keys(struct ds_buf *ret, const struct kms *kms,
                                    const struct kms_grant *grant, int64_t now_s,
                                    struct ds_error *e);

/* The reply of SignCert, *appended*. err: RANGE kms.cert_dates */
DS_MUST_USE int kms_issue_cert(struct ds_buf *ret, const struct kms *kms,
                               const struct kms_grant *grant, const struct app_csr *csr,
                               int64_t now_s, struct ds_error *e);

/* The reply of RenewCredential, *appended*. */
DS_MUST_USE int kms_issue_credential(struct ds_buf *ret, const struct kms *kms,
                                     const struct kms_grant *grant, int64_t now_s,
                                     struct ds_error *e);

/* The reply of GetAppEnvEncryptPubKey, *appended*. */
DS_MUST_USE int kms_issue_env_pub(struct ds_buf *ret, const struct kms *kms,
                                  const uint8_t app_id20[static 20], int64_t now_s,
                                  struct ds_error *e);

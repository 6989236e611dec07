/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Instance credentials (app/credential.h): made for the key that a guest showed
 * with its boot evidence, and judged when a guest asks for a certificate.
 */

#include "app/credential.h"
#include "base/reason.h"
#include "kms/app_ca.h"

#define KMS_CREDENTIAL_LIFE_S     (INT64_C(10) * 86400)
#define KMS_CREDENTIAL_LIFE_MIN_S 30 /* below it no guest could renew in time */

struct kms_credential_for {
    struct ds_span spki, app_id, instance_id;
    int64_t now_s, life_s;
};

/* The certificate, DER, *appended*; it does not outlive the CA. */
DS_MUST_USE int kms_credential_make(struct ds_buf *ret, const struct kms_app_ca *ca,
                                    const struct kms_credential_for *in, struct ds_error *e);

/* Who the caller is; spans borrow the chain. */
struct kms_holder {
    struct ds_span spki, app_id, instance_id;
};

/*
 * Judge the certificate that a caller showed (TLS has proved that it holds the key). The CA that
 * must have issued it is derived from the app id that it names, so nothing of the rest of the
 * chain is believed.
 *
 * out:  ret      filled when the verdict gained no reason
 *       verdict  kms.no_credential, kms.credential_invalid, kms.credential_expired
 * err:  ours alone: CRYPTO, NOMEM
 */
DS_MUST_USE int kms_credential_check(struct kms_holder *ret, struct ds_verdict *verdict,
                                     const struct kms_root *root, const struct ds_span *chain,
                                     size_t n_chain, int64_t now_s, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The CA of an app. Its key is derived, so that every certificate of the app
 * leads to the same key; its certificate is made anew for each chain.
 */

#include "base/buf.h"
#include "crypto/key.h"
#include "kms/root.h"

struct kms_app_ca {
    struct ds_p256_key *key;
    struct ds_buf der;
    int64_t not_after_s; /* no later than the root's certificate */
};
void kms_app_ca_done(struct kms_app_ca *ca);

/* err: CRYPTO; STALE (the root's own certificate is over) */
DS_MUST_USE int kms_app_ca_make(struct kms_app_ca *ret, const struct kms_root *root,
                                const uint8_t app_id20[static 20], int64_t now_s,
                                struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The guest's side of the KMS. The KMS is known by the key that app-compose and
 * MrConfig pin (key_provider_id); the guest is known by the evidence in its
 * certificate.
 */

#include "guest/agent.h"

/*
 * Ask for the boot keys, at each address in turn, with a fresh key that becomes the instance
 * credential's.
 *
 * out:  ret  ca_pem, os_image32 and the keys; a->credential
 * err:  what the KMS refused (with its reasons in *reasons), or of the last address tried
 */
DS_MUST_USE int guest_kms_boot_keys(struct guest_keys *ret, struct ds_verdict *reasons,
                                    struct agent *a, struct ds_error *e);

/* The credential anew, for the one that we have and fresh evidence: a->credential. */
DS_MUST_USE int guest_kms_renew_credential(struct agent *a, struct ds_error *e);

/*
 * A certificate for a key of the app. The instance credential lets us ask.
 *
 * in:   csr  app_csr_encode's bytes with fresh evidence inside; sig by its key
 * out:  ret  JSON text of the array of PEM certificates, leaf first, *appended*
 */
DS_MUST_USE int guest_kms_sign_cert(struct ds_buf *ret, struct agent *a, struct ds_span csr,
                                    struct ds_span sig, struct ds_error *e);

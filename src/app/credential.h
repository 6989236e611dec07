/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The instance credential: a certificate by the app's CA that the KMS gives a
 * guest at boot, and asks back for every certificate of the app. What makes it
 * one is the extension below; dstack's app id extension names the app.
 * spec: DECISIONS "Identity and keys", DS.3
 */

#include "attest/x509.h"
#include "base/buf.h"

#define APP_CREDENTIAL_OID "2.25.87004685595501205687623033636980005123.3"
/* The one usage so far: renew itself, and ask for certificates of the app. */
#define APP_CREDENTIAL_USAGE "instance"

/* The extension's value, SEQUENCE { usage UTF8String, instanceId OCTET STRING }, *appended*.
 * in: instance_id  20 bytes, or none where the app wants no instance id */
DS_MUST_USE int app_credential_ext_encode(struct ds_buf *ret, struct ds_span instance_id,
                                          struct ds_error *e);

/* Spans borrow the certificate. */
struct app_credential {
    struct ds_span app_id, instance_id;
};

/*
 * What a certificate says as a credential. Who issued it, and whether it is in
 * its dates, is not looked at.
 *
 * out:  ret_is_one  false: it has no such extension; *ret is untouched
 * err:  FORMAT      the extension, or the app id beside it, is not as it must be
 */
DS_MUST_USE int app_credential_parse(struct app_credential *ret, bool *ret_is_one,
                                     const struct ds_x509 *cert, struct ds_error *e);

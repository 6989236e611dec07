/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GetTlsKey: a fresh P-256 key and its certificate chain by the app's CA, which
 * the KMS signs with.
 */

#include "guest/agent.h"

/* The reply of GetTlsKey, *appended*. */
DS_MUST_USE int guest_tls_key_make(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                                   struct ds_error *e);

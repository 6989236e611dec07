/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The agent's answers, one function a method: they block, run in the pool, and
 * append the reply's JSON. spec: guest-api 1.3
 */

#include "guest/agent.h"

typedef int guest_api_fn(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                         struct ds_error *e);

guest_api_fn guest_api_get_key, guest_api_get_quote, guest_api_attest, guest_api_info,
    guest_api_get_tls_key, guest_api_version, guest_api_host_attest, guest_api_host_info,
    guest_api_host_logs;

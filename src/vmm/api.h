/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of the VMM's RPC (host-api 1.2 and ours).
 */

#include "rpc/method.h"

extern const struct rpc_method vmm_api_methods[];
extern const size_t vmm_api_n_methods;

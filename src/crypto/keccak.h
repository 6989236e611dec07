/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keccak-256 with the original padding, as Ethereum uses it (not SHA3-256).
 */

#include "base/span.h"

/* The hash of n parts, joined. err: CRYPTO */
DS_MUST_USE int ds_keccak256(uint8_t ret32[32], const struct ds_span *parts, size_t n,
                             struct ds_error *e);

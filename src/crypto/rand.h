/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Randomness: the only source in the tree. Waits until the kernel's generator
 * is seeded, which matters to a guest that asks in its first milliseconds.
 */

#include "base/secret.h"

/* Fill out[0..len) with random bytes. err: SYS */
DS_MUST_USE int ds_rand(void *out, size_t len, struct ds_error *e);

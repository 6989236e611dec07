/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Damage of the root disk, as the kernel tells it. The guest agent uses this too
 * (guest/README.md).
 */

#include <stdbool.h>
#include <stddef.h>

/*
 * The first block of the root disk that the kernel found damaged since it started.
 *
 * out:  ret   "data block 12" or "metadata block 7"; untouched when there is none
 */
bool init_damage_find(char *ret, size_t ret_len);

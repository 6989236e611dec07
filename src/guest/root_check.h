/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A damaged block of the root disk shows as an I/O error wherever it was read;
 * the kernel's log says what it was.
 */

#include "base/err.h"

/* When the kernel has reported a damaged root block, *e becomes guest.root_corrupt. */
void guest_root_check(struct ds_error *e);

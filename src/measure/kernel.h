/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kernel as the firmware measures it: an Authenticode digest of a PE image,
 * on QEMU 8 and 9 after QEMU's patch of the Linux setup header.
 */

#include "base/span.h"

/* SHA-384, of the file as it is. err: FORMAT with measure.kernel_format */
DS_MUST_USE int kernel_authenticode(uint8_t ret48[static 48], struct ds_span kernel,
                                    struct ds_error *e);

/* The same after the patch that QEMU 8 and 9 make for this initrd and memory. */
DS_MUST_USE int kernel_authenticode_patched(uint8_t ret48[static 48], struct ds_span kernel,
                                            uint64_t initrd_len, uint64_t memory_bytes,
                                            struct ds_error *e);

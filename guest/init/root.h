/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The root file system: found by its disk's serial, opened under dm-verity with
 * the measured root hash, and watched for damaged blocks.
 */

#include "params.h"

#define INIT_ROOT_SERIAL "root"

/*
 * Open the disk with serial "root" as a read-only verity device.
 *
 * out:  ret_path  device node of the opened root, e.g. /dev/dm-0
 * err:  NOTFOUND  guest.root_missing: no disk has that serial
 *       FORMAT    guest.root_short: the disk cannot hold data and hash tree
 *       SYS       guest.root_open: the device mapper refuses
 */
DS_MUST_USE int init_root_open(char *ret_path, size_t ret_len, const struct init_params *params,
                               struct ds_error *e);

/*
 * Tell damage from other trouble: refuse with guest.root_corrupt, naming the
 * block, when the kernel has seen one; otherwise the failure `r` goes on.
 */
int init_root_explain(int r, const struct init_params *params, struct ds_error *e);

/*
 * Read the files that PID 1 is made of to their last byte. A damaged block then
 * shows as a failed read here, where it can be told, and not as a bus error
 * inside PID 1, where the kernel can only panic.
 *
 * in:   list  paths, one a line, absolute
 * err:  SYS, DENIED (guest.root_corrupt)
 */
DS_MUST_USE int init_root_preread(struct ds_span list, const struct init_params *params,
                                  struct ds_error *e);

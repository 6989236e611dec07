/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dm-verity volumes without a superblock: data blocks, then the hash tree, both
 * of 4 KiB blocks, SHA-256, no salt. Root hash and block count come from the
 * measured app-compose, so nothing on the volume is parsed before it is proved.
 */

#include "base/span.h"

#define DISK_VERITY_BLOCK 4096

struct disk_verity {
    uint64_t n_blocks; /* of data */
    uint8_t root32[32];
};

/*
 * Pad a file to whole blocks and append its hash tree.
 *
 * err:  SYS
 */
DS_MUST_USE int disk_verity_make(struct disk_verity *ret, const char *path, struct ds_error *e);

/*
 * Open device as /dev/mapper/<name>, read-only; a block that does not hash to
 * the root reads as an I/O error.
 *
 * err:  DENIED  disk.verity_refused: the volume is too short or its tree does not lead to the root
 *       SYS
 */
DS_MUST_USE int disk_verity_open(const char *device, const char *name,
                                 const struct disk_verity *volume, struct ds_error *e);

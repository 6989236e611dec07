/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The encrypted data disk: LUKS2 with exactly the parameters that we make. The
 * disk comes from the host, so its header is copied out once, the copy is held
 * against those parameters, and only the copy is used afterwards: a header that
 * changes between check and use changes nothing.
 */

#include "base/span.h"

#define DISK_LUKS_PAYLOAD_AT ((uint64_t)16 * 1024 * 1024) /* bytes; guest-api 8.2 h */

enum disk_content {
    DISK_CONTENT_EMPTY, /* the header area is all zero: a new disk */
    DISK_CONTENT_LUKS,  /* starts with a LUKS magic */
    DISK_CONTENT_OTHER, /* something else: never overwritten */
};

/* What lies on the disk. err: SYS */
DS_MUST_USE int disk_content_probe(enum disk_content *ret, const char *device, struct ds_error *e);

/*
 * Make a LUKS2 volume: aes-xts-plain64 with a 512-bit key, one key slot under
 * PBKDF2 with 1,000 rounds (the passphrase carries 256 bits of entropy, so a
 * slow function would add nothing), payload at 16 MiB.
 *
 * in:   passphrase  64 hex digits of the disk key
 * err:  SYS
 */
DS_MUST_USE int disk_luks_format(const char *device, struct ds_span passphrase, struct ds_error *e);

/* The file system inside is whole from now on: disk_luks_open says so. err: SYS */
DS_MUST_USE int disk_luks_set_made(const char *device, struct ds_error *e);

/*
 * Open it as /dev/mapper/<name>.
 *
 * out:  ret_is_made  disk_luks_set_made was reached: what is inside is kept
 * in:   header_copy  a path on a file system that only we can write (tmpfs)
 * err:  DENIED  disk.header_refused: the header asks for other parameters
 *               disk.key_refused: the key does not open it
 *       SYS
 */
DS_MUST_USE int disk_luks_open(bool *ret_is_made, const char *device, const char *name,
                               struct ds_span passphrase, const char *header_copy,
                               struct ds_error *e);

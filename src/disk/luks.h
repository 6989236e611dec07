/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The encrypted data disk: LUKS2 with exactly the parameters that we make. The
 * disk comes from the host, so its header is copied out once, the copy is held
 * against those parameters, and only the copy is used afterwards: a header that
 * changes between check and use changes nothing.
 *
 * A new disk is made behind a header that exists in the guest alone; the header
 * is written when all else is there, its first block last. Wherever the making
 * is cut short the disk still counts as empty, and no disk that was ever whole
 * does: neither of its two first blocks is ever zero again, but by the host,
 * who can throw a disk away in any case.
 */

#include "base/span.h"

enum disk_content {
    DISK_CONTENT_EMPTY, /* no header, in neither place: a new disk, or one that was never whole */
    DISK_CONTENT_LUKS,  /* starts with a LUKS magic */
    DISK_CONTENT_OTHER, /* something else: never overwritten */
};

/* What lies on the disk. err: SYS */
DS_MUST_USE int disk_content_probe(enum disk_content *ret, const char *device, struct ds_error *e);

/*
 * Make the header of a new LUKS2 volume: aes-xts-plain64 with a 512-bit key, one
 * key slot under PBKDF2 with 1,000 rounds (the passphrase carries 256 bits of
 * entropy, so a slow function would add nothing), payload at 16 MiB. Nothing is
 * written to the device.
 *
 * in:   header      path of the header, on a file system that only we can write (tmpfs)
 *       passphrase  64 hex digits of the disk key
 * err:  SYS
 */
DS_MUST_USE int disk_luks_format(const char *header, const char *device, struct ds_span passphrase,
                                 struct ds_error *e);

/* Write that header to its disk: from now on it counts as made. What was written to the payload
 * must be synced before. err: SYS */
DS_MUST_USE int disk_luks_commit(const char *device, const char *header, struct ds_error *e);

/* The header of a disk that was made before. err: SYS */
DS_MUST_USE int disk_luks_copy_header(const char *header, const char *device, struct ds_error *e);

/*
 * Open it as /dev/mapper/<name>.
 *
 * in:   header  by disk_luks_format or disk_luks_copy_header; not needed afterwards
 * err:  DENIED  disk.header_refused: the header asks for other parameters
 *               disk.key_refused: the key does not open it
 *       SYS
 */
DS_MUST_USE int disk_luks_open(const char *device, const char *name, struct ds_span passphrase,
                               const char *header, struct ds_error *e);

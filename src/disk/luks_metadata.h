/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The judge of a data disk's LUKS2 metadata: pure, over the JSON that
 * libcryptsetup has loaded. The host writes that JSON, and much of what it may
 * say gives the data away: a key slot under the null cipher opens with any
 * passphrase to a key that its writer knows, a second segment may be plain.
 * So every member must be one that disk_luks_format makes.
 * spec: LUKS2 On-Disk Format Specification 1.1; guest-api 8.2 h
 */

#include "base/span.h"

#define DISK_LUKS_KEY_LEN       64 /* bytes: two AES-256 keys for XTS */
#define DISK_LUKS_PBKDF2_ROUNDS 1000
#define DISK_LUKS_SECTOR_LEN    4096
#define DISK_LUKS_PAYLOAD_AT    16777216          /* bytes */
#define DISK_LUKS_METADATA_MAX  ((size_t)4 << 20) /* bytes of JSON; LUKS2 has no more */

/* err: DENIED disk.header_refused: the claim names the member; NOMEM */
DS_MUST_USE int disk_luks_metadata_check(struct ds_span json, struct ds_error *e);

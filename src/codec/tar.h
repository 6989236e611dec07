/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flat ustar archives (POSIX.1-1988): regular files with plain names, nothing
 * else. The writer gives the same bytes for the same content: owner 0, mode
 * 0644, time 0. The reader refuses what the writer cannot make.
 */

#include "base/buf.h"

#define DS_TAR_BLOCK    512
#define DS_TAR_NAME_MAX 99 /* bytes, without the NUL */

/* One member, header and padded content. err: ARG (name), RANGE (8 GiB and more), NOMEM */
DS_MUST_USE int ds_tar_add(struct ds_buf *ret, const char *name, struct ds_span content,
                           struct ds_error *e);
/* The header of a member alone: the caller writes the content and ds_tar_padding() zeros. */
DS_MUST_USE int ds_tar_header(uint8_t ret[DS_TAR_BLOCK], const char *name, uint64_t content_len,
                              struct ds_error *e);
static inline size_t ds_tar_padding(uint64_t content_len)
{
    return (size_t)(-content_len & (DS_TAR_BLOCK - 1));
}
/* The two zero blocks at the end. */
void ds_tar_end(struct ds_buf *ret);

struct ds_tar_member {
    char name[DS_TAR_NAME_MAX + 1];
    struct ds_span content; /* borrows from the archive */
};

/*
 * The next member of an archive.
 *
 * out:  ret_more  false at the end marker; ret is then untouched
 * err:  TRUNCATED, FORMAT (checksum, kind, name, number)
 */
DS_MUST_USE int ds_tar_next(struct ds_tar_member *ret, bool *ret_more, struct ds_reader *r,
                            struct ds_error *e);

/*
 * Read one header block where the content is read elsewhere (a device).
 *
 * out:  ret_more  false for a zero block
 */
DS_MUST_USE int ds_tar_header_parse(struct ds_tar_member *ret, uint64_t *ret_content_len,
                                    bool *ret_more, struct ds_span block, struct ds_error *e);

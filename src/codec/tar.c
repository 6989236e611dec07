/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ustar, reader and writer side by side. The header is text: octal numbers,
 * NUL-padded names, a checksum over the block with its own field as blanks.
 */
#include "codec/tar.h"

#include <stdio.h>

#define AT_NAME     0
#define AT_MODE     100
#define AT_UID      108
#define AT_GID      116
#define AT_LEN      124
#define AT_TIME     136
#define AT_CHECKSUM 148
#define AT_KIND     156
#define AT_MAGIC    257
#define AT_PREFIX   345
#define PREFIX_LEN  155
#define LEN_DIGITS  11
#define CONTENT_MAX (((uint64_t)1 << 33) - 1) /* what 11 octal digits hold */

static bool name_is_plain(struct ds_span name)
{
    if (name.len == 0 || name.len > DS_TAR_NAME_MAX || ds_span_eq_str(name, ".") ||
        ds_span_eq_str(name, ".."))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == '\\' ||
            (name.p[i] == '/' && (i == 0 || name.p[i - 1] == '/' || name.p[i - 1] == '.')))
            return false;
    return true;
}

static uint32_t checksum(const uint8_t block[DS_TAR_BLOCK])
{
    uint32_t sum = 0;
    for (size_t i = 0; i < DS_TAR_BLOCK; i++)
        sum += i >= AT_CHECKSUM && i < AT_CHECKSUM + 8 ? ' ' : block[i];
    return sum;
}

/* `digits` octal digits, zero-padded, and a NUL. */
static void put_octal(uint8_t *at, size_t digits, uint64_t v)
{
    for (size_t i = digits; i-- > 0; v >>= 3)
        at[i] = (uint8_t)('0' + (v & 7));
    at[digits] = '\0';
}

int ds_tar_header(uint8_t ret[DS_TAR_BLOCK], const char *name, uint64_t content_len,
                  struct ds_error *e)
{
    if (!name_is_plain(ds_span_str(name)))
        return ds_fail(e, DS_ERR_ARG, "'%.100s' is no plain name for an archive", name);
    if (content_len > CONTENT_MAX)
        return ds_fail(e, DS_ERR_RANGE, "'%s' is too long for an archive: %llu bytes", name,
                       (unsigned long long)content_len);
    memset(ret, 0, DS_TAR_BLOCK);
    memcpy(ret + AT_NAME, name, strlen(name));
    put_octal(ret + AT_MODE, 7, 0644);
    put_octal(ret + AT_UID, 7, 0);
    put_octal(ret + AT_GID, 7, 0);
    put_octal(ret + AT_LEN, LEN_DIGITS, content_len);
    put_octal(ret + AT_TIME, 11, 0);
    ret[AT_KIND] = '0';
    memcpy(ret + AT_MAGIC,
           "ustar\0"
           "00",
           8);
    put_octal(ret + AT_CHECKSUM, 6, checksum(ret));
    ret[AT_CHECKSUM + 7] = ' ';
    return DS_OK;
}

int ds_tar_add(struct ds_buf *ret, const char *name, struct ds_span content, struct ds_error *e)
{
    static const uint8_t zeros[DS_TAR_BLOCK];
    uint8_t header[DS_TAR_BLOCK];
    DS_TRY(ds_tar_header(header, name, content.len, e));
    ds_buf_add(ret, DS_SPAN_OF(header));
    ds_buf_add(ret, content);
    ds_buf_add(ret, DS_SPAN(zeros, ds_tar_padding(content.len)));
    return ds_buf_end(ret, e, "archive");
}

void ds_tar_end(struct ds_buf *ret)
{
    static const uint8_t zeros[2 * DS_TAR_BLOCK];
    ds_buf_add(ret, DS_SPAN_OF(zeros));
}

static int get_octal(uint64_t *ret, struct ds_span field, struct ds_error *e)
{
    uint64_t v = 0;
    size_t n = 0;
    while (n < field.len && field.p[n] >= '0' && field.p[n] <= '7')
        v = (v << 3) | (uint64_t)(field.p[n++] - '0');
    if (n == 0 || n > LEN_DIGITS)
        return ds_fail(e, DS_ERR_FORMAT, "archive: a number is not octal");
    for (size_t i = n; i < field.len; i++)
        if (field.p[i] != '\0' && field.p[i] != ' ')
            return ds_fail(e, DS_ERR_FORMAT, "archive: a number has a foreign ending");
    *ret = v;
    return DS_OK;
}

static bool all_zero(struct ds_span s)
{
    uint8_t any = 0;
    for (size_t i = 0; i < s.len; i++)
        any |= s.p[i];
    return any == 0;
}

int ds_tar_header_parse(struct ds_tar_member *ret, uint64_t *ret_content_len, bool *ret_more,
                        struct ds_span block, struct ds_error *e)
{
    if (block.len != DS_TAR_BLOCK)
        return ds_fail(e, DS_ERR_TRUNCATED, "archive: a header of %zu bytes", block.len);
    if (all_zero(block)) {
        *ret_more = false;
        return DS_OK;
    }
    uint64_t sum, len;
    DS_TRY(get_octal(&sum, ds_span_sub(block, AT_CHECKSUM, 8), e));
    if (sum != checksum(block.p))
        return ds_fail(e, DS_ERR_FORMAT, "archive: a header's checksum is wrong");
    if (memcmp(block.p + AT_MAGIC, "ustar", 5) != 0)
        return ds_fail(e, DS_ERR_FORMAT, "archive: a header is not ustar");
    if (block.p[AT_KIND] != '0' && block.p[AT_KIND] != '\0')
        return ds_fail(e, DS_ERR_FORMAT, "archive: a member is no regular file");
    /* A directory that other readers put before the name: two readers must see one name. */
    if (!all_zero(ds_span_sub(block, AT_PREFIX, PREFIX_LEN)))
        return ds_fail(e, DS_ERR_FORMAT, "archive: a member's name has a prefix");
    DS_TRY(get_octal(&len, ds_span_sub(block, AT_LEN, 12), e));
    struct ds_span name = ds_span_sub(block, AT_NAME, DS_TAR_NAME_MAX + 1);
    const uint8_t *nul = memchr(name.p, 0, name.len);
    if (nul != NULL)
        name.len = (size_t)(nul - name.p);
    if (!name_is_plain(name))
        return ds_fail(e, DS_ERR_FORMAT, "archive: a member's name is not plain");
    memcpy(ret->name, name.p, name.len);
    ret->name[name.len] = '\0';
    *ret_content_len = len;
    *ret_more = true;
    return DS_OK;
}

int ds_tar_next(struct ds_tar_member *ret, bool *ret_more, struct ds_reader *r, struct ds_error *e)
{
    struct ds_tar_member m = { .content = { 0 } };
    uint64_t len = 0;
    DS_TRY(ds_tar_header_parse(&m, &len, ret_more, ds_read_span(r, DS_TAR_BLOCK), e));
    if (!*ret_more)
        return DS_OK;
    if (len > ds_read_left(r))
        return ds_fail(e, DS_ERR_TRUNCATED, "archive: '%s' ends early", m.name);
    m.content = ds_read_span(r, (size_t)len);
    ds_read_skip(r, ds_tar_padding(len));
    if (r->bad)
        return ds_fail(e, DS_ERR_TRUNCATED, "archive: the padding of '%s' ends early", m.name);
    *ret = m;
    return DS_OK;
}

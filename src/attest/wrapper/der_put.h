/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One DER element, for the extensions that are written here. */

#include "base/buf.h"

/* The tag, the length in its shortest form and the content, *appended*. */
static inline void der_put(struct ds_buf *ret, uint8_t tag, struct ds_span content)
{
    ds_buf_be(ret, tag, 1);
    if (content.len < 0x80) {
        ds_buf_be(ret, content.len, 1);
    } else {
        size_t n = (size_t)(64 - __builtin_clzll(content.len) + 7) / 8;
        ds_buf_be(ret, 0x80 | n, 1);
        ds_buf_be(ret, content.len, n);
    }
    ds_buf_add(ret, content);
}

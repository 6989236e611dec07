/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's log stream as lines for people. */

#include "guest/log_stream.h"

#include "base/str.h"

#define FRAME_HEADER 8

static void add_lines(struct ds_buf *ret, const char *name, struct ds_span text)
{
    struct ds_span line;
    while (ds_span_line(&text, &line)) {
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        ds_buf_printf(ret, "%s | ", name);
        ds_buf_add(ret, line);
        ds_buf_char(ret, '\n');
    }
}

void guest_log_stream_add(struct ds_buf *ret, const char *name, struct ds_span stream)
{
    static const uint8_t zeros[3];
    if (stream.len < FRAME_HEADER || stream.p[0] > 2 ||
        memcmp(stream.p + 1, zeros, sizeof zeros) != 0) {
        add_lines(ret, name, stream);
        return;
    }
    struct ds_reader r = ds_reader_of(stream);
    while (ds_read_left(&r) >= FRAME_HEADER) {
        ds_read_skip(&r, 4);
        size_t len = ds_read_u32be(&r);
        add_lines(ret, name, ds_read_span(&r, len < ds_read_left(&r) ? len : ds_read_left(&r)));
    }
}

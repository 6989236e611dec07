/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's log stream, whole and not: every case ends, and shows what came.
 */
#include "guest/log_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FRAME(stream, len) stream "\0\0\0\0\0\0" len

static void lines_of_streams(void **state)
{
    const struct {
        const char *name;
        struct ds_span in;
        const char *out;
    } rows[] = {
        { "nothing", DS_SPAN_LIT(""), "" },
        { "a frame", DS_SPAN_LIT(FRAME("\1", "\3") "ab\n"), "n | ab\n" },
        { "two streams", DS_SPAN_LIT(FRAME("\1", "\2") "a\n" FRAME("\2", "\2") "b\n"),
          "n | a\nn | b\n" },
        { "two lines in a frame", DS_SPAN_LIT(FRAME("\1", "\4") "a\nb\n"), "n | a\nn | b\n" },
        { "carriage return", DS_SPAN_LIT(FRAME("\1", "\3") "a\r\n"), "n | a\n" },
        { "a terminal's", DS_SPAN_LIT("hello\nworld\n"), "n | hello\nn | world\n" },
        { "shorter than a header", DS_SPAN_LIT("abc\n"), "n | abc\n" },
        { "an empty frame, and one", DS_SPAN_LIT(FRAME("\1", "\0") FRAME("\1", "\2") "a\n"),
          "n | a\n" },
        { "a frame cut short", DS_SPAN_LIT(FRAME("\1", "\x7f") "here is more than a header\n"),
          "n | here is more than a header\n" },
        { "a length of 4 GiB",
          DS_SPAN_LIT("\1\0\0\0\xff\xff\xff\xff"
                      "0123456789\n"),
          "n | 0123456789\n" },
        { "a header cut short", DS_SPAN_LIT(FRAME("\1", "\2") "a\n\1\0\0"), "n | a\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_buf b = { 0 };
        guest_log_stream_add(&b, "n", rows[i].in);
        struct ds_span got = ds_buf_span(&b);
        if (!ds_span_eq_str(got, rows[i].out))
            fail_msg("%s: '%.*s'", rows[i].name, (int)got.len, (const char *)got.p);
        ds_buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lines_of_streams) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

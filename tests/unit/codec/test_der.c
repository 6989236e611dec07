/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DER reader refuses every encoding but the one that DER allows.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"
#include "codec/der.h"

enum what { ANY, U64, INTEGER, BOOL, BITS, NAMED, TIME };

static int64_t read_one(enum what what, struct ds_reader *r)
{
    switch (what) {
    case ANY:
        return (int64_t)ds_der_any(r).body.len;
    case U64:
        return (int64_t)ds_der_u64(r, DS_DER_INTEGER, 70000);
    case INTEGER:
        return (int64_t)ds_der_integer(r).len;
    case BOOL:
        return ds_der_bool(r);
    case BITS:
        return (int64_t)ds_der_bit_bytes(r).len;
    case NAMED:
        return ds_der_named_bits(r);
    case TIME:
        return ds_der_time(r);
    }
    return -1;
}

#define T(text) text, sizeof(text) - 1

/* clang-format off */
static const struct {
    const char *name;
    enum what what;
    const char *in;
    size_t len;
    int64_t want; /* -1: refused */
} rows[] = {
    { "null", ANY, T("\x05\x00"), 0 },
    { "one byte", ANY, T("\x04\x01z"), 1 },
    { "no length", ANY, T("\x04"), -1 },
    { "nothing", ANY, T(""), -1 },
    { "content cut", ANY, T("\x04\x02z"), -1 },
    { "indefinite length", ANY, T("\x30\x80\x00\x00"), -1 },
    { "long form of a short length", ANY, T("\x04\x81\x01z"), -1 },
    { "long form with a zero first", ANY, T("\x04\x82\x00\x81z"), -1 },
    { "length of five bytes", ANY, T("\x04\x85\x01\x00\x00\x00\x00z"), -1 },
    { "length beyond everything", ANY, T("\x04\x84\xff\xff\xff\xffz"), -1 },
    { "tag of two bytes", ANY, T("\x1f\x81\x01\x00"), -1 },
    { "zero", U64, T("\x02\x01\x00"), 0 },
    { "127", U64, T("\x02\x01\x7f"), 127 },
    { "128", U64, T("\x02\x02\x00\x80"), 128 },
    { "maximum", U64, T("\x02\x03\x01\x11\x70"), 70000 },
    { "over the maximum", U64, T("\x02\x03\x01\x11\x71"), -1 },
    { "negative", U64, T("\x02\x01\xff"), -1 },
    { "padded", U64, T("\x02\x02\x00\x7f"), -1 },
    { "empty integer", U64, T("\x02\x00"), -1 },
    { "another tag", U64, T("\x04\x01\x01"), -1 },
    { "nine bytes", U64, T("\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00"), -1 },
    { "negative integer", INTEGER, T("\x02\x02\xff\x7f"), 2 },
    { "negative padded", INTEGER, T("\x02\x02\xff\x80"), -1 },
    { "true", BOOL, T("\x01\x01\xff"), 1 },
    { "false", BOOL, T("\x01\x01\x00"), 0 },
    { "BER true", BOOL, T("\x01\x01\x01"), -1 },
    { "bool of two bytes", BOOL, T("\x01\x02\xff\xff"), -1 },
    { "bit string", BITS, T("\x03\x03\x00zz"), 2 },
    { "bit string without its count", BITS, T("\x03\x00"), -1 },
    { "unused bits", BITS, T("\x03\x02\x01\x80"), -1 },
    { "keyCertSign and cRLSign", NAMED, T("\x03\x02\x01\x06"), 0x0600 },
    { "digitalSignature", NAMED, T("\x03\x02\x07\x80"), 0x8000 },
    { "ninth bit", NAMED, T("\x03\x03\x07\x00\x80"), 0x0080 },
    { "no bits", NAMED, T("\x03\x01\x00"), 0 },
    { "trailing zero bit", NAMED, T("\x03\x02\x00\x06"), 0x0600 },
    { "AMD's keyCertSign", NAMED, T("\x03\x02\x01\x04"), 0x0400 },
    { "unused bit set", NAMED, T("\x03\x02\x02\x06"), -1 },
    { "trailing zero byte", NAMED, T("\x03\x03\x00\x80\x00"), -1 },
    { "UTC 2018", TIME,
      T("\x17\x0d"
        "180521104510Z"),
      1526899510 },
    { "UTC 1950", TIME,
      T("\x17\x0d"
        "500101000000Z"),
      -631152000 },
    { "UTC 2049", TIME,
      T("\x17\x0d"
        "491231235959Z"),
      2524607999 },
    { "generalized 1970", TIME,
      T("\x18\x0f"
        "19700101000000Z"),
      0 },
    { "generalized 9999", TIME,
      T("\x18\x0f"
        "99991231235959Z"),
      253402300799 },
    { "leap day", TIME,
      T("\x18\x0f"
        "20240229000000Z"),
      1709164800 },
    { "no leap day", TIME,
      T("\x18\x0f"
        "20230229000000Z"),
      -1 },
    { "month 13", TIME,
      T("\x17\x0d"
        "181321104510Z"),
      -1 },
    { "hour 24", TIME,
      T("\x17\x0d"
        "180521244510Z"),
      -1 },
    { "leap second", TIME,
      T("\x17\x0d"
        "161231235960Z"),
      -1 },
    { "no seconds", TIME,
      T("\x17\x0b"
        "1805211045Z"),
      -1 },
    { "offset", TIME,
      T("\x17\x11"
        "180521104510+0100"),
      -1 },
    { "fraction", TIME,
      T("\x18\x11"
        "20180521104510.5Z"),
      -1 },
    { "a letter", TIME,
      T("\x17\x0d"
        "18052110451aZ"),
      -1 },
    { "date as a string", TIME,
      T("\x13\x0d"
        "180521104510Z"),
      -1 },
};
/* clang-format on */

static void encodings_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_reader r = ds_reader_of(DS_SPAN(rows[i].in, rows[i].len));
        int64_t got = read_one(rows[i].what, &r);
        bool refused = ds_der_end(&r, NULL, "row") < 0;
        bool want_refused = rows[i].want == -1;
        if (refused != want_refused || (!refused && got != rows[i].want))
            fail_msg("%s: refused %d, got %lld", rows[i].name, refused, (long long)got);
    }
}

static void structures_are_walked(void **state)
{
    static const uint8_t in[] = {
        0x30, 0x09, 0x02, 0x01, 0x05, 0xa0, 0x02, 0x05, 0x00, 0x06, 0x00
    };
    (void)state;
    struct ds_reader r = ds_reader_of(DS_SPAN_OF(in));
    struct ds_reader s = ds_der_enter(&r, DS_DER_SEQUENCE);
    assert_int_equal(ds_der_u64(&s, DS_DER_INTEGER, 9), 5);
    assert_int_equal(ds_der_peek(&s), DS_DER_CONTEXT_CONSTRUCTED(0));
    assert_int_equal(ds_der_get_raw(&s, DS_DER_CONTEXT_CONSTRUCTED(0)).len, 4);
    assert_int_equal(ds_der_end(&s, NULL, "sequence"), DS_ERR_TRAILING);
    assert_int_equal(ds_der_get(&s, DS_DER_OID).len, 0);
    assert_int_equal(ds_der_end(&s, NULL, "sequence"), DS_OK);
    assert_int_equal(ds_der_end(&r, NULL, "all"), DS_OK);
    assert_int_equal(ds_der_peek(&s), 0);

    struct ds_reader wrong = ds_reader_of(DS_SPAN_OF(in));
    struct ds_reader inner = ds_der_enter(&wrong, DS_DER_SET);
    (void)ds_der_any(&inner);
    assert_int_equal(ds_der_end(&inner, NULL, "set"), DS_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_are_judged),
        cmocka_unit_test(structures_are_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel frames: what is refused, and that a hello is found wherever it stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/str.h"
#include "net/frame.h"

static const struct net_hello hello = {
    .protocol = NET_FRAME_PROTOCOL,
    .own.b = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
    .seen.b = { 0xff },
};

static void greet(struct ds_buf *out) { net_frame_encode_hello(out, &hello); }

/* Feed step bytes at a time; give the frames' kinds and payload lengths as text, '!' for a bad one. */
static void walk(struct ds_buf *in, size_t step, struct ds_buf *ret_text, struct ds_buf *ret_data)
{
    struct net_frame_decoder d = { 0 };
    struct ds_error e;
    for (size_t at = 0; at < in->len; at += step) {
        assert_int_equal(net_frame_feed(&d, ds_span_sub(ds_buf_span(in), at, step), &e), DS_OK);
        bool have = true;
        while (have) {
            struct net_frame f;
            struct net_hello h;
            int r = net_frame_next(&d, &have, &f, &h, &e);
            if (r < 0) {
                assert_int_equal(r, DS_ERR_PEER);
                assert_int_equal(e.code, DS_CODE_NET_BAD_FRAME);
                ds_buf_char(ret_text, '!');
                break;
            }
            if (!have)
                break;
            ds_buf_printf(ret_text, "%c%u:%zu ", "?hQADEX"[f.kind], f.stream, f.payload.len);
            if (f.kind == NET_FRAME_DATA)
                ds_buf_add(ret_data, f.payload);
            if (f.kind == NET_FRAME_HELLO)
                assert_memory_equal(&h, &hello, sizeof h);
        }
    }
    net_frame_done(&d);
}

struct row {
    const char *name;
    const char *hex; /* after the hello */
    const char *frames;
};

static void test_rows(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "nothing", "", "h0:52 " },
        { "empty request", "000000000700000002", "h0:52 Q7:0 " },
        { "request of two bytes", "0200000007000000027b7d", "h0:52 Q7:2 " },
        { "every other kind",
          "000000000100000003"
          "000000000100000004"
          "000000000100000005"
          "000000000100000006",
          "h0:52 A1:0 D1:0 E1:0 X1:0 " },
        { "one byte short", "0200000007000000027b", "h0:52 " },
        { "head cut", "0200000007000000", "h0:52 " },
        { "kind 0", "000000000700000000", "h0:52 !" },
        { "kind 7", "000000000700000007", "h0:52 !" },
        { "kind 255", "0000000007000000ff", "h0:52 !" },
        { "a hello without marker", "000000000000000001", "h0:52 !" },
        { "largest length is awaited", "000010000700000002", "h0:52 " },
        { "one over the largest", "010010000700000002", "h0:52 !" },
        { "length of 4 GiB", "ffffffff0700000002", "h0:52 !" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        for (size_t step = 1; step < 200; step += 61) {
            DS_AUTO(ds_buf_done) struct ds_buf in = { 0 }, text = { 0 }, data = { 0 };
            greet(&in);
            uint8_t tail[64];
            size_t n = 0;
            assert_int_equal(ds_hex_decode_any(tail, &n, sizeof tail, ds_span_str(rows[i].hex),
                                               NULL),
                             DS_OK);
            ds_buf_add(&in, DS_SPAN(tail, n));
            walk(&in, step, &text, &data);
            if (strcmp(text.p, rows[i].frames) != 0)
                fail_msg("%s, %zu at a time: %s", rows[i].name, step, text.p);
        }
}

static void test_before_hello_all_is_dropped(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf in = { 0 }, text = { 0 }, data = { 0 };
    net_frame_encode(&in, 7, NET_FRAME_REQUEST, DS_SPAN_LIT("{}"));
    ds_buf_str(&in, "the tail of something \377\377\377\377\377\377\377\377\377\377");
    greet(&in);
    net_frame_encode(&in, 9, NET_FRAME_END, (struct ds_span){ 0 });
    for (size_t step = 1; step < 120; step += 13) {
        ds_buf_clear(&text);
        walk(&in, step, &text, &data);
        assert_string_equal(text.p, "h0:52 E9:0 ");
    }
}

/* Wherever a frame was cut, the next hello is found, and what follows it is whole. */
static void test_hello_after_a_cut_frame(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 400; cut++) {
        DS_AUTO(ds_buf_done) struct ds_buf in = { 0 }, text = { 0 }, data = { 0 };
        greet(&in);
        uint8_t filler[391];
        memset(filler, 'x', sizeof filler);
        size_t before = in.len;
        net_frame_encode(&in, 3, NET_FRAME_DATA, DS_SPAN_OF(filler));
        in.len = before + cut;
        greet(&in);
        net_frame_encode(&in, 5, NET_FRAME_REQUEST, DS_SPAN_LIT("{}"));
        walk(&in, 1 + cut % 80, &text, &data);
        if (!ds_str_starts(text.p, "h0:52 ") || !ds_str_ends(text.p, "h0:52 Q5:2 "))
            fail_msg("cut at %zu: %s", cut, text.p);
    }
}

static void test_bad_frame_then_hello_recovers(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf in = { 0 };
    greet(&in);
    ds_buf_add(&in, DS_SPAN_LIT("\0\0\0\0\1\0\0\0\11"));
    struct net_frame_decoder d = { 0 };
    struct net_frame f;
    struct net_hello h;
    struct ds_error e;
    bool have;
    assert_int_equal(net_frame_feed(&d, ds_buf_span(&in), &e), DS_OK);
    assert_int_equal(net_frame_next(&d, &have, &f, &h, &e), DS_OK);
    assert_int_equal(net_frame_next(&d, &have, &f, &h, &e), DS_ERR_PEER);
    assert_int_equal(e.code, DS_CODE_NET_BAD_FRAME);
    ds_buf_clear(&in);
    net_frame_encode(&in, 1, NET_FRAME_REQUEST, DS_SPAN_LIT("lost"));
    greet(&in);
    net_frame_encode(&in, 2, NET_FRAME_REQUEST, DS_SPAN_LIT("seen"));
    assert_int_equal(net_frame_feed(&d, ds_buf_span(&in), &e), DS_OK);
    assert_int_equal(net_frame_next(&d, &have, &f, &h, &e), DS_OK);
    assert_true(have && f.kind == NET_FRAME_HELLO);
    assert_int_equal(net_frame_next(&d, &have, &f, &h, &e), DS_OK);
    assert_true(have && f.stream == 2 && ds_span_eq_str(f.payload, "seen"));
    net_frame_done(&d);
}

/* Data that contains the marker, whole or as a beginning that a head might complete. */
static void test_data_cannot_imitate_a_hello(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf real = { 0 };
    greet(&real);
    struct ds_span marker = ds_span_sub(ds_buf_span(&real), NET_FRAME_HEAD_LEN, 16);
    for (size_t part = 12; part <= 16; part++)
        for (size_t times = 1; times <= 3; times++) {
            DS_AUTO(ds_buf_done) struct ds_buf in = { 0 }, text = { 0 }, data = { 0 }, sent = { 0 };
            greet(&in);
            for (size_t i = 0; i < times; i++)
                ds_buf_add(&sent, ds_span_sub(marker, 0, part));
            net_frame_encode(&in, 1, NET_FRAME_DATA, ds_buf_span(&sent));
            /* the next length ends the marker: 0xdb98 */
            uint8_t filler[0xdb98] = { 0 };
            net_frame_encode(&in, 1, NET_FRAME_DATA, DS_SPAN_OF(filler));
            ds_buf_add(&sent, DS_SPAN_OF(filler));
            walk(&in, 4099, &text, &data);
            assert_true(ds_span_eq(ds_buf_span(&data), ds_buf_span(&sent)));
            assert_non_null(text.p);
            assert_int_equal(text.p[0], 'h');
            assert_null(strchr(text.p + 1, 'h'));
        }
}

static void test_text_kinds_refuse_the_marker(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf real = { 0 }, out = { 0 };
    greet(&real);
    net_frame_encode(&out, 1, NET_FRAME_REQUEST, ds_buf_span(&real));
    assert_true(out.bad);
}

static void test_long_data_is_split(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf in = { 0 }, text = { 0 }, data = { 0 }, sent = { 0 };
    greet(&in);
    for (size_t i = 0; i < NET_FRAME_PAYLOAD_MAX + 5; i += 5)
        ds_buf_str(&sent, "abcde");
    net_frame_encode(&in, 4, NET_FRAME_DATA, ds_buf_span(&sent));
    walk(&in, 65536, &text, &data);
    assert_true(ds_span_eq(ds_buf_span(&data), ds_buf_span(&sent)));
    net_frame_encode(&in, 4, NET_FRAME_REPLY, ds_buf_span(&sent));
    assert_true(in.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_before_hello_all_is_dropped),
        cmocka_unit_test(test_hello_after_a_cut_frame),
        cmocka_unit_test(test_bad_frame_then_hello_recovers),
        cmocka_unit_test(test_data_cannot_imitate_a_hello),
        cmocka_unit_test(test_text_kinds_refuse_the_marker),
        cmocka_unit_test(test_long_data_is_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

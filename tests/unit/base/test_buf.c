/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growing buffer: what goes in comes out, the bound holds, and a failure is not forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"

static void content_is_always_a_text(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_buf_str(&b, "a");
    ds_buf_char(&b, 'b');
    ds_buf_printf(&b, "%d-%s", 12, "x");
    ds_buf_hex(&b, DS_SPAN_LIT("\x0f\xa0"));
    ds_buf_le(&b, 0x4241, 2);
    ds_buf_be(&b, 0x4241, 2);
    assert_int_equal(ds_buf_end(&b, NULL, "x"), DS_OK);
    assert_string_equal(b.p, "ab12-x0fa0ABBA");
    assert_int_equal(b.len, strlen(b.p));
}

static void long_formats_go_in_whole(void **state)
{
    (void)state;
    /* Around the length that the first, small attempt holds. */
    for (int n = 250; n < 262; n++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_buf_str(&b, "<");
        ds_buf_printf(&b, "%0*d", n, 7);
        ds_buf_str(&b, ">");
        assert_int_equal(b.len, n + 2);
        assert_int_equal(b.p[n], '7');
        assert_string_equal(b.p + n + 1, ">");
    }
}

/* Freed memory cannot be looked at; that wiping changes nothing else can. */
static void a_wiping_buffer_is_a_buffer(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { .max = 5000, .wipes = true };
    for (int i = 0; i < 1000; i++)
        ds_buf_printf(&b, "%04d ", i);
    assert_int_equal(b.len, 5000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(b.p[i * 5 + 3], '0' + i % 10);
    ds_buf_char(&b, 'x');
    assert_true(b.bad);
    ds_buf_done(&b);
    assert_true(b.wipes);
    assert_int_equal(b.max, 5000);
    ds_buf_str(&b, "again");
    DS_AUTO(ds_auto_free) char *text = ds_buf_take(&b);
    assert_string_equal(text, "again");
    assert_true(b.wipes);
}

static const struct {
    const char *name;
    size_t max, first, second;
    bool bad;
} bounds[] = {
    { "under the bound", 10, 4, 5, false },
    { "exactly the bound", 10, 4, 6, false },
    { "one over", 10, 4, 7, true },
    { "over at once", 10, 11, 0, true },
    { "a sum that would wrap", 10, 1, SIZE_MAX, true },
    { "a bound of one", 1, 1, 1, true },
};

static void the_bound_holds(void **state)
{
    (void)state;
    static const char text[16] = "0123456789abcde";
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { .max = bounds[i].max };
        ds_buf_add(&b, DS_SPAN(text, bounds[i].first));
        ds_buf_add(&b, DS_SPAN(text, bounds[i].second));
        struct ds_error e;
        int r = ds_buf_end(&b, &e, "reply");
        if ((r == DS_ERR_NOMEM) != bounds[i].bad)
            fail_msg("%s: %d", bounds[i].name, r);
        if (bounds[i].bad)
            assert_non_null(strstr(e.msg, "reply"));
    }
}

static void a_buffer_gone_bad_stays_bad(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { .max = 4 };
    ds_buf_str(&b, "abcde");
    assert_true(b.bad);
    ds_buf_str(&b, "x");
    ds_buf_printf(&b, "%d", 1);
    ds_buf_hex(&b, DS_SPAN_LIT("x"));
    assert_int_equal(b.len, 0);
    assert_null(ds_buf_room(&b, 1));
    assert_null(ds_buf_take(&b));
    ds_buf_clear(&b);
    ds_buf_str(&b, "abcd");
    assert_int_equal(ds_buf_end(&b, NULL, "x"), DS_OK);
    assert_string_equal(b.p, "abcd");
}

static void hex_and_long_formats_obey_the_bound(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { .max = 9 };
    ds_buf_hex(&b, DS_SPAN_LIT("12345"));
    assert_true(b.bad);
    ds_buf_clear(&b);
    ds_buf_hex(&b, DS_SPAN("x", SIZE_MAX / 2 + 1));
    assert_true(b.bad);
    ds_buf_clear(&b);
    ds_buf_printf(&b, "%0500d", 1);
    assert_true(b.bad);
}

static void readers_fill_room_and_take_from_the_front(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    char *room = ds_buf_room(&b, 100);
    assert_non_null(room);
    memcpy(room, "header body", 11);
    ds_buf_took(&b, 11);
    assert_string_equal(b.p, "header body");
    ds_buf_drop(&b, 0);
    ds_buf_drop(&b, 7);
    assert_string_equal(b.p, "body");
    ds_buf_drop(&b, 4);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.p, "");
}

static void taking_leaves_an_empty_buffer_with_its_bound(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf b = { .max = 3 };
    ds_buf_str(&b, "abc");
    DS_AUTO(ds_auto_free) char *text = ds_buf_take(&b);
    assert_string_equal(text, "abc");
    assert_null(b.p);
    assert_int_equal(b.max, 3);
    DS_AUTO(ds_auto_free) char *empty = ds_buf_take(&b);
    assert_string_equal(empty, "");
    ds_buf_done(&b);
    ds_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_always_a_text),
        cmocka_unit_test(long_formats_go_in_whole),
        cmocka_unit_test(a_wiping_buffer_is_a_buffer),
        cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(a_buffer_gone_bad_stays_bad),
        cmocka_unit_test(hex_and_long_formats_obey_the_bound),
        cmocka_unit_test(readers_fill_room_and_take_from_the_front),
        cmocka_unit_test(taking_leaves_an_empty_buffer_with_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

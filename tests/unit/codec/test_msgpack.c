/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MessagePack, the types that are read: every width both ways, other types, and
 * lengths that promise more than there is.
 */
#include "codec/msgpack.h"
#include "unhex.h"

static void bins(void **state)
{
    (void)state;
    static uint8_t content[70000];
    static const struct {
        size_t len;
        const char *head;
    } rows[] = {
        { 0, "c400" },     { 1, "c401" },       { 255, "c4ff" },
        { 256, "c50100" }, { 65535, "c5ffff" }, { 65536, "c600010000" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_msgpack_put_bin(&b, DS_SPAN(content, rows[i].len));
        size_t head_len = strlen(rows[i].head) / 2;
        assert_hex(DS_SPAN(b.p, head_len), rows[i].head);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_int_equal(ds_msgpack_bin(&r).len, rows[i].len);
        assert_false(r.bad);
        assert_int_equal(ds_read_left(&r), 0);
        r = ds_reader_of(DS_SPAN(b.p, b.len - 1));
        assert_int_equal(ds_msgpack_bin(&r).len, 0);
        assert_true(r.bad);
    }
}

static void arrays(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *head;
    } rows[] = {
        { 0, "90" },      { 9, "99" },         { 15, "9f" },
        { 16, "dc0010" }, { 65535, "dcffff" }, { 65536, "dd00010000" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_msgpack_put_array(&b, rows[i].n);
        assert_hex(ds_buf_span(&b), rows[i].head);
        for (size_t k = 0; k < rows[i].n; k++)
            ds_msgpack_put_nil(&b);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_int_equal(ds_msgpack_array(&r), rows[i].n);
        assert_false(r.bad);
        if (rows[i].n == 0)
            continue;
        /* An array that says more elements than bytes follow. */
        r = ds_reader_of(DS_SPAN(b.p, b.len - 1));
        assert_int_equal(ds_msgpack_array(&r), 0);
        assert_true(r.bad);
    }
}

static void other_types(void **state)
{
    (void)state;
    static const char *const rows[] = { "", "00", "a0", "80", "c2", "c0", "d9", "e0", "c7" };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i]);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        (void)ds_msgpack_array(&r);
        assert_true(r.bad);
        r = ds_reader_of(unhex_span(&in));
        (void)ds_msgpack_bin(&r);
        assert_true(r.bad);
    }
}

static void read_bin(struct ds_reader *r) { (void)ds_msgpack_bin(r); }
static void read_array(struct ds_reader *r) { (void)ds_msgpack_array(r); }
static void read_map(struct ds_reader *r) { (void)ds_msgpack_map(r); }
static void read_str(struct ds_reader *r) { (void)ds_msgpack_str(r); }
static void read_u64(struct ds_reader *r) { (void)ds_msgpack_u64(r); }

/* What a shorter form holds is refused in a longer one, and the first that it does not is read. */
static void longer_forms(void **state)
{
    (void)state;
    static const uint8_t zeros[2 * 0x10000];
    static const struct {
        void (*read)(struct ds_reader *r);
        const char *head;
        bool ok;
    } rows[] = {
        { read_bin, "c50000", false },
        { read_bin, "c500ff", false },
        { read_bin, "c50100", true },
        { read_bin, "c60000ffff", false },
        { read_bin, "c600010000", true },
        { read_array, "dc0000", false },
        { read_array, "dc000f", false },
        { read_array, "dc0010", true },
        { read_array, "dd0000ffff", false },
        { read_array, "dd00010000", true },
        { read_map, "de0000", false },
        { read_map, "de000f", false },
        { read_map, "de0010", true },
        { read_map, "df0000ffff", false },
        { read_map, "df00010000", true },
        { read_str, "d900", false },
        { read_str, "d91f", false },
        { read_str, "d920", true },
        { read_str, "da00ff", false },
        { read_str, "da0100", true },
        { read_str, "db0000ffff", false },
        { read_str, "db00010000", true },
        { read_u64, "cc00", false },
        { read_u64, "cc7f", false },
        { read_u64, "cc80", true },
        { read_u64, "cd00ff", false },
        { read_u64, "cd0100", true },
        { read_u64, "ce0000ffff", false },
        { read_u64, "ce00010000", true },
        { read_u64, "cf00000000ffffffff", false },
        { read_u64, "cf0000000100000000", true },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex head = unhex(rows[i].head);
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_buf_add(&b, unhex_span(&head));
        ds_buf_add(&b, DS_SPAN_OF(zeros));
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        rows[i].read(&r);
        if (r.bad == rows[i].ok)
            fail_msg("%s", rows[i].head);
    }
}

static void nil(void **state)
{
    (void)state;
    struct ds_reader r = ds_reader_of(DS_SPAN_LIT("\xc0\xc4"));
    assert_true(ds_msgpack_nil(&r));
    assert_false(ds_msgpack_nil(&r));
    assert_int_equal(ds_read_left(&r), 1);
    ds_read_skip(&r, 1);
    assert_false(ds_msgpack_nil(&r));
    assert_false(r.bad);
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        uint64_t v;
        const char *hex;
    } rows[] = {
        { 0, "00" },
        { 127, "7f" },
        { 128, "cc80" },
        { 255, "ccff" },
        { 256, "cd0100" },
        { 65535, "cdffff" },
        { 65536, "ce00010000" },
        { UINT32_MAX, "ceffffffff" },
        { (uint64_t)UINT32_MAX + 1, "cf0000000100000000" },
        { UINT64_MAX, "cfffffffffffffffff" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_msgpack_put_u64(&b, rows[i].v);
        assert_hex(ds_buf_span(&b), rows[i].hex);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_true(ds_msgpack_u64(&r) == rows[i].v && !r.bad && ds_read_left(&r) == 0);
        r = ds_reader_of(DS_SPAN(b.p, b.len - 1));
        assert_true(ds_msgpack_u64(&r) == 0 && r.bad);
    }
    static const char *const others[] = { "",   "80", "90", "a0", "c0", "c2",
                                          "c4", "ca", "d0", "e0", "ff" };
    for (size_t i = 0; i < DS_LEN(others); i++) {
        struct unhex in = unhex(others[i]);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        assert_true(ds_msgpack_u64(&r) == 0 && r.bad);
    }
}

static void texts_and_maps(void **state)
{
    (void)state;
    static const char text[70000];
    static const struct {
        size_t len;
        const char *head;
    } rows[] = {
        { 0, "a0" },       { 31, "bf" },        { 32, "d920" },          { 255, "d9ff" },
        { 256, "da0100" }, { 65535, "daffff" }, { 65536, "db00010000" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        ds_msgpack_put_str(&b, DS_SPAN(text, rows[i].len));
        assert_hex(DS_SPAN(b.p, strlen(rows[i].head) / 2), rows[i].head);
        struct ds_reader r = ds_reader_of(ds_buf_span(&b));
        assert_int_equal(ds_msgpack_str(&r).len, rows[i].len);
        assert_true(!r.bad && ds_read_left(&r) == 0);
        r = ds_reader_of(DS_SPAN(b.p, b.len - 1));
        assert_true(ds_msgpack_str(&r).len == 0 && r.bad);
    }
    static const char *const others[] = { "",     "00", "80", "90",   "c0",
                                          "c400", "d8", "dc", "a1ff", "a2c328" };
    for (size_t i = 0; i < DS_LEN(others); i++) {
        struct unhex in = unhex(others[i]);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        assert_true(ds_msgpack_str(&r).len == 0 && r.bad);
    }
    struct ds_reader r = ds_reader_of(DS_SPAN_LIT("\x81\xa1k\x01"));
    assert_int_equal(ds_msgpack_map(&r), 1);
    assert_false(ds_msgpack_has_key(&r, "j"));
    assert_true(ds_msgpack_has_key(&r, "k"));
    assert_int_equal(ds_msgpack_u64(&r), 1);
    assert_false(ds_msgpack_has_key(&r, "k") || r.bad); /* at the end */
    ds_msgpack_key(&r, "k");
    assert_true(r.bad);
    r = ds_reader_of(DS_SPAN_LIT("\x82\xa1k\x01")); /* two pairs are four bytes at least */
    assert_int_equal(ds_msgpack_map(&r), 0);
    assert_true(r.bad);
}

static void octets(void **state)
{
    (void)state;
    static max_align_t room[8];
    static const struct {
        const char *hex;
        size_t len;
        bool ok;
    } rows[] = {
        { "9200ccff", 2, true },  { "90", 0, true },      { "c40200ff", 0, false },
        { "c400", 0, false },                             /* bin */
        { "dc000101", 0, false }, { "91cc7f", 0, false }, /* wider than needed */
        { "91cd0100", 0, false }, { "91a161", 0, false }, { "91c0", 0, false },
        { "92cc", 0, false },     { "a161", 0, false },   { "", 0, false },
        { "9291", 0, false },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct unhex in = unhex(rows[i].hex);
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct ds_reader r = ds_reader_of(unhex_span(&in));
        struct ds_span got = ds_msgpack_octets(&r, &mem);
        if (r.bad == rows[i].ok || got.len != rows[i].len)
            fail_msg("%s", rows[i].hex);
    }
    struct ds_arena none = { 0 };
    struct ds_reader r = ds_reader_of(DS_SPAN_LIT("\x91\x01"));
    assert_true(ds_msgpack_octets(&r, &none).len == 0 && r.bad);
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    ds_msgpack_put_octets(&b, DS_SPAN_LIT("\x00\x7f\x80\xff"));
    assert_hex(ds_buf_span(&b), "94007fcc80ccff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins),   cmocka_unit_test(arrays),       cmocka_unit_test(other_types),
        cmocka_unit_test(nil),    cmocka_unit_test(integers),     cmocka_unit_test(texts_and_maps),
        cmocka_unit_test(octets), cmocka_unit_test(longer_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

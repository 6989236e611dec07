/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prediction against a recorded boot: every event and every register, and that
 * each input moves the register that it should.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/scope.h"
#include "crypto/hash.h"
#include "measure/measure.h"
#include "recorded.h"

static const struct measure_shape recorded_shape = {
    .qemu_major = RECORDED_QEMU_MAJOR,
    .vcpus = 2,
    .memory_bytes = RECORDED_MEMORY_BYTES,
};

static void unhex48(uint8_t out[static 48], const char *hex)
{
    assert_int_equal(ds_hex_decode(out, 48, ds_span_str(hex), NULL), DS_OK);
}

static void load(struct measure_image *image, struct measure_acpi *acpi)
{
    uint8_t doc[1024];
    size_t len = 0;
    struct ds_error e = { 0 };
    assert_int_equal(ds_hex_decode_any(doc, &len, sizeof doc, ds_span_str(recorded_document), &e),
                     DS_OK);
    assert_int_equal(measure_image_parse(image, DS_SPAN(doc, len), &e), DS_OK);
    unhex48(acpi->loader48, recorded_events[8].digest);
    unhex48(acpi->rsdp48, recorded_events[9].digest);
    unhex48(acpi->tables48, recorded_events[10].digest);
}

static void expect48(const uint8_t got48[static 48], const char *want)
{
    assert_string_equal(DS_HEX(DS_SPAN(got48, 48)), want);
}

static void recorded_boot_is_reproduced(void **state)
{
    (void)state;
    struct measure_image image;
    struct measure_acpi acpi;
    struct measure_tdx tdx;
    struct ds_error e = { 0 };
    load(&image, &acpi);
    assert_int_equal(measure_tdx_predict(&tdx, &image, &recorded_shape, &acpi, &e), DS_OK);

    assert_int_equal(tdx.n_events, DS_LEN(recorded_events));
    for (size_t i = 0; i < tdx.n_events; i++) {
        assert_string_equal(tdx.events[i].name, recorded_events[i].name);
        assert_int_equal(tdx.events[i].imr, recorded_events[i].imr);
        assert_int_equal(tdx.events[i].type, recorded_events[i].type);
        expect48(tdx.events[i].digest48, recorded_events[i].digest);
    }
    expect48(tdx.mrtd48, recorded_mrtd);
    for (size_t i = 0; i < 3; i++)
        expect48(tdx.rtmr48[i], recorded_rtmr[i]);
}

/* Memory beyond 4 GiB; the same firmware layout, hence the same packed TD HOB. */
static void large_recorded_boot_is_reproduced(void **state)
{
    (void)state;
    static const struct measure_shape shape = { .qemu_major = LARGE_QEMU_MAJOR,
                                                .vcpus = 16,
                                                .memory_bytes = LARGE_MEMORY_BYTES };
    struct measure_image image;
    struct measure_acpi acpi;
    struct measure_tdx tdx;
    struct ds_error e = { 0 };
    load(&image, &acpi);
    unhex48(acpi.loader48, large.loader);
    unhex48(acpi.rsdp48, large.rsdp);
    unhex48(acpi.tables48, large.tables);
    unhex48(image.kernel48, large.kernel);
    unhex48(image.cmdline48, large.cmdline);
    unhex48(image.initrd48, large.initrd);
    assert_int_equal(measure_tdx_predict(&tdx, &image, &shape, &acpi, &e), DS_OK);
    expect48(tdx.events[0].digest48, large.td_hob);
    assert_memory_equal(tdx.mrtd48, image.mrtd_single48, 48);
    for (size_t i = 0; i < 3; i++)
        expect48(tdx.rtmr48[i], large.rtmr[i]);
}

/* What a change of one input moves: the event, and the registers and no others. */
static void each_input_moves_its_register(void **state)
{
    (void)state;
    enum { MRTD = 1, RTMR0 = 2, RTMR1 = 4, RTMR2 = 8 };
    struct measure_image image;
    struct measure_acpi acpi;
    struct measure_shape shape = recorded_shape;
    load(&image, &acpi);
    const struct {
        uint8_t *byte;
        const char *event;
        unsigned moved;
    } rows[] = {
        { image.mrtd_two48, NULL, MRTD },
        { image.mrtd_single48, NULL, 0 },
        { image.cfv48, "cfv", RTMR0 },
        { image.kernel48, "kernel", RTMR1 },
        { image.cmdline48, "cmdline", RTMR2 },
        { image.initrd48, "initrd", RTMR2 },
        { acpi.loader48, "acpi-loader", RTMR0 },
        { acpi.rsdp48, "acpi-rsdp", RTMR0 },
        { acpi.tables48, "acpi-tables", RTMR0 },
        { (uint8_t *)&shape.memory_bytes + 3, "td-hob", RTMR0 },
    };
    struct measure_tdx before, after;
    struct ds_error e = { 0 };
    assert_int_equal(measure_tdx_predict(&before, &image, &shape, &acpi, &e), DS_OK);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        *rows[i].byte ^= 1;
        assert_int_equal(measure_tdx_predict(&after, &image, &shape, &acpi, &e), DS_OK);
        *rows[i].byte ^= 1;
        unsigned moved = memcmp(before.mrtd48, after.mrtd48, 48) != 0 ? MRTD : 0;
        for (unsigned k = 0; k < 3; k++)
            if (memcmp(before.rtmr48[k], after.rtmr48[k], 48) != 0)
                moved |= RTMR0 << k;
        assert_int_equal(moved, rows[i].moved);
        for (size_t k = 0; k < before.n_events; k++) {
            bool differs = memcmp(before.events[k].digest48, after.events[k].digest48, 48) != 0;
            bool named = rows[i].event != NULL && strcmp(before.events[k].name, rows[i].event) == 0;
            assert_int_equal(differs, named);
        }
    }
}

static void impossible_shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t qemu_major;
        uint64_t memory_bytes;
        int want;
    } rows[] = {
        { 7, 2ULL << 30, DS_ERR_UNSUPPORTED },
        { 0, 2ULL << 30, DS_ERR_UNSUPPORTED },
        { 8, 0, DS_ERR_RANGE },
        { 11, 8ULL << 20, DS_ERR_RANGE },
        { 11, 0x820000, DS_ERR_RANGE },
        { 11, 0x821000, DS_OK },
        { 11, 0xafffffff, DS_OK },
        { 11, 0xb0000000, DS_OK },
        { 11, 64ULL << 30, DS_OK },
    };
    struct measure_image image;
    struct measure_acpi acpi;
    load(&image, &acpi);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct measure_shape shape = { .qemu_major = rows[i].qemu_major,
                                       .memory_bytes = rows[i].memory_bytes };
        struct measure_tdx tdx = { .n_events = 77 };
        struct ds_error e = { 0 };
        assert_int_equal(measure_tdx_predict(&tdx, &image, &shape, &acpi, &e), rows[i].want);
        assert_int_equal(tdx.n_events == 77, rows[i].want != DS_OK);
    }
}

/* A damaged packed TD HOB never predicts: it stands in a document that somebody sent. */
static void damaged_hob_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *packed;
    } rows[] = {
        { "empty", "" },
        { "only the base", "8010" },
        { "no range", "80100900" },
        { "range without length", "8010090100" },
        { "empty range", "801009010000" },
        { "one byte more", "80100904000609020b02101000" },
        { "one byte less", "80100904000609020b0210" },
        { "out of order", "801009020902000600" },
        { "overlapping", "80100902000601020000" },
        { "number not in its shortest form", "808000090100060000" },
        { "number without end", "ffffffffffffffff" },
        { "too many ranges", "80100911" },
        { "a count beyond memory", "801009ffffff7f" },
    };
    struct measure_image image;
    struct measure_acpi acpi;
    load(&image, &acpi);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct measure_tdx tdx;
        struct ds_error e = { 0 };
        assert_int_equal(ds_hex_decode_any(image.td_hob, &image.td_hob_len, sizeof image.td_hob,
                                           ds_span_str(rows[i].packed), &e),
                         DS_OK);
        assert_int_equal(measure_tdx_predict(&tdx, &image, &recorded_shape, &acpi, &e),
                         DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_MEASURE_DOCUMENT_FORMAT);
    }
}

/* The log replays to the registers: walked here with nothing of the encoder's. */
static void ccel_replays_to_the_registers(void **state)
{
    (void)state;
    struct measure_image image;
    struct measure_acpi acpi;
    struct measure_tdx tdx;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    load(&image, &acpi);
    assert_int_equal(measure_tdx_predict(&tdx, &image, &recorded_shape, &acpi, &e), DS_OK);
    assert_int_equal(measure_ccel_encode(&log, &tdx, &e), DS_OK);

    struct ds_reader r = ds_reader_of(ds_buf_span(&log));
    ds_read_skip(&r, 28);
    ds_read_skip(&r, ds_read_u32le(&r));
    uint8_t replay[3][48] = { 0 };
    size_t n = 0;
    for (; ds_read_left(&r) > 0; n++) {
        uint32_t imr = ds_read_u32le(&r) - 1, type = ds_read_u32le(&r);
        assert_int_equal(ds_read_u32le(&r), 1);
        assert_int_equal(ds_read_u16le(&r), 0x0c);
        struct ds_span digest = ds_read_span(&r, 48);
        struct ds_span payload = ds_read_span(&r, ds_read_u32le(&r));
        assert_false(r.bad);
        assert_true(imr < 3 && payload.len > 0);
        assert_int_equal(type, tdx.events[n].type);
        assert_int_equal(ds_hash_extend(DS_SHA384, replay[imr], digest.p, &e), DS_OK);
    }
    assert_int_equal(n, tdx.n_events);
    assert_memory_equal(replay, tdx.rtmr48, sizeof replay);
    assert_null(measure_event_find(&tdx, "no-such-event"));
    assert_ptr_equal(measure_event_find(&tdx, "td-hob"), &tdx.events[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_boot_is_reproduced),
        cmocka_unit_test(large_recorded_boot_is_reproduced),
        cmocka_unit_test(each_input_moves_its_register),
        cmocka_unit_test(impossible_shapes_are_refused),
        cmocka_unit_test(damaged_hob_is_refused),
        cmocka_unit_test(ccel_replays_to_the_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

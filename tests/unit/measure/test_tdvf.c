/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware metadata: the well-formed file, every way in which its structure can
 * lie, and MRTD against digests made by another program (ORIGIN.md).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/scope.h"
#include "measure/tdvf.h"
#include "synth.h"

static void sections_are_read(void **state)
{
    (void)state;
    uint8_t fw[FW_LEN];
    struct tdvf tdvf;
    struct ds_error e = { 0 };
    fw_fill(fw);
    assert_int_equal(tdvf_parse(&tdvf, DS_SPAN_OF(fw), &e), DS_OK);
    assert_int_equal(tdvf.n_sections, FW_SECTIONS);
    assert_ptr_equal(tdvf.sections[0].data.p, fw + FW_VARS_LEN);
    assert_int_equal(tdvf.sections[0].data.len, FW_CODE_LEN);
    assert_int_equal(tdvf.sections[1].type, TDVF_TYPE_CFV);
    assert_int_equal(tdvf.sections[2].gpa, 0x809000);
    assert_int_equal(tdvf.sections[3].mem_len, 0x2000);
}

static void mrtd_is_that_of_another_program(void **state)
{
    (void)state;
    uint8_t fw[FW_LEN], mrtd48[48];
    struct tdvf tdvf;
    struct ds_error e = { 0 };
    fw_fill(fw);
    assert_int_equal(tdvf_parse(&tdvf, DS_SPAN_OF(fw), &e), DS_OK);
    assert_int_equal(tdvf_mrtd(mrtd48, &tdvf, false, &e), DS_OK);
    assert_string_equal(
        DS_HEX(DS_SPAN_OF(mrtd48)),
        "2509f436b4680b2e4acdaa8824ac4ec5375667ab6e68656ce349e5e4a5cf65ba5e573fa82e637b7dfed54ab6e602e590");
    assert_int_equal(tdvf_mrtd(mrtd48, &tdvf, true, &e), DS_OK);
    assert_string_equal(
        DS_HEX(DS_SPAN_OF(mrtd48)),
        "4d6f4bd044dabe3d7aa322190e631b8a919c538a8bbf6802be367caec8874f07a8a8701e4beab2b81690bfa21dc9b818");
}

/* MRTD covers the measured section and no other byte of the file. */
static void mrtd_covers_the_measured_section(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        bool moves;
    } rows[] = {
        { 0, false },
        { FW_VARS_LEN - 1, false },
        { FW_VARS_LEN, true },
        { FW_VARS_LEN + 4096, true },
        { FW_VARS_LEN + FW_CODE_LEN - 1, true },
        { FW_VARS_LEN + FW_CODE_LEN, false },
        { FW_LEN - 1, false },
    };
    uint8_t fw[FW_LEN], before48[48], after48[48];
    struct tdvf tdvf;
    struct ds_error e = { 0 };
    fw_fill(fw);
    assert_int_equal(tdvf_parse(&tdvf, DS_SPAN_OF(fw), &e), DS_OK);
    assert_int_equal(tdvf_mrtd(before48, &tdvf, false, &e), DS_OK);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        fw[rows[i].at] ^= 1;
        assert_int_equal(tdvf_mrtd(after48, &tdvf, false, &e), DS_OK);
        fw[rows[i].at] ^= 1;
        assert_int_equal(memcmp(before48, after48, 48) != 0, rows[i].moves);
    }
}

#define SECTION(i) (FW_DESC_AT + 16U + 32U * (i))

/* One field of the file is set to another value; what is said names the fault. */
static void lies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at, len;
        uint64_t value;
        const char *says;
    } rows[] = {
        { "footer GUID", FW_FOOTER_AT + 2, 1, 0xdf, "no GUIDed table" },
        { "footer length of nothing", FW_FOOTER_AT, 2, 0, "no GUIDed table" },
        { "footer shorter than itself", FW_FOOTER_AT, 2, 17, "no GUIDed table" },
        { "footer with nothing before it", FW_FOOTER_AT, 2, 18, "no TDVF entry" },
        { "footer longer than the file", FW_FOOTER_AT, 2, 0xffff, "no GUIDed table" },
        { "entry of another GUID", FW_ENTRY_AT + 6, 1, 0, "no TDVF entry" },
        { "entry shorter than its head", FW_ENTRY_AT + 4, 2, 17, "no TDVF entry" },
        { "entry longer than the table", FW_ENTRY_AT + 4, 2, 0x100, "no TDVF entry" },
        { "entry without its offset", FW_ENTRY_AT + 4, 2, 18, "points outside" },
        { "entry with more than an offset", FW_ENTRY_AT + 4, 2, 23, "points outside" },
        { "offset zero", FW_ENTRY_AT, 4, 0, "points outside" },
        { "offset beyond the file", FW_ENTRY_AT, 4, FW_LEN + 1, "points outside" },
        { "offset at the last byte", FW_ENTRY_AT, 4, 1, "no TDVF descriptor" },
        { "descriptor's signature", FW_DESC_AT, 1, 'X', "no TDVF descriptor" },
        { "descriptor's version", FW_DESC_AT + 8, 4, 2, "version 2" },
        { "descriptor's length", FW_DESC_AT + 4, 4, 16, "TDVF descriptor" },
        { "no sections", FW_DESC_AT + 12, 4, 0, "0 sections" },
        { "too many sections", FW_DESC_AT + 12, 4, 17, "17 sections" },
        { "count that overflows", FW_DESC_AT + 12, 4, 0x08000004, "sections" },
        { "data beyond the file", SECTION(0), 4, FW_LEN - FW_CODE_LEN + 1, "outside the file" },
        { "data far beyond the file", SECTION(0), 4, 0xffffffff, "outside the file" },
        { "data longer than memory", SECTION(0) + 16, 8, 0x1000, "not made of pages" },
        { "address inside a page", SECTION(0) + 8, 8, 0xffffd001, "not made of pages" },
        { "length inside a page", SECTION(2) + 16, 8, 0x2001, "not made of pages" },
        { "address above 4 GiB", SECTION(2) + 8, 8, 0x100000000, "above 4 GiB" },
        { "length above 4 GiB", SECTION(2) + 16, 8, 0x100000000, "above 4 GiB" },
        { "measured section not filled", SECTION(0) + 4, 4, 0x1000, "not filled" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t fw[FW_LEN];
        struct tdvf tdvf;
        struct ds_error e = { 0 };
        fw_fill(fw);
        for (size_t k = 0; k < rows[i].len; k++)
            fw[rows[i].at + k] = (uint8_t)(rows[i].value >> (8 * k));
        if (tdvf_parse(&tdvf, DS_SPAN_OF(fw), &e) != DS_ERR_FORMAT ||
            e.code != DS_CODE_MEASURE_FIRMWARE_FORMAT || strstr(e.msg, rows[i].says) == NULL)
            fail_msg("%s: '%s'", rows[i].what, e.msg);
    }
}

static void every_shorter_file_is_refused(void **state)
{
    (void)state;
    uint8_t fw[FW_LEN];
    struct tdvf tdvf;
    struct ds_error e = { 0 };
    fw_fill(fw);
    for (size_t len = 0; len < FW_LEN; len++)
        assert_int_equal(tdvf_parse(&tdvf, DS_SPAN(fw, len), &e), DS_ERR_FORMAT);
}

static void td_hob_is_packed(void **state)
{
    (void)state;
    uint8_t fw[FW_LEN];
    struct tdvf tdvf;
    struct measure_image image = { 0 };
    struct ds_error e = { 0 };
    fw_fill(fw);
    assert_int_equal(tdvf_parse(&tdvf, DS_SPAN_OF(fw), &e), DS_OK);
    assert_int_equal(tdvf_hob_pack(&image, &tdvf, &e), DS_OK);
    /* base page 0x809, TD HOB there, two ranges: (0, 2), (2, 2) */
    assert_string_equal(DS_HEX(DS_SPAN(image.td_hob, image.td_hob_len)), "8910000200020202");
    tdvf.sections[2].type = 9;
    assert_int_equal(tdvf_hob_pack(&image, &tdvf, &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_MEASURE_FIRMWARE_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_read),
        cmocka_unit_test(mrtd_is_that_of_another_program),
        cmocka_unit_test(mrtd_covers_the_measured_section),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(every_shorter_file_is_refused),
        cmocka_unit_test(td_hob_is_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

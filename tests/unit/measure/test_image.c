/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: the recorded document both ways, every damaged form of it, and what
 * is made from files.
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
#include "synth.h"

#define DOC_MAX 1024

static size_t load_document(uint8_t doc[static DOC_MAX])
{
    size_t len = 0;
    struct ds_error e = { 0 };
    assert_int_equal(ds_hex_decode_any(doc, &len, DOC_MAX, ds_span_str(recorded_document), &e),
                     DS_OK);
    return len;
}

static void document_goes_both_ways(void **state)
{
    (void)state;
    uint8_t doc[DOC_MAX];
    size_t len = load_document(doc);
    struct measure_image image;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
    assert_int_equal(measure_image_parse(&image, DS_SPAN(doc, len), &e), DS_OK);
    assert_string_equal(DS_HEX(DS_SPAN_OF(image.mrtd_two48)), recorded_mrtd);
    assert_int_equal(image.ovmf, MEASURE_OVMF_PRE202505);
    assert_string_equal(measure_ovmf_text(image.ovmf), "pre202505");
    assert_int_equal(measure_image_encode(&again, &image, &e), DS_OK);
    assert_int_equal(again.len, len);
    assert_memory_equal(again.p, doc, len);
}

static void every_other_length_is_refused(void **state)
{
    (void)state;
    uint8_t doc[DOC_MAX] = { 0 };
    size_t len = load_document(doc);
    struct measure_image image;
    for (size_t n = 0; n <= len + 1; n++) {
        struct ds_error e = { 0 };
        int r = measure_image_parse(&image, DS_SPAN(doc, n), &e);
        assert_int_equal(r, n == len ? DS_OK : DS_ERR_FORMAT);
        if (n != len)
            assert_int_equal(e.code, DS_CODE_MEASURE_DOCUMENT_FORMAT);
    }
}

/* One content, one form: whatever is read encodes to the bytes that were read. */
static void every_flipped_byte_is_refused_or_read_as_it_stands(void **state)
{
    (void)state;
    uint8_t doc[DOC_MAX];
    size_t len = load_document(doc), n_read = 0;
    for (size_t i = 0; i < len * 8; i++) {
        struct measure_image image;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
        doc[i / 8] ^= (uint8_t)(1U << i % 8);
        if (measure_image_parse(&image, DS_SPAN(doc, len), &e) == DS_OK) {
            assert_int_equal(measure_image_encode(&again, &image, &e), DS_OK);
            assert_true(ds_span_eq(ds_buf_span(&again), DS_SPAN(doc, len)));
            n_read++;
        }
        doc[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    /* Five digests and the packed TD HOB, 12 bytes here, are values; all else is form. */
    assert_int_equal(n_read, 8 * (5 * 48 + 12));
}

/* Replace the only place of `from` by `to`, which may be longer; returns the new length. */
static size_t replace(uint8_t doc[static DOC_MAX], size_t len, struct ds_span from,
                      struct ds_span to)
{
    uint8_t *at = memmem(doc, len, from.p, from.len);
    assert_non_null(at);
    size_t rest = len - (size_t)(at - doc) - from.len;
    memmove(at + to.len, at + from.len, rest);
    memcpy(at, to.p, to.len);
    return len - from.len + to.len;
}

static void other_documents_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct ds_span from, to;
        enum ds_code code;
    } rows[] = {
#define TEXT(t) { (const uint8_t *)(t), sizeof(t) - 1 }
        { "version 2", TEXT("version\x03"), TEXT("version\x02"), DS_CODE_MEASURE_DOCUMENT_FORMAT },
        { "version in a longer form", TEXT("version\x03"), TEXT("version\x18\x03"),
          DS_CODE_MEASURE_DOCUMENT_FORMAT },
        { "map without end", TEXT("\xa3\x67"), TEXT("\xbf\x67"), DS_CODE_MEASURE_DOCUMENT_FORMAT },
        { "text as bytes", TEXT("\x69pre202505"), TEXT("\x49pre202505"),
          DS_CODE_MEASURE_DOCUMENT_FORMAT },
        { "newer firmware", TEXT("\x69pre202505"),
          TEXT("\x66"
               "202505"),
          DS_CODE_MEASURE_OVMF_UNKNOWN },
        { "firmware without a name", TEXT("\x69pre202505"), TEXT("\x60"),
          DS_CODE_MEASURE_OVMF_UNKNOWN },
        { "firmware with a NUL", TEXT("\x69pre202505"), TEXT("\x6apre202505\0"),
          DS_CODE_MEASURE_OVMF_UNKNOWN },
        { "td_hob's length in a longer form", TEXT("td_hob\x4c"), TEXT("td_hob\x58\x0c"),
          DS_CODE_MEASURE_DOCUMENT_FORMAT },
        { "td_hob empty", TEXT("td_hob\x4c\x80\x10\x09\x04\x00\x06\x09\x02\x0b\x02\x10\x10"),
          TEXT("td_hob\x40"), DS_CODE_MEASURE_DOCUMENT_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t doc[DOC_MAX];
        size_t len = load_document(doc);
        struct measure_image image;
        struct ds_error e = { 0 };
        len = replace(doc, len, rows[i].from, rows[i].to);
        if (measure_image_parse(&image, DS_SPAN(doc, len), &e) == DS_OK || e.code != rows[i].code)
            fail_msg("%s: '%s'", rows[i].what, e.msg);
    }
}

static void fill(uint8_t fw[static FW_LEN], uint8_t kernel[static KERNEL_LEN],
                 struct measure_files *files)
{
    fw_fill(fw);
    kernel_fill(kernel);
    *files = (struct measure_files){ .firmware = DS_SPAN(fw, FW_LEN),
                                     .kernel = DS_SPAN(kernel, KERNEL_LEN),
                                     .initrd = DS_SPAN_LIT("initrd"),
                                     .cmdline = DS_SPAN_LIT("a=1") };
}

static void files_are_measured(void **state)
{
    (void)state;
    uint8_t fw[FW_LEN], kernel[KERNEL_LEN], want48[48];
    struct measure_files files;
    struct measure_image image, patched;
    struct ds_error e = { 0 };
    fill(fw, kernel, &files);
    assert_int_equal(measure_image_make(&image, &files, &e), DS_OK);
    assert_int_equal(ds_hash(DS_SHA384, want48, DS_SPAN_LIT("initrd"), &e), DS_OK);
    assert_memory_equal(image.initrd48, want48, 48);
    static const char wide[] = "a\0=\0"
                               "1\0 \0i\0n\0i\0t\0r\0d\0=\0i\0n\0i\0t\0r\0d\0\0";
    assert_int_equal(ds_hash(DS_SHA384, want48, DS_SPAN_OF(wide), &e), DS_OK);
    assert_memory_equal(image.cmdline48, want48, 48);
    assert_int_equal(ds_hash(DS_SHA384, want48, DS_SPAN(fw, FW_VARS_LEN), &e), DS_OK);
    assert_memory_equal(image.cfv48, want48, 48);

    files.patch_memory = 1ULL << 30;
    assert_int_equal(measure_image_make(&patched, &files, &e), DS_OK);
    assert_memory_not_equal(patched.kernel48, image.kernel48, 48);
    assert_memory_equal(patched.initrd48, image.initrd48, 48);
}

/* A document cannot say that the variable store is another one, so it must not be written. */
static void filled_variable_store_has_no_document(void **state)
{
    (void)state;
    uint8_t fw[FW_LEN], kernel[KERNEL_LEN];
    struct measure_files files;
    struct measure_image image;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    fill(fw, kernel, &files);
    assert_int_equal(measure_image_make(&image, &files, &e), DS_OK);
    assert_int_equal(measure_image_encode(&doc, &image, &e), DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_MEASURE_FIRMWARE_FORMAT);
}

static void unmeasurable_files_are_refused(void **state)
{
    (void)state;
    static char long_line[4001];
    memset(long_line, 'x', sizeof long_line);
    uint8_t fw[FW_LEN], kernel[KERNEL_LEN];
    const struct {
        const char *what;
        struct ds_span cmdline;
        bool no_kernel, no_firmware;
        int want;
        enum ds_code code;
    } rows[] = {
        { "empty line", { 0 }, false, false, DS_OK, DS_CODE_NONE },
        { "4,000 characters", DS_SPAN(long_line, 4000), false, false, DS_OK, DS_CODE_NONE },
        { "4,001 characters", DS_SPAN(long_line, 4001), false, false, DS_ERR_ARG,
          DS_CODE_MEASURE_CMDLINE_FORMAT },
        { "newline", DS_SPAN_LIT("a\n"), false, false, DS_ERR_ARG, DS_CODE_MEASURE_CMDLINE_FORMAT },
        { "NUL", DS_SPAN_LIT("a\0b"), false, false, DS_ERR_ARG, DS_CODE_MEASURE_CMDLINE_FORMAT },
        { "DEL", DS_SPAN_LIT("a\x7f"), false, false, DS_ERR_ARG, DS_CODE_MEASURE_CMDLINE_FORMAT },
        { "not ASCII", DS_SPAN_LIT("\xc3\xa9"), false, false, DS_ERR_ARG,
          DS_CODE_MEASURE_CMDLINE_FORMAT },
        { "no kernel", DS_SPAN_LIT("a"), true, false, DS_ERR_FORMAT,
          DS_CODE_MEASURE_KERNEL_FORMAT },
        { "no firmware", DS_SPAN_LIT("a"), false, true, DS_ERR_FORMAT,
          DS_CODE_MEASURE_FIRMWARE_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct measure_files files;
        struct measure_image image;
        struct ds_error e = { 0 };
        fill(fw, kernel, &files);
        files.cmdline = rows[i].cmdline;
        if (rows[i].no_kernel)
            files.kernel = (struct ds_span){ 0 };
        if (rows[i].no_firmware)
            files.firmware = (struct ds_span){ 0 };
        if (measure_image_make(&image, &files, &e) != rows[i].want || e.code != rows[i].code)
            fail_msg("%s: '%s'", rows[i].what, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_goes_both_ways),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(every_flipped_byte_is_refused_or_read_as_it_stands),
        cmocka_unit_test(other_documents_are_refused),
        cmocka_unit_test(files_are_measured),
        cmocka_unit_test(filled_variable_store_has_no_document),
        cmocka_unit_test(unmeasurable_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

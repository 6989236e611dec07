/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticode digest of a small PE image: the ranges by hand, every byte
 * flipped, lies in the header; and the setup header patch by hand.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/scope.h"
#include "crypto/hash.h"
#include "measure/kernel.h"
#include "synth.h"

static void digest_leaves_out_checksum_and_signature(void **state)
{
    (void)state;
    uint8_t k[KERNEL_LEN], got48[48], want48[48];
    struct ds_error e = { 0 };
    kernel_fill(k);
    const struct ds_span ranges[] = {
        DS_SPAN(k, KERNEL_CHECKSUM_AT),
        DS_SPAN(k + KERNEL_CHECKSUM_AT + 4, KERNEL_SECURITY_AT - KERNEL_CHECKSUM_AT - 4),
        DS_SPAN(k + KERNEL_SECURITY_AT + 8, KERNEL_SIGNED_LEN - KERNEL_SECURITY_AT - 8),
    };
    assert_int_equal(ds_hash_v(DS_SHA384, want48, ranges, DS_LEN(ranges), &e), DS_OK);
    assert_int_equal(kernel_authenticode(got48, DS_SPAN_OF(k), &e), DS_OK);
    assert_memory_equal(got48, want48, 48);
}

static bool is_outside_the_digest(size_t at)
{
    return (at >= KERNEL_CHECKSUM_AT && at < KERNEL_CHECKSUM_AT + 4) ||
           (at >= KERNEL_SECURITY_AT && at < KERNEL_SECURITY_AT + 4) || at >= KERNEL_SIGNED_LEN;
}

/* A flipped byte is refused or changes the digest, but for what a signer may change. */
static void every_flipped_byte_shows(void **state)
{
    (void)state;
    uint8_t k[KERNEL_LEN], before48[48], after48[48];
    struct ds_error e = { 0 };
    kernel_fill(k);
    assert_int_equal(kernel_authenticode(before48, DS_SPAN_OF(k), &e), DS_OK);
    for (size_t i = 0; i < KERNEL_LEN; i++) {
        k[i] ^= 0x81;
        int r = kernel_authenticode(after48, DS_SPAN_OF(k), &e);
        k[i] ^= 0x81;
        if (r != DS_OK) {
            assert_int_equal(r, DS_ERR_FORMAT);
            assert_int_equal(e.code, DS_CODE_MEASURE_KERNEL_FORMAT);
            continue;
        }
        assert_int_equal(memcmp(before48, after48, 48) == 0, is_outside_the_digest(i));
    }
}

static void lies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at, len;
        uint64_t value;
    } rows[] = {
        { "no MZ", 0, 1, 'X' },
        { "PE header at the end", 0x3c, 4, KERNEL_LEN - 4 },
        { "PE header outside", 0x3c, 4, 0xffffffff },
        { "no PE signature", KERNEL_PE_AT + 2, 1, 1 },
        { "32-bit image", KERNEL_OPTIONAL_AT, 2, 0x10b },
        { "no optional header", KERNEL_PE_AT + 20, 2, 0 },
        { "optional header cut before the directories", KERNEL_PE_AT + 20, 2, 0x8c },
        { "optional header beyond the file", KERNEL_PE_AT + 20, 2, 0xffff },
        { "97 sections", KERNEL_PE_AT + 6, 2, 97 },
        { "96 sections of rubbish", KERNEL_PE_AT + 6, 2, 96 },
        { "headers end before the checksum", KERNEL_OPTIONAL_AT + 60, 4, KERNEL_CHECKSUM_AT + 3 },
        { "headers end in the directory", KERNEL_OPTIONAL_AT + 60, 4, KERNEL_SECURITY_AT + 7 },
        { "headers reach into a section", KERNEL_OPTIONAL_AT + 60, 4, KERNEL_HEADER_LEN + 1 },
        { "headers beyond the file", KERNEL_OPTIONAL_AT + 60, 4, KERNEL_LEN + 1 },
        { "section beyond the file", KERNEL_SECTION_AT + 16, 4, KERNEL_LEN },
        { "section that overflows", KERNEL_SECTION_AT + 20, 4, 0xffffff00 },
        { "sections that overlap", KERNEL_SECTION_AT + 20, 4, 0xbff },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t k[KERNEL_LEN], out48[48];
        struct ds_error e = { 0 };
        kernel_fill(k);
        for (size_t n = 0; n < rows[i].len; n++)
            k[rows[i].at + n] = (uint8_t)(rows[i].value >> (8 * n));
        if (kernel_authenticode(out48, DS_SPAN_OF(k), &e) != DS_ERR_FORMAT ||
            e.code != DS_CODE_MEASURE_KERNEL_FORMAT)
            fail_msg("%s: '%s'", rows[i].what, e.msg);
    }
}

static void every_file_shorter_than_its_sections_is_refused(void **state)
{
    (void)state;
    uint8_t k[KERNEL_LEN], out48[48];
    struct ds_error e = { 0 };
    kernel_fill(k);
    for (size_t len = 0; len < KERNEL_DATA_END; len++)
        assert_int_equal(kernel_authenticode(out48, DS_SPAN(k, len), &e), DS_ERR_FORMAT);
}

/* edk2 takes the signature's length off the end, whatever stands there. */
static void bytes_behind_the_signature_are_counted_as_edk2_does(void **state)
{
    (void)state;
    uint8_t k[KERNEL_LEN], long48[48], want48[48];
    struct ds_error e = { 0 };
    kernel_fill(k);
    assert_int_equal(kernel_authenticode(long48, DS_SPAN(k, KERNEL_LEN - 3), &e), DS_OK);
    const struct ds_span ranges[] = {
        DS_SPAN(k, KERNEL_CHECKSUM_AT),
        DS_SPAN(k + KERNEL_CHECKSUM_AT + 4, KERNEL_SECURITY_AT - KERNEL_CHECKSUM_AT - 4),
        DS_SPAN(k + KERNEL_SECURITY_AT + 8, KERNEL_SIGNED_LEN - 3 - KERNEL_SECURITY_AT - 8),
    };
    assert_int_equal(ds_hash_v(DS_SHA384, want48, ranges, DS_LEN(ranges), &e), DS_OK);
    assert_memory_equal(long48, want48, 48);
}

static void put_le32(uint8_t *p, uint32_t v)
{
    for (size_t i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* The patched digest is the digest of a file patched by hand. */
static void setup_header_is_patched(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t memory, initrd_len;
        uint16_t xloadflags;
        uint8_t loadflags;
        uint32_t initrd_at, heap_end, cmdline_at;
    } rows[] = {
        { "bound by initrd_addr_max", 4ULL << 30, 0x1000, 0, 1, 0x7ffd6000, 0xfe00, 0x20000 },
        { "bound by memory", 1ULL << 30, 0x1234567, 0, 1, 0x3eda3000, 0xfe00, 0x20000 },
        { "above 4 GiB allowed", 0xafffffff, 0x1000, 0x40, 1, 0xaffd6000, 0xfe00, 0x20000 },
        { "not loaded high", 1ULL << 30, 0x1000, 0, 0, 0x3ffd6000, 0x9e00, 0x9a000 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t k[KERNEL_LEN], by_hand[KERNEL_LEN], got48[48], want48[48];
        struct ds_error e = { 0 };
        kernel_fill(k);
        k[0x211] = rows[i].loadflags;
        k[0x236] = (uint8_t)rows[i].xloadflags;
        memcpy(by_hand, k, sizeof k);
        by_hand[0x210] = 0xb0;
        by_hand[0x211] |= 0x80;
        put_le32(by_hand + 0x218, rows[i].initrd_at);
        put_le32(by_hand + 0x21c, (uint32_t)rows[i].initrd_len);
        put_le32(by_hand + 0x224, rows[i].heap_end);
        put_le32(by_hand + 0x228, rows[i].cmdline_at);
        assert_int_equal(kernel_authenticode(want48, DS_SPAN_OF(by_hand), &e), DS_OK);
        assert_int_equal(kernel_authenticode_patched(got48, DS_SPAN_OF(k), rows[i].initrd_len,
                                                     rows[i].memory, &e),
                         DS_OK);
        if (memcmp(got48, want48, 48) != 0)
            fail_msg("%s", rows[i].what);
    }
}

static void impossible_patches_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        size_t len;
        uint64_t initrd_len, memory;
        int want;
    } rows[] = {
        { "no setup header", 0x202, 'X', KERNEL_LEN, 1, 1ULL << 30, DS_ERR_FORMAT },
        { "old protocol", 0x207, 0x01, KERNEL_LEN, 1, 1ULL << 30, DS_ERR_FORMAT },
        { "file ends in the header", 0, 'M', 0x25f, 1, 1ULL << 30, DS_ERR_FORMAT },
        { "initrd larger than memory", 0, 'M', KERNEL_LEN, 1ULL << 30, 1ULL << 30, DS_ERR_RANGE },
        { "no memory", 0, 'M', KERNEL_LEN, 1, 0, DS_ERR_RANGE },
        { "initrd of all 64 bits", 0, 'M', KERNEL_LEN, UINT64_MAX, 1ULL << 30, DS_ERR_RANGE },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t k[KERNEL_LEN], out48[48];
        struct ds_error e = { 0 };
        kernel_fill(k);
        k[rows[i].at] = rows[i].value;
        if (kernel_authenticode_patched(out48, DS_SPAN(k, rows[i].len), rows[i].initrd_len,
                                        rows[i].memory, &e) != rows[i].want)
            fail_msg("%s: '%s'", rows[i].what, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_leaves_out_checksum_and_signature),
        cmocka_unit_test(every_flipped_byte_shows),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(every_file_shorter_than_its_sections_is_refused),
        cmocka_unit_test(bytes_behind_the_signature_are_counted_as_edk2_does),
        cmocka_unit_test(setup_header_is_patched),
        cmocka_unit_test(impossible_patches_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI blobs against those of a real QEMU 11.1.3 (tools/acpi/blobs.py made the
 * digests), and the bounds of what is known.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/scope.h"
#include "measure/measure.h"

#define MIB (1ULL << 20)

/* clang-format off */
static const struct {
    uint32_t vcpus;
    uint64_t memory_mib;
    uint32_t n_nics, n_volumes;
    const char *loader, *rsdp, *tables;
} real_rows[] = {
    { 1, 256, 1, 0,
      "550f6e8d1cc56715589835595709f93b6ee3357c1f8e622c213ba63a3eab124417a217d733ca970a5bd67129c40e54c9",
      "eaad550e39b3abe0acaff51628ae2d6541243bb3a776afe32deead3a506f7e98f5ba24bc08ba03a54b4cdfbbe1807daa",
      "218ed43fdd80a81a38582bdfd86dbcd063926764fb843f1f170ca9fb98dedddfab621632ea35f32f21d468183937168f" },
    { 2, 2048, 1, 1,
      "05a465f8ff688b52dcfa78d1b2c9c4970637cf1508cb204509f718e9480b53fd0c089a6d3f5aa89d8445076a7bab78fa",
      "4daabc03d4c4540f60a0ae36a5520765b75e1a208db2d019ad20eccfc6f9a0cf19f9cfa5af73f3d632a4e6184db28e5d",
      "e353b933e5dc8e3c95bbf10db3bab63d64d943ec1e0d09b790250cd7926941104736eed4b6071c73e93a0d03cfbc76b6" },
    { 4, 2815, 2, 2,
      "74398f18fb9e2f0d2e43503196b67dbebc9783539fd5c88d6c52f6dd1fab70d0a8160d0ead9ae2e8ec13e6a84783cce7",
      "090b6d7ed043f0b1b8cb2650534f82999dad00779acbc044cc5e55bccba600c54329f52a8139f0efb12fac17c09a80c2",
      "d8aacc29b09a5c19ac2fc61fd4101b805773249321373b1880353a60138eef4f2880b99a56d4a2f7be0a614d8115d153" },
    { 9, 2816, 0, 16,
      "fafb9c3b4e94590617550c9e5b601e82f5f90d1efb4f946a2aee08ff6864a2e9945844e5b3f5ad842879dbc8b65b9277",
      "319c380357cdfcef20f52142d7d6409a6f2ecaf1f122719e5c197988c369258f2399737a0e1cbb91c6282dd4a60e4d3e",
      "579e6e0fcf89b7542ae3b2a28bd62eebddb16596cca0df8b4011e27e7e8ca3902dfad8061b81fe62137731645e81d022" },
    { 64, 16384, 2, 7,
      "98ee5426b46ddc7679f717eb99d116e2e09b5b259ce47f4ff9a0caa3b92c5182c5e56c0b80d8405bbcbb3fe71d35261f",
      "8f69329ac93202d19926018428b1b00dc1182c2d689374c8c2ef3763c71aaec649a4b67d4ebacd60e71e488e6b067c84",
      "b157bb7b1817f1aa20d1156403a4fb1c0eec19f4854e9431749766ff7c32826fe940191ba07929c5da7e2545466ace55" },
};
/* clang-format on */

static void blobs_equal_those_of_qemu(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(real_rows); i++) {
        const struct measure_shape shape = {
            .qemu_major = 11,
            .vcpus = real_rows[i].vcpus,
            .memory_bytes = real_rows[i].memory_mib * MIB,
            .n_nics = real_rows[i].n_nics,
            .n_volumes = real_rows[i].n_volumes,
        };
        struct measure_acpi acpi;
        struct ds_error e = { 0 };
        assert_int_equal(measure_acpi_find(&acpi, &shape, &e), DS_OK);
        assert_string_equal(DS_HEX(DS_SPAN_OF(acpi.loader48)), real_rows[i].loader);
        assert_string_equal(DS_HEX(DS_SPAN_OF(acpi.rsdp48)), real_rows[i].rsdp);
        assert_string_equal(DS_HEX(DS_SPAN_OF(acpi.tables48)), real_rows[i].tables);
    }
}

/* One step inside each bound is known; one step outside is refused, and says what is known. */
static void shapes_outside_the_bounds_are_unproven(void **state)
{
    (void)state;
    static const struct {
        struct measure_shape shape;
        int want;
        const char *says;
    } rows[] = {
        { { 11, 1, 256 * MIB, 0, 0, false }, DS_OK, NULL },
        { { 11, 64, 65536 * MIB, 2, 16, false }, DS_OK, NULL },
        { { 11, 2, 2048 * MIB, 1, 0, true }, DS_ERR_UNSUPPORTED, "TPM" },
        { { 10, 2, 2048 * MIB, 1, 0, false }, DS_ERR_UNSUPPORTED, "QEMU 10" },
        { { 12, 2, 2048 * MIB, 1, 0, false }, DS_ERR_UNSUPPORTED, "QEMU 12" },
        { { 11, 0, 2048 * MIB, 1, 0, false }, DS_ERR_UNSUPPORTED, "not for 0" },
        { { 11, 65, 2048 * MIB, 1, 0, false }, DS_ERR_UNSUPPORTED, "1 to 64 vCPUs" },
        { { 11, 2, 255 * MIB, 1, 0, false }, DS_ERR_UNSUPPORTED, "256 MiB to 64 GiB" },
        { { 11, 2, 65537 * MIB, 1, 0, false }, DS_ERR_UNSUPPORTED, "256 MiB to 64 GiB" },
        { { 11, 2, 2048 * MIB + 4096, 1, 0, false }, DS_ERR_UNSUPPORTED, "whole MiB" },
        { { 11, 2, 2048 * MIB, 3, 0, false }, DS_ERR_UNSUPPORTED, "at most 2 network cards" },
        { { 11, 2, 2048 * MIB, 1, 17, false }, DS_ERR_UNSUPPORTED, "16 volumes" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct measure_acpi acpi;
        struct ds_error e = { 0 };
        assert_int_equal(measure_acpi_find(&acpi, &rows[i].shape, &e), rows[i].want);
        if (rows[i].want == DS_OK)
            continue;
        assert_int_equal(e.code, DS_CODE_MEASURE_SHAPE_UNPROVEN);
        assert_non_null(strstr(e.msg, rows[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blobs_equal_those_of_qemu),
        cmocka_unit_test(shapes_outside_the_bounds_are_unproven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of hardware roots. Adding a row is the only way to make trust of
 * kind hardware. Roots are pinned by key: Intel has issued its root twice with
 * one key and two expiry dates.
 */

#include "attest/anchors.h"

#include "base/hex.h"
#include "base/scope.h"

static const struct {
    const char *name;
    enum ds_vendor vendor; /* whose evidence it vouches for */
    uint8_t spki_sha256[32];
} pinned[] = {
    { "Intel SGX Root CA", DS_VENDOR_INTEL, { 0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4,
                                              0x13, 0x2f, 0x91, 0x86, 0x06, 0x8a, 0x7f, 0xc1,
                                              0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35, 0x77, 0x74,
                                              0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e } },
    { "AMD ARK-Milan", DS_VENDOR_AMD, { 0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29,
                                        0x30, 0x8c, 0xb5, 0xff, 0xa8, 0x95, 0xbd, 0xfb,
                                        0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b, 0xed, 0x8d,
                                        0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9 } },
    { "AMD ARK-Genoa", DS_VENDOR_AMD, { 0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58,
                                        0xee, 0x4d, 0x8d, 0xb5, 0xfc, 0xda, 0x9c, 0x64,
                                        0x70, 0xef, 0x15, 0xf8, 0xcd, 0x5a, 0x9c, 0xeb,
                                        0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31 } },
    { "AMD ARK-Turin", DS_VENDOR_AMD, { 0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9,
                                        0xa5, 0x03, 0x56, 0xf9, 0x24, 0x3f, 0x6f, 0xe0,
                                        0xb6, 0xf7, 0x3d, 0xe9, 0x86, 0x03, 0xf5, 0x3f,
                                        0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08 } },
};

const char *ds_kind_text(enum ds_kind kind)
{
    static const char *const texts[] = {
        [DS_KIND_NONE] = "none",
        [DS_KIND_HARDWARE] = "hardware",
        [DS_KIND_SIMULATED] = "simulated",
        [DS_KIND_CUSTOM] = "custom",
    };
    return texts[kind];
}

const char *ds_anchors_name(size_t i) { return i < DS_LEN(pinned) ? pinned[i].name : NULL; }

int ds_anchors_find(struct ds_anchor *ret, const struct ds_anchors *anchors, enum ds_vendor vendor,
                    const uint8_t spki_sha256[static 32], struct ds_error *e)
{
    for (size_t i = 0; i < DS_LEN(pinned); i++)
        if ((anchors->without >> i & 1) == 0 && pinned[i].vendor == vendor &&
            memcmp(pinned[i].spki_sha256, spki_sha256, 32) == 0) {
            *ret = (struct ds_anchor){ pinned[i].name, DS_KIND_HARDWARE };
            return DS_OK;
        }
    for (size_t i = 0; i < anchors->n_extra; i++) {
        const struct ds_extra_anchor *x = &anchors->extra[i];
        if (memcmp(x->spki_sha256, spki_sha256, 32) != 0)
            continue;
        *ret = (struct ds_anchor){ x->name, x->is_simulated ? DS_KIND_SIMULATED : DS_KIND_CUSTOM };
        return DS_OK;
    }
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_ROOT_UNKNOWN, "root_spki_sha256",
                     "a pinned or given root", DS_HEX(DS_SPAN(spki_sha256, 32)),
                     "the compiled-in roots and those given");
}

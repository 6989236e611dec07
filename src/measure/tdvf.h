/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a firmware file says about itself to the TDX loader: the TDVF section
 * list behind the GUIDed table at its end, and what follows from it: MRTD, and
 * the memory map handed to the firmware (TD HOB).
 */

#include "measure/measure.h"

#define TDVF_SECTIONS_MAX 16

enum tdvf_type {
    TDVF_TYPE_BFV,
    TDVF_TYPE_CFV,
    TDVF_TYPE_TD_HOB,
    TDVF_TYPE_TEMP_MEM,
};

struct tdvf_section {
    struct ds_span data; /* inside the firmware; at most mem_len bytes */
    uint64_t gpa, mem_len;
    uint32_t type, attrs;
};

struct tdvf {
    size_t n_sections;
    struct tdvf_section sections[TDVF_SECTIONS_MAX];
};

/* The section list; borrows the firmware. err: FORMAT with measure.firmware_format */
DS_MUST_USE int tdvf_parse(struct tdvf *ret, struct ds_span firmware, struct ds_error *e);

/* MRTD of a build that QEMU makes: in two passes over each section, or page by page. */
DS_MUST_USE int tdvf_mrtd(uint8_t ret48[static 48], const struct tdvf *tdvf, bool two_pass,
                          struct ds_error *e);

/* The accepted ranges, packed as measurement.tdx.cbor carries them. */
DS_MUST_USE int tdvf_hob_pack(struct measure_image *image, const struct tdvf *tdvf,
                              struct ds_error *e);

/* SHA-384 of the TD HOB that QEMU makes from the packed ranges for this memory. */
DS_MUST_USE int tdvf_hob_digest(uint8_t ret48[static 48], struct ds_span packed,
                                uint64_t memory_bytes, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small files with the structure that the measure room reads: a firmware with
 * TDVF metadata, a kernel with PE and Linux setup headers.
 */

#include "base/writer.h"

#define FW_LEN        0x4000U
#define FW_VARS_LEN   0x1000U /* section 1; section 0 are the 0x2000 bytes after it */
#define FW_CODE_LEN   0x2000U
#define FW_DESC_AT    0x3800U
#define FW_SECTIONS   4U
#define FW_TAIL_LEN   32U
#define FW_TABLE_LEN  (18U + 22U + 18U + 4U) /* footer, TDVF entry, one foreign entry */
#define FW_FOOTER_AT  (FW_LEN - FW_TAIL_LEN - 18U)
#define FW_ENTRY_AT   (FW_FOOTER_AT - 22U) /* the TDVF entry: offset, length, GUID */
#define FW_FOREIGN_AT (FW_ENTRY_AT - 22U)

static const uint8_t fw_footer_guid[16] = { 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                                            0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d };
static const uint8_t fw_tdvf_guid[16] = { 0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47,
                                          0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2 };

static inline void fw_section(struct ds_writer *w, uint32_t at, uint32_t len, uint64_t gpa,
                              uint64_t mem_len, uint32_t type, uint32_t attrs)
{
    ds_write_u32le(w, at);
    ds_write_u32le(w, len);
    ds_write_u64le(w, gpa);
    ds_write_u64le(w, mem_len);
    ds_write_u32le(w, type);
    ds_write_u32le(w, attrs);
}

/* Code (measured), variables, TD HOB, temporary memory. */
static inline void fw_fill(uint8_t fw[static FW_LEN])
{
    for (size_t i = 0; i < FW_LEN; i++)
        fw[i] = (uint8_t)(i * 7 + i / 256);
    struct ds_writer w = ds_writer_of(fw + FW_DESC_AT, 16 + 32 * FW_SECTIONS);
    ds_write_str(&w, "TDVF");
    ds_write_u32le(&w, 16 + 32 * FW_SECTIONS);
    ds_write_u32le(&w, 1);
    ds_write_u32le(&w, FW_SECTIONS);
    fw_section(&w, FW_VARS_LEN, FW_CODE_LEN, 0xffffd000, FW_CODE_LEN, 0, 1);
    fw_section(&w, 0, FW_VARS_LEN, 0xffffc000, FW_VARS_LEN, 1, 0);
    fw_section(&w, 0, 0, 0x809000, 0x2000, 2, 0);
    fw_section(&w, 0, 0, 0x80b000, 0x2000, 3, 2);
    w = ds_writer_of(fw + FW_FOREIGN_AT, FW_TABLE_LEN);
    ds_write_zeros(&w, 4);
    ds_write_u16le(&w, 22);
    ds_write_zeros(&w, 16);
    ds_write_u32le(&w, FW_LEN - FW_DESC_AT);
    ds_write_u16le(&w, 22);
    ds_write(&w, DS_SPAN_OF(fw_tdvf_guid));
    ds_write_u16le(&w, FW_TABLE_LEN);
    ds_write(&w, DS_SPAN_OF(fw_footer_guid));
}

#define KERNEL_LEN         0x1240U
#define KERNEL_HEADER_LEN  0x400U
#define KERNEL_PE_AT       0x40U
#define KERNEL_OPTIONAL_AT (KERNEL_PE_AT + 24U)
#define KERNEL_CHECKSUM_AT (KERNEL_OPTIONAL_AT + 64U)
#define KERNEL_SECURITY_AT (KERNEL_OPTIONAL_AT + 112U + 32U)
#define KERNEL_SECTION_AT  (KERNEL_OPTIONAL_AT + 0xa0U)
#define KERNEL_DATA_END    0x1000U /* two sections up to here, in the wrong order in the header */
#define KERNEL_SIGNED_LEN  0x1200U /* 0x200 bytes behind the sections; then a signature */
#define KERNEL_SIG_LEN     0x40U

static inline void kernel_section(struct ds_writer *w, uint32_t at, uint32_t len)
{
    ds_write_zeros(w, 16);
    ds_write_u32le(w, len);
    ds_write_u32le(w, at);
    ds_write_zeros(w, 16);
}

static inline void kernel_fill(uint8_t k[static KERNEL_LEN])
{
    for (size_t i = 0; i < KERNEL_LEN; i++)
        k[i] = (uint8_t)(i * 5 + i / 256);
    struct ds_writer w = ds_writer_of(k, KERNEL_HEADER_LEN);
    ds_write_str(&w, "MZ");
    ds_write_zeros(&w, 0x3c - 2);
    ds_write_u32le(&w, KERNEL_PE_AT);
    ds_write(&w, DS_SPAN_LIT("PE\0\0\x64\x86"));
    ds_write_u16le(&w, 3); /* sections; one of them empty */
    ds_write_zeros(&w, 12);
    ds_write_u16le(&w, 0xa0);
    ds_write_u16le(&w, 0x0206);
    ds_write_u16le(&w, 0x020b);
    ds_write_zeros(&w, 58);
    ds_write_u32le(&w, KERNEL_HEADER_LEN);
    ds_write_u32le(&w, 0x11223344); /* checksum */
    ds_write_zeros(&w, 40);
    ds_write_u32le(&w, 6); /* directories */
    ds_write_zeros(&w, 4 * 8);
    ds_write_u32le(&w, KERNEL_SIGNED_LEN);
    ds_write_u32le(&w, KERNEL_SIG_LEN);
    ds_write_zeros(&w, 8);
    kernel_section(&w, 0xc00, KERNEL_DATA_END - 0xc00);
    kernel_section(&w, 0xffff0000, 0);
    kernel_section(&w, KERNEL_HEADER_LEN, 0xc00 - KERNEL_HEADER_LEN);

    w = ds_writer_of(k + 0x202, 0x40);
    ds_write_str(&w, "HdrS");
    ds_write_u16le(&w, 0x020f);
    ds_write_zeros(&w, 0x211 - 0x208);
    ds_write_u8(&w, 0x01); /* loaded high */
    ds_write_zeros(&w, 0x22c - 0x212);
    ds_write_u32le(&w, 0x7fffffff); /* initrd_addr_max */
    ds_write_zeros(&w, 6);
    ds_write_u16le(&w, 0x003f); /* not above 4 GiB */
}

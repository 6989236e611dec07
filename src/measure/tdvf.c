/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDVF metadata (Intel TDX Virtual Firmware Design Guide, 11.2) and MRTD as the
 * TDX module computes it from the calls that QEMU makes.
 */
#include "measure/tdvf.h"

#include "base/scope.h"
#include "base/writer.h"
#include "crypto/hash.h"

#define PAGE_LEN       4096U
#define CHUNK_LEN      256U
#define TABLE_TAIL_LEN 32U /* the reset vector after the GUIDed table */
#define ENTRY_LEN      18U /* u16 length, GUID; its data stand before it */

#define ATTR_EXTEND 1U
#define ATTR_AUG    2U

/* 96b582de-1fb2-45f7-baea-a366c55a082d and e47a6535-984a-4798-865e-4685a7bf8ec2 */
static const uint8_t footer_guid[16] = { 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
                                         0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d };
static const uint8_t tdvf_guid[16] = { 0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47,
                                       0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2 };

#define bad_firmware(e, ...) \
    ds_fail_code((e), DS_ERR_FORMAT, DS_CODE_MEASURE_FIRMWARE_FORMAT, __VA_ARGS__)

/* The entry that ends at the end of *table; cuts it off. False when there is none. */
static bool last_entry(struct ds_span *table, struct ds_span *ret_guid, struct ds_span *ret_data)
{
    if (table->len < ENTRY_LEN)
        return false;
    struct ds_reader r = ds_reader_of(*table);
    ds_read_skip(&r, table->len - ENTRY_LEN);
    size_t len = ds_read_u16le(&r);
    if (len < ENTRY_LEN || len > table->len)
        return false;
    *ret_guid = ds_read_span(&r, 16);
    *ret_data = ds_span_sub(*table, table->len - len, len - ENTRY_LEN);
    table->len -= len;
    return true;
}

/* The footer's length covers the whole table, itself included. */
static int find_descriptor(size_t *ret_at, struct ds_span firmware, struct ds_error *e)
{
    if (firmware.len < TABLE_TAIL_LEN + ENTRY_LEN)
        return bad_firmware(e, "firmware of %zu bytes has no GUIDed table", firmware.len);
    struct ds_span table = ds_span_sub(firmware, 0, firmware.len - TABLE_TAIL_LEN);
    struct ds_span guid, entries, data;
    if (!last_entry(&table, &guid, &entries) || !ds_span_eq(guid, DS_SPAN_OF(footer_guid)))
        return bad_firmware(e, "firmware has no GUIDed table before its last %u bytes",
                            TABLE_TAIL_LEN);
    while (last_entry(&entries, &guid, &data)) {
        if (!ds_span_eq(guid, DS_SPAN_OF(tdvf_guid)))
            continue;
        struct ds_reader r = ds_reader_of(data);
        uint32_t from_end = ds_read_u32le(&r);
        if (ds_reader_end(&r, NULL, "") != DS_OK || from_end == 0 || from_end > firmware.len)
            return bad_firmware(e, "firmware's TDVF entry points outside the file");
        *ret_at = firmware.len - from_end;
        return DS_OK;
    }
    return bad_firmware(e, "firmware has no TDVF entry: it was not built for TDX");
}

static int parse_section(struct tdvf_section *ret, struct ds_reader *r, struct ds_span firmware,
                         struct ds_error *e)
{
    uint32_t data_off = ds_read_u32le(r);
    uint32_t data_len = ds_read_u32le(r);
    ret->gpa = ds_read_u64le(r);
    ret->mem_len = ds_read_u64le(r);
    ret->type = ds_read_u32le(r);
    ret->attrs = ds_read_u32le(r);
    if (r->bad)
        return bad_firmware(e, "TDVF section list ends early");
    ret->data = ds_span_sub(firmware, data_off, data_len);
    if (ret->data.len != data_len)
        return bad_firmware(e, "TDVF section's data lie outside the file");
    if (ret->gpa % PAGE_LEN != 0 || ret->mem_len % PAGE_LEN != 0 || data_len > ret->mem_len)
        return bad_firmware(e, "TDVF section is not made of pages");
    /* Everything lies below 4 GiB: bounds every loop over pages, and every sum. */
    if (ret->gpa > UINT32_MAX || ret->mem_len > UINT32_MAX)
        return bad_firmware(e, "TDVF section lies above 4 GiB");
    if ((ret->attrs & ATTR_EXTEND) != 0 && ret->mem_len != data_len)
        return bad_firmware(e, "measured TDVF section is not filled by the file");
    return DS_OK;
}

int tdvf_parse(struct tdvf *ret, struct ds_span firmware, struct ds_error *e)
{
    size_t at = 0;
    DS_TRY(find_descriptor(&at, firmware, e));
    struct ds_reader r = ds_reader_of(ds_span_sub(firmware, at, firmware.len));
    struct ds_span magic = ds_read_span(&r, 4);
    uint32_t len = ds_read_u32le(&r);
    uint32_t version = ds_read_u32le(&r);
    uint32_t n = ds_read_u32le(&r);
    if (r.bad || !ds_span_eq_str(magic, "TDVF"))
        return bad_firmware(e, "firmware has no TDVF descriptor where its table points");
    if (version != 1 || n == 0 || n > TDVF_SECTIONS_MAX || len != 16 + 32 * n)
        return bad_firmware(e, "TDVF descriptor: version %u, %u sections in %u bytes", version, n,
                            len);
    struct tdvf out = { .n_sections = n };
    for (uint32_t i = 0; i < n; i++)
        DS_TRY(parse_section(&out.sections[i], &r, firmware, e));
    *ret = out;
    return DS_OK;
}

/* One 128-byte record of the build: an operation's name and the page or chunk it is about. */
static int record(struct ds_hasher *h, const char *op, uint64_t gpa, struct ds_error *e)
{
    uint8_t bytes[128];
    struct ds_writer w = ds_writer_of(bytes, sizeof bytes);
    ds_write_str(&w, op);
    ds_write_zeros(&w, 16 - ds_write_len(&w));
    ds_write_u64le(&w, gpa);
    ds_write_zeros(&w, sizeof bytes - ds_write_len(&w));
    DS_TRY(ds_writer_end(&w, e, "MRTD record"));
    return ds_hasher_update(h, DS_SPAN_OF(bytes), e);
}

static int add_page(struct ds_hasher *h, const struct tdvf_section *s, uint64_t at,
                    struct ds_error *e)
{
    if ((s->attrs & ATTR_AUG) != 0)
        return DS_OK;
    return record(h, "MEM.PAGE.ADD", s->gpa + at, e);
}

static int extend_page(struct ds_hasher *h, const struct tdvf_section *s, uint64_t at,
                       struct ds_error *e)
{
    if ((s->attrs & ATTR_EXTEND) == 0)
        return DS_OK;
    for (uint64_t chunk = at; chunk < at + PAGE_LEN; chunk += CHUNK_LEN) {
        DS_TRY(record(h, "MR.EXTEND", s->gpa + chunk, e));
        DS_TRY(ds_hasher_update(h, ds_span_sub(s->data, chunk, CHUNK_LEN), e));
    }
    return DS_OK;
}

static int build_section(struct ds_hasher *h, const struct tdvf_section *s, bool two_pass,
                         struct ds_error *e)
{
    for (uint64_t at = 0; at < s->mem_len; at += PAGE_LEN) {
        DS_TRY(add_page(h, s, at, e));
        if (!two_pass)
            DS_TRY(extend_page(h, s, at, e));
    }
    for (uint64_t at = 0; two_pass && at < s->mem_len; at += PAGE_LEN)
        DS_TRY(extend_page(h, s, at, e));
    return DS_OK;
}

int tdvf_mrtd(uint8_t ret48[static 48], const struct tdvf *tdvf, bool two_pass, struct ds_error *e)
{
    DS_AUTO(ds_hasher_free) struct ds_hasher h = { 0 };
    DS_TRY(ds_hasher_new(&h, DS_SHA384, e));
    for (size_t i = 0; i < tdvf->n_sections; i++)
        DS_TRY(build_section(&h, &tdvf->sections[i], two_pass, e));
    return ds_hasher_final(&h, ret48, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TD HOB: the memory map that QEMU hands to the firmware of a TD, and that
 * the firmware measures first. Its bytes depend on the firmware's section list
 * (packed into the image's document) and on the machine's memory.
 */
#include "measure/tdvf.h"

#include "base/writer.h"
#include "crypto/hash.h"

#define PAGE_SHIFT 12U

/* q35: memory of LOW_MAX and more is split, and then only LOW_SPLIT stays below 4 GiB. */
#define LOW_MAX   0xb0000000ULL
#define LOW_SPLIT 0x80000000ULL
#define HIGH_BASE 0x100000000ULL

#define HOB_MAX (56 + 48 * (2 * TDVF_SECTIONS_MAX + 2))

enum hob_resource {
    HOB_ACCEPTED = 0,
    HOB_UNACCEPTED = 7,
};

struct hob_range {
    uint64_t start, len;
};

struct hob_map {
    uint64_t hob_gpa;
    size_t n;
    struct hob_range ranges[TDVF_SECTIONS_MAX]; /* accepted; sorted, apart */
};

#define bad_hob(e, ...) \
    ds_fail_code((e), DS_ERR_FORMAT, DS_CODE_MEASURE_DOCUMENT_FORMAT, __VA_ARGS__)

static void write_leb128(struct ds_writer *w, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        ds_write_u8(w, (uint8_t)(v | 0x80));
    ds_write_u8(w, (uint8_t)v);
}

/* At most 28 bits: page numbers below 2^40 bytes of address. Shortest form only. */
static uint64_t read_leb128(struct ds_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t b = ds_read_u8(r);
        v |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) != 0)
            continue;
        if (b == 0 && shift > 0)
            break;
        return v;
    }
    r->bad = true;
    return 0;
}

static void insert_sorted(struct hob_map *map, struct hob_range range)
{
    size_t i = map->n++;
    for (; i > 0 && map->ranges[i - 1].start > range.start; i--)
        map->ranges[i] = map->ranges[i - 1];
    map->ranges[i] = range;
}

int tdvf_hob_pack(struct measure_image *image, const struct tdvf *tdvf, struct ds_error *e)
{
    struct hob_map map = { 0 };
    for (size_t i = 0; i < tdvf->n_sections; i++) {
        const struct tdvf_section *s = &tdvf->sections[i];
        if (s->type == TDVF_TYPE_TD_HOB)
            map.hob_gpa = s->gpa;
        if (s->type == TDVF_TYPE_TD_HOB || s->type == TDVF_TYPE_TEMP_MEM)
            insert_sorted(&map, (struct hob_range){ s->gpa, s->mem_len });
    }
    if (map.hob_gpa == 0)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_MEASURE_FIRMWARE_FORMAT,
                            "firmware names no place for the TD HOB");
    uint64_t base = map.ranges[0].start;
    struct ds_writer w = ds_writer_of(image->td_hob, sizeof image->td_hob);
    write_leb128(&w, base >> PAGE_SHIFT);
    write_leb128(&w, (map.hob_gpa - base) >> PAGE_SHIFT);
    write_leb128(&w, map.n);
    for (size_t i = 0; i < map.n; i++) {
        write_leb128(&w, (map.ranges[i].start - base) >> PAGE_SHIFT);
        write_leb128(&w, map.ranges[i].len >> PAGE_SHIFT);
    }
    DS_TRY(ds_writer_end(&w, e, "packed TD HOB"));
    image->td_hob_len = ds_write_len(&w);
    return DS_OK;
}

static int unpack(struct hob_map *ret, struct ds_span packed, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(packed);
    struct hob_map map = { 0 };
    uint64_t base = read_leb128(&r);
    map.hob_gpa = (base + read_leb128(&r)) << PAGE_SHIFT;
    uint64_t n = read_leb128(&r);
    if (r.bad || n == 0 || n > TDVF_SECTIONS_MAX)
        return bad_hob(e, "td_hob names no ranges, or too many");
    uint64_t end = 0;
    for (map.n = 0; map.n < n; map.n++) {
        uint64_t start = (base + read_leb128(&r)) << PAGE_SHIFT;
        uint64_t len = read_leb128(&r) << PAGE_SHIFT;
        if (!r.bad && (start < end || len == 0))
            return bad_hob(e, "td_hob ranges are not in order");
        map.ranges[map.n] = (struct hob_range){ start, len };
        end = start + len;
    }
    if (r.bad || ds_read_left(&r) != 0)
        return bad_hob(e, "td_hob is cut off or has bytes after its end");
    *ret = map;
    return DS_OK;
}

/* HOB type 3, PI specification 1.8 volume 3, 5.5. */
static void write_range(struct ds_writer *w, enum hob_resource resource, uint64_t start,
                        uint64_t len)
{
    ds_write_u16le(w, 3);
    ds_write_u16le(w, 48);
    ds_write_zeros(w, 4 + 16); /* reserved, owner */
    ds_write_u32le(w, (uint32_t)resource);
    ds_write_u32le(w, 7); /* present, initialised, tested */
    ds_write_u64le(w, start);
    ds_write_u64le(w, len);
}

static void write_gap(struct ds_writer *w, uint64_t start, uint64_t end)
{
    if (end > start)
        write_range(w, HOB_UNACCEPTED, start, end - start);
}

/* HOB type 1 (handoff); `end` is the address behind the end marker that QEMU puts last. */
static void write_handoff(struct ds_writer *w, uint64_t end)
{
    ds_write_u16le(w, 1);
    ds_write_u16le(w, 56);
    ds_write_zeros(w, 4);
    ds_write_u32le(w, 9); /* version */
    ds_write_zeros(w, 4 + 4 * 8);
    ds_write_u64le(w, end);
}

/* What is not accepted, then, after the last accepted range, the rest of memory. */
static void write_ranges(struct ds_writer *w, const struct hob_map *map, uint64_t memory_bytes)
{
    uint64_t at = 0;
    for (size_t i = 0; i < map->n; i++) {
        write_gap(w, at, map->ranges[i].start);
        write_range(w, HOB_ACCEPTED, map->ranges[i].start, map->ranges[i].len);
        at = map->ranges[i].start + map->ranges[i].len;
    }
    if (memory_bytes < LOW_MAX) {
        write_gap(w, at, memory_bytes);
        return;
    }
    write_gap(w, at, LOW_SPLIT);
    write_range(w, HOB_UNACCEPTED, HIGH_BASE, memory_bytes - LOW_SPLIT);
}

int tdvf_hob_digest(uint8_t ret48[static 48], struct ds_span packed, uint64_t memory_bytes,
                    struct ds_error *e)
{
    struct hob_map map;
    DS_TRY(unpack(&map, packed, e));
    const struct hob_range *last = &map.ranges[map.n - 1];
    if (last->start + last->len >= memory_bytes || last->start + last->len >= LOW_SPLIT)
        return ds_fail(e, DS_ERR_RANGE, "%llu bytes of memory do not hold the firmware",
                       (unsigned long long)memory_bytes);

    uint8_t ranges[HOB_MAX], handoff[56];
    struct ds_writer w = ds_writer_of(ranges, sizeof ranges);
    write_ranges(&w, &map, memory_bytes);
    DS_TRY(ds_writer_end(&w, e, "TD HOB"));

    struct ds_writer head = ds_writer_of(handoff, sizeof handoff);
    write_handoff(&head, map.hob_gpa + sizeof handoff + ds_write_len(&w) + 8);
    DS_TRY(ds_writer_end(&head, e, "TD HOB"));
    struct ds_span parts[] = { ds_write_span(&head), ds_write_span(&w) };
    return ds_hash_v(DS_SHA384, ret48, parts, 2, e);
}

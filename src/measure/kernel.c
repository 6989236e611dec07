/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticode digest, the way edk2 takes it of an image that it is about to
 * start (Windows Authenticode Portable Executable Signature Format, "Calculating
 * the PE Image Hash"), and the Linux setup header patch.
 */
#include "measure/kernel.h"

#include "base/scope.h"
#include "base/writer.h"
#include "crypto/hash.h"

#define PE_SECTIONS_MAX  96
#define PE_SECURITY_DIR  4
#define PE_DIR_LEN       8
#define PE32_PLUS        0x20b
#define SETUP_HEADER_END 0x260

#define bad_kernel(e, ...) \
    ds_fail_code((e), DS_ERR_FORMAT, DS_CODE_MEASURE_KERNEL_FORMAT, __VA_ARGS__)

/* A file of which the first bytes may have been replaced. */
struct image {
    struct ds_span file;
    struct ds_span head; /* empty, or SETUP_HEADER_END bytes that stand for the file's */
};

struct pe_section {
    uint32_t at, len;
};

struct pe {
    size_t checksum_at;
    size_t security_at; /* directory entry; 0 when the header has none */
    size_t security_len;
    size_t header_len;
    size_t n_sections;
    struct pe_section sections[PE_SECTIONS_MAX]; /* sorted by place, none empty */
};

static void insert_section(struct pe *pe, struct pe_section s)
{
    size_t i = pe->n_sections++;
    for (; i > 0 && pe->sections[i - 1].at > s.at; i--)
        pe->sections[i] = pe->sections[i - 1];
    pe->sections[i] = s;
}

static void parse_sections(struct pe *pe, struct ds_reader *r, size_t n)
{
    for (size_t i = 0; i < n && !r->bad; i++) {
        struct pe_section s = { 0 };
        ds_read_skip(r, 16);
        s.len = ds_read_u32le(r);
        s.at = ds_read_u32le(r);
        ds_read_skip(r, 16);
        if (s.len > 0)
            insert_section(pe, s);
    }
}

/* PE/COFF 1.11: the optional header of a 64-bit image, from its magic on. */
static void parse_optional(struct pe *pe, struct ds_reader *r, size_t at)
{
    pe->checksum_at = at + 64;
    ds_read_skip(r, 58);
    pe->header_len = ds_read_u32le(r);
    ds_read_skip(r, 44);
    uint32_t n_dirs = ds_read_u32le(r);
    if (n_dirs <= PE_SECURITY_DIR)
        return;
    ds_read_skip(r, (size_t)PE_SECURITY_DIR * PE_DIR_LEN + 4);
    pe->security_at = at + 112 + (size_t)PE_SECURITY_DIR * PE_DIR_LEN;
    pe->security_len = ds_read_u32le(r);
}

static int check_layout(const struct pe *pe, size_t file_len, struct ds_error *e)
{
    size_t end = pe->header_len;
    if (end > file_len || end < pe->checksum_at + 4 ||
        (pe->security_at != 0 && end < pe->security_at + PE_DIR_LEN))
        return bad_kernel(e, "kernel's PE header claims %zu bytes", end);
    for (size_t i = 0; i < pe->n_sections; i++) {
        const struct pe_section *s = &pe->sections[i];
        if (s->at < end || (uint64_t)s->at + s->len > file_len)
            return bad_kernel(e, "kernel's PE section %zu overlaps or lies outside the file", i);
        end = (size_t)s->at + s->len;
    }
    return DS_OK;
}

static int parse_pe(struct pe *ret, struct ds_span file, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(file);
    struct ds_span mz = ds_read_span(&r, 2);
    ds_read_skip(&r, 0x3c - 2);
    uint32_t pe_at = ds_read_u32le(&r);
    if (r.bad || !ds_span_eq_str(mz, "MZ"))
        return bad_kernel(e, "kernel is no PE image: the kernel must have an EFI stub");

    r = ds_reader_of(ds_span_sub(file, pe_at, file.len));
    struct ds_span magic = ds_read_span(&r, 4);
    ds_read_skip(&r, 2);
    size_t n_sections = ds_read_u16le(&r);
    ds_read_skip(&r, 12);
    size_t optional_len = ds_read_u16le(&r);
    ds_read_skip(&r, 2);
    struct ds_reader optional = ds_read_sub(&r, optional_len);
    uint16_t optional_magic = ds_read_u16le(&optional);
    if (r.bad || memcmp(magic.p, "PE\0\0", 4) != 0 || optional_magic != PE32_PLUS)
        return bad_kernel(e, "kernel is no 64-bit PE image");

    struct pe pe = { 0 };
    if (n_sections > PE_SECTIONS_MAX)
        return bad_kernel(e, "kernel's PE image has %zu sections", n_sections);
    parse_optional(&pe, &optional, (size_t)pe_at + 24);
    parse_sections(&pe, &r, n_sections);
    if (r.bad || optional.bad)
        return bad_kernel(e, "kernel's PE header is cut off");
    DS_TRY(check_layout(&pe, file.len, e));
    *ret = pe;
    return DS_OK;
}

static int hash_range(struct ds_hasher *h, const struct image *image, size_t from, size_t to,
                      struct ds_error *e)
{
    if (from < image->head.len) {
        size_t stop = to < image->head.len ? to : image->head.len;
        DS_TRY(ds_hasher_update(h, ds_span_sub(image->head, from, stop - from), e));
        from = stop;
    }
    return ds_hasher_update(h, ds_span_sub(image->file, from, to - from), e);
}

/* All but the checksum and the entry that says where the signature is. */
static int hash_header(struct ds_hasher *h, const struct image *image, const struct pe *pe,
                       struct ds_error *e)
{
    size_t at = pe->checksum_at + 4;
    DS_TRY(hash_range(h, image, 0, pe->checksum_at, e));
    if (pe->security_at != 0) {
        DS_TRY(hash_range(h, image, at, pe->security_at, e));
        at = pe->security_at + PE_DIR_LEN;
    }
    return hash_range(h, image, at, pe->header_len, e);
}

static int hash_image(uint8_t ret48[static 48], const struct image *image, struct ds_error *e)
{
    struct pe pe;
    DS_TRY(parse_pe(&pe, image->file, e));
    DS_AUTO(ds_hasher_free) struct ds_hasher h = { 0 };
    DS_TRY(ds_hasher_new(&h, DS_SHA384, e));
    DS_TRY(hash_header(&h, image, &pe, e));
    size_t done = pe.header_len;
    for (size_t i = 0; i < pe.n_sections; i++) {
        size_t at = pe.sections[i].at, len = pe.sections[i].len;
        DS_TRY(hash_range(&h, image, at, at + len, e));
        done += len;
    }
    /* Step 13: what stands behind the sections, without the signature at its end. edk2 counts
     * bytes hashed as the place to go on from, and so does this. */
    size_t end = image->file.len - done > pe.security_len ? image->file.len - pe.security_len : 0;
    if (end > done)
        DS_TRY(hash_range(&h, image, done, end, e));
    return ds_hasher_final(&h, ret48, e);
}

int kernel_authenticode(uint8_t ret48[static 48], struct ds_span kernel, struct ds_error *e)
{
    return hash_image(ret48, &(struct image){ .file = kernel }, e);
}

/* Linux x86 boot protocol: the fields of the setup header that the patch depends on. */
struct setup {
    uint16_t protocol;
    bool loaded_high, above_4g;
    uint32_t initrd_max;
};

static int parse_setup(struct setup *ret, struct ds_span head, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(ds_span_sub(head, 0x202, head.len));
    if (!ds_span_eq_str(ds_span_sub(head, 0x202, 4), "HdrS"))
        return bad_kernel(e, "kernel has no Linux setup header");
    ds_read_skip(&r, 4);
    ret->protocol = ds_read_u16le(&r);
    r = ds_reader_of(ds_span_sub(head, 0x211, head.len));
    ret->loaded_high = (ds_read_u8(&r) & 1) != 0;
    r = ds_reader_of(ds_span_sub(head, 0x22c, head.len));
    ret->initrd_max = ds_read_u32le(&r);
    r = ds_reader_of(ds_span_sub(head, 0x236, head.len));
    ret->above_4g = (ds_read_u16le(&r) & 0x40) != 0;
    return DS_OK;
}

static void put_le32(uint8_t *p, uint64_t v)
{
    for (size_t i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* Where QEMU puts the initrd: as high as header and memory allow, below its ACPI reserve. */
static int initrd_place(uint64_t *ret, const struct setup *setup, uint64_t initrd_len,
                        uint64_t memory_bytes, struct ds_error *e)
{
    uint64_t max = 0x37ffffff;
    if (setup->protocol >= 0x20c && setup->above_4g)
        max = 0xffffffff;
    else if (setup->protocol >= 0x203)
        max = setup->initrd_max;
    uint64_t low_max = memory_bytes < 0xb0000000 ? 0xb0000000 : 0x80000000;
    uint64_t below_4g = memory_bytes < low_max ? memory_bytes : low_max;
    if (below_4g < 0x100000 || initrd_len >= below_4g - 0x28000)
        return ds_fail(e, DS_ERR_RANGE, "an initrd of %llu bytes does not fit into the memory",
                       (unsigned long long)initrd_len);
    if (max > below_4g - 0x28000 - 1)
        max = below_4g - 0x28000 - 1;
    if (initrd_len > max)
        return ds_fail(e, DS_ERR_RANGE, "the kernel takes no initrd of %llu bytes",
                       (unsigned long long)initrd_len);
    *ret = (max - initrd_len) & ~4095ULL;
    return DS_OK;
}

static int patch_setup(uint8_t *head, uint64_t initrd_len, uint64_t memory_bytes,
                       struct ds_error *e)
{
    struct setup setup;
    DS_TRY(parse_setup(&setup, DS_SPAN(head, SETUP_HEADER_END), e));
    if (setup.protocol < 0x202)
        return bad_kernel(e, "kernel's boot protocol %x is older than 2.02", setup.protocol);
    uint64_t initrd_at = 0;
    DS_TRY(initrd_place(&initrd_at, &setup, initrd_len, memory_bytes, e));
    uint32_t real_at = setup.loaded_high ? 0x10000 : 0x90000;
    uint32_t cmdline_at = setup.loaded_high ? 0x20000 : 0x9a000;
    head[0x210] = 0xb0;  /* loader type: QEMU */
    head[0x211] |= 0x80; /* may use the heap */
    put_le32(head + 0x218, initrd_at);
    put_le32(head + 0x21c, initrd_len);
    put_le32(head + 0x224, cmdline_at - real_at - 0x200);
    put_le32(head + 0x228, cmdline_at);
    return DS_OK;
}

int kernel_authenticode_patched(uint8_t ret48[static 48], struct ds_span kernel,
                                uint64_t initrd_len, uint64_t memory_bytes, struct ds_error *e)
{
    uint8_t head[SETUP_HEADER_END];
    if (kernel.len < sizeof head)
        return bad_kernel(e, "kernel of %zu bytes has no Linux setup header", kernel.len);
    memcpy(head, kernel.p, sizeof head);
    DS_TRY(patch_setup(head, initrd_len, memory_bytes, e));
    return hash_image(ret48, &(struct image){ .file = kernel, .head = DS_SPAN_OF(head) }, e);
}

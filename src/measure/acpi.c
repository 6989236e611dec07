/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ACPI blobs that QEMU 11.1 hands to the firmware, for the VMM's device
 * list. QEMU builds them from the machine alone, so they can be built here too:
 * constant parts cut from real blobs (acpi_parts.inc, by tools/acpi/parts.py),
 * and between them one Processor object a vCPU, one Device object a PCI device,
 * the end of low memory, and all lengths and offsets. tests/system/test_acpi.py
 * compares with a running QEMU.
 */
#include "base/scope.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "measure/acpi_parts.inc"
#include "measure/measure.h"

#define QEMU_MAJOR      11U
#define VCPUS_MAX       64U
#define MEMORY_MIN      (256ULL << 20)
#define MEMORY_MAX      (64ULL << 30)
#define NICS_MAX        2U
#define VOLUMES_MAX     16U
#define TABLES_LEN      131072U /* the blob is padded to this */
#define TABLES_USED_MAX 20480U  /* 64 vCPUs and all devices need less */
#define LOADER_LEN      4096U

/* q35's split of memory; see hob.c. The window above it ends where the configuration space starts. */
#define LOW_MAX    0xb0000000ULL
#define LOW_SPLIT  0x80000000ULL
#define WINDOW_END 0xe0000000ULL

/* PCI slots of src/vmm/qemu.c: root, data, shared, NICs, virtio-serial; volumes. */
#define SLOT_ROOT     1U
#define SLOT_SHARED   3U
#define SLOT_NIC_0    4U
#define SLOT_SERIAL   6U
#define SLOT_VOLUME_0 8U

#define FACP_FLAGS 112U /* u32; bit 18: cluster model */

/* Offsets of the tables in their blob; the loader's commands name them. */
struct layout {
    size_t dsdt, facp, madt, mcfg, waet, rsdt, end;
};

/* AML packages carry their own length in front, in as few bytes as it fits. */
static size_t package_begin(const struct ds_writer *w) { return ds_write_len(w); }

static void package_end(struct ds_writer *w, size_t at)
{
    size_t body = ds_write_len(w) - at;
    size_t n = body + 1 < 64 ? 1 : body + 2 < 4096 ? 2 : 3;
    size_t len = body + n;
    ds_write_zeros(w, n);
    if (w->bad)
        return;
    uint8_t *p = w->start + at;
    memmove(p + n, p, body);
    p[0] = (uint8_t)(n == 1 ? len : ((n - 1) << 6 | (len & 0xf)));
    for (size_t i = 1; i < n; i++)
        p[i] = (uint8_t)(len >> (4 + 8 * (i - 1)));
}

/* An AML integer below 256. */
static void put_int(struct ds_writer *w, uint32_t v)
{
    if (v > 1)
        ds_write_u8(w, 0x0a);
    ds_write_u8(w, (uint8_t)v);
}

/* A four-letter name made of a letter and a number in hex. */
static void put_cpu_name(struct ds_writer *w, uint32_t cpu)
{
    static const char digits[] = "0123456789ABCDEF";
    ds_write_str(w, "C0");
    ds_write_u8(w, (uint8_t)digits[cpu >> 4 & 0xf]);
    ds_write_u8(w, (uint8_t)digits[cpu & 0xf]);
}

/* Method (name, flags) { before CALL (cpu) after } */
static void put_cpu_method(struct ds_writer *w, const char *name, uint8_t flags, const char *call,
                           uint32_t cpu, const char *after)
{
    ds_write_u8(w, 0x14);
    size_t at = package_begin(w);
    ds_write_str(w, name);
    ds_write_u8(w, flags);
    ds_write_str(w, call);
    put_int(w, cpu);
    ds_write_str(w, after);
    package_end(w, at);
}

/* The entry of the MADT that describes one processor: local APIC, enabled. */
static void put_local_apic(struct ds_writer *w, uint32_t cpu)
{
    ds_write_u16le(w, 0x0800);
    ds_write_u8(w, (uint8_t)cpu);
    ds_write_u8(w, (uint8_t)cpu);
    ds_write_u32le(w, 1);
}

static void put_processor(struct ds_writer *w, uint32_t cpu)
{
    ds_write_str(w, "\x5b\x83");
    size_t at = package_begin(w);
    put_cpu_name(w, cpu);
    ds_write_u8(w, (uint8_t)cpu);
    ds_write_zeros(w, 5);
    put_cpu_method(w, "_STA", 8,
                   "\xa4"
                   "CSTA",
                   cpu, "");
    ds_write_str(w, "\x08_MAT\x11\x0b\x0a\x08");
    put_local_apic(w, cpu);
    if (cpu > 0)
        put_cpu_method(w, "_EJ0", 1, "CEJ0", cpu, "");
    put_cpu_method(w, "_OST", 11, "COST", cpu, "hij"); /* Arg0, Arg1, Arg2 */
    package_end(w, at);
}

/* Method (CTFY, 2): If (Arg0 == cpu) Notify (cpu's object, Arg1), for each. */
static void put_notify(struct ds_writer *w, uint32_t vcpus)
{
    ds_write_u8(w, 0x14);
    size_t at = package_begin(w);
    ds_write_str(w, "CTFY\x02");
    for (uint32_t cpu = 0; cpu < vcpus; cpu++) {
        ds_write_u8(w, 0xa0);
        size_t test = package_begin(w);
        ds_write_str(w, "\x93h");
        put_int(w, cpu);
        ds_write_u8(w, 0x86);
        put_cpu_name(w, cpu);
        ds_write_str(w, "i");
        package_end(w, test);
    }
    package_end(w, at);
}

/* The scan method counts the vCPUs; 1 is an integer of another length, hence a part of its own. */
static void put_scan(struct ds_writer *w, uint32_t vcpus)
{
    if (vcpus == 1) {
        ds_write(w, DS_SPAN_OF(cpus_scan_one));
        return;
    }
    struct ds_span scan = DS_SPAN_OF(cpus_scan);
    ds_write(w, ds_span_sub(scan, 0, CPUS_SCAN_COUNT_AT));
    ds_write_u8(w, (uint8_t)vcpus);
    ds_write(w, ds_span_sub(scan, CPUS_SCAN_COUNT_AT + 1, scan.len));
}

/* Scope (_SB): the CPU hot-plug device, and the container of the processors. */
static void put_cpus(struct ds_writer *w, uint32_t vcpus)
{
    ds_write_u8(w, 0x10);
    size_t scope = package_begin(w);
    ds_write_str(w, "_SB_");
    ds_write(w, DS_SPAN_OF(cpu_hotplug));
    ds_write_str(w, "\x5b\x82");
    size_t container = package_begin(w);
    ds_write_str(w, "\\._SB_CPUS");
    ds_write(w, DS_SPAN_OF(cpus_head));
    put_notify(w, vcpus);
    ds_write(w, DS_SPAN_OF(cpus_methods));
    put_scan(w, vcpus);
    ds_write(w, DS_SPAN_OF(cpus_ost));
    for (uint32_t cpu = 0; cpu < vcpus; cpu++)
        put_processor(w, cpu);
    package_end(w, container);
    package_end(w, scope);
}

/* Device (Sxx) { Name (_ADR, slot) } */
static void put_slot(struct ds_writer *w, uint32_t slot)
{
    static const char digits[] = "0123456789ABCDEF";
    ds_write_str(w, "\x5b\x82\x0fS");
    ds_write_u8(w, (uint8_t)digits[slot >> 1 & 0xf]);
    ds_write_u8(w, (slot & 1) != 0 ? '8' : '0');
    ds_write_str(w, "_\x08_ADR\x0c");
    ds_write_u32le(w, slot << 16);
}

static void put_slots(struct ds_writer *w, const struct measure_shape *shape)
{
    ds_write_u8(w, 0x10);
    size_t scope = package_begin(w);
    ds_write_str(w, "\\_SB_\x10");
    size_t bus = package_begin(w);
    ds_write_str(w, "PCI0");
    ds_write(w, DS_SPAN_OF(root_port));
    for (uint32_t slot = SLOT_ROOT; slot <= SLOT_SHARED; slot++)
        put_slot(w, slot);
    for (uint32_t i = 0; i < shape->n_nics; i++)
        put_slot(w, SLOT_NIC_0 + i);
    put_slot(w, SLOT_SERIAL);
    for (uint32_t i = 0; i < shape->n_volumes; i++)
        put_slot(w, SLOT_VOLUME_0 + i);
    ds_write(w, DS_SPAN_OF(isa));
    package_end(w, bus);
    package_end(w, scope);
}

/* The middle part holds the PCI window, which starts where low memory ends. */
static void put_middle(struct ds_writer *w, uint64_t memory_bytes)
{
    struct ds_span middle = DS_SPAN_OF(dsdt_middle);
    uint64_t low_end = memory_bytes < LOW_MAX ? memory_bytes : LOW_SPLIT;
    ds_write(w, ds_span_sub(middle, 0, LOW_WINDOW_AT));
    ds_write_u32le(w, (uint32_t)low_end);
    ds_write_u32le(w, (uint32_t)(WINDOW_END - 1));
    ds_write_u32le(w, 0);
    ds_write_u32le(w, (uint32_t)(WINDOW_END - low_end));
    ds_write(w, ds_span_sub(middle, LOW_WINDOW_AT + 16, middle.len));
}

/* Every table has its length at offset 4; the checksum at 9 is the firmware's work. */
static void table_end(struct ds_writer *w, size_t at)
{
    if (w->bad)
        return;
    struct ds_writer len = ds_writer_of(w->start + at + 4, 4);
    ds_write_u32le(&len, (uint32_t)(ds_write_len(w) - at));
}

/* Fixed ACPI description table; beyond 8 vCPUs it tells the guest to use the APIC cluster model. */
static void put_facp(struct ds_writer *w, uint32_t vcpus)
{
    size_t at = ds_write_len(w);
    ds_write(w, DS_SPAN_OF(facp));
    if (vcpus > 8 && !w->bad)
        w->start[at + FACP_FLAGS + 2] |= 0x04;
}

static void put_tables(struct ds_writer *w, struct layout *ret, const struct measure_shape *shape)
{
    ds_write(w, DS_SPAN_OF(facs));
    ret->dsdt = ds_write_len(w);
    ds_write(w, DS_SPAN_OF(dsdt_head));
    put_cpus(w, shape->vcpus);
    put_middle(w, shape->memory_bytes);
    put_slots(w, shape);
    ds_write(w, DS_SPAN_OF(dsdt_tail));
    table_end(w, ret->dsdt);
    ret->facp = ds_write_len(w);
    put_facp(w, shape->vcpus);
    ret->madt = ds_write_len(w);
    ds_write(w, DS_SPAN_OF(madt_head));
    for (uint32_t cpu = 0; cpu < shape->vcpus; cpu++)
        put_local_apic(w, cpu);
    ds_write(w, DS_SPAN_OF(madt_tail));
    table_end(w, ret->madt);
    ret->mcfg = ds_write_len(w);
    ds_write(w, DS_SPAN_OF(mcfg));
    ret->waet = ds_write_len(w);
    ds_write(w, DS_SPAN_OF(waet));
    ret->rsdt = ds_write_len(w);
    ds_write(w, DS_SPAN_OF(rsdt_head));
    const size_t entries[] = { ret->facp, ret->madt, ret->mcfg, ret->waet };
    for (size_t i = 0; i < DS_LEN(entries); i++)
        ds_write_u32le(w, (uint32_t)entries[i]);
    table_end(w, ret->rsdt);
    ret->end = ds_write_len(w);
}

#define FILE_RSDP   "etc/acpi/rsdp"
#define FILE_TABLES "etc/acpi/tables"

/* A command of the loader file: 128 bytes, two file names of 56 where it has them. */
static void put_file(struct ds_writer *w, const char *file)
{
    ds_write_str(w, file);
    ds_write_zeros(w, 56 - strlen(file));
}

static void command_end(struct ds_writer *w)
{
    ds_write_zeros(w, (128 - ds_write_len(w) % 128) % 128);
}

static void put_allocate(struct ds_writer *w, const char *file, uint32_t align, uint8_t zone)
{
    ds_write_u32le(w, 1);
    put_file(w, file);
    ds_write_u32le(w, align);
    ds_write_u8(w, zone);
    command_end(w);
}

static void put_pointer(struct ds_writer *w, const char *file, size_t at, uint8_t len)
{
    ds_write_u32le(w, 2);
    put_file(w, file);
    put_file(w, FILE_TABLES);
    ds_write_u32le(w, (uint32_t)at);
    ds_write_u8(w, len);
    command_end(w);
}

static void put_checksum(struct ds_writer *w, const char *file, size_t at, size_t start, size_t len)
{
    ds_write_u32le(w, 3);
    put_file(w, file);
    ds_write_u32le(w, (uint32_t)at);
    ds_write_u32le(w, (uint32_t)start);
    ds_write_u32le(w, (uint32_t)len);
    command_end(w);
}

static void put_table_checksum(struct ds_writer *w, size_t start, size_t end)
{
    put_checksum(w, FILE_TABLES, start + 9, start, end - start);
}

/* What the firmware is to do with the blobs, in the order in which QEMU builds the tables. */
static void put_loader(struct ds_writer *w, const struct layout *l)
{
    put_allocate(w, FILE_RSDP, 16, 2);
    put_allocate(w, FILE_TABLES, 64, 1);
    put_table_checksum(w, l->dsdt, l->facp);
    put_pointer(w, FILE_TABLES, l->facp + 36, 4);  /* FACS */
    put_pointer(w, FILE_TABLES, l->facp + 40, 4);  /* DSDT */
    put_pointer(w, FILE_TABLES, l->facp + 140, 8); /* DSDT, 64-bit */
    put_table_checksum(w, l->facp, l->madt);
    put_table_checksum(w, l->madt, l->mcfg);
    put_table_checksum(w, l->mcfg, l->waet);
    put_table_checksum(w, l->waet, l->rsdt);
    for (size_t at = l->rsdt + 36; at < l->end; at += 4)
        put_pointer(w, FILE_TABLES, at, 4);
    put_table_checksum(w, l->rsdt, l->end);
    put_pointer(w, FILE_RSDP, 16, 4);
    put_checksum(w, FILE_RSDP, 8, 0, 20);
    ds_write_zeros(w, LOADER_LEN - ds_write_len(w));
}

static void put_rsdp(struct ds_writer *w, const struct layout *l)
{
    ds_write_str(w, "RSD PTR ");
    ds_write_u8(w, 0);
    ds_write_str(w, "BOCHS ");
    ds_write_u8(w, 0);
    ds_write_u32le(w, (uint32_t)l->rsdt);
}

static int hash_padded(uint8_t ret48[static 48], struct ds_span used, size_t len,
                       struct ds_error *e)
{
    static const uint8_t zeros[4096];
    DS_AUTO(ds_hasher_free) struct ds_hasher h = { 0 };
    DS_TRY(ds_hasher_new(&h, DS_SHA384, e));
    DS_TRY(ds_hasher_update(&h, used, e));
    for (size_t left = len - used.len, n = 0; left > 0; left -= n) {
        n = left < sizeof zeros ? left : sizeof zeros;
        DS_TRY(ds_hasher_update(&h, DS_SPAN(zeros, n), e));
    }
    return ds_hasher_final(&h, ret48, e);
}

static int check_shape(const struct measure_shape *s, struct ds_error *e)
{
    if (s->qemu_major != QEMU_MAJOR)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_SHAPE_UNPROVEN,
                            "ACPI tables of QEMU %u are not known; those of QEMU %u are",
                            s->qemu_major, QEMU_MAJOR);
    if (s->tpm)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_SHAPE_UNPROVEN,
                            "ACPI tables of a machine with a TPM are not known");
    if (s->vcpus == 0 || s->vcpus > VCPUS_MAX)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_SHAPE_UNPROVEN,
                            "ACPI tables are known for 1 to %u vCPUs, not for %u", VCPUS_MAX,
                            s->vcpus);
    if (s->memory_bytes < MEMORY_MIN || s->memory_bytes > MEMORY_MAX ||
        s->memory_bytes % (1U << 20) != 0)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_SHAPE_UNPROVEN,
                            "ACPI tables are known for 256 MiB to 64 GiB in whole MiB, not for "
                            "%llu bytes",
                            (unsigned long long)s->memory_bytes);
    if (s->n_nics > NICS_MAX || s->n_volumes > VOLUMES_MAX)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_SHAPE_UNPROVEN,
                            "ACPI tables are known for at most %u network cards and %u volumes, "
                            "not for %u and %u",
                            NICS_MAX, VOLUMES_MAX, s->n_nics, s->n_volumes);
    return DS_OK;
}

bool measure_shape_eq(const struct measure_shape *a, const struct measure_shape *b)
{
    return a->qemu_major == b->qemu_major && a->vcpus == b->vcpus &&
           a->memory_bytes == b->memory_bytes && a->n_nics == b->n_nics &&
           a->n_volumes == b->n_volumes && a->tpm == b->tpm;
}

int measure_acpi_find(struct measure_acpi *ret, const struct measure_shape *shape,
                      struct ds_error *e)
{
    DS_TRY(check_shape(shape, e));
    uint8_t tables[TABLES_USED_MAX], loader[LOADER_LEN], rsdp[20];
    struct layout layout = { 0 };
    struct ds_writer w = ds_writer_of(tables, sizeof tables);
    put_tables(&w, &layout, shape);
    DS_TRY(ds_writer_end(&w, e, "ACPI tables"));
    struct ds_writer lw = ds_writer_of(loader, sizeof loader);
    put_loader(&lw, &layout);
    DS_TRY(ds_writer_end(&lw, e, "ACPI loader file"));
    struct ds_writer rw = ds_writer_of(rsdp, sizeof rsdp);
    put_rsdp(&rw, &layout);
    DS_TRY(ds_writer_end(&rw, e, "ACPI root pointer"));

    struct measure_acpi out;
    DS_TRY(hash_padded(out.tables48, ds_write_span(&w), TABLES_LEN, e));
    DS_TRY(ds_hash(DS_SHA384, out.loader48, DS_SPAN_OF(loader), e));
    DS_TRY(ds_hash(DS_SHA384, out.rsdp48, DS_SPAN_OF(rsdp), e));
    *ret = out;
    return DS_OK;
}

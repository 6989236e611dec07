/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a machine must measure: from the bytes of an image and the shape of the
 * machine to MRTD, RTMR0-2 and the boot events behind them. Pure. The simulated
 * platform takes its registers from here and the verifier compares with them.
 * An image is measured once, into `struct measure_image` (its file is
 * measurement.tdx.cbor); a shape is then applied to it.
 */

#include "base/buf.h"
#include "base/span.h"

#define MEASURE_EVENTS_MAX 20
#define MEASURE_TD_HOB_MAX 96 /* bytes of the packed TD HOB description */

/* Which list of boot events the firmware makes. */
enum measure_ovmf {
    MEASURE_OVMF_PRE202505, /* edk2 before 202505, Debian 13's OVMF.fd too; text "pre202505" */
};

/* The text of a variant, as measurement.tdx.cbor and vm_config carry it; never NULL. */
const char *measure_ovmf_text(enum measure_ovmf ovmf);

/* Digests of an image's parts: the content of measurement.tdx.cbor (guest-api 7.3). */
struct measure_image {
    uint8_t cmdline48[48]; /* of UTF-16LE (command line, " initrd=initrd", NUL) */
    uint8_t kernel48[48];  /* Authenticode */
    uint8_t initrd48[48];
    uint8_t cfv48[48];                  /* variable store; a document implies the empty one */
    uint8_t mrtd_single48[48];          /* QEMU >= 9 */
    uint8_t mrtd_two48[48];             /* QEMU 8 */
    uint8_t td_hob[MEASURE_TD_HOB_MAX]; /* packed: what does not depend on memory */
    size_t td_hob_len;
    enum measure_ovmf ovmf;
};

/* The files of an image, whole; borrowed. */
struct measure_files {
    struct ds_span firmware, kernel, initrd;
    struct ds_span cmdline; /* text without NUL, as given to QEMU's -append */
    enum measure_ovmf ovmf;
    /* The reference's images run on a QEMU that patches the kernel's setup header before the
     * firmware hashes it: its memory in bytes. 0: the kernel is hashed as it is on disk. */
    uint64_t patch_memory;
};

/* Measure the files. err: FORMAT (measure.firmware_format, measure.kernel_format), ARG, CRYPTO */
DS_MUST_USE int measure_image_make(struct measure_image *ret, const struct measure_files *files,
                                   struct ds_error *e);
/* measurement.tdx.cbor, byte-exact. err: FORMAT (measure.document_format), UNSUPPORTED */
DS_MUST_USE int measure_image_parse(struct measure_image *ret, struct ds_span cbor,
                                    struct ds_error *e);
DS_MUST_USE int measure_image_encode(struct ds_buf *ret, const struct measure_image *image,
                                     struct ds_error *e);

/* Everything about the machine that its measurement depends on. */
struct measure_shape {
    uint32_t qemu_major; /* 8 adds pages in two passes; later ones in one */
    uint32_t vcpus;
    uint64_t memory_bytes;
    uint32_t n_nics;
    uint32_t n_volumes; /* disks beyond root, data and shared */
    bool tpm;
};

/* All members are compared: who adds one adds it here. */
bool measure_shape_eq(const struct measure_shape *a, const struct measure_shape *b);

/* SHA-384 of the three fw_cfg blobs that describe the machine to the guest. */
struct measure_acpi {
    uint8_t loader48[48], rsdp48[48], tables48[48];
};

/* As QEMU 11 makes them for the VMM's devices; 128 KiB are hashed. err: UNSUPPORTED with
 * measure.shape_unproven */
DS_MUST_USE int measure_acpi_find(struct measure_acpi *ret, const struct measure_shape *shape,
                                  struct ds_error *e);

/* Who is to blame when an event differs. */
enum measure_part {
    MEASURE_PART_FIRMWARE, /* code and fixed volume, and what it does by itself */
    MEASURE_PART_SHAPE,    /* TD HOB: the memory layout */
    MEASURE_PART_VARS,     /* secure boot variables */
    MEASURE_PART_ACPI,
    MEASURE_PART_BOOT, /* boot order, boot options */
    MEASURE_PART_KERNEL,
    MEASURE_PART_CMDLINE,
    MEASURE_PART_INITRD,
};

/* One boot event. name and payload are static. */
struct measure_event {
    uint32_t imr;  /* 0..2: the RTMR */
    uint32_t type; /* TCG event type */
    enum measure_part part;
    uint8_t digest48[48];
    const char *name; /* "td-hob", "acpi-tables", "kernel", "cmdline" … */
    struct ds_span payload;
};

struct measure_tdx {
    uint8_t mrtd48[48];
    uint8_t rtmr48[3][48];
    size_t n_events; /* in the order of the boot log */
    struct measure_event events[MEASURE_EVENTS_MAX];
};

/*
 * Predict the registers of an image on a shape.
 *
 * in:   acpi  from measure_acpi_find, or from an event log where only that is known
 * err:  RANGE  a shape that no machine has; FORMAT: image->td_hob is malformed
 */
DS_MUST_USE int measure_tdx_predict(struct measure_tdx *ret, const struct measure_image *image,
                                    const struct measure_shape *shape,
                                    const struct measure_acpi *acpi, struct ds_error *e);

/* The event of this name; NULL if there is none. */
const struct measure_event *measure_event_find(const struct measure_tdx *tdx, const char *name);

/* The boot log as a CCEL (binary TCG log with its header, one SHA-384 digest an event). */
DS_MUST_USE int measure_ccel_encode(struct ds_buf *ret, const struct measure_tdx *tdx,
                                    struct ds_error *e);

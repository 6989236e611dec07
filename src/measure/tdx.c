/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot events of a TD in order, and the registers they make. One table row
 * an event; README.md in this directory says where each fact comes from.
 */
#include "base/scope.h"
#include "crypto/hash.h"
#include "measure/tdvf.h"

/* TCG PC Client Platform Firmware Profile 1.06, 10.4.1. */
enum event_type {
    EV_SEPARATOR = 0x4,
    EV_EVENT_TAG = 0x6,
    EV_PLATFORM_CONFIG_FLAGS = 0xa,
};
#define EV_EFI_VARIABLE_DRIVER_CONFIG    0x80000001U
#define EV_EFI_VARIABLE_BOOT             0x80000002U
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003U
#define EV_EFI_ACTION                    0x80000007U
#define EV_EFI_PLATFORM_FIRMWARE_BLOB2   0x8000000aU
#define EV_EFI_HANDOFF_TABLES2           0x8000000bU

/* Where the digest of an event comes from. */
enum source {
    FROM_PAYLOAD, /* SHA-384 of the payload itself */
    FROM_DATA,    /* SHA-384 of a fixed text that is not the payload */
    FROM_HOB,
    FROM_CFV,
    FROM_LOADER,
    FROM_RSDP,
    FROM_TABLES,
    FROM_KERNEL,
    FROM_CMDLINE,
    FROM_INITRD,
};

#define ALG_SHA384 0x0c

struct row {
    uint32_t imr, type;
    enum measure_part part;
    enum source source;
    const char *name;
    struct ds_span payload, data;
};

/* clang-format off */
/* UEFI_VARIABLE_DATA up to the content: GUID, name length, content length, name. */
#define GLOBAL_GUID   "\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c"
#define SECURITY_GUID "\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f"
#define LEN8(c)       c "\0\0\0\0\0\0\0"

#define BOOT_ORDER "\0\0"
/* EFI_LOAD_OPTION of the firmware's own menu: attributes, path length, "UiApp", FV and file. */
#define UI_APP \
    "\x09\x01\0\0\x2c\0U\0i\0A\0p\0p\0\0\0" \
    "\x04\x07\x14\0\xc9\xbd\xb8\x7c\xeb\xf8\x34\x4f\xaa\xea\x3e\xe4\xaf\x65\x16\xa1" \
    "\x04\x06\x14\0\x21\xaa\x2c\x46\x14\x76\x03\x45\x83\x6e\x8a\xb6\xf4\x66\x23\x31" \
    "\x7f\xff\x04\0"

/* Where OVMF's TD HOB and variable store are mapped; part of the log, not of a digest. */
#define TD_HOB_TABLE \
    "\x09TdxTable\0" LEN8("\x01") \
    "\xaf\x96\xbb\x93\xf2\xb9\xb8\x4e\x94\x62\xe0\xba\x74\x56\x42\x36" "\0\x90\x80\0\0\0\0\0"
#define CFV_BLOB \
    "\x29" "Fv(XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX)\0" "\0\0\xc0\xff\0\0\0\0" \
    "\0\x40\x08\0\0\0\0\0"

/* EFI_IMAGE_LOAD_EVENT without the place in memory: the device path of QEMU's kernel file. */
#define KERNEL_IMAGE \
    LEN8("\0") LEN8("\0") LEN8("\0") LEN8("\x2a") \
    "\x04\x03\x14\0\x72\xf7\x28\x14\x4a\xb6\x1e\x44\xb8\xc3\x9e\xbd\xd7\xf8\x93\xc7" \
    "\x04\x04\x12\0k\0e\0r\0n\0e\0l\0\0\0\x7f\xff\x04\0"

/* A literal as a span, for static tables; alone, or before an empty one. */
#define TEXT(text)    { (const uint8_t *)(text), sizeof(text) - 1 }
#define NOTHING(text) TEXT(text), { 0 }

static const struct row rows[] = {
    { 0, EV_EFI_HANDOFF_TABLES2, MEASURE_PART_SHAPE, FROM_HOB, "td-hob", NOTHING(TD_HOB_TABLE) },
    { 0, EV_EFI_PLATFORM_FIRMWARE_BLOB2, MEASURE_PART_FIRMWARE, FROM_CFV, "cfv", NOTHING(CFV_BLOB) },
    { 0, EV_EFI_VARIABLE_DRIVER_CONFIG, MEASURE_PART_VARS, FROM_PAYLOAD, "secure-boot",
      NOTHING(GLOBAL_GUID LEN8("\x0a") LEN8("\0") "S\0e\0c\0u\0r\0e\0B\0o\0o\0t\0") },
    { 0, EV_EFI_VARIABLE_DRIVER_CONFIG, MEASURE_PART_VARS, FROM_PAYLOAD, "pk",
      NOTHING(GLOBAL_GUID LEN8("\x02") LEN8("\0") "P\0K\0") },
    { 0, EV_EFI_VARIABLE_DRIVER_CONFIG, MEASURE_PART_VARS, FROM_PAYLOAD, "kek",
      NOTHING(GLOBAL_GUID LEN8("\x03") LEN8("\0") "K\0E\0K\0") },
    { 0, EV_EFI_VARIABLE_DRIVER_CONFIG, MEASURE_PART_VARS, FROM_PAYLOAD, "db",
      NOTHING(SECURITY_GUID LEN8("\x02") LEN8("\0") "d\0b\0") },
    { 0, EV_EFI_VARIABLE_DRIVER_CONFIG, MEASURE_PART_VARS, FROM_PAYLOAD, "dbx",
      NOTHING(SECURITY_GUID LEN8("\x03") LEN8("\0") "d\0b\0x\0") },
    { 0, EV_SEPARATOR, MEASURE_PART_FIRMWARE, FROM_PAYLOAD, "separator-0", NOTHING("\0\0\0\0") },
    { 0, EV_PLATFORM_CONFIG_FLAGS, MEASURE_PART_ACPI, FROM_LOADER, "acpi-loader", NOTHING("ACPI DATA") },
    { 0, EV_PLATFORM_CONFIG_FLAGS, MEASURE_PART_ACPI, FROM_RSDP, "acpi-rsdp", NOTHING("ACPI DATA") },
    { 0, EV_PLATFORM_CONFIG_FLAGS, MEASURE_PART_ACPI, FROM_TABLES, "acpi-tables", NOTHING("ACPI DATA") },
    { 1, EV_EFI_BOOT_SERVICES_APPLICATION, MEASURE_PART_KERNEL, FROM_KERNEL, "kernel", NOTHING(KERNEL_IMAGE) },
    { 0, EV_EFI_VARIABLE_BOOT, MEASURE_PART_BOOT, FROM_DATA, "boot-order",
      TEXT(GLOBAL_GUID LEN8("\x09") LEN8("\x02") "B\0o\0o\0t\0O\0r\0d\0e\0r\0" BOOT_ORDER),
      TEXT(BOOT_ORDER) },
    { 0, EV_EFI_VARIABLE_BOOT, MEASURE_PART_BOOT, FROM_DATA, "boot-0000",
      TEXT(GLOBAL_GUID LEN8("\x08") LEN8("\x3e") "B\0o\0o\0t\0" "0\0" "0\0" "0\0" "0\0" UI_APP),
      TEXT(UI_APP) },
    { 1, EV_EFI_ACTION, MEASURE_PART_FIRMWARE, FROM_PAYLOAD, "calling-application",
      NOTHING("Calling EFI Application from Boot Option") },
    { 1, EV_SEPARATOR, MEASURE_PART_FIRMWARE, FROM_PAYLOAD, "separator-1", NOTHING("\0\0\0\0") },
    { 2, EV_EVENT_TAG, MEASURE_PART_CMDLINE, FROM_CMDLINE, "cmdline",
      NOTHING("\xed\x22\x3b\x8f\x1a\0\0\0LOADED_IMAGE::LoadOptions\0") },
    { 2, EV_EVENT_TAG, MEASURE_PART_INITRD, FROM_INITRD, "initrd",
      NOTHING("\xec\x22\x3b\x8f\x0d\0\0\0Linux initrd\0") },
    { 1, EV_EFI_ACTION, MEASURE_PART_FIRMWARE, FROM_PAYLOAD, "exit-boot-services",
      NOTHING("Exit Boot Services Invocation") },
    { 1, EV_EFI_ACTION, MEASURE_PART_FIRMWARE, FROM_PAYLOAD, "exit-boot-services-done",
      NOTHING("Exit Boot Services Returned with Success") },
};
/* clang-format on */
_Static_assert(DS_LEN(rows) <= MEASURE_EVENTS_MAX, "every event has room");

static int row_digest(uint8_t ret48[static 48], const struct row *row,
                      const struct measure_image *image, const struct measure_shape *shape,
                      const struct measure_acpi *acpi, struct ds_error *e)
{
    const uint8_t *known = NULL;
    switch (row->source) {
    case FROM_PAYLOAD:
        return ds_hash(DS_SHA384, ret48, row->payload, e);
    case FROM_DATA:
        return ds_hash(DS_SHA384, ret48, row->data, e);
    case FROM_HOB:
        return tdvf_hob_digest(ret48, DS_SPAN(image->td_hob, image->td_hob_len),
                               shape->memory_bytes, e);
    case FROM_CFV:
        known = image->cfv48;
        break;
    case FROM_LOADER:
        known = acpi->loader48;
        break;
    case FROM_RSDP:
        known = acpi->rsdp48;
        break;
    case FROM_TABLES:
        known = acpi->tables48;
        break;
    case FROM_KERNEL:
        known = image->kernel48;
        break;
    case FROM_CMDLINE:
        known = image->cmdline48;
        break;
    case FROM_INITRD:
        known = image->initrd48;
        break;
    }
    memcpy(ret48, known, 48);
    return DS_OK;
}

int measure_tdx_predict(struct measure_tdx *ret, const struct measure_image *image,
                        const struct measure_shape *shape, const struct measure_acpi *acpi,
                        struct ds_error *e)
{
    if (shape->qemu_major < 8)
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_MEASURE_SHAPE_UNPROVEN,
                            "QEMU %u has no TDX machine; at least 8 is needed", shape->qemu_major);
    struct measure_tdx out = { .n_events = DS_LEN(rows) };
    memcpy(out.mrtd48, shape->qemu_major == 8 ? image->mrtd_two48 : image->mrtd_single48, 48);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct row *row = &rows[i];
        struct measure_event *event = &out.events[i];
        *event = (struct measure_event){ .imr = row->imr,
                                         .type = row->type,
                                         .part = row->part,
                                         .name = row->name,
                                         .payload = row->payload };
        DS_TRY(row_digest(event->digest48, row, image, shape, acpi, e));
        DS_TRY(ds_hash_extend(DS_SHA384, out.rtmr48[row->imr], event->digest48, e));
    }
    *ret = out;
    return DS_OK;
}

const struct measure_event *measure_event_find(const struct measure_tdx *tdx, const char *name)
{
    for (size_t i = 0; i < tdx->n_events; i++)
        if (strcmp(tdx->events[i].name, name) == 0)
            return &tdx->events[i];
    return NULL;
}

/* TCG_PCClientPCREvent with TCG_EfiSpecIDEvent: one algorithm, SHA-384 of 48 bytes. */
static void write_log_header(struct ds_buf *b)
{
    ds_buf_le(b, 1, 4);
    ds_buf_le(b, 3, 4); /* EV_NO_ACTION */
    ds_buf_le(b, 0, 8);
    ds_buf_le(b, 0, 8);
    ds_buf_le(b, 0, 4);
    ds_buf_le(b, 33, 4);
    ds_buf_add(b, DS_SPAN_LIT("Spec ID Event03\0"));
    ds_buf_add(b, DS_SPAN_LIT("\0\0\0\0"
                              "\0\x02\0\x02")); /* class; version 2.00, 64-bit */
    ds_buf_le(b, 1, 4);
    ds_buf_le(b, ALG_SHA384, 2);
    ds_buf_le(b, 48, 2);
    ds_buf_le(b, 0, 1);
}

int measure_ccel_encode(struct ds_buf *ret, const struct measure_tdx *tdx, struct ds_error *e)
{
    write_log_header(ret);
    for (size_t i = 0; i < tdx->n_events; i++) {
        const struct measure_event *event = &tdx->events[i];
        ds_buf_le(ret, event->imr + 1, 4); /* index 0 is MRTD */
        ds_buf_le(ret, event->type, 4);
        ds_buf_le(ret, 1, 4);
        ds_buf_le(ret, ALG_SHA384, 2);
        ds_buf_add(ret, DS_SPAN_OF(event->digest48));
        ds_buf_le(ret, event->payload.len, 4);
        ds_buf_add(ret, event->payload);
    }
    return ds_buf_end(ret, e, "boot log");
}

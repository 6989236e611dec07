/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * vm_config: what the host says about the machine it made (guest-api 3.6), as
 * evidence carries it. Nothing in it is believed: it says what to predict, and
 * the registers say whether that is so.
 */

#include "base/arena.h"
#include "measure/measure.h"

#define APP_VM_CONFIG_MAX     ((size_t)256 << 10)
#define APP_CHECKSUM_FILE_MAX 4096
#define APP_MEASUREMENT_MAX   1024

/* Spans borrow the text or the arena. */
struct app_vm_config {
    uint8_t os_image_hash32[32];
    struct measure_shape shape;
    struct ds_span checksum_file; /* sha256sum.txt of the image */
    struct ds_span measurement;   /* measurement.tdx.cbor */
    struct ds_span mr_config;     /* MrConfigV3 document; empty when absent */
};

/*
 * Parse a vm_config, or a whole sys-config with one inside.
 *
 * io:   mem  three times the text's length and 64 KiB suffice
 * err:  FORMAT  app.vm_config_format
 */
DS_MUST_USE int app_vm_config_parse(struct app_vm_config *ret, struct ds_arena *mem,
                                    struct ds_span text, struct ds_error *e);

/*
 * The SHA-256 that a sha256sum.txt lists for a file.
 *
 * err:  NOTFOUND  no such line
 *       FORMAT    a malformed line, or the name twice
 */
DS_MUST_USE int app_checksum_find(uint8_t ret32[32], struct ds_span checksum_file, const char *name,
                                  struct ds_error *e);

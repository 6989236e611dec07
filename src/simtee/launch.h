/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One launch: from the spec to sealed copies of the files and the registers
 * that follow from exactly these bytes.
 */

#include "measure/measure.h"
#include "simtee/journal.h"

#define SIMTEE_PATH_MAX    1024
#define SIMTEE_CMDLINE_MAX 2048 /* what the kernel takes */

struct simtee_spec {
    char launch_id[SIMTEE_LAUNCH_ID_MAX + 1];
    char firmware[SIMTEE_PATH_MAX], kernel[SIMTEE_PATH_MAX], initrd[SIMTEE_PATH_MAX];
    char cmdline[SIMTEE_CMDLINE_MAX];
    struct measure_shape shape;
    uint8_t mrconfigid48[48];
};

/* From and to the JSON of README.md "Launch". err: FORMAT (simtee.spec_invalid), NOMEM */
DS_MUST_USE int simtee_spec_parse(struct simtee_spec *ret, struct ds_span json, struct ds_error *e);
DS_MUST_USE int simtee_spec_encode(struct ds_buf *ret, const struct simtee_spec *spec,
                                   struct ds_error *e);

enum simtee_file {
    SIMTEE_FILE_FIRMWARE,
    SIMTEE_FILE_KERNEL,
    SIMTEE_FILE_INITRD,
    SIMTEE_FILE_COUNT,
};

struct simtee_launch {
    int fds[SIMTEE_FILE_COUNT];  /* sealed memfds; -1 when absent */
    struct simtee_journal start; /* what simtee_journal_begin takes */
};

#define SIMTEE_LAUNCH_NONE ((struct simtee_launch){ .fds = { -1, -1, -1 }, .start = { .fd = -1 } })

/* Copy the files into sealed memfds and measure the copies. err: NOTFOUND, as measure_*. */
DS_MUST_USE int simtee_launch_make(struct simtee_launch *ret, const struct simtee_spec *spec,
                                   struct ds_error *e);
void simtee_launch_done(struct simtee_launch *l);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `up` asked for, kept on the side of the person who asked: the app-compose
 * file, the image and the KMS. `verify` compares the evidence with it, so that
 * the VMM's word is not needed.
 */

#include "base/buf.h"
#include "cli/cli.h"

struct cli_record {
    struct ds_buf app_compose;
    uint8_t os_image32[32];
    struct ds_buf kms_spki;
};

void cli_record_done(struct cli_record *r);

DS_MUST_USE int cli_record_save(const struct cli *cli, const char *name, const struct cli_record *r,
                                struct ds_error *e);

/* err: NOTFOUND  the VM was not made by `up` of this user */
DS_MUST_USE int cli_record_load(struct cli_record *ret, const struct cli *cli, const char *name,
                                struct ds_error *e);

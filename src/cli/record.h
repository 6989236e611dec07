/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What `up` made and verified, kept on the side of the person who asked: the
 * app's id, its compose file, the image and the KMS. `verify` compares the
 * evidence with it, so that the VMM's word is not needed. One file is the
 * record and is replaced at once; app-compose.json beside it is for people.
 */

#include "base/buf.h"
#include "cli/cli.h"

/* None before one was verified, and none of an app with no_instance_id. */
struct cli_instance {
    bool has;
    uint8_t id20[20];
};

struct cli_record {
    uint8_t app_id20[20]; /* of the first deployment: an upgrade keeps it */
    uint8_t compose32[32], os_image32[32];
    struct ds_buf kms_spki;
    struct cli_instance instance; /* an upgrade keeps it too */
};

void cli_record_done(struct cli_record *r);

/* A name for an app. err: ARG (cli.name_invalid) */
DS_MUST_USE int cli_name_check(const char *name, struct ds_error *e);

/*
 * One program at a time changes an app and its record: hold this lock meanwhile. The file stands
 * beside the app's directory, which may be removed under it.
 *
 * out:  ret_fd  holds the lock until closed
 * err:  UNAVAILABLE  cli.app_busy: who holds it
 */
DS_MUST_USE int cli_record_lock(int *ret_fd, const struct cli *cli, const char *name,
                                struct ds_error *e);

/* app_compose: the file's text, whose hash stands in the record. */
DS_MUST_USE int cli_record_save(const struct cli *cli, const char *name, const struct cli_record *r,
                                struct ds_span app_compose, struct ds_error *e);

/*
 * out:  ret_has  false: nothing is recorded under this name
 * err:  FORMAT   cli.record_damaged
 */
DS_MUST_USE int cli_record_load(struct cli_record *ret, bool *ret_has, const struct cli *cli,
                                const char *name, struct ds_error *e);

/* Something is recorded under this name, whole or not. */
bool cli_record_exists(const struct cli *cli, const char *name);

/* Forget an app that was removed; none is fine. */
DS_MUST_USE int cli_record_remove(const struct cli *cli, const char *name, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One helper: the control socket on one side, the guest's channel on the other,
 * the launch between them. README.md says when it begins and ends.
 */

#include "base/log.h"

struct simtee_server;

struct simtee_server_cfg {
    const char *dir;   /* of this launch: lock, journal */
    const char *state; /* of the machine's PKI */
    int control_fd;    /* listening; taken */
    struct ds_log log;
};

DS_MUST_USE int simtee_server_new(struct simtee_server **ret, const struct simtee_server_cfg *cfg,
                                  struct ds_error *e);
/* Until the helper's end; DS_OK when that is what its life was for. */
DS_MUST_USE int simtee_server_run(struct simtee_server *s, struct ds_error *e);
void simtee_server_free(struct simtee_server *s);

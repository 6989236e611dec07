/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the host hands over: a flat tar on a small read-only disk. Everything
 * here is the host's word until it is measured or checked (DESIGN 5); no file
 * system of the host's is mounted.
 */

#include "app/compose.h"
#include "base/buf.h"

struct guest_shared {
    struct ds_buf app_compose;   /* required; measured */
    struct ds_buf sys_config;    /* required; replaceable or checked, see sys_config.h */
    struct ds_buf instance_info; /* replaceable: a new instance */
    struct ds_buf encrypted_env; /* exposed: confidential, not authentic */
    struct ds_buf user_config;   /* exposed; authenticated where app-compose has its hash */
};

void guest_shared_done(struct guest_shared *s);

/*
 * Read the disk.
 *
 * out:  ret  initialised by the caller; guest_shared_done even after a failure
 * err:  FORMAT  guest.shared_refused: an unknown name, a file twice, over its limit, or a required
 *               file that is missing
 *       SYS
 */
DS_MUST_USE int guest_shared_load(struct guest_shared *ret, const char *device, struct ds_error *e);

/*
 * Where the measured app-compose names the hash of .user-config, the file is that one; a file that
 * is not there has no hash.
 *
 * err:  UNTRUSTED  guest.user_config_mismatch
 */
DS_MUST_USE int guest_shared_check_user_config(const struct guest_shared *s,
                                               const struct app_compose *compose,
                                               struct ds_error *e);

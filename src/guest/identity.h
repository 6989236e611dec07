/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who this VM is: parse app-compose, settle app and instance id, and hold both
 * against what the host committed to before the launch (MRCONFIGID).
 */

#include "guest/agent.h"

/* The boot step. err: UNTRUSTED (guest.compose_mismatch, app.mr_config_mismatch), FORMAT */
DS_MUST_USE int guest_identity_check(struct agent *a, struct ds_error *e);

/* {instance_id_seed, instance_id, app_id}: what the host may keep for the next boot. */
void guest_identity_json(struct ds_buf *ret, const struct guest_identity *id);

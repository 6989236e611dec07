/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The data disk: opened with the instance's key, made when it is empty, mounted
 * on GUEST_DATA_DIR, and seen where the container engine expects its parts.
 */

#include "guest/agent.h"

/* err: DENIED (disk.*), NOTFOUND (guest.device_missing), SYS */
DS_MUST_USE int guest_data_disk_open(struct agent *a, struct ds_error *e);

/* Unmount it, wherever it is seen; not mounted is fine. What somebody still uses is detached.
 * err: SYS, of the first place that stays */
DS_MUST_USE int guest_data_disk_close(struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an app may ask for and this guest does not do. Fields that only say how
 * much or how soon (swap_size, secure_time) are passed over; whatever decides
 * what runs, where its keys and data are, or on what condition, is refused.
 */

#include "app/compose.h"

/* err: UNSUPPORTED (guest.app_feature, event_version, key_provider, runner, storage_fs) */
DS_MUST_USE int guest_lacks_check(const struct app_compose *c, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the agent answers: the app on /run/dstack.sock (guest-api 1.3), the host
 * on its channel. Work that blocks runs in the pool.
 */

#include "guest/agent.h"

/* Listen for the app; the boot's "ready" step ends with it. A failure ends the boot. */
void guest_serve_start(struct agent *a);

/* Set the two method tables up; before the channel is attached. */
DS_MUST_USE int guest_services_init(struct agent *a, struct ds_error *e);

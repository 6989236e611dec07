/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Images that the app names by digest and that no volume brings: pulled before
 * the app starts, so that a registry's refusal has a code of its own. Registries
 * count only where the measured app-compose names them with their CA; the host
 * merely says at which address one is.
 */

#include "guest/agent.h"

/* Write /run/hosts, and each registry's CA where dockerd looks for it. err: SYS, RANGE */
DS_MUST_USE int guest_registries_open(struct agent *a, struct ds_error *e);

/*
 * Pull what is not there yet.
 *
 * err:  UNTRUSTED    guest.registry_untrusted: TLS fails under the registry's CA
 *       NOTFOUND     guest.image_unknown: it has no image of this digest
 *       UNAVAILABLE  guest.image_pull: anything else, as when nothing answers
 */
DS_MUST_USE int guest_images_pull(struct agent *a, struct ds_error *e);

/* Which of the three a message of dockerd means; for tests. */
enum ds_code guest_pull_code(struct ds_span message);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The app's environment, images and containers.
 */

#include "guest/agent.h"

/* Decrypt .encrypted-env into a->env; nothing to do without one. */
DS_MUST_USE int guest_env_open(struct agent *a, struct ds_error *e);

/* Open each image volume by its measured root and stream it to the engine. */
DS_MUST_USE int guest_images_load(struct agent *a, struct ds_error *e);

/* Start Compose ahead; it waits for its document, which guest_app_start gives. */
DS_MUST_USE int guest_app_prepare(struct agent *a, struct ds_error *e);

/*
 * Start the containers.
 *
 * err:  DENIED  guest.image_tag: an image that is neither on a measured volume nor named by digest
 */
DS_MUST_USE int guest_app_start(struct agent *a, struct ds_error *e);

/* Pure: every image of a compose document may run (app/images.h). err: DENIED guest.image_tag */
struct ds_json_tok;
DS_MUST_USE int guest_images_check(const struct ds_json_tok *compose, const struct app_compose *app,
                                   struct ds_error *e);

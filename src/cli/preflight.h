/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the compose file alone tells to go wrong in the VM, told before anything
 * is launched. The guest stays the one that decides; this only tells early.
 */

#include "app/compose.h"

#define PREFLIGHT_MEM ((size_t)8 << 20) /* bytes of arena that suffice beside the document */

struct preflight {
    struct ds_span document;       /* JSON as Docker Compose prints it, nothing resolved */
    const struct app_compose *app; /* image_volumes, allow_tags and allowed_envs count */
    struct ds_span dotenv;         /* text of the file .env beside it; empty without one */
};

/*
 * Check a compose document; the claim names the place in it.
 *
 * io:   mem      PREFLIGHT_MEM
 * err:  DENIED   cli.compose_build: a service is to be built in the VM
 *       DENIED   cli.compose_image: an image by tag, or one that may be replaced
 *       DENIED   cli.compose_host_file: a path of the host: bind mount, env_file, label_file,
 *                seccomp profile, file of a config or secret, volume over a directory
 *       DENIED   cli.compose_variable: a variable that has no value in the VM, one whose default
 *                would silently win over .env, or a dollar that is none
 *       FORMAT   no JSON
 */
DS_MUST_USE int preflight_check(const struct preflight *in, struct ds_arena *mem,
                                struct ds_error *e);

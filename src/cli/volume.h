/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Image volumes: an OCI layout becomes a docker-archive with a verity tree, in
 * the VMM's volume directory, named after its root hash.
 */

#include "cli/cli.h"
#include "cli/compose.h"

/* Make the volumes of all images; fills source and verity of each. */
DS_MUST_USE int cli_volumes_make(struct cli *cli, struct compose *c, struct ds_error *e);

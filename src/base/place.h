/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where things are on this machine: the one rule all programs follow.
 */

#include "base/err.h"

#define DS_PLACE_MAX 512 /* bytes of a path, with its NUL */

/*
 * The state directory: $DSTACK_STATE; else $XDG_STATE_HOME/dstack; else
 * /var/lib/dstack for root; else $HOME/.local/state/dstack.
 *
 * err: ARG (none of them is set), RANGE (too long)
 */
DS_MUST_USE int ds_place_state(char ret[static DS_PLACE_MAX], struct ds_error *e);

/* The guest images: $DSTACK_IMAGES, else images/ in the state directory. */
DS_MUST_USE int ds_place_images(char ret[static DS_PLACE_MAX], struct ds_error *e);

/*
 * A helper program of ours: beside the running program, or in the build tree at
 * ../<room>/<name> from it.
 *
 * err: NOTFOUND
 */
DS_MUST_USE int ds_place_program(char ret[static DS_PLACE_MAX], const char *room, const char *name,
                                 struct ds_error *e);

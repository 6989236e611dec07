/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which codes were raised: a test build (meson -Dfaults=true) appends the id of
 * each code once a process to the file that DSTACK_CODES_FILE names. The suite
 * compares it with the table, so that no code stands there that no test has
 * provoked. Elsewhere it does nothing.
 */

#include "base/codes.h"

#ifdef DS_FAULTS
/* file: where it was raised; a test that raises a code itself provokes nothing. */
void ds_code_seen(enum ds_code code, const char *file);
#    define DS_CODE_SEEN(code, file) ds_code_seen((code), (file))
#else
#    define DS_CODE_SEEN(code, file) ((void)(code), (void)(file))
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A reader's failure has a class and a message; this gives it the dotted code
 * of the thing that was read, unless an inner reader named it already.
 */

#include "base/err.h"

static inline int ds_coded(int r, enum ds_code code, struct ds_error *e)
{
    if (r < 0 && e != NULL && e->code == DS_CODE_NONE)
        ds_error_code(e, code);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of codes.h as data, for those who print or look up codes.
 */
#include "base/codes.h"

#include <stddef.h>
#include <string.h>

static const struct ds_code_info rows[DS_CODE_COUNT] = { [DS_CODE_NONE] = { "", "", "", "" },
#define X(name, id, what, why, fix) [DS_CODE_##name] = { id, what, why, fix },
                                                         DS_CODE_LIST(X)
#undef X
};

const struct ds_code_info *ds_code_info_get(enum ds_code code)
{
    return (size_t)code < DS_CODE_COUNT ? &rows[code] : &rows[DS_CODE_NONE];
}

enum ds_code ds_code_find(const char *id)
{
    for (int i = 1; i < DS_CODE_COUNT; i++)
        if (strcmp(rows[i].id, id) == 0)
            return (enum ds_code)i;
    return DS_CODE_NONE;
}

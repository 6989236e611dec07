/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media types of tokens, compared as RFC 7515 §4.1.9 has it.
 */
#include "ear/type.h"

#include <strings.h>

static bool starts(struct ds_span s, const char *text)
{
    size_t len = strlen(text);
    return s.p != NULL && s.len >= len && strncasecmp((const char *)s.p, text, len) == 0;
}

bool ear_type_is(struct ds_span type, const char *name)
{
    if (starts(type, "application/"))
        type = ds_span_sub(type, strlen("application/"), SIZE_MAX);
    if (!starts(type, name))
        return false;
    size_t end = strlen(name);
    while (end < type.len && type.p[end] == ' ')
        end++;
    return end == type.len || type.p[end] == ';';
}

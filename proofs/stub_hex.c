/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DS_HEX by its contract: it reads what it is given and gives a text, which only messages take.
 */
#include "base/hex.h"

struct ds_hex_text ds_hex_text_of(struct ds_span in)
{
    struct ds_hex_text t;
    __CPROVER_assert(in.len == 0 || __CPROVER_r_ok(in.p, in.len),
                     "what is written as hex can be read");
    t.s[sizeof t.s - 1] = '\0';
    return t;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

/*
 * Whether a token's stated type is that of a result: "eat+jwt" (`name`), with
 * or without "application/" and parameters, in any case.
 * spec: RFC 8725 §3.11, RFC 7515 §4.1.9, RFC 9782 §5
 */
bool ear_type_is(struct ds_span type, const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMD's root keys by their names: what stands in for a root certificate that
 * evidence does not carry.
 * spec: AMD 57230, VCEK Certificate and KDS Interface, revision 1.00: 2.3 table 7
 */

#include "base/span.h"

/* Static bytes. */
struct snp_ark {
    struct ds_span name; /* raw Name, as ASKs and ASVKs have it as issuer */
    struct ds_span spki;
};

/* False: AMD has no root of this name (raw). */
bool snp_ark_find(struct snp_ark *ret, struct ds_span name);

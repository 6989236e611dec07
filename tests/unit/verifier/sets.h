/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* For tests of this room: sets of collateral over made-up platforms, as services and files give them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../attest/synthetic.h"
#include "../attest/synthetic_snp.h"

/* The set of a platform that was made: as planned now. */
void sets_intel(struct ds_buf *ret, const struct synth *s);
/* product: "Milan"; leaf: "vcek" or "vlek", the key that it stands under. */
void sets_amd(struct ds_buf *ret, const struct snp_synth *s, const char *product, const char *leaf);

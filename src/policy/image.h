/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Does a machine run this image? Its quoted registers are compared with the
 * prediction for the image on the machine's shape, and where they differ, the
 * boot log names who is to blame.
 */

#include "attest/claims.h"
#include "attest/eventlog/event.h"
#include "base/reason.h"
#include "measure/measure.h"

/*
 * Add a reason for each boot event (and for MRTD) that is not as predicted.
 *
 * in:   log  of the same evidence, or NULL; it is only believed as far as it replays
 *            to the quoted registers, else the register alone is named
 */
void policy_image_check(struct ds_verdict *v, const struct ds_claims *c,
                        const struct ds_tdx_log *log, const struct measure_tdx *predicted);

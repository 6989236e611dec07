/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Version 1 of the wrapper, behind the functions of attestation.h, which tell the
 * versions apart and hold the bounds of both.
 */

#include "attest/wrapper/attestation.h"

DS_MUST_USE int attestation_v1_parse(struct ds_attestation *ret, struct ds_arena *mem,
                                     struct ds_span in, struct ds_error *e);
DS_MUST_USE int attestation_v1_encode(struct ds_buf *ret, const struct ds_attestation *a,
                                      struct ds_error *e);

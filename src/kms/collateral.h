/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the KMS takes vendor collateral from. So far: the simulated platform's,
 * from the VMM of this machine. A root that was born hardware takes it as well:
 * so it can say of simulated evidence what it is when it refuses it.
 */

#include <yyjson.h>

#include "attest/anchors.h"
#include "kms/kms.h"

/*
 * Take what the VMM replied, all of it or nothing. It is verified with each
 * evidence; here it must only be collateral.
 *
 * err:  PEER  kms.no_collateral; *s is untouched
 */
DS_MUST_USE int kms_collateral_take(struct kms_simulated *s, yyjson_val *reply, struct ds_error *e);

/* Whether what was fetched is in use at this time; else the next kms_collateral_get fetches anew. */
bool kms_collateral_is_kept(const struct kms_simulated *s, int64_t now_s);

/*
 * out:  ret        JSON, borrowed until the next call
 *       ret_anchor the simulated root; *ret_n_anchors is 0 or 1
 * err:  UNAVAILABLE, PEER  kms.no_collateral
 */
DS_MUST_USE int kms_collateral_get(struct ds_span *ret, struct ds_extra_anchor *ret_anchor,
                                   size_t *ret_n_anchors, struct kms *kms, int64_t now_s,
                                   struct ds_error *e);

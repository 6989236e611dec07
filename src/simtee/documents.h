/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The collateral documents of the simulated platform: TCB info, QE identity and
 * revocation lists, signed, in the JSON form of attest/dcap/collateral.h.
 */

#include "simtee/certs.h"

/* Make a set that is valid at now_s; JSON text, *appended*. */
DS_MUST_USE int simtee_documents_make(struct ds_buf *ret, const struct simtee_keys *keys,
                                      const struct simtee_certs *certs, int64_t now_s,
                                      struct ds_error *e);

/* These documents belong to these certificates and are in the first half of their life. */
bool simtee_documents_are_fresh(struct ds_span json, const struct simtee_certs *certs,
                                int64_t now_s);

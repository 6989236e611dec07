/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One evidence from a file, without a server. spec: guest-api 7.1, CLI
 */

#include "verifier/ground.h"

/*
 * FILE holds what /verify takes; FILE.verification.json gets the answer.
 *
 * out:  ret_valid
 */
DS_MUST_USE int oneshot_verify(bool *ret_valid, const struct ground *g, const char *path,
                               int64_t now_s, struct ds_error *e);
/* FILE holds a certificate with evidence, PEM or DER; the answer is printed. */
DS_MUST_USE int oneshot_verify_cert(bool *ret_valid, const struct ground *g, const char *path,
                                    int64_t now_s, struct ds_error *e);

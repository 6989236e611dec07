/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The four certificates of the simulated platform, in the vendor's forms: root,
 * platform CA, PCK certificate of this machine, TCB signing.
 */

#include "base/buf.h"
#include "crypto/key.h"
#include "simtee/platform.h"

struct simtee_keys {
    struct ds_p256_key *root, *platform, *pck, *tcb; /* owned */
};

void simtee_keys_done(struct simtee_keys *keys);

struct simtee_certs {
    struct ds_buf root, platform, pck, tcb; /* DER, owned */
};

void simtee_certs_done(struct simtee_certs *certs);

/* Make all four, valid at now_s. */
DS_MUST_USE int simtee_certs_make(struct simtee_certs *ret, const struct simtee_keys *keys,
                                  const uint8_t ppid16[static 16], int64_t now_s,
                                  struct ds_error *e);

/*
 * Read them back from PEM (PCK, platform CA, root, TCB signing).
 *
 * err:  FORMAT; UNTRUSTED: not of these keys, or the chain does not hold; STALE at now_s.
 *       All of them mean: make new ones.
 */
DS_MUST_USE int simtee_certs_parse(struct simtee_certs *ret, struct ds_span pem,
                                   const struct simtee_keys *keys, int64_t now_s,
                                   struct ds_error *e);
void simtee_certs_encode(struct ds_buf *ret, const struct simtee_certs *certs);

/* The chain that stands in a quote: PCK, platform CA, root; no NUL behind it. */
void simtee_certs_pck_chain(struct ds_buf *ret, const struct simtee_certs *certs);

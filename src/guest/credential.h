/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The instance credential: a key that this VM made at boot and that never
 * leaves locked memory, and the KMS's certificate for it, which is renewed at
 * half of its life. It lets the agent ask for certificates of the app.
 */

#include <pthread.h>

#include "base/buf.h"
#include "crypto/key.h"

struct guest_credential {
    struct ds_p256_key *key; /* made once, then read-only */
    pthread_mutex_t lock;    /* over what follows */
    struct ds_buf chain_pem; /* leaf first */
    int64_t not_before_s, not_after_s;
    /* The renewal: between submission and completion the pool's, else the loop's. */
    unsigned n_failures; /* in a row */
    int status;
    struct ds_error error;
};

void guest_credential_init(struct guest_credential *c);
void guest_credential_done(struct guest_credential *c);

/*
 * Take a chain that the KMS gave, if its leaf is for our key.
 *
 * in:   pems  PEM certificates, leaf first
 * err:  PEER guest.kms_reply
 */
DS_MUST_USE int guest_credential_take(struct guest_credential *c, const char *const *pems,
                                      size_t n_pems, struct ds_error *e);
/* The chain as PEM, *appended*. */
DS_MUST_USE int guest_credential_chain(struct ds_buf *ret, struct guest_credential *c,
                                       struct ds_error *e);

/*
 * How long to wait before looking again: until half of the life; once that is
 * over, a little longer after each failure. Never more than an hour, since a
 * machine that was suspended learns of it only when it looks at the clock.
 *
 * in:   n_failures  in a row
 * out:  ret_is_due  half of the life is over
 */
int64_t guest_credential_wait_ms(bool *ret_is_due, int64_t now_s, int64_t not_before_s,
                                 int64_t not_after_s, unsigned n_failures);

/* From here on it renews itself. On the loop, once the boot keys are there. */
struct agent;
void guest_credential_keep(struct agent *a);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the guest may ask of its simulated platform, over the channel
 * org.dstack.tee. The guest is hostile: every request is checked against the
 * method table and counted against a rate.
 */

#include "rpc/method.h"
#include "simtee/journal.h"
#include "simtee/pki.h"

struct simtee_guest {
    struct simtee_journal *journal; /* borrowed */
    const struct simtee_pki *pki;   /* borrowed */
    struct rpc_service service;
    int64_t tokens, refilled_ms; /* requests that may come at once; when that was counted */
    uint64_t n_quotes;
};

/* Keeps journal and pki. */
DS_MUST_USE int simtee_guest_init(struct simtee_guest *ret, struct simtee_journal *journal,
                                  const struct simtee_pki *pki, struct ds_error *e);
void simtee_guest_done(struct simtee_guest *g);

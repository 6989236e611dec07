/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a back end is made of, and what async.c needs of it.
 */

#include "store/store.h"

struct store_job;

struct store {
    struct net_pool *pool; /* NULL: plain calls only */
    void *backend;
    struct store_job *first, *last; /* submitted, oldest first; the first is with the pool */
    size_t n_jobs;
};

/* err: ARG for what no back end takes */
DS_MUST_USE int store_check_key(const char *key, struct ds_error *e);
DS_MUST_USE int store_check_ops(const struct store_op *ops, size_t n_ops, struct ds_error *e);

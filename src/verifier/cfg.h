/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's configuration: one table of keys with defaults that need no file.
 */

#include "base/cfg.h"
#include "base/place.h"

struct verifier_cfg {
    char *listen;
    bool allow_simulated, allow_no_crl;
    char *simulated_anchor, *custom_anchor;
    bool fetch_online;
    char *fetch_dir, *fetch_pcs, *fetch_kds, *fetch_ca_file;
    uint64_t fetch_timeout_s;
    char *key;
    uint64_t result_life_s;
    struct ds_cfg_list collateral, tcb;
    char *policy;
    uint64_t threads;
    uint64_t body_max, bodies_max, connections_max;
    uint64_t idle_s, request_s, wait_s, end_s;
    uint64_t queue_max, sessions_max, session_life_s;
    uint64_t source_per_s, all_per_s;
};

extern const struct ds_cfg_schema verifier_cfg_schema;

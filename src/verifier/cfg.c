/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of configuration keys.
 */
#include "verifier/cfg.h"

#include <stddef.h>

#define AT(field) offsetof(struct verifier_cfg, field)

/* clang-format off */
static const struct ds_cfg_key keys[] = {
    { .key = "listen", .kind = DS_CFG_TEXT, .preset = "\"tcp:127.0.0.1:8080\"", .min = 1,
      .offset = AT(listen),
      .help = "where HTTP is served: tcp:host:port or unix:/path; only this machine by default, since plain answers are not signed and travel without TLS" },
    { .key = "allow_simulated", .kind = DS_CFG_BOOL, .preset = "false",
      .offset = AT(allow_simulated),
      .help = "accept the simulated platform, which protects nothing; its root is in anchors.simulated" },
    { .key = "anchors.simulated", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(simulated_anchor),
      .help = "root certificate (PEM) of a simulated platform; empty: none" },
    { .key = "anchors.custom", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(custom_anchor),
      .help = "root certificate (PEM) that is trusted as kind custom; empty: none" },
    { .key = "collateral", .kind = DS_CFG_LIST, .preset = "[]", .max = 64, .offset = AT(collateral),
      .help = "files with a vendor's documents of a platform (as dstack collateral fetch writes them) or bundles of such, or directories of them (*.json)" },
    { .key = "fetch.online", .kind = DS_CFG_BOOL, .preset = "false", .offset = AT(fetch_online),
      .help = "ask the vendors' services for documents that are not at hand; without it no network is used" },
    { .key = "fetch.dir", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(fetch_dir),
      .help = "cache of documents, as dstack collateral keeps it; empty: collateral in the state directory" },
    { .key = "fetch.pcs", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(fetch_pcs),
      .help = "caching service to ask instead of Intel's" },
    { .key = "fetch.kds", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(fetch_kds),
      .help = "caching service to ask instead of AMD's" },
    { .key = "fetch.ca_file", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(fetch_ca_file),
      .help = "authorities (PEM) that vouch for the services' TLS; empty: the system's" },
    { .key = "fetch.timeout", .kind = DS_CFG_U64, .unit = "s", .preset = "30", .min = 1, .max = 600,
      .offset = AT(fetch_timeout_s), .help = "for each document" },
    { .key = "allow_no_crl", .kind = DS_CFG_BOOL, .preset = "false", .offset = AT(allow_no_crl),
      .help = "accept SEV-SNP reports where AMD's revocation list is not at hand" },
    { .key = "tcb", .kind = DS_CFG_LIST, .preset = "[UpToDate, SWHardeningNeeded]", .max = 8,
      .offset = AT(tcb), .help = "TCB states that /v1/verify and sessions accept; /verify tells the state and accepts all but Revoked" },
    { .key = "policy", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(policy),
      .help = "file of a policy document (docs/policy.md) that judges in place of tcb, /verify included; kinds of roots that are not configured here stay refused; empty: none" },
    { .key = "result.key", .kind = DS_CFG_TEXT, .preset = "\"\"", .offset = AT(key),
      .help = "P-256 key (PEM, mode 0600) that signs results; empty: verifier/signing-key.pem in the state directory, made on the first start" },
    { .key = "result.life", .kind = DS_CFG_U64, .unit = "s", .preset = "300", .min = 1, .max = 31536000,
      .offset = AT(result_life_s), .help = "a signed result expires after it" },
    { .key = "threads", .kind = DS_CFG_U64, .preset = "0", .max = 64, .offset = AT(threads),
      .help = "threads that verify; 0: as many as processors" },
    { .key = "limits.body", .kind = DS_CFG_U64, .unit = "bytes", .preset = "1048576", .min = 65536,
      .max = 16u << 20, .offset = AT(body_max), .help = "largest body of a request" },
    { .key = "limits.bodies", .kind = DS_CFG_U64, .unit = "bytes", .preset = "67108864",
      .min = 1u << 20, .max = (uint64_t)1 << 32, .offset = AT(bodies_max),
      .help = "all heads and bodies, and replies that were not yet taken, at once; beyond it whoever has sent or read slowly for longest is dropped" },
    { .key = "limits.connections", .kind = DS_CFG_U64, .preset = "0", .max = 1u << 22,
      .offset = AT(connections_max),
      .help = "connections at once; 0: what the limit of descriptors allows; beyond it the one that has had no whole request for longest is closed" },
    { .key = "limits.idle", .kind = DS_CFG_U64, .unit = "s", .preset = "60", .min = 1, .max = 3600,
      .offset = AT(idle_s), .help = "a connection without a request ends after it" },
    { .key = "limits.request", .kind = DS_CFG_U64, .unit = "s", .preset = "10", .min = 1,
      .max = 3600, .offset = AT(request_s), .help = "for all of a request to arrive" },
    { .key = "limits.wait", .kind = DS_CFG_U64, .unit = "s", .preset = "5", .min = 1, .max = 600,
      .offset = AT(wait_s), .help = "longest wait for a thread; then 503" },
    { .key = "limits.queue", .kind = DS_CFG_U64, .preset = "1024", .min = 1, .max = 65536,
      .offset = AT(queue_max), .help = "requests that wait for a thread, and as many that wait for documents; beyond it 503" },
    { .key = "limits.end", .kind = DS_CFG_U64, .unit = "s", .preset = "10", .min = 1, .max = 600,
      .offset = AT(end_s), .help = "longest end after SIGTERM; a service that is still being asked is left" },
    { .key = "limits.sessions", .kind = DS_CFG_U64, .preset = "4096", .min = 1, .max = 65536,
      .offset = AT(sessions_max), .help = "challenge-response sessions; one source has at most a 16th of them, and of the 64 MiB that they keep" },
    { .key = "limits.session_life", .kind = DS_CFG_U64, .unit = "s", .preset = "150", .min = 1,
      .max = 86400, .offset = AT(session_life_s), .help = "a session's life before its evidence came, and after" },
    { .key = "rate.source", .kind = DS_CFG_U64, .unit = "1/s", .preset = "1000", .max = 1000000,
      .offset = AT(source_per_s),
      .help = "requests of one source (an IPv4 address, an IPv6 /64), twice as many at once; keys, discovery and metrics have as many beside them; 0: no limit" },
    { .key = "rate.all", .kind = DS_CFG_U64, .unit = "1/s", .preset = "4000", .max = 1000000,
      .offset = AT(all_per_s), .help = "requests of all sources, keys, discovery and metrics aside; 0: no limit" },
};
/* clang-format on */

const struct ds_cfg_schema verifier_cfg_schema = {
    .program = "dstack-verifier",
    .keys = keys,
    .n_keys = DS_LEN(keys),
};

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The container engine: containerd and dockerd as children, spoken to over
 * HTTP. The docker command line tool is not used: each start of it costs more
 * than the request it makes.
 */

#include "base/buf.h"
#include "base/proc.h"

struct guest_engine {
    struct ds_proc containerd, dockerd; /* pidfd -1 when not started */
    bool logs_are_public;               /* of app-compose: what a failure may tell */
};

#define GUEST_ENGINE_NONE ((struct guest_engine){ .containerd.pidfd = -1, .dockerd.pidfd = -1 })

/* Start both. Returns once containerd listens. err: NOTFOUND, SYS, UNAVAILABLE */
DS_MUST_USE int guest_engine_start(struct guest_engine *ret, struct ds_error *e);

/* dockerd answers. Its socket queues the request, so this waits without polling.
 * err: UNAVAILABLE (guest.engine_failed: with the last lines of its log), TIMEOUT */
DS_MUST_USE int guest_engine_wait(const struct guest_engine *g, int64_t timeout_ms,
                                  struct ds_error *e);

/* Load a docker-archive: the first `len` bytes of a device or file. err: SYS, PEER (guest.image_refused) */
DS_MUST_USE int guest_engine_load(const struct guest_engine *g, const char *archive, uint64_t len,
                                  struct ds_error *e);

/*
 * `docker compose up -d` on a compose document.
 *
 * in:   name     project name
 *       compose  JSON or YAML text
 *       dir      project directory, where the document is written (0700)
 *       env      NULL-terminated "NAME=value", the app's environment; may be NULL
 */
DS_MUST_USE int guest_compose_up(const struct guest_engine *g, const char *name,
                                 struct ds_span compose, const char *dir, const char *const *env,
                                 struct ds_error *e);

/* What Compose makes of a YAML document, as JSON, *appended*. */
DS_MUST_USE int guest_compose_config(struct ds_buf *ret, const struct guest_engine *g,
                                     struct ds_span compose, const char *dir, struct ds_error *e);

/* Log lines from since_s up to, not including, until_s; both since 1970 by this VM's clock. */
struct guest_logs {
    const char *container;    /* "": all of the app */
    unsigned lines;           /* of each container, the newest */
    int64_t since_s, until_s; /* until_s 0: up to now */
};

/* The log lines of the app's containers, *appended*. err: PEER, NOTFOUND (no such container) */
DS_MUST_USE int guest_engine_logs(struct ds_buf *ret, const struct guest_logs *want,
                                  struct ds_error *e);

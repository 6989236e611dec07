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
    int gate;                           /* what dockerd waits for; -1 when it is open */
};

#define GUEST_ENGINE_NONE { .containerd.pidfd = -1, .dockerd.pidfd = -1, .gate = -1 }

/*
 * Start both, as early as there is a root: a Go program of 90 MB spends seconds on its own start.
 * dockerd stops short of everything that matters: its configuration is its standard input, a pipe
 * that says nothing yet, and it looks at no disk, network or container before it has read that.
 *
 * err: NOTFOUND, SYS
 */
DS_MUST_USE int guest_engine_start(struct guest_engine *ret, struct ds_error *e);

/*
 * Let dockerd go on, once the data disk is there and the trusted boot is closed: from here on it
 * may start containers, those of an earlier boot among them.
 *
 * err: UNAVAILABLE (guest.engine_failed: one of the two ended), SYS
 */
DS_MUST_USE int guest_engine_open(struct guest_engine *g, struct ds_error *e);

/* dockerd answers. Its socket queues the request, so this waits without polling.
 * err: UNAVAILABLE (guest.engine_failed: it ended or stays silent; with the lines of its log that
 * say why, if logs are public) */
DS_MUST_USE int guest_engine_wait(const struct guest_engine *g, int64_t timeout_ms,
                                  struct ds_error *e);

/* Load a docker-archive: the first `len` bytes of a device or file. err: SYS, PEER (guest.image_refused) */
DS_MUST_USE int guest_engine_load(const struct guest_engine *g, const char *archive, uint64_t len,
                                  struct ds_error *e);

/* A Compose that was started ahead and waits for its document. */
struct guest_compose {
    struct ds_proc proc; /* pidfd -1 when not started */
    int document;        /* the end of a pipe that it reads; -1 when none */
};

#define GUEST_COMPOSE_NONE { .proc.pidfd = -1, .document = -1 }

/*
 * `docker compose up -d`, so far that it reads its document: it starts beside the engine.
 *
 * in:   name     project name
 *       dir      project directory (made, 0700)
 *       env      NULL-terminated "NAME=value", the app's environment; may be NULL
 * out:  ret      free it with guest_compose_done
 */
DS_MUST_USE int guest_compose_start(struct guest_compose *ret, const char *name, const char *dir,
                                    const char *const *env, struct ds_error *e);

/* Hand over the document, JSON or YAML, and wait until its containers run.
 * err: UNAVAILABLE (guest.compose_failed: with the lines of its log that say why, if logs are
 *      public), TIMEOUT */
DS_MUST_USE int guest_compose_up(struct guest_compose *c, struct ds_span compose,
                                 bool logs_are_public, struct ds_error *e);

/* Kills it when it still runs. */
void guest_compose_done(struct guest_compose *c);

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

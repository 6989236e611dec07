/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Method tables: the one description of what a daemon answers. Dispatch,
 * authorization, validation, help and the generated pages iterate the rows.
 *
 * A handler gets a validated call and ends it exactly once, now or later, by
 * rpc_call_reply, rpc_call_fail or rpc_call_deny.
 */

#include <sys/types.h>
#include <yyjson.h>

#include "base/buf.h"
#include "base/reason.h"

struct net_chain;
struct rpc_call;

enum rpc_kind {
    RPC_TEXT,
    RPC_HEX, /* bytes as hex; 0x in front and upper case are accepted, lower case is emitted */
    RPC_U64,
    RPC_BOOL,
    RPC_TEXT_LIST,
    RPC_HEX_LIST,
    RPC_OBJECT, /* checked against `fields` when there are any */
    RPC_OBJECT_LIST,
    RPC_ANY, /* any JSON; the handler checks it */
};

struct rpc_field {
    const char *name;
    enum rpc_kind kind;
    bool required;
    uint64_t
        max; /* largest number; bytes of a text or of decoded hex; elements of a list; 0: none */
    const char *help;
    const struct rpc_field *fields; /* of an object */
    size_t n_fields;
};

enum rpc_who {
    RPC_ANYONE,
    RPC_SAME_UID, /* a unix-socket peer with the daemon's own uid, or root */
    RPC_ADMIN,    /* the service's admit() decides; without one as RPC_SAME_UID */
    RPC_ATTESTED, /* TLS with a client certificate, which admit() accepts */
    RPC_CHANNEL,  /* only over the guest's channel */
};

typedef void rpc_handler_fn(struct rpc_call *call, void *ctx);

struct rpc_method {
    const char *name; /* CamelCase, without prefix */
    enum rpc_who who;
    rpc_handler_fn *handler;
    const char *doc; /* one sentence */
    const struct rpc_field *request;
    size_t n_request;
    const struct rpc_field *reply;
    size_t n_reply;
    /* Of a page that its program serves itself, for the documents alone: the HTTP method, the path
     * behind the mount with its {parts}, and the media type of the body; NULL: a method as above. */
    const char *verb, *path, *media;
};

/* Who calls, on whatever transport. */
struct rpc_caller {
    enum {
        RPC_VIA_UNIX,
        RPC_VIA_TCP,
        RPC_VIA_TLS,
        RPC_VIA_CHANNEL,
    } via;
    uid_t uid; /* RPC_VIA_UNIX */
    pid_t pid;
    const struct net_chain *chain; /* RPC_VIA_TLS: client certificates, maybe none; else NULL */
    const char *authorization;     /* the HTTP header, or NULL */
    void *channel_arg;             /* RPC_VIA_CHANNEL: whatever rpc_serve_channel was given */
};

struct rpc_stats;

/* Plain data of the daemon's; `stats` comes from rpc_service_init. */
struct rpc_service {
    const char *name;            /* "vmm": names the metrics */
    const char *mount;           /* "/prpc/" or "/" */
    const char *const *prefixes; /* trimmed off a method name: "Teepod."; NULL-terminated or NULL */
    const struct rpc_method *methods;
    size_t n_methods;
    void *ctx; /* handed to the handlers */
    /* May the caller use the method? For RPC_ADMIN and RPC_ATTESTED; DS_OK or a failure that is
     * told to the caller. Runs on the loop. */
    int (*admit)(void *ctx, const struct rpc_method *m, const struct rpc_caller *caller,
                 struct ds_error *e);
    /* Told of a job (rpc/job.h) that failed without a verdict, before its caller is; for the
     * daemon's log. May be NULL. */
    void (*job_failed)(void *ctx, const struct rpc_call *call, const struct ds_error *e);
    struct rpc_stats *stats;
};

DS_MUST_USE int rpc_service_init(struct rpc_service *s, struct ds_error *e);
void rpc_service_done(struct rpc_service *s);

/* The parameters: always an object, every present field checked against the table. */
yyjson_val *rpc_call_params(const struct rpc_call *c);
const struct rpc_caller *rpc_call_caller(const struct rpc_call *c);
const struct rpc_method *rpc_call_method(const struct rpc_call *c);
/* A field, or the proto3 default when absent: "", 0, false. Borrowed until the call ends. */
const char *rpc_call_text(const struct rpc_call *c, const char *name);
uint64_t rpc_call_u64(const struct rpc_call *c, const char *name);
bool rpc_call_bool(const struct rpc_call *c, const char *name);
bool rpc_call_has(const struct rpc_call *c, const char *name);
/* Decoded hex; empty when absent. err: RANGE (over cap) */
DS_MUST_USE int rpc_call_hex(const struct rpc_call *c, const char *name, uint8_t *ret,
                             size_t *ret_len, size_t cap, struct ds_error *e);

/* A document for the reply, freed with the call. NULL when memory is out. */
yyjson_mut_doc *rpc_call_doc(struct rpc_call *c);
/* End the call. root: of rpc_call_doc; NULL replies {}. */
void rpc_call_reply(struct rpc_call *c, yyjson_mut_val *root);
/* The same with JSON text made elsewhere (ASCII). */
void rpc_call_reply_text(struct rpc_call *c, struct ds_span json);
void rpc_call_fail(struct rpc_call *c, const struct ds_error *e);
void rpc_call_deny(struct rpc_call *c, int cls, const struct ds_verdict *v);

/* The table as JSON: names, who, docs, fields. */
void rpc_service_describe(struct ds_buf *out, const struct rpc_service *s);
/* Prometheus text: calls, failures and a latency histogram per method. */
void rpc_service_metrics(struct ds_buf *out, const struct rpc_service *s);

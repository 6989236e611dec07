/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack-verifier: what evidence proves, asked over HTTP or of a file.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "codec/date.h"
#include "crypto/rand.h"
#include "net/target.h"
#include "rpc/program.h"
#include "verifier/api.h"
#include "verifier/job.h"
#include "verifier/obtain.h"
#include "verifier/oneshot.h"

#define DESCRIPTORS_OWN  64   /* the program's own, and those of a moment */
#define CONNECTION_BYTES 6144 /* what an idle connection is taken to hold: README.md */
#define HEAD_MAX         ((size_t)8 << 10)
#define MEMORY_SHARE     4 /* of the machine's memory, idle connections may hold one in this many */

struct opts {
    const char *config, *listen, *anchor, *simulated_anchor, *verify, *verify_cert, *at;
    struct ds_arg_list collateral;
    bool allow_simulated;
};

#define TEXT(field, name, letter, value, help) \
    { name, letter, DS_ARG_TEXT, value, help, offsetof(struct opts, field), 0 }

static const struct ds_arg_option options[] = {
    TEXT(config, "config", 'c', "FILE", "configuration; without it every key has its default"),
    TEXT(listen, "listen", 0, "ADDRESS", "instead of listen in the configuration"),
    { "collateral", 0, DS_ARG_LIST, "PATH",
      "a file with the vendor's documents of a platform, or a directory of such",
      offsetof(struct opts, collateral), 0 },
    TEXT(anchor, "anchor", 0, "FILE", "trust this root certificate (PEM) as kind 'custom'"),
    TEXT(simulated_anchor, "simulated-anchor", 0, "FILE",
         "the root certificate (PEM) of a simulated platform"),
    { "allow-simulated", 0, DS_ARG_FLAG, NULL,
      "accept the simulated platform, which protects nothing",
      offsetof(struct opts, allow_simulated), 0 },
    TEXT(verify, "verify", 0, "FILE",
         "judge a reply of GetQuote or Attest in a file, write FILE.verification.json, and end"),
    TEXT(verify_cert, "verify-cert", 0, "FILE",
         "judge a certificate with evidence inside (PEM or DER), print the result, and end"),
    TEXT(at, "at", 0, "TIME",
         "with --verify and --verify-cert: judge as of this time (2026-11-22T10:00:00Z)"),
};

static const struct ds_arg_command command = {
    .name = "dstack-verifier",
    .summary = "Say what evidence of confidential VMs proves.",
    .operands = "[serve|check-config|show-config]",
    .max_operands = 1,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack-verifier --collateral collateral.json",
};

/* An option goes before the configuration; both are texts that ds_cfg_done frees. */
static int override(char **field, const char *option, struct ds_error *e)
{
    if (option == NULL)
        return DS_OK;
    char *text = strdup(option);
    if (text == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "options");
    free(*field);
    *field = text;
    return DS_OK;
}

static int add_collateral(struct verifier_cfg *cfg, const struct ds_arg_list *more,
                          struct ds_error *e)
{
    char **v = reallocarray(cfg->collateral.v, cfg->collateral.n + more->n + 1, sizeof *v);
    if (v == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "options");
    cfg->collateral.v = v;
    for (size_t i = 0; i < more->n; i++) {
        v[cfg->collateral.n] = strdup(more->v[i]);
        if (v[cfg->collateral.n] == NULL)
            return ds_fail(e, DS_ERR_NOMEM, "options");
        cfg->collateral.n++;
    }
    return DS_OK;
}

static int take_options(struct verifier_cfg *cfg, const struct opts *o, struct ds_error *e)
{
    DS_TRY(override(&cfg->listen, o->listen, e));
    DS_TRY(override(&cfg->custom_anchor, o->anchor, e));
    DS_TRY(override(&cfg->simulated_anchor, o->simulated_anchor, e));
    DS_TRY(add_collateral(cfg, &o->collateral, e));
    cfg->allow_simulated |= o->allow_simulated;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (cfg->threads == 0)
        cfg->threads = n > 0 && n <= 64 ? (uint64_t)n : 1;
    return DS_OK;
}

/* As many connections as the machine gives descriptors for, and memory. */
static size_t find_connections_max(const struct verifier *v)
{
    struct rlimit lim;
    size_t n = 1024;
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        lim.rlim_cur = lim.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &lim); /* as it was, then: it is asked again */
        if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
            n = (size_t)lim.rlim_cur;
    }
    n = n > 2 * DESCRIPTORS_OWN ? n - DESCRIPTORS_OWN : DESCRIPTORS_OWN;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) {
        size_t by_memory = (size_t)pages / MEMORY_SHARE * (size_t)page / CONNECTION_BYTES;
        n = by_memory < n ? by_memory : n;
    }
    size_t asked = (size_t)v->cfg.connections_max;
    return asked > 0 && asked < n ? asked : n;
}

static int start_http(struct verifier *v, struct ds_error *e)
{
    struct net_target target;
    v->connections_max = find_connections_max(v);
    const struct net_http_limits limits = { .body_max = (size_t)v->cfg.body_max,
                                            .bodies_max = (size_t)v->cfg.bodies_max,
                                            .head_max = HEAD_MAX,
                                            .connections_max = v->connections_max,
                                            .idle_ms = (int64_t)v->cfg.idle_s * 1000,
                                            .request_ms = (int64_t)v->cfg.request_s * 1000,
                                            .evicts = true };
    DS_TRY(net_target_parse(&target, v->cfg.listen, e));
    DS_TRY(net_http_server_new(&v->http, v->loop, &limits, verifier_api_serve, v, e));
    return net_http_server_listen(v->http, &target, 0660, NULL, e);
}

static int start(struct verifier *v, struct ds_error *e)
{
    DS_TRY(ground_load(&v->ground, &v->cfg, e));
    DS_TRY(signer_load(&v->signer, v->cfg.key, e));
    v->limit = calloc(1, sizeof *v->limit);
    if (v->limit == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "rates");
    v->limit->source_per_s = v->cfg.source_per_s;
    v->limit->all_per_s = v->cfg.all_per_s;
    DS_TRY(ds_rand(&v->limit->seed, sizeof v->limit->seed, e));
    DS_TRY(sessions_init(&v->sessions, (size_t)v->cfg.sessions_max, (int64_t)v->cfg.session_life_s,
                         e));
    DS_TRY(net_loop_new(&v->loop, e));
    DS_TRY(net_pool_new(&v->pool, v->loop, (size_t)v->cfg.threads, 2 * (size_t)v->cfg.threads, e));
    DS_TRY(jobs_init(v, e));
    DS_TRY(obtain_new(&v->obtain, v, e));
    DS_TRY(verifier_api_init(v, e));
    return start_http(v, e);
}

static void on_signal(void *arg, unsigned what)
{
    struct verifier *v = arg;
    (void)what;
    net_loop_stop(v->loop);
}

static int run_loop(struct verifier *v, struct ds_error *e)
{
    struct net_event *term = NULL, *intr = NULL;
    char port[16], connections[24], threads[24];
    int r = net_event_signal(&term, v->loop, SIGTERM, on_signal, v, e);
    if (r == DS_OK)
        r = net_event_signal(&intr, v->loop, SIGINT, on_signal, v, e);
    if (r == DS_OK) {
        (void)snprintf(port, sizeof port, "%u", net_http_server_port(v->http));
        (void)snprintf(connections, sizeof connections, "%zu", v->connections_max);
        (void)snprintf(threads, sizeof threads, "%llu", (unsigned long long)v->cfg.threads);
        ds_log(&v->log, DS_LOG_INFO, "verifier.serving", "listen", v->cfg.listen, "port", port,
               "connections", connections, "threads", threads, "key", v->signer.kid);
        r = net_loop_run(v->loop, e);
    }
    net_event_free(term);
    net_event_free(intr);
    return r;
}

/* Nothing is lost: what is written is written whole, and memory is wiped by the kernel. */
static void end_late(int signo)
{
    (void)signo;
    _exit(0);
}

/* A vendor's service that does not answer must not keep the process. */
static void stop(struct verifier *v)
{
    const struct sigaction late = { .sa_handler = end_late };
    (void)sigaction(SIGALRM, &late, NULL);
    (void)alarm((unsigned)v->cfg.end_s);
    if (v->http != NULL)
        jobs_done(v);
    obtain_end(v->obtain);
    if (v->pool != NULL)
        net_pool_free(v->pool);
    obtain_free(v->obtain);
    jobs_done(v); /* what the pool's last jobs let in, and the rooms that they gave back */
    net_http_server_free(v->http);
    rpc_service_done(&v->service);
    net_loop_free(v->loop);
    sessions_done(&v->sessions);
    free(v->limit);
    signer_done(&v->signer);
    ground_done(&v->ground);
}

static int serve(struct verifier *v, struct ds_error *e)
{
    DS_TRY(ds_process_harden(e));
    DS_TRY(ds_key_memory_lock(e));
    int r = start(v, e);
    if (r == DS_OK)
        r = run_loop(v, e);
    stop(v);
    return r;
}

static int one_file(struct verifier *v, const struct opts *o, bool *ret_valid, struct ds_error *e)
{
    int64_t now_s = ds_clock_now_s();
    if (o->at != NULL && ds_date_parse(&now_s, ds_span_str(o->at), e) < 0)
        return ds_error_code(e, DS_CODE_ARGS_USAGE), DS_ERR_ARG;
    DS_TRY(ground_load(&v->ground, &v->cfg, e));
    int r = o->verify != NULL
                ? oneshot_verify(ret_valid, &v->ground, o->verify, now_s, e)
                : oneshot_verify_cert(ret_valid, &v->ground, o->verify_cert, now_s, e);
    ground_done(&v->ground);
    return r;
}

static int print(const struct ds_buf *text, struct ds_error *e)
{
    DS_TRY(ds_buf_end(text, e, "output"));
    return ds_fd_write_all(STDOUT_FILENO, ds_buf_span(text), e);
}

static int check_options(const struct opts *o, const struct ds_arg_rest *rest, struct ds_error *e)
{
    bool is_file = o->verify != NULL || o->verify_cert != NULL;
    if (o->verify != NULL && o->verify_cert != NULL)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                            "--verify or --verify-cert, not both");
    if (is_file && (rest->n > 0 || o->listen != NULL))
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                            "a file is judged without serving: no verb and no --listen");
    if (!is_file && o->at != NULL)
        return ds_fail_code(
            e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
            "--at is for --verify and --verify-cert: a service judges by its clock");
    return DS_OK;
}

static int act(struct verifier *v, const struct opts *o, const char *verb, bool *ret_valid,
               struct ds_error *e)
{
    DS_TRY(take_options(&v->cfg, o, e));
    if (o->verify != NULL || o->verify_cert != NULL)
        return one_file(v, o, ret_valid, e);
    if (strcmp(verb, "serve") == 0)
        return serve(v, e);
    if (strcmp(verb, "check-config") != 0)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE, "no command '%.60s'", verb);
    DS_TRY(ground_load(&v->ground, &v->cfg, e));
    ground_done(&v->ground);
    return DS_OK;
}

static int describe(struct verifier *v, struct ds_error *e)
{
    const struct ds_arg_command *const commands[] = { &command };
    const struct rpc_service *const services[] = { &v->service };
    const struct rpc_program p = { commands, DS_LEN(commands), &verifier_cfg_schema, services,
                                   DS_LEN(services) };
    DS_TRY(verifier_api_init(v, e));
    int r = rpc_program_describe(&p, e);
    rpc_service_done(&v->service);
    return r;
}

static int run(int argc, char **argv, bool *ret_valid, struct ds_error *e)
{
    static struct verifier v = { .log = { .program = "verifier", .min = DS_LOG_INFO } };
    struct opts o = { 0 };
    struct ds_arg_rest rest;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (rpc_program_asked(argc, argv))
        return describe(&v, e);
    DS_TRY(ds_args_parse(&command, &o, &rest, argc, argv, false, e));
    if (rest.help) {
        ds_args_help(&text, &command);
        return print(&text, e);
    }
    const char *verb = rest.n > 0 ? rest.v[0] : "serve";
    DS_TRY(check_options(&o, &rest, e));
    if (strcmp(verb, "show-config") == 0) {
        ds_cfg_help(&text, &verifier_cfg_schema);
        return print(&text, e);
    }
    DS_TRY(ds_cfg_load(&verifier_cfg_schema, &v.cfg, o.config, e));
    int r = act(&v, &o, verb, ret_valid, e);
    ds_cfg_done(&verifier_cfg_schema, &v.cfg);
    return r;
}

int main(int argc, char **argv)
{
    struct ds_error e = { 0 };
    bool is_valid = true;
    int r = run(argc, argv, &is_valid, &e);
    if (r < 0)
        ds_error_say("dstack-verifier", &e);
    if (r < 0)
        return ds_exit_code(r, e.code);
    return is_valid ? 0 : 1;
}

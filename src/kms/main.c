/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack-kms: evidence in, policy, keys out. In local mode it runs on the host
 * and is pinned by its CA's key, not attested; `dstack verify` says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/file.h"
#include "kms/api.h"
#include "kms/credential.h"
#include "net/target.h"
#include "rpc/program.h"
#include "rpc/serve.h"

#define QUEUE_MAX 256

/* SignCert is the largest request: 1 MiB of csr in hex and 256 KiB of vm_config, escaped. */
static const struct net_http_limits guest_limits = { .body_max = (size_t)4 << 20,
                                                     .bodies_max = (size_t)64 << 20,
                                                     .connections_max = 256 };
static const struct net_http_limits admin_limits = { .body_max = (size_t)64 << 10,
                                                     .bodies_max = (size_t)1 << 20,
                                                     .connections_max = 32 };

struct opts {
    bool local;
    const char *birth_kind, *vmm, *dir;
    uint64_t credential_life_s;
};

static const struct ds_arg_option options[] = {
    { "local", 0, DS_ARG_FLAG, NULL, "serve on unix sockets of this machine (the only mode so far)",
      offsetof(struct opts, local), 0 },
    { "birth-kind", 0, DS_ARG_TEXT, "KIND",
      "hardware or simulated: the kind of a new root, which it keeps for ever",
      offsetof(struct opts, birth_kind), 0 },
    { "vmm", 0, DS_ARG_TEXT, "ADDRESS", "the VMM that tells the simulated platform's collateral",
      offsetof(struct opts, vmm), 0 },
    { "state", 0, DS_ARG_TEXT, "DIR", "state directory instead of <state>/kms",
      offsetof(struct opts, dir), 0 },
    { "credential-life", 0, DS_ARG_U64, "SECONDS",
      "how long an instance credential is good: 30 to 864000, which is ten days and the default",
      offsetof(struct opts, credential_life_s), KMS_CREDENTIAL_LIFE_S },
};

static const struct ds_arg_command command = {
    .name = "dstack-kms",
    .summary = "release keys to code that a policy accepts",
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack-kms --local --birth-kind simulated",
};

static void on_request(void *arg, struct net_http_request *req)
{
    struct rpc_service *s = arg;
    struct ds_error e;
    if (rpc_serve_http(s, req))
        return;
    (void)ds_fail(&e, DS_ERR_NOTFOUND, "there is no such page; methods are at /prpc/<Method>");
    rpc_error_reply(req, 404, &e);
}

static void on_signal(void *arg, unsigned what)
{
    struct kms *kms = arg;
    (void)what;
    net_loop_stop(kms->loop);
}

static int set_places(struct kms *kms, const struct opts *o, struct ds_error *e)
{
    char state[DS_PLACE_MAX];
    DS_TRY(ds_place_state(state, e));
    int n = o->dir != NULL ? snprintf(kms->dir, sizeof kms->dir, "%s", o->dir)
                           : snprintf(kms->dir, sizeof kms->dir, "%s/kms", state);
    int m = o->vmm != NULL ? snprintf(kms->simulated.vmm_address, sizeof kms->simulated.vmm_address,
                                      "%s", o->vmm)
                           : snprintf(kms->simulated.vmm_address, sizeof kms->simulated.vmm_address,
                                      "unix:%s/vmm/vmm.sock", state);
    if (n < 0 || (size_t)n >= sizeof kms->dir || m < 0 ||
        (size_t)m >= sizeof kms->simulated.vmm_address)
        return ds_fail(e, DS_ERR_RANGE, "a path is too long");
    return ds_dir_make(kms->dir, 0700, e);
}

static int take_life(struct kms *kms, const struct opts *o, struct ds_error *e)
{
    if (o->credential_life_s < KMS_CREDENTIAL_LIFE_MIN_S)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                            "--credential-life takes at least %d seconds, not %llu",
                            KMS_CREDENTIAL_LIFE_MIN_S, (unsigned long long)o->credential_life_s);
    kms->credential_life_s = (int64_t)o->credential_life_s;
    return DS_OK;
}

static int open_state(struct kms *kms, const struct opts *o, struct ds_error *e)
{
    char path[DS_PLACE_MAX + 16];
    enum kms_kind kind = KMS_KIND_HARDWARE;
    if (o->birth_kind == NULL || strcmp(o->birth_kind, "hardware") != 0) {
        if (o->birth_kind == NULL || strcmp(o->birth_kind, "simulated") != 0)
            return ds_fail(e, DS_ERR_ARG, "--birth-kind takes 'hardware' or 'simulated'");
        kind = KMS_KIND_SIMULATED;
    }
    DS_TRY(kms_root_open(&kms->root, kms->dir, kind, ds_clock_now_s(), e));
    (void)snprintf(path, sizeof path, "%s/allow.json", kms->dir);
    DS_TRY(kms_allow_load(&kms->allow, path, e));
    DS_TRY(kms_time_open(&kms->time, kms->dir, e));
    (void)snprintf(path, sizeof path, "%s/log.db", kms->dir);
    return kms_log_open(&kms->release_log, path, &kms->root, e);
}

static int listen_on(struct net_http_server *http, const struct kms *kms, const char *name,
                     struct net_tls *tls, struct ds_error *e)
{
    struct net_target t = { .kind = NET_TARGET_UNIX };
    int fd;
    int n = snprintf(t.host, sizeof t.host, "%s/%s", kms->dir, name);
    if (n < 0 || (size_t)n >= sizeof t.host)
        return ds_fail(e, DS_ERR_RANGE, "the path '%s/%s' is too long", kms->dir, name);
    DS_TRY(net_listen(&fd, &t, 0600, e));
    return net_http_server_listen_fd(http, fd, tls, e);
}

static int serve_tls(struct kms *kms, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem key = { 0 };
    DS_AUTO(net_tls_unref_auto) struct net_tls *tls = NULL;
    DS_TRY(kms_root_serving_cert(&chain, &key, &kms->root, "kms.local", ds_clock_now_s(), e));
    const struct net_tls_config cfg = { .chain_pem = ds_buf_span(&chain),
                                        .key_pem = ds_span_str(key.s),
                                        .ask_client = true };
    DS_TRY(net_tls_server_new(&tls, &cfg, e));
    return listen_on(kms->http, kms, "kms.sock", tls, e);
}

static int serve(struct kms *kms, struct ds_error *e)
{
    struct net_event *term, *intr;
    DS_TRY(net_loop_new(&kms->loop, e));
    DS_TRY(net_pool_new(&kms->pool, kms->loop, 1, QUEUE_MAX, e));
    DS_TRY(kms_api_init(kms, e));
    DS_TRY(net_event_signal(&term, kms->loop, SIGTERM, on_signal, kms, e));
    DS_TRY(net_event_signal(&intr, kms->loop, SIGINT, on_signal, kms, e));
    DS_TRY(net_http_server_new(&kms->http, kms->loop, &guest_limits, on_request, &kms->service, e));
    DS_TRY(net_http_server_new(&kms->admin_http, kms->loop, &admin_limits, on_request,
                               &kms->admin_service, e));
    DS_TRY(serve_tls(kms, e));
    DS_TRY(listen_on(kms->admin_http, kms, "admin.sock", NULL, e));
    ds_log(&kms->log, DS_LOG_INFO, "kms.serving", "dir", kms->dir, "birth_kind",
           kms_kind_text(kms->root.kind));
    int r = net_loop_run(kms->loop, e);
    net_http_server_free(kms->http);
    net_http_server_free(kms->admin_http);
    net_event_free(term);
    net_event_free(intr);
    net_pool_free(kms->pool);
    net_loop_free(kms->loop);
    return r;
}

static int run(struct kms *kms, const struct opts *o, struct ds_error *e)
{
    char lock[DS_PLACE_MAX + 16];
    DS_AUTO(ds_auto_close) int lock_fd = -1;
    DS_TRY(ds_process_harden(e));
    DS_TRY(ds_key_memory_lock(e));
    DS_TRY(take_life(kms, o, e));
    DS_TRY(set_places(kms, o, e));
    (void)snprintf(lock, sizeof lock, "%s/lock", kms->dir);
    int r = ds_file_lock(&lock_fd, lock, e);
    if (r < 0)
        return ds_wrap(e, r, "another dstack-kms serves this state");
    DS_TRY(open_state(kms, o, e));
    return serve(kms, e);
}

static int describe(struct kms *kms, struct ds_error *e)
{
    const struct ds_arg_command *const commands[] = { &command };
    const struct rpc_service *const services[] = { &kms->service, &kms->admin_service };
    const struct rpc_program p = { commands, DS_LEN(commands), NULL, services, DS_LEN(services) };
    DS_TRY(kms_api_init(kms, e));
    return rpc_program_describe(&p, e);
}

int main(int argc, char **argv)
{
    static struct kms kms = { .log = { .program = "kms", .min = DS_LOG_INFO } };
    struct opts o = { .credential_life_s = KMS_CREDENTIAL_LIFE_S };
    struct ds_arg_rest rest;
    struct ds_error e = { 0 };
    if (rpc_program_asked(argc, argv))
        return ds_exit_code(describe(&kms, &e), DS_CODE_NONE);
    int r = ds_args_parse(&command, &o, &rest, argc, argv, false, &e);
    if (r == DS_OK && rest.help) {
        DS_AUTO(ds_buf_done) struct ds_buf help = { 0 };
        ds_args_help(&help, &command);
        return fwrite(help.p, 1, help.len, stdout) == help.len ? 0 : 1;
    }
    if (r == DS_OK)
        r = run(&kms, &o, &e);
    if (r < 0)
        ds_log(&kms.log, DS_LOG_ERROR, "kms.failed", "code", ds_code_info_get(e.code)->id, "err",
               e.msg);
    kms_log_close(kms.release_log);
    kms_allow_done(&kms.allow);
    kms_root_done(&kms.root);
    ds_buf_done(&kms.simulated.collateral);
    return ds_exit_code(r, e.code);
}

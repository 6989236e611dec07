/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack-vmm: turns apps into running confidential VMs on one host. VMs outlive
 * this program; when it starts it adopts those that run.
 */
#include <signal.h>

#include "base/args.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/str.h"
#include "net/target.h"
#include "rpc/program.h"
#include "rpc/serve.h"
#include "vmm/api.h"
#include "vmm/channel.h"
#include "vmm/logs.h"
#include "vmm/vm.h"

#define POOL_THREADS 8
#define POOL_QUEUE   1024 /* beside what each VM may have in it: a job, and a look at its logs */
#define TICK_MS      5000
#define BODY_MAX     ((size_t)160 << 20) /* two texts of 50 MiB, escaped */

struct options {
    const char *config;
};

static const struct ds_arg_option option_rows[] = {
    { .name = "config",
      .letter = 'c',
      .kind = DS_ARG_TEXT,
      .value = "FILE",
      .help = "configuration; without it every key has its default",
      .offset = offsetof(struct options, config) },
};

static const struct ds_arg_command command = {
    .name = "dstack-vmm",
    .summary = "Run confidential VMs on this host.",
    .operands = "[serve|check-config|show-config]",
    .max_operands = 1,
    .options = option_rows,
    .n_options = DS_LEN(option_rows),
    .example = "dstack-vmm --config /etc/dstack/vmm.yaml",
};

static const char *const prefixes[] = { "Teepod.", "Vmm.", NULL };

static void serve_http(void *arg, struct net_http_request *req)
{
    struct vmm *vmm = arg;
    struct ds_error e = { 0 };
    if (rpc_serve_http(&vmm->rpc, req) || vmm_logs_serve(vmm, req))
        return;
    if (strcmp(net_http_path(req), "/metrics") == 0) {
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        rpc_service_metrics(&text, &vmm->rpc);
        net_http_reply(req, 200, "text/plain; version=0.0.4", ds_buf_span(&text), NULL);
        return;
    }
    (void)ds_fail(&e, DS_ERR_NOTFOUND, "no such page; methods are under /prpc/, logs under /logs");
    rpc_error_reply(req, 404, &e);
}

struct rotate_job {
    char dir[VMM_PATH_LEN];
    uint64_t max_bytes;
};

static void rotate_work(void *arg)
{
    struct rotate_job *j = arg;
    vmm_logs_rotate(j->dir, j->max_bytes);
}

static void rotate_one(struct vmm *vmm, const struct vmm_vm *vm)
{
    struct rotate_job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return;
    memcpy(j->dir, vm->dir, sizeof j->dir);
    j->max_bytes = vmm->cfg.log_max_bytes;
    /* A full pool: the next tick comes in seconds. */
    if (net_pool_submit(vmm->pool, rotate_work, free, j, NULL) < 0)
        free(j);
}

static void on_tick(void *arg, unsigned what)
{
    struct vmm *vmm = arg;
    (void)what;
    for (size_t i = 0; i < vmm->n_vms; i++)
        if (vmm->vms[i]->running && vmm->vms[i]->m.machine->has_qemu)
            rotate_one(vmm, vmm->vms[i]);
    if (net_event_after(vmm->tick, TICK_MS, NULL) < 0)
        ds_log(&vmm->log, DS_LOG_ERROR, "vmm.tick_failed");
}

static void on_signal(void *arg, unsigned signo)
{
    struct vmm *vmm = arg;
    ds_log(&vmm->log, DS_LOG_INFO, "vmm.ending", "signal", strsignal((int)signo));
    vmm->ending = true;
    net_loop_stop(vmm->loop);
}

static int make_dirs(const struct vmm *vmm, struct ds_error *e)
{
    DS_TRY(ds_dir_make(vmm->places.state, 0700, e));
    DS_TRY(ds_dir_make(vmm->places.vms, 0700, e));
    return ds_dir_make(vmm->places.volumes, 0700, e);
}

static int init_services(struct vmm *vmm, struct ds_error *e)
{
    vmm->rpc = (struct rpc_service){
        .name = "vmm",
        .mount = "/prpc/",
        .prefixes = prefixes,
        .methods = vmm_api_methods,
        .n_methods = vmm_api_n_methods,
        .ctx = vmm,
    };
    vmm->channel = (struct rpc_service){
        .name = "vmm_guest",
        .mount = "/",
        .methods = vmm_channel_methods,
        .n_methods = vmm_channel_n_methods,
        .ctx = vmm,
    };
    DS_TRY(rpc_service_init(&vmm->rpc, e));
    return rpc_service_init(&vmm->channel, e);
}

static int listen_http(struct vmm *vmm, struct ds_error *e)
{
    const struct net_http_limits limits = { .body_max = BODY_MAX, .bodies_max = 2 * BODY_MAX };
    struct net_target target;
    DS_TRY(net_target_parse(&target, vmm->places.listen, e));
    if (target.kind != NET_TARGET_UNIX)
        return ds_fail(e, DS_ERR_ARG,
                       "'listen' must be unix:/path: who may call is decided by uid");
    DS_TRY(net_http_server_new(&vmm->http, vmm->loop, &limits, serve_http, vmm, e));
    return net_http_server_listen(vmm->http, &target, 0600, NULL, e);
}

static int init(struct vmm *vmm, struct ds_error *e)
{
    vmm->limits = (struct vmm_limits){ (uint32_t)vmm->cfg.vcpu_max,
                                       (uint32_t)vmm->cfg.memory_max_mib,
                                       (uint32_t)vmm->cfg.disk_max_gib };
    DS_TRY(make_dirs(vmm, e));
    DS_TRY(vmm_host_init(&vmm->host, &vmm->cfg, &vmm->places, e));
    DS_TRY(net_loop_new(&vmm->loop, e));
    DS_TRY(net_pool_new(&vmm->pool, vmm->loop, POOL_THREADS, POOL_QUEUE + 2 * vmm->cfg.vms_max, e));
    DS_TRY(init_services(vmm, e));
    DS_TRY(net_event_timer(&vmm->tick, vmm->loop, on_tick, vmm, e));
    DS_TRY(net_event_after(vmm->tick, TICK_MS, e));
    DS_TRY(vmm_vm_load_all(vmm, e));
    return listen_http(vmm, e);
}

static int run_loop(struct vmm *vmm, struct ds_error *e)
{
    struct net_event *term = NULL;
    struct net_event *intr = NULL;
    int r = net_event_signal(&term, vmm->loop, SIGTERM, on_signal, vmm, e);
    if (r == DS_OK)
        r = net_event_signal(&intr, vmm->loop, SIGINT, on_signal, vmm, e);
    if (r == DS_OK) {
        ds_log(&vmm->log, DS_LOG_INFO, "vmm.ready", "listen", vmm->places.listen, "machine",
               vmm->host.platform->name);
        r = net_loop_run(vmm->loop, e);
    }
    if (term != NULL)
        net_event_free(term);
    if (intr != NULL)
        net_event_free(intr);
    return r;
}

/* The other way round than init; VMs run on. */
static void done(struct vmm *vmm)
{
    vmm->ending = true;
    net_pool_free(vmm->pool);
    vmm_vm_release_all(vmm);
    net_http_server_free(vmm->http);
    if (vmm->tick != NULL)
        net_event_free(vmm->tick);
    rpc_service_done(&vmm->rpc);
    rpc_service_done(&vmm->channel);
    net_loop_free(vmm->loop);
    vmm_host_done(&vmm->host);
}

static int serve(struct vmm *vmm, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int lock = -1;
    char path[VMM_PATH_LEN];
    DS_TRY(ds_process_harden(e));
    DS_TRY(ds_dir_make(vmm->places.state, 0700, e));
    int r = ds_file_lock(&lock, vmm_path(path, vmm->places.state, "lock"), e);
    if (r < 0)
        return ds_wrap(e, r, "another dstack-vmm runs on this state directory");
    r = init(vmm, e);
    if (r == DS_OK)
        r = run_loop(vmm, e);
    done(vmm);
    return r;
}

static int describe(struct vmm *vmm, struct ds_error *e)
{
    const struct ds_arg_command *const commands[] = { &command };
    const struct rpc_service *const services[] = { &vmm->rpc, &vmm->channel };
    const struct rpc_program p = { commands, DS_LEN(commands), &vmm_cfg_schema, services,
                                   DS_LEN(services) };
    DS_TRY(init_services(vmm, e));
    return rpc_program_describe(&p, e);
}

static int print(const struct ds_buf *text, struct ds_error *e)
{
    DS_TRY(ds_buf_end(text, e, "output"));
    return ds_fd_write_all(STDOUT_FILENO, ds_buf_span(text), e);
}

static int run(int argc, char **argv, struct ds_error *e)
{
    static struct vmm vmm;
    struct options opts = { 0 };
    struct ds_arg_rest rest;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (rpc_program_asked(argc, argv))
        return describe(&vmm, e);
    DS_TRY(ds_args_parse(&command, &opts, &rest, argc, argv, false, e));
    const char *verb = rest.n > 0 ? rest.v[0] : "serve";
    if (rest.help) {
        ds_args_help(&text, &command);
        return print(&text, e);
    }
    if (strcmp(verb, "show-config") == 0) {
        ds_cfg_help(&text, &vmm_cfg_schema);
        return print(&text, e);
    }
    vmm.log = (struct ds_log){ .program = "dstack-vmm", .min = DS_LOG_INFO };
    DS_TRY(ds_cfg_load(&vmm_cfg_schema, &vmm.cfg, opts.config, e));
    int r = vmm_places_find(&vmm.places, &vmm.cfg, e);
    if (r == DS_OK && strcmp(verb, "serve") == 0)
        r = serve(&vmm, e);
    else if (r == DS_OK && strcmp(verb, "check-config") != 0)
        r = ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE, "no command '%s'", verb);
    ds_cfg_done(&vmm_cfg_schema, &vmm.cfg);
    return r;
}

int main(int argc, char **argv)
{
    struct ds_error e = { 0 };
    int r = run(argc, argv, &e);
    if (r < 0)
        ds_error_say("dstack-vmm", &e);
    return r < 0 ? ds_exit_code(r, e.code) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's socket on the host: the services of dstack-guest-agent as after a boot, with keys
 * made up on the spot and the platform of a running dstack-simtee. For tests of load and of leaks.
 *
 * usage: agent_host SOCKET CHANNEL   (CHANNEL: where the guest's end of org.dstack.tee listens)
 */
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/k256.h"
#include "guest/serve.h"
#include "net/target.h"
#include "rpc/serve.h"

#define POOL_THREADS 4 /* as src/guest/main.c */
#define POOL_QUEUE   256
#define CONNECT_MS   20000

/* The boot's part of the agent, which does not run here. */
void agent_notify(struct agent *a, const char *event, struct ds_span payload)
{
    (void)a;
    (void)event;
    (void)payload;
}

void agent_ready(struct agent *a) { a->is_ready = true; }

void agent_boot_failed(struct agent *a) { a->exit_code = 1; }

static void on_request(void *arg, struct net_http_request *req)
{
    struct agent *a = arg;
    struct ds_error e;
    if (rpc_serve_http(&a->app_service, req))
        return;
    (void)ds_fail(&e, DS_ERR_NOTFOUND, "there is no such page");
    rpc_error_reply(req, 404, &e);
}

static void on_signal(void *arg, unsigned what)
{
    struct agent *a = arg;
    (void)what;
    net_loop_stop(a->loop);
}

static int make_keys(struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 key = { 0 };
    static char vm_config[] = "{}";
    DS_TRY(ds_k256_key_new(&key, e));
    DS_TRY(ds_secret_new(&a->keys.k256_key32, sizeof key.b, e));
    memcpy(a->keys.k256_key32.p, key.b, sizeof key.b);
    a->sys.vm_config = vm_config;
    return DS_OK;
}

static int open_platform(struct agent *a, const char *channel, struct ds_error *e)
{
    char address[256];
    struct net_target t;
    int fd;
    (void)snprintf(address, sizeof address, "unix:%s", channel);
    DS_TRY(net_target_parse(&t, address, e));
    DS_TRY(net_connect(&fd, &t, ds_clock_mono_ms() + CONNECT_MS, e));
    DS_TRY(tee_open_channel(&a->tee, fd, e));
    return tee_boot_log(&a->boot_log, a->tee, e);
}

static int serve(struct agent *a, const char *path, const char *channel, struct ds_error *e)
{
    char address[256];
    struct net_target t;
    struct net_event *term;
    (void)snprintf(address, sizeof address, "unix:%s", path);
    DS_TRY(make_keys(a, e));
    DS_TRY(open_platform(a, channel, e));
    DS_TRY(net_loop_new(&a->loop, e));
    DS_TRY(net_pool_new(&a->pool, a->loop, POOL_THREADS, POOL_QUEUE, e));
    DS_TRY(guest_services_init(a, e));
    DS_TRY(net_event_signal(&term, a->loop, SIGTERM, on_signal, a, e));
    DS_TRY(net_target_parse(&t, address, e));
    DS_TRY(net_http_server_new(&a->http, a->loop, NULL, on_request, a, e));
    DS_TRY(net_http_server_listen(a->http, &t, 0600, NULL, e));
    int r = net_loop_run(a->loop, e);
    net_http_server_free(a->http);
    net_event_free(term);
    net_pool_free(a->pool);
    net_loop_free(a->loop);
    return r;
}

int main(int argc, char **argv)
{
    static struct agent agent = { .log = { .program = "agent-host", .min = DS_LOG_INFO } };
    struct ds_error e;
    if (argc != 3)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    int r = serve(&agent, argv[1], argv[2], &e);
    if (r < 0)
        (void)fprintf(stderr, "agent_host: %s\n", e.msg);
    rpc_service_done(&agent.app_service);
    rpc_service_done(&agent.host_service);
    tee_close(agent.tee);
    ds_buf_done(&agent.boot_log);
    ds_secret_wipe(&agent.keys.k256_key32);
    return r < 0 ? 1 : 0;
}

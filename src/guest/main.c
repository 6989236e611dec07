/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack-guest-agent: one program, two stages. `init` is process 1 of the guest;
 * `agent` boots the app and answers for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/json_write.h"
#include "crypto/key.h"
#include "guest/agent.h"
#include "guest/boot.h"
#include "guest/data_disk.h"
#include "guest/device.h"
#include "guest/identity.h"
#include "guest/pid1.h"
#include "guest/root_check.h"
#include "guest/serve.h"
#include "rpc/client.h"
#include "rpc/program.h"
#include "rpc/serve.h"

#define POOL_THREADS  4
#define POOL_QUEUE    256
#define NOTIFY_MS     10000
#define LAST_WORDS_MS 1500 /* for the host to hear why, before the machine goes off */

static void ignore_reply(void *arg, int status, struct ds_span payload, const struct ds_error *why)
{
    struct agent *a = arg;
    (void)payload;
    if (status < 0 && a->boot.step < boot_n_steps)
        ds_log(&a->log, DS_LOG_WARN, "host.notify", "err", why->msg);
}

void agent_notify(struct agent *a, const char *event, struct ds_span payload)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf frame = { 0 };
    struct ds_error e;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "event", event);
    ds_jw_text(&w, "payload", ds_span_sub(payload, 0, GUEST_PAYLOAD_MAX));
    ds_jw_object_end(&w);
    rpc_channel_encode(&frame, "Notify", ds_buf_span(&params));
    if (params.bad || frame.bad ||
        net_mux_request(a->host, ds_buf_span(&frame), NOTIFY_MS, ignore_reply, a, &e) < 0)
        ds_log(&a->log, DS_LOG_INFO, "host.unreached", "event", event);
}

static void tell_ready(struct agent *a)
{
    DS_AUTO(ds_buf_done) struct ds_buf info = { 0 };
    guest_identity_json(&info, &a->id);
    agent_notify(a, "instance.info", ds_buf_span(&info));
    agent_notify(a, "app.ready", DS_SPAN(NULL, 0));
}

static void on_channel_up(void *arg)
{
    struct agent *a = arg;
    if (!a->boot_started) {
        a->boot_started = true;
        boot_start(a);
        return;
    }
    boot_report_again(a);
    if (a->is_ready)
        tell_ready(a);
}

static void on_channel_request(void *arg, struct net_call *call, struct ds_span payload)
{
    struct agent *a = arg;
    rpc_serve_channel(&a->host_service, call, payload, NULL);
}

/* Nobody listens on the host: boot all the same. */
static void on_channel_wait_over(void *arg, unsigned what)
{
    struct agent *a = arg;
    (void)what;
    if (!a->boot_started)
        on_channel_up(a);
}

static void stop_loop(void *arg, unsigned what)
{
    struct agent *a = arg;
    (void)what;
    net_loop_stop(a->loop);
}

void agent_ready(struct agent *a)
{
    a->is_ready = true;
    tell_ready(a);
    ds_log(&a->log, DS_LOG_INFO, "app.ready");
}

void agent_boot_failed(struct agent *a)
{
    DS_AUTO(ds_buf_done) struct ds_buf body = { 0 };
    struct ds_error e;
    guest_root_check(&a->boot.error);
    boot_error_encode(&body, &a->boot);
    agent_notify(a, "boot.error", ds_buf_span(&body));
    ds_log(&a->log, DS_LOG_ERROR, "boot.failed", "code", ds_code_info_get(a->boot.error.code)->id,
           "err", a->boot.error.msg);
    a->exit_code = 1;
    if (net_event_timer(&a->shutdown_timer, a->loop, stop_loop, a, &e) < 0 ||
        net_event_after(a->shutdown_timer, LAST_WORDS_MS, &e) < 0)
        net_loop_stop(a->loop);
}

static int attach_host(struct agent *a, struct ds_error *e)
{
    struct guest_path port;
    DS_TRY(guest_port_find(&port, "org.dstack.host", e));
    int fd = open(port.s, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", port.s);
    return net_mux_attach(a->host, fd, NET_MUX_PORT, e);
}

static int run(struct agent *a, struct ds_error *e)
{
    static const struct net_mux_ops host_ops = { .up = on_channel_up,
                                                 .request = on_channel_request };
    DS_TRY(ds_process_harden(e));
    DS_TRY(ds_key_memory_lock(e));
    DS_TRY(net_loop_new(&a->loop, e));
    DS_TRY(net_pool_new(&a->pool, a->loop, POOL_THREADS, POOL_QUEUE, e));
    DS_TRY(guest_services_init(a, e));
    DS_TRY(net_mux_new(&a->host, a->loop, NET_MUX_GUEST, &host_ops, a, e));
    DS_TRY(attach_host(a, e));
    DS_TRY(net_event_timer(&a->channel_timer, a->loop, on_channel_wait_over, a, e));
    DS_TRY(net_event_after(a->channel_timer, 1000, e));
    return net_loop_run(a->loop, e);
}

/* Of the jobs that may still run, one that hangs must not keep the machine on: they are not waited
 * for, and end with the process. What they use is then left to the power-off. */
static void wipe_keys(struct agent *a)
{
    if (net_pool_pending(a->pool) > 0)
        return;
    ds_secret_wipe(&a->keys.disk_key32);
    ds_secret_wipe(&a->keys.env_key32);
    ds_secret_wipe(&a->keys.k256_key32);
    ds_secret_wipe(&a->env);
    guest_credential_done(&a->credential);
}

/* The data disk is left clean: containers first, then the file system. */
static void wind_down(struct agent *a)
{
    struct ds_proc_exit ended;
    struct ds_error e;
    if (a->engine.dockerd.pidfd >= 0 && ds_proc_stop(&ended, &a->engine.dockerd, 15000, &e) < 0)
        ds_log(&a->log, DS_LOG_WARN, "engine.stop", "err", e.msg);
    sync();
    if (guest_data_disk_close(&e) < 0)
        ds_log(&a->log, DS_LOG_WARN, "data.unmount", "err", e.msg);
    sync();
    if (a->pool != NULL)
        wipe_keys(a);
}

/* The host is not reached yet: the console tells it why, in the words of the initramfs's init. */
static void last_words(const struct ds_error *e)
{
    enum ds_code code = e->code != DS_CODE_NONE ? e->code : DS_CODE_GUEST_INIT_FAILED;
    (void)fprintf(stderr, "\r\ndstack-init: %s: %s\r\n", ds_code_info_get(code)->id, e->msg);
}

static int agent_main(void)
{
    static struct agent a = { .log = { .program = "guest", .min = DS_LOG_INFO },
                              .engine = GUEST_ENGINE_NONE,
                              .up = GUEST_COMPOSE_NONE };
    struct ds_error e = { 0 };
    guest_credential_init(&a.credential);
    int r = run(&a, &e);
    if (r < 0)
        last_words(&e);
    wind_down(&a);
    return r < 0 ? 1 : a.exit_code;
}

/* The methods for people who write apps; there are no options to tell. */
static int describe_main(void)
{
    static struct agent a;
    const struct rpc_service *const services[] = { &a.app_service, &a.host_service };
    const struct rpc_program p = { .services = services, .n_services = DS_LEN(services) };
    struct ds_error e;
    return guest_services_init(&a, &e) < 0 || rpc_program_describe(&p, &e) < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (rpc_program_asked(argc, argv))
        return describe_main();
    if (argc == 2 && strcmp(argv[1], "agent") == 0)
        return agent_main();
    if (argc >= 2 && strcmp(argv[1], "init") == 0 && getpid() == 1)
        guest_pid1_run();
    (void)fprintf(stderr, "usage: dstack-guest-agent init|agent\n"
                          "  init   process 1 of a guest\n"
                          "  agent  what process 1 starts\n");
    return 2;
}

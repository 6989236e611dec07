/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent refuses before it does anything: an app that asks for what this
 * guest does not do, devices that the host did not give, and calls that the
 * app's own rules forbid.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#include "guest/agent.h"
#include "guest/boot.h"
#include "guest/device.h"
#include "guest/lacks.h"
#include "guest/serve.h"
#include "net/mux.h"
#include "rpc/serve.h"

struct lack_row {
    const char *name;
    void (*spoil)(struct app_compose *c);
    enum ds_code code;
};

static void log_version_2(struct app_compose *c) { c->event_log_version = 2; }
static void no_kms(struct app_compose *c) { c->key_provider = APP_KEY_PROVIDER_NONE; }
static void zfs(struct app_compose *c) { c->storage_fs = APP_STORAGE_ZFS; }
static void bash(struct app_compose *c) { c->runner = APP_RUNNER_BASH; }
static void init_script(struct app_compose *c) { c->n_init_scripts = 1; }
static void pre_launch(struct app_compose *c) { c->pre_launch_script = DS_SPAN_LIT("true"); }
static void volume(struct app_compose *c) { c->n_verity_volumes = 1; }
static void launch_token(struct app_compose *c) { c->requirements.has_launch_token = true; }
static void platforms(struct app_compose *c) { c->requirements.has_platforms = true; }
static void os_version(struct app_compose *c) { c->requirements.os_version = DS_SPAN_LIT("1"); }
static void acpi(struct app_compose *c) { c->requirements.has_measure_acpi = true; }

static const struct lack_row lack_rows[] = {
    { "an event log that it cannot write", log_version_2, DS_CODE_GUEST_EVENT_VERSION },
    { "keys from elsewhere", no_kms, DS_CODE_GUEST_KEY_PROVIDER },
    { "a file system that it cannot make", zfs, DS_CODE_GUEST_STORAGE_FS },
    { "a runner that it has not", bash, DS_CODE_GUEST_RUNNER },
    { "a script before the containers", init_script, DS_CODE_GUEST_APP_FEATURE },
    { "a script beside the engine", pre_launch, DS_CODE_GUEST_APP_FEATURE },
    { "a volume that it does not mount", volume, DS_CODE_GUEST_APP_FEATURE },
    { "a token that it does not check", launch_token, DS_CODE_GUEST_APP_FEATURE },
    { "platforms that it does not check", platforms, DS_CODE_GUEST_APP_FEATURE },
    { "a version that it does not check", os_version, DS_CODE_GUEST_APP_FEATURE },
    { "a form of ACPI that it does not check", acpi, DS_CODE_GUEST_APP_FEATURE },
};

static const struct boot_step *step_find(const char *name)
{
    for (size_t i = 0; i < boot_n_steps; i++)
        if (strcmp(boot_steps[i].name, name) == 0)
            return &boot_steps[i];
    fail_msg("no step '%s'", name);
    return NULL;
}

static void what_the_guest_lacks_is_refused_before_it_is_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(lack_rows); i++) {
        static struct agent a; /* without a platform: nothing can be measured */
        struct ds_error e = { 0 };
        memset(&a, 0, sizeof a);
        a.compose.event_log_version = 1;
        a.compose.key_provider = APP_KEY_PROVIDER_KMS;
        assert_int_equal(guest_lacks_check(&a.compose, &e), DS_OK);
        lack_rows[i].spoil(&a.compose);
        int r = step_find("measure")->run(&a, &e);
        if (r != DS_ERR_UNSUPPORTED || e.code != lack_rows[i].code)
            fail_msg("%s: %d %s", lack_rows[i].name, r, e.msg);
    }
}

static size_t place_of(const char *name) { return (size_t)(step_find(name) - boot_steps); }

/* What the order of the table promises. */
static void steps_come_after_what_they_need(void **state)
{
    (void)state;
    static const struct {
        const char *first, *then, *why;
    } orders[] = {
        { "modules", "platform", "the platform's device is a module's" },
        { "platform", "identity", "MRCONFIGID" },
        { "shared", "identity", "the document that it commits to" },
        { "identity", "network", "nothing is touched for an app that is not this VM's" },
        { "identity", "measure", "who is measured" },
        { "measure", "keys", "the KMS judges by what was measured" },
        { "keys", "disk", "the disk's key" },
        { "disk", "ready", "the trusted boot ends with it" },
        { "env", "ready", "likewise" },
        { "ready", "engine", "no container runs before" },
        { "images", "app", "what it runs" },
    };
    for (size_t i = 0; i < DS_LEN(orders); i++)
        if (place_of(orders[i].first) >= place_of(orders[i].then))
            fail_msg("%s before %s: %s", orders[i].first, orders[i].then, orders[i].why);
}

/* Keys do not outlive the step that uses them, also where it fails. */
static void keys_end_with_their_step(void **state)
{
    (void)state;
    static struct agent a;
    struct ds_error e = { 0 };
    assert_int_equal(ds_secret_new(&a.keys.disk_key32, 32, &e), DS_OK);
    assert_int_equal(ds_secret_new(&a.keys.env_key32, 32, &e), DS_OK);
    assert_int_equal(step_find("disk")->run(&a, &e), DS_ERR_NOTFOUND); /* no disk is called data */
    assert_null(a.keys.disk_key32.p);
    assert_int_equal(step_find("env")->run(&a, &e), DS_OK);
    assert_null(a.keys.env_key32.p);
}

static void devices_that_are_not_there(void **state)
{
    (void)state;
    struct guest_path path = { "untouched" };
    struct ds_error e = { 0 };
    assert_int_equal(guest_disk_find(&path, "no-disk-has-this-serial", &e), DS_ERR_NOTFOUND);
    assert_int_equal(e.code, DS_CODE_GUEST_DEVICE_MISSING);
    assert_string_equal(e.detail.claim, "no-disk-has-this-serial");
}

struct call_row {
    const char *payload, *code;
};

/* The app keeps its logs to itself unless app-compose says otherwise. */
static const struct call_row call_rows[] = {
    { "{\"method\":\"GetKey\",\"params\":{\"algorithm\":\"rsa\"}}", "guest.algorithm" },
    { "{\"method\":\"Logs\"}", "guest.logs_private" },
    { "{\"method\":\"Logs\",\"params\":{\"container\":\"web\"}}", "guest.logs_private" },
};

struct asked {
    struct agent *agent;
    char code[64];
    bool done;
};

static void on_request(void *arg, struct net_call *call, struct ds_span payload)
{
    const struct asked *q = arg;
    bool is_host = memmem(payload.p, payload.len, "Logs", 4) != NULL;
    rpc_serve_channel(is_host ? &q->agent->host_service : &q->agent->app_service, call, payload,
                      NULL);
}

static void on_reply(void *arg, int status, struct ds_span payload, const struct ds_error *why)
{
    struct asked *q = arg;
    (void)why;
    assert_int_equal(status, DS_OK);
    yyjson_doc *doc = yyjson_read((const char *)payload.p, payload.len, 0);
    const char *code = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "code"));
    (void)snprintf(q->code, sizeof q->code, "%s", code != NULL ? code : "no code");
    yyjson_doc_free(doc);
    q->done = true;
}

static void step(const struct agent *a)
{
    assert_int_equal(net_loop_step(a->loop, 100, NULL), DS_OK);
}

static void calls_that_the_app_forbids(void **state)
{
    (void)state;
    static struct agent a;
    static const struct net_mux_ops ops = { .request = on_request };
    struct asked q = { .agent = &a };
    struct net_mux *asker = NULL, *answerer = NULL;
    int fd[2];
    assert_int_equal(net_loop_new(&a.loop, NULL), DS_OK);
    assert_int_equal(net_pool_new(&a.pool, a.loop, 1, 8, NULL), DS_OK);
    assert_int_equal(guest_services_init(&a, NULL), DS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(net_mux_new(&answerer, a.loop, NET_MUX_GUEST, &ops, &q, NULL), DS_OK);
    assert_int_equal(net_mux_new(&asker, a.loop, NET_MUX_HOST, &ops, &q, NULL), DS_OK);
    assert_int_equal(net_mux_attach(answerer, fd[0], NET_MUX_SOCKET, NULL), DS_OK);
    assert_int_equal(net_mux_attach(asker, fd[1], NET_MUX_SOCKET, NULL), DS_OK);
    while (!net_mux_is_up(asker) || !net_mux_is_up(answerer))
        step(&a);
    for (size_t i = 0; i < DS_LEN(call_rows); i++) {
        q.done = false;
        assert_int_equal(net_mux_request(asker, ds_span_str(call_rows[i].payload), 0, on_reply, &q,
                                         NULL),
                         DS_OK);
        while (!q.done)
            step(&a);
        if (strcmp(q.code, call_rows[i].code) != 0)
            fail_msg("%s: %s", call_rows[i].payload, q.code);
    }
    net_pool_free(a.pool);
    net_mux_free(asker);
    net_mux_free(answerer);
    rpc_service_done(&a.app_service);
    rpc_service_done(&a.host_service);
    net_loop_free(a.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_guest_lacks_is_refused_before_it_is_measured),
        cmocka_unit_test(steps_come_after_what_they_need),
        cmocka_unit_test(keys_end_with_their_step),
        cmocka_unit_test(devices_that_are_not_there),
        cmocka_unit_test(calls_that_the_app_forbids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

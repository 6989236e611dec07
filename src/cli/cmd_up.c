/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack up: from a compose file to a running, answering, verified app. Every
 * step looks at what is there and does what is missing, so that a second run
 * finishes what an interrupted one began.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/identity.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/str.h"
#include "cli/compose.h"
#include "cli/daemons.h"
#include "cli/progress.h"
#include "cli/record.h"
#include "cli/verify_vm.h"
#include "cli/volume.h"
#include "codec/json_write.h"
#include "net/http_client.h"

#define HTTP_MS 60000

struct opts {
    bool json, allow_simulated, timings, no_verify;
    const char *file, *name, *image;
    uint64_t vcpu, memory_mib, disk_gib, timeout_s;
    struct ds_arg_list publish;
};

static const struct ds_arg_option options[] = {
    { "file", 'f', DS_ARG_TEXT, "FILE", "compose file (docker-compose.yaml)",
      offsetof(struct opts, file), 0 },
    { "name", 'n', DS_ARG_TEXT, "NAME", "name of the VM (the compose file's directory)",
      offsetof(struct opts, name), 0 },
    { "image", 0, DS_ARG_TEXT, "IMAGE", "guest image (the newest)", offsetof(struct opts, image),
      0 },
    { "vcpu", 0, DS_ARG_U64, "N", "virtual CPUs (2)", offsetof(struct opts, vcpu), 512 },
    { "memory", 'm', DS_ARG_U64, "MIB", "memory in MiB (3072)", offsetof(struct opts, memory_mib),
      1 << 24 },
    { "disk", 0, DS_ARG_U64, "GIB", "data disk in GiB (20)", offsetof(struct opts, disk_gib),
      65536 },
    { "publish", 'p', DS_ARG_LIST, "HOST:GUEST",
      "publish a guest port on another port of 127.0.0.1", offsetof(struct opts, publish), 0 },
    { "allow-simulated", 0, DS_ARG_FLAG, NULL,
      "accept the simulated platform, which protects nothing",
      offsetof(struct opts, allow_simulated), 0 },
    { "timings", 0, DS_ARG_FLAG, NULL, "draw the boot as a waterfall",
      offsetof(struct opts, timings), 0 },
    { "timeout", 0, DS_ARG_U64, "S", "seconds to wait for the app (600)",
      offsetof(struct opts, timeout_s), 86400 },
    { "no-verify", 0, DS_ARG_FLAG, NULL, "do not check the chain of proof at the end",
      offsetof(struct opts, no_verify), 0 },
    { "json", 0, DS_ARG_FLAG, NULL, "print JSON", offsetof(struct opts, json), 0 },
};

const struct ds_arg_command cmd_up_args = {
    .name = "dstack up",
    .summary = "run a compose app in a confidential VM, and prove it",
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack up -f examples/hello/docker-compose.yaml --allow-simulated",
};

/* Everything that the steps of one `up` hand on. */
struct up {
    struct cli *cli;
    struct opts o;
    char name[128], image[128], id[64], app_id[41];
    struct compose compose;
    struct cli_record record;
    uint8_t compose32[32];
    char compose_hex[65], image_hex[65], kms_hex[400];
};

static void up_done(struct up *u)
{
    compose_done(&u->compose);
    cli_record_done(&u->record);
}

static int choose_file(struct up *u, struct ds_error *e)
{
    static const char *const usual[] = { "docker-compose.yaml", "docker-compose.yml",
                                         "compose.yaml", "compose.yml" };
    for (size_t i = 0; u->o.file == NULL && i < DS_LEN(usual); i++)
        if (access(usual[i], R_OK) == 0)
            u->o.file = usual[i];
    if (u->o.file == NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_COMPOSE_INVALID, "file",
                         "docker-compose.yaml here, or --file", "neither", NULL);
    return DS_OK;
}

/* Without --name: the directory of the compose file. */
static int choose_name(struct up *u, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *real = realpath(u->o.file, NULL);
    const char *name = u->o.name;
    if (name == NULL && real != NULL) {
        char *slash = strrchr(real, '/');
        *slash = '\0';
        slash = strrchr(real, '/');
        name = slash != NULL ? slash + 1 : "app";
    }
    if (name == NULL || !ds_str_copy(u->name, sizeof u->name, name))
        return ds_fail(e, DS_ERR_ARG, "the app needs a name: --name");
    return DS_OK;
}

/* The image by name, or the newest; its hash comes from the VMM's list and is proved by verify. */
static int choose_image(struct up *u, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_TRY(cli_vmm_call(&doc, u->cli, "ListImages", DS_SPAN_LIT(""), e));
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "images"), *image, *chosen = NULL;
    size_t i, n;
    yyjson_arr_foreach(list, i, n, image)
    {
        const char *name = cli_text(image, "name");
        if (u->o.image != NULL ? strcmp(name, u->o.image) == 0
                               : chosen == NULL || strcmp(name, cli_text(chosen, "name")) > 0)
            chosen = image;
    }
    if (chosen == NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_NO_IMAGE, "image",
                         u->o.image != NULL ? u->o.image : "an image", "none", u->cli->images);
    if (!ds_str_copy(u->image, sizeof u->image, cli_text(chosen, "name")) ||
        !ds_str_copy(u->image_hex, sizeof u->image_hex, cli_text(chosen, "os_image_hash")))
        return ds_fail(e, DS_ERR_PEER, "dstack-vmm describes an image by halves");
    return ds_hex_decode(u->record.os_image32, 32, ds_span_str(u->image_hex), e);
}

static int find_kms(struct up *u, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *meta = NULL;
    DS_AUTO(cli_doc_free) yyjson_doc *kms = NULL;
    DS_TRY(cli_vmm_call(&meta, u->cli, "GetMeta", DS_SPAN_LIT(""), e));
    const char *machine = cli_text(yyjson_doc_get_root(meta), "machine");
    bool simulated = strcmp(machine, "tdx") != 0 && strcmp(machine, "snp") != 0;
    DS_TRY(cli_kms_ensure(u->cli, simulated ? "simulated" : "hardware", e));
    DS_TRY(cli_kms_call(&kms, u->cli, "GetMeta", DS_SPAN_LIT(""), e));
    const char *spki = cli_text(yyjson_doc_get_root(kms), "ca_spki");
    uint8_t raw[256];
    size_t len = 0;
    DS_TRY(ds_hex_decode_any(raw, &len, sizeof raw, ds_span_str(spki), e));
    ds_buf_add(&u->record.kms_spki, DS_SPAN(raw, len));
    if (!ds_str_copy(u->kms_hex, sizeof u->kms_hex, spki))
        return ds_fail(e, DS_ERR_PEER, "dstack-kms has a key of unknown form");
    return ds_buf_end(&u->record.kms_spki, e, "KMS key");
}

static int make_app(struct up *u, struct ds_error *e)
{
    DS_TRY(cli_volumes_make(u->cli, &u->compose, e));
    DS_TRY(compose_app_json(&u->record.app_compose, &u->compose, u->name, u->kms_hex, e));
    DS_TRY(app_compose_hash(u->compose32, ds_buf_span(&u->record.app_compose), e));
    (void)ds_hex_encode(u->compose_hex, DS_SPAN_OF(u->compose32));
    return DS_OK;
}

static int allow(struct up *u, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "app_id", u->app_id);
    ds_jw_str(&w, "compose_hash", u->compose_hex);
    ds_jw_str(&w, "os_image_hash", u->image_hex);
    ds_jw_bool(&w, "only_compose", true);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "AllowApp"));
    return cli_kms_call(&doc, u->cli, "AllowApp", ds_buf_span(&params), e);
}

/* The port of 127.0.0.1 for a published port: --publish HOST:GUEST moves it. */
static int host_port(uint16_t *ret, const struct opts *o, uint16_t guest, struct ds_error *e)
{
    *ret = guest;
    for (size_t i = 0; i < o->publish.n; i++) {
        const char *text = o->publish.v[i], *colon = strchr(text, ':');
        uint64_t from = 0, to = 0;
        if (colon == NULL ||
            ds_str_u64(&from, DS_SPAN(text, (size_t)(colon - text)), 65535, NULL) < 0 ||
            ds_str_u64(&to, ds_span_str(colon + 1), 65535, NULL) < 0 || from == 0)
            return ds_fail(e, DS_ERR_ARG, "--publish takes HOST:GUEST, not '%.40s'", text);
        if (to == guest)
            *ret = (uint16_t)from;
    }
    return DS_OK;
}

static int add_ports(struct ds_jw *w, const struct up *u, struct ds_error *e)
{
    ds_jw_array(w, "ports");
    for (size_t i = 0; i < u->compose.n_ports; i++) {
        const struct compose_port *p = &u->compose.ports[i];
        uint16_t host;
        DS_TRY(host_port(&host, &u->o, p->target_in_vm, e));
        ds_jw_object(w, NULL);
        ds_jw_str(w, "protocol", p->udp ? "udp" : "tcp");
        ds_jw_str(w, "host_address", "127.0.0.1");
        ds_jw_u64(w, "host_port", host);
        ds_jw_u64(w, "vm_port", p->target_in_vm);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
    return DS_OK;
}

static int create(struct up *u, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "name", u->name);
    ds_jw_str(&w, "image", u->image);
    ds_jw_text(&w, "compose_file", ds_buf_span(&u->record.app_compose));
    ds_jw_u64(&w, "vcpu", u->o.vcpu);
    ds_jw_u64(&w, "memory", u->o.memory_mib);
    ds_jw_u64(&w, "disk_size", u->o.disk_gib);
    ds_jw_str(&w, "app_id", u->app_id);
    DS_TRY(add_ports(&w, u, e));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "CreateVm"));
    DS_TRY(cli_vmm_call(&doc, u->cli, "CreateVm", ds_buf_span(&params), e));
    if (!ds_str_copy(u->id, sizeof u->id, cli_text(yyjson_doc_get_root(doc), "id")))
        return ds_fail(e, DS_ERR_PEER, "dstack-vmm gave no id");
    return DS_OK;
}

static int call_id(struct up *u, const char *method, struct ds_error *e)
{
    char params[96];
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    (void)snprintf(params, sizeof params, "{\"id\":\"%s\"}", u->id);
    return cli_vmm_call(&doc, u->cli, method, ds_span_str(params), e);
}

/* A VM with this name is there: it must be this app as it is now, or the app is changed first. */
static int reuse(struct up *u, yyjson_val *vm, struct ds_error *e)
{
    if (!ds_str_copy(u->id, sizeof u->id, cli_text(vm, "id")) ||
        !ds_str_copy(u->app_id, sizeof u->app_id, cli_text(vm, "app_id")))
        return ds_fail(e, DS_ERR_PEER, "dstack-vmm describes a VM by halves");
    if (strcmp(cli_text(vm, "compose_hash"), u->compose_hex) != 0)
        return ds_refuse(e, DS_ERR_EXISTS, DS_CODE_CLI_OTHER_APP, "compose_hash", u->compose_hex,
                         cli_text(vm, "compose_hash"), NULL);
    DS_TRY(allow(u, e));
    if (strcmp(cli_text(vm, "status"), "running") == 0) {
        if (cli_text(vm, "boot_error")[0] == '\0')
            return DS_OK;
        /* Its boot failed, perhaps for a reason that is gone: the KMS was down, say. */
        DS_TRY(call_id(u, "StopVm", e));
    }
    return call_id(u, "StartVm", e);
}

static int ensure_vm(struct up *u, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *vm;
    DS_TRY(cli_vm_find(&doc, &vm, u->cli, u->name, e));
    if (vm != NULL) {
        DS_TRY(reuse(u, vm, e));
    } else {
        uint8_t app_id20[20];
        app_id_of(app_id20, u->compose32);
        (void)ds_hex_encode(u->app_id, DS_SPAN_OF(app_id20));
        DS_TRY(allow(u, e));
        DS_TRY(create(u, e));
    }
    return cli_record_save(u->cli, u->name, &u->record, e);
}

/* The first published TCP port must answer HTTP: that is what "up" means to a person. */
static int check_http(struct up *u, struct ds_error *e)
{
    for (size_t i = 0; i < u->compose.n_ports; i++) {
        uint16_t port;
        char text[32];
        struct net_target t;
        if (u->compose.ports[i].udp)
            continue;
        DS_TRY(host_port(&port, &u->o, u->compose.ports[i].target_in_vm, e));
        (void)snprintf(text, sizeof text, "tcp:127.0.0.1:%u", port);
        DS_TRY(net_target_parse(&t, text, e));
        int64_t deadline = ds_clock_mono_ms() + HTTP_MS;
        while (ds_clock_mono_ms() < deadline) {
            DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
            const struct net_http_call get = { .path = "/", .timeout_ms = 5000 };
            struct ds_error ignored;
            if (net_http_call(&r, &t, NULL, &get, &ignored) == DS_OK) {
                cli_note("http://127.0.0.1:%u/ answers %d, %zu bytes\n", port, r.status,
                         r.body.len);
                return DS_OK;
            }
            (void)nanosleep(&(struct timespec){ .tv_nsec = 100000000L }, NULL);
        }
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_NO_ANSWER, text, "an HTTP answer",
                         "none in 60 s", NULL);
    }
    return DS_OK;
}

static int prepare(struct up *u, struct ds_error *e)
{
    DS_TRY(choose_file(u, e));
    DS_TRY(choose_name(u, e));
    DS_TRY(compose_load(&u->compose, u->o.file, e));
    DS_TRY(cli_vmm_ensure(u->cli, e));
    DS_TRY(choose_image(u, e));
    DS_TRY(find_kms(u, e));
    return make_app(u, e);
}

static int run(struct up *u, struct ds_error *e)
{
    DS_TRY(prepare(u, e));
    DS_TRY(ensure_vm(u, e));
    cli_note("%s: app %s, image %s\n", u->name, u->app_id, u->image);
    DS_TRY(cli_boot_wait(u->cli, u->id, (int64_t)u->o.timeout_s * 1000, e));
    DS_TRY(check_http(u, e));
    if (u->o.timings && !u->cli->json)
        DS_TRY(cli_boot_waterfall(u->cli, u->id, e));
    if (u->o.no_verify) {
        cli_print(u->cli->json ? "{\"id\":\"%s\"}\n" : "%s\n", u->id);
        return DS_OK;
    }
    return cli_verify_vm(u->cli, u->name, u->o.allow_simulated, e);
}

int cmd_up(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    DS_AUTO(up_done)
    struct up u = {
        .cli = cli,
        .o = { .vcpu = 2, .memory_mib = 3072, .disk_gib = 20, .timeout_s = 600 },
    };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_up_args, &u.o, &rest, &done, argc, argv, e));
    return done ? DS_OK : run(&u, e);
}

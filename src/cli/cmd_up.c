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
#include "cli/deploy.h"
#include "cli/progress.h"
#include "cli/verify_vm.h"
#include "cli/volume.h"
#include "net/http_client.h"

#define HTTP_MS 60000

struct opts {
    bool json, allow_simulated, timings, no_verify;
    const char *file, *name, *image;
    uint64_t vcpu, memory_mib, disk_gib, timeout_s;
    struct ds_arg_list publish, registry;
};

static const struct ds_arg_option options[] = {
    CLI_TEXT(file, "file", 'f', "FILE", "compose file (docker-compose.yaml)"),
    CLI_TEXT(name, "name", 'n', "NAME", "name of the VM (the compose file's directory)"),
    CLI_TEXT(image, "image", 0, "IMAGE", "guest image (the newest)"),
    CLI_U64(vcpu, "vcpu", 0, "N", 512, "virtual CPUs (2, or what the VM has)"),
    CLI_U64(memory_mib, "memory", 'm', "MIB", 1 << 24, "memory in MiB (3072, or what the VM has)"),
    CLI_U64(disk_gib, "disk", 0, "GIB", 65536,
            "data disk in GiB (20, or what the VM has); grows only"),
    CLI_LIST(publish, "publish", 'p', "OTHER:PORT",
             "publish on OTHER of 127.0.0.1 what the compose file publishes on PORT (9000:8080)"),
    CLI_LIST(registry, "registry", 0, "NAME:PORT=ADDRESS:PORT",
             "let the VM reach a registry of x-dstack at this IPv4 address"),
    CLI_FLAG(allow_simulated, "allow-simulated", 0,
             "accept the simulated platform, which protects nothing"),
    CLI_FLAG(timings, "timings", 0, "draw the boot as a waterfall"),
    CLI_U64(timeout_s, "timeout", 0, "S", 86400, "seconds to wait for the app (600)"),
    CLI_FLAG(no_verify, "no-verify", 0, "do not check the chain of proof at the end"),
    CLI_JSON,
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
    struct compose compose;
    struct deploy d;
    char kms_hex[400];
    int lock; /* on the app's name, until the end */
    bool is_simulated;
};

static void up_done(struct up *u)
{
    compose_done(&u->compose);
    deploy_done(&u->d);
    ds_auto_close(&u->lock);
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
    if (name == NULL && real == NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_COMPOSE_INVALID, "file", "a compose file",
                         "none that can be read", u->o.file);
    if (name == NULL) {
        char *slash = strrchr(real, '/');
        *slash = '\0';
        slash = strrchr(real, '/');
        name = slash != NULL ? slash + 1 : "app";
    }
    if (!ds_str_copy(u->d.name, sizeof u->d.name, name))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_CLI_NAME_INVALID, "name", "at most 64 characters",
                         name, NULL);
    return cli_name_check(u->d.name, e);
}

/* The image by name, or the newest; its hash comes from the VMM's list and is proved by verify. */
static int choose_image(struct up *u, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *list, *image, *chosen = NULL;
    size_t i, n;
    DS_TRY(cli_vmm_list(&doc, &list, u->cli, "ListImages", "images", e));
    yyjson_arr_foreach(list, i, n, image)
    {
        const char *name = cli_text(image, "name");
        if (u->o.image != NULL ? strcmp(name, u->o.image) == 0
                               : chosen == NULL || strverscmp(name, cli_text(chosen, "name")) > 0)
            chosen = image;
    }
    if (chosen == NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_NO_IMAGE, "image",
                         u->o.image != NULL ? u->o.image : "an image", "none", u->cli->images);
    DS_TRY(cli_word(u->d.image, sizeof u->d.image, chosen, "name", e));
    if (ds_hex_decode(u->d.record.os_image32, 32, ds_span_str(cli_text(chosen, "os_image_hash")),
                      NULL) < 0)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_NO_IMAGE, "image", "one with a digest.txt",
                         u->d.image, u->cli->images);
    return DS_OK;
}

/* The proof at the end would refuse it: say so before a VM is made or changed. */
static int check_simulated(const struct opts *o, const char *machine, struct ds_error *e)
{
    if (o->allow_simulated || o->no_verify)
        return DS_OK;
    return ds_refuse(e, DS_ERR_DENIED, DS_CODE_POLICY_SIMULATED_EVIDENCE, "kind", "hardware",
                     machine, "this machine's VMs");
}

/* A root of the other kind would refuse this machine's evidence, or protect nothing on it. */
static int check_kms_kind(yyjson_val *meta, const char *wanted, struct ds_error *e)
{
    const char *born = cli_text(meta, "birth_kind");
    if (strcmp(born, wanted) == 0)
        return DS_OK;
    return ds_refuse(e, DS_ERR_EXISTS, DS_CODE_CLI_KMS_KIND, "birth kind of the KMS's root", wanted,
                     born, "dstack-kms");
}

static int find_kms(struct up *u, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *meta = NULL;
    DS_AUTO(cli_doc_free) yyjson_doc *kms = NULL;
    struct ds_buf *spki = &u->d.record.kms_spki;
    uint8_t raw[256];
    size_t len = 0;
    DS_TRY(cli_vmm_call(&meta, u->cli, "GetMeta", DS_SPAN_LIT(""), e));
    const char *machine = cli_text(yyjson_doc_get_root(meta), "machine");
    bool is_hardware = strcmp(machine, "tdx") == 0 || strcmp(machine, "snp") == 0;
    const char *kind = is_hardware ? "hardware" : "simulated";
    u->is_simulated = !is_hardware;
    if (!is_hardware)
        DS_TRY(check_simulated(&u->o, machine, e));
    DS_TRY(cli_kms_ensure(u->cli, kind, e));
    DS_TRY(cli_kms_call(&kms, u->cli, "GetMeta", DS_SPAN_LIT(""), e));
    DS_TRY(check_kms_kind(yyjson_doc_get_root(kms), kind, e));
    const char *hex = cli_text(yyjson_doc_get_root(kms), "ca_spki");
    DS_TRY(ds_hex_decode_any(raw, &len, sizeof raw, ds_span_str(hex), e));
    ds_buf_add(spki, DS_SPAN(raw, len));
    /* An empty key would be compared with nothing. */
    if (len == 0 || !ds_str_copy(u->kms_hex, sizeof u->kms_hex, hex))
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, "ca_spki", "a key as hex",
                         len == 0 ? "nothing" : hex, "dstack-kms");
    return ds_buf_end(spki, e, "KMS key");
}

/* A --publish OTHER:PORT. */
static int read_publish(uint16_t *ret_other, uint16_t *ret_port, const char *text,
                        struct ds_error *e)
{
    const char *colon = strchr(text, ':');
    uint64_t other = 0, port = 0;
    if (colon == NULL ||
        ds_str_u64(&other, DS_SPAN(text, (size_t)(colon - text)), 65535, NULL) < 0 ||
        ds_str_u64(&port, ds_span_str(colon + 1), 65535, NULL) < 0 || other == 0 || port == 0)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                            "--publish takes OTHER:PORT, not '%.40s'", text);
    *ret_other = (uint16_t)other;
    *ret_port = (uint16_t)port;
    return DS_OK;
}

/* Before anything is started: every --publish has its form, whatever the app publishes. */
static int check_publish(const struct opts *o, struct ds_error *e)
{
    uint16_t other, port;
    for (size_t i = 0; i < o->publish.n; i++)
        DS_TRY(read_publish(&other, &port, o->publish.v[i], e));
    return DS_OK;
}

static bool move_port(struct deploy *d, uint16_t other, uint16_t port)
{
    bool moved = false;
    for (size_t i = 0; i < d->n_ports; i++)
        if (d->ports[i].target_in_vm == port) {
            d->ports[i].published = other;
            moved = true;
        }
    return moved;
}

/* One that moves nothing is a mistake, and mostly the container's port instead of the host's. */
static int refuse_publish(const struct deploy *d, const char *text, struct ds_error *e)
{
    char ports[DS_LEN(d->ports) * 6 + 1] = "";
    for (size_t i = 0, at = 0; i < d->n_ports; i++)
        at += (size_t)snprintf(ports + at, sizeof ports - at, " %u", d->ports[i].target_in_vm);
    return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                        "--publish %.12s: PORT is the left number of 'ports' in the compose file, "
                        "and those are:%.100s",
                        text, d->n_ports > 0 ? ports : " none");
}

static int take_ports(struct up *u, struct ds_error *e)
{
    struct deploy *d = &u->d;
    for (size_t i = 0; i < u->compose.n_ports; i++)
        d->ports[d->n_ports++] = u->compose.ports[i];
    for (size_t i = 0; i < u->o.publish.n; i++) {
        uint16_t other, port;
        const char *text = u->o.publish.v[i];
        DS_TRY(read_publish(&other, &port, text, e));
        if (!move_port(d, other, port))
            return refuse_publish(d, text, e);
    }
    return DS_OK;
}

static int take_registries(struct up *u, struct ds_error *e)
{
    if (u->o.registry.n > COMPOSE_REGISTRIES_MAX)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE, "--registry: at most %d",
                            COMPOSE_REGISTRIES_MAX);
    for (size_t i = 0; i < u->o.registry.n; i++)
        u->d.registries[u->d.n_registries++] = u->o.registry.v[i];
    return DS_OK;
}

static int make_app(struct up *u, struct ds_error *e)
{
    struct deploy *d = &u->d;
    DS_TRY(take_registries(u, e));
    d->no_instance_id = compose_has_no_instance_id(&u->compose);
    DS_TRY(cli_volumes_make(u->cli, &u->compose, e));
    DS_TRY(compose_app_json(&d->app_compose, &u->compose, d->name, u->kms_hex, e));
    return app_compose_hash(d->record.compose32, ds_buf_span(&d->app_compose), e);
}

/* The first published TCP port must answer HTTP: that is what "up" means to a person. */
static int check_http(const struct deploy *d, struct ds_error *e)
{
    for (size_t i = 0; i < d->n_ports; i++) {
        const struct compose_port *p = &d->ports[i];
        char text[32];
        struct net_target t;
        if (p->udp)
            continue;
        (void)snprintf(text, sizeof text, "tcp:127.0.0.1:%u", p->published);
        DS_TRY(net_target_parse(&t, text, e));
        int64_t deadline = ds_clock_mono_ms() + HTTP_MS;
        while (ds_clock_mono_ms() < deadline) {
            DS_AUTO(net_http_response_done) struct net_http_response r = { 0 };
            const struct net_http_call get = { .path = "/", .timeout_ms = 5000 };
            struct ds_error ignored;
            if (net_http_call(&r, &t, NULL, &get, &ignored) == DS_OK) {
                cli_note("http://127.0.0.1:%u/ answers %d, %zu bytes\n", p->published, r.status,
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
    DS_TRY(check_publish(&u->o, e));
    DS_TRY(choose_file(u, e));
    DS_TRY(compose_file_check(u->o.file, e));
    DS_TRY(choose_name(u, e));
    DS_TRY(compose_load(&u->compose, u->o.file, e));
    DS_TRY(compose_check(&u->compose, u->o.file, e));
    DS_TRY(take_ports(u, e));
    DS_TRY(cli_record_lock(&u->lock, u->cli, u->d.name, e));
    DS_TRY(cli_vmm_ensure(u->cli, e));
    DS_TRY(choose_image(u, e));
    DS_TRY(find_kms(u, e));
    return make_app(u, e);
}

/* The new version counts from here: only what was verified is recorded, unless no proof is wanted. */
static int prove(struct up *u, struct ds_error *e)
{
    const struct cli_verify_vm in = { .name = u->d.id,
                                      .want = &u->d.record,
                                      .allow_simulated = u->o.allow_simulated };
    if (!u->o.no_verify)
        DS_TRY(cli_verify_vm(u->cli, &u->d.record.instance, &in, e));
    int r = deploy_settle(&u->d, e);
    if (r < 0 && u->cli->reported)
        cli_note("dstack: %s\n", e->msg); /* the JSON of the proof is out already */
    if (r == DS_OK && u->o.no_verify)
        cli_print(u->cli->json ? "{\"id\":\"%s\"}\n" : "%s\n", u->d.id);
    return r;
}

/* Of a boot that failed: the VM is still there. The reasons are those of the boot. */
static void tell_failed(struct up *u)
{
    const struct ds_verdict reasons = u->cli->reasons;
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *vm = NULL;
    if (cli_vm_find(&doc, &vm, u->cli, u->d.id, NULL) == DS_OK && vm != NULL)
        cli_vm_tell_failed(vm);
    u->cli->reasons = reasons;
}

static int wait_for_boot(struct up *u, struct ds_error *e)
{
    if (u->d.is_up)
        return DS_OK;
    int r = cli_boot_wait(u->cli, u->d.id, (int64_t)u->o.timeout_s * 1000, e);
    if (r < 0)
        tell_failed(u);
    return r;
}

/* The last line: where it is, what that was proved against, and what comes next. */
static void tell_end(const struct up *u)
{
    const struct deploy *d = &u->d;
    cli_note("%s runs", d->name);
    for (size_t i = 0; i < d->n_ports; i++)
        cli_note("%s %s127.0.0.1:%u%s", i == 0 ? " at" : ",", d->ports[i].udp ? "udp " : "http://",
                 d->ports[i].published, d->ports[i].udp ? "" : "/");
    if (u->o.no_verify)
        cli_note(", not verified; next: dstack verify %s\n", d->name);
    else
        cli_note(", verified against %s; next: dstack logs %s, dstack ps\n",
                 u->is_simulated ? "the simulated root of this machine, which protects nothing"
                                 : "the hardware vendor's root",
                 d->name);
}

static int run(struct up *u, struct ds_error *e)
{
    struct deploy *d = &u->d;
    DS_TRY(prepare(u, e));
    DS_TRY(deploy_vm(d, e));
    cli_note("%s: app %s, image %s\n", d->name, DS_HEX(DS_SPAN_OF(d->record.app_id20)), d->image);
    DS_TRY(wait_for_boot(u, e));
    DS_TRY(check_http(d, e));
    if (u->o.timings && !u->cli->json)
        DS_TRY(cli_boot_waterfall(u->cli, d->id, e));
    DS_TRY(prove(u, e));
    tell_end(u);
    return DS_OK;
}

int cmd_up(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    DS_AUTO(up_done)
    struct up u = { .cli = cli, .o = { .timeout_s = 600 }, .d = { .cli = cli }, .lock = -1 };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_up_args, &u.o, &rest, &done, argc, argv, e));
    u.d.vcpu = u.o.vcpu;
    u.d.memory_mib = u.o.memory_mib;
    u.d.disk_gib = u.o.disk_gib;
    return done ? DS_OK : run(&u, e);
}

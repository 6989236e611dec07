/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deploying: each step may be the last one of a program that is killed, and
 * the next `up` goes on from whatever it left.
 */
#include "cli/deploy.h"

#include <string.h>

#include "app/identity.h"
#include "base/fault.h"
#include "base/hex.h"
#include "base/str.h"
#include "cli/daemons.h"
#include "codec/json_write.h"

#define VCPU_DEFAULT       2
#define MEMORY_MIB_DEFAULT 3072
#define DISK_GIB_DEFAULT   20
/* Bytes at the end of a key that are shown. */
#define TAIL(key) ((key).len < 20 ? (key).len : 20)

void deploy_done(struct deploy *d)
{
    ds_buf_done(&d->app_compose);
    cli_record_done(&d->record);
}

static uint64_t or_default(uint64_t value, uint64_t if_zero)
{
    return value != 0 ? value : if_zero;
}

/* only: every other version of the app is taken off the list. */
static int allow(struct deploy *d, const struct cli_record *version, bool only, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "app_id", DS_SPAN_OF(d->record.app_id20));
    ds_jw_hex(&w, "compose_hash", DS_SPAN_OF(version->compose32));
    ds_jw_hex(&w, "os_image_hash", DS_SPAN_OF(version->os_image32));
    ds_jw_bool(&w, "only_compose", only);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "AllowApp"));
    return cli_kms_call(&doc, d->cli, "AllowApp", ds_buf_span(&params), e);
}

static void add_ports(struct ds_jw *w, const struct deploy *d)
{
    ds_jw_array(w, "ports");
    for (size_t i = 0; i < d->n_ports; i++) {
        const struct compose_port *p = &d->ports[i];
        ds_jw_object(w, NULL);
        ds_jw_str(w, "protocol", p->udp ? "udp" : "tcp");
        ds_jw_str(w, "host_address", "127.0.0.1");
        ds_jw_u64(w, "host_port", p->published);
        ds_jw_u64(w, "vm_port", p->target_in_vm);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

/* err: ARG  not of the form name:port=ip:port */
static int add_registries(struct ds_jw *w, const struct deploy *d, struct ds_error *e)
{
    char host[128];
    ds_jw_array(w, "registries");
    for (size_t i = 0; i < d->n_registries; i++) {
        const char *text = d->registries[i], *equals = strchr(text, '=');
        if (equals == NULL ||
            !ds_str_copy_span(host, sizeof host, DS_SPAN(text, (size_t)(equals - text))))
            return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                                "--registry takes NAME:PORT=ADDRESS:PORT, not '%.60s'", text);
        ds_jw_object(w, NULL);
        ds_jw_str(w, "host", host);
        ds_jw_str(w, "target", equals + 1);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
    return DS_OK;
}

/* check_only: the VMM says whether it would refuse; nothing changes. */
static int create(struct deploy *d, bool check_only, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "name", d->name);
    ds_jw_str(&w, "image", d->image);
    ds_jw_text(&w, "compose_file", ds_buf_span(&d->app_compose));
    ds_jw_u64(&w, "vcpu", or_default(d->vcpu, VCPU_DEFAULT));
    ds_jw_u64(&w, "memory", or_default(d->memory_mib, MEMORY_MIB_DEFAULT));
    ds_jw_u64(&w, "disk_size", or_default(d->disk_gib, DISK_GIB_DEFAULT));
    ds_jw_hex(&w, "app_id", DS_SPAN_OF(d->record.app_id20));
    add_ports(&w, d);
    DS_TRY(add_registries(&w, d, e));
    ds_jw_bool(&w, "check_only", check_only);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "CreateVm"));
    DS_TRY(cli_vmm_call(&doc, d->cli, "CreateVm", ds_buf_span(&params), e));
    if (check_only)
        return DS_OK; /* there is no id yet */
    return cli_word(d->id, sizeof d->id, yyjson_doc_get_root(doc), "id", e);
}

static void add_if(struct ds_jw *w, const char *key, uint64_t value)
{
    if (value != 0)
        ds_jw_u64(w, key, value);
}

/* check_only: as of create */
static int update(struct deploy *d, bool check_only, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", d->id);
    ds_jw_str(&w, "image", d->image);
    ds_jw_text(&w, "compose_file", ds_buf_span(&d->app_compose));
    add_if(&w, "vcpu", d->vcpu);
    add_if(&w, "memory", d->memory_mib);
    add_if(&w, "disk_size", d->disk_gib);
    ds_jw_bool(&w, "update_ports", true);
    add_ports(&w, d);
    ds_jw_bool(&w, "update_registries", d->n_registries > 0);
    ds_jw_bool(&w, "check_only", check_only);
    DS_TRY(add_registries(&w, d, e));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "UpdateVm"));
    return cli_vmm_call(&doc, d->cli, "UpdateVm", ds_buf_span(&params), e);
}

/* Recorded before it is made: a VM of ours is never without its record. */
static int make(struct deploy *d, struct ds_error *e)
{
    app_id_of(d->record.app_id20, d->record.compose32);
    DS_TRY(create(d, true, e)); /* what would be refused leaves nothing behind */
    DS_TRY(allow(d, &d->record, true, e));
    DS_TRY(cli_record_save(d->cli, d->name, &d->record, ds_buf_span(&d->app_compose), e));
    return create(d, false, e);
}

/*
 * The app id is that of the first deployment. The record says which it is; without one only a VM
 * whose id follows from this very compose file is known to be the app.
 */
static int settle_app_id(struct deploy *d, const struct cli_record *old, bool has_old,
                         yyjson_val *vm, struct ds_error *e)
{
    if (has_old)
        memcpy(d->record.app_id20, old->app_id20, sizeof old->app_id20);
    else
        app_id_of(d->record.app_id20, d->record.compose32);
    const struct ds_hex_text app_id = ds_hex_text_of(DS_SPAN_OF(d->record.app_id20));
    if (strcmp(cli_text(vm, "app_id"), app_id.s) == 0)
        return DS_OK;
    return ds_refuse(e, DS_ERR_EXISTS, DS_CODE_CLI_OTHER_APP, "app_id", app_id.s,
                     cli_text(vm, "app_id"), has_old ? "record of up" : "compose file");
}

static bool has_size(yyjson_val *vm, const char *key, uint64_t wanted)
{
    yyjson_val *have = yyjson_obj_get(yyjson_obj_get(vm, "configuration"), key);
    return wanted == 0 || yyjson_get_uint(have) == wanted;
}

static bool has_ports(const struct deploy *d, yyjson_val *vm)
{
    yyjson_val *ports = yyjson_obj_get(yyjson_obj_get(vm, "configuration"), "ports"), *have;
    size_t i, n;
    if (yyjson_arr_size(ports) != d->n_ports)
        return false;
    yyjson_arr_foreach(ports, i, n, have)
    {
        const struct compose_port *p = &d->ports[i];
        if (p->udp != (strcmp(cli_text(have, "protocol"), "udp") == 0) ||
            yyjson_get_uint(yyjson_obj_get(have, "host_port")) != p->published ||
            yyjson_get_uint(yyjson_obj_get(have, "vm_port")) != p->target_in_vm)
            return false;
    }
    return true;
}

/* The KMS is pinned: the app's keys, that of its disk too, come from the root that the record knows. */
static int check_kms(const struct deploy *d, const struct cli_record *old, struct ds_error *e)
{
    struct ds_span want = ds_buf_span(&old->kms_spki), got = ds_buf_span(&d->record.kms_spki);
    if (ds_span_eq(want, got))
        return DS_OK;
    /* Keys of one kind begin alike: their ends tell them apart. */
    const struct ds_hex_text is = ds_hex_text_of(ds_span_sub(got, got.len - TAIL(got), TAIL(got)));
    return ds_refuse(e, DS_ERR_EXISTS, DS_CODE_CLI_OTHER_KMS, "the end of the KMS's key",
                     DS_HEX(ds_span_sub(want, want.len - TAIL(want), TAIL(want))), is.s,
                     "record of up");
}

static bool is_as_wanted(const struct deploy *d, const struct cli_record *old, bool has_old,
                         yyjson_val *vm)
{
    const struct ds_hex_text compose = ds_hex_text_of(DS_SPAN_OF(d->record.compose32));
    /* An image made anew under its old name: the record tells, the name does not. */
    bool same_image = !has_old || memcmp(old->os_image32, d->record.os_image32, 32) == 0;
    return same_image && strcmp(cli_text(vm, "compose_hash"), compose.s) == 0 &&
           strcmp(cli_text(vm, "image"), d->image) == 0 && has_ports(d, vm) &&
           has_size(vm, "vcpu", d->vcpu) && has_size(vm, "memory", d->memory_mib) &&
           has_size(vm, "disk_size", d->disk_gib);
}

/*
 * Both versions may boot from here until deploy_settle, so that a failed change can be taken back.
 * Of the old ones the recorded one stays alone: tries that failed do not pile up.
 */
static int allow_both(struct deploy *d, const struct cli_record *old, bool has_old,
                      struct ds_error *e)
{
    if (has_old)
        DS_TRY(allow(d, old, true, e));
    return allow(d, &d->record, false, e);
}

static int update_and_start(struct deploy *d, struct ds_error *e)
{
    DS_TRY(update(d, false, e));
    DS_FAULT("cli.upgrade.updated");
    return cli_vm_call(d->cli, "StartVm", d->id, e);
}

/* The VM is stopped before it is changed: what the VMM says of it is then what will run. */
static int change(struct deploy *d, struct ds_error *e)
{
    DS_TRY(cli_vm_stop(d->cli, d->id, false, e));
    DS_FAULT("cli.upgrade.stopped");
    int r = update_and_start(d, e);
    if (r < 0)
        cli_note("%s is stopped now, with its data; 'dstack up' with the compose file that it ran "
                 "before starts it again\n",
                 d->name);
    return r;
}

/* A failed boot may have failed for a reason that is gone: the KMS was down, say. */
static bool runs_well(yyjson_val *vm)
{
    return strcmp(cli_text(vm, "status"), "running") == 0 && cli_text(vm, "boot_error")[0] == '\0';
}

static int reuse(struct deploy *d, yyjson_val *vm, struct ds_error *e)
{
    DS_AUTO(cli_record_done) struct cli_record old = { 0 };
    bool has_old;
    DS_TRY(cli_word(d->id, sizeof d->id, vm, "id", e));
    DS_TRY(cli_record_load(&old, &has_old, d->cli, d->name, e));
    DS_TRY(settle_app_id(d, &old, has_old, vm, e));
    if (has_old)
        DS_TRY(check_kms(d, &old, e));
    if (has_old && !d->no_instance_id)
        d->record.instance = old.instance;
    bool is_wanted = is_as_wanted(d, &old, has_old, vm), stays = is_wanted && runs_well(vm);
    if (!stays)
        DS_TRY(update(d, true, e)); /* what would be refused must not stop what runs */
    DS_TRY(allow_both(d, &old, has_old, e));
    d->is_up = stays && yyjson_get_bool(yyjson_obj_get(vm, "app_ready"));
    if (d->is_up)
        cli_note("%s already runs this version, for %s\n", d->name, cli_text(vm, "uptime"));
    else if (!is_wanted)
        cli_note("%s: changes to compose hash %.16s..., image %s; its data stays\n", d->name,
                 DS_HEX(DS_SPAN_OF(d->record.compose32)), d->image);
    return stays ? DS_OK : change(d, e);
}

int deploy_vm(struct deploy *d, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *vm;
    DS_TRY(cli_vm_find(&doc, &vm, d->cli, d->name, e));
    return vm != NULL ? reuse(d, vm, e) : make(d, e);
}

int deploy_settle(struct deploy *d, struct ds_error *e)
{
    DS_FAULT("cli.upgrade.verified");
    DS_TRY(cli_record_save(d->cli, d->name, &d->record, ds_buf_span(&d->app_compose), e));
    return allow(d, &d->record, true, e);
}

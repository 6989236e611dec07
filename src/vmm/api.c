/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPC handlers: each reads its parameters, and answers from what the loop knows
 * or hands the call on to a VM's job, a guest, or the pool.
 */
#include "vmm/api.h"

#include "app/identity.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "simtee/pki.h"
#include "vmm/channel.h"
#include "vmm/image.h"
#include "vmm/info.h"
#include "vmm/request.h"

#define ATTEST_MS    60000
#define GUEST_MS     30000
#define PAGE_MAX     1000u
#define TEXT_MAX     ((uint64_t)50 << 20)
#define ENV_MAX      ((uint64_t)256 << 10)
#define IDS_MAX      1000u
#define GPUS_MAX     16u
#define NETWORKS_MAX 4u

static int64_t now_ms(void) { return ds_clock_now_s() * 1000; }

/* NULL: the call was answered. */
static struct vmm_vm *vm_of(struct rpc_call *call, struct vmm *vmm)
{
    const char *id = rpc_call_text(call, "id");
    struct vmm_vm *vm = vmm_vm_find(vmm, id);
    if (vm != NULL && !vm->removing)
        return vm;
    struct ds_error e = { 0 };
    (void)ds_fail_code(&e, DS_ERR_NOTFOUND, DS_CODE_VMM_VM_NOT_FOUND, "no VM '%s'", id);
    rpc_call_fail(call, &e);
    return NULL;
}

/* Ends the call with the text, or with why it could not be made. */
static void reply_json(struct rpc_call *call, const struct ds_jw *w, struct ds_buf *json)
{
    struct ds_error e = { 0 };
    if (ds_jw_end(w, &e, "reply") < 0)
        rpc_call_fail(call, &e);
    else
        rpc_call_reply_text(call, ds_buf_span(json));
}

/* Only asked whether the request would be refused: it would not, and is let go of. */
static void reply_checked(struct rpc_call *call, struct vm_request *rq)
{
    vm_request_done(rq);
    rpc_call_reply_text(call, DS_SPAN_LIT("{\"id\":\"\"}"));
}

static void api_create(struct rpc_call *call, void *ctx)
{
    struct vm_request rq = { 0 };
    struct ds_error e = { 0 };
    if (vmm_request_create(&rq, ctx, rpc_call_params(call), &e) < 0)
        rpc_call_fail(call, &e);
    else if (rpc_call_bool(call, "check_only"))
        reply_checked(call, &rq);
    else
        vmm_vm_create(ctx, &rq, call);
}

static void api_update(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vm_of(call, ctx);
    struct vm_request rq = { 0 };
    struct ds_error e = { 0 };
    if (vm == NULL)
        return;
    if (!rpc_call_bool(call, "check_only"))
        vmm_vm_update(vm, call);
    else if (vmm_request_update(&rq, vm, rpc_call_params(call), &e) < 0)
        rpc_call_fail(call, &e);
    else
        reply_checked(call, &rq);
}

static void api_start(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vm_of(call, ctx);
    if (vm != NULL)
        vmm_vm_start(vm, call);
}

static void api_stop(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vm_of(call, ctx);
    if (vm != NULL)
        vmm_vm_stop(vm, call);
}

/* Idempotent: what is not there is removed. */
static void api_remove(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vmm_vm_find(ctx, rpc_call_text(call, "id"));
    if (vm == NULL)
        rpc_call_reply(call, NULL);
    else
        vmm_vm_remove(vm, call);
}

static void api_shutdown(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vm_of(call, ctx);
    if (vm != NULL)
        vmm_channel_forward(vm->channel, call, "Shutdown", (struct ds_span){ 0 }, GUEST_MS);
}

static void api_attest(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vm_of(call, ctx);
    struct ds_error e = { 0 };
    uint8_t nonce32[32];
    size_t len = 0;
    char params[192];
    if (vm == NULL)
        return;
    int r = rpc_call_hex(call, "nonce", nonce32, &len, sizeof nonce32, &e);
    if (r == DS_OK && len != sizeof nonce32)
        r = ds_refuse(&e, DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE, "nonce", "32 bytes",
                      "another length", NULL);
    if (r < 0) {
        rpc_call_fail(call, &e);
        return;
    }
    (void)snprintf(params, sizeof params, "{\"nonce\":\"%s\"}", DS_HEX(DS_SPAN_OF(nonce32)));
    vmm_channel_forward(vm->channel, call, "Attest", ds_span_str(params), ATTEST_MS);
}

static void api_guest_info(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vm_of(call, ctx);
    if (vm != NULL)
        vmm_channel_forward(vm->channel, call, "Info", (struct ds_span){ 0 }, GUEST_MS);
}

static void api_guest_logs(struct rpc_call *call, void *ctx)
{
    struct vmm_vm *vm = vm_of(call, ctx);
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    struct ds_jw w = ds_jw_of(&params);
    if (vm == NULL)
        return;
    ds_jw_object(&w, NULL);
    ds_jw_u64(&w, "lines", rpc_call_has(call, "lines") ? rpc_call_u64(call, "lines") : 1000);
    if (rpc_call_text(call, "container")[0] != '\0')
        ds_jw_str(&w, "container", rpc_call_text(call, "container"));
    if (rpc_call_has(call, "since_s"))
        ds_jw_u64(&w, "since_s", rpc_call_u64(call, "since_s"));
    ds_jw_object_end(&w);
    if (ds_jw_end(&w, &e, "request") < 0)
        rpc_call_fail(call, &e);
    else
        vmm_channel_forward(vm->channel, call, "Logs", ds_buf_span(&params), GUEST_MS);
}

static bool is_listed(const struct vmm_vm *vm, yyjson_val *ids, const char *keyword)
{
    bool any = yyjson_arr_size(ids) == 0;
    yyjson_arr_iter it = yyjson_arr_iter_with(ids);
    for (yyjson_val *id = yyjson_arr_iter_next(&it); !any && id != NULL;
         id = yyjson_arr_iter_next(&it))
        any = yyjson_equals_str(id, vm->m.id);
    return any && vmm_info_matches(vm, keyword);
}

/* Pages count from 1; page 0 is everything. */
static bool is_on_page(size_t at, uint64_t page, uint64_t page_len)
{
    return page == 0 || page_len == 0 || at / page_len == page - 1;
}

static void api_status(struct rpc_call *call, void *ctx)
{
    const struct vmm *vmm = ctx;
    yyjson_val *ids = yyjson_obj_get(rpc_call_params(call), "ids");
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_jw w = ds_jw_of(&json);
    size_t total = 0;
    ds_jw_object(&w, NULL);
    ds_jw_array(&w, "vms");
    for (size_t i = 0; i < vmm->n_vms; i++) {
        if (!is_listed(vmm->vms[i], ids, rpc_call_text(call, "keyword")))
            continue;
        if (is_on_page(total++, rpc_call_u64(call, "page"), rpc_call_u64(call, "page_size")))
            vmm_info_put(&w, NULL, vmm->vms[i], rpc_call_bool(call, "brief"), NULL, now_ms());
    }
    ds_jw_array_end(&w);
    ds_jw_bool(&w, "port_mapping_enabled", true);
    ds_jw_u64(&w, "total", total);
    ds_jw_object_end(&w);
    reply_json(call, &w, &json);
}

/* GetInfo reads the VM's texts in the pool and looks the VM up again afterwards. */
struct info_job {
    struct vmm *vmm;
    struct rpc_call *call;
    char id[VMM_ID_LEN + 1];
    char dir[VMM_PATH_LEN];
    struct ds_buf compose_file, user_config;
};

static void info_load(struct ds_buf *ret, const char *dir, enum vmm_share_file file)
{
    char path[VMM_PATH_LEN];
    const struct vmm_share_row *row = &vmm_share_rows[file];
    /* Not there, or not readable: then there is nothing to show. */
    if (ds_file_load(ret, vmm_path(path, dir, row->name), row->max, NULL) < 0)
        ds_buf_clear(ret);
}

static void info_work(void *arg)
{
    struct info_job *j = arg;
    info_load(&j->compose_file, j->dir, VMM_SHARE_APP_COMPOSE);
    info_load(&j->user_config, j->dir, VMM_SHARE_USER_CONFIG);
}

static void info_done(void *arg)
{
    struct info_job *j = arg;
    const struct vmm_vm *vm = vmm_vm_find(j->vmm, j->id);
    const struct vmm_info_texts texts = { ds_buf_span(&j->compose_file),
                                          ds_buf_span(&j->user_config) };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_jw w = ds_jw_of(&json);
    ds_jw_object(&w, NULL);
    ds_jw_bool(&w, "found", vm != NULL);
    if (vm != NULL)
        vmm_info_put(&w, "info", vm, false, &texts, now_ms());
    ds_jw_object_end(&w);
    reply_json(j->call, &w, &json);
    ds_buf_done(&j->compose_file);
    ds_buf_done(&j->user_config);
    free(j);
}

static void api_get_info(struct rpc_call *call, void *ctx)
{
    const struct vmm_vm *vm = vmm_vm_find(ctx, rpc_call_text(call, "id"));
    struct ds_error e = { 0 };
    if (vm == NULL) {
        rpc_call_reply_text(call, DS_SPAN_LIT("{\"found\":false}"));
        return;
    }
    struct info_job *j = calloc(1, sizeof *j);
    int r = j != NULL ? DS_OK : ds_fail(&e, DS_ERR_NOMEM, "GetInfo");
    if (r == DS_OK) {
        j->vmm = ctx;
        j->call = call;
        memcpy(j->id, vm->m.id, sizeof j->id);
        memcpy(j->dir, vm->dir, sizeof j->dir);
        r = net_pool_submit(j->vmm->pool, info_work, info_done, j, &e);
    }
    if (r < 0) {
        free(j);
        rpc_call_fail(call, &e);
    }
}

static void api_list_images(struct rpc_call *call, void *ctx)
{
    const struct vmm *vmm = ctx;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    ds_buf_str(&json, "{\"images\":");
    if (vmm_image_list(&json, vmm->places.images, &e) < 0) {
        rpc_call_fail(call, &e);
        return;
    }
    ds_buf_char(&json, '}');
    rpc_call_reply_text(call, ds_buf_span(&json));
}

static void api_compose_hash(struct rpc_call *call, void *ctx)
{
    struct ds_error e = { 0 };
    uint8_t hash32[32];
    yyjson_val *v = yyjson_obj_get(rpc_call_params(call), "compose_file");
    (void)ctx;
    if (app_compose_hash(hash32, DS_SPAN(yyjson_get_str(v), yyjson_get_len(v)), &e) < 0) {
        rpc_call_fail(call, &e);
        return;
    }
    yyjson_mut_doc *doc = rpc_call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    (void)yyjson_mut_obj_add_strcpy(doc, root, "hash", DS_HEX(DS_SPAN_OF(hash32)));
    rpc_call_reply(call, root);
}

static void api_version(struct rpc_call *call, void *ctx)
{
    yyjson_mut_doc *doc = rpc_call_doc(call);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    (void)ctx;
    (void)yyjson_mut_obj_add_str(doc, root, "version", DS_VERSION);
    (void)yyjson_mut_obj_add_str(doc, root, "rev", "");
    rpc_call_reply(call, root);
}

static void put_meta_network(struct ds_jw *w)
{
    ds_jw_object(w, "networking");
    ds_jw_array(w, "supported_modes");
    ds_jw_str(w, NULL, "user");
    ds_jw_array_end(w);
    ds_jw_str(w, "default_mode", "user");
    ds_jw_str(w, "default_bridge", "");
    ds_jw_object_end(w);
}

static void api_get_meta(struct rpc_call *call, void *ctx)
{
    struct vmm *vmm = ctx;
    char image[VMM_NAME_MAX + 1];
    char reason[160];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_jw w = ds_jw_of(&json);
    vmm_image_newest(image, vmm->places.images);
    ds_jw_object(&w, NULL);
    ds_jw_object(&w, "resources");
    ds_jw_u64(&w, "max_cvm_number", vmm->cfg.vms_max);
    ds_jw_u64(&w, "max_allocable_vcpu", vmm->cfg.vcpu_max);
    ds_jw_u64(&w, "max_allocable_memory_in_mb", vmm->cfg.memory_max_mib);
    ds_jw_object_end(&w);
    put_meta_network(&w);
    ds_jw_str(&w, "machine", vmm->host.platform->name);
    ds_jw_str(&w, "accel", vmm_host_accel_text(&vmm->host, reason));
    ds_jw_str(&w, "accel_reason", reason);
    ds_jw_str(&w, "default_image", image);
    ds_jw_str(&w, "state", vmm->places.state);
    ds_jw_str(&w, "volumes", vmm->places.volumes);
    ds_jw_object_end(&w);
    reply_json(call, &w, &json);
}

struct collateral_job {
    struct vmm *vmm;
    struct rpc_call *call;
    struct ds_buf json;
    int r;
    struct ds_error e;
};

static void collateral_work(void *arg)
{
    struct collateral_job *j = arg;
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *pki = NULL;
    uint8_t spki32[32];
    j->r = simtee_pki_open(&pki, j->vmm->places.simtee, ds_clock_now_s(), &j->e);
    if (j->r < 0)
        return;
    simtee_pki_root_spki32(spki32, pki);
    struct ds_jw w = ds_jw_of(&j->json);
    ds_jw_object(&w, NULL);
    ds_jw_raw(&w, "collateral", simtee_pki_collateral(pki));
    ds_jw_hex(&w, "root_spki_sha256", DS_SPAN_OF(spki32));
    ds_jw_str(&w, "root_name", "simulated root of this machine");
    ds_jw_text(&w, "root_pem", simtee_pki_root_pem(pki));
    ds_jw_object_end(&w);
    j->r = ds_jw_end(&w, &j->e, "collateral");
}

static void collateral_done(void *arg)
{
    struct collateral_job *j = arg;
    if (j->r < 0)
        rpc_call_fail(j->call, &j->e);
    else
        rpc_call_reply_text(j->call, ds_buf_span(&j->json));
    ds_buf_done(&j->json);
    free(j);
}

static void api_collateral(struct rpc_call *call, void *ctx)
{
    struct ds_error e = { 0 };
    struct collateral_job *j = calloc(1, sizeof *j);
    int r = j != NULL ? DS_OK : ds_fail(&e, DS_ERR_NOMEM, "collateral");
    if (r == DS_OK) {
        j->vmm = ctx;
        j->call = call;
        r = net_pool_submit(j->vmm->pool, collateral_work, collateral_done, j, &e);
    }
    if (r < 0) {
        free(j);
        rpc_call_fail(call, &e);
    }
}

/* clang-format off */
static const struct rpc_field id_fields[] = {
    { .name = "id", .kind = RPC_TEXT, .required = true, .max = VMM_ID_LEN, .help = "the VM's id" },
};

static const struct rpc_field port_fields[] = {
    { .name = "protocol", .kind = RPC_TEXT, .required = true, .max = 8, .help = "tcp or udp" },
    { .name = "host_port", .kind = RPC_U64, .max = 65535, .help = "0: any free one" },
    { .name = "vm_port", .kind = RPC_U64, .required = true, .max = 65535, .help = "in the guest" },
    { .name = "host_address", .kind = RPC_TEXT, .max = 64, .help = "127.0.0.1" },
};

static const struct rpc_field gpus_fields[] = {
    { .name = "gpus", .kind = RPC_OBJECT_LIST, .max = GPUS_MAX, .help = "none" },
    { .name = "attach_mode", .kind = RPC_TEXT, .max = 16, .help = "listed" },
};

static const struct rpc_field network_fields[] = {
    { .name = "mode", .kind = RPC_TEXT, .max = 16, .help = "user" },
    { .name = "bridge_name", .kind = RPC_TEXT, .max = 64, .help = "none" },
};

static const struct rpc_field registry_fields[] = {
    { .name = "host", .kind = RPC_TEXT, .required = true, .max = 127, .help = "name:port, as image references begin" },
    { .name = "target", .kind = RPC_TEXT, .required = true, .max = 31, .help = "IPv4 address:port of this host or its network" },
};
#define PORTS_FIELD { .name = "ports", .kind = RPC_OBJECT_LIST, .max = VMM_PORTS_MAX, .fields = port_fields, \
      .n_fields = DS_LEN(port_fields), .help = "ports of the host that lead into the VM" }
#define URLS_FIELD(key, text) { .name = (key), .kind = RPC_TEXT_LIST, .max = VMM_URLS_MAX, .help = (text) }
#define REGISTRIES_FIELD { .name = "registries", .kind = RPC_OBJECT_LIST, .max = VMM_REGISTRIES_MAX, \
      .fields = registry_fields, .n_fields = DS_LEN(registry_fields), .help = "registries that the guest may reach" }
#define TEXTS_FIELDS \
    { .name = "encrypted_env", .kind = RPC_HEX, .max = ENV_MAX, .help = "environment, sealed to the app" }, \
    { .name = "user_config", .kind = RPC_TEXT, .max = TEXT_MAX, .help = "given to the app as it is; not measured" }
#define CHECK_FIELD { .name = "check_only", .kind = RPC_BOOL, \
      .help = "change nothing: be refused as the request would be, were the VM stopped, or get an empty id" }
#define NOT_YET_FIELDS \
    { .name = "gpus", .kind = RPC_OBJECT, .fields = gpus_fields, .n_fields = DS_LEN(gpus_fields), .help = "none" }, \
    { .name = "networking", .kind = RPC_OBJECT, .fields = network_fields, .n_fields = DS_LEN(network_fields), .help = "mode user" }, \
    { .name = "networks", .kind = RPC_OBJECT_LIST, .max = NETWORKS_MAX, .fields = network_fields, \
      .n_fields = DS_LEN(network_fields), .help = "mode user" }

/* Numbers are bounded by vmm/manifest.c, which names the bounds of this daemon. */
static const struct rpc_field create_fields[] = {
    { .name = "name", .kind = RPC_TEXT, .required = true, .max = 256, .help = "for people" },
    { .name = "image", .kind = RPC_TEXT, .required = true, .max = 256, .help = "guest image" },
    { .name = "compose_file", .kind = RPC_TEXT, .required = true, .max = TEXT_MAX, .help = "app-compose.json" },
    { .name = "vcpu", .kind = RPC_ANY, .required = true, .help = "processors" },
    { .name = "memory", .kind = RPC_ANY, .required = true, .help = "MiB" },
    { .name = "disk_size", .kind = RPC_ANY, .required = true, .help = "GiB of the data disk" },
    PORTS_FIELD,
    TEXTS_FIELDS,
    { .name = "app_id", .kind = RPC_TEXT, .max = 64, .help = "40 hex digits; default: from the compose hash" },
    { .name = "machine", .kind = RPC_TEXT, .max = 32, .help = "auto, simulated, tdx, snp or null" },
    { .name = "hugepages", .kind = RPC_BOOL, .help = "false" },
    { .name = "pin_numa", .kind = RPC_BOOL, .help = "false" },
    NOT_YET_FIELDS,
    URLS_FIELD("kms_urls", "key services; default: the local one"),
    URLS_FIELD("gateway_urls", "gateways to register with"),
    REGISTRIES_FIELD,
    { .name = "stopped", .kind = RPC_BOOL, .help = "do not start it" },
    { .name = "no_tee", .kind = RPC_BOOL, .help = "the simulated machine" },
    { .name = "simulated_tee", .kind = RPC_BOOL, .help = "the simulated machine" },
    CHECK_FIELD,
};

static const struct rpc_field update_fields[] = {
    { .name = "id", .kind = RPC_TEXT, .required = true, .max = VMM_ID_LEN, .help = "the VM's id" },
    { .name = "compose_file", .kind = RPC_TEXT, .max = TEXT_MAX, .help = "a new app-compose.json" },
    TEXTS_FIELDS,
    { .name = "update_ports", .kind = RPC_BOOL, .help = "replace the ports" },
    PORTS_FIELD,
    { .name = "update_kms_urls", .kind = RPC_BOOL, .help = "replace kms_urls" },
    URLS_FIELD("kms_urls", "key services"),
    { .name = "update_gateway_urls", .kind = RPC_BOOL, .help = "replace gateway_urls" },
    URLS_FIELD("gateway_urls", "gateways"),
    { .name = "update_registries", .kind = RPC_BOOL, .help = "replace the registries" },
    REGISTRIES_FIELD,
    NOT_YET_FIELDS,
    { .name = "update_networking", .kind = RPC_BOOL, .help = "mode user" },
    { .name = "vcpu", .kind = RPC_ANY, .help = "processors" },
    { .name = "memory", .kind = RPC_ANY, .help = "MiB" },
    { .name = "disk_size", .kind = RPC_ANY, .help = "GiB; grows only" },
    { .name = "image", .kind = RPC_TEXT, .max = 256, .help = "guest image" },
    CHECK_FIELD,
};

static const struct rpc_field status_fields[] = {
    { .name = "ids", .kind = RPC_TEXT_LIST, .max = IDS_MAX, .help = "only these" },
    { .name = "brief", .kind = RPC_BOOL, .help = "without configuration" },
    { .name = "keyword", .kind = RPC_TEXT, .max = 256, .help = "part of a name, id, app id or image" },
    { .name = "page", .kind = RPC_U64, .help = "from 1; 0: everything" },
    { .name = "page_size", .kind = RPC_U64, .max = PAGE_MAX, .help = "VMs on a page" },
};

static const struct rpc_field compose_fields[] = {
    { .name = "compose_file", .kind = RPC_TEXT, .required = true, .max = TEXT_MAX, .help = "app-compose.json" },
};

static const struct rpc_field attest_fields[] = {
    { .name = "id", .kind = RPC_TEXT, .required = true, .max = VMM_ID_LEN, .help = "the VM's id" },
    { .name = "nonce", .kind = RPC_HEX, .required = true, .max = 32, .help = "32 bytes of the caller's" },
};

static const struct rpc_field guest_logs_fields[] = {
    { .name = "id", .kind = RPC_TEXT, .required = true, .max = VMM_ID_LEN, .help = "the VM's id" },
    { .name = "lines", .kind = RPC_U64, .max = 100000, .help = "the last so many" },
    { .name = "container", .kind = RPC_TEXT, .max = 256, .help = "only this one" },
    { .name = "since_s", .kind = RPC_U64, .max = UINT32_MAX, .help = "to follow: first 0, then the reply's next_s" },
};

static const struct rpc_field id_reply[] = {
    { .name = "id", .kind = RPC_TEXT, .help = "the VM's id" },
};
static const struct rpc_field status_reply[] = {
    { .name = "vms", .kind = RPC_OBJECT_LIST, .help = "VmInfo, by creation" },
    { .name = "port_mapping_enabled", .kind = RPC_BOOL, .help = "true" },
    { .name = "total", .kind = RPC_U64, .help = "VMs that match" },
};
static const struct rpc_field info_reply[] = {
    { .name = "found", .kind = RPC_BOOL, .help = "there is such a VM" },
    { .name = "info", .kind = RPC_OBJECT, .help = "VmInfo" },
};
static const struct rpc_field images_reply[] = {
    { .name = "images", .kind = RPC_OBJECT_LIST, .help = "name, description, version, is_dev, arch, os_image_hash" },
};
static const struct rpc_field hash_reply[] = {
    { .name = "hash", .kind = RPC_TEXT, .help = "SHA-256 in hex" },
};
static const struct rpc_field version_reply[] = {
    { .name = "version", .kind = RPC_TEXT, .help = "of this program" },
    { .name = "rev", .kind = RPC_TEXT, .help = "empty" },
};
static const struct rpc_field meta_reply[] = {
    { .name = "resources", .kind = RPC_OBJECT, .help = "most VMs, processors, memory" },
    { .name = "networking", .kind = RPC_OBJECT, .help = "modes" },
    { .name = "machine", .kind = RPC_TEXT, .help = "what machine 'auto' is on this host" },
    { .name = "accel", .kind = RPC_TEXT, .help = "kvm, tcg, or empty before the first VM" },
    { .name = "accel_reason", .kind = RPC_TEXT, .help = "why" },
    { .name = "default_image", .kind = RPC_TEXT, .help = "the image made last" },
    { .name = "state", .kind = RPC_TEXT, .help = "the daemon's directory" },
    { .name = "volumes", .kind = RPC_TEXT, .help = "where verity volumes belong" },
};
static const struct rpc_field attest_reply[] = {
    { .name = "attestation", .kind = RPC_TEXT, .help = "evidence in hex" },
    { .name = "vm_config", .kind = RPC_TEXT, .help = "what the guest was told of its machine" },
};
static const struct rpc_field collateral_reply[] = {
    { .name = "collateral", .kind = RPC_OBJECT, .help = "in the vendor's forms" },
    { .name = "root_spki_sha256", .kind = RPC_TEXT, .help = "what an anchor pins" },
    { .name = "root_name", .kind = RPC_TEXT, .help = "for people" },
    { .name = "root_pem", .kind = RPC_TEXT, .help = "the root certificate" },
};

#define FIELDS(in)  .request = (in), .n_request = DS_LEN(in)
#define REPLY(out)  .reply = (out), .n_reply = DS_LEN(out)

const struct rpc_method vmm_api_methods[] = {
    { "CreateVm", RPC_SAME_UID, api_create, "Make a VM of an image and an app, and start it.", FIELDS(create_fields), REPLY(id_reply) },
    { "StartVm", RPC_SAME_UID, api_start, "Start a VM.", FIELDS(id_fields), .reply = NULL },
    { "StopVm", RPC_SAME_UID, api_stop, "End a VM's machine; answers when it has ended.", FIELDS(id_fields), .reply = NULL },
    { "ShutdownVm", RPC_SAME_UID, api_shutdown, "Ask the guest to power off.", FIELDS(id_fields), .reply = NULL },
    { "RemoveVm", RPC_SAME_UID, api_remove, "Stop a VM and remove everything of it.", FIELDS(id_fields), .reply = NULL },
    { "UpdateVm", RPC_SAME_UID, api_update, "Change a VM; its size only while it is stopped.", FIELDS(update_fields), REPLY(id_reply) },
    { "UpgradeApp", RPC_SAME_UID, api_update, "The old name of UpdateVm.", FIELDS(update_fields), REPLY(id_reply) },
    { "Status", RPC_SAME_UID, api_status, "The VMs of this host.", FIELDS(status_fields), REPLY(status_reply) },
    { "GetInfo", RPC_SAME_UID, api_get_info, "Everything about one VM.", FIELDS(id_fields), REPLY(info_reply) },
    { "ListImages", RPC_SAME_UID, api_list_images, "The guest images of this host.", .request = NULL, REPLY(images_reply) },
    { "GetComposeHash", RPC_SAME_UID, api_compose_hash, "The hash that names an app-compose.json.", FIELDS(compose_fields), REPLY(hash_reply) },
    { "GetMeta", RPC_SAME_UID, api_get_meta, "What this host offers.", .request = NULL, REPLY(meta_reply) },
    { "Version", RPC_ANYONE, api_version, "The version of this program.", .request = NULL, REPLY(version_reply) },
    { "Attest", RPC_SAME_UID, api_attest, "Fresh evidence of a guest over a nonce.", FIELDS(attest_fields), REPLY(attest_reply) },
    { "GuestInfo", RPC_SAME_UID, api_guest_info, "What the guest's agent says of itself.", FIELDS(id_fields), .reply = NULL },
    { "GuestLogs", RPC_SAME_UID, api_guest_logs, "The app's logs, where the app allows it.", FIELDS(guest_logs_fields), .reply = NULL },
    { "GetSimulatedCollateral", RPC_SAME_UID, api_collateral, "The simulated platform's root and collateral.", .request = NULL, REPLY(collateral_reply) },
};
/* clang-format on */

const size_t vmm_api_n_methods = DS_LEN(vmm_api_methods);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request needs of this host, checked before anything is written.
 */
#include "vmm/request.h"

#include "app/identity.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "vmm/image.h"
#include "vmm/port.h"

/* RFC 9562 §5.4: version 4, variant 10. */
static int make_id(char ret[static VMM_ID_LEN + 1], struct ds_error *e)
{
    uint8_t b[16];
    char hex[33];
    DS_TRY(ds_rand(b, sizeof b, e));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)ds_hex_encode(hex, DS_SPAN_OF(b));
    (void)snprintf(ret, VMM_ID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
    return DS_OK;
}

static bool has_port(const struct vmm_manifest *m, const struct vmm_port *p)
{
    for (size_t i = 0; i < m->n_ports; i++)
        if (vmm_port_conflicts(&m->ports[i], p))
            return true;
    return false;
}

static const struct vmm_vm *port_owner(const struct vmm *vmm, const struct vmm_port *p,
                                       const struct vmm_vm *self)
{
    for (size_t i = 0; i < vmm->n_vms; i++) {
        const struct vmm_vm *vm = vmm->vms[i];
        if (vm != self &&
            (has_port(&vm->m, p) || (vm->becoming != NULL && has_port(vm->becoming, p))))
            return vm;
    }
    return NULL;
}

/* The kernel hands out numbers at random; one that a stopped VM has is tried again. */
static int pick_port(const struct vmm *vmm, struct vmm_port *p, const struct vmm_vm *self,
                     struct ds_error *e)
{
    for (int tries = 0; tries < 100; tries++) {
        p->host_port = 0;
        DS_TRY(vmm_port_pick(p, e));
        if (port_owner(vmm, p, self) == NULL)
            return DS_OK;
    }
    return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_PORT_TAKEN, "no free port on %s",
                        p->address);
}

static int settle_ports(struct vmm_manifest *m, const struct vmm *vmm, const struct vmm_vm *self,
                        struct ds_error *e)
{
    for (size_t i = 0; i < m->n_ports; i++) {
        struct vmm_port *p = &m->ports[i];
        if (p->host_port == 0) {
            DS_TRY(pick_port(vmm, p, self, e));
            continue;
        }
        const struct vmm_vm *owner = port_owner(vmm, p, self);
        if (owner != NULL)
            return vmm_port_taken(p, owner->m.name, e);
        /* A port that this very VM holds while it runs is not free, and is its own. */
        if (self == NULL || !self->running || !has_port(&self->m, p))
            DS_TRY(vmm_port_check(p, e));
    }
    return DS_OK;
}

static int add_volume(struct vmm_manifest *m, const struct vmm *vmm, struct ds_span source,
                      struct ds_error *e)
{
    char name[VMM_NAME_MAX + 1];
    if (!vmm_image_name_is_valid(source) || !ds_str_copy_span(name, sizeof name, source))
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID,
                            "a volume's source must be a plain file name of at most %d characters",
                            VMM_NAME_MAX);
    if (m->n_volumes == VMM_VOLUMES_MAX)
        return ds_refuse(e, DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE, "volumes", "at most 16", "more",
                         NULL);
    char *path = m->volumes[m->n_volumes++];
    (void)vmm_path(path, vmm->places.volumes, name);
    if (access(path, R_OK) != 0)
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_VMM_VOLUME_NOT_FOUND, "no volume '%s'",
                            path);
    return DS_OK;
}

static int take_app(struct vmm_manifest *m, const struct vmm *vmm, const struct app_compose *app,
                    struct ds_error *e)
{
    if (app->key_provider == APP_KEY_PROVIDER_LOCAL || app->key_provider == APP_KEY_PROVIDER_TPM)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED, "key_provider",
                         "kms or none", app_key_provider_text(app->key_provider), NULL);
    m->internet = app->internet;
    m->n_volumes = 0;
    for (size_t i = 0; i < app->n_image_volumes; i++)
        DS_TRY(add_volume(m, vmm, app->image_volumes[i].source, e));
    for (size_t i = 0; i < app->n_verity_volumes; i++)
        DS_TRY(add_volume(m, vmm, app->verity_volumes[i].source, e));
    return DS_OK;
}

static int check_app(struct vmm_manifest *m, const struct vmm *vmm, struct ds_span text,
                     struct ds_error *e)
{
    size_t cap = text.len + APP_COMPOSE_MEM;
    DS_AUTO(ds_auto_free) void *mem = malloc(cap);
    DS_AUTO(ds_auto_free) struct app_compose *app = calloc(1, sizeof *app);
    if (mem == NULL || app == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "compose_file");
    struct ds_arena arena = ds_arena_of(mem, cap);
    int r = app_compose_parse(app, &arena, text, e);
    if (r < 0)
        return ds_wrap(e, r, "compose_file");
    return take_app(m, vmm, app, e);
}

static int copy_text(char **ret, size_t *ret_len, yyjson_val *params, const char *key,
                     struct ds_error *e)
{
    yyjson_val *v = yyjson_obj_get(params, key);
    if (!yyjson_is_str(v) || yyjson_get_len(v) == 0)
        return DS_OK;
    char *text = malloc(yyjson_get_len(v) + 1);
    if (text == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "%s", key);
    memcpy(text, yyjson_get_str(v), yyjson_get_len(v) + 1);
    *ret = text;
    *ret_len = yyjson_get_len(v);
    return DS_OK;
}

static int copy_env(struct vm_request *rq, yyjson_val *params, struct ds_error *e)
{
    yyjson_val *v = yyjson_obj_get(params, "encrypted_env");
    struct ds_span text = DS_SPAN(yyjson_get_str(v), yyjson_get_len(v));
    if (!yyjson_is_str(v) || text.len == 0)
        return DS_OK;
    if (text.len > 2 && memcmp(text.p, "0x", 2) == 0)
        text = ds_span_sub(text, 2, text.len);
    rq->encrypted_env = malloc(text.len / 2 + 1);
    if (rq->encrypted_env == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "encrypted_env");
    int r = ds_hex_decode_any(rq->encrypted_env, &rq->encrypted_env_len, text.len / 2, text, e);
    return r < 0 ? ds_wrap(e, r, "encrypted_env") : r;
}

static int take_texts(struct vm_request *rq, const struct vmm *vmm, yyjson_val *params,
                      struct ds_error *e)
{
    DS_TRY(copy_text(&rq->user_config, &rq->user_config_len, params, "user_config", e));
    DS_TRY(copy_env(rq, params, e));
    DS_TRY(copy_text(&rq->app_compose, &rq->app_compose_len, params, "compose_file", e));
    if (rq->app_compose == NULL)
        return DS_OK;
    uint8_t hash32[32];
    struct ds_span text = DS_SPAN(rq->app_compose, rq->app_compose_len);
    DS_TRY(check_app(&rq->m, vmm, text, e));
    DS_TRY(app_compose_hash(hash32, text, e));
    (void)ds_hex_encode(rq->compose_hash, DS_SPAN_OF(hash32));
    return DS_OK;
}

static int check_image(const struct vmm *vmm, const struct vmm_manifest *m, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) struct vmm_image *img = malloc(sizeof *img);
    if (img == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "image");
    return vmm_image_load(img, vmm->places.images, m->image, m->machine, e);
}

static int fill_create(struct vm_request *rq, struct vmm *vmm, yyjson_val *params,
                       struct ds_error *e)
{
    if (vmm->n_vms >= vmm->cfg.vms_max)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_VMM_BUSY, "there are %zu VMs already",
                            vmm->n_vms);
    DS_TRY(vmm_manifest_of_request(&rq->m, params, vmm->host.platform, &vmm->limits, e));
    DS_TRY(check_image(vmm, &rq->m, e));
    DS_TRY(take_texts(rq, vmm, params, e));
    if (rq->app_compose == NULL)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE, "compose_file", "app-compose.json",
                         "absent", NULL);
    if (rq->m.app_id[0] == '\0')
        memcpy(rq->m.app_id, rq->compose_hash, sizeof rq->m.app_id - 1);
    DS_TRY(settle_ports(&rq->m, vmm, NULL, e));
    rq->m.created_at_ms = ds_clock_now_s() * 1000;
    rq->started = !yyjson_is_true(yyjson_obj_get(params, "stopped"));
    return make_id(rq->m.id, e);
}

int vmm_request_create(struct vm_request *ret, struct vmm *vmm, yyjson_val *params,
                       struct ds_error *e)
{
    struct vm_request rq = { 0 };
    int r = fill_create(&rq, vmm, params, e);
    if (r < 0) {
        vm_request_done(&rq);
        return r;
    }
    *ret = rq;
    return DS_OK;
}

static int fill_update(struct vm_request *rq, struct vmm_vm *vm, yyjson_val *params,
                       struct ds_error *e)
{
    bool resources;
    rq->m = vm->m;
    memcpy(rq->compose_hash, vm->compose_hash, sizeof rq->compose_hash);
    DS_TRY(vmm_manifest_update(&rq->m, &resources, params, &vm->vmm->limits, e));
    if (resources)
        DS_TRY(check_image(vm->vmm, &rq->m, e));
    DS_TRY(take_texts(rq, vm->vmm, params, e));
    /* Ports that it keeps are looked at when it starts; until then they may be anybody's. */
    if (!yyjson_is_true(yyjson_obj_get(params, "update_ports")))
        return DS_OK;
    return settle_ports(&rq->m, vm->vmm, vm, e);
}

int vmm_request_update(struct vm_request *ret, struct vmm_vm *vm, yyjson_val *params,
                       struct ds_error *e)
{
    struct vm_request rq = { 0 };
    int r = fill_update(&rq, vm, params, e);
    if (r < 0) {
        vm_request_done(&rq);
        return r;
    }
    *ret = rq;
    return DS_OK;
}

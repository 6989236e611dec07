/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests and requests: one set of field readers for both, since a manifest
 * is a checked request that was kept.
 */
#include "vmm/manifest.h"

#include <arpa/inet.h>

#include "base/str.h"
#include "codec/json_write.h"

static struct ds_span val_span(yyjson_val *v)
{
    return DS_SPAN(yyjson_get_str(v), yyjson_get_len(v));
}

static bool all_of(struct ds_span s, const char *extra)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = (char)s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr(extra, c) == NULL))
            return false;
    }
    return true;
}

bool vmm_name_is_valid(struct ds_span name)
{
    return name.len > 0 && name.len <= VMM_NAME_MAX && all_of(name, "-_. @~!$^()");
}

bool vmm_image_name_is_valid(struct ds_span name)
{
    return name.len > 0 && name.len <= VMM_NAME_MAX && name.p[0] != '.' && all_of(name, "-_.") &&
           memmem(name.p, name.len, "..", 2) == NULL;
}

static bool is_hex(struct ds_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

bool vmm_id_is_valid(struct ds_span id)
{
    static const uint8_t groups[] = { 8, 4, 4, 4, 12 };
    if (id.len != VMM_ID_LEN)
        return false;
    size_t at = 0;
    for (size_t g = 0; g < DS_LEN(groups); g++) {
        if (!is_hex(ds_span_sub(id, at, groups[g])))
            return false;
        at += groups[g];
        if (at < id.len && id.p[at] != '-')
            return false;
        at++;
    }
    return true;
}

bool vmm_port_conflicts(const struct vmm_port *a, const struct vmm_port *b)
{
    static const char any[] = "0.0.0.0";
    return a->udp == b->udp && a->host_port == b->host_port && a->host_port != 0 &&
           (strcmp(a->address, b->address) == 0 || strcmp(a->address, any) == 0 ||
            strcmp(b->address, any) == 0);
}

/* An absent field, JSON null and the protobuf default are the same thing on this wire. */
static bool is_absent(yyjson_val *v) { return v == NULL || yyjson_is_null(v); }
static bool is_empty(yyjson_val *v)
{
    return is_absent(v) || (yyjson_is_str(v) && yyjson_get_len(v) == 0);
}

static int get_u32(uint32_t *ret, yyjson_val *obj, const char *key, uint32_t min, uint32_t max,
                   struct ds_error *e)
{
    yyjson_val *v = yyjson_obj_get(obj, key);
    if (!yyjson_is_uint(v) || yyjson_get_uint(v) < min || yyjson_get_uint(v) > max) {
        char expected[48];
        char got[48] = "absent";
        (void)snprintf(expected, sizeof expected, "%u to %u", min, max);
        if (yyjson_is_uint(v))
            (void)snprintf(got, sizeof got, "%llu", (unsigned long long)yyjson_get_uint(v));
        else if (v != NULL)
            (void)snprintf(got, sizeof got, "%s", yyjson_get_type_desc(v));
        return ds_refuse(e, DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE, key, expected, got, NULL);
    }
    *ret = (uint32_t)yyjson_get_uint(v);
    return DS_OK;
}

static int get_text(char *ret, size_t ret_len, yyjson_val *obj, const char *key,
                    bool (*is_valid)(struct ds_span), enum ds_code code, struct ds_error *e)
{
    yyjson_val *v = yyjson_obj_get(obj, key);
    struct ds_span text = val_span(v);
    if (yyjson_is_str(v) && is_valid(text) && ds_str_copy_span(ret, ret_len, text))
        return DS_OK;
    return ds_refuse(e, DS_ERR_ARG, code, key, NULL,
                     yyjson_is_str(v) ? yyjson_get_str(v) : "absent", NULL);
}

static int get_bool(bool *ret, yyjson_val *obj, const char *key, struct ds_error *e)
{
    yyjson_val *v = yyjson_obj_get(obj, key);
    if (is_absent(v)) {
        *ret = false;
        return DS_OK;
    }
    if (!yyjson_is_bool(v))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE, key, "true or false",
                         yyjson_get_type_desc(v), NULL);
    *ret = yyjson_get_bool(v);
    return DS_OK;
}

/* A URL is text that stands in a config file of the guest; only its form is held here. */
static bool url_is_valid(struct ds_span url)
{
    return url.len > 8 && url.len <= VMM_URL_MAX && memcmp(url.p, "https://", 8) == 0 &&
           all_of(url, "-_.~:/?#[]@!&()*+;=%");
}

static int get_urls(struct vmm_urls *ret, yyjson_val *obj, const char *key, struct ds_error *e)
{
    yyjson_val *list = yyjson_obj_get(obj, key);
    if (is_absent(list))
        return DS_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > VMM_URLS_MAX)
        return ds_refuse(e, DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE, key, "a list of at most 4 URLs",
                         yyjson_get_type_desc(list), NULL);
    struct vmm_urls urls = { 0 };
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v = yyjson_arr_iter_next(&it); v != NULL; v = yyjson_arr_iter_next(&it)) {
        struct ds_span url = val_span(v);
        if (!yyjson_is_str(v) || !url_is_valid(url))
            return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE, key,
                             "https://host[:port][/path]",
                             yyjson_is_str(v) ? yyjson_get_str(v) : yyjson_get_type_desc(v), NULL);
        memcpy(urls.url[urls.n++], url.p, url.len);
    }
    *ret = urls;
    return DS_OK;
}

/* "name:port" in small letters; *ret_port is the port. */
static bool registry_host_is_valid(uint16_t *ret_port, struct ds_span s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    const uint8_t *colon = s.len > 0 ? memchr(s.p, ':', s.len) : NULL;
    uint64_t port = 0;
    if (colon == NULL || colon == s.p)
        return false;
    for (const uint8_t *p = s.p; p < colon; p++)
        if (*p == '\0' || strchr(allowed, *p) == NULL)
            return false;
    size_t len = s.len - (size_t)(colon + 1 - s.p);
    if (ds_str_u64(&port, DS_SPAN(colon + 1, len), UINT16_MAX, NULL) < 0 || port == 0)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool registry_target_is_valid(const char *text)
{
    char ip[INET_ADDRSTRLEN];
    const char *colon = strchr(text, ':');
    struct in_addr addr;
    uint64_t port = 0;
    return colon != NULL &&
           ds_str_copy_span(ip, sizeof ip, DS_SPAN(text, (size_t)(colon - text))) &&
           inet_pton(AF_INET, ip, &addr) == 1 &&
           ds_str_u64(&port, ds_span_str(colon + 1), UINT16_MAX, NULL) == DS_OK && port > 0;
}

static int get_registry(struct vmm_registry *ret, yyjson_val *v, struct ds_error *e)
{
    yyjson_val *host = yyjson_obj_get(v, "host"), *target = yyjson_obj_get(v, "target");
    if (!yyjson_is_str(host) || !registry_host_is_valid(&ret->port, val_span(host)) ||
        !ds_str_copy_span(ret->host, sizeof ret->host, val_span(host)))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE, "registries.host", "name:port",
                         yyjson_is_str(host) ? yyjson_get_str(host) : "no text", NULL);
    if (!yyjson_is_str(target) ||
        !ds_str_copy_span(ret->target, sizeof ret->target, val_span(target)) ||
        !registry_target_is_valid(ret->target))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE, "registries.target",
                         "IPv4 address:port",
                         yyjson_is_str(target) ? yyjson_get_str(target) : "no text", NULL);
    return DS_OK;
}

static int get_registries(struct vmm_manifest *m, yyjson_val *obj, struct ds_error *e)
{
    yyjson_val *list = yyjson_obj_get(obj, "registries");
    m->n_registries = 0;
    if (is_absent(list))
        return DS_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > VMM_REGISTRIES_MAX)
        return ds_refuse(e, DS_ERR_RANGE, DS_CODE_VMM_VALUE_RANGE, "registries",
                         "a list of at most 2", yyjson_get_type_desc(list), NULL);
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v = yyjson_arr_iter_next(&it); v != NULL; v = yyjson_arr_iter_next(&it))
        DS_TRY(get_registry(&m->registries[m->n_registries++], v, e));
    return DS_OK;
}

/* Names of a port's fields: requests and manifests spell them differently. */
struct port_keys {
    const char *list, *address, *host_port, *vm_port;
    bool any_port; /* host_port 0 asks for a free one */
};

static const struct port_keys request_ports = { "ports", "host_address", "host_port", "vm_port",
                                                true };
static const struct port_keys manifest_ports = { "port_map", "address", "from", "to", false };

/* Only loopback: who wants a port on another address puts a proxy of his own in front. */
static int get_address(char ret[static 16], yyjson_val *v, struct ds_error *e)
{
    const char *text = is_empty(v) ? "127.0.0.1" : yyjson_get_str(v);
    struct in_addr ip;
    if (text == NULL || inet_pton(AF_INET, text, &ip) != 1 || (ntohl(ip.s_addr) >> 24) != 127 ||
        !ds_str_copy(ret, 16, text))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_PORT_REFUSED, "host_address", "127.0.0.1",
                         text != NULL ? text : "no text", NULL);
    return DS_OK;
}

static int get_port(struct vmm_port *ret, yyjson_val *v, const struct port_keys *keys,
                    struct ds_error *e)
{
    struct vmm_port p = { 0 };
    yyjson_val *protocol = yyjson_obj_get(v, "protocol");
    p.udp = yyjson_equals_str(protocol, "udp");
    if (!p.udp && !yyjson_equals_str(protocol, "tcp"))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_PORT_REFUSED, "protocol", "tcp or udp",
                         yyjson_is_str(protocol) ? yyjson_get_str(protocol) : "absent", NULL);
    uint32_t host_port;
    uint32_t vm_port;
    DS_TRY(get_u32(&host_port, v, keys->host_port, keys->any_port ? 0 : 1, 65535, e));
    DS_TRY(get_u32(&vm_port, v, keys->vm_port, 1, 65535, e));
    DS_TRY(get_address(p.address, yyjson_obj_get(v, keys->address), e));
    p.host_port = (uint16_t)host_port;
    p.vm_port = (uint16_t)vm_port;
    *ret = p;
    return DS_OK;
}

static int check_ports(const struct vmm_manifest *m, struct ds_error *e)
{
    for (size_t i = 0; i < m->n_ports; i++)
        for (size_t k = 0; k < i; k++)
            if (vmm_port_conflicts(&m->ports[i], &m->ports[k])) {
                char port[16];
                (void)snprintf(port, sizeof port, "%s %u", m->ports[i].udp ? "udp" : "tcp",
                               m->ports[i].host_port);
                return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_PORT_TAKEN, "host_port",
                                 "each port of the host once", port, "this request");
            }
    return DS_OK;
}

static int get_ports(struct vmm_manifest *m, yyjson_val *obj, const struct port_keys *keys,
                     struct ds_error *e)
{
    yyjson_val *list = yyjson_obj_get(obj, keys->list);
    m->n_ports = 0;
    if (is_absent(list))
        return DS_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > VMM_PORTS_MAX)
        return ds_refuse(e, DS_ERR_RANGE, DS_CODE_VMM_PORT_REFUSED, keys->list,
                         "a list of at most 64 ports", yyjson_get_type_desc(list), NULL);
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v = yyjson_arr_iter_next(&it); v != NULL; v = yyjson_arr_iter_next(&it))
        DS_TRY(get_port(&m->ports[m->n_ports++], v, keys, e));
    return check_ports(m, e);
}

static int check_network(yyjson_val *network, struct ds_error *e)
{
    yyjson_val *mode = yyjson_obj_get(network, "mode");
    if (yyjson_get_len(mode) == 0 || yyjson_equals_str(mode, "user"))
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED, "networks", "user",
                     yyjson_get_str(mode), NULL);
}

/* Hardware that is not there yet in this VMM: an app that needs it must not run without. */
static int check_unsupported(yyjson_val *params, struct ds_error *e)
{
    static const char *const flags[] = { "hugepages", "pin_numa" };
    for (size_t i = 0; i < DS_LEN(flags); i++)
        if (yyjson_is_true(yyjson_obj_get(params, flags[i])))
            return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED, flags[i],
                             "false", "true", NULL);
    yyjson_val *gpus = yyjson_obj_get(params, "gpus");
    if (yyjson_arr_size(yyjson_obj_get(gpus, "gpus")) > 0 ||
        yyjson_equals_str(yyjson_obj_get(gpus, "attach_mode"), "all"))
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VMM_FIELD_UNSUPPORTED, "gpus", "none",
                         "some", NULL);
    DS_TRY(check_network(yyjson_obj_get(params, "networking"), e));
    size_t i, n;
    yyjson_val *network, *networks = yyjson_obj_get(params, "networks");
    yyjson_arr_foreach(networks, i, n, network) DS_TRY(check_network(network, e));
    return DS_OK;
}

static int get_resources(struct vmm_manifest *m, yyjson_val *obj, const struct vmm_limits *limits,
                         struct ds_error *e)
{
    DS_TRY(get_u32(&m->vcpu, obj, "vcpu", 1, limits->vcpu_max, e));
    DS_TRY(get_u32(&m->memory_mib, obj, "memory", 256, limits->memory_mib_max, e));
    return get_u32(&m->disk_gib, obj, "disk_size", 1, limits->disk_gib_max, e);
}

static bool app_id_is_valid(struct ds_span id) { return id.len == 40 && is_hex(id); }

/* host-api 1.2: a given app id may carry "0x" and upper-case digits. */
static int get_app_id(char ret[static 41], yyjson_val *v, struct ds_error *e)
{
    struct ds_span text = val_span(v);
    if (is_empty(v))
        return DS_OK;
    if (yyjson_is_str(v) && text.len > 2 && memcmp(text.p, "0x", 2) == 0)
        text = ds_span_sub(text, 2, text.len);
    char lower[41] = { 0 };
    for (size_t i = 0; yyjson_is_str(v) && text.len == 40 && i < 40; i++)
        lower[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'F' ? text.p[i] + 32 : text.p[i]);
    if (!app_id_is_valid(ds_span_str(lower)))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID, "app_id", "40 hex digits",
                         yyjson_is_str(v) ? yyjson_get_str(v) : yyjson_get_type_desc(v), NULL);
    memcpy(ret, lower, sizeof lower);
    return DS_OK;
}

/* "auto" and nothing mean this host's; a machine without a TEE is the simulated one. */
static int get_machine(const struct vmm_machine **ret, yyjson_val *params,
                       const struct vmm_machine *platform, struct ds_error *e)
{
    bool no_tee;
    DS_TRY(get_bool(&no_tee, params, "no_tee", e));
    yyjson_val *v = yyjson_obj_get(params, "machine");
    const char *name = is_empty(v) ? "auto" : yyjson_get_str(v);
    const struct vmm_machine *machine = name != NULL ? vmm_machine_find(name) : NULL;
    if (name != NULL && strcmp(name, "auto") == 0)
        machine = (no_tee || yyjson_is_true(yyjson_obj_get(params, "simulated_tee"))) &&
                          platform->has_qemu
                      ? vmm_machine_find("simulated")
                      : platform;
    if (machine == NULL)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_VALUE_RANGE, "machine",
                         "auto, simulated, tdx, snp or null", name != NULL ? name : "no text",
                         NULL);
    *ret = machine;
    return DS_OK;
}

int vmm_manifest_of_request(struct vmm_manifest *ret, yyjson_val *params,
                            const struct vmm_machine *platform, const struct vmm_limits *limits,
                            struct ds_error *e)
{
    struct vmm_manifest m = { 0 };
    DS_TRY(get_text(m.name, sizeof m.name, params, "name", vmm_name_is_valid,
                    DS_CODE_VMM_NAME_INVALID, e));
    DS_TRY(get_text(m.image, sizeof m.image, params, "image", vmm_image_name_is_valid,
                    DS_CODE_VMM_NAME_INVALID, e));
    DS_TRY(check_unsupported(params, e));
    DS_TRY(get_resources(&m, params, limits, e));
    DS_TRY(get_ports(&m, params, &request_ports, e));
    DS_TRY(get_urls(&m.kms_urls, params, "kms_urls", e));
    DS_TRY(get_urls(&m.gateway_urls, params, "gateway_urls", e));
    DS_TRY(get_registries(&m, params, e));
    DS_TRY(get_app_id(m.app_id, yyjson_obj_get(params, "app_id"), e));
    DS_TRY(get_machine(&m.machine, params, platform, e));
    *ret = m;
    return DS_OK;
}

static int update_resources(struct vmm_manifest *m, bool *ret_resources, yyjson_val *params,
                            const struct vmm_limits *limits, struct ds_error *e)
{
    static const char *const keys[] = { "vcpu", "memory", "disk_size" };
    uint32_t *const values[] = { &m->vcpu, &m->memory_mib, &m->disk_gib };
    const uint32_t min[] = { 1, 256, m->disk_gib };
    const uint32_t max[] = { limits->vcpu_max, limits->memory_mib_max, limits->disk_gib_max };
    for (size_t i = 0; i < DS_LEN(keys); i++) {
        if (is_absent(yyjson_obj_get(params, keys[i])))
            continue;
        DS_TRY(get_u32(values[i], params, keys[i], min[i], max[i], e));
        *ret_resources = true;
    }
    if (is_absent(yyjson_obj_get(params, "image")))
        return DS_OK;
    *ret_resources = true;
    return get_text(m->image, sizeof m->image, params, "image", vmm_image_name_is_valid,
                    DS_CODE_VMM_NAME_INVALID, e);
}

int vmm_manifest_update(struct vmm_manifest *m, bool *ret_resources, yyjson_val *params,
                        const struct vmm_limits *limits, struct ds_error *e)
{
    struct vmm_manifest next = *m;
    bool resources = false;
    DS_TRY(check_unsupported(params, e));
    DS_TRY(update_resources(&next, &resources, params, limits, e));
    if (yyjson_is_true(yyjson_obj_get(params, "update_ports")))
        DS_TRY(get_ports(&next, params, &request_ports, e));
    if (yyjson_is_true(yyjson_obj_get(params, "update_kms_urls"))) {
        next.kms_urls.n = 0;
        DS_TRY(get_urls(&next.kms_urls, params, "kms_urls", e));
    }
    if (yyjson_is_true(yyjson_obj_get(params, "update_gateway_urls"))) {
        next.gateway_urls.n = 0;
        DS_TRY(get_urls(&next.gateway_urls, params, "gateway_urls", e));
    }
    if (yyjson_is_true(yyjson_obj_get(params, "update_registries")))
        DS_TRY(get_registries(&next, params, e));
    *m = next;
    *ret_resources = resources;
    return DS_OK;
}

static int get_volumes(struct vmm_manifest *m, yyjson_val *obj, struct ds_error *e)
{
    yyjson_val *list = yyjson_obj_get(obj, "volumes");
    if (is_absent(list))
        return DS_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > VMM_VOLUMES_MAX)
        return ds_fail(e, DS_ERR_FORMAT, "'volumes' is no list of at most %d", VMM_VOLUMES_MAX);
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v = yyjson_arr_iter_next(&it); v != NULL; v = yyjson_arr_iter_next(&it)) {
        struct ds_span source = val_span(yyjson_obj_get(v, "source"));
        if (source.len == 0 || source.p[0] != '/' ||
            !ds_str_copy_span(m->volumes[m->n_volumes++], VMM_PATH_LEN, source))
            return ds_fail(e, DS_ERR_FORMAT, "a volume has no usable 'source'");
    }
    return DS_OK;
}

static int check_keys(yyjson_val *obj, struct ds_error *e)
{
    static const char *const known[] = {
        "id",           "name",    "app_id",    "image",         "machine",
        "vcpu",         "memory",  "disk_size", "port_map",      "kms_urls",
        "gateway_urls", "volumes", "internet",  "created_at_ms", "registries",
    };
    yyjson_obj_iter it = yyjson_obj_iter_with(obj);
    for (yyjson_val *k = yyjson_obj_iter_next(&it); k != NULL; k = yyjson_obj_iter_next(&it)) {
        size_t i = 0;
        while (i < DS_LEN(known) && !yyjson_equals_str(k, known[i]))
            i++;
        if (i == DS_LEN(known))
            return ds_fail(e, DS_ERR_FORMAT, "unknown key '%s'", yyjson_get_str(k));
    }
    return DS_OK;
}

static int parse_object(struct vmm_manifest *m, yyjson_val *obj, struct ds_error *e)
{
    static const struct vmm_limits any = { UINT32_MAX, UINT32_MAX, UINT32_MAX };
    enum ds_code code = DS_CODE_VMM_STATE_BROKEN;
    DS_TRY(check_keys(obj, e));
    DS_TRY(get_text(m->id, sizeof m->id, obj, "id", vmm_id_is_valid, code, e));
    DS_TRY(get_text(m->name, sizeof m->name, obj, "name", vmm_name_is_valid, code, e));
    DS_TRY(get_text(m->app_id, sizeof m->app_id, obj, "app_id", app_id_is_valid, code, e));
    DS_TRY(get_text(m->image, sizeof m->image, obj, "image", vmm_image_name_is_valid, code, e));
    const char *machine = yyjson_get_str(yyjson_obj_get(obj, "machine"));
    m->machine = machine != NULL ? vmm_machine_find(machine) : NULL;
    if (m->machine == NULL)
        return ds_fail(e, DS_ERR_FORMAT, "unknown machine '%s'", machine != NULL ? machine : "");
    DS_TRY(get_resources(m, obj, &any, e));
    DS_TRY(get_ports(m, obj, &manifest_ports, e));
    DS_TRY(get_urls(&m->kms_urls, obj, "kms_urls", e));
    DS_TRY(get_urls(&m->gateway_urls, obj, "gateway_urls", e));
    DS_TRY(get_volumes(m, obj, e));
    DS_TRY(get_registries(m, obj, e));
    DS_TRY(get_bool(&m->internet, obj, "internet", e));
    m->created_at_ms = yyjson_get_sint(yyjson_obj_get(obj, "created_at_ms"));
    return DS_OK;
}

int vmm_manifest_parse(struct vmm_manifest *ret, struct ds_span json, struct ds_error *e)
{
    yyjson_doc *doc = yyjson_read((const char *)json.p, json.len, YYJSON_READ_NOFLAG);
    struct vmm_manifest m = { 0 };
    int r = yyjson_is_obj(yyjson_doc_get_root(doc)) ? parse_object(&m, yyjson_doc_get_root(doc), e)
                                                    : ds_fail(e, DS_ERR_FORMAT, "no JSON object");
    yyjson_doc_free(doc);
    if (r < 0) {
        ds_error_code(e, DS_CODE_VMM_STATE_BROKEN);
        return ds_wrap(e, r, "vm-manifest.json");
    }
    *ret = m;
    return DS_OK;
}

static void put_urls(struct ds_jw *w, const char *key, const struct vmm_urls *urls)
{
    ds_jw_array(w, key);
    for (size_t i = 0; i < urls->n; i++)
        ds_jw_str(w, NULL, urls->url[i]);
    ds_jw_array_end(w);
}

static void put_ports(struct ds_jw *w, const struct vmm_manifest *m)
{
    ds_jw_array(w, "port_map");
    for (size_t i = 0; i < m->n_ports; i++) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "address", m->ports[i].address);
        ds_jw_str(w, "protocol", m->ports[i].udp ? "udp" : "tcp");
        ds_jw_u64(w, "from", m->ports[i].host_port);
        ds_jw_u64(w, "to", m->ports[i].vm_port);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void put_volumes(struct ds_jw *w, const struct vmm_manifest *m)
{
    ds_jw_array(w, "volumes");
    for (size_t i = 0; i < m->n_volumes; i++) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "source", m->volumes[i]);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void put_registries(struct ds_jw *w, const struct vmm_manifest *m)
{
    ds_jw_array(w, "registries");
    for (size_t i = 0; i < m->n_registries; i++) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "host", m->registries[i].host);
        ds_jw_str(w, "target", m->registries[i].target);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

int vmm_manifest_encode(struct ds_buf *ret, const struct vmm_manifest *m, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", m->id);
    ds_jw_str(&w, "name", m->name);
    ds_jw_str(&w, "app_id", m->app_id);
    ds_jw_str(&w, "image", m->image);
    ds_jw_str(&w, "machine", m->machine->name);
    ds_jw_u64(&w, "vcpu", m->vcpu);
    ds_jw_u64(&w, "memory", m->memory_mib);
    ds_jw_u64(&w, "disk_size", m->disk_gib);
    put_ports(&w, m);
    put_urls(&w, "kms_urls", &m->kms_urls);
    put_urls(&w, "gateway_urls", &m->gateway_urls);
    put_volumes(&w, m);
    put_registries(&w, m);
    ds_jw_bool(&w, "internet", m->internet);
    ds_jw_i64(&w, "created_at_ms", m->created_at_ms);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "vm-manifest.json");
}

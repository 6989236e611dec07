/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading vm_config and the checksum file inside it.
 */
#include "app/vm_config.h"

#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"

#define VCPUS_MAX   512
#define MEMORY_MAX  ((uint64_t)1 << 44)
#define DEVICES_MAX 64

static int invalid(struct ds_error *e, const char *field, const char *expected)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_APP_VM_CONFIG_FORMAT, field, expected,
                     "something else", "vm_config");
}

/* An optional number, `preset` when absent. */
static int opt_u64(uint64_t *ret, const struct ds_json_tok *obj, const char *key, uint64_t preset,
                   uint64_t max, struct ds_error *e)
{
    const struct ds_json_tok *t = ds_json_find(obj, key);
    *ret = preset;
    if (t == NULL || t->type == DS_JSON_NULL)
        return DS_OK;
    return ds_json_get_u64(ret, obj, key, max, e);
}

static int parse_shape(struct measure_shape *ret, const struct ds_json_tok *root,
                       struct ds_error *e)
{
    struct ds_span version = { 0 };
    uint64_t vcpus, memory, nics, volumes, major = 0;
    DS_TRY(ds_json_get_u64(&vcpus, root, "cpu_count", VCPUS_MAX, e));
    DS_TRY(ds_json_get_u64(&memory, root, "memory_size", MEMORY_MAX, e));
    DS_TRY(opt_u64(&nics, root, "num_nics", 1, DEVICES_MAX, e));
    DS_TRY(opt_u64(&volumes, root, "num_verity_volumes", 0, DEVICES_MAX, e));
    DS_TRY(ds_json_get_str(&version, root, "qemu_version", e));
    size_t dot = 0;
    while (dot < version.len && version.p[dot] != '.')
        dot++;
    if (ds_str_u64(&major, ds_span_sub(version, 0, dot), 999, NULL) < 0)
        return invalid(e, "qemu_version", "numbers with dots");
    bool tpm = false;
    if (ds_json_find(root, "swtpm") != NULL)
        DS_TRY(ds_json_get_bool(&tpm, root, "swtpm", e));
    *ret = (struct measure_shape){ .qemu_major = (uint32_t)major,
                                   .vcpus = (uint32_t)vcpus,
                                   .memory_bytes = memory,
                                   .n_nics = (uint32_t)nics,
                                   .n_volumes = (uint32_t)volumes,
                                   .tpm = tpm };
    return DS_OK;
}

static int get_base64(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *obj,
                      const char *key, size_t max, struct ds_error *e)
{
    struct ds_span text;
    DS_TRY(ds_json_get_str(&text, obj, key, e));
    uint8_t *out = ds_arena_get(mem, text.len);
    size_t len = 0;
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read vm_config");
    if (ds_base64_decode(out, &len, text.len, text, NULL) < 0 || len > max)
        return invalid(e, key, "base64 within its bound");
    *ret = DS_SPAN(out, len);
    return DS_OK;
}

static int parse_root(struct app_vm_config *ret, struct ds_arena *mem,
                      const struct ds_json_tok *root, struct ds_error *e)
{
    DS_TRY(ds_json_get_hex(ret->os_image_hash32, 32, root, "os_image_hash", e));
    DS_TRY(parse_shape(&ret->shape, root, e));
    const struct ds_json_tok *m;
    DS_TRY(ds_json_get(&m, root, "tdx_measurement", DS_JSON_OBJECT, e));
    DS_TRY(get_base64(&ret->checksum_file, mem, m, "checksum_file", APP_CHECKSUM_FILE_MAX, e));
    DS_TRY(get_base64(&ret->measurement, mem, m, "measurement", APP_MEASUREMENT_MAX, e));
    const struct ds_json_tok *doc = ds_json_find(root, "mr_config");
    return doc != NULL ? ds_json_str(&ret->mr_config, mem, doc, e) : DS_OK;
}

int app_vm_config_parse(struct app_vm_config *ret, struct ds_arena *mem, struct ds_span text,
                        struct ds_error *e)
{
    struct app_vm_config c = { 0 };
    if (text.len > APP_VM_CONFIG_MAX)
        return invalid(e, "vm_config", "at most 256 KiB");
    const struct ds_json_tok *root;
    int r = ds_json_parse_in(&root, mem, text, e);
    /* A sys-config carries the vm_config as a text inside (DECISIONS, "Identity and keys"). */
    const struct ds_json_tok *inner = r == DS_OK ? ds_json_find(root, "vm_config") : NULL;
    if (inner != NULL) {
        struct ds_span inner_text;
        r = ds_json_str(&inner_text, mem, inner, e);
        if (r == DS_OK)
            r = ds_json_parse_in(&root, mem, inner_text, e);
    }
    if (r == DS_OK)
        r = parse_root(&c, mem, root, e);
    if (r < 0 && r != DS_ERR_NOMEM && e != NULL && e->code == DS_CODE_NONE)
        ds_error_code(e, DS_CODE_APP_VM_CONFIG_FORMAT);
    if (r < 0)
        return ds_wrap(e, r, "vm_config");
    *ret = c;
    return DS_OK;
}

/* "<64 hex>  <name>" as sha256sum writes it. */
static int parse_line(uint8_t ret32[32], struct ds_span *ret_name, struct ds_span line,
                      struct ds_error *e)
{
    if (line.len < 67 || line.p[64] != ' ' || line.p[65] != ' ' ||
        ds_hex_decode(ret32, 32, ds_span_sub(line, 0, 64), NULL) < 0)
        return invalid(e, "checksum_file", "lines of a hash, two blanks and a name");
    *ret_name = ds_span_sub(line, 66, line.len);
    return DS_OK;
}

int app_checksum_find(uint8_t ret32[32], struct ds_span checksum_file, const char *name,
                      struct ds_error *e)
{
    struct ds_span line, got;
    uint8_t hash32[32], found32[32];
    size_t n_found = 0;
    while (ds_span_line(&checksum_file, &line)) {
        DS_TRY(parse_line(hash32, &got, line, e));
        if (!ds_span_eq_str(got, name))
            continue;
        memcpy(found32, hash32, 32);
        n_found++;
    }
    if (n_found == 0)
        return ds_fail(e, DS_ERR_NOTFOUND, "the image's checksum file does not list '%s'", name);
    if (n_found > 1)
        return invalid(e, "checksum_file", "each name once");
    memcpy(ret32, found32, 32);
    return DS_OK;
}

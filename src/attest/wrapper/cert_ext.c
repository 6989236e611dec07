/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack's extensions in certificates, and the app info record in one of them.
 */
#include "attest/wrapper/cert_ext.h"

#include "attest/wrapper/der_put.h"
#include "codec/der.h"
#include "codec/msgpack.h"

/* 1.3.6.1.4.1.62397.1 as OID content; the extension's number follows. */
#define ARC "\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01"

static const struct {
    enum ds_cert_ext_id id;
    const char *text, *content;
} oids[] = {
    { DS_CERT_EXT_TDX_QUOTE, "1.3.6.1.4.1.62397.1.1", ARC "\x01" },
    { DS_CERT_EXT_EVENT_LOG, "1.3.6.1.4.1.62397.1.2", ARC "\x02" },
    { DS_CERT_EXT_APP_ID, "1.3.6.1.4.1.62397.1.3", ARC "\x03" },
    { DS_CERT_EXT_USAGE, "1.3.6.1.4.1.62397.1.4", ARC "\x04" },
    { DS_CERT_EXT_ATTESTATION, "1.3.6.1.4.1.62397.1.8", ARC "\x08" },
    { DS_CERT_EXT_APP_INFO, "1.3.6.1.4.1.62397.1.9", ARC "\x09" },
};

const char *ds_cert_ext_oid(enum ds_cert_ext_id id)
{
    for (size_t i = 0; i < DS_LEN(oids); i++) {
        if (oids[i].id == id)
            return oids[i].text;
    }
    return NULL;
}

static struct ds_span oid_content(enum ds_cert_ext_id id)
{
    for (size_t i = 0; i < DS_LEN(oids); i++) {
        if (oids[i].id == id)
            return ds_span_str(oids[i].content);
    }
    return (struct ds_span){ 0 };
}

void ds_cert_ext_encode(struct ds_buf *ret, struct ds_span content)
{
    der_put(ret, DS_DER_OCTET_STRING, content);
}

int ds_cert_ext_find(struct ds_span *ret, const struct ds_x509 *cert, enum ds_cert_ext_id id,
                     struct ds_error *e)
{
    const struct ds_x509_extension *ext = ds_x509_find(cert, oid_content(id));
    if (ext == NULL) {
        *ret = (struct ds_span){ 0 };
        return DS_OK;
    }
    struct ds_reader r = ds_reader_of(ext->value);
    struct ds_span content = ds_der_get(&r, DS_DER_OCTET_STRING);
    struct ds_error inner = { 0 };
    if (ds_der_end(&r, &inner, "extension") != DS_OK)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_WRAPPER_FORMAT,
                            "certificate extension %s is not one OCTET STRING",
                            ds_cert_ext_oid(id));
    *ret = content;
    return DS_OK;
}

/* Records of older releases end before the hashes of the init scripts. */
enum { APP_INFO_OLD = 8, APP_INFO_ITEMS = 9 };

/* The items that are plain bytes, in their order. */
static void bins_of(struct ds_span *ret[static APP_INFO_OLD], struct ds_app_info *info)
{
    struct ds_span *const bins[APP_INFO_OLD] = {
        &info->app_id,    &info->compose_hash,  &info->instance_id,   &info->device_id,
        &info->mr_system, &info->mr_aggregated, &info->os_image_hash, &info->key_provider_info,
    };
    memcpy(ret, bins, sizeof bins);
}

int ds_app_info_encode(struct ds_buf *ret, const struct ds_app_info *info, struct ds_error *e)
{
    struct ds_app_info copy = *info;
    struct ds_span *bins[APP_INFO_OLD];
    bins_of(bins, &copy);
    if (info->n_init_script_hashes > DS_APP_INFO_SCRIPTS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "app info with %zu scripts", info->n_init_script_hashes);
    ds_msgpack_put_array(ret, APP_INFO_ITEMS);
    for (size_t i = 0; i < DS_LEN(bins); i++)
        ds_msgpack_put_bin(ret, *bins[i]);
    if (!info->has_init_scripts) {
        ds_msgpack_put_nil(ret);
        return ds_buf_end(ret, e, "app info");
    }
    ds_msgpack_put_array(ret, info->n_init_script_hashes);
    for (size_t i = 0; i < info->n_init_script_hashes; i++)
        ds_msgpack_put_bin(ret, info->init_script_hashes[i]);
    return ds_buf_end(ret, e, "app info");
}

static void read_scripts(struct ds_app_info *info, struct ds_reader *r)
{
    if (ds_msgpack_nil(r))
        return;
    info->has_init_scripts = true;
    info->n_init_script_hashes = ds_msgpack_array(r);
    if (info->n_init_script_hashes > DS_APP_INFO_SCRIPTS_MAX) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < info->n_init_script_hashes; i++)
        info->init_script_hashes[i] = ds_msgpack_bin(r);
}

int ds_app_info_parse(struct ds_app_info *ret, struct ds_span in, struct ds_error *e)
{
    struct ds_app_info info = { 0 };
    struct ds_span *bins[APP_INFO_OLD];
    bins_of(bins, &info);
    struct ds_reader r = ds_reader_of(in);
    size_t n = ds_msgpack_array(&r);
    for (size_t i = 0; i < DS_LEN(bins); i++)
        *bins[i] = ds_msgpack_bin(&r);
    if (n == APP_INFO_ITEMS)
        read_scripts(&info, &r);
    if (r.bad || ds_read_left(&r) != 0 || (n != APP_INFO_OLD && n != APP_INFO_ITEMS))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_WRAPPER_FORMAT,
                            "app info is no array of 8 or 9 values of the right kinds");
    *ret = info;
    return DS_OK;
}

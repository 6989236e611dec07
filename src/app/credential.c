/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credential's extension, both ways.
 */
#include "app/credential.h"

#include "app/identity.h"
#include "attest/wrapper/cert_ext.h"
#include "codec/der.h"

/* DS.3 as OID content. */
#define OID_CONTENT                                                        \
    DS_SPAN_LIT("\x69\x81\x82\xf4\xbf\x8c\x93\x8e\xf2\x95\x9f\x8f\x8d\x86" \
                "\xcb\xcb\xfe\xb0\xb2\x03\x03")

/* Lengths stay below 128: one byte each. */
static void put(struct ds_buf *b, uint8_t tag, struct ds_span content)
{
    ds_buf_be(b, tag, 1);
    ds_buf_be(b, content.len, 1);
    ds_buf_add(b, content);
}

static bool is_instance_id(struct ds_span id)
{
    return id.len == 0 || id.len == APP_INSTANCE_ID_LEN;
}

int app_credential_ext_encode(struct ds_buf *ret, struct ds_span instance_id, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf inner = { 0 };
    if (!is_instance_id(instance_id))
        return ds_fail(e, DS_ERR_RANGE, "an instance id has %d bytes or none, not %zu",
                       APP_INSTANCE_ID_LEN, instance_id.len);
    put(&inner, DS_DER_UTF8, DS_SPAN_LIT(APP_CREDENTIAL_USAGE));
    put(&inner, DS_DER_OCTET_STRING, instance_id);
    DS_TRY(ds_buf_end(&inner, e, "credential extension"));
    put(ret, DS_DER_SEQUENCE, ds_buf_span(&inner));
    return ds_buf_end(ret, e, "credential extension");
}

int app_credential_parse(struct app_credential *ret, bool *ret_is_one, const struct ds_x509 *cert,
                         struct ds_error *e)
{
    const struct ds_x509_extension *ext = ds_x509_find(cert, OID_CONTENT);
    if (ext == NULL) {
        *ret_is_one = false;
        return DS_OK;
    }
    struct app_credential c = { 0 };
    struct ds_reader r = ds_reader_of(ext->value);
    struct ds_reader list = ds_der_enter(&r, DS_DER_SEQUENCE);
    struct ds_span usage = ds_der_get(&list, DS_DER_UTF8);
    c.instance_id = ds_der_get(&list, DS_DER_OCTET_STRING);
    DS_TRY(ds_der_end(&list, e, "credential extension"));
    DS_TRY(ds_der_end(&r, e, "credential extension"));
    DS_TRY(ds_cert_ext_find(&c.app_id, cert, DS_CERT_EXT_APP_ID, e));
    if (!ds_span_eq_str(usage, APP_CREDENTIAL_USAGE) || !is_instance_id(c.instance_id) ||
        c.app_id.len != APP_ID_LEN)
        return ds_fail(e, DS_ERR_FORMAT,
                       "a credential of another usage, or with ids of another length");
    *ret = c;
    *ret_is_one = true;
    return DS_OK;
}

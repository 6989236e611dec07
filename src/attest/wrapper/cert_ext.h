/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dstack's certificate extensions, 1.3.6.1.4.1.62397.1.N. The content stands in
 * an OCTET STRING of its own inside extnValue: double wrapping.
 * spec: guest-api 5.3
 */

#include "attest/x509.h"
#include "base/buf.h"

enum ds_cert_ext_id {
    DS_CERT_EXT_TDX_QUOTE = 1, /* legacy */
    DS_CERT_EXT_EVENT_LOG = 2, /* legacy: JSON */
    DS_CERT_EXT_APP_ID = 3,
    DS_CERT_EXT_USAGE = 4, /* "app:ca", "app:custom", "kms:rpc" */
    DS_CERT_EXT_ATTESTATION = 8,
    DS_CERT_EXT_APP_INFO = 9,
};

/* "1.3.6.1.4.1.62397.1.8", for ds_cert_spec. NULL for a number that is none of the above. */
const char *ds_cert_ext_oid(enum ds_cert_ext_id id);

/* The DER value of such an extension around its content, *appended*. */
void ds_cert_ext_encode(struct ds_buf *ret, struct ds_span content);

/*
 * The content of an extension of a parsed certificate.
 *
 * out:  ret  p == NULL when the certificate does not have it
 * err:  FORMAT  attest.wrapper.format: it is not one OCTET STRING
 */
DS_MUST_USE int ds_cert_ext_find(struct ds_span *ret, const struct ds_x509 *cert,
                                 enum ds_cert_ext_id id, struct ds_error *e);

#define DS_APP_INFO_SCRIPTS_MAX 5

/* The app info of extension 9; what the issuer says of the holder, no evidence in itself. */
struct ds_app_info {
    struct ds_span app_id, compose_hash, instance_id, device_id, mr_system, mr_aggregated;
    struct ds_span os_image_hash, key_provider_info;
    bool has_init_scripts;
    struct ds_span init_script_hashes[DS_APP_INFO_SCRIPTS_MAX];
    size_t n_init_script_hashes;
};

/* As a positional msgpack array of 9, *appended*. */
DS_MUST_USE int ds_app_info_encode(struct ds_buf *ret, const struct ds_app_info *info,
                                   struct ds_error *e);
/* Borrows. err: FORMAT attest.wrapper.format */
DS_MUST_USE int ds_app_info_parse(struct ds_app_info *ret, struct ds_span in, struct ds_error *e);

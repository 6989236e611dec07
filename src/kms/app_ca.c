/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deriving an app's CA, and its certificate under the root.
 */
#include "kms/app_ca.h"

#include "app/derive.h"
#include "ratls/cert.h"

#define DAY_S   86400
#define CA_DAYS 3650 /* as dstack's */

void kms_app_ca_done(struct kms_app_ca *ca)
{
    ds_p256_key_free(ca->key);
    ds_buf_done(&ca->der);
    *ca = (struct kms_app_ca){ 0 };
}

int kms_app_ca_make(struct kms_app_ca *ret, const struct kms_root *root,
                    const uint8_t app_id20[static 20], int64_t now_s, struct ds_error *e)
{
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    struct ds_x509 root_cert;
    uint8_t spki[DS_P256_SPKI_LEN];
    DS_TRY(ds_x509_parse(&root_cert, ds_buf_span(&root->ca_der), e));
    DS_TRY(ds_x509_check_time(&root_cert, now_s, e));
    ca.not_after_s = now_s + (int64_t)CA_DAYS * DAY_S;
    if (ca.not_after_s > root_cert.not_after_s)
        ca.not_after_s = root_cert.not_after_s;
    DS_TRY(app_derive_ca_key(&ca.key, &root->keys->ca_scalar, app_id20, e));
    ds_p256_key_spki(spki, ca.key);
    const struct ratls_spec spec = { .cn = "Dstack App CA",
                                     .org = "Dstack",
                                     .not_before_s = now_s - DAY_S,
                                     .not_after_s = ca.not_after_s,
                                     .ca = true,
                                     .path_len = 0,
                                     .app_id = DS_SPAN(app_id20, 20),
                                     .usage = "app:ca" };
    DS_TRY(ratls_cert_make(&ca.der, &spec, DS_SPAN_OF(spki), ds_buf_span(&root->ca_der),
                           root->ca_key, e));
    *ret = DS_TAKE(ca, (struct kms_app_ca){ 0 });
    return DS_OK;
}

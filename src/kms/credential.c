/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and judging instance credentials.
 */
#include "kms/credential.h"

#include "codec/date.h"
#include "ratls/cert.h"

int kms_credential_make(struct ds_buf *ret, const struct kms_app_ca *ca,
                        const struct kms_credential_for *in, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    DS_TRY(app_credential_ext_encode(&value, in->instance_id, e));
    /* Not critical: whoever trusts the app's CA may see it in a chain and need not know it. */
    const struct ds_cert_ext ext = { APP_CREDENTIAL_OID, false, ds_buf_span(&value) };
    int64_t end_s = in->now_s + in->life_s;
    const struct ratls_spec spec = { .cn = "dstack instance",
                                     .org = "Dstack",
                                     .not_before_s = in->now_s,
                                     .not_after_s = end_s < ca->not_after_s ? end_s
                                                                            : ca->not_after_s,
                                     .eku = DS_CERT_CLIENT_AUTH,
                                     .app_id = in->app_id,
                                     .exts = &ext,
                                     .n_exts = 1 };
    return ratls_cert_make(ret, &spec, in->spki, ds_buf_span(&ca->der), ca->key, e);
}

static void add_invalid(struct ds_verdict *v, const struct ds_error *why)
{
    ds_verdict_add(v, DS_CODE_KMS_CREDENTIAL_INVALID, "instance credential",
                   "a certificate by the app's CA", why->msg, "app CA");
}

static int check_issuer(const struct ds_x509 *cert, const struct ds_x509 *ca, struct ds_error *e)
{
    DS_TRY(ds_x509_check_critical(cert, e));
    return ds_x509_check_issued(cert, ca, 0, e);
}

static void check_dates(struct ds_verdict *v, const struct ds_x509 *cert, int64_t now_s)
{
    char from[21], to[21], range[48], now[21];
    if (now_s >= cert->not_before_s && now_s <= cert->not_after_s)
        return;
    (void)snprintf(range, sizeof range, "%s to %s", ds_date_format(from, cert->not_before_s),
                   ds_date_format(to, cert->not_after_s));
    ds_verdict_add(v, DS_CODE_KMS_CREDENTIAL_EXPIRED, "instance credential", range,
                   ds_date_format(now, now_s), "app CA");
}

int kms_credential_check(struct kms_holder *ret, struct ds_verdict *verdict,
                         const struct kms_root *root, const struct ds_span *chain, size_t n_chain,
                         int64_t now_s, struct ds_error *e)
{
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    struct ds_x509 cert = { 0 }, ca_cert;
    struct app_credential credential = { 0 };
    struct ds_error why = { 0 };
    bool is_one = false;
    if (n_chain > 0 && (ds_x509_parse(&cert, chain[0], &why) < 0 ||
                        app_credential_parse(&credential, &is_one, &cert, &why) < 0)) {
        add_invalid(verdict, &why);
        return DS_OK;
    }
    if (!is_one) {
        ds_verdict_add(verdict, DS_CODE_KMS_NO_CREDENTIAL, "client certificate",
                       "an instance credential",
                       n_chain > 0 ? "a certificate of another kind" : "none", "this KMS");
        return DS_OK;
    }
    DS_TRY(kms_app_ca_make(&ca, root, credential.app_id.p, now_s, e));
    DS_TRY(ds_x509_parse(&ca_cert, ds_buf_span(&ca.der), e));
    if (check_issuer(&cert, &ca_cert, &why) < 0) {
        add_invalid(verdict, &why);
        return DS_OK;
    }
    check_dates(verdict, &cert, now_s);
    *ret = (struct kms_holder){ cert.spki, credential.app_id, credential.instance_id };
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to a signed CSR with evidence for its key, to the KMS's chain.
 */
#include "guest/tls_key.h"

#include "app/csr.h"
#include "codec/json_write.h"
#include "crypto/key.h"
#include "guest/evidence.h"
#include "guest/kms_client.h"
#include "ratls/cert.h"

static int parse_names(struct app_csr *csr, const struct rpc_call *call, struct ds_error *e)
{
    yyjson_val *names = yyjson_obj_get(rpc_call_params(call), "alt_names"), *v;
    size_t i, n;
    yyjson_arr_foreach(names, i, n, v)
    {
        if (csr->n_sans == APP_CSR_SANS_MAX)
            return ds_fail(e, DS_ERR_RANGE, "at most %d alt_names are possible", APP_CSR_SANS_MAX);
        csr->sans[csr->n_sans++] = ds_span_str(yyjson_get_str(v));
    }
    return DS_OK;
}

static int parse_request(struct app_csr *ret, const struct rpc_call *call, struct ds_error *e)
{
    struct app_csr csr = { .subject = ds_span_str(rpc_call_text(call, "subject")),
                           .server_auth = rpc_call_bool(call, "usage_server_auth"),
                           .client_auth = rpc_call_bool(call, "usage_client_auth"),
                           .ext_quote = rpc_call_bool(call, "usage_ra_tls"),
                           .ext_app_info = rpc_call_bool(call, "with_app_info"),
                           .has_not_before = rpc_call_has(call, "not_before"),
                           .has_not_after = rpc_call_has(call, "not_after"),
                           .not_before_s = rpc_call_u64(call, "not_before"),
                           .not_after_s = rpc_call_u64(call, "not_after") };
    if (csr.has_not_before && csr.has_not_after && csr.not_before_s >= csr.not_after_s)
        return ds_fail(e, DS_ERR_ARG, "not_before must be earlier than not_after");
    DS_TRY(parse_names(&csr, call, e));
    *ret = csr;
    return DS_OK;
}

int guest_tls_key_make(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                       struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem pem = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf csr_bytes = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    struct ds_p256_sig_der sig;
    struct app_csr csr;
    uint8_t spki[DS_P256_SPKI_LEN], data64[64];
    DS_TRY(parse_request(&csr, call, e));
    DS_TRY(ds_p256_key_new(&key, e));
    ds_p256_key_spki(spki, key);
    DS_TRY(ratls_report_data(data64, DS_SPAN_OF(spki), e));
    DS_TRY(guest_evidence(&evidence, a, data64, GUEST_LOG_COMPACT, e));
    csr.spki = DS_SPAN_OF(spki);
    csr.attestation = ds_buf_span(&evidence);
    DS_TRY(app_csr_encode(&csr_bytes, &csr, e));
    DS_TRY(ds_p256_sign_der(&sig, key, ds_buf_span(&csr_bytes), e));
    DS_TRY(guest_kms_sign_cert(&chain, a, ds_buf_span(&csr_bytes), DS_SPAN(sig.b, sig.len), e));
    DS_TRY(ds_p256_key_pem(&pem, key, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "key", pem.s);
    ds_jw_raw(&w, "certificate_chain", ds_buf_span(&chain));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "GetTlsKey");
}

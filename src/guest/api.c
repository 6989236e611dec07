/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the app and the host ask of the agent.
 */
#include "guest/api.h"

#include "app/chain.h"
#include "app/derive.h"
#include "app/identity.h"
#include "attest/tdx/quote.h"
#include "base/clock.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "crypto/hash.h"
#include "guest/evidence.h"
#include "guest/tls_key.h"

#define LOGS_MAX ((size_t)200000) /* bytes of a reply with logs */

int guest_api_get_key(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                      struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 app_key, key = { 0 };
    enum app_key_alg alg;
    struct app_public pub;
    uint8_t sig65[65];
    if (!app_key_alg_find(&alg, ds_span_str(rpc_call_text(call, "algorithm"))))
        return ds_fail_code(e, DS_ERR_UNSUPPORTED, DS_CODE_GUEST_ALGORITHM,
                            "Unsupported algorithm"); /* dstack's own words */
    memcpy(app_key.b, a->keys.k256_key32.p, 32);
    DS_TRY(app_derive_path_key(&key, &app_key, ds_span_str(rpc_call_text(call, "path")), e));
    DS_TRY(app_key_public(&pub, alg, &key, e));
    DS_TRY(app_key_sign(sig65, &app_key, ds_span_str(rpc_call_text(call, "purpose")), &pub, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "key",
              DS_SPAN_OF(key.b)); /* the one place where a key becomes text: the app asked */
    ds_jw_array(&w, "signature_chain");
    ds_jw_hex(&w, NULL, DS_SPAN_OF(sig65));
    ds_jw_hex(&w, NULL, DS_SPAN_OF(a->keys.k256_signature65));
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "GetKey");
}

/* report_data of the request, padded with zeros on the right. */
static int report_data(uint8_t ret64[64], const struct rpc_call *call, struct ds_error *e)
{
    size_t len = 0;
    memset(ret64, 0, 64);
    if (rpc_call_hex(call, "report_data", ret64, &len, 64, e) < 0)
        return ds_fail(e, DS_ERR_RANGE, "Report data is too long"); /* dstack's own words */
    return DS_OK;
}

int guest_api_get_quote(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                        struct ds_error *e)
{
    uint8_t data64[64];
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    DS_TRY(report_data(data64, call, e));
    DS_TRY(guest_event_log_json(&log, a, GUEST_LOG_STRIPPED, e));
    DS_TRY(tee_quote(&quote, a->tee, data64, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "quote", ds_buf_span(&quote));
    ds_jw_text(&w, "event_log", ds_buf_span(&log));
    ds_jw_hex(&w, "report_data", DS_SPAN_OF(data64));
    ds_jw_str(&w, "vm_config", a->sys.vm_config);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "GetQuote");
}

static int reply_attestation(struct ds_buf *ret, struct agent *a, const uint8_t data64[64],
                             struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_TRY(guest_evidence(&evidence, a, data64, GUEST_LOG_FULL, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "attestation", ds_buf_span(&evidence));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "Attest");
}

int guest_api_attest(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                     struct ds_error *e)
{
    uint8_t data64[64];
    DS_TRY(report_data(data64, call, e));
    return reply_attestation(ret, a, data64, e);
}

/* DECISIONS "Verify with a nonce": the host chooses the nonce, never report_data. */
int guest_api_host_attest(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                          struct ds_error *e)
{
    uint8_t nonce32[32], data64[64];
    size_t len = 0;
    DS_TRY(rpc_call_hex(call, "nonce", nonce32, &len, sizeof nonce32, e));
    if (len != sizeof nonce32)
        return ds_fail(e, DS_ERR_RANGE, "a nonce has 32 bytes, not %zu", len);
    DS_TRY(app_verify_report_data(data64, nonce32,
                                  DS_SPAN(a->id.instance_id20, a->id.instance_id_len), e));
    return reply_attestation(ret, a, data64, e);
}

/* SHA-256 over the registers as dstack aggregates them (guest-api 3.2). */
static int aggregate(uint8_t ret32[32], const struct ds_td_report *td, struct ds_error *e)
{
    const struct ds_span parts[] = {
        DS_SPAN_OF(td->mrtd48),    DS_SPAN_OF(td->rtmr48[0]),       DS_SPAN_OF(td->rtmr48[1]),
        DS_SPAN_OF(td->rtmr48[2]), DS_SPAN_OF(td->rtmr48[3]),       DS_SPAN_OF(td->mrconfigid48),
        DS_SPAN_OF(td->mrowner48), DS_SPAN_OF(td->mrownerconfig48),
    };
    return ds_hash_v(DS_SHA256, ret32, parts, DS_LEN(parts), e);
}

static int tcb_info_json(struct ds_buf *ret, struct agent *a, const struct ds_td_report *td,
                         const uint8_t aggregated32[32], struct ds_error *e)
{
    static const char *const names[] = { "rtmr0", "rtmr1", "rtmr2", "rtmr3" };
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    uint8_t device32[32];
    DS_TRY(guest_event_log_json(&log, a, GUEST_LOG_FULL, e));
    /* The unverified device id of dstack's own guests: SHA-256 of nothing. */
    DS_TRY(ds_hash(DS_SHA256, device32, DS_SPAN(NULL, 0), e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "mrtd", DS_SPAN_OF(td->mrtd48));
    for (size_t i = 0; i < 4; i++)
        ds_jw_hex(&w, names[i], DS_SPAN_OF(td->rtmr48[i]));
    ds_jw_hex(&w, "mr_aggregated", DS_SPAN(aggregated32, 32));
    ds_jw_hex(&w, "os_image_hash", DS_SPAN_OF(a->keys.os_image32));
    ds_jw_hex(&w, "compose_hash", DS_SPAN_OF(a->id.compose32));
    ds_jw_hex(&w, "device_id", DS_SPAN_OF(device32));
    ds_jw_raw(&w, "event_log", ds_buf_span(&log));
    ds_jw_text(&w, "app_compose", ds_buf_span(&a->shared.app_compose));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "tcb_info");
}

static int info(struct ds_buf *ret, struct agent *a, bool is_public, struct ds_error *e)
{
    static const uint8_t zeros64[64];
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf tcb = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf provider = { 0 };
    struct ds_tdx_quote quote;
    uint8_t aggregated32[32], device32[32];
    DS_TRY(tee_quote(&bytes, a->tee, zeros64, e));
    DS_TRY(ds_tdx_quote_parse(&quote, ds_buf_span(&bytes), e));
    DS_TRY(aggregate(aggregated32, &quote.td, e));
    if (is_public)
        DS_TRY(tcb_info_json(&tcb, a, &quote.td, aggregated32, e));
    DS_TRY(
        app_key_provider_info(&provider, a->compose.key_provider, a->compose.key_provider_id, e));
    DS_TRY(ds_hash(DS_SHA256, device32, DS_SPAN(NULL, 0), e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "app_id", DS_SPAN_OF(a->id.app_id20));
    ds_jw_hex(&w, "instance_id", DS_SPAN(a->id.instance_id20, a->id.instance_id_len));
    ds_jw_str(&w, "app_cert", "");
    ds_jw_text(&w, "tcb_info", ds_buf_span(&tcb));
    ds_jw_text(&w, "app_name", a->compose.name);
    ds_jw_hex(&w, "device_id", DS_SPAN_OF(device32));
    ds_jw_hex(&w, "mr_aggregated", DS_SPAN_OF(aggregated32));
    ds_jw_hex(&w, "os_image_hash", DS_SPAN_OF(a->keys.os_image32));
    ds_jw_text(&w, "key_provider_info", ds_buf_span(&provider));
    ds_jw_hex(&w, "compose_hash", DS_SPAN_OF(a->id.compose32));
    ds_jw_str(&w, "vm_config", is_public ? a->sys.vm_config : "");
    ds_jw_str(&w, "cloud_vendor", "dstack");
    ds_jw_str(&w, "cloud_product", "dstack");
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "Info");
}

int guest_api_info(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                   struct ds_error *e)
{
    (void)call;
    return info(ret, a, true, e);
}

int guest_api_host_info(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                        struct ds_error *e)
{
    (void)call;
    return info(ret, a, a->compose.public_tcbinfo, e);
}

int guest_api_version(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                      struct ds_error *e)
{
    (void)a;
    (void)call;
    ds_buf_str(ret, "{\"version\":\"" DS_VERSION "\",\"rev\":\"\"}");
    return ds_buf_end(ret, e, "Version");
}

/*
 * With since_s the reply ends at a whole second, next_s, where the next question goes on: so nothing
 * is told twice and nothing is left out.
 */
int guest_api_host_logs(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                        struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    uint64_t lines = rpc_call_u64(call, "lines");
    int64_t now_s = ds_clock_now_s();
    const struct guest_logs want = { .container = rpc_call_text(call, "container"),
                                     .lines = lines > 0 ? (unsigned)lines : 100,
                                     .since_s = (int64_t)rpc_call_u64(call, "since_s"),
                                     .until_s = rpc_call_has(call, "since_s") ? now_s : 0 };
    if (!a->compose.public_logs)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_GUEST_LOGS_PRIVATE, "public_logs", "true",
                         "false", "app-compose");
    DS_TRY(guest_engine_logs(&text, &want, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    /* The channel's frames are bounded: the newest part is what one wants. */
    size_t from = text.len > LOGS_MAX ? text.len - LOGS_MAX : 0;
    ds_jw_text(&w, "text", ds_span_sub(ds_buf_span(&text), from, text.len));
    ds_jw_i64(&w, "next_s", now_s);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "Logs");
}

int guest_api_get_tls_key(struct ds_buf *ret, struct agent *a, const struct rpc_call *call,
                          struct ds_error *e)
{
    return guest_tls_key_make(ret, a, call, e);
}

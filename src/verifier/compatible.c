/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack's form of a finding. spec: guest-api 7.1, 7.2; measurements 3.2
 */
#include "attest/tdx/claims.h"
#include "base/hex.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "verifier/result.h"

#define PROVIDER_TOKENS 16

static int zeros_or_hash(uint8_t ret32[32], struct ds_span info, struct ds_error *e)
{
    memset(ret32, 0, 32);
    return info.len > 0 ? ds_hash(DS_SHA256, ret32, info, e) : DS_OK;
}

static bool is_zero(struct ds_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != 0)
            return false;
    return true;
}

/* guest-api 3.2: mr_system, and mr_aggregated with the last three only when one is not zero. */
static int measure(uint8_t system32[32], uint8_t aggregated32[32], const struct ds_claims *c,
                   struct ds_error *e)
{
    uint8_t provider32[32];
    DS_TRY(zeros_or_hash(provider32, ds_claims_key_provider(c), e));
    const struct ds_span system[] = { ds_claims_mrtd48(c), ds_claims_rtmr48(c, 0),
                                      ds_claims_rtmr48(c, 1), ds_claims_rtmr48(c, 2),
                                      DS_SPAN_OF(provider32) };
    const struct ds_span all[] = { ds_claims_mrtd48(c),    ds_claims_rtmr48(c, 0),
                                   ds_claims_rtmr48(c, 1), ds_claims_rtmr48(c, 2),
                                   ds_claims_rtmr48(c, 3), ds_claims_mrconfigid48(c),
                                   ds_claims_mrowner48(c), ds_claims_mrownerconfig48(c) };
    bool is_short = is_zero(all[5]) && is_zero(all[6]) && is_zero(all[7]);
    DS_TRY(ds_hash_v(DS_SHA256, system32, system, DS_LEN(system), e));
    return ds_hash_v(DS_SHA256, aggregated32, all, is_short ? 5 : DS_LEN(all), e);
}

static void put_advisories(struct ds_jw *w, const char *key, const struct ds_claims *c)
{
    ds_jw_array(w, key);
    for (size_t i = 0; c != NULL && ds_claims_advisory(c, i) != NULL; i++)
        ds_jw_str(w, NULL, ds_claims_advisory(c, i));
    ds_jw_array_end(w);
}

static void put_app_info(struct ds_jw *w, const struct verifier_finding *f,
                         const uint8_t system32[32], const uint8_t aggregated32[32])
{
    const struct ds_claims *c = f->a.claims;
    size_t n = ds_claims_n_init_script_hashes(c);
    ds_jw_object(w, "app_info");
    ds_jw_hex(w, "app_id", ds_claims_app_id(c));
    ds_jw_hex(w, "compose_hash", ds_claims_compose_hash(c));
    ds_jw_hex(w, "instance_id", ds_claims_instance_id(c));
    ds_jw_hex(w, "device_id", ds_claims_device_id32(c));
    ds_jw_hex(w, "mr_system", DS_SPAN(system32, 32));
    ds_jw_hex(w, "mr_aggregated", DS_SPAN(aggregated32, 32));
    ds_jw_hex(w, "os_image_hash", DS_SPAN_OF(f->a.vm.os_image_hash32));
    ds_jw_hex(w, "key_provider_info", ds_claims_key_provider(c));
    if (n == 0)
        ds_jw_null(w, "init_script_hashes");
    else
        ds_jw_array(w, "init_script_hashes");
    for (size_t i = 0; i < n; i++)
        ds_jw_hex(w, NULL, ds_claims_init_script_hash(c, i));
    if (n > 0)
        ds_jw_array_end(w);
    ds_jw_object_end(w);
}

/* What the KMS posts to an authorization API. */
static void put_boot_info(struct ds_jw *w, const struct verifier_finding *f,
                          const uint8_t system32[32], const uint8_t aggregated32[32])
{
    const struct ds_claims *c = f->a.claims;
    ds_jw_object(w, "boot_info");
    ds_jw_str(w, "teeVariant", ds_tee_text(ds_claims_tee(c)));
    ds_jw_hex(w, "mrAggregated", DS_SPAN(aggregated32, 32));
    ds_jw_hex(w, "osImageHash", DS_SPAN_OF(f->a.vm.os_image_hash32));
    ds_jw_hex(w, "mrSystem", DS_SPAN(system32, 32));
    ds_jw_hex(w, "appId", ds_claims_app_id(c));
    ds_jw_hex(w, "composeHash", ds_claims_compose_hash(c));
    ds_jw_hex(w, "instanceId", ds_claims_instance_id(c));
    ds_jw_hex(w, "deviceId", ds_claims_device_id32(c));
    ds_jw_hex(w, "keyProviderInfo", ds_claims_key_provider(c));
    ds_jw_str(w, "tcbStatus", ds_tcb_status_text(ds_claims_tcb_status(c)));
    put_advisories(w, "advisoryIds", c);
    ds_jw_object_end(w);
}

/* {name, id} of the event, when it is such JSON. */
static void put_key_provider(struct ds_jw *w, const struct ds_claims *c)
{
    struct ds_json_tok toks[PROVIDER_TOKENS];
    struct ds_span text = c != NULL ? ds_claims_key_provider(c) : (struct ds_span){ 0 };
    struct ds_span name, id;
    if (text.len == 0 || ds_json_parse(toks, DS_LEN(toks), text, NULL) < 0 ||
        ds_json_get_str(&name, toks, "name", NULL) < 0 ||
        ds_json_get_str(&id, toks, "id", NULL) < 0) {
        ds_jw_null(w, "key_provider");
        return;
    }
    ds_jw_object(w, "key_provider");
    ds_jw_text(w, "name", name);
    ds_jw_text(w, "id", id);
    ds_jw_object_end(w);
}

static void put_claims(struct ds_jw *w, const struct ds_claims *c)
{
    if (c == NULL) {
        ds_jw_null(w, "tee_variant");
        ds_jw_null(w, "report_data");
        ds_jw_null(w, "tcb_status");
    } else {
        ds_jw_str(w, "tee_variant", ds_tee_text(ds_claims_tee(c)));
        ds_jw_hex(w, "report_data", ds_claims_report_data64(c));
        ds_jw_str(w, "tcb_status", ds_tcb_status_text(ds_claims_tcb_status(c)));
    }
    put_advisories(w, "advisory_ids", c);
    put_key_provider(w, c);
}

static int put_details(struct ds_jw *w, const struct verifier_finding *f, struct ds_error *e)
{
    const struct ds_claims *c = f->a.claims;
    bool has_log = f->steps[VERIFIER_LOG] == VERIFIER_HELD;
    bool has_image = f->steps[VERIFIER_IMAGE] == VERIFIER_HELD;
    ds_jw_object(w, "details");
    ds_jw_bool(w, "quote_verified", f->steps[VERIFIER_QUOTE] == VERIFIER_HELD);
    ds_jw_bool(w, "event_log_verified", has_log);
    ds_jw_bool(w, "os_image_hash_verified", has_image);
    ds_jw_bool(w, "acpi_tables_verified", has_image); /* the prediction includes them */
    ds_jw_null(w, "os_image_is_dev");                 /* both stand in the image alone */
    ds_jw_null(w, "os_image_version");
    put_claims(w, c);
    if (has_log && has_image) {
        uint8_t system32[32], aggregated32[32];
        DS_TRY(measure(system32, aggregated32, c, e));
        put_app_info(w, f, system32, aggregated32);
        put_boot_info(w, f, system32, aggregated32);
    } else {
        ds_jw_null(w, "app_info");
    }
    ds_jw_str(w, "anchor_kind", ds_kind_text(c != NULL ? ds_claims_kind(c) : DS_KIND_NONE));
    ds_jw_object_end(w);
    return DS_OK;
}

/* The first step that failed, in dstack's order and words. */
static void put_reason(struct ds_jw *w, const struct verifier_finding *f)
{
    static const struct {
        enum verifier_step step;
        const char *text;
    } rows[] = {
        { VERIFIER_READ, "Quote verification failed" },
        { VERIFIER_QUOTE, "Quote verification failed" },
        { VERIFIER_BINDING, "Quote verification failed" },
        { VERIFIER_LOG, "Event log verification failed" },
        { VERIFIER_IMAGE, "OS image hash verification failed" },
        { VERIFIER_IDENTITY, "Event log verification failed" },
        { VERIFIER_POLICY, "Quote verification failed" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        if (f->steps[rows[i].step] != VERIFIER_FAILED)
            continue;
        char text[480];
        (void)snprintf(text, sizeof text, "%s: %s", rows[i].text, f->why[rows[i].step]);
        ds_jw_str(w, "reason", text);
        return;
    }
    ds_jw_null(w, "reason");
}

int verifier_result_compatible(struct ds_buf *ret, const struct verifier_finding *f, int64_t now_s,
                               struct ds_error *e)
{
    (void)now_s;
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_bool(&w, "is_valid", verifier_is_accepted(f));
    DS_TRY(put_details(&w, f, e));
    put_reason(&w, f);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "result");
}

int verifier_result_compatible_error(struct ds_buf *ret, const struct ds_error *why,
                                     struct ds_error *e)
{
    const struct verifier_finding nothing = { 0 };
    char text[400];
    (void)snprintf(text, sizeof text, "Internal error: %s (%s)", why->msg,
                   ds_code_info_get(why->code)->id);
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_bool(&w, "is_valid", false);
    DS_TRY(put_details(&w, &nothing, e));
    ds_jw_str(&w, "reason", text);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "result");
}

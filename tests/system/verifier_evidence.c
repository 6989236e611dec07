/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence of a simulated machine as its guest's replies, with the root and the collateral that
 * verify it, for tests and the bench of the verifier.
 *
 * usage: verifier_evidence OUT_DIR N
 * makes: root.pem, collateral.json; reply-NAME.json (GetQuote) and attest-NAME.json (Attest) of each
 *        plan below; certificate*.pem; many.txt: N attestations that differ in report_data, hex
 */
#include <stdlib.h>

#include "../unit/kms/kit.h"
#include "attest/wrapper/attestation.h"
#include "attest/wrapper/cmw.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "crypto/cert.h"
#include "crypto/rand.h"
#include "ratls/cert.h"

#define ROOM  ((size_t)1 << 20)
#define DAY_S 86400

static int save(const char *dir, const char *name, struct ds_span text, struct ds_error *e)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return ds_file_save(path, text, 0600, NULL, e);
}

static void put_log(struct ds_buf *out, const struct ds_tdx_log *log)
{
    struct ds_jw w = ds_jw_of(out);
    ds_jw_array(&w, NULL);
    for (size_t i = 0; i < log->n_events; i++) {
        const struct ds_tdx_event *ev = &log->events[i];
        ds_jw_object(&w, NULL);
        ds_jw_u64(&w, "imr", ev->imr);
        ds_jw_u64(&w, "event_type", ev->type);
        if (ev->has_digest)
            ds_jw_hex(&w, "digest", DS_SPAN_OF(ev->digest48));
        else
            ds_jw_str(&w, "digest", "");
        ds_jw_text(&w, "event", ev->name);
        ds_jw_hex(&w, "event_payload", ev->payload);
        ds_jw_object_end(&w);
    }
    ds_jw_array_end(&w);
}

static int save_replies(const char *dir, const char *name, struct ds_span attestation,
                        struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(ROOM);
    DS_AUTO(ds_buf_done) struct ds_buf attest = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    struct ds_arena mem = ds_arena_of(room, ROOM);
    struct ds_attestation a;
    char path[64];
    DS_TRY(ds_attestation_parse(&a, &mem, attestation, e));
    put_log(&log, &a.log);
    struct ds_jw w = ds_jw_of(&attest);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "attestation", attestation);
    ds_jw_object_end(&w);
    w = ds_jw_of(&reply);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "quote", a.quote);
    ds_jw_text(&w, "event_log", ds_buf_span(&log));
    ds_jw_hex(&w, "report_data", DS_SPAN_OF(a.report_data64));
    ds_jw_text(&w, "vm_config", a.config);
    ds_jw_object_end(&w);
    (void)snprintf(path, sizeof path, "attest-%s.json", name);
    DS_TRY(save(dir, path, ds_buf_span(&attest), e));
    (void)snprintf(path, sizeof path, "reply-%s.json", name);
    return save(dir, path, ds_buf_span(&reply), e);
}

struct asked {
    const struct kit *kit;
    struct kit_plan plan;
};

static int evidence(void *arg, struct ds_buf *ret, const uint8_t report_data64[64],
                    struct ds_error *e)
{
    const struct asked *a = arg;
    (void)report_data64; /* the kit makes it from the key */
    kit_attest(ret, a->kit, &a->plan);
    return ds_buf_end(ret, e, "evidence");
}

static int save_certificate(const char *dir, const char *name, struct asked *a, uint32_t eku,
                            struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    static const char *const sans[] = { "app.example" };
    int64_t now_s = ds_clock_now_s();
    const struct ratls_spec spec = { .cn = "guest",
                                     .not_before_s = now_s - DAY_S,
                                     .not_after_s = now_s + DAY_S,
                                     .eku = eku,
                                     .sans = sans,
                                     .n_sans = 1 };
    DS_TRY(ratls_cert_attest(&der, &spec, a->kit->guest, evidence, a, e));
    ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&der));
    DS_TRY(ds_buf_end(&pem, e, "certificate"));
    return save(dir, name, ds_buf_span(&pem), e);
}

/* The same evidence in the extensions of IETF and TCG, as one record. */
static int save_wrapped(const char *dir, const char *name, const char *oid, struct asked *a,
                        struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf cmw = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    static const char *const sans[] = { "app.example" };
    int64_t now_s = ds_clock_now_s();
    kit_attest(&bytes, a->kit, &a->plan);
    const struct ds_cmw wrapper = {
        .record = { .content_format = DS_CMW_NO_FORMAT,
                    .type = DS_SPAN_LIT("application/vnd.dstack.attestation"),
                    .value = ds_buf_span(&bytes),
                    .ind = DS_CMW_EVIDENCE },
    };
    DS_TRY(ds_cmw_encode_cbor(&cmw, &wrapper, e));
    if (strcmp(oid, DS_OID_PE_CMW) == 0)
        ds_pe_cmw_encode_cbor(&value, ds_buf_span(&cmw));
    else
        ds_dice_cmw_encode(&value, ds_buf_span(&cmw));
    const struct ds_cert_ext ext = { oid, true, ds_buf_span(&value) };
    const struct ratls_spec spec = { .cn = "guest",
                                     .not_before_s = now_s - DAY_S,
                                     .not_after_s = now_s + DAY_S,
                                     .eku = DS_CERT_CLIENT_AUTH,
                                     .sans = sans,
                                     .n_sans = 1,
                                     .exts = &ext,
                                     .n_exts = 1 };
    DS_TRY(ratls_cert_make(&der, &spec, DS_SPAN_OF(a->kit->guest_spki), (struct ds_span){ 0 },
                           a->kit->guest, e));
    ds_buf_clear(&value);
    ds_pem_add(&value, "CERTIFICATE", ds_buf_span(&der));
    DS_TRY(ds_buf_end(&value, e, "certificate"));
    return save(dir, name, ds_buf_span(&value), e);
}

static int save_plans(const char *dir, const struct kit *k, struct ds_error *e)
{
    const struct kit_plan good = kit_plan_running(k);
    struct kit_plan plans[] = { good, good, good, good, good, good };
    static const char *const names[] = { "good",    "debug",  "firmware",
                                         "swapped", "broken", "no-config" };
    plans[1].is_debug = true;
    plans[2].is_mrtd_changed = true;
    plans[3].is_swapped = true;
    plans[4].is_quote_broken = true;
    plans[5].has_no_mr_config = true;
    for (size_t i = 0; i < DS_LEN(plans); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
        kit_attest(&bytes, k, &plans[i]);
        DS_TRY(save_replies(dir, names[i], ds_buf_span(&bytes), e));
    }
    struct asked a = { .kit = k, .plan = good };
    DS_TRY(save_certificate(dir, "certificate.pem", &a, DS_CERT_SERVER_AUTH, e));
    DS_TRY(save_certificate(dir, "certificate-no-use.pem", &a, 0, e));
    DS_TRY(save_wrapped(dir, "certificate-ietf.pem", DS_OID_PE_CMW, &a, e));
    DS_TRY(save_wrapped(dir, "certificate-tcg.pem", DS_OID_DICE_CMW, &a, e));
    uint8_t other[DS_P256_SPKI_LEN] = { 1 };
    a.plan.bound_spki = DS_SPAN_OF(other);
    DS_TRY(save_wrapped(dir, "certificate-ietf-other-key.pem", DS_OID_PE_CMW, &a, e));
    return save_certificate(dir, "certificate-other-key.pem", &a, DS_CERT_SERVER_AUTH, e);
}

static int save_many(const char *dir, const struct kit *k, uint64_t n, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct kit_plan plan = kit_plan_running(k);
    for (uint64_t i = 0; i < n; i++) {
        DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
        uint8_t any[DS_P256_SPKI_LEN];
        DS_TRY(ds_rand(any, sizeof any, e));
        plan.bound_spki = DS_SPAN_OF(any);
        kit_attest(&bytes, k, &plan);
        ds_buf_hex(&text, ds_buf_span(&bytes));
        ds_buf_char(&text, '\n');
    }
    DS_TRY(ds_buf_end(&text, e, "attestations"));
    return save(dir, "many.txt", ds_buf_span(&text), e);
}

static int make(const char *dir, uint64_t n, struct ds_error *e)
{
    static const uint8_t kms_spki[DS_P256_SPKI_LEN] = { 7 };
    struct kit k;
    kit_init(&k, kms_spki, ds_clock_now_s());
    int r = save(dir, "root.pem", simtee_pki_root_pem(k.pki), e);
    if (r == DS_OK)
        r = save(dir, "collateral.json", simtee_pki_collateral(k.pki), e);
    if (r == DS_OK)
        r = save_plans(dir, &k, e);
    if (r == DS_OK)
        r = save_many(dir, &k, n, e);
    kit_done(&k);
    return r;
}

int main(int argc, char **argv)
{
    struct ds_error e = { 0 };
    uint64_t n = 0;
    if (argc != 3 || ds_str_u64(&n, ds_span_str(argv[2]), 1000000, &e) < 0) {
        (void)fprintf(stderr, "usage: verifier_evidence OUT_DIR N\n");
        return 2;
    }
    if (make(argv[1], n, &e) < 0) {
        (void)fprintf(stderr, "verifier_evidence: %s\n", e.msg);
        return 1;
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes evidence of the simulated platform as seeds: a quote, attestations,
 * logs, certificates, collateral and the documents around them. Its keys are new
 * each time, so the bytes differ from run to run; their shape does not.
 *
 * usage: fuzz_evidence DIRECTORY (that of the corpora)
 */
#include "app/csr.h"
#include "attest/wrapper/attestation.h"
#include "attest/wrapper/cert_evidence.h"
#include "attest/wrapper/cert_ext.h"
#include "attest/wrapper/cmw.h"
#include "base/file.h"
#include "codec/json_write.h"
#include "crypto/cert.h"
#include "fuzz.h"
#include "kit.h"
#include "synthetic_snp.h"

#define NOW_S 1800000000

static max_align_t room[DS_TDX_LOG_MEM / sizeof(max_align_t)];

static void must(int r, const struct ds_error *e)
{
    if (r == DS_OK)
        return;
    (void)fprintf(stderr, "%s\n", e->msg);
    exit(1);
}

static void put(const char *dir, const char *target, const char *name, struct ds_span content)
{
    char path[512];
    struct ds_error e;
    (void)snprintf(path, sizeof path, "%s/%s", dir, target);
    must(ds_dir_make(path, 0755, &e), &e);
    (void)snprintf(path, sizeof path, "%s/%s/%s", dir, target, name);
    must(ds_file_save(path, content, 0644, "fuzz.seed", &e), &e);
}

static void put_log(const char *dir, const struct ds_tdx_log *log)
{
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_jw w = ds_jw_of(&out);
    ds_jw_array(&w, NULL);
    for (size_t i = 0; i < log->n_events; i++) {
        const struct ds_tdx_event *ev = &log->events[i];
        ds_jw_object(&w, NULL);
        ds_jw_u64(&w, "imr", ev->imr);
        ds_jw_u64(&w, "event_type", ev->type);
        ds_jw_hex(&w, "digest", DS_SPAN(ev->digest48, ev->has_digest ? 48 : 0));
        ds_jw_text(&w, "event", ev->name);
        ds_jw_hex(&w, "event_payload", ev->payload);
        ds_jw_object_end(&w);
    }
    ds_jw_array_end(&w);
    must(ds_jw_end(&w, &e, "log"), &e);
    put(dir, "event_log", "boot.json", ds_buf_span(&out));
}

static void put_cert(const char *dir, const struct kit *k, const struct ds_attestation *a)
{
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf wrapped = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf info = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf info_ext = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf attestation_ext = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    const struct ds_app_info app = { .app_id = DS_SPAN_OF(k->app_id20),
                                     .compose_hash = DS_SPAN_OF(k->compose32),
                                     .instance_id = DS_SPAN_OF(k->instance_id20),
                                     .os_image_hash = DS_SPAN_OF(k->os_image32) };
    must(ds_app_info_encode(&info, &app, &e), &e);
    ds_cert_ext_encode(&info_ext, ds_buf_span(&info));
    must(ds_attestation_encode(&wrapped, a, &e), &e);
    ds_cert_ext_encode(&attestation_ext, ds_buf_span(&wrapped));
    const struct ds_cert_ext exts[] = {
        { ds_cert_ext_oid(DS_CERT_EXT_APP_INFO), false, ds_buf_span(&info_ext) },
        { ds_cert_ext_oid(DS_CERT_EXT_ATTESTATION), false, ds_buf_span(&attestation_ext) },
    };
    static const char *const sans[] = { "app.example", "127.0.0.1" };
    const struct ds_cert_spec spec = { .subject = { .o = "dstack", .cn = "seed" },
                                       .spki = DS_SPAN_OF(k->guest_spki),
                                       .not_before_s = NOW_S - 1,
                                       .not_after_s = NOW_S + 86400,
                                       .usage = DS_CERT_DIGITAL_SIGNATURE,
                                       .eku = DS_CERT_SERVER_AUTH,
                                       .sans = sans,
                                       .n_sans = 2,
                                       .exts = exts,
                                       .n_exts = 2 };
    must(ds_cert_make(&der, &spec, DS_SPAN(NULL, 0), k->guest, &e), &e);
    put(dir, "certificate", "leaf.der", ds_buf_span(&der));
    put(dir, "certificate", "app-info", ds_buf_span(&info));
    put(dir, "certificate", "root.pem", simtee_pki_root_pem(k->pki));
}

static void put_cert_with(const char *dir, const char *name, const struct kit *k, const char *oid,
                          const struct ds_buf *value)
{
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    const struct ds_cert_ext ext = { oid, false, ds_buf_span(value) };
    const struct ds_cert_spec spec = { .subject = { .cn = "seed" },
                                       .spki = DS_SPAN_OF(k->guest_spki),
                                       .not_before_s = NOW_S - 1,
                                       .not_after_s = NOW_S + 86400,
                                       .exts = &ext,
                                       .n_exts = 1 };
    must(ds_cert_make(&der, &spec, DS_SPAN(NULL, 0), k->guest, &e), &e);
    put(dir, "certificate", name, ds_buf_span(&der));
}

/* Short evidence in the extensions of IETF and TCG, and in dstack's old one. */
static void put_foreign_certs(const char *dir, const struct kit *k)
{
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf cbor = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf claims = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf ietf = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf tcg = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf tagged = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf legacy = { 0 };
    const struct ds_cmw cmw = { .record = { .content_format = DS_CMW_NO_FORMAT,
                                            .type = DS_SPAN_LIT("application/vnd.dstack.tdx-quote"),
                                            .value = DS_SPAN_LIT("quote"),
                                            .ind = DS_CMW_EVIDENCE } };
    must(ds_cmw_encode_cbor(&cbor, &cmw, &e), &e);
    must(ds_dice_claims_encode(&claims, DS_DICE_SHA256, DS_SPAN_OF(k->guest_spki),
                               DS_SPAN_LIT("nonce"), &e),
         &e);
    ds_pe_cmw_encode_cbor(&ietf, ds_buf_span(&cbor));
    ds_pe_cmw_encode_json(&json, DS_SPAN_LIT("[\"application/vnd.dstack.tdx-quote\",\"cXVvdGU\"]"));
    ds_dice_cmw_encode(&tcg, ds_buf_span(&cbor));
    ds_tagged_quote_encode(&tagged, DS_SPAN_LIT("quote"), ds_buf_span(&claims));
    ds_cert_ext_encode(&legacy, DS_SPAN_LIT("quote"));
    put_cert_with(dir, "ietf-cbor.der", k, DS_OID_PE_CMW, &ietf);
    put_cert_with(dir, "ietf-json.der", k, DS_OID_PE_CMW, &json);
    put_cert_with(dir, "tcg-cmw.der", k, DS_OID_DICE_CMW, &tcg);
    put_cert_with(dir, "tcg-tagged.der", k, DS_OID_DICE_CMW, &tagged);
    put_cert_with(dir, "legacy.der", k, ds_cert_ext_oid(DS_CERT_EXT_TDX_QUOTE), &legacy);
    put(dir, "certificate", "tagged-quote", ds_buf_span(&tagged));
}

static void put_crl_and_csr(const char *dir, const struct kit *k)
{
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf ca = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf crl = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf request = { 0 };
    const struct ds_cert_spec spec = { .subject = { .cn = "seed CA" },
                                       .spki = DS_SPAN_OF(k->guest_spki),
                                       .not_before_s = NOW_S - 1,
                                       .not_after_s = NOW_S + 86400,
                                       .ca = true,
                                       .usage = DS_CERT_KEY_CERT_SIGN | DS_CERT_CRL_SIGN };
    must(ds_cert_make(&ca, &spec, DS_SPAN(NULL, 0), k->guest, &e), &e);
    const struct ds_span revoked[] = { DS_SPAN_LIT("\x01\x02"), DS_SPAN_LIT("\x7f") };
    const struct ds_crl_spec list = { NOW_S - 1, NOW_S + 86400, 3, revoked, 2 };
    must(ds_crl_make(&crl, &list, ds_buf_span(&ca), k->guest, &e), &e);
    put(dir, "certificate", "ca.der", ds_buf_span(&ca));
    put(dir, "certificate", "crl.der", ds_buf_span(&crl));
    const struct app_csr csr = { .spki = DS_SPAN_OF(k->guest_spki),
                                 .subject = DS_SPAN_LIT("app"),
                                 .sans = { DS_SPAN_LIT("a.example"), DS_SPAN_LIT("b.example") },
                                 .n_sans = 2,
                                 .server_auth = true,
                                 .has_not_after = true,
                                 .not_after_s = NOW_S,
                                 .attestation = DS_SPAN_LIT("evidence") };
    must(app_csr_encode(&request, &csr, &e), &e);
    put(dir, "certificate", "csr", ds_buf_span(&request));
}

static void put_attestation(const char *dir, const struct kit *k)
{
    struct ds_error e;
    struct ds_attestation a;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    DS_AUTO(ds_buf_done) struct ds_buf whole = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf stripped = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf mr_config = { 0 };
    struct kit_plan plan = kit_plan_running(k);
    kit_attest(&whole, k, &plan);
    must(ds_attestation_parse(&a, &mem, ds_buf_span(&whole), &e), &e);
    put(dir, "attestation", "running", ds_buf_span(&whole));
    put(dir, "quote", "simulated", a.quote);
    put(dir, "documents", "vm_config.json", a.config);
    must(app_mr_config_encode(&mr_config, &plan.mr_config, &e), &e);
    put(dir, "documents", "mr_config.json", ds_buf_span(&mr_config));
    put_log(dir, &a.log);
    ds_attestation_strip(&a);
    must(ds_attestation_encode(&stripped, &a, &e), &e);
    put(dir, "attestation", "stripped", ds_buf_span(&stripped));
    put_cert(dir, k, &a);
}

static void put_snp(const char *dir, const char *name, enum ds_snp_product product,
                    enum ds_snp_key key)
{
    uint8_t report[DS_SNP_REPORT_LEN];
    struct snp_synth s = snp_synth_good(product, key);
    DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    char path[64];
    snp_synth_make(&s);
    snp_synth_report(report, &s);
    put(dir, "snp_report", name, DS_SPAN_OF(report));
    bool is_vlek = key == DS_SNP_KEY_VLEK;
    struct ds_span leaf = ds_buf_span(&s.certs[is_vlek ? S_VLEK : S_VCEK]);
    struct ds_span ca = ds_buf_span(&s.certs[is_vlek ? S_ASVK : S_ASK]);
    const struct snp_table_entry entries[] = {
        { is_vlek ? SNP_GUID_VLEK : SNP_GUID_VCEK, leaf },
        { SNP_GUID_ASK, ca },
        { SNP_GUID_CRL, ds_buf_span(&s.crl) },
    };
    snp_synth_table(&table, entries, DS_LEN(entries));
    ds_pem_add(&pem, "CERTIFICATE", leaf);
    ds_pem_add(&pem, "CERTIFICATE", ca);
    (void)snprintf(path, sizeof path, "%s.der", name);
    put(dir, "snp_certs", path, leaf);
    (void)snprintf(path, sizeof path, "%s.pem", name);
    put(dir, "snp_certs", path, ds_buf_span(&pem));
    (void)snprintf(path, sizeof path, "%s.table", name);
    put(dir, "snp_certs", path, ds_buf_span(&table));
    snp_synth_done(&s);
}

int main(int argc, char **argv)
{
    struct kit k;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: fuzz_evidence DIRECTORY\n");
        return 2;
    }
    static const uint8_t kms_spki[DS_P256_SPKI_LEN] = { 1 };
    kit_init(&k, kms_spki, NOW_S);
    put_attestation(argv[1], &k);
    put_foreign_certs(argv[1], &k);
    put_crl_and_csr(argv[1], &k);
    put_snp(argv[1], "milan-vcek", DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
    put_snp(argv[1], "genoa-vlek", DS_SNP_PRODUCT_GENOA, DS_SNP_KEY_VLEK);
    put_snp(argv[1], "turin-vcek", DS_SNP_PRODUCT_TURIN, DS_SNP_KEY_VCEK);
    put(argv[1], "collateral", "simulated.json", simtee_pki_collateral(k.pki));
    kit_done(&k);
    return 0;
}

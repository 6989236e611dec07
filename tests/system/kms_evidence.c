/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest of this machine would send to the KMS, for tests that ask it often: a client
 * certificate with the evidence of a boot, a signed request for a certificate, and one for its
 * credential anew. The platform is
 * the simulated one whose PKI the VMM keeps.
 *
 * usage: kms_evidence PKI_DIR KMS_CA_SPKI_HEX OUT_DIR
 */
#include <stdlib.h>

#include "../unit/kms/kit.h"
#include "app/csr.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "crypto/cert.h"
#include "ratls/cert.h"

#define DAY_S 86400

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

static int save(const char *dir, const char *name, struct ds_span text, struct ds_error *e)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return ds_file_save(path, text, 0600, NULL, e);
}

static int save_certificate(const char *dir, struct asked *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem key = { 0 };
    int64_t now_s = ds_clock_now_s();
    const struct ratls_spec spec = { .cn = "guest",
                                     .not_before_s = now_s - DAY_S,
                                     .not_after_s = now_s + DAY_S,
                                     .eku = DS_CERT_CLIENT_AUTH };
    DS_TRY(ratls_cert_attest(&der, &spec, a->kit->guest, evidence, a, e));
    ds_pem_add(&pem, "CERTIFICATE", ds_buf_span(&der));
    DS_TRY(ds_buf_end(&pem, e, "certificate"));
    DS_TRY(ds_p256_key_pem(&key, a->kit->guest, e));
    DS_TRY(save(dir, "client.pem", ds_buf_span(&pem), e));
    return save(dir, "client.key", ds_span_str(key.s), e);
}

static int save_request(const char *dir, struct asked *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf proof = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_p256_sig_der sig;
    DS_TRY(evidence(a, &proof, NULL, e));
    const struct app_csr csr = { .spki = DS_SPAN_OF(a->kit->guest_spki),
                                 .subject = DS_SPAN_LIT("hello"),
                                 .server_auth = true,
                                 .attestation = ds_buf_span(&proof) };
    DS_TRY(app_csr_encode(&bytes, &csr, e));
    DS_TRY(ds_p256_sign_der(&sig, a->kit->guest, ds_buf_span(&bytes), e));
    struct ds_jw w = ds_jw_of(&json);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "csr", ds_buf_span(&bytes));
    ds_jw_hex(&w, "signature", DS_SPAN(sig.b, sig.len));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "request"));
    return save(dir, "sign_cert.json", ds_buf_span(&json), e);
}

static int save_renewal(const char *dir, struct asked *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf proof = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_TRY(evidence(a, &proof, NULL, e));
    struct ds_jw w = ds_jw_of(&json);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "attestation", ds_buf_span(&proof));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "request"));
    return save(dir, "renew.json", ds_buf_span(&json), e);
}

static int save_app(const char *dir, const struct kit *k, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_jw w = ds_jw_of(&json);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "app_id", DS_SPAN_OF(k->app_id20));
    ds_jw_hex(&w, "compose_hash", DS_SPAN_OF(k->compose32));
    ds_jw_hex(&w, "os_image_hash", DS_SPAN_OF(k->os_image32));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "app"));
    return save(dir, "allow_app.json", ds_buf_span(&json), e);
}

static int make(const char *dir, const char *pki_dir, struct kit *k, struct ds_error *e)
{
    struct asked a = { .kit = k, .plan = kit_plan_boot(k) };
    struct simtee_pki *pki;
    DS_TRY(simtee_pki_open(&pki, pki_dir, ds_clock_now_s(), e));
    a.plan.pki = pki;
    int r = save_certificate(dir, &a, e);
    if (r == DS_OK)
        r = save_request(dir, &a, e);
    if (r == DS_OK)
        r = save_renewal(dir, &a, e);
    simtee_pki_free(pki);
    return r == DS_OK ? save_app(dir, k, e) : r;
}

int main(int argc, char **argv)
{
    uint8_t kms_spki[DS_P256_SPKI_LEN];
    struct ds_error e;
    struct kit kit;
    if (argc != 4 || ds_hex_decode(kms_spki, sizeof kms_spki, ds_span_str(argv[2]), &e) < 0)
        return 2;
    kit_init(&kit, kms_spki, ds_clock_now_s());
    int r = make(argv[3], argv[1], &kit, &e);
    if (r < 0)
        (void)fprintf(stderr, "kms_evidence: %s\n", e.msg);
    kit_done(&kit);
    return r < 0 ? 1 : 0;
}

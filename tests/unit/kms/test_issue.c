/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a granted request gets: the keys of that app, credentials and
 * certificates that lead to the root, and a receipt that proves the leaf.
 */
#include "kms/issue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "app/chain.h"
#include "app/derive.h"
#include "attest/x509.h"
#include "base/hex.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "kms/credential.h"
#include "ratls/cert.h"
#include "trial.h"

static void assert_hex(const struct ds_buf *json, const char *key, struct ds_span bytes)
{
    DS_AUTO(ds_buf_done) struct ds_buf want = { 0 };
    ds_buf_printf(&want, "\"%s\":\"%s\"", key, DS_HEX(bytes));
    assert_says(json, want.p);
}

/* The receipt leads from the leaf on disk to a head that the KMS signed. */
static void assert_proves_leaf(const struct kms_log_receipt *r, const struct ds_buf *leaf)
{
    struct ds_error e = { 0 };
    struct app_log_head head;
    struct ds_merkle_hash hash;
    assert_int_equal(app_log_head_verify(&head, ds_buf_span(&r->head), r->head_sig64,
                                         DS_SPAN_OF(kms.root.ca_spki), &e),
                     DS_OK);
    assert_int_equal(ds_merkle_leaf(&hash, ds_buf_span(leaf), &e), DS_OK);
    assert_int_equal(ds_merkle_inclusion_verify(&r->proof, &hash, r->index, head.size, &head.root,
                                                &e),
                     DS_OK);
}

static void assert_keys(const struct ds_buf *reply)
{
    struct ds_error e = { 0 };
    struct ds_key32 disk, env, k256;
    const struct ds_key32 *root = &kms.root.keys->ca_scalar;
    uint8_t pub33[33], sig65[65];
    assert_int_equal(app_derive_disk_key(&disk, root, kit.app_id20, DS_SPAN_OF(kit.instance_id20),
                                         &e),
                     DS_OK);
    assert_int_equal(app_derive_env_key(&env, root, kit.app_id20, &e), DS_OK);
    assert_int_equal(app_derive_k256_key(&k256, &kms.root.keys->k256, kit.app_id20, &e), DS_OK);
    assert_int_equal(ds_k256_public(pub33, &k256, &e), DS_OK);
    assert_int_equal(app_issue_sign(sig65, &kms.root.keys->k256, kit.app_id20, pub33, &e), DS_OK);
    assert_hex(reply, "disk_crypt_key", DS_SPAN_OF(disk.b));
    assert_hex(reply, "env_crypt_key", DS_SPAN_OF(env.b));
    assert_hex(reply, "k256_key", DS_SPAN_OF(k256.b));
    assert_hex(reply, "k256_signature", DS_SPAN_OF(sig65));
    assert_hex(reply, "os_image_hash", DS_SPAN_OF(kit.os_image32));
}

static void test_boot_keys(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf reply = { .wipes = true };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    uint8_t evidence32[32];
    trial_begin(&t, KMS_ACT_BOOT_KEYS);
    if (trial_ask(&grant, &v, &t, &evidence, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(v.n_reasons, 0);
    assert_int_equal(kms_issue_boot_keys(&reply, &kms, &grant, NOW, &e), DS_OK);
    assert_keys(&reply);
    trial_leaf_load(&leaf, grant.receipt.index);
    assert_proves_leaf(&grant.receipt, &leaf);
    assert_says(&leaf, "\"act\":\"get_app_key\",\"codes\":[],\"decision\":\"allow\"");
    assert_says(&leaf, "\"kind\":\"simulated\"");
    assert_hex(&leaf, "app_id", DS_SPAN_OF(kit.app_id20));
    assert_hex(&leaf, "instance_id", DS_SPAN_OF(kit.instance_id20));
    assert_hex(&leaf, "compose_hash", DS_SPAN_OF(kit.compose32));
    assert_hex(&leaf, "os_image_hash", DS_SPAN_OF(kit.os_image32));
    assert_int_equal(ds_hash(DS_SHA256, evidence32, KIT_SPAN(evidence), &e), DS_OK);
    assert_hex(&leaf, "evidence_sha256", DS_SPAN_OF(evidence32));
}

/* The chain of SignCert's reply, as DER. */
static size_t read_chain(struct ds_span chain[8], struct ds_arena *mem, const struct ds_buf *reply)
{
    static char text[16384];
    size_t n = 0, len = 0;
    for (size_t i = 0; i < reply->len; i++) { /* the JSON string's \n back into line ends */
        bool is_end = reply->p[i] == '\\' && reply->p[i + 1] == 'n';
        assert_true(len < sizeof text);
        text[len] = reply->p[i];
        if (is_end)
            text[len] = '\n';
        len++;
        i += is_end;
    }
    char *at = memmem(text, len, "-----BEGIN", 10);
    while (at != NULL) {
        struct ds_span rest = DS_SPAN(at, len - (size_t)(at - text));
        assert_true(n < 8);
        assert_int_equal(ds_pem_next(&chain[n++], &rest, "CERTIFICATE", mem, NULL), DS_OK);
        at = memmem(rest.p, rest.len, "-----BEGIN", 10);
    }
    return n;
}

/* The reply's chain is a credential of the kit's VM from NOW on. */
static void assert_credential(const struct ds_buf *reply)
{
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    static uint8_t room[32768];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span chain[8];
    struct ds_x509 cert;
    struct kms_holder holder = { 0 };
    assert_says(reply, "\"instance_credential\":[");
    DS_AUTO(ds_buf_done) struct ds_buf tail = { 0 };
    ds_buf_str(&tail, strstr(reply->p, "\"instance_credential\""));
    size_t n = read_chain(chain, &mem, &tail);
    assert_int_equal(n, 3);
    assert_int_equal(ratls_chain_check(chain, n, DS_SPAN_OF(kms.root.ca_spki), NOW, &e), DS_OK);
    assert_int_equal(kms_credential_check(&holder, &v, &kms.root, chain, n, NOW, &e), DS_OK);
    assert_int_equal(v.n_reasons, 0);
    assert_true(ds_span_eq(holder.spki, DS_SPAN_OF(kit.guest_spki)));
    assert_true(ds_span_eq(holder.app_id, DS_SPAN_OF(kit.app_id20)));
    assert_true(ds_span_eq(holder.instance_id, DS_SPAN_OF(kit.instance_id20)));
    assert_int_equal(ds_x509_parse(&cert, chain[0], &e), DS_OK);
    assert_int_equal(cert.not_before_s, NOW);
    assert_int_equal(cert.not_after_s, NOW + KMS_CREDENTIAL_LIFE_S);
    assert_false(cert.is_ca);
}

static void test_credential(void **state)
{
    (void)state;
    static const enum kms_act acts[] = { KMS_ACT_BOOT_KEYS, KMS_ACT_RENEW_CREDENTIAL };
    for (size_t i = 0; i < DS_LEN(acts); i++) {
        struct ds_error e = { 0 };
        struct ds_verdict v = { 0 };
        struct trial t;
        DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf reply = { .wipes = true };
        DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
        trial_begin(&t, acts[i]);
        if (acts[i] == KMS_ACT_RENEW_CREDENTIAL)
            t.request.bound_spki = (struct ds_span){ 0 }; /* the credential says whose key */
        if (trial_ask(&grant, &v, &t, &evidence, &e) < 0)
            fail_msg("%s", e.msg);
        int r = acts[i] == KMS_ACT_BOOT_KEYS ? kms_issue_boot_keys(&reply, &kms, &grant, NOW, &e)
                                             : kms_issue_credential(&reply, &kms, &grant, NOW, &e);
        assert_int_equal(r, DS_OK);
        assert_credential(&reply);
        trial_leaf_load(&leaf, grant.receipt.index);
        assert_says(&leaf, acts[i] == KMS_ACT_BOOT_KEYS ? "\"act\":\"get_app_key\""
                                                        : "\"act\":\"renew_credential\"");
    }
}

static void test_certificate(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    static uint8_t room[32768];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span chain[8];
    struct ds_x509 leaf_cert;
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    const struct app_csr csr = { .spki = DS_SPAN_OF(kit.guest_spki),
                                 .subject = DS_SPAN_LIT("hello"),
                                 .server_auth = true,
                                 .ext_app_info = true };
    trial_begin(&t, KMS_ACT_SIGN_CERT);
    if (trial_ask(&grant, &v, &t, &evidence, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(kms_issue_cert(&reply, &kms, &grant, &csr, NOW, &e), DS_OK);
    size_t n = read_chain(chain, &mem, &reply);
    assert_int_equal(n, 3);
    assert_int_equal(ratls_chain_check(chain, n, DS_SPAN_OF(kms.root.ca_spki), NOW, &e), DS_OK);
    assert_int_equal(ds_x509_parse(&leaf_cert, chain[0], &e), DS_OK);
    assert_true(ds_span_eq(leaf_cert.spki, DS_SPAN_OF(kit.guest_spki)));
    trial_leaf_load(&leaf, grant.receipt.index);
    assert_proves_leaf(&grant.receipt, &leaf);
    assert_says(&leaf, "\"act\":\"sign_cert\",\"codes\":[],\"decision\":\"allow\"");
    assert_int_equal(leaf_cert.not_before_s, NOW - KMS_CERT_BACK_S);
    assert_int_equal(leaf_cert.not_after_s, NOW + (int64_t)KMS_CERT_DAYS_MAX * DAY_S);
    struct app_csr too_long = csr;
    too_long.has_not_after = true;
    too_long.not_after_s = NOW + UINT64_C(399) * DAY_S;
    assert_int_equal(kms_issue_cert(&reply, &kms, &grant, &too_long, NOW, &e), DS_ERR_RANGE);
    assert_int_equal(e.code, DS_CODE_KMS_CERT_DATES);
}

static bool has_text(struct ds_span der, const char *text)
{
    return memmem(der.p, der.len, text, strlen(text)) != NULL;
}

/* What an SDK asks for when its caller names nothing. */
static void test_certificate_without_names(void **state)
{
    (void)state;
    static uint8_t room[32768];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    struct ds_span chain[8];
    char app_id[41];
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    const struct app_csr csr = { .spki = DS_SPAN_OF(kit.guest_spki),
                                 .org_name = DS_SPAN_LIT("Ours") };
    trial_begin(&t, KMS_ACT_SIGN_CERT);
    assert_int_equal(trial_ask(&grant, &v, &t, &evidence, &e), DS_OK);
    assert_int_equal(kms_issue_cert(&reply, &kms, &grant, &csr, NOW, &e), DS_OK);
    assert_int_equal(read_chain(chain, &mem, &reply), 3);
    assert_true(has_text(chain[0], ds_hex_encode(app_id, DS_SPAN_OF(kit.app_id20))));
    assert_true(has_text(chain[0], "Ours"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_keys),
        cmocka_unit_test(test_credential),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_certificate_without_names),
    };
    return cmocka_run_group_tests_name("kms/issue", tests, trial_setup, trial_teardown);
}

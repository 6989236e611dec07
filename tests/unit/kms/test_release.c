/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision about a key, whole: evidence that fits gets keys and a leaf that
 * proves it; evidence with any one fault gets a denial with that fault's code,
 * and a leaf that says so.
 */
#include "kms/release.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "app/chain.h"
#include "app/derive.h"
#include "attest/x509.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "kit.h"
#include "kms/credential.h"
#include "kms/issue.h"
#include "ratls/cert.h"
#include "store/store.h"

#define NOW   1790000000
#define DAY_S 86400

static char dir[] = "/tmp/ds-release-XXXXXX";
static char log_path[64];
static unsigned n_logs;
static struct kit kit;
static struct kit other; /* another simulated machine */
static struct kms kms;
static uint8_t other_spki[DS_P256_SPKI_LEN], other32[32], other20[20];

/* Instance credentials: of the kit's VM; of another VM of the app; of another app. */
enum { OURS, OTHER_INSTANCE, OTHER_APP, N_CREDENTIALS };
static struct ds_buf credentials[N_CREDENTIALS];

/* One question to the KMS; what a row may change before it is asked. */
struct trial {
    struct kit_plan plan;
    struct kms_request request;
    struct ds_span chain[1];
    int64_t now_s;
};

static void allow(const uint8_t app_id20[20], const uint8_t compose32[32],
                  const uint8_t os_image32[32])
{
    struct ds_error e = { 0 };
    assert_int_equal(kms_allow_add(&kms.allow, app_id20, compose32, os_image32, false, &e), DS_OK);
}

/* A log of its own: time never goes back in one. */
static void fresh_log(void)
{
    struct ds_error e = { 0 };
    kms_log_close(kms.release_log);
    (void)snprintf(log_path, sizeof log_path, "%s/log-%u.db", dir, n_logs++);
    assert_int_equal(kms_log_open(&kms.release_log, log_path, &kms.root, &e), DS_OK);
    kms.time.persisted_s = 0;
    memset(&kms.limit, 0, sizeof kms.limit);
}

/* The state before each question: one app, one image, fresh collateral, an empty log. */
static void begin(struct trial *t, enum kms_act act)
{
    kms_allow_done(&kms.allow);
    allow(kit.app_id20, kit.compose32, kit.os_image32);
    kms.root.kind = KMS_KIND_SIMULATED;
    fresh_log();
    struct kms_simulated *s = &kms.simulated;
    ds_buf_clear(&s->collateral);
    ds_buf_add(&s->collateral, simtee_pki_collateral(kit.pki));
    simtee_pki_root_spki32(s->root_spki32, kit.pki);
    s->fetched_s = NOW;
    s->issue_s = 0;
    (void)snprintf(s->vmm_address, sizeof s->vmm_address, "unix:%s/none.sock", dir);
    *t = (struct trial){ .plan = act == KMS_ACT_BOOT_KEYS ? kit_plan_boot(&kit)
                                                          : kit_plan_running(&kit),
                         .request = { .act = act, .bound_spki = DS_SPAN_OF(kit.guest_spki) },
                         .chain = { KIT_SPAN(credentials[OURS]) },
                         .now_s = NOW };
    t->request.chain = t->chain;
    t->request.n_chain = act == KMS_ACT_BOOT_KEYS ? 0 : 1;
}

/* evidence *appended*; what the request carries already is kept. */
static int ask(struct kms_grant *grant, struct ds_verdict *v, struct trial *t,
               struct ds_buf *evidence, struct ds_error *e)
{
    if (t->request.attestation.p == NULL) {
        kit_attest(evidence, &kit, &t->plan);
        t->request.attestation = KIT_SPAN(*evidence);
    }
    return kms_decide(grant, v, &kms, &t->request, t->now_s, e);
}

static void load_leaf(struct ds_buf *ret, uint64_t index)
{
    struct ds_error e = { 0 };
    struct store *s = NULL;
    char key[32];
    uint64_t version;
    (void)snprintf(key, sizeof key, "leaf/%016llx", (unsigned long long)index);
    assert_int_equal(store_open_sqlite(&s, log_path, NULL, &e), DS_OK);
    assert_int_equal(store_get(s, key, ret, &version, &e), DS_OK);
    store_close(s);
    assert_true(ret->len > 0);
}

static void assert_says(const struct ds_buf *text, const char *part)
{
    if (text->p == NULL || strstr(text->p, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text->p != NULL ? text->p : "");
}

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
    begin(&t, KMS_ACT_BOOT_KEYS);
    if (ask(&grant, &v, &t, &evidence, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(v.n_reasons, 0);
    assert_int_equal(kms_issue_boot_keys(&reply, &kms, &grant, NOW, &e), DS_OK);
    assert_keys(&reply);
    load_leaf(&leaf, grant.receipt.index);
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
        begin(&t, acts[i]);
        if (acts[i] == KMS_ACT_RENEW_CREDENTIAL)
            t.request.bound_spki = (struct ds_span){ 0 }; /* the credential says whose key */
        if (ask(&grant, &v, &t, &evidence, &e) < 0)
            fail_msg("%s", e.msg);
        int r = acts[i] == KMS_ACT_BOOT_KEYS ? kms_issue_boot_keys(&reply, &kms, &grant, NOW, &e)
                                             : kms_issue_credential(&reply, &kms, &grant, NOW, &e);
        assert_int_equal(r, DS_OK);
        assert_credential(&reply);
        load_leaf(&leaf, grant.receipt.index);
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
    begin(&t, KMS_ACT_SIGN_CERT);
    if (ask(&grant, &v, &t, &evidence, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(kms_issue_cert(&reply, &kms, &grant, &csr, NOW, &e), DS_OK);
    size_t n = read_chain(chain, &mem, &reply);
    assert_int_equal(n, 3);
    assert_int_equal(ratls_chain_check(chain, n, DS_SPAN_OF(kms.root.ca_spki), NOW, &e), DS_OK);
    assert_int_equal(ds_x509_parse(&leaf_cert, chain[0], &e), DS_OK);
    assert_true(ds_span_eq(leaf_cert.spki, DS_SPAN_OF(kit.guest_spki)));
    load_leaf(&leaf, grant.receipt.index);
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
    begin(&t, KMS_ACT_SIGN_CERT);
    assert_int_equal(ask(&grant, &v, &t, &evidence, &e), DS_OK);
    assert_int_equal(kms_issue_cert(&reply, &kms, &grant, &csr, NOW, &e), DS_OK);
    assert_int_equal(read_chain(chain, &mem, &reply), 3);
    assert_true(has_text(chain[0], ds_hex_encode(app_id, DS_SPAN_OF(kit.app_id20))));
    assert_true(has_text(chain[0], "Ours"));
}

/* Evidence of the boot serves for a certificate too; the other way round it does not. */
static void test_boot_evidence_signs(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    begin(&t, KMS_ACT_SIGN_CERT);
    t.plan = kit_plan_boot(&kit);
    assert_int_equal(ask(&grant, &v, &t, &evidence, &e), DS_OK);
}

/* clang-format off */
/* The request. */
static void none(struct trial *t) { t->request.attestation = DS_SPAN_LIT(""); }
static void garbage(struct trial *t) { t->request.attestation = DS_SPAN_LIT("\x00\x00 no evidence"); }
static void lent(struct trial *t) { t->request.bound_spki = DS_SPAN_OF(other_spki); }
static void no_key(struct trial *t) { t->request.bound_spki = DS_SPAN_LIT(""); }
/* The credential. */
static void no_credential(struct trial *t) { t->request.n_chain = 0; }
static void expired(struct trial *t) { t->now_s = kms.simulated.fetched_s = NOW + KMS_CREDENTIAL_LIFE_S + 1; }
static void forged(struct trial *t) { t->chain[0].len--; }
static void other_instance(struct trial *t) { t->chain[0] = KIT_SPAN(credentials[OTHER_INSTANCE]); }
static void other_app(struct trial *t) { t->chain[0] = KIT_SPAN(credentials[OTHER_APP]); }
static void lent_evidence(struct trial *t) { t->plan.bound_spki = DS_SPAN_OF(other_spki); }
/* The boot. */
static void after_boot(struct trial *t) { t->plan = kit_plan_running(&kit); }
static void hidden_ready(struct trial *t) { after_boot(t); t->plan.hidden = "system-ready"; }
static void left_out_ready(struct trial *t) { after_boot(t); t->plan.left_out = "system-ready"; }
static void not_done(struct trial *t) { kit_event_drop(&t->plan, "boot-mr-done"); }
static void done_twice(struct trial *t) { kit_event_add(&t->plan, "boot-mr-done", DS_SPAN_LIT("")); }
static void second_app_id(struct trial *t) { kit_event_add(&t->plan, "app-id", DS_SPAN_OF(other20)); }
static void swapped(struct trial *t) { t->plan.is_swapped = true; }
static void short_app_id(struct trial *t) { kit_event_find(&t->plan, "app-id")->payload = DS_SPAN(other20, 19); }
/* The identity. */
static void no_app_id(struct trial *t)
{
    kit_event_drop(&t->plan, "app-id");
    t->plan.mr_config.app_id = (struct ds_span){ 0 };
}
static void no_compose(struct trial *t) { kit_event_drop(&t->plan, "compose-hash"); }
static void logged_compose(struct trial *t)
{
    kit_event_find(&t->plan, "compose-hash")->payload = DS_SPAN_OF(other32);
    allow(kit.app_id20, other32, kit.os_image32);
}
static void logged_app_id(struct trial *t)
{
    kit_event_find(&t->plan, "app-id")->payload = DS_SPAN_OF(other20);
    allow(other20, kit.compose32, kit.os_image32);
}
static void logged_instance(struct trial *t) { kit_event_find(&t->plan, "instance-id")->payload = DS_SPAN_OF(other20); }
static void logged_provider(struct trial *t)
{
    kit_event_add(&t->plan, "key-provider", DS_SPAN_LIT("{\"name\":\"kms\",\"id\":\"00\"}"));
}
static void mrconfigid(struct trial *t) { t->plan.is_mrconfigid_changed = true; }
static void no_mr_config(struct trial *t) { t->plan.has_no_mr_config = true; }
static void other_kms(struct trial *t) { t->plan.mr_config.key_provider_id = DS_SPAN_OF(other_spki); }
static void any_kms(struct trial *t) { t->plan.mr_config.key_provider_id = (struct ds_span){ 0 }; }
static void no_kms(struct trial *t) { t->plan.mr_config.key_provider = APP_KEY_PROVIDER_TPM; }
/* The allow-list. */
static void other_compose(struct trial *t)
{
    kit_event_find(&t->plan, "compose-hash")->payload = DS_SPAN_OF(other32);
    memcpy(t->plan.mr_config.compose_hash32, other32, 32);
}
static void unregistered(struct trial *t)
{
    (void)t;
    kms_allow_done(&kms.allow);
    allow(other20, kit.compose32, kit.os_image32);
}
static void other_image(struct trial *t)
{
    (void)t;
    kms_allow_done(&kms.allow);
    allow(kit.app_id20, kit.compose32, other32);
}
/* The image. */
static void image_hash(struct trial *t)
{
    t->plan.os_image32 = other32;
    allow(kit.app_id20, kit.compose32, other32);
}
static void image_event(struct trial *t) { kit_event_add(&t->plan, "os-image-hash", DS_SPAN_OF(other32)); }
static void kernel(struct trial *t) { t->plan.changed_event = "kernel"; }
static void initrd(struct trial *t) { t->plan.changed_event = "initrd"; }
static void cmdline(struct trial *t) { t->plan.changed_event = "cmdline"; }
static void acpi(struct trial *t) { t->plan.changed_event = "acpi-tables"; }
static void secure_boot(struct trial *t) { t->plan.changed_event = "secure-boot"; }
static void firmware_volume(struct trial *t) { t->plan.changed_event = "cfv"; }
static void firmware(struct trial *t) { t->plan.is_mrtd_changed = true; }
static void unknown_shape(struct trial *t) { t->plan.shape.vcpus = 65; }
static void no_memory(struct trial *t) { t->plan.shape.memory_bytes = 0; }
static void other_memory(struct trial *t) { t->plan.shape.memory_bytes = 1ULL << 30; }
/* The platform. */
static void debug(struct trial *t) { t->plan.is_debug = true; }
static void broken_quote(struct trial *t) { t->plan.is_quote_broken = true; }
static void other_machine(struct trial *t) { t->plan.pki = other.pki; }
static void other_root(struct trial *t)
{
    t->plan.pki = other.pki;
    ds_buf_clear(&kms.simulated.collateral);
    ds_buf_add(&kms.simulated.collateral, simtee_pki_collateral(other.pki));
}
static void later(struct trial *t) { t->now_s = kms.simulated.fetched_s = NOW + 60LL * DAY_S; }
static void earlier(struct trial *t) { t->now_s = kms.simulated.fetched_s = NOW - 60LL * DAY_S; }
static void behind_disk(struct trial *t) { kms.time.persisted_s = t->now_s + 1; }
static void behind_collateral(struct trial *t) { kms.simulated.issue_s = t->now_s + 1; }
static void hardware_root(struct trial *t)
{
    (void)t;
    kms.root.kind = KMS_KIND_HARDWARE;
    kms_allow_done(&kms.allow); /* not even read */
}

/* Documents that hash to os_image_hash, but are not of the image; set up below. */
static struct ds_buf foreign_document, foreign_checksums, nameless_checksums;
static uint8_t foreign32[32], nameless32[32];

static void unlisted_document(struct trial *t) { t->plan.document = KIT_SPAN(foreign_document); }
static void foreign_image(struct trial *t)
{
    t->plan.document = KIT_SPAN(foreign_document);
    t->plan.checksums = KIT_SPAN(foreign_checksums);
    t->plan.os_image32 = foreign32;
    allow(kit.app_id20, kit.compose32, foreign32);
}
static void nameless_document(struct trial *t)
{
    t->plan.checksums = KIT_SPAN(nameless_checksums);
    t->plan.os_image32 = nameless32;
    allow(kit.app_id20, kit.compose32, nameless32);
}

#define BOOT KMS_ACT_BOOT_KEYS
#define SIGN KMS_ACT_SIGN_CERT
#define RENEW KMS_ACT_RENEW_CREDENTIAL

static const struct row {
    const char *name;
    enum kms_act act;
    void (*change)(struct trial *t);
    enum ds_code code; /* the first reason */
    unsigned n;        /* reasons in all */
} rows[] = {
    { "no evidence", BOOT, none, DS_CODE_KMS_NO_EVIDENCE, 1 },
    { "no evidence for a certificate", SIGN, none, DS_CODE_KMS_NO_EVIDENCE, 1 },
    { "no evidence at all inside", BOOT, garbage, DS_CODE_WRAPPER_FORMAT, 1 },
    { "evidence of another key", BOOT, lent, DS_CODE_RATLS_KEY_NOT_BOUND, 1 },
    { "evidence of another key for a certificate", SIGN, lent, DS_CODE_RATLS_KEY_NOT_BOUND, 1 },
    { "no key to be bound to", BOOT, no_key, DS_CODE_RATLS_KEY_NOT_BOUND, 1 },

    { "certificate without a credential", SIGN, no_credential, DS_CODE_KMS_NO_CREDENTIAL, 1 },
    { "certificate with a credential that is over", SIGN, expired, DS_CODE_KMS_CREDENTIAL_EXPIRED, 1 },
    { "certificate with a broken credential", SIGN, forged, DS_CODE_KMS_CREDENTIAL_INVALID, 1 },
    { "certificate with another VM's credential", SIGN, other_instance, DS_CODE_KMS_CREDENTIAL_OTHER, 1 },
    { "certificate with another app's credential", SIGN, other_app, DS_CODE_KMS_CREDENTIAL_OTHER, 1 },
    { "renewal without a credential", RENEW, no_credential, DS_CODE_KMS_NO_CREDENTIAL, 1 },
    { "renewal of a credential that is over", RENEW, expired, DS_CODE_KMS_CREDENTIAL_EXPIRED, 1 },
    { "renewal of another VM's credential", RENEW, other_instance, DS_CODE_KMS_CREDENTIAL_OTHER, 1 },
    { "renewal with evidence of another key", RENEW, lent_evidence, DS_CODE_RATLS_KEY_NOT_BOUND, 1 },
    { "renewal without evidence", RENEW, none, DS_CODE_KMS_NO_EVIDENCE, 1 },
    { "renewal of an app off the list", RENEW, unregistered, DS_CODE_KMS_APP_NOT_REGISTERED, 1 },

    { "boot keys after the boot", BOOT, after_boot, DS_CODE_KMS_EVIDENCE_AFTER_BOOT, 1 },
    { "system-ready as a bare digest", BOOT, hidden_ready, DS_CODE_LOG_FOREIGN, 1 },
    { "system-ready left out of the log", BOOT, left_out_ready, DS_CODE_LOG_MISMATCH, 1 },
    { "no boot-mr-done", BOOT, not_done, DS_CODE_KMS_EVIDENCE_INCOMPLETE, 1 },
    { "no boot-mr-done for a certificate", SIGN, not_done, DS_CODE_KMS_EVIDENCE_INCOMPLETE, 1 },
    { "boot-mr-done twice", BOOT, done_twice, DS_CODE_LOG_DUPLICATE, 1 },
    { "app-id twice", BOOT, second_app_id, DS_CODE_LOG_DUPLICATE, 1 },
    { "log in another order", BOOT, swapped, DS_CODE_LOG_ORDER, 1 },
    { "app-id of 19 bytes", BOOT, short_app_id, DS_CODE_LOG_PAYLOAD, 1 },

    { "no app-id", BOOT, no_app_id, DS_CODE_APP_MR_CONFIG_FORMAT, 1 },
    { "no compose-hash", BOOT, no_compose, DS_CODE_APP_MR_CONFIG_MISMATCH, 2 },
    { "another compose hash measured", BOOT, logged_compose, DS_CODE_APP_MR_CONFIG_MISMATCH, 1 },
    { "another app id measured", BOOT, logged_app_id, DS_CODE_APP_MR_CONFIG_MISMATCH, 1 },
    { "another instance measured", BOOT, logged_instance, DS_CODE_APP_MR_CONFIG_MISMATCH, 1 },
    { "another key provider measured", BOOT, logged_provider, DS_CODE_APP_MR_CONFIG_MISMATCH, 1 },
    { "MRCONFIGID of another document", BOOT, mrconfigid, DS_CODE_APP_MR_CONFIG_MISMATCH, 1 },
    { "no MrConfig", BOOT, no_mr_config, DS_CODE_APP_MR_CONFIG_MISSING, 1 },
    { "launched for another KMS", BOOT, other_kms, DS_CODE_KMS_OTHER_PROVIDER, 1 },
    { "launched for any KMS", BOOT, any_kms, DS_CODE_APP_MR_CONFIG_MISMATCH, 1 },
    { "launched for no KMS", BOOT, no_kms, DS_CODE_KMS_OTHER_PROVIDER, 1 },

    { "compose hash not on the list", BOOT, other_compose, DS_CODE_KMS_COMPOSE_NOT_ALLOWED, 1 },
    { "app not on the list", BOOT, unregistered, DS_CODE_KMS_APP_NOT_REGISTERED, 1 },
    { "image not on the list", BOOT, other_image, DS_CODE_KMS_OS_IMAGE_NOT_ALLOWED, 1 },
    { "image not on the list for a certificate", SIGN, other_image, DS_CODE_KMS_OS_IMAGE_NOT_ALLOWED, 1 },

    { "sha256sum.txt of another image", BOOT, image_hash, DS_CODE_APP_IMAGE_DOCUMENTS, 1 },
    { "document that is not the listed one", BOOT, unlisted_document, DS_CODE_APP_IMAGE_DOCUMENTS, 1 },
    { "document that is not listed", BOOT, nameless_document, DS_CODE_KMS_EVIDENCE_INVALID, 1 },
    { "documents of another image", BOOT, foreign_image, DS_CODE_POLICY_KERNEL_MISMATCH, 1 },
    { "another image measured", BOOT, image_event, DS_CODE_APP_IMAGE_DOCUMENTS, 1 },
    { "kernel", BOOT, kernel, DS_CODE_POLICY_KERNEL_MISMATCH, 1 },
    { "initrd", BOOT, initrd, DS_CODE_POLICY_INITRD_MISMATCH, 1 },
    { "command line", BOOT, cmdline, DS_CODE_POLICY_CMDLINE_MISMATCH, 1 },
    { "command line for a certificate", SIGN, cmdline, DS_CODE_POLICY_CMDLINE_MISMATCH, 1 },
    { "ACPI tables", BOOT, acpi, DS_CODE_POLICY_ACPI_MISMATCH, 1 },
    { "secure boot", BOOT, secure_boot, DS_CODE_POLICY_SECURE_BOOT_MISMATCH, 1 },
    { "firmware volume", BOOT, firmware_volume, DS_CODE_POLICY_FIRMWARE_MISMATCH, 1 },
    { "firmware", BOOT, firmware, DS_CODE_POLICY_FIRMWARE_MISMATCH, 1 },
    { "shape that is not known", BOOT, unknown_shape, DS_CODE_MEASURE_SHAPE_UNPROVEN, 1 },
    { "shape without memory", BOOT, no_memory, DS_CODE_MEASURE_SHAPE_UNPROVEN, 1 },
    { "less memory than is said", BOOT, other_memory, DS_CODE_POLICY_SHAPE_MISMATCH, 2 },

    { "debug TD", BOOT, debug, DS_CODE_POLICY_DEBUG, 1 },
    { "debug TD for a certificate", SIGN, debug, DS_CODE_POLICY_DEBUG, 1 },
    { "quote with another signature", BOOT, broken_quote, DS_CODE_TDX_QUOTE_SIGNATURE, 1 },
    { "quote of another machine", BOOT, other_machine, DS_CODE_ROOT_UNKNOWN, 1 },
    { "root that is not the anchor", BOOT, other_root, DS_CODE_ROOT_UNKNOWN, 1 },
    { "collateral of two months ago", BOOT, later, DS_CODE_CRL_DATES, 1 },
    { "collateral from the future", BOOT, earlier, DS_CODE_X509_NOT_YET_VALID, 1 },
    { "clock behind the floor on disk", BOOT, behind_disk, DS_CODE_TIME_BEHIND_FLOOR, 1 },
    { "clock behind it for a certificate", SIGN, behind_disk, DS_CODE_TIME_BEHIND_FLOOR, 1 },
    { "clock behind it for a renewal", RENEW, behind_disk, DS_CODE_TIME_BEHIND_FLOOR, 1 },
    { "clock behind the collateral", BOOT, behind_collateral, DS_CODE_TIME_BEHIND_FLOOR, 1 },
    { "simulated evidence to a hardware root", BOOT, hardware_root, DS_CODE_KMS_ROOT_IS_HARDWARE, 1 },
    { "simulated evidence to a hardware root for a certificate", SIGN, hardware_root,
      DS_CODE_KMS_ROOT_IS_HARDWARE, 1 },
};
/* clang-format on */

static const char *id_of(enum ds_code code) { return ds_code_info_get(code)->id; }

static unsigned check_row(const struct row *row)
{
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf codes = { 0 };
    begin(&t, row->act);
    row->change(&t);
    uint64_t before = kms_log_size(kms.release_log);
    int r = ask(&grant, &v, &t, &evidence, &e);
    bool ok = r == DS_ERR_DENIED && v.n_reasons == row->n && v.reasons[0].code == row->code;
    if (!ok) {
        print_error("%s: %d, %u reasons\n", row->name, r, v.n_reasons);
        for (uint32_t i = 0; i < v.n_reasons; i++)
            print_error("    %s: %s\n", id_of(v.reasons[i].code), v.reasons[i].detail.claim);
        return 1;
    }
    assert_null(grant.mem);
    assert_int_equal(kms_log_size(kms.release_log), before + 1);
    load_leaf(&leaf, before);
    for (uint32_t i = 0; i < v.n_reasons; i++)
        ds_buf_printf(&codes, "%s\"%s\"", i > 0 ? "," : "\"codes\":[", id_of(v.reasons[i].code));
    ds_buf_str(&codes, "],\"decision\":\"deny\"");
    assert_says(&leaf, codes.p);
    return 0;
}

static void test_each_fault_is_denied(void **state)
{
    (void)state;
    unsigned n_bad = 0;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        n_bad += check_row(&rows[i]);
    assert_int_equal(n_bad, 0);
}

/* Two faults, two reasons, both in the leaf. */
static void test_all_reasons_at_once(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    begin(&t, KMS_ACT_BOOT_KEYS);
    kernel(&t);
    lent(&t);
    debug(&t);
    other_compose(&t);
    assert_int_equal(ask(&grant, &v, &t, &evidence, &e), DS_ERR_DENIED);
    assert_int_equal(v.n_reasons, 4);
    assert_true(ds_verdict_has(&v, DS_CODE_POLICY_KERNEL_MISMATCH));
    assert_true(ds_verdict_has(&v, DS_CODE_RATLS_KEY_NOT_BOUND));
    assert_true(ds_verdict_has(&v, DS_CODE_POLICY_DEBUG));
    assert_true(ds_verdict_has(&v, DS_CODE_KMS_COMPOSE_NOT_ALLOWED));
}

/* Nothing can be decided: no verdict, no leaf, and the caller may come back. */
static void test_no_collateral(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    begin(&t, KMS_ACT_BOOT_KEYS);
    ds_buf_clear(&kms.simulated.collateral);
    uint64_t before = kms_log_size(kms.release_log);
    assert_int_equal(ask(&grant, &v, &t, &evidence, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_KMS_NO_COLLATERAL);
    assert_int_equal(v.n_reasons, 0);
    assert_null(grant.mem);
    assert_int_equal(kms_log_size(kms.release_log), before);
}

/* A false date is not for ever: when the collateral has had its hour the VMM is asked anew. */
static void test_false_date_of_collateral_ends(void **state)
{
    (void)state;
    static const struct {
        int64_t after_s; /* since it was fetched */
        int want;
    } steps[] = { { 0, DS_ERR_DENIED },
                  { 3600, DS_ERR_DENIED },
                  { 3601, DS_ERR_UNAVAILABLE }, /* there is no VMM to ask here */
                  { -1, DS_ERR_UNAVAILABLE } };
    for (int act = 0; act < KMS_N_ACTS; act++)
        for (size_t i = 0; i < DS_LEN(steps); i++) {
            struct ds_error e = { 0 };
            struct ds_verdict v = { 0 };
            struct trial t;
            struct kms_grant grant = { 0 };
            DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
            begin(&t, (enum kms_act)act);
            kms.simulated.fetched_s = NOW + 10;
            kms.simulated.issue_s = NOW + 1000000;
            t.now_s = NOW + 10 + steps[i].after_s;
            assert_int_equal(ask(&grant, &v, &t, &evidence, &e), steps[i].want);
            if (steps[i].want == DS_ERR_DENIED)
                assert_true(ds_verdict_has(&v, DS_CODE_TIME_BEHIND_FLOOR));
            else
                assert_int_equal(e.code, DS_CODE_KMS_NO_COLLATERAL);
        }
}

/* Ask for boot keys; evidence is made once. */
static int ask_at(struct trial *t, struct ds_buf *evidence, int64_t at_s, struct ds_verdict *v)
{
    struct ds_error e = { 0 };
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    *v = (struct ds_verdict){ 0 };
    t->now_s = at_s;
    int r = ask(&grant, v, t, evidence, &e);
    if (r < 0 && v->n_reasons == 0)
        assert_int_equal(e.code, DS_CODE_KMS_TOO_MANY);
    return r;
}

/* What was decided at a time is the floor from then on; a leaf never goes back. */
static void test_time_goes_one_way(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v;
    struct trial t;
    struct kms_time again;
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    begin(&t, KMS_ACT_BOOT_KEYS);
    assert_int_equal(ask_at(&t, &evidence, NOW + 60, &v), DS_OK);
    assert_int_equal(kms_log_head_time_s(kms.release_log), NOW + 60);
    assert_int_equal(kms_time_open(&again, dir, &e), DS_OK);
    assert_int_equal(again.persisted_s, NOW + 60);
    assert_int_equal(ask_at(&t, &evidence, NOW + 59, &v), DS_ERR_DENIED);
    assert_true(ds_verdict_has(&v, DS_CODE_TIME_BEHIND_FLOOR));
    load_leaf(&leaf, 1);
    assert_says(&leaf, "\"time_s\":1790000060");
    assert_int_equal(ask_at(&t, &evidence, NOW + 60, &v), DS_OK);
    /* A restart with an empty log: the floor on disk is left. */
    fresh_log();
    assert_int_equal(kms_time_open(&kms.time, dir, &e), DS_OK);
    assert_int_equal(ask_at(&t, &evidence, NOW + 59, &v), DS_ERR_DENIED);
    assert_int_equal(ask_at(&t, &evidence, NOW + 60, &v), DS_OK);
    /* A false date of the collateral denies while it stands there, and leaves nothing behind. */
    kms.simulated.issue_s = NOW + 1000000;
    assert_int_equal(ask_at(&t, &evidence, NOW + 60, &v), DS_ERR_DENIED);
    assert_int_equal(kms_log_head_time_s(kms.release_log), NOW + 60);
    kms.simulated.issue_s = 0;
    assert_int_equal(ask_at(&t, &evidence, NOW + 60, &v), DS_OK);
    int64_t now_s;
    assert_int_equal(kms_now(&now_s, &kms, NOW + 59, &e), DS_ERR_STALE);
    assert_int_equal(kms_now(&now_s, &kms, NOW + 61, &e), DS_OK);
    assert_int_equal(now_s, NOW + 61);
}

/* A flood of refusals ends in no more leaves; good evidence is served all the same. */
static void test_flood_of_refusals(void **state)
{
    (void)state;
    struct ds_verdict v;
    struct trial t, good;
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    const struct kms_rate rate = KMS_DENIAL_RATE;
    int64_t n_denied = 0;
    begin(&t, KMS_ACT_BOOT_KEYS);
    good = t;
    none(&t);
    while (ask_at(&t, &evidence, NOW, &v) == DS_ERR_DENIED)
        n_denied++;
    assert_int_equal(n_denied, rate.burst);
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask_at(&t, &evidence, NOW, &v), DS_ERR_UNAVAILABLE);
    assert_int_equal(kms_log_size(kms.release_log), rate.burst);
    assert_int_equal(kms.limit.n_denials_dropped, 51);
    assert_int_equal(ask_at(&good, &evidence, NOW, &v), DS_OK);
    t.request.mono_ms = rate.refill_ms;
    assert_int_equal(ask_at(&t, &evidence, NOW, &v), DS_ERR_DENIED);
    assert_int_equal(kms_log_size(kms.release_log), rate.burst + 2);
}

/* One instance asks without end: no more leaves of that act, and the others are served. */
static void test_flood_of_grants(void **state)
{
    (void)state;
    for (int act = 0; act < KMS_N_ACTS; act++) {
        struct ds_verdict v;
        struct trial t, other_act;
        DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf other_evidence = { 0 };
        const struct kms_rate *rate = kms_limit_rate((enum kms_act)act);
        begin(&other_act, (enum kms_act)((act + 1) % KMS_N_ACTS));
        begin(&t, (enum kms_act)act);
        for (int64_t i = 0; i < rate->burst; i++)
            assert_int_equal(ask_at(&t, &evidence, NOW, &v), DS_OK);
        assert_int_equal(ask_at(&t, &evidence, NOW, &v), DS_ERR_UNAVAILABLE);
        assert_int_equal(v.n_reasons, 0);
        assert_int_equal(kms_log_size(kms.release_log), rate->burst);
        assert_int_equal(kms.limit.n_holders_refused, 1);
        assert_int_equal(ask_at(&other_act, &other_evidence, NOW, &v), DS_OK);
        t.request.mono_ms = rate->refill_ms;
        assert_int_equal(ask_at(&t, &evidence, NOW, &v), DS_OK);
    }
}

/* Another writer took the log over: good evidence gets nothing, and the log is as it was. */
static void test_no_log_no_keys(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    struct kms_grant grant = { 0 };
    struct store *s = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    begin(&t, KMS_ACT_BOOT_KEYS);
    uint64_t before = kms_log_size(kms.release_log);
    assert_int_equal(store_open_sqlite(&s, log_path, NULL, &e), DS_OK);
    assert_int_equal(store_put(s, "head", DS_SPAN_LIT("another"), "test", &e), DS_OK);
    store_close(s);
    assert_int_equal(ask(&grant, &v, &t, &evidence, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_KMS_LOG_BROKEN);
    assert_null(grant.mem);
    assert_int_equal(kms_log_size(kms.release_log), before);
}

/* The image's document with another kernel, and checksum files that are true of what they say. */
static int make_foreign_documents(struct ds_error *e)
{
    uint8_t doc32[32];
    struct measure_image image = kit.image;
    image.kernel48[0] ^= 1;
    DS_TRY(measure_image_encode(&foreign_document, &image, e));
    DS_TRY(ds_hash(DS_SHA256, doc32, KIT_SPAN(foreign_document), e));
    ds_buf_printf(&foreign_checksums, "%s  measurement.tdx.cbor\n", DS_HEX(DS_SPAN_OF(doc32)));
    DS_TRY(ds_hash(DS_SHA256, foreign32, KIT_SPAN(foreign_checksums), e));
    ds_buf_printf(&nameless_checksums, "%s  bzImage\n", DS_HEX(DS_SPAN_OF(doc32)));
    return ds_hash(DS_SHA256, nameless32, KIT_SPAN(nameless_checksums), e);
}

static int make_credential(struct ds_buf *ret, const uint8_t app_id20[20], struct ds_span instance,
                           struct ds_error *e)
{
    DS_AUTO(kms_app_ca_done) struct kms_app_ca ca = { 0 };
    DS_TRY(kms_app_ca_make(&ca, &kms.root, app_id20, NOW, e));
    const struct kms_credential_for who = { .spki = DS_SPAN_OF(kit.guest_spki),
                                            .app_id = DS_SPAN(app_id20, 20),
                                            .instance_id = instance,
                                            .now_s = NOW,
                                            .life_s = KMS_CREDENTIAL_LIFE_S };
    return kms_credential_make(ret, &ca, &who, e);
}

static int make_credentials(struct ds_error *e)
{
    struct ds_span instance = DS_SPAN_OF(kit.instance_id20);
    DS_TRY(make_credential(&credentials[OURS], kit.app_id20, instance, e));
    DS_TRY(make_credential(&credentials[OTHER_INSTANCE], kit.app_id20, DS_SPAN_OF(other20), e));
    return make_credential(&credentials[OTHER_APP], other20, instance, e);
}

static int setup(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    if (mkdtemp(dir) == NULL || kms_root_open(&kms.root, dir, KMS_KIND_SIMULATED, NOW, &e) < 0)
        return -1;
    if (kms_time_open(&kms.time, dir, &e) < 0)
        return -1;
    kit_init(&kit, kms.root.ca_spki, NOW);
    kit_init(&other, kms.root.ca_spki, NOW);
    memcpy(other_spki, other.guest_spki, sizeof other_spki);
    memset(other32, 0x0e, sizeof other32);
    memset(other20, 0x0f, sizeof other20);
    kms.credential_life_s = KMS_CREDENTIAL_LIFE_S;
    return make_credentials(&e) | make_foreign_documents(&e);
}

static int teardown(void **state)
{
    (void)state;
    kms_log_close(kms.release_log);
    kms_allow_done(&kms.allow);
    kms_root_done(&kms.root);
    ds_buf_done(&kms.simulated.collateral);
    for (size_t i = 0; i < N_CREDENTIALS; i++)
        ds_buf_done(&credentials[i]);
    ds_buf_done(&foreign_document);
    ds_buf_done(&foreign_checksums);
    ds_buf_done(&nameless_checksums);
    kit_done(&kit);
    kit_done(&other);
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_keys),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_certificate_without_names),
        cmocka_unit_test(test_credential),
        cmocka_unit_test(test_boot_evidence_signs),
        cmocka_unit_test(test_each_fault_is_denied),
        cmocka_unit_test(test_all_reasons_at_once),
        cmocka_unit_test(test_no_collateral),
        cmocka_unit_test(test_false_date_of_collateral_ends),
        cmocka_unit_test(test_time_goes_one_way),
        cmocka_unit_test(test_flood_of_refusals),
        cmocka_unit_test(test_flood_of_grants),
        cmocka_unit_test(test_no_log_no_keys), /* last: the log is broken then */
    };
    return cmocka_run_group_tests_name("kms/release", tests, setup, teardown);
}

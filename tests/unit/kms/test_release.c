/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision about a key: evidence with any one fault gets a denial with that
 * fault's code, and a leaf that says so; a flood and a wrong clock get no more.
 * What good evidence gets is test_issue.c.
 */
#include "kms/release.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/hex.h"
#include "crypto/hash.h"
#include "kms/credential.h"
#include "store/store.h"
#include "trial.h"

/* Evidence of the boot serves for a certificate too; the other way round it does not. */
static void test_boot_evidence_signs(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_verdict v = { 0 };
    struct trial t;
    DS_AUTO(kms_grant_done) struct kms_grant grant = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    trial_begin(&t, KMS_ACT_SIGN_CERT);
    t.plan = kit_plan_boot(&kit);
    assert_int_equal(trial_ask(&grant, &v, &t, &evidence, &e), DS_OK);
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
    trial_allow(kit.app_id20, other32, kit.os_image32);
}
static void logged_app_id(struct trial *t)
{
    kit_event_find(&t->plan, "app-id")->payload = DS_SPAN_OF(other20);
    trial_allow(other20, kit.compose32, kit.os_image32);
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
    trial_allow(other20, kit.compose32, kit.os_image32);
}
static void other_image(struct trial *t)
{
    (void)t;
    kms_allow_done(&kms.allow);
    trial_allow(kit.app_id20, kit.compose32, other32);
}
/* The image. */
static void image_hash(struct trial *t)
{
    t->plan.os_image32 = other32;
    trial_allow(kit.app_id20, kit.compose32, other32);
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
    trial_allow(kit.app_id20, kit.compose32, foreign32);
}
static void nameless_document(struct trial *t)
{
    t->plan.checksums = KIT_SPAN(nameless_checksums);
    t->plan.os_image32 = nameless32;
    trial_allow(kit.app_id20, kit.compose32, nameless32);
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
    { "quote with another signature", BOOT, broken_quote, DS_CODE_DCAP_QUOTE_SIGNATURE, 1 },
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
    trial_begin(&t, row->act);
    row->change(&t);
    uint64_t before = kms_log_size(kms.release_log);
    int r = trial_ask(&grant, &v, &t, &evidence, &e);
    bool ok = r == DS_ERR_DENIED && v.n_reasons == row->n && v.reasons[0].code == row->code;
    if (!ok) {
        print_error("%s: %d, %u reasons\n", row->name, r, v.n_reasons);
        for (uint32_t i = 0; i < v.n_reasons; i++)
            print_error("    %s: %s\n", id_of(v.reasons[i].code), v.reasons[i].detail.claim);
        return 1;
    }
    assert_null(grant.mem);
    assert_int_equal(kms_log_size(kms.release_log), before + 1);
    trial_leaf_load(&leaf, before);
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
    trial_begin(&t, KMS_ACT_BOOT_KEYS);
    kernel(&t);
    lent(&t);
    debug(&t);
    other_compose(&t);
    assert_int_equal(trial_ask(&grant, &v, &t, &evidence, &e), DS_ERR_DENIED);
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
    trial_begin(&t, KMS_ACT_BOOT_KEYS);
    ds_buf_clear(&kms.simulated.collateral);
    uint64_t before = kms_log_size(kms.release_log);
    assert_int_equal(trial_ask(&grant, &v, &t, &evidence, &e), DS_ERR_UNAVAILABLE);
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
            trial_begin(&t, (enum kms_act)act);
            kms.simulated.fetched_s = NOW + 10;
            kms.simulated.issue_s = NOW + 1000000;
            t.now_s = NOW + 10 + steps[i].after_s;
            assert_int_equal(trial_ask(&grant, &v, &t, &evidence, &e), steps[i].want);
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
    int r = trial_ask(&grant, v, t, evidence, &e);
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
    trial_begin(&t, KMS_ACT_BOOT_KEYS);
    assert_int_equal(ask_at(&t, &evidence, NOW + 60, &v), DS_OK);
    assert_int_equal(kms_log_head_time_s(kms.release_log), NOW + 60);
    assert_int_equal(kms_time_open(&again, trial_dir, &e), DS_OK);
    assert_int_equal(again.persisted_s, NOW + 60);
    assert_int_equal(ask_at(&t, &evidence, NOW + 59, &v), DS_ERR_DENIED);
    assert_true(ds_verdict_has(&v, DS_CODE_TIME_BEHIND_FLOOR));
    trial_leaf_load(&leaf, 1);
    assert_says(&leaf, "\"time_s\":1790000060");
    assert_int_equal(ask_at(&t, &evidence, NOW + 60, &v), DS_OK);
    /* A restart with an empty log: the floor on disk is left. */
    trial_log_fresh();
    assert_int_equal(kms_time_open(&kms.time, trial_dir, &e), DS_OK);
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
    trial_begin(&t, KMS_ACT_BOOT_KEYS);
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
        trial_begin(&other_act, (enum kms_act)((act + 1) % KMS_N_ACTS));
        trial_begin(&t, (enum kms_act)act);
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
    trial_begin(&t, KMS_ACT_BOOT_KEYS);
    uint64_t before = kms_log_size(kms.release_log);
    assert_int_equal(store_open_sqlite(&s, trial_log_path, NULL, &e), DS_OK);
    assert_int_equal(store_put(s, "head", DS_SPAN_LIT("another"), "test", &e), DS_OK);
    store_close(s);
    assert_int_equal(trial_ask(&grant, &v, &t, &evidence, &e), DS_ERR_UNTRUSTED);
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

static int setup(void **state)
{
    struct ds_error e = { 0 };
    return trial_setup(state) | make_foreign_documents(&e);
}

static int teardown(void **state)
{
    ds_buf_done(&foreign_document);
    ds_buf_done(&foreign_checksums);
    ds_buf_done(&nameless_checksums);
    return trial_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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

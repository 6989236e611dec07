/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The KMS and the VM of the tests; see trial.h.
 */
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "kms/credential.h"
#include "store/store.h"

char trial_dir[] = "/tmp/ds-release-XXXXXX";
char trial_log_path[64];
struct kms kms;
struct kit kit;
struct kit other;
uint8_t other_spki[DS_P256_SPKI_LEN], other32[32], other20[20];
struct ds_buf credentials[N_CREDENTIALS];

static unsigned n_logs;

void trial_allow(const uint8_t app_id20[20], const uint8_t compose32[32],
                 const uint8_t os_image32[32])
{
    struct ds_error e = { 0 };
    assert_int_equal(kms_allow_add(&kms.allow, app_id20, compose32, os_image32, false, &e), DS_OK);
}

void trial_log_fresh(void)
{
    struct ds_error e = { 0 };
    kms_log_close(kms.release_log);
    (void)snprintf(trial_log_path, sizeof trial_log_path, "%s/log-%u.db", trial_dir, n_logs++);
    assert_int_equal(kms_log_open(&kms.release_log, trial_log_path, &kms.root, &e), DS_OK);
    kms.time.persisted_s = 0;
    memset(&kms.limit, 0, sizeof kms.limit);
}

void trial_begin(struct trial *t, enum kms_act act)
{
    kms_allow_done(&kms.allow);
    trial_allow(kit.app_id20, kit.compose32, kit.os_image32);
    kms.root.kind = KMS_KIND_SIMULATED;
    trial_log_fresh();
    struct kms_simulated *s = &kms.simulated;
    ds_buf_clear(&s->collateral);
    ds_buf_add(&s->collateral, simtee_pki_collateral(kit.pki));
    simtee_pki_root_spki32(s->root_spki32, kit.pki);
    s->fetched_s = NOW;
    s->issue_s = 0;
    (void)snprintf(s->vmm_address, sizeof s->vmm_address, "unix:%s/none.sock", trial_dir);
    *t = (struct trial){ .plan = act == KMS_ACT_BOOT_KEYS ? kit_plan_boot(&kit)
                                                          : kit_plan_running(&kit),
                         .request = { .act = act, .bound_spki = DS_SPAN_OF(kit.guest_spki) },
                         .chain = { KIT_SPAN(credentials[OURS]) },
                         .now_s = NOW };
    t->request.chain = t->chain;
    t->request.n_chain = act == KMS_ACT_BOOT_KEYS ? 0 : 1;
}

int trial_ask(struct kms_grant *grant, struct ds_verdict *v, struct trial *t,
              struct ds_buf *evidence, struct ds_error *e)
{
    if (t->request.attestation.p == NULL) {
        kit_attest(evidence, &kit, &t->plan);
        t->request.attestation = KIT_SPAN(*evidence);
    }
    return kms_decide(grant, v, &kms, &t->request, t->now_s, e);
}

void trial_leaf_load(struct ds_buf *ret, uint64_t index)
{
    struct ds_error e = { 0 };
    struct store *s = NULL;
    char key[32];
    uint64_t version;
    (void)snprintf(key, sizeof key, "leaf/%016llx", (unsigned long long)index);
    assert_int_equal(store_open_sqlite(&s, trial_log_path, NULL, &e), DS_OK);
    assert_int_equal(store_get(s, key, ret, &version, &e), DS_OK);
    store_close(s);
    assert_true(ret->len > 0);
}

void assert_says(const struct ds_buf *text, const char *part)
{
    if (text->p == NULL || strstr(text->p, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text->p != NULL ? text->p : "");
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

int trial_setup(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    if (mkdtemp(trial_dir) == NULL ||
        kms_root_open(&kms.root, trial_dir, KMS_KIND_SIMULATED, NOW, &e) < 0)
        return -1;
    if (kms_time_open(&kms.time, trial_dir, &e) < 0)
        return -1;
    kit_init(&kit, kms.root.ca_spki, NOW);
    kit_init(&other, kms.root.ca_spki, NOW);
    memcpy(other_spki, other.guest_spki, sizeof other_spki);
    memset(other32, 0x0e, sizeof other32);
    memset(other20, 0x0f, sizeof other20);
    kms.credential_life_s = KMS_CREDENTIAL_LIFE_S;
    return make_credentials(&e);
}

int trial_teardown(void **state)
{
    (void)state;
    kms_log_close(kms.release_log);
    kms_allow_done(&kms.allow);
    kms_root_done(&kms.root);
    ds_buf_done(&kms.simulated.collateral);
    for (size_t i = 0; i < N_CREDENTIALS; i++)
        ds_buf_done(&credentials[i]);
    kit_done(&kit);
    kit_done(&other);
    return ds_dir_remove(trial_dir, NULL);
}

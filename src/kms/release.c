/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One straight line from evidence to a decision. Rules of DESIGN 5 stand here
 * in the order in which they apply; all reasons are collected, except where a
 * failed step leaves nothing to go on with.
 */
#include "kms/release.h"

#include "base/hex.h"
#include "crypto/hash.h"
#include "kms/collateral.h"
#include "kms/credential.h"
#include "policy/policy.h"
#include "ratls/cert.h"

#define NODE  "local"
#define EPOCH 0

void kms_grant_done(struct kms_grant *g)
{
    kms_log_receipt_done(&g->receipt);
    free(g->mem);
}

static void check_state(struct ds_verdict *v, const struct kms *kms, enum kms_act act,
                        const struct app_appraisal *a)
{
    /* DESIGN 5, "Keys come at boot": the app runs after system-ready and could ask for itself. */
    if (act == KMS_ACT_BOOT_KEYS && ds_claims_is_system_ready(a->claims))
        ds_verdict_add(v, DS_CODE_KMS_EVIDENCE_AFTER_BOOT, "event log", "no system-ready",
                       "system-ready", "RTMR3");
    if (!ds_claims_is_boot_done(a->claims))
        ds_verdict_add(v, DS_CODE_KMS_EVIDENCE_INCOMPLETE, "event log", "boot-mr-done", "none",
                       "RTMR3");
    if (!a->identity_proved)
        return; /* its reason is there already */
    if (a->mr_config.key_provider != APP_KEY_PROVIDER_KMS ||
        !ds_span_eq(a->mr_config.key_provider_id, DS_SPAN_OF(kms->root.ca_spki)))
        ds_verdict_add(v, DS_CODE_KMS_OTHER_PROVIDER, "key_provider_id",
                       DS_HEX(ds_span_sub(DS_SPAN_OF(kms->root.ca_spki), 26, 65)),
                       DS_HEX(ds_span_sub(a->mr_config.key_provider_id, 26, 65)), "MRCONFIGID");
}

/* A credential is for one instance of one app: it vouches for no other's evidence. */
static void check_holder(struct ds_verdict *v, const struct kms_holder *holder,
                         const struct ds_claims *claims)
{
    struct ds_span app_id = ds_claims_app_id(claims), instance = ds_claims_instance_id(claims);
    if (!ds_span_eq(holder->app_id, app_id))
        ds_verdict_add(v, DS_CODE_KMS_CREDENTIAL_OTHER, "app id", DS_HEX(holder->app_id),
                       DS_HEX(app_id), "instance credential");
    if (!ds_span_eq(holder->instance_id, instance))
        ds_verdict_add(v, DS_CODE_KMS_CREDENTIAL_OTHER, "instance id", DS_HEX(holder->instance_id),
                       DS_HEX(instance), "instance credential");
}

static int check_policy(struct ds_verdict *v, const struct kms *kms, enum kms_act act,
                        struct ds_span bound_spki, const struct app_appraisal *a, int64_t now_s,
                        struct ds_error *e)
{
    uint8_t bound64[64];
    DS_TRY(ratls_report_data(bound64, bound_spki, e));
    /* The evidence was made for this key: evidence cannot be lent. */
    if (!ds_span_eq(ds_claims_report_data64(a->claims), DS_SPAN_OF(bound64)))
        ds_verdict_add(v, DS_CODE_RATLS_KEY_NOT_BOUND, "report_data", DS_HEX(DS_SPAN_OF(bound64)),
                       DS_HEX(ds_claims_report_data64(a->claims)), ds_claims_anchor(a->claims));
    struct policy_rules rules;
    uint64_t kinds = POLICY_BIT(DS_KIND_HARDWARE);
    if (kms->root.kind == KMS_KIND_SIMULATED)
        kinds |= POLICY_BIT(DS_KIND_SIMULATED);
    /* MRCONFIGID was appraised with its document and names this KMS (check_state); app, compose
     * file and image are the allow-list's. */
    policy_rules_for(&rules, kinds,
                     POLICY_TCB(DS_TCB_UP_TO_DATE) | POLICY_TCB(DS_TCB_SW_HARDENING_NEEDED));
    rules.of[POLICY_ATTR_EVENT_LOG].number = 1;
    const struct policy_facts facts = { now_s, POLICY_SESSION_CERTIFICATE };
    check_state(v, kms, act, a);
    policy_check(v, a->claims, &rules, &facts);
    kms_allow_check(v, &kms->allow, ds_claims_app_id(a->claims), ds_claims_compose_hash(a->claims),
                    DS_SPAN_OF(a->vm.os_image_hash32));
    return DS_OK;
}

/* The collateral's date counts while the collateral is in use: nobody vouches for it, and a false
 * one must end when the true one is fetched. */
static struct kms_floors floors_of(const struct kms *kms, int64_t clock_s)
{
    const struct kms_simulated *s = &kms->simulated;
    return (struct kms_floors){ .persisted_s = kms->time.persisted_s,
                                .log_head_s = kms_log_head_time_s(kms->release_log),
                                .collateral_s = kms_collateral_is_kept(s, clock_s) ? s->issue_s
                                                                                   : 0 };
}

int kms_now(int64_t *ret_now_s, const struct kms *kms, int64_t clock_s, struct ds_error *e)
{
    const struct kms_floors floors = floors_of(kms, clock_s);
    return kms_time_decide(ret_now_s, clock_s, &floors, e);
}

/* A clock that is behind is a reason: nothing is in date by it. */
static void check_time(struct ds_verdict *v, const struct kms *kms, int64_t clock_s)
{
    struct ds_error why;
    int64_t now_s;
    if (kms_now(&now_s, kms, clock_s, &why) < 0)
        ds_verdict_add_error(v, &why, DS_CODE_TIME_BEHIND_FLOOR);
}

/* Fills the verdict; has_claims says whether evidence verified. A failure is an error of ours. */
static int judge_evidence(struct kms_grant *ret, struct ds_verdict *v, struct kms *kms,
                          const struct kms_request *in, int64_t now_s, struct ds_error *e)
{
    struct app_appraisal *a = &ret->appraisal;
    struct ds_arena mem = ds_arena_of(ret->mem, APP_APPRAISAL_MEM);
    if (in->attestation.len == 0) {
        ds_verdict_add(v, DS_CODE_KMS_NO_EVIDENCE, "evidence", "an attestation", "none",
                       "this KMS");
        return DS_OK;
    }
    struct ds_extra_anchor anchor;
    struct ds_anchors anchors = { &anchor, 0 };
    struct app_evidence evidence = { .attestation = in->attestation,
                                     .anchors = &anchors,
                                     .now_s = now_s };
    DS_TRY(kms_collateral_get(&evidence.collateral, &anchor, &anchors.n_extra, kms, now_s, e));
    check_time(v, kms, now_s); /* fresh collateral may know of a later time */
    if (v->n_reasons > 0)
        return DS_OK;
    struct ds_error why = { 0 };
    int r = app_appraise(a, v, &mem, &evidence, &why);
    if (r == DS_ERR_NOMEM) {
        *e = why;
        return r;
    }
    if (r < 0) {
        ds_verdict_add_error(v, &why, DS_CODE_KMS_EVIDENCE_INVALID);
        return DS_OK;
    }
    ret->has_claims = true;
    /* Before any policy is read: a hardware-born root never hears of simulated evidence. */
    if (kms->root.kind == KMS_KIND_HARDWARE && ds_claims_kind(a->claims) != DS_KIND_HARDWARE) {
        ds_verdict_add(v, DS_CODE_KMS_ROOT_IS_HARDWARE, "kind", "hardware",
                       ds_kind_text(ds_claims_kind(a->claims)), ds_claims_anchor(a->claims));
        return DS_OK;
    }
    return check_policy(v, kms, in->act, ret->bound_spki, a, now_s, e);
}

static int too_many(struct ds_error *e, const char *of, const struct kms_rate *rate)
{
    char expected[96];
    (void)snprintf(expected, sizeof expected, "%lld at once, then one each %lld s",
                   (long long)rate->burst, (long long)rate->refill_ms / 1000);
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_KMS_TOO_MANY, of, expected, "more", NULL);
}

static int check_rate(struct kms *kms, const struct kms_request *in, struct ds_span app_id,
                      struct ds_span instance_id, struct ds_error *e)
{
    static const char *const whats[KMS_N_ACTS] = {
        [KMS_ACT_BOOT_KEYS] = "boot keys for one instance",
        [KMS_ACT_SIGN_CERT] = "certificates for one instance",
        [KMS_ACT_RENEW_CREDENTIAL] = "credentials for one instance",
    };
    if (!kms_limit_holder(&kms->limit, in->act, app_id, instance_id, in->mono_ms))
        return too_many(e, whats[in->act], kms_limit_rate(in->act));
    return DS_OK;
}

/* Evidence of one boot can be shown any number of times: what would be granted is counted. */
static int judge_boot(struct kms_grant *ret, struct ds_verdict *v, struct kms *kms,
                      const struct kms_request *in, int64_t now_s, struct ds_error *e)
{
    DS_TRY(judge_evidence(ret, v, kms, in, now_s, e));
    if (v->n_reasons > 0)
        return DS_OK;
    const struct ds_claims *c = ret->appraisal.claims;
    return check_rate(kms, in, ds_claims_app_id(c), ds_claims_instance_id(c), e);
}

/* Whoever holds a credential asks for what is his, and not too often. */
static int judge_holder(struct kms_grant *ret, struct ds_verdict *v, struct kms *kms,
                        const struct kms_request *in, int64_t now_s, struct ds_error *e)
{
    struct kms_holder holder;
    DS_TRY(kms_credential_check(&holder, v, &kms->root, in->chain, in->n_chain, now_s, e));
    if (v->n_reasons > 0)
        return DS_OK; /* nobody in particular asks: his evidence is not worth the work */
    ret->source = KMS_SOURCE_HOLDER;
    DS_TRY(check_rate(kms, in, holder.app_id, holder.instance_id, e));
    if (in->act == KMS_ACT_RENEW_CREDENTIAL)
        ret->bound_spki = holder.spki;
    DS_TRY(judge_evidence(ret, v, kms, in, now_s, e));
    if (ret->has_claims)
        check_holder(v, &holder, ret->appraisal.claims);
    return DS_OK;
}

static int judge(struct kms_grant *ret, struct ds_verdict *v, struct kms *kms,
                 const struct kms_request *in, int64_t clock_s, struct ds_error *e)
{
    bool shows_nothing = in->n_chain == 0 && in->attestation.len == 0;
    ret->source = shows_nothing ? KMS_SOURCE_NOBODY : KMS_SOURCE_GUEST;
    ret->bound_spki = in->bound_spki;
    check_time(v, kms, clock_s);
    if (v->n_reasons > 0)
        return DS_OK;
    return in->act == KMS_ACT_BOOT_KEYS ? judge_boot(ret, v, kms, in, clock_s, e)
                                        : judge_holder(ret, v, kms, in, clock_s, e);
}

static const char *const act_names[] = {
    [KMS_ACT_BOOT_KEYS] = "get_app_key",
    [KMS_ACT_SIGN_CERT] = "sign_cert",
    [KMS_ACT_RENEW_CREDENTIAL] = "renew_credential",
};

static int write_leaf(struct kms_log_receipt *ret, struct kms *kms, const struct kms_request *in,
                      const struct app_appraisal *a, const struct ds_verdict *v, int64_t now_s,
                      struct ds_error *e)
{
    uint8_t evidence32[32];
    char version[24];
    DS_TRY(ds_hash(DS_SHA256, evidence32, in->attestation, e));
    (void)snprintf(version, sizeof version, "%llu", (unsigned long long)kms->allow.version);
    struct app_log_leaf leaf = {
        .time_s = now_s,
        .node = NODE,
        .epoch = EPOCH,
        .act = act_names[in->act],
        .decision = v->n_reasons == 0 ? "allow" : "deny",
        .policy_source = "allow-list",
        .policy_version = version,
        .evidence_sha256 = DS_SPAN_OF(evidence32),
    };
    for (uint32_t i = 0; i < v->n_reasons && leaf.n_codes < APP_LOG_CODES_MAX; i++)
        leaf.codes[leaf.n_codes++] = ds_code_info_get(v->reasons[i].code)->id;
    if (a != NULL) {
        leaf.kind = ds_kind_text(ds_claims_kind(a->claims));
        leaf.app_id = ds_claims_app_id(a->claims);
        leaf.instance_id = ds_claims_instance_id(a->claims);
        leaf.compose_hash = ds_claims_compose_hash(a->claims);
        leaf.os_image_hash = DS_SPAN_OF(a->vm.os_image_hash32);
        leaf.device_id = ds_claims_device_id32(a->claims);
    }
    return kms_log_append(ret, kms->release_log, &leaf, e);
}

int kms_decide(struct kms_grant *ret, struct ds_verdict *verdict, struct kms *kms,
               const struct kms_request *in, int64_t clock_s, struct ds_error *e)
{
    DS_AUTO(kms_grant_done) struct kms_grant g = { .mem = malloc(APP_APPRAISAL_MEM) };
    if (g.mem == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "judge evidence");
    DS_TRY(judge(&g, verdict, kms, in, clock_s, e));
    if (verdict->n_reasons > 0 && !kms_limit_denial(&kms->limit, g.source, in->mono_ms))
        return too_many(e, "refused requests", &KMS_DENIAL_RATE);
    /* A leaf never goes back in time. The collateral's date is left out: it is not verified, and a
     * false one must not stay in the log. */
    struct kms_floors floors = floors_of(kms, clock_s);
    floors.collateral_s = 0;
    int64_t floor_s = kms_floors_max(&floors), now_s = clock_s > floor_s ? clock_s : floor_s;
    DS_TRY(write_leaf(&g.receipt, kms, in, g.has_claims ? &g.appraisal : NULL, verdict, now_s, e));
    if (verdict->n_reasons > 0)
        return ds_verdict_fail(verdict, DS_ERR_DENIED, e);
    DS_TRY(kms_time_raise(&kms->time, now_s, e));
    *ret = g;
    memset(&g, 0, sizeof g);
    return DS_OK;
}

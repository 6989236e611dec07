/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appraise, apply the policy, lay the result out.
 */
#include "cli/verify.h"

#include <stdio.h>
#include <string.h>

#include "app/identity.h"
#include "attest/tdx/claims.h"
#include "attest/tdx/verify.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "crypto/hash.h"
#include "policy/policy.h"
#include "policy/proof.h"

#define ROWS_MAX (POLICY_PROOF_ROWS_MAX + 8)

struct table {
    struct policy_proof_row rows[ROWS_MAX];
    size_t n;
    enum ds_kind kind;
    bool is_fresh, is_compared;
};

static void add(struct table *t, const char *claim, enum policy_proof_state state, const char *by,
                const char *value)
{
    if (t->n == ROWS_MAX)
        return; /* a constant list fills it */
    struct policy_proof_row *r = &t->rows[t->n++];
    *r = (struct policy_proof_row){ .claim = claim, .state = state, .by = by };
    (void)snprintf(r->value, sizeof r->value, "%.*s", (int)sizeof r->value - 1, value);
}

/* What a reader might take for granted and nothing here shows. */
static const char *const never_proved[] = {
    "what the app does: only that exactly this compose file and these images run",
    "that the data disk is the newest: the host can hand over an older copy of it",
    "that every block of the data disk is as it was written: a changed one decrypts to noise",
    "availability: the host can stop the VM at any time",
    "who wrote the environment variables: anyone with the app's public key can encrypt some",
    "the KMS: a local KMS is pinned by its key, not attested",
};
static const char simulated_text[] =
    "protection: the platform is simulated, and whoever runs this machine can read all of the VM";
static const char uncompared_text[] =
    "which app this is: COMPARED WITH NOTHING, for no record of 'dstack up' says what should run";
static const char stale_text[] = "freshness: the evidence answers no nonce of this verifier";

static const char *not_proved_at(const struct table *t, size_t i)
{
    const char *more[3];
    size_t n = 0;
    if (!t->is_compared)
        more[n++] = uncompared_text;
    if (t->kind != DS_KIND_HARDWARE)
        more[n++] = simulated_text;
    if (!t->is_fresh)
        more[n++] = stale_text;
    if (i < n)
        return more[i];
    return i - n < DS_LEN(never_proved) ? never_proved[i - n] : NULL;
}

static void print_text(struct ds_buf *out, const struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct policy_proof_row *r = &t->rows[i];
        ds_buf_printf(out, "  %-10s %-13s %s\n", policy_proof_state_text(r->state), r->claim,
                      r->value[0] != '\0' ? r->value : "-");
        if (r->by[0] != '\0')
            ds_buf_printf(out, "  %-10s %-13s by %s\n", "", "", r->by);
    }
    ds_buf_str(out, "not proved:\n");
    for (size_t i = 0; not_proved_at(t, i) != NULL; i++)
        ds_buf_printf(out, "  - %s\n", not_proved_at(t, i));
}

static void print_json(struct ds_buf *out, const struct table *t, const struct ds_verdict *v)
{
    struct ds_jw w = ds_jw_of(out);
    ds_jw_object(&w, NULL);
    ds_jw_bool(&w, "allowed", v->n_reasons == 0);
    ds_jw_str(&w, "kind", ds_kind_text(t->kind));
    ds_jw_bool(&w, "fresh", t->is_fresh);
    ds_jw_bool(&w, "compared", t->is_compared);
    ds_jw_array(&w, "claims");
    for (size_t i = 0; i < t->n; i++) {
        ds_jw_object(&w, NULL);
        ds_jw_str(&w, "claim", t->rows[i].claim);
        ds_jw_str(&w, "value", t->rows[i].value);
        ds_jw_str(&w, "state", policy_proof_state_text(t->rows[i].state));
        ds_jw_str(&w, "anchor", t->rows[i].by);
        ds_jw_object_end(&w);
    }
    ds_jw_array_end(&w);
    ds_jw_array(&w, "not_proved");
    for (size_t i = 0; not_proved_at(t, i) != NULL; i++)
        ds_jw_str(&w, NULL, not_proved_at(t, i));
    ds_jw_array_end(&w);
    ds_jw_array(&w, "reasons");
    for (uint32_t i = 0; i < v->n_reasons; i++)
        cli_reason_json(&w, &v->reasons[i]);
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    ds_buf_char(out, '\n');
}

static int print(struct cli *cli, const struct table *t, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    if (cli->json)
        print_json(&out, t, &cli->reasons);
    else
        print_text(&out, t);
    DS_TRY(ds_buf_end(&out, e, "the result"));
    cli_print_span(ds_buf_span(&out));
    cli->reported = cli->json;
    return DS_OK;
}

static void rules_of(struct policy_rules *ret, const struct cli_verify *in, bool needs_log)
{
    uint64_t kinds = POLICY_BIT(DS_KIND_HARDWARE);
    kinds |= in->allow_simulated ? POLICY_BIT(DS_KIND_SIMULATED) : 0;
    kinds |= in->anchors.n_extra > 0 ? POLICY_BIT(DS_KIND_CUSTOM) : 0;
    if (in->policy != NULL)
        *ret = *in->policy;
    else
        policy_rules_for(ret, kinds,
                         POLICY_TCB(DS_TCB_UP_TO_DATE) | POLICY_TCB(DS_TCB_SW_HARDENING_NEEDED));
    if (needs_log)
        ret->of[POLICY_ATTR_EVENT_LOG].number = 1;
    policy_ask(ret, POLICY_ATTR_APP_IDS, in->app_id20);
    policy_ask(ret, POLICY_ATTR_INSTANCE_IDS, in->instance_id20);
    policy_ask(ret, POLICY_ATTR_COMPOSE_HASHES, in->compose_hash32);
    policy_ask(ret, POLICY_ATTR_OS_IMAGES, in->os_image_hash32);
}

static struct policy_facts facts_of(const struct cli_verify *in)
{
    return (struct policy_facts){ in->now_s, in->nonce32.len == 32 ? POLICY_SESSION_NONCE
                                                                   : POLICY_SESSION_NONE };
}

static void take_proof(struct table *t, const struct ds_claims *c, const struct policy_rules *rules,
                       const struct measure_tdx *predicted, const struct ds_verdict *v)
{
    struct policy_proof proof;
    policy_proof_make(&proof, c, rules, predicted, v);
    for (size_t i = 0; i < proof.n_rows; i++)
        t->rows[t->n++] = proof.rows[i];
    t->kind = proof.kind;
}

/* What the image's documents and MRCONFIGID add to the claims. */
static void add_app_rows(struct table *t, const struct app_appraisal *a,
                         const struct cli_verify *in)
{
    char shape[64];
    enum policy_proof_state image = a->image_proved ? POLICY_PROVED : POLICY_UNPROVED;
    (void)snprintf(shape, sizeof shape, "%u vCPUs, %llu MiB", a->vm.shape.vcpus,
                   (unsigned long long)(a->vm.shape.memory_bytes >> 20));
    add(t, "machine", image, a->image_proved ? "RTMR0" : "", shape);
    add(t, "root_disk", image,
        a->image_proved ? "root hash on the command line in RTMR2; dm-verity, block by block" : "",
        a->image_proved ? "the image's root file system" : "");
    add(t, "identity", a->identity_proved ? POLICY_PROVED : POLICY_REFUSED,
        "MRCONFIGID: the host committed to it before the launch",
        "compose hash, app id and key provider are those of the launch");
    add(t, "boot", POLICY_STATED, "event log in RTMR3",
        ds_claims_is_system_ready(a->claims) ? "finished before the app started" : "not finished");
    if (t->is_fresh)
        add(t, "nonce", POLICY_PROVED, "report_data of the quote", DS_HEX(in->nonce32));
}

static int decide(const struct ds_verdict *v, uint32_t n_invalid, struct ds_error *e)
{
    if (v->n_reasons == 0)
        return DS_OK;
    /* What does not hold together is invalid; what holds but is unwanted is denied. */
    return ds_verdict_fail(v, n_invalid > 0 ? DS_ERR_UNTRUSTED : DS_ERR_DENIED, e);
}

/* After the decision: what was refused is nobody's instance. */
static void take_instance(struct cli_instance *ret, const struct ds_claims *c)
{
    struct ds_span id = ds_claims_instance_id(c);
    *ret = (struct cli_instance){ .has = id.len == sizeof ret->id20 };
    if (ret->has)
        memcpy(ret->id20, id.p, sizeof ret->id20);
}

static int verify_in(struct cli *cli, struct cli_instance *ret, const struct cli_verify *in,
                     struct ds_arena *mem, struct ds_error *e)
{
    struct app_appraisal a = { 0 };
    struct table t = { 0 };
    uint8_t want64[64];
    DS_AUTO(ds_buf_done) struct ds_buf provider = { 0 };
    struct ds_verdict *v = &cli->reasons;
    const struct app_evidence evidence = { .attestation = in->attestation,
                                           .collateral = in->collateral,
                                           .anchors = &in->anchors,
                                           .now_s = in->now_s };
    DS_TRY(app_appraise(&a, v, mem, &evidence, e));
    uint32_t n_invalid = v->n_reasons;
    struct policy_rules rules;
    const struct policy_facts facts = facts_of(in);
    rules_of(&rules, in, true);
    if (in->nonce32.len == 32) {
        DS_TRY(app_verify_report_data(want64, in->nonce32.p, ds_claims_instance_id(a.claims), e));
        policy_ask(&rules, POLICY_ATTR_REPORT_DATA, DS_SPAN_OF(want64));
    }
    if (in->kms_spki.len > 0)
        DS_TRY(app_key_provider_info(&provider, APP_KEY_PROVIDER_KMS, in->kms_spki, e));
    policy_ask(&rules, POLICY_ATTR_KEY_PROVIDERS, ds_buf_span(&provider));
    policy_check(v, a.claims, &rules, &facts);
    t.is_compared = in->compose_hash32.len > 0;
    if (in->needs_record && !t.is_compared)
        ds_verdict_add(v, DS_CODE_CLI_NO_RECORD, "record", "what 'dstack up' recorded", "none",
                       "this user's state directory");
    t.is_fresh = in->nonce32.len == 32 && !ds_verdict_has(v, DS_CODE_POLICY_REPORT_DATA);
    take_proof(&t, a.claims, &rules, a.image_known ? &a.predicted : NULL, v);
    add_app_rows(&t, &a, in);
    DS_TRY(print(cli, &t, e));
    DS_TRY(decide(v, n_invalid, e));
    if (ret != NULL)
        take_instance(ret, a.claims);
    return DS_OK;
}

/* A quote alone says nothing of an instance: ret stays as it is. */
static int verify_quote_in(struct cli *cli, struct cli_instance *ret, const struct cli_verify *in,
                           struct ds_arena *mem, struct ds_error *e)
{
    (void)ret;
    static const char *const names[] = { "rtmr0", "rtmr1", "rtmr2", "rtmr3" };
    struct ds_tdx_quote quote;
    struct ds_dcap_collateral coll;
    struct table t = { 0 };
    struct ds_claims *c = ds_claims_new_in(mem);
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "verify a quote");
    DS_TRY(ds_tdx_quote_parse(&quote, in->attestation, e));
    DS_TRY(ds_dcap_collateral_parse(&coll, mem, in->collateral, e));
    DS_TRY(ds_tdx_quote_verify(c, mem, &quote, &coll, &in->anchors, in->now_s, e));
    struct policy_rules rules;
    const struct policy_facts facts = facts_of(in);
    rules_of(&rules, in, false);
    policy_check(&cli->reasons, c, &rules, &facts);
    take_proof(&t, c, &rules, NULL, &cli->reasons);
    for (unsigned i = 0; i < 4; i++)
        add(&t, names[i], POLICY_STATED, "quote", DS_HEX(ds_claims_rtmr48(c, i)));
    DS_TRY(print(cli, &t, e));
    return decide(&cli->reasons, 0, e);
}

typedef int verify_fn(struct cli *cli, struct cli_instance *ret, const struct cli_verify *in,
                      struct ds_arena *mem, struct ds_error *e);

static int with_memory(verify_fn *fn, struct cli *cli, struct cli_instance *ret,
                       const struct cli_verify *in, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(APP_APPRAISAL_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "verify evidence");
    struct ds_arena mem = ds_arena_of(room, APP_APPRAISAL_MEM);
    cli->reasons = (struct ds_verdict){ 0 };
    int r = fn(cli, ret, in, &mem, e);
    /* For whoever asked, malformed evidence is evidence that does not hold (exit 4). */
    bool is_malformed = r == DS_ERR_FORMAT || r == DS_ERR_TRUNCATED || r == DS_ERR_TRAILING ||
                        r == DS_ERR_RANGE;
    if (!is_malformed || e->code == DS_CODE_NONE)
        return r;
    e->cls = DS_ERR_UNTRUSTED;
    return DS_ERR_UNTRUSTED;
}

int cli_verify(struct cli *cli, struct cli_instance *ret, const struct cli_verify *in,
               struct ds_error *e)
{
    return with_memory(verify_in, cli, ret, in, e);
}

int cli_verify_quote(struct cli *cli, const struct cli_verify *in, struct ds_error *e)
{
    return with_memory(verify_quote_in, cli, NULL, in, e);
}

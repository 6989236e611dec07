/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own form of a finding, and who gets which form.
 */
#include "verifier/result.h"

#include "attest/sgx/claims.h"
#include "attest/snp/claims.h"
#include "attest/tdx/claims.h"
#include "codec/date.h"
#include "verifier/query.h"

static void put_hex(struct ds_jw *w, const char *key, struct ds_span bytes)
{
    if (bytes.len > 0)
        ds_jw_hex(w, key, bytes);
}

static void put_date(struct ds_jw *w, const char *key, int64_t t_s)
{
    char text[21];
    ds_jw_str(w, key, ds_date_format(text, t_s));
}

/* Of another platform than the evidence's a value is empty, and left out. */
static const struct {
    const char *name;
    struct ds_span (*get)(const struct ds_claims *);
} values[] = {
    { "device_id", ds_claims_device_id32 },
    { "fmspc", ds_claims_fmspc6 },
    { "report_data", ds_claims_report_data64 },
    { "mrtd", ds_claims_mrtd48 },
    { "rtmr0", ds_claims_rtmr0_48 },
    { "rtmr1", ds_claims_rtmr1_48 },
    { "rtmr2", ds_claims_rtmr2_48 },
    { "rtmr3", ds_claims_rtmr3_48 },
    { "mrconfigid", ds_claims_mrconfigid48 },
    { "mrowner", ds_claims_mrowner48 },
    { "mrownerconfig", ds_claims_mrownerconfig48 },
    { "mrseam", ds_claims_mrseam48 },
    { "mrenclave", ds_claims_mrenclave32 },
    { "mrsigner", ds_claims_mrsigner32 },
    { "measurement", ds_claims_snp_measurement48 },
    { "host_data", ds_claims_snp_host_data32 },
    { "id_key_digest", ds_claims_snp_id_key_digest48 },
    { "author_key_digest", ds_claims_snp_author_key_digest48 },
    { "chip_id", ds_claims_snp_chip_id64 },
};

static void put_enclave_numbers(struct ds_jw *w, const struct ds_claims *c)
{
    ds_jw_u64(w, "isv_prod_id", ds_claims_isvprodid(c));
    ds_jw_u64(w, "isv_svn", ds_claims_isvsvn(c));
}

static void put_guest_numbers(struct ds_jw *w, const struct ds_claims *c)
{
    ds_jw_str(w, "product", ds_snp_product_text(ds_claims_snp_product(c)));
    ds_jw_u64(w, "policy", ds_claims_snp_policy(c));
    ds_jw_u64(w, "vmpl", ds_claims_snp_vmpl(c));
    ds_jw_u64(w, "guest_svn", ds_claims_snp_guest_svn(c));
    ds_jw_bool(w, "crl_checked", ds_claims_snp_is_crl_checked(c));
}

static void put_platform_claims(struct ds_jw *w, const struct ds_claims *c)
{
    ds_jw_str(w, "tee", ds_tee_text(ds_claims_tee(c)));
    ds_jw_bool(w, "debug", ds_claims_is_debug(c));
    ds_jw_str(w, "tcb_status", ds_tcb_status_text(ds_claims_tcb_status(c)));
    put_date(w, "tcb_date", ds_claims_tcb_date_s(c));
    ds_jw_u64(w, "tcb_eval_number", ds_claims_tcb_eval_number(c));
    ds_jw_array(w, "advisory_ids");
    for (size_t i = 0; ds_claims_advisory(c, i) != NULL; i++)
        ds_jw_str(w, NULL, ds_claims_advisory(c, i));
    ds_jw_array_end(w);
    for (size_t i = 0; i < DS_LEN(values); i++)
        put_hex(w, values[i].name, values[i].get(c));
    if (ds_claims_tee(c) == DS_TEE_SGX)
        put_enclave_numbers(w, c);
    if (ds_claims_tee(c) == DS_TEE_SEV_SNP)
        put_guest_numbers(w, c);
}

static void put_app_claims(struct ds_jw *w, const struct ds_claims *c)
{
    put_hex(w, "app_id", ds_claims_app_id(c));
    put_hex(w, "instance_id", ds_claims_instance_id(c));
    put_hex(w, "compose_hash", ds_claims_compose_hash(c));
    put_hex(w, "os_image_hash", ds_claims_os_image_hash(c));
    if (ds_claims_key_provider(c).len > 0)
        ds_jw_text(w, "key_provider", ds_claims_key_provider(c));
    ds_jw_bool(w, "boot_done", ds_claims_is_boot_done(c));
    ds_jw_bool(w, "system_ready", ds_claims_is_system_ready(c));
}

static void put_reasons(struct ds_jw *w, const struct ds_verdict *v)
{
    ds_jw_array(w, "reasons");
    for (uint32_t i = 0; i < v->n_reasons; i++) {
        const struct ds_reason *r = &v->reasons[i];
        ds_jw_object(w, NULL);
        ds_jw_str(w, "code", ds_code_info_get(r->code)->id);
        ds_jw_str(w, "claim", r->detail.claim);
        ds_jw_str(w, "expected", r->detail.expected);
        ds_jw_str(w, "got", r->detail.got);
        ds_jw_str(w, "anchor", r->detail.anchor);
        ds_jw_str(w, "fix", ds_code_info_get(r->code)->fix);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
    ds_jw_u64(w, "reasons_left_out", v->n_dropped);
}

static void put_steps(struct ds_jw *w, const struct verifier_finding *f)
{
    static const char *const names[VERIFIER_N_STEPS] = {
        [VERIFIER_READ] = "read",       [VERIFIER_QUOTE] = "quote",
        [VERIFIER_BINDING] = "binding", [VERIFIER_LOG] = "event_log",
        [VERIFIER_IMAGE] = "os_image",  [VERIFIER_IDENTITY] = "identity",
        [VERIFIER_POLICY] = "policy",
    };
    static const char *const outcomes[] = {
        [VERIFIER_SKIPPED] = "skipped", [VERIFIER_HELD] = "held", [VERIFIER_FAILED] = "failed"
    };
    ds_jw_object(w, "steps");
    for (size_t i = 0; i < VERIFIER_N_STEPS; i++)
        ds_jw_str(w, names[i], outcomes[f->steps[i]]);
    ds_jw_object_end(w);
}

static void put_proof(struct ds_jw *w, const struct policy_proof *p)
{
    ds_jw_array(w, "proof");
    for (size_t i = 0; i < p->n_rows; i++) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "claim", p->rows[i].claim);
        ds_jw_str(w, "value", p->rows[i].value);
        ds_jw_str(w, "state", policy_proof_state_text(p->rows[i].state));
        ds_jw_str(w, "by", p->rows[i].by);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void put_policies(struct ds_jw *w, const struct verifier_finding *f)
{
    ds_jw_array(w, "policies");
    for (size_t i = 0; i < f->n_policies; i++)
        ds_jw_str(w, NULL, f->policies[i]);
    ds_jw_array_end(w);
}

static void put_by(struct ds_jw *w, enum verifier_by by)
{
    static const char *const texts[] = {
        [VERIFIER_BY_NONE] = "none",
        [VERIFIER_BY_OWN] = "verifier",
        [VERIFIER_BY_REQUEST] = "request",
        [VERIFIER_BY_EVIDENCE] = "evidence",
        [VERIFIER_BY_BOTH] = "verifier and evidence",
    };
    ds_jw_str(w, "collateral_by", texts[by]);
}

int verifier_result_v1(struct ds_buf *ret, const struct verifier_finding *f,
                       const struct verifier_say *say, struct ds_error *e)
{
    const struct ds_claims *c = f->a.claims;
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "verdict", verifier_verdict_text(f));
    ds_jw_str(&w, "kind", ds_kind_text(c != NULL ? ds_claims_kind(c) : DS_KIND_NONE));
    ds_jw_str(&w, "anchor", c != NULL ? ds_claims_anchor(c) : "");
    ds_jw_bool(&w, "fresh", f->is_fresh);
    put_date(&w, "judged_at", say->now_s);
    put_by(&w, f->by);
    if (c != NULL) {
        put_date(&w, "collateral_from", ds_claims_valid_from_s(c));
        put_date(&w, "collateral_until", ds_claims_valid_until_s(c));
    }
    put_steps(&w, f);
    put_policies(&w, f);
    put_reasons(&w, &f->verdict);
    if (c != NULL) {
        ds_jw_object(&w, "claims");
        put_platform_claims(&w, c);
        if (f->steps[VERIFIER_LOG] == VERIFIER_HELD)
            put_app_claims(&w, c);
        ds_jw_object_end(&w);
    }
    put_proof(&w, &f->proof);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "result");
}

static const struct verifier_form forms[] = {
    { "application/json", verifier_result_v1 },
    { "application/eat+jwt", verifier_result_jwt },
    { "application/eat+cwt", verifier_result_cwt },
};

const struct verifier_form *verifier_form_find(const char *accept)
{
    for (size_t i = 0; i < DS_LEN(forms); i++)
        if (query_accepts(accept, forms[i].media_type))
            return &forms[i];
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From verified claims and a verdict to an appraisal: the vector, and under
 * our own name everything that it was made of.
 */
#include "attest/sgx/claims.h"
#include "attest/snp/claims.h"
#include "attest/tdx/claims.h"
#include "ear/ear.h"

/* What is measured, or proved by what is measured; a platform without it gives an empty span. */
static const struct {
    const char *name;
    struct ds_span (*get)(const struct ds_claims *);
} measured[] = {
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
    { "family_id", ds_claims_snp_family_id16 },
    { "image_id", ds_claims_snp_image_id16 },
    { "id_key_digest", ds_claims_snp_id_key_digest48 },
    { "author_key_digest", ds_claims_snp_author_key_digest48 },
    { "report_id", ds_claims_snp_report_id32 },
    { "device_id", ds_claims_device_id32 },
    { "app_id", ds_claims_app_id },
    { "compose_hash", ds_claims_compose_hash },
    { "instance_id", ds_claims_instance_id },
    { "os_image_hash", ds_claims_os_image_hash },
};
_Static_assert(DS_LEN(measured) <= EAR_MEASUREMENTS_MAX, "every measurement has a place");

static void measurements(struct ear_dstack *ret, const struct ds_claims *c)
{
    for (size_t i = 0; i < DS_LEN(measured); i++) {
        struct ds_span value = measured[i].get(c);
        if (value.len > 0)
            ret->measurements[ret->n_measurements++] = (struct ear_measurement){
                ds_span_str(measured[i].name), value
            };
    }
}

static void reasons(struct ear_dstack *ret, const struct ds_verdict *verdict)
{
    for (uint32_t i = 0; i < verdict->n_reasons; i++) {
        const struct ds_reason *r = &verdict->reasons[i];
        ret->reasons[ret->n_reasons++] = (struct ear_reason){
            .code = ds_span_str(ds_code_info_get(r->code)->id),
            .claim = ds_span_str(r->detail.claim),
            .expected = ds_span_str(r->detail.expected),
            .got = ds_span_str(r->detail.got),
            .anchor = ds_span_str(r->detail.anchor),
        };
    }
    ret->n_left_out = verdict->n_dropped;
}

void ear_appraisal_of(struct ear_appraisal *ret, const struct ds_claims *c,
                      const struct ds_verdict *verdict, unsigned approved)
{
    *ret = (struct ear_appraisal){ .label = DS_SPAN_LIT(EAR_DSTACK_LABEL),
                                   .has_vector = true,
                                   .has_dstack = true };
    ret->status = ear_vector_of(&ret->vector, c, verdict, approved);
    struct ear_dstack *d = &ret->dstack;
    d->kind = ds_span_str(ds_kind_text(c != NULL ? ds_claims_kind(c) : DS_KIND_NONE));
    reasons(d, verdict);
    if (c == NULL)
        return;
    d->anchor = ds_span_str(ds_claims_anchor(c));
    d->tee = ds_span_str(ds_tee_text(ds_claims_tee(c)));
    d->tcb_status = ds_span_str(ds_tcb_status_text(ds_claims_tcb_status(c)));
    const char *id;
    while (d->n_advisories < EAR_ADVISORIES_MAX &&
           (id = ds_claims_advisory(c, d->n_advisories)) != NULL)
        d->advisories[d->n_advisories++] = ds_span_str(id);
    measurements(d, c);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding as an EAT attestation result: ear/ fills the appraisal and signs. No
 * reference value was compared unless a rule named one, so nothing else is affirmed.
 */
#include "ear/cwt.h"
#include "ear/jwt.h"
#include "verifier/result.h"

static unsigned approved_of(const struct policy_rules *r)
{
    unsigned bits = 0;
    bits |= policy_is_compared(r, POLICY_ATTR_DEVICE_IDS) ? EAR_APPROVED_DEVICE : 0;
    bits |= policy_is_compared(r, POLICY_ATTR_COMPOSE_HASHES) ||
                    policy_is_compared(r, POLICY_ATTR_MRCONFIGID)
                ? EAR_APPROVED_CONFIG
                : 0;
    bits |= policy_is_compared(r, POLICY_ATTR_OS_IMAGES) ? EAR_APPROVED_IMAGE : 0;
    return bits;
}

static struct ear *make(const struct verifier_finding *f, const struct verifier_say *say)
{
    struct ear *ear = malloc(sizeof *ear);
    if (ear == NULL)
        return NULL;
    *ear = (struct ear){ .iat_s = say->now_s,
                         .exp_s = say->now_s + say->life_s,
                         .developer = DS_SPAN_LIT("dstack"),
                         .build = DS_SPAN_LIT("dstack-verifier " DS_VERSION),
                         .has_status = true,
                         .nonce = say->nonce,
                         .n_appraisals = 1 };
    bool is_judged = f->steps[VERIFIER_POLICY] != VERIFIER_SKIPPED;
    ear_appraisal_of(&ear->appraisals[0], f->a.claims, &f->verdict,
                     is_judged ? approved_of(&f->rules) : 0);
    ear->status = ear->appraisals[0].status;
    return ear;
}

int verifier_result_jwt(struct ds_buf *ret, const struct verifier_finding *f,
                        const struct verifier_say *say, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) struct ear *ear = make(f, say);
    if (ear == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "result");
    return ear_jwt_sign(ret, ear, say->signer->key, say->signer->kid, e);
}

int verifier_result_cwt(struct ds_buf *ret, const struct verifier_finding *f,
                        const struct verifier_say *say, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) struct ear *ear = make(f, say);
    if (ear == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "result");
    return ear_cwt_sign(ret, ear, say->signer->key, say->signer->kid, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding as an EAT attestation result: ear/ fills the appraisal and signs. No
 * reference value was compared unless a rule named one, so nothing else is affirmed.
 */
#include "attest/snp/claims.h"
#include "ear/cwt.h"
#include "ear/jwt.h"
#include "verifier/result.h"

/* Every part of AMD's firmware has a lowest version; FMC came with Turin. */
static bool has_lowest_versions(const struct policy_rules *r, const struct ds_claims *c)
{
    static const enum policy_attr parts[] = { POLICY_ATTR_SNP_BOOT_LOADER_SVN,
                                              POLICY_ATTR_SNP_TEE_SVN, POLICY_ATTR_SNP_SNP_SVN,
                                              POLICY_ATTR_SNP_MICROCODE_SVN };
    for (size_t i = 0; i < DS_LEN(parts); i++)
        if (!policy_is_compared(r, parts[i], c))
            return false;
    return ds_claims_snp_product(c) != DS_SNP_PRODUCT_TURIN ||
           policy_is_compared(r, POLICY_ATTR_SNP_FMC_SVN, c);
}

/* The image by name, or by every register that holds what was loaded: of a TD firmware, kernel and initrd. */
static bool has_measurements(const struct policy_rules *r, const struct ds_claims *c)
{
    return policy_is_compared(r, POLICY_ATTR_OS_IMAGES, c) ||
           policy_is_compared(r, POLICY_ATTR_MRENCLAVE, c) ||
           policy_is_compared(r, POLICY_ATTR_SNP_MEASUREMENT, c) ||
           (policy_is_compared(r, POLICY_ATTR_MRTD, c) &&
            policy_is_compared(r, POLICY_ATTR_RTMR1, c) &&
            policy_is_compared(r, POLICY_ATTR_RTMR2, c));
}

static unsigned approved_of(const struct policy_rules *r, const struct ds_claims *c)
{
    unsigned bits = 0;
    bits |= policy_is_compared(r, POLICY_ATTR_DEVICE_IDS, c) ? EAR_APPROVED_DEVICE : 0;
    bits |= policy_is_compared(r, POLICY_ATTR_COMPOSE_HASHES, c) ||
                    policy_is_compared(r, POLICY_ATTR_MRCONFIGID, c)
                ? EAR_APPROVED_CONFIG
                : 0;
    bits |= has_measurements(r, c) ? EAR_APPROVED_IMAGE : 0;
    bits |= has_lowest_versions(r, c) ? EAR_APPROVED_TCB : 0;
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
                     is_judged ? approved_of(&f->rules, f->a.claims) : 0);
    /* §3.1: by which policies it was appraised; whatever they refuse is in status and vector. */
    for (size_t i = 0; i < f->n_policies; i++)
        ear->appraisals[0].policy_ids[i] = ds_span_str(f->policies[i]);
    ear->appraisals[0].n_policy_ids = f->n_policies;
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

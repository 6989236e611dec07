/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The decision about a key: credential and evidence → claims → policy → leaf. What it guards
 * is derived by the caller, and only after DS_OK.
 */

#include "app/appraisal.h"
#include "kms/kms.h"

struct kms_request {
    enum kms_act act;
    struct ds_span attestation;  /* from the certificate or the request; empty: none */
    struct ds_span bound_spki;   /* the key that the evidence must be bound to; of a renewal the
                                    credential's own, whatever stands here */
    const struct ds_span *chain; /* what the caller showed in TLS, leaf first */
    size_t n_chain;
    int64_t mono_ms; /* of a clock that never steps: for the limits */
};

struct kms_grant {
    uint8_t *mem; /* what `appraisal` points into */
    bool has_claims;
    enum kms_source source; /* who asks */
    struct app_appraisal appraisal;
    struct ds_span bound_spki; /* borrows the request */
    struct kms_log_receipt receipt;
};
void kms_grant_done(struct kms_grant *g);

/* The time by which the KMS acts: the clock, unless it is behind. err: STALE time.behind_floor */
DS_MUST_USE int kms_now(int64_t *ret_now_s, const struct kms *kms, int64_t clock_s,
                        struct ds_error *e);

/*
 * Decide. A leaf is written in either case before this returns, but for what
 * kms/limit.h lets no leaf be made of: that is refused.
 *
 * in:   clock_s  the system's clock, which is not believed when it is behind
 * out:  ret      on DS_OK; kms_grant_done
 *       verdict  every reason, when the return is DENIED
 * err:  DENIED; UNAVAILABLE, PEER (no collateral); UNAVAILABLE kms.too_many; SYS, UNTRUSTED (the log
 *       cannot be written: no key leaves)
 */
DS_MUST_USE int kms_decide(struct kms_grant *ret, struct ds_verdict *verdict, struct kms *kms,
                           const struct kms_request *in, int64_t clock_s, struct ds_error *e);

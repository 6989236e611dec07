/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Platforms that verified, between requests: what is left for evidence of a known
 * machine is two signatures, or one. It is no cache of verdicts: each quote is
 * verified, on a platform that its own bytes name, and whose documents are in
 * date now. Bounded; the one that was not met for longest gives way. Threads
 * share it.
 */

#include "attest/claims.h"
#include "attest/dcap/platform.h"
#include "attest/snp/verify.h"
#include "verifier/verify.h"

#define WARM_MAX 64 /* of each kind */

struct warm;
struct warm_platform;

DS_MUST_USE int warm_new(struct warm **ret, struct ds_error *e);
void warm_free(struct warm *w);

/* What a platform is judged by. */
struct warm_ground {
    enum ds_tee tee;        /* TDX or SGX */
    enum verifier_by whose; /* what was given: the verifier's own, the request's, the evidence's */
    uint8_t set32[32];      /* of what was given: its SHA-256; else zeros */
    uint64_t generation;    /* of the verifier's own documents, where these count */
    enum verifier_by by;    /* warm_make: who brought the parts */
    struct ds_dcap_parts parts; /* warm_make: borrowed for the call */
    const struct ds_anchors *anchors;
    int64_t now_s;
};

/*
 * The platform that this quote's bytes name; given: warm_unref. NULL when it is not known. A chain
 * that is written in another way, with the same certificates, is replaced by the known one.
 *
 * io:   mem    scratch
 *       quote  its certification data then borrow the platform
 */
struct warm_platform *warm_find(struct warm *w, struct ds_arena *mem, struct ds_dcap_quote *quote,
                                const struct warm_ground *ground);
/*
 * Verify it, and keep it instead of what was known of it.
 *
 * io:   mem  scratch
 * out:  ret  given: warm_unref
 * err:  as ds_dcap_collateral_of and ds_dcap_platform_verify; NOMEM
 */
DS_MUST_USE int warm_make(struct warm_platform **ret, struct warm *w, struct ds_arena *mem,
                          const struct ds_dcap_quote *quote, const struct warm_ground *ground,
                          struct ds_error *e);
void warm_unref(struct warm *w, struct warm_platform *p);

const struct ds_dcap_platform *warm_platform_get(const struct warm_platform *p);
/* Bytes that are kept of its chain and documents. */
size_t warm_platform_len(const struct warm_platform *p);
/* Whose documents it was verified by. */
enum verifier_by warm_platform_by(const struct warm_platform *p);
/* What is remembered of its quoting enclave: a copy out, and one back in. */
struct ds_dcap_qe warm_qe_get(struct warm *w, const struct warm_platform *p);
void warm_qe_put(struct warm *w, struct warm_platform *p, const struct ds_dcap_qe *qe);

/* What an AMD platform is verified by: ds_snp_platform_verify()'s arguments. */
struct warm_snp_ground {
    const struct ds_snp_certs *certs;
    enum ds_snp_key key;
    uint32_t flags;
    const struct ds_anchors *anchors;
    int64_t now_s;
};

/*
 * The platform of these certificates; verified unless it is known.
 *
 * err:  as ds_snp_platform_verify
 */
DS_MUST_USE int warm_snp(struct ds_snp_platform *ret, struct warm *w,
                         const struct warm_snp_ground *ground, struct ds_error *e);

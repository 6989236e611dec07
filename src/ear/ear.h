/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An EAT attestation result: who appraised what, when, and what it is worth.
 * Claims set only, in JSON or CBOR; ear/jwt.h and ear/cwt.h sign and verify it.
 * Texts and bytes are borrowed from whatever made or parsed it.
 * spec: draft-ietf-rats-ear-04 §3
 */

#include "attest/wrapper/cmw.h"
#include "ear/ar4si.h"
#include "ear/form.h"

#define EAR_PROFILE "tag:ietf.org,2026:rats/ear#04"

/*
 * Our claims stand in ear_verifier_claims under this name, in both forms. An
 * object identifier of our own arc: nobody else can mean something by it.
 */
#define EAR_DSTACK_CLAIMS "urn:oid:2.25.87004685595501205687623033636980005123.4"

/* The label of the one submodule that dstack makes; see README.md. */
#define EAR_DSTACK_LABEL "dstack"

#define EAR_TOKEN_MAX ((size_t)1 << 20) /* bytes of a signed result, either form */
#define EAR_MEM       ((size_t)4 << 20) /* bytes of arena that suffice for what verifiers make */

#define EAR_APPRAISALS_MAX   8
#define EAR_POLICY_IDS_MAX   8
#define EAR_ADVISORIES_MAX   128 /* of two levels */
#define EAR_REASONS_MAX      DS_VERDICT_REASONS_MAX
#define EAR_MEASUREMENTS_MAX 32
#define EAR_NONCE_MIN        8 /* bytes, draft-ietf-rats-ear-04 §3 */
#define EAR_NONCE_MAX        64

struct ear_reason {
    struct ds_span code, claim, expected, got, anchor; /* texts; the code is never empty */
};

struct ear_measurement {
    struct ds_span name, value; /* a text, bytes */
};

/* What a dstack verifier says beside the vector. */
struct ear_dstack {
    struct ds_span kind; /* of the root: "hardware", "simulated", "custom", "none" */
    struct ds_span anchor, tee, tcb_status;
    struct ds_span advisories[EAR_ADVISORIES_MAX];
    size_t n_advisories;
    struct ear_reason reasons[EAR_REASONS_MAX];
    size_t n_reasons;
    int64_t n_left_out; /* reasons for which there was no room */
    struct ear_measurement measurements[EAR_MEASUREMENTS_MAX];
    size_t n_measurements;
};

/* §3.1: one attester's appraisal. */
struct ear_appraisal {
    struct ds_span label;
    enum ear_tier status;
    bool has_vector;
    struct ear_vector vector;
    struct ds_span policy_ids[EAR_POLICY_IDS_MAX];
    size_t n_policy_ids;
    struct ds_span nonce; /* in the evidence: 8 to 64 bytes, or none */
    bool has_dstack;
    struct ear_dstack dstack;
};

/* About 40 KiB. */
struct ear {
    int64_t iat_s, exp_s; /* issued; expires, 0 where that is not stated */
    struct ds_span developer, build;
    bool has_status;
    enum ear_tier status; /* of all appraisals together */
    struct ds_span nonce; /* the relying party's: 8 to 64 bytes, or none */
    bool has_raw_evidence;
    struct ds_cmw_record raw_evidence;
    struct ear_appraisal appraisals[EAR_APPRAISALS_MAX];
    size_t n_appraisals;
};

/*
 * Fill an appraisal from what dstack found.
 *
 * in:   c         NULL where the evidence did not verify
 *       approved  bits of EAR_APPROVED_
 * out:  ret       borrows claims and verdict
 */
void ear_appraisal_of(struct ear_appraisal *ret, const struct ds_claims *c,
                      const struct ds_verdict *verdict, unsigned approved);

/*
 * The claims set, *appended*. What ear_decode would refuse is refused.
 * err: FORMAT, RANGE  ear.format; ear.status
 */
DS_MUST_USE int ear_encode(struct ds_buf *ret, const struct ear *ear, enum form form,
                           struct ds_error *e);

/*
 * Parse a claims set that a signature vouches for. Claims that are not known
 * are passed over (§4).
 *
 * out:  ret  borrows `in` and the arena
 * err:  FORMAT, RANGE, TRUNCATED, TRAILING, NOMEM  ear.format
 *       UNSUPPORTED  ear.profile: another one, or none
 *       UNTRUSTED    ear.status: better than what it sums up
 */
DS_MUST_USE int ear_decode(struct ear *ret, struct ds_arena *mem, enum form form, struct ds_span in,
                           struct ds_error *e);

/* What a relying party asks of a result besides its signature. */
struct ear_expect {
    int64_t now_s;
    int64_t leeway_s;     /* by which the verifier's clock may be ahead */
    int64_t max_age_s;    /* 0: any */
    struct ds_span nonce; /* empty: none was sent */
};

/* err: STALE  ear.expired, ear.issued_later, ear.too_old; UNTRUSTED  ear.nonce */
DS_MUST_USE int ear_check(const struct ear *ear, const struct ear_expect *expect,
                          struct ds_error *e);

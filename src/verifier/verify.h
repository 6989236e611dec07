/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From what was posted to what it proves: the steps of app/appraisal, policy and
 * proof over them, each with its own outcome, since callers are told which step
 * failed. Computes only: no clock, no network, no state; it runs on any thread.
 */

#include "app/appraisal.h"
#include "attest/x509.h"
#include "policy/proof.h"
#include "verifier/policy.h"

struct shelf;
struct warm;

enum verifier_step {
    VERIFIER_READ,     /* the evidence has a form that is known */
    VERIFIER_QUOTE,    /* it leads to a root */
    VERIFIER_BINDING,  /* a certificate's key is what the evidence was made for */
    VERIFIER_LOG,      /* the log leads to the registers */
    VERIFIER_IMAGE,    /* the image's documents predict the registers */
    VERIFIER_IDENTITY, /* MRCONFIGID commits to the identity in the log; HOST_DATA to a document */
    VERIFIER_POLICY,   /* what holds is also wanted */
    VERIFIER_N_STEPS,
};

enum verifier_outcome {
    VERIFIER_SKIPPED,
    VERIFIER_HELD,
    VERIFIER_FAILED,
};

/* Whose documents decided. */
enum verifier_by {
    VERIFIER_BY_NONE, /* there were none */
    VERIFIER_BY_OWN,
    VERIFIER_BY_REQUEST,
    VERIFIER_BY_EVIDENCE,
    VERIFIER_BY_BOTH, /* of some the verifier's, of others the evidence's were newer */
};

/* What was posted, decoded. Exactly one of the first three is not empty. Of a certificate `vm_config`
   serves where the quote inside comes with a log and without it. */
struct verifier_input {
    struct ds_span attestation;  /* versioned attestation */
    struct ds_span quote;        /* TDX or SGX quote, SEV-SNP report */
    struct ds_span certificate;  /* DER, with evidence inside */
    struct ds_span certificates; /* with a report: PEM, DER or certificate table */
    struct ds_span event_log;    /* JSON; with quote */
    struct ds_span vm_config;    /* JSON; with quote */
    struct ds_span collateral;   /* JSON; empty: the verifier's own */
    /* It came along with the evidence, so whoever attests chose it: newer ones go before it. */
    bool is_collateral_evidence;
    struct ds_span nonce; /* what the evidence must answer; empty: anything */
    struct ds_span report_data64;
    const struct verifier_policy *policy; /* must hold as well; NULL: none */
};

/* What it is judged by. */
struct verifier_ground {
    struct shelf *shelf;   /* the verifier's documents */
    struct warm *warm;     /* platforms that it knows */
    struct shapes *shapes; /* and shapes of machines; NULL: each is measured */
    struct ds_anchors anchors;
    bool allow_simulated, allow_custom;
    bool allow_no_crl;                    /* AMD: without the root's revocation list */
    uint32_t tcb_statuses;                /* POLICY_TCB() of each */
    const struct verifier_policy *policy; /* counts instead of these; NULL: none */
    /* dstack's /verify: an app always, a MrConfig only where the evidence has one. */
    bool is_compatible;
    /* A certificate must also be one that a TLS peer may show. */
    bool needs_tls_use;
    int64_t now_s;
};

struct verifier_finding {
    enum verifier_outcome steps[VERIFIER_N_STEPS];
    char why[VERIFIER_N_STEPS][400]; /* of a failed step: its first reason */
    struct ds_verdict verdict;       /* reasons of all steps */
    struct ds_attestation evidence;  /* as read, unverified */
    struct app_appraisal a;          /* a.claims is NULL before the quote holds */
    struct policy_rules rules;
    const char *policies[2]; /* documents among the rules, by id */
    size_t n_policies;
    struct policy_proof proof; /* when the quote holds */
    uint8_t wanted64[2][64];   /* report_data that answers the nonce */
    enum verifier_by by;       /* of the quote's documents */
    enum ds_tee tee;           /* what the evidence says it is of, verified or not */
    bool has_app;              /* evidence with log and vm_config */
    bool is_fresh;             /* it answers the nonce that was asked for */
};

/* Never fails: what goes wrong is in *ret. mem: VERIFIER_MEM and twice what was posted. */
#define VERIFIER_MEM (APP_APPRAISAL_MEM + ((size_t)1 << 20) + VERIFIER_POLICY_MEM)
void verifier_verify(struct verifier_finding *ret, struct ds_arena *mem,
                     const struct verifier_ground *ground, const struct verifier_input *in);

/* "accepted"; "denied": it holds, but is not wanted; "invalid": it does not hold */
const char *verifier_verdict_text(const struct verifier_finding *f);
bool verifier_is_accepted(const struct verifier_finding *f);

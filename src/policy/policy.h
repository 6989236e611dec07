/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The decision over verified claims: every rule is applied, so that a denial
 * names all its reasons at once. Rules are one for each attribute of the table
 * in policy/attribute.h; they come from a document (policy/document.h) or from
 * policy_rules_preset() and what a program sets on top. Zeroed rules deny
 * everything.
 */

#include "attest/claims.h"
#include "base/reason.h"

enum policy_attr {
    POLICY_ATTR_TEES,
    POLICY_ATTR_KINDS,
    POLICY_ATTR_ROOTS,
    POLICY_ATTR_DEBUG,
    POLICY_ATTR_TCB_STATUSES,
    POLICY_ATTR_TCB_ADVISORIES,
    POLICY_ATTR_REPORT_DATA,
    POLICY_ATTR_SESSIONS,
    POLICY_ATTR_DEVICE_IDS,
    POLICY_ATTR_EVENT_LOG,
    POLICY_ATTR_APP_IDS,
    POLICY_ATTR_INSTANCE_IDS,
    POLICY_ATTR_COMPOSE_HASHES,
    POLICY_ATTR_OS_IMAGES,
    POLICY_ATTR_KEY_PROVIDERS,
    POLICY_ATTR_FMSPCS,
    POLICY_ATTR_TCB_AGE,
    POLICY_ATTR_TCB_EVALUATION,
    POLICY_ATTR_COLLATERAL_AGE,
    POLICY_ATTR_QE_ISVSVN,
    POLICY_ATTR_TD_ATTRIBUTES,
    POLICY_ATTR_XFAM,
    POLICY_ATTR_MRTD,
    POLICY_ATTR_RTMR0,
    POLICY_ATTR_RTMR1,
    POLICY_ATTR_RTMR2,
    POLICY_ATTR_RTMR3,
    POLICY_ATTR_MRSEAM,
    POLICY_ATTR_MRSIGNERSEAM,
    POLICY_ATTR_MRCONFIGID,
    POLICY_ATTR_MROWNER,
    POLICY_ATTR_MROWNERCONFIG,
    POLICY_ATTR_MRSERVICETD,
    POLICY_ATTR_TEE_TCB_SVN,
    POLICY_ATTR_CURRENT_TEE_TCB_SVN,
    POLICY_ATTR_MRENCLAVE,
    POLICY_ATTR_MRSIGNER,
    POLICY_ATTR_SGX_ATTRIBUTES,
    POLICY_ATTR_SGX_XFRM,
    POLICY_ATTR_MISCSELECT,
    POLICY_ATTR_ISVPRODIDS,
    POLICY_ATTR_ISVEXTPRODIDS,
    POLICY_ATTR_ISVFAMILYIDS,
    POLICY_ATTR_CONFIGIDS,
    POLICY_ATTR_ISVSVN,
    POLICY_ATTR_CONFIGSVN,
    POLICY_ATTR_SNP_MEASUREMENT,
    POLICY_ATTR_SNP_HOST_DATA,
    POLICY_ATTR_SNP_FAMILY_ID,
    POLICY_ATTR_SNP_IMAGE_ID,
    POLICY_ATTR_SNP_ID_KEY,
    POLICY_ATTR_SNP_AUTHOR_KEY,
    POLICY_ATTR_SNP_VMPLS,
    POLICY_ATTR_SNP_POLICY_ALLOWED,
    POLICY_ATTR_SNP_POLICY_REQUIRED,
    POLICY_ATTR_SNP_PLATFORM_ALLOWED,
    POLICY_ATTR_SNP_PLATFORM_REQUIRED,
    POLICY_ATTR_SNP_KEYS,
    POLICY_ATTR_SNP_CLOUDS,
    POLICY_ATTR_SNP_UNCHECKED_REVOCATION,
    POLICY_ATTR_SNP_GUEST_SVN,
    POLICY_ATTR_SNP_BOOT_LOADER_SVN,
    POLICY_ATTR_SNP_TEE_SVN,
    POLICY_ATTR_SNP_SNP_SVN,
    POLICY_ATTR_SNP_MICROCODE_SVN,
    POLICY_ATTR_SNP_FMC_SVN,
    POLICY_ATTR_SNP_LAUNCH_MITIGATIONS,
    POLICY_ATTR_SNP_CURRENT_MITIGATIONS,
    POLICY_N_ATTRS,
};

/* n values that are accepted; borrowed. Which member counts follows from the attribute's type. */
struct policy_items {
    union {
        const uint8_t *bytes; /* one after another, each as long as the attribute is */
        const struct ds_span *texts;
        const uint64_t *numbers;
    };
    size_t n;
};

#define POLICY_ASKED_MAX 2

struct policy_rule {
    bool is_any;            /* not looked at, be it there or not */
    bool spares_up_to_date; /* not looked at when the TCB status is UpToDate */
    uint64_t number;        /* a bound; 0 or 1; POLICY_BIT() of each accepted word */
    struct policy_items items;
    /* What a caller asks on top: one of these as well. */
    struct ds_span asked[POLICY_ASKED_MAX];
    size_t n_asked;
};

struct policy_rules {
    struct policy_rule of[POLICY_N_ATTRS];
    const struct policy_rules *also; /* must hold beside them; borrowed, NULL: nothing */
};

/* How the caller knows that evidence was made for him. */
enum policy_session {
    POLICY_SESSION_NONE,        /* not at all */
    POLICY_SESSION_NONCE,       /* report_data answers a nonce of his */
    POLICY_SESSION_CERTIFICATE, /* report_data binds the key of a peer's certificate */
    POLICY_SESSION_ATTESTED,    /* report_data binds the TLS session itself */
};

/* What is not in claims. */
struct policy_facts {
    int64_t now_s;
    enum policy_session session;
};

#define POLICY_BIT(word)   ((uint64_t)1 << (word))
#define POLICY_TCB(status) (UINT32_C(1) << (status))
#define POLICY_TEE(tee)    (UINT32_C(1) << (tee))
/* Every TEE that there is. */
#define POLICY_TEES_ALL \
    (POLICY_TEE(DS_TEE_TDX) | POLICY_TEE(DS_TEE_SGX) | POLICY_TEE(DS_TEE_SEV_SNP))

/*
 * What an empty document demands: any TEE, a hardware root, a platform that is up to date,
 * no debug mode, and nothing in particular of what runs.
 */
void policy_rules_preset(struct policy_rules *ret);

/* The same with these kinds (POLICY_BIT()) and states (POLICY_TCB()), and any advisories. */
void policy_rules_for(struct policy_rules *ret, uint64_t kinds, uint32_t tcb_statuses);

/*
 * A value that must hold beside whatever the rules say, or one of POLICY_ASKED_MAX of them; an
 * empty one asks nothing. Kept. The attribute is a list of bytes or texts.
 */
void policy_ask(struct policy_rules *rules, enum policy_attr attr, struct ds_span value);

/*
 * Something is demanded of the attribute, and of the TEE of these claims: the claim was compared
 * when policy_check() has passed.
 */
bool policy_is_compared(const struct policy_rules *rules, enum policy_attr attr,
                        const struct ds_claims *c);

/*
 * Add to `v` a reason for each rule that the claims break, what several say alike once; claims that nothing filled deny.
 * Revoked never passes.
 */
void policy_check(struct ds_verdict *v, const struct ds_claims *c, const struct policy_rules *rules,
                  const struct policy_facts *facts);

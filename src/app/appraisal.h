/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The whole way from evidence to facts about an app, in one pure function that
 * KMS and `dstack verify` share: quote → vendor root; log → registers; image
 * documents → predicted registers; MrConfig → MRCONFIGID → identity. What fails
 * is a reason; whether the reasons of a policy come on top is the caller's step
 * (policy/).
 */

#include "app/mr_config.h"
#include "app/vm_config.h"
#include "attest/claims.h"
#include "attest/wrapper/attestation.h"
#include "base/reason.h"

#define APP_APPRAISAL_MEM ((size_t)8 << 20) /* bytes of arena that suffice */

struct app_evidence {
    struct ds_span attestation; /* versioned attestation */
    struct ds_span collateral;  /* JSON, attest/dcap/collateral.h */
    const struct ds_anchors *anchors;
    int64_t now_s;
};

/* What was found; spans borrow the evidence or the arena. */
struct app_appraisal {
    struct ds_attestation evidence;
    struct ds_claims *unbound;      /* verified; app_appraise_log() binds the log to them */
    const struct ds_claims *claims; /* the same */
    struct app_vm_config vm;
    struct measure_image image;
    struct measure_tdx predicted;
    struct app_mr_config mr_config;
    bool image_known;     /* `image` and `predicted` are filled: the documents fit their hash */
    bool image_proved;    /* documents → os_image_hash, predicted registers == quoted ones */
    bool identity_proved; /* MRCONFIGID → document → the identity in the log */
};

/*
 * Appraise evidence.
 *
 * out:  ret      filled as far as verification came when the return is DS_OK
 *       verdict  gains a reason for each fact that does not hold
 * io:   mem      APP_APPRAISAL_MEM
 * err:  the quote or the log does not verify (attest.*), or something is malformed: then there are
 *       no claims to speak of and *ret is untouched
 */
DS_MUST_USE int app_appraise(struct app_appraisal *ret, struct ds_verdict *verdict,
                             struct ds_arena *mem, const struct app_evidence *in,
                             struct ds_error *e);

/*
 * The steps one by one, for callers that tell apart how far evidence holds. The order is the
 * argument: each leans on those before it, and *a is filled step by step.
 *
 * 1. The quote leads to a vendor root (in->attestation is passed over).
 */
DS_MUST_USE int app_appraise_quote(struct app_appraisal *a, struct ds_arena *mem,
                                   const struct ds_attestation *evidence,
                                   const struct app_evidence *in, struct ds_error *e);
/* 2. The log leads to the quote's registers. */
DS_MUST_USE int app_appraise_log(const struct app_appraisal *a, struct ds_error *e);
/* measure_acpi_find() for who remembers shapes. */
struct app_acpi {
    int (*find)(void *arg, struct measure_acpi *ret, const struct measure_shape *shape,
                struct ds_error *e);
    void *arg;
};
/*
 * 3. The image that vm_config names gives the registers that were quoted.
 *
 * in:   acpi  NULL: the machine's tables are made and measured each time
 */
DS_MUST_USE int app_appraise_image(struct app_appraisal *a, struct ds_verdict *v,
                                   struct ds_arena *mem, const struct app_acpi *acpi,
                                   struct ds_error *e);
/*
 * 4. What the host committed to before the launch is what the guest says it is. Before the keys
 * come there is no key-provider event yet: then the document alone names the provider, and the
 * KMS compares it with itself.
 */
DS_MUST_USE int app_appraise_identity(struct app_appraisal *a, struct ds_verdict *v,
                                      struct ds_arena *mem, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A key, and a result that has every claim.
 */

#include "attest/cose.h"
#include "crypto/key.h"
#include "ear/ear.h"
#include "unhex.h"

#define KIT_NOW_S 1800000000

static struct ds_p256_key *kit_signer;
static struct ds_cose_key kit_key;
static max_align_t kit_room[EAR_MEM / sizeof(max_align_t)];

static inline int kit_make(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 scalar = { .b = { 7, 1 } };
    uint8_t spki[DS_P256_SPKI_LEN];
    assert_ok(ds_p256_key_from_scalar(&kit_signer, &scalar, &e));
    ds_p256_key_spki(spki, kit_signer);
    assert_ok(ds_cose_key_of_spki(&kit_key, DS_SPAN_OF(spki), &e));
    return 0;
}

static inline int kit_drop(void **state)
{
    (void)state;
    ds_p256_key_free(kit_signer);
    return 0;
}

static inline struct ds_arena kit_mem(void) { return ds_arena_of(kit_room, sizeof kit_room); }

static inline void kit_ear(struct ear *ret)
{
    struct ear_appraisal a = {
        .label = DS_SPAN_LIT("dstack"),
        .status = EAR_TIER_WARNING,
        .has_vector = true,
        .vector = { { [EAR_HARDWARE] = 32, [EAR_EXECUTABLES] = 3, [EAR_RUNTIME_OPAQUE] = -2 } },
        .policy_ids = { DS_SPAN_LIT("https://example.com/policy") },
        .n_policy_ids = 1,
        .nonce = DS_SPAN_LIT("evidence"),
        .has_dstack = true,
        .dstack = { .kind = DS_SPAN_LIT("hardware"),
                    .anchor = DS_SPAN_LIT("Intel SGX Root CA"),
                    .tee = DS_SPAN_LIT("dstack-tdx"),
                    .tcb_status = DS_SPAN_LIT("SWHardeningNeeded"),
                    .advisories = { DS_SPAN_LIT("INTEL-SA-00615"), DS_SPAN_LIT("INTEL-SA-00828") },
                    .n_advisories = 2,
                    .reasons = { { .code = DS_SPAN_LIT("policy.tcb_status"),
                                   .claim = DS_SPAN_LIT("tcb_status"),
                                   .expected = DS_SPAN_LIT("UpToDate") } },
                    .n_reasons = 1,
                    .n_left_out = 3,
                    .measurements = { { DS_SPAN_LIT("mrtd"), DS_SPAN_LIT("\x01\x02") },
                                      { DS_SPAN_LIT("rtmr0"), DS_SPAN_LIT("\xff") } },
                    .n_measurements = 2 },
    };
    *ret = (struct ear){
        .iat_s = KIT_NOW_S,
        .exp_s = KIT_NOW_S + 300,
        .developer = DS_SPAN_LIT("https://example.com/dstack"),
        .build = DS_SPAN_LIT("dstack 0.1.0"),
        .has_status = true,
        .status = EAR_TIER_CONTRAINDICATED,
        .nonce = DS_SPAN_LIT("nonce-of-the-relying-party"),
        .has_raw_evidence = true,
        .raw_evidence = { DS_CMW_NO_FORMAT, DS_SPAN_LIT("application/vnd.evidence"),
                          DS_SPAN_LIT("raw"), DS_CMW_EVIDENCE },
        .n_appraisals = 2,
    };
    ret->appraisals[0] = a;
    ret->appraisals[1] = (struct ear_appraisal){ .label = DS_SPAN_LIT("gpu"),
                                                 .status = EAR_TIER_CONTRAINDICATED };
}

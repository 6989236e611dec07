/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hex for policy documents, and claims that go with it: every byte of every
 * measurement is 1.
 */

#include "attest/claims_private.h"
#include "policy/document.h"

#define B4  "01010101"
#define B16 B4 B4 B4 B4
#define B20 B16 B4
#define B32 B16 B16
#define B48 B32 B16
#define B64 B32 B32
/* The same length, and not among those claims. */
#define O4  "02020202"
#define O16 O4 O4 O4 O4
#define O20 O16 O4
#define O32 O16 O16
#define O48 O32 O16
#define O64 O32 O32

#define RULES_NOW_S INT64_C(1790000000)

/* Claims and what the caller knows beside them. */
struct world {
    struct ds_claims c;
    struct policy_facts facts;
};

static inline void fill_tdx(struct ds_claims *c)
{
    struct claims_tdx *t = &c->tdx;
    *t = (struct claims_tdx){ .td_attributes = 0x10000000 };
    memset(t->mrtd48, 1, 48);
    memset(t->rtmr48, 1, sizeof t->rtmr48);
    memset(t->mrseam48, 1, 48);
    memset(t->mrsignerseam48, 1, 48);
    memset(t->mrconfigid48, 1, 48);
    memset(t->mrowner48, 1, 48);
    memset(t->mrownerconfig48, 1, 48);
    memset(t->tee_tcb_svn16, 7, 16);
    memset(t->tee_tcb_svn2_16, 7, 16);
    memset(t->fmspc6, 1, 6);
    t->current.date_s = RULES_NOW_S - 1000;
    memcpy(t->current.advisories[0], "INTEL-SA-00002", 15); /* counted where a case says so */
}

static inline void fill_sgx(struct ds_claims *c)
{
    struct ds_sgx_report *r = &c->sgx.report;
    c->sgx = (struct claims_sgx){ 0 };
    memset(r->mrenclave32, 1, 32);
    memset(r->mrsigner32, 1, 32);
    memset(r->isvextprodid16, 1, 16);
    memset(r->isvfamilyid16, 1, 16);
    memset(r->configid64, 1, 64);
    memset(c->sgx.fmspc6, 1, 6);
    r->isvprodid = r->isvsvn = r->configsvn = 7;
}

static inline void fill_snp(struct ds_claims *c)
{
    struct claims_snp *s = &c->snp;
    *s = (struct claims_snp){ .policy = 0x30000,
                              .has_chip_id = true,
                              .is_crl_checked = true,
                              .key_info = DS_SNP_KEY_INFO_AUTHOR,
                              .guest_svn = 7,
                              .product = DS_SNP_PRODUCT_TURIN };
    memset(s->measurement48, 1, 48);
    memset(s->host_data32, 1, 32);
    memset(s->family_id16, 1, 16);
    memset(s->image_id16, 1, 16);
    memset(s->id_key_digest48, 1, 48);
    memset(s->author_key_digest48, 1, 48);
    memset(s->tcb8, 7, sizeof s->tcb8);
    memcpy(s->csp_id, "cloud", 6);
}

static inline struct world good_world(enum ds_tee tee)
{
    struct world w = { .facts = { RULES_NOW_S, POLICY_SESSION_NONCE } };
    struct ds_claims *c = &w.c;
    *c = (struct ds_claims){ .kind = DS_KIND_HARDWARE,
                             .tee = tee,
                             .anchor = "Intel SGX Root CA",
                             .tcb = { .status = DS_TCB_UP_TO_DATE,
                                      .date_s = RULES_NOW_S - 1000,
                                      .advisories = { "INTEL-SA-00001" } },
                             .tcb_eval_number = 7,
                             .qe_isvsvn = 7,
                             .collateral_issued_s = RULES_NOW_S - 1000,
                             .has_log = true };
    memset(c->report_data64, 1, 64);
    memset(c->device_id32, 1, 32);
    c->app_id.len = c->instance_id.len = 20;
    c->compose_hash.len = c->os_image_hash.len = 32;
    memset(c->app_id.b, 1, 20);
    memset(c->instance_id.b, 1, 20);
    memset(c->compose_hash.b, 1, 32);
    memset(c->os_image_hash.b, 1, 32);
    c->key_provider_len = 2;
    memcpy(c->key_provider, "{}", 2);
    if (tee == DS_TEE_TDX)
        fill_tdx(c);
    if (tee == DS_TEE_SGX)
        fill_sgx(c);
    if (tee == DS_TEE_SEV_SNP)
        fill_snp(c);
    return w;
}

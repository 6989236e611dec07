/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading claims, and the words for their enumerations.
 */

#include "attest/claims.h"

#include <assert.h>

#include "attest/claims_private.h"

#define SGX_ATTRIBUTE_DEBUG 0x02 /* bit 1 of the flags (Intel SDM volume 3D, 38.7.1) */

static const char *const tcb_words[] = {
    [DS_TCB_NONE] = "",
    [DS_TCB_UP_TO_DATE] = "UpToDate",
    [DS_TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
    [DS_TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
    [DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
    [DS_TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
    [DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
    [DS_TCB_OUT_OF_DATE] = "OutOfDate",
    [DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
    [DS_TCB_REVOKED] = "Revoked",
};

const char *ds_tcb_status_text(enum ds_tcb_status status) { return tcb_words[status]; }

enum ds_tcb_status ds_tcb_status_find(struct ds_span text)
{
    for (size_t i = DS_TCB_UP_TO_DATE; i < DS_LEN(tcb_words); i++)
        if (ds_span_eq_str(text, tcb_words[i]))
            return (enum ds_tcb_status)i;
    return DS_TCB_NONE;
}

const char *ds_tee_text(enum ds_tee tee)
{
    static const char *const texts[] = {
        [DS_TEE_NONE] = "none",
        [DS_TEE_TDX] = "dstack-tdx",
        [DS_TEE_SGX] = "sgx",
        [DS_TEE_SEV_SNP] = "dstack-amd-sev-snp",
    };
    return texts[tee];
}

struct ds_claims *ds_claims_new_in(struct ds_arena *mem)
{
    return ds_arena_get(mem, sizeof(struct ds_claims));
}

void ds_claims_clear(struct ds_claims *c) { memset(c, 0, sizeof *c); }

enum ds_kind ds_claims_kind(const struct ds_claims *c) { return c->kind; }
const char *ds_claims_anchor(const struct ds_claims *c) { return c->anchor; }
enum ds_tee ds_claims_tee(const struct ds_claims *c) { return c->tee; }

struct ds_span ds_claims_report_data64(const struct ds_claims *c)
{
    return c->kind != DS_KIND_NONE ? DS_SPAN(c->report_data64, 64) : (struct ds_span){ 0 };
}

struct ds_span ds_claims_device_id32(const struct ds_claims *c)
{
    bool has_one = c->tee == DS_TEE_SEV_SNP ? c->snp.has_chip_id : c->tee != DS_TEE_NONE;
    return has_one ? DS_SPAN(c->device_id32, 32) : (struct ds_span){ 0 };
}

struct ds_span ds_claims_fmspc6(const struct ds_claims *c)
{
    if (c->tee == DS_TEE_TDX)
        return DS_SPAN(c->tdx.fmspc6, 6);
    return c->tee == DS_TEE_SGX ? DS_SPAN(c->sgx.fmspc6, 6) : (struct ds_span){ 0 };
}

bool ds_claims_is_debug(const struct ds_claims *c)
{
    switch (c->tee) {
    case DS_TEE_TDX:
        /* The whole first byte is the class of attributes that leave a TD untrusted (TDX Module ABI). */
        return (c->tdx.td_attributes & 0xff) != 0;
    case DS_TEE_SGX:
        return (c->sgx.report.attributes16[0] & SGX_ATTRIBUTE_DEBUG) != 0;
    case DS_TEE_SEV_SNP:
        /* AMD 56860 4.3: the policy lets the host decrypt the guest. */
        return (c->snp.policy & DS_SNP_POLICY_DEBUG) != 0;
    case DS_TEE_NONE:
        break;
    }
    return false;
}

enum ds_tcb_status ds_claims_tcb_status(const struct ds_claims *c) { return c->tcb.status; }
int64_t ds_claims_tcb_date_s(const struct ds_claims *c) { return c->tcb.date_s; }
uint32_t ds_claims_tcb_eval_number(const struct ds_claims *c) { return c->tcb_eval_number; }
uint16_t ds_claims_qe_isvsvn(const struct ds_claims *c) { return c->qe_isvsvn; }

static bool is_listed(const struct claims_tcb *tcb, const char *id)
{
    size_t i = 0;
    while (i < tcb->n_advisories && strcmp(tcb->advisories[i], id) != 0)
        i++;
    return i < tcb->n_advisories;
}

const char *ds_claims_advisory(const struct ds_claims *c, size_t i)
{
    const struct claims_tcb *current = &c->tdx.current;
    if (i < c->tcb.n_advisories)
        return c->tcb.advisories[i];
    i -= c->tcb.n_advisories;
    for (size_t k = 0; c->tee == DS_TEE_TDX && k < current->n_advisories; k++)
        if (!is_listed(&c->tcb, current->advisories[k]) && i-- == 0)
            return current->advisories[k];
    return NULL;
}

int64_t ds_claims_valid_from_s(const struct ds_claims *c) { return c->valid_from_s; }
int64_t ds_claims_valid_until_s(const struct ds_claims *c) { return c->valid_until_s; }

int64_t ds_claims_collateral_issued_s(const struct ds_claims *c) { return c->collateral_issued_s; }

bool ds_claims_has_log(const struct ds_claims *c) { return c->has_log; }

static struct ds_span bytes(const struct claims_bytes *b) { return DS_SPAN(b->b, b->len); }

struct ds_span ds_claims_app_id(const struct ds_claims *c) { return bytes(&c->app_id); }
struct ds_span ds_claims_compose_hash(const struct ds_claims *c) { return bytes(&c->compose_hash); }
struct ds_span ds_claims_instance_id(const struct ds_claims *c) { return bytes(&c->instance_id); }
struct ds_span ds_claims_storage_fs(const struct ds_claims *c) { return bytes(&c->storage_fs); }

struct ds_span ds_claims_os_image_hash(const struct ds_claims *c)
{
    return bytes(&c->os_image_hash);
}

struct ds_span ds_claims_gpu_policy_hash(const struct ds_claims *c)
{
    return bytes(&c->gpu_policy_hash);
}

struct ds_span ds_claims_key_provider(const struct ds_claims *c)
{
    return DS_SPAN(c->key_provider, c->key_provider_len);
}

size_t ds_claims_n_init_script_hashes(const struct ds_claims *c) { return c->n_init_scripts; }

struct ds_span ds_claims_init_script_hash(const struct ds_claims *c, size_t i)
{
    assert(i < c->n_init_scripts);
    return DS_SPAN(c->init_scripts32[i], 32);
}

bool ds_claims_is_boot_done(const struct ds_claims *c) { return c->is_boot_done; }
bool ds_claims_is_system_ready(const struct ds_claims *c) { return c->is_system_ready; }

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Claims: what evidence proved, once it verified. Only attest/ can fill them
 * (the definition is private there); policy, KMS and CLI read them here. Claims
 * hold copies, no pointers into the evidence.
 *
 * Claims from ds_claims_new_in() prove nothing: their kind is DS_KIND_NONE and
 * policy refuses them. The log's claims (app_id and below) are absent until
 * ds_claims_bind_log() has replayed the log against the registers.
 */

#include "attest/anchors.h"
#include "base/arena.h"

struct ds_claims;

enum ds_tee {
    DS_TEE_NONE = 0,
    DS_TEE_TDX,
    DS_TEE_SGX,
    DS_TEE_SEV_SNP,
};

/* Intel's words for the state of a platform's TCB, best first. */
enum ds_tcb_status {
    DS_TCB_NONE = 0,
    DS_TCB_UP_TO_DATE,
    DS_TCB_SW_HARDENING_NEEDED,
    DS_TCB_CONFIGURATION_NEEDED,
    DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
    DS_TCB_TD_RELAUNCH_ADVISED, /* TD 1.5: the module is current, the TD was launched by an older */
    DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    DS_TCB_OUT_OF_DATE,
    DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
    DS_TCB_REVOKED,
};

/* "dstack-tdx", "sgx", "dstack-amd-sev-snp", "none" */
const char *ds_tee_text(enum ds_tee tee);
/* "UpToDate", ... as Intel spells it; "" for NONE. */
const char *ds_tcb_status_text(enum ds_tcb_status status);
/* NONE when it is no status word. */
enum ds_tcb_status ds_tcb_status_find(struct ds_span text);

/* Empty claims in the caller's memory; NULL when the arena is full. About 4 KiB. */
struct ds_claims *ds_claims_new_in(struct ds_arena *mem);
/* As new: they prove nothing any more. */
void ds_claims_clear(struct ds_claims *c);

/* The root that the evidence chains to, and what it is. */
enum ds_kind ds_claims_kind(const struct ds_claims *c);
const char *ds_claims_anchor(const struct ds_claims *c);

enum ds_tee ds_claims_tee(const struct ds_claims *c);

/*
 * Spans of the stated length; empty where the platform has no such thing. What
 * one TEE alone has is read in attest/tdx/claims.h, attest/sgx/claims.h, attest/snp/claims.h.
 */
struct ds_span ds_claims_report_data64(const struct ds_claims *c);
/* dstack's device id: SHA-256 of the platform's PPID, or of an SEV-SNP chip's id; else empty. */
struct ds_span ds_claims_device_id32(const struct ds_claims *c);
/* Intel: family and model of the platform. */
struct ds_span ds_claims_fmspc6(const struct ds_claims *c);

/* The host can read or change what runs. */
bool ds_claims_is_debug(const struct ds_claims *c);

enum ds_tcb_status ds_claims_tcb_status(const struct ds_claims *c);
int64_t ds_claims_tcb_date_s(const struct ds_claims *c);
/* tcbEvaluationDataNumber: the lower one of TCB info and QE identity. */
uint32_t ds_claims_tcb_eval_number(const struct ds_claims *c);
/* Security version of the quoting enclave; 0 where there is none. */
uint16_t ds_claims_qe_isvsvn(const struct ds_claims *c);
/* Of the level that launched and, for a TD 1.5, of the current one; NULL behind the last. */
const char *ds_claims_advisory(const struct ds_claims *c, size_t i);
/* The collateral behind these claims holds within [from, until]. */
int64_t ds_claims_valid_from_s(const struct ds_claims *c);
int64_t ds_claims_valid_until_s(const struct ds_claims *c);
/* Intel: when TCB info and QE identity were issued, the older one; else 0. */
int64_t ds_claims_collateral_issued_s(const struct ds_claims *c);

/* From here on: what the replayed log says. Empty spans where it says nothing. */
bool ds_claims_has_log(const struct ds_claims *c);
struct ds_span ds_claims_app_id(const struct ds_claims *c);        /* 20 bytes */
struct ds_span ds_claims_compose_hash(const struct ds_claims *c);  /* 32 bytes */
struct ds_span ds_claims_instance_id(const struct ds_claims *c);   /* 20 bytes or none */
struct ds_span ds_claims_os_image_hash(const struct ds_claims *c); /* 32 bytes */
struct ds_span ds_claims_key_provider(const struct ds_claims *c);  /* JSON text */
struct ds_span ds_claims_gpu_policy_hash(const struct ds_claims *c);
struct ds_span ds_claims_storage_fs(const struct ds_claims *c);
size_t ds_claims_n_init_script_hashes(const struct ds_claims *c);
struct ds_span ds_claims_init_script_hash(const struct ds_claims *c, size_t i); /* 32 bytes */
bool ds_claims_is_boot_done(const struct ds_claims *c);    /* boot-mr-done was extended */
bool ds_claims_is_system_ready(const struct ds_claims *c); /* system-ready was extended */

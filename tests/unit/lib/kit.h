/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Evidence of a machine made on the spot, with the collateral that judges it, as
 * bytes for the installed library: one kit for each form that it reads.
 */

#include "base/arena.h"
#include "base/span.h"

#define KIT_NOW       1800000000
#define KIT_EVIDENCE  2 /* pieces of one machine, with report data of their own */
#define KIT_DOCUMENTS 6

enum kit_form {
    KIT_TDX,          /* version 4, TD 1.0 */
    KIT_TDX_15,       /* version 5, TD 1.5 */
    KIT_SGX,          /* version 3 */
    KIT_TDX_LOG,      /* dstack's attestation with a full log */
    KIT_TDX_STRIPPED, /* likewise as certificates carry it */
    KIT_SNP,          /* the report alone, certificates beside it */
    KIT_SNP_TABLE,    /* the report with its certificate table */
    KIT_SNP_WRAPPED,  /* dstack's attestation */
    KIT_N_FORMS,
};

/* "tdx", ...: also the name of its files in tests of the system */
const char *kit_name(enum kit_form form);

struct kit {
    struct ds_arena mem; /* on the heap */
    struct ds_span evidence[KIT_EVIDENCE];
    struct ds_span documents[KIT_DOCUMENTS];
    size_t n_documents;
    uint8_t root32[32]; /* SHA-256 of the root's SubjectPublicKeyInfo */
};

/* Everything of it verifies at KIT_NOW under its own, simulated root. */
struct kit kit_new(enum kit_form form);
void kit_done(struct kit *k);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the simulated machine is: every constant that a quote, a certificate or
 * a collateral document of the simulated platform carries. One table, so that
 * the signer, the collateral and the documentation cannot disagree.
 */

#include "base/span.h"

/* The mark that every certificate of the simulated attestation PKI carries, critical. */
#define SIMTEE_MARKER_OID  "2.25.87004685595501205687623033636980005123.1"
#define SIMTEE_MARKER_TEXT "dstack simulated platform: proves nothing about hardware"

struct simtee_platform {
    uint8_t fmspc6[6];
    uint8_t pceid2[2];
    uint8_t cpusvn16[16]; /* equal to the SGX components of the top TCB level */
    uint16_t pcesvn;
    uint8_t tee_tcb_svn16[16]; /* equal to the TDX components of the top TCB level */
    uint8_t mrseam48[48];      /* SHA-384 of SIMTEE_SEAM_TEXT */
    uint8_t mrsignerseam48[48];
    uint8_t seamattributes8[8];
    uint8_t tdattributes8[8]; /* SEPT_VE_DISABLE */
    uint8_t xfam8[8];
    uint8_t qe_vendor16[16];    /* the quoting enclave vendor's id in every quote */
    uint8_t qe_mrenclave32[32]; /* SHA-256 of SIMTEE_QE_TEXT */
    uint8_t qe_mrsigner32[32];  /* SHA-256 of SIMTEE_QE_SIGNER_TEXT */
    uint8_t qe_attributes16[16];
    uint16_t qe_isvprodid, qe_isvsvn;
    uint8_t qe_auth32[32];
    uint32_t tcb_evaluation; /* tcbEvaluationDataNumber */
    const char *tcb_date;    /* of every level */
};

#define SIMTEE_SEAM_TEXT      "dstack simulated TDX module"
#define SIMTEE_QE_TEXT        "dstack simulated quoting enclave"
#define SIMTEE_QE_SIGNER_TEXT "dstack simulated quoting enclave signer"

extern const struct simtee_platform simtee_platform;

/* The registers of one simulated TD that differ from launch to launch. */
struct simtee_registers {
    uint8_t mrtd48[48];
    uint8_t mrconfigid48[48];
    uint8_t rtmr48[4][48];
};

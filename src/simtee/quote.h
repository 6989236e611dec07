/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Layout and signing of a TDX quote of version 4 (Intel TDX DCAP Quoting
 * Library API, appendix 3). The machine's keys stay with simtee/pki.h, which
 * calls this.
 */

#include "base/buf.h"
#include "crypto/key.h"
#include "simtee/platform.h"

#define SIMTEE_QE_REPORT_LEN 384

/* What the quoting enclave holds; made once, good for every quote. */
struct simtee_qe {
    struct ds_p256_key *attestation_key; /* owned */
    uint8_t attestation_xy64[64];
    uint8_t report[SIMTEE_QE_REPORT_LEN];
    uint8_t report_sig64[64]; /* by the PCK key */
};

/* Make the QE's report over its attestation key (*taken*) and sign it with the PCK key. */
DS_MUST_USE int simtee_qe_init(struct simtee_qe *ret, struct ds_p256_key *attestation_key,
                               const struct ds_p256_key *pck_key, struct ds_error *e);
void simtee_qe_done(struct simtee_qe *qe);

/* A quote, *appended*; pck_chain is PEM, leaf first. */
DS_MUST_USE int simtee_quote_make(struct ds_buf *ret, const struct simtee_qe *qe,
                                  const struct simtee_registers *regs,
                                  const uint8_t report_data64[static 64], struct ds_span pck_chain,
                                  struct ds_error *e);

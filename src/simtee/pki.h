/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The simulated platform's certificate authority: one per machine, in a state
 * directory. Its only secret is 32 random bytes, `machine.key`; every key pair
 * is derived from them, so that certificates and collateral can be made anew at
 * any time without the root changing. Every certificate carries the critical
 * marker extension, so no unmodified verifier accepts the chain.
 *
 * Files, each replaced atomically, 0600: machine.key, certificates.pem (PCK,
 * platform CA, root, TCB signing), collateral.json, and the lock.
 */

#include "base/buf.h"
#include "base/secret.h"
#include "simtee/platform.h"

#define SIMTEE_COLLATERAL_DAYS 30

struct simtee_pki;

/*
 * Open the machine's PKI; make it, or the parts of it that are missing or out of date.
 *
 * in:   dir    state directory; made 0700 when missing
 *       now_s  the caller's clock: certificates and collateral are valid at it afterwards
 * out:  ret    *gives*: simtee_pki_free
 * err:  FORMAT (simtee.state_damaged: machine.key is not 32 bytes), TIMEOUT (another process
 *       holds the lock for long), SYS, CRYPTO, NOMEM
 */
DS_MUST_USE int simtee_pki_open(struct simtee_pki **ret, const char *dir, int64_t now_s,
                                struct ds_error *e);
void simtee_pki_free(struct simtee_pki *pki);
DS_DEFINE_AUTO(struct simtee_pki, simtee_pki_free);

/* Collateral as one JSON object in the vendor's forms (attest/dcap/collateral.h); borrowed. */
struct ds_span simtee_pki_collateral(const struct simtee_pki *pki);
/* The root certificate as PEM; borrowed. */
struct ds_span simtee_pki_root_pem(const struct simtee_pki *pki);
/* SHA-256 of the root's SubjectPublicKeyInfo: what an anchor pins. */
void simtee_pki_root_spki32(uint8_t ret32[static 32], const struct simtee_pki *pki);
/* SHA-256(machine.key)[0:16]; the verifier's device id is its SHA-256. */
void simtee_pki_ppid16(uint8_t ret16[static 16], const struct simtee_pki *pki);

/*
 * A TDX quote, version 4, over these registers: header, TD report, QE report signed by the PCK
 * key, PCK chain as certification data 5 inside 6; *appended* to ret.
 */
DS_MUST_USE int simtee_pki_quote(struct ds_buf *ret, const struct simtee_pki *pki,
                                 const struct simtee_registers *regs,
                                 const uint8_t report_data64[static 64], struct ds_error *e);

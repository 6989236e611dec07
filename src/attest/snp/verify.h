/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Verification of AMD SEV-SNP reports, in two steps: the certificates of a
 * platform once, then each of its reports at the price of one signature.
 */

#include "attest/anchors.h"
#include "attest/claims.h"
#include "attest/snp/cert.h"
#include "attest/snp/report.h"

/* Without the root's revocation list: accepted, and the claims say that nobody looked. */
#define DS_SNP_ALLOW_NO_CRL ((uint32_t)1 << 0)

/*
 * A VCEK or VLEK that was verified: what reports are checked against. It holds no
 * pointers and may be kept as long as its dates allow. Only ds_snp_platform_verify()
 * makes one that counts.
 */
struct ds_snp_platform {
    enum ds_kind kind;
    char anchor[64];
    enum ds_snp_key key;
    enum ds_snp_product product;
    uint8_t pub_xy96[96];
    uint8_t tcb8[8];         /* the TCB that the key is derived from */
    uint8_t chip_id64[64];   /* VCEK; zeros for a VLEK */
    uint8_t device_id32[32]; /* VCEK: SHA-256 of chip_id64 */
    char csp_id[64];         /* VLEK: "CN=cc-us-east-2.amazonaws.com" */
    bool is_crl_checked;
    int64_t valid_from_s, valid_until_s;
    /* A root's certificate, where evidence brought one, ends what is kept and is in no claim: its
       own signature is not looked at. */
    int64_t root_from_s, root_until_s;
};

/*
 * Verify the certificate of a signing key up to a root.
 *
 * in:   certs    parsed, untrusted; borrowed. AMD's own roots may be left out
 *        key     which of the two leaves: ds_snp_report_key() of the report
 *       anchors  what is trusted beside the compiled-in roots
 *       now_s    seconds since 1970-01-01 UTC: the caller's clock
 *       flags    DS_SNP_ALLOW_NO_CRL
 * out:  ret      written only on DS_OK; holds no pointers
 * err:  UNTRUSTED    a check failed: attest.snp.*, attest.x509.*, attest.root_unknown ...
 *       STALE        a certificate or the CRL is outside its dates
 *       UNAVAILABLE  attest.snp.certificates_missing; attest.snp.crl_missing, when all else holds
 *       UNSUPPORTED  an algorithm that is not AMD's
 * spec: AMD 57230 2.3 and 3 (certificates and their chain); RFC 5280 6.1 and 6.3
 */
DS_MUST_USE int ds_snp_platform_verify(struct ds_snp_platform *ret,
                                       const struct ds_snp_certs *certs, enum ds_snp_key key,
                                       const struct ds_anchors *anchors, int64_t now_s,
                                       uint32_t flags, struct ds_error *e);

/*
 * Verify a report against its platform and say what it proves. That the guest may be
 * debugged, its VMPL, its migration agent, the platform's settings and how old the TCB may
 * be are in the claims for policy to judge.
 *
 * in:   report    parsed, untrusted; borrowed
 *       platform  from ds_snp_platform_verify()
 *       now_s     the caller's clock
 * out:  ret       from ds_claims_new_in(); written only on DS_OK
 * err:  UNTRUSTED  attest.snp.*: the report is not this platform's, or was changed
 *       STALE      attest.snp.platform_dates
 * spec: AMD 56860 7.3 table 23
 */
DS_MUST_USE int ds_snp_report_verify(struct ds_claims *ret, const struct ds_snp_report *report,
                                     const struct ds_snp_platform *platform, int64_t now_s,
                                     struct ds_error *e);

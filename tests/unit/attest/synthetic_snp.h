/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An SEV-SNP platform made on the spot: AMD's chain of certificates in its own forms
 * under a root of the test's own, a revocation list, and a report, with every field
 * open to change before it is signed. So each check of the verifier can be reached alone.
 */

#include "attest/snp/verify.h"
#include "base/buf.h"

#define SNP_NOW 1800000000
#define SNP_DAY 86400

enum snp_cert { S_ARK, S_OTHER_ARK, S_ASK, S_ASVK, S_VCEK, S_VLEK, S_N_CERTS };

struct snp_cert_plan {
    const char *cn;
    enum snp_cert issuer, key; /* the key that it is for: mostly its own */
    bool ca;
    int path_len;  /* -1: none */
    uint8_t usage; /* first byte of the BIT STRING; 0: no extension */
    bool has_marker, is_marker_soft, has_unknown, is_sha256;
    int64_t not_before_s, not_after_s;
};

struct snp_synth {
    struct snp_cert_plan plans[S_N_CERTS];
    /* AMD's extensions of VCEK and VLEK */
    uint8_t struct_version, tcb8[8];
    const char *product; /* "Milan-B0"; Turin's has the other order and a short hardware id */
    uint8_t hwid64[64];
    size_t hwid_len;
    bool wraps_hwid, has_hwid_in_vlek, has_csp_in_vcek, is_spl_long;
    uint8_t omits_arc; /* SPL that is left out */
    struct ds_span csp_id;
    /* the root's list */
    enum snp_cert crl_by;
    bool is_ask_revoked, is_asvk_revoked, is_other_revoked;
    int64_t crl_this_s, crl_next_s;
    /* the report: fields that are written; the signature by VCEK, or VLEK as key_info says */
    struct ds_snp_report report;
    bool breaks_signature, is_signed_by_other;

    struct ds_buf certs[S_N_CERTS], crl;
};

/* Everything verifies at SNP_NOW; nothing is made yet. Version 3 for Milan, 5 for the others. */
struct snp_synth snp_synth_good(enum ds_snp_product product, enum ds_snp_key key);
void snp_synth_done(struct snp_synth *s);

/* Certificates and list, as planned. Keys are made once for the whole test program. */
void snp_synth_make(struct snp_synth *s);

/* All certificates with the root and its list. They borrow `s`. */
struct ds_snp_certs snp_synth_certs(const struct snp_synth *s);

void snp_synth_report(uint8_t ret[static DS_SNP_REPORT_LEN], const struct snp_synth *s);
/* Signs bytes as they are, in place: for what no field can say. */
void snp_synth_sign(uint8_t report[static DS_SNP_REPORT_LEN], const struct snp_synth *s);

/* A certificate table: `guids` are the wire's bytes. */
struct snp_table_entry {
    const char *guid; /* hex */
    struct ds_span content;
};
void snp_synth_table(struct ds_buf *ret, const struct snp_table_entry *entries, size_t n);

#define SNP_GUID_ARK  "c0b406a4a803495297433fb6014cd0ae"
#define SNP_GUID_ASK  "4ab7b379bbac4fe4a02f05aef327c782"
#define SNP_GUID_VCEK "63da758de6644564adc5f4b93be8accd"
#define SNP_GUID_VLEK "a8074bc2a25a483eaae639c045a0b8a1"
#define SNP_GUID_CRL  "92f81bc358114d3d97ffd19f88dc67ea"

struct ds_extra_anchor snp_synth_anchor(const struct snp_synth *s, enum snp_cert root,
                                        bool is_simulated);

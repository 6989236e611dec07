/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The certificates beside an SEV-SNP report: gathered from whatever form they
 * travel in and told apart by their names, unverified; and what AMD writes about
 * a processor into the certificate of its signing key.
 * spec: AMD 57230, VCEK Certificate and KDS Interface, revision 1.00: 2.3 tables 7 and 8
 *       (ARK, ASK), 3 and 3.1 (VCEK and its extensions);
 *       AMD 56421, Guest-Hypervisor Communication Block, 4.1.8.1 (certificate table)
 */

#include "attest/snp/report.h"
#include "attest/x509.h"
#include "base/arena.h"

#define DS_SNP_TABLE_MAX         65536 /* bytes of a certificate table */
#define DS_SNP_TABLE_ENTRIES_MAX 16
#define DS_SNP_CERTS_MEM         ((size_t)64 << 10) /* bytes of arena: a whole chain in PEM */

/* The first two have the numbers of enum ds_snp_key, and their issuers are two further on. */
enum ds_snp_slot {
    DS_SNP_VCEK = 0,
    DS_SNP_VLEK,
    DS_SNP_ASK,  /* issues VCEKs */
    DS_SNP_ASVK, /* issues VLEKs */
    DS_SNP_ARK,  /* the root; AMD's own need not be there */
    DS_SNP_CRL,  /* the root's revocation list */
    DS_SNP_N_SLOTS,
};

/* DER, borrowed from the input or standing in the arena; empty where absent. */
struct ds_snp_certs {
    struct ds_span der[DS_SNP_N_SLOTS];
};

/*
 * Add what one item holds: a certificate or the root's revocation list in DER, PEM with one or
 * more certificates, or a certificate table as SNP_GET_EXT_REPORT gives it.
 *
 * io:   certs  what is there already stays; the same again does nothing
 *       mem    for PEM: DS_SNP_CERTS_MEM holds a whole chain of AMD's
 * err:  FORMAT, TRUNCATED  attest.x509.format, attest.snp.certificate_table
 *       UNTRUSTED          attest.snp.certificates: of another PKI, or two for one place
 *       NOMEM
 */
DS_MUST_USE int ds_snp_certs_add(struct ds_snp_certs *certs, struct ds_arena *mem,
                                 struct ds_span item, struct ds_error *e);

/* What a VCEK or VLEK certificate says, unverified. */
struct snp_key_cert {
    enum ds_snp_product product;
    uint8_t tcb8[8];    /* the SPLs, in the order of this product's TCB_VERSION */
    uint8_t hwid64[64]; /* VCEK; zeros behind the 8 bytes of a Turin */
    char csp_id[64];    /* VLEK: the cloud it was given to */
};

/* err: UNTRUSTED attest.snp.key_certificate: extensions are not as AMD's profile has them */
DS_MUST_USE int snp_key_cert_parse(struct snp_key_cert *ret, enum ds_snp_key key,
                                   const struct ds_x509 *cert, struct ds_error *e);

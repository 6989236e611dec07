/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intel's ECDSA quote, versions 3 to 5: header, a body of some TEE, and the
 * signature data that leads from the body to a PCK certificate. Unverified. The
 * bodies are read in attest/tdx and attest/sgx.
 * spec: SGX ECDSA QuoteGenReference, appendix A (version 3); TDX DCAP Quoting
 *       Library API, appendices A.3 (version 4) and A.4 (version 5)
 */

#include "attest/dcap/report.h"

#define DS_DCAP_QUOTE_MAX 65536

#define DS_DCAP_TEE_SGX 0x00
#define DS_DCAP_TEE_TDX 0x81

/* The numbers are version 5's; 3 and 4 tell the body by version and TEE. */
enum ds_dcap_body {
    DS_DCAP_BODY_SGX = 1,  /* 384 bytes */
    DS_DCAP_BODY_TD10 = 2, /* 584 bytes */
    DS_DCAP_BODY_TD15 = 3, /* 648 bytes */
    /* 4 is TD 1.5 with extensions, 885 bytes, and not read */
};

/*
 * What certifies the key that signed the QE report (certification data type).
 * Types 1 to 3 and 7 are hints where to fetch the PCK certificate. Nothing in them
 * is read, nor their lengths (those in Intel's own samples are not the specified):
 * whether a certificate is the right one, the QE report's signature says.
 */
enum ds_dcap_cert {
    DS_DCAP_CERT_PPID = 1,         /* platform id in clear, and security versions */
    DS_DCAP_CERT_PPID_RSA2048 = 2, /* the same, the platform id encrypted for Intel */
    DS_DCAP_CERT_PPID_RSA3072 = 3,
    DS_DCAP_CERT_PCK_LEAF = 4,  /* PEM */
    DS_DCAP_CERT_PCK_CHAIN = 5, /* PEM: leaf, intermediate, root */
    DS_DCAP_CERT_QE_REPORT = 6, /* versions 4 and 5: QE report and what certifies it */
    DS_DCAP_CERT_MANIFEST = 7,  /* of a platform with several packages */
};

/* Spans borrow the parsed bytes. */
struct ds_dcap_quote {
    uint16_t version, key_type;
    uint32_t tee_type;
    uint8_t qe_vendor_id16[16];
    enum ds_dcap_body body_type;
    struct ds_span body;
    struct ds_span signed_part; /* header and body: what the attestation key signs */
    uint8_t sig64[64], ak_pub64[64];
    struct ds_span qe_report_raw; /* what the PCK key signs */
    struct ds_sgx_report qe_report;
    uint8_t qe_sig64[64];
    struct ds_span qe_auth;
    uint16_t cert_type; /* enum ds_dcap_cert, but for 6 */
    struct ds_span cert_data;
    struct ds_span padding; /* behind the signature data, in the buffer of the quote; unsigned */
};

/*
 * err:  UNSUPPORTED  attest.dcap.version, attest.dcap.tee_type, attest.dcap.key_type,
 *                    attest.dcap.body_type; another outer type of certification data
 *       UNTRUSTED    attest.dcap.qe_vendor
 *       TRUNCATED, FORMAT, TRAILING, RANGE  attest.dcap.quote_format
 */
DS_MUST_USE int ds_dcap_quote_parse(struct ds_dcap_quote *ret, struct ds_span in,
                                    struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intel's Provisioning Certification Service: what to ask for a platform, and
 * a set (attest/dcap/collateral.h) from the replies. A PCCS, which caches it,
 * speaks the same. Pure: URLs and bytes, no network. Certificates of platforms
 * are not asked for: quotes that carry their PPID encrypted have to come with
 * their PCK chain.
 * spec: Intel PCS API version 4; PCCS design guide (rootcacrl)
 */

#include "base/arena.h"
#include "base/buf.h"

#define PCS_URL_MAX  512
#define PCS_BODY_MAX ((size_t)256 * 1024)
#define PCS_SET_MEM  ((size_t)3 << 20) /* bytes of arena that suffice to make a set */

#define PCS_BASE "https://api.trustedservices.intel.com"

enum pcs_ca {
    PCS_CA_PLATFORM,
    PCS_CA_PROCESSOR,
};

struct pcs_ask {
    bool is_sgx; /* else TDX */
    uint8_t fmspc6[6];
    enum pcs_ca ca;
    bool is_early;        /* TCB recovery data as soon as they are published, not when they bind */
    uint32_t eval_number; /* tcbEvaluationDataNumber; 0: the service's newest */
};

/*
 * What a quote's platform needs: read from its PCK certificate, unverified. SGX version 3, SGX and
 * TDX version 4 and 5.
 *
 * io:   mem  for the certificate
 * err:  UNSUPPORTED  collateral.quote_unusable: no PCK certificate inside
 *       FORMAT, TRUNCATED, UNTRUSTED
 */
DS_MUST_USE int pcs_ask_of_quote(struct pcs_ask *ret, struct ds_arena *mem, struct ds_span quote,
                                 struct ds_error *e);

enum pcs_doc {
    PCS_TCB_INFO,
    PCS_QE_IDENTITY,
    PCS_PCK_CRL,
    PCS_ROOT_CRL,
    PCS_N_DOCS,
};

/* "TCB info" ... */
const char *pcs_doc_text(enum pcs_doc doc);

/*
 * Where a document is.
 *
 * in:   base  NULL: Intel's service. Else a PCCS: scheme, host, port; a path that ends in
 *             /sgx/certification/v4 is understood too
 * err:  RANGE  net.bad_target: the address is too long
 */
DS_MUST_USE int pcs_url(char ret[static PCS_URL_MAX], const struct pcs_ask *ask, enum pcs_doc doc,
                        const char *base, struct ds_error *e);

/* The header in which the issuers of a document stand, and its older name or NULL; NULL for the
 * root's list, which has none. */
const char *pcs_chain_header(enum pcs_doc doc, bool older);

struct pcs_reply {
    struct ds_span body;
    struct ds_span chain; /* value of the header; empty when absent */
};

/*
 * Put a set together, *appended*; the signed texts stay byte for byte as they were served.
 *
 * io:   mem  PCS_SET_MEM
 * err:  PEER collateral.reply
 */
DS_MUST_USE int pcs_set_make(struct ds_buf *ret, struct ds_arena *mem,
                             const struct pcs_reply replies[static PCS_N_DOCS], struct ds_error *e);

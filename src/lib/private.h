/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What stands behind the opaque types of <dstack/attest.h>. The verification
 * itself is attest/'s; here are only memory, trust and the form of the outcome.
 */

#include <dstack/attest.h>

#include "attest/dcap/platform.h"
#include "attest/eventlog/event.h"
#include "attest/sgx/quote.h"
#include "attest/snp/verify.h"
#include "attest/tdx/quote.h"
#include "base/reason.h"

#define LIB_ROOTS_MAX      16
#define LIB_COLLATERAL_MAX ((size_t)512 << 10) /* bytes of Intel's JSON */
/* A verifier's arena: collateral, event log, and the certificates of both in DER. */
#define LIB_MEM (DS_DCAP_COLLATERAL_MEM + DS_TDX_LOG_MEM + 2 * LIB_COLLATERAL_MAX)
/* A machine's: its collateral as text and parsed, and the chain of the quote. */
#define LIB_MACHINE_MEM (DS_DCAP_COLLATERAL_MEM + LIB_COLLATERAL_MAX + DS_DCAP_QUOTE_MAX)

/* Everything that decides what a verifier accepts. */
struct lib_trust {
    uint32_t without; /* compiled-in roots that do not count, as in struct ds_anchors */
    uint32_t snp_flags;
    size_t n_roots;
    struct ds_extra_anchor roots[LIB_ROOTS_MAX];
};

struct ds_attest_claims {
    struct ds_claims *c;
};

struct ds_attest {
    struct lib_trust trust;
    struct ds_arena mem; /* all of it free between calls */
    struct ds_attest_claims claims;
    bool is_verified;          /* the claims are of the last evidence, and it verified */
    int64_t verified_at_s;     /* then */
    struct ds_verdict verdict; /* of the last call */
};

struct ds_attest_machine {
    bool is_known;
    struct lib_trust trust; /* under which it verified */
    struct ds_arena mem;
    struct ds_dcap_collateral coll;
    struct ds_dcap_platform *dcap; /* one of the two is filled, or none */
    struct ds_dcap_qe qe;
    struct ds_snp_platform snp;
};

/* Evidence by what it is about, parsed and unverified. */
struct lib_evidence {
    enum ds_tee tee;
    union {
        struct ds_tdx_quote tdx;
        struct ds_sgx_quote sgx;
        struct ds_snp_report snp;
    };
    struct ds_snp_certs certs; /* that came with a report */
    bool has_log;
    struct ds_tdx_log log;
};

/* io: mem for events and for certificates in PEM. err: as the parsers of attest/ */
DS_MUST_USE int lib_evidence_parse(struct lib_evidence *ret, struct ds_arena *mem,
                                   struct ds_span in, struct ds_error *e);

/*
 * The outcome of a call: its result, and where it failed the verifier's only reason. What was
 * verified before counts no more.
 */
int lib_finish(struct ds_attest *a, int r, const struct ds_error *e);

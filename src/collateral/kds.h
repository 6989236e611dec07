/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMD's Key Distribution Service: what to ask for a chip and its TCB, and a set
 * (collateral/check.h) from the replies. The service limits how often it is
 * asked; kds_gate_wait_ms is the rule that everyone on this machine keeps. Pure.
 * spec: AMD 57230 chapter 4 (KDS interface); 56860 7.3 table 23 (report)
 */

#include "base/arena.h"
#include "base/buf.h"

#define KDS_URL_MAX    640
#define KDS_BASE       "https://kdsintf.amd.com"
#define KDS_REPORT_LEN 1184
#define KDS_SET_MEM    ((size_t)512 * 1024) /* bytes of arena that suffice to make a set */

struct kds_ask {
    char product[8]; /* "Milan", "Genoa", "Turin" */
    bool is_vlek;    /* the leaf comes from the cloud, not from the service */
    uint8_t chip_id64[64];
    uint8_t bl_spl, tee_spl, snp_spl, ucode_spl;
    uint8_t fmc_spl; /* Turin */
};

/*
 * What a report's chip needs; unverified.
 *
 * in:   product  NULL: as the report says; version 2 does not say it
 * err:  UNSUPPORTED  collateral.quote_unusable: the chip is masked, the product is not known
 *       FORMAT       collateral.quote_unusable: no report
 */
DS_MUST_USE int kds_ask_of_report(struct kds_ask *ret, struct ds_span report, const char *product,
                                  struct ds_error *e);

enum kds_doc {
    KDS_LEAF,  /* VCEK, DER */
    KDS_CHAIN, /* ASK (or ASVK) and ARK, PEM */
    KDS_CRL,   /* DER */
    KDS_N_DOCS,
};

const char *kds_doc_text(enum kds_doc doc);

/* base  NULL: AMD's service. err: RANGE net.bad_target */
DS_MUST_USE int kds_url(char ret[static KDS_URL_MAX], const struct kds_ask *ask, enum kds_doc doc,
                        const char *base, struct ds_error *e);

/* Put a set together, *appended*. io: mem KDS_SET_MEM. err: PEER collateral.reply */
DS_MUST_USE int kds_set_make(struct ds_buf *ret, struct ds_arena *mem, const struct kds_ask *ask,
                             const struct ds_span bodies[static KDS_N_DOCS], struct ds_error *e);

/* The certificate is of the chip and TCB that were asked for. */
bool kds_leaf_fits(const struct kds_ask *ask, struct ds_span leaf_der);

/*
 * How long to leave the service alone: until next_ms, which the last one who asked wrote down. A
 * time that lies further ahead than any pause is a clock that was set back: 0.
 */
int64_t kds_gate_wait_ms(int64_t next_ms, int64_t now_ms);

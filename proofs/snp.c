/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SEV-SNP report in two steps: fields in inputs of any length up to BOUND, which pass at one length
 * alone; then every report of that length, whole.
 */
#include "proof.h"

#include "attest/snp/report.c"

void proof_fields(void)
{
    struct ds_span in = any_long_input(BOUND);
    struct ds_reader r = ds_reader_of(in);
    struct ds_snp_report p = { 0 };
    read_fields(&p, &r);
    PROVE(r.p >= r.start && r.p <= r.end, "a reader stays in its input");
    int cls = ds_reader_end(&r, any_error(), "report");
    PROVE((cls == DS_OK) == (in.len == DS_SNP_REPORT_LEN), "a report has one length");
    REACHED_IF(cls == DS_OK, "a report");
    REACHED_IF(cls == DS_ERR_TRAILING, "a byte more");
}

/* 56860, table ATTESTATION_REPORT: its reserved bytes, and what follows the signature's numbers. */
static bool must_be_zero(size_t at, uint32_t version)
{
    return (at >= 0x04c && at < 0x050) || (at >= 0x18b && at < 0x1a0) || at == 0x1eb ||
           at == 0x1ef || (at >= 0x188 && at < 0x18b && version == 2) ||
           (at >= 0x1f8 && at < 0x208 && version <= 3) || (at >= 0x208 && at < 0x2a0) ||
           (at >= 0x2d0 && at < 0x2e8) || (at >= 0x318 && at < 0x4a0);
}

void proof_report(void)
{
    struct ds_span in = DS_SPAN(malloc(DS_SNP_REPORT_LEN), DS_SNP_REPORT_LEN);
    struct ds_snp_report p = { 0 };
    size_t i = nondet_size();
    int cls = ds_snp_report_parse(&p, in, any_error());
    PROVE(cls == DS_OK || (p.version == 0 && p.signed_part.p == NULL), "a failure gives nothing");
    GIVEN(cls == DS_OK && i < DS_SNP_REPORT_LEN);
    PROVE(p.version >= 2 && p.version <= 5 && p.sig_algo == 1, "what can be judged");
    PROVE(p.signed_part.p == in.p && p.signed_part.len == 0x2a0, "what is signed");
    PROVE((p.policy >> 26) == 0 && (p.policy >> 17 & 1) == 1, "reserved bits of the policy");
    PROVE(ds_snp_report_key(&p) <= 1 || ds_snp_report_key(&p) == 7, "a key that exists");
    PROVE(p.version > 2 || ds_snp_report_product(&p) == DS_SNP_PRODUCT_NONE,
          "version 2 does not say its product");
    PROVE(!must_be_zero(i, p.version) || in.p[i] == 0, "what is reserved is zero");
    REACHED_IF(ds_snp_report_product(&p) == DS_SNP_PRODUCT_TURIN, "a report of a Turin");
    REACHED_IF(p.version == 2 && ds_snp_report_key(&p) == DS_SNP_KEY_VLEK, "a report of version 2");
}

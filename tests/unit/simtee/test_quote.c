/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a quote, read by the verifier's own parser.
 */
#include "simtee/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attest/tdx/quote.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

static struct simtee_registers some_registers(void)
{
    struct simtee_registers r;
    memset(r.mrtd48, 0x21, 48);
    memset(r.mrconfigid48, 0x03, 48);
    for (uint8_t i = 0; i < 4; i++)
        memset(r.rtmr48[i], 0x60 + i, 48);
    return r;
}

/* The constants that are hashes of a text. */
static void test_constants(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t hash[48];
    assert_int_equal(ds_hash(DS_SHA384, hash, DS_SPAN_LIT(SIMTEE_SEAM_TEXT), &e), DS_OK);
    assert_memory_equal(hash, simtee_platform.mrseam48, 48);
    assert_int_equal(ds_hash(DS_SHA256, hash, DS_SPAN_LIT(SIMTEE_QE_TEXT), &e), DS_OK);
    assert_memory_equal(hash, simtee_platform.qe_mrenclave32, 32);
    assert_int_equal(ds_hash(DS_SHA256, hash, DS_SPAN_LIT(SIMTEE_QE_SIGNER_TEXT), &e), DS_OK);
    assert_memory_equal(hash, simtee_platform.qe_mrsigner32, 32);
}

static void check_report(const struct ds_tdx_quote *q, const struct simtee_registers *regs)
{
    assert_int_equal(q->dcap.version, 4);
    assert_int_equal(q->dcap.key_type, 2);
    assert_int_equal(q->dcap.tee_type, 0x81);
    assert_memory_equal(q->dcap.qe_vendor_id16, simtee_platform.qe_vendor16, 16);
    assert_memory_equal(q->td.tee_tcb_svn16, simtee_platform.tee_tcb_svn16, 16);
    assert_memory_equal(q->td.mrseam48, simtee_platform.mrseam48, 48);
    assert_true(q->td.td_attributes == 0x10000000);
    assert_true(q->td.xfam == 0x602e7);
    assert_memory_equal(q->td.mrtd48, regs->mrtd48, 48);
    assert_memory_equal(q->td.mrconfigid48, regs->mrconfigid48, 48);
    assert_memory_equal(q->td.rtmr48, regs->rtmr48, sizeof regs->rtmr48);
    assert_int_equal(q->td.report_data64[0], 0xab);
    assert_int_equal(q->td.report_data64[63], 0xab);
    assert_int_equal(q->dcap.qe_report.isvprodid, 2);
    assert_int_equal(q->dcap.qe_report.isvsvn, 4);
    assert_memory_equal(q->dcap.qe_report.mrsigner32, simtee_platform.qe_mrsigner32, 32);
    assert_int_equal(q->dcap.qe_auth.len, 32);
    assert_int_equal(q->dcap.cert_type, 5);
    assert_int_equal(q->dcap.padding.len, 0);
}

static void check_signature(const uint8_t pub64[64], struct ds_span signed_part,
                            const uint8_t sig64[64])
{
    struct ds_error e = { 0 };
    uint8_t hash32[32];
    assert_int_equal(ds_hash(DS_SHA256, hash32, signed_part, &e), DS_OK);
    assert_int_equal(ds_p256_verify(pub64, hash32, sig64, &e), DS_OK);
}

static void test_layout(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_p256_key *attestation = NULL;
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *pck = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    const struct simtee_registers regs = some_registers();
    struct simtee_qe qe;
    struct ds_tdx_quote q;
    uint8_t report_data64[64], pck64[64];
    memset(report_data64, 0xab, sizeof report_data64);
    assert_int_equal(ds_p256_key_new(&attestation, &e), DS_OK);
    assert_int_equal(ds_p256_key_new(&pck, &e), DS_OK);
    ds_p256_key_public(pck64, pck);
    assert_int_equal(simtee_qe_init(&qe, attestation, pck, &e), DS_OK);
    ds_buf_str(&quote, "before");
    assert_int_equal(simtee_quote_make(&quote, &qe, &regs, report_data64, DS_SPAN_LIT("PEM"), &e),
                     DS_OK);
    ds_buf_drop(&quote, 6);
    assert_int_equal(ds_tdx_quote_parse(&q, ds_buf_span(&quote), &e), DS_OK);
    check_report(&q, &regs);
    assert_true(ds_span_eq_str(q.dcap.cert_data, "PEM"));
    check_signature(q.dcap.ak_pub64, q.dcap.signed_part, q.dcap.sig64);
    check_signature(pck64, q.dcap.qe_report_raw, q.dcap.qe_sig64);

    uint8_t binding32[32];
    const struct ds_span bound[] = { DS_SPAN_OF(q.dcap.ak_pub64), q.dcap.qe_auth };
    assert_int_equal(ds_hash_v(DS_SHA256, binding32, bound, 2, &e), DS_OK);
    assert_memory_equal(q.dcap.qe_report.report_data64, binding32, 32);
    simtee_qe_done(&qe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

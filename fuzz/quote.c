/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel quotes: every byte of an accepted one belongs to exactly one part; padding
 * changes nothing of what was read; it is of one TEE.
 */
#include "attest/sgx/quote.h"
#include "attest/tdx/quote.h"

#include "fuzz.h"

/* Length; signature and key; report and signature; length, type and length. */
#define FIXED_LEN (4 + 128 + 384 + 64 + 2 + 2 + 4)

static void check(const struct ds_dcap_quote *q, struct ds_span in)
{
    static const size_t body_lens[] = { 0, 384, 584, 648 };
    size_t head = q->version == 5 ? 54 : 48;   /* version 5: with type and length of the body */
    size_t wrapping = q->version == 3 ? 0 : 6; /* from version 4 on: type and length */
    FUZZ_CHECK(q->version >= 3 && q->version <= 5);
    FUZZ_CHECK((q->tee_type == DS_DCAP_TEE_SGX) == (q->body_type == DS_DCAP_BODY_SGX));
    FUZZ_CHECK(q->body_type != DS_DCAP_BODY_TD15 || q->version == 5);
    FUZZ_CHECK(q->body.len == body_lens[q->body_type] && q->body.p == in.p + head);
    FUZZ_CHECK(q->signed_part.p == in.p && q->signed_part.len == head + q->body.len);
    FUZZ_CHECK(q->qe_report_raw.len == DS_SGX_REPORT_LEN);
    fuzz_check_borrowed(q->qe_report_raw, in, NULL);
    fuzz_check_borrowed(q->qe_auth, in, NULL);
    fuzz_check_borrowed(q->cert_data, in, NULL);
    FUZZ_CHECK(head + q->body.len + FIXED_LEN + wrapping + q->qe_auth.len + q->cert_data.len +
                   q->padding.len ==
               in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct ds_dcap_quote q, shorter;
    struct ds_tdx_quote tdx;
    struct ds_sgx_quote sgx;
    struct ds_span in = DS_SPAN(data, len);
    bool is_quote = fuzz_is_ok(ds_dcap_quote_parse(&q, in, &e), &e);
    bool is_tdx = fuzz_is_ok(ds_tdx_quote_parse(&tdx, in, &e), &e);
    bool is_sgx = fuzz_is_ok(ds_sgx_quote_parse(&sgx, in, &e), &e);
    FUZZ_CHECK(is_tdx + is_sgx == (is_quote ? 1 : 0));
    if (!is_quote)
        return 0;
    check(&q, in);
    in.len -= q.padding.len;
    FUZZ_CHECK(ds_dcap_quote_parse(&shorter, in, &e) == DS_OK);
    FUZZ_CHECK(shorter.padding.len == 0 && ds_span_eq(shorter.body, q.body));
    return 0;
}

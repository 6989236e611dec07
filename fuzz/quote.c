/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDX quotes: every byte of an accepted one belongs to exactly one part; padding
 * changes nothing of what was read.
 */
#include "attest/tdx/quote.h"

#include "fuzz.h"

/* Header and body; length; signature and key; type and length; report and signature; three lengths. */
#define FIXED_LEN (632 + 4 + 128 + 6 + 384 + 64 + 2 + 2 + 4)

static void check(const struct ds_tdx_quote *q, struct ds_span in)
{
    FUZZ_CHECK(q->version == 4 && q->tee_type == 0x81);
    FUZZ_CHECK(q->signed_part.p == in.p && q->signed_part.len == 632);
    FUZZ_CHECK(q->qe_report_raw.len == 384);
    fuzz_check_borrowed(q->qe_report_raw, in, NULL);
    fuzz_check_borrowed(q->qe_auth, in, NULL);
    fuzz_check_borrowed(q->cert_data, in, NULL);
    FUZZ_CHECK(FIXED_LEN + q->qe_auth.len + q->cert_data.len + q->padding.len == in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct ds_tdx_quote q, shorter;
    struct ds_span in = DS_SPAN(data, len);
    if (!fuzz_is_ok(ds_tdx_quote_parse(&q, in, &e), &e))
        return 0;
    check(&q, in);
    in.len -= q.padding.len;
    FUZZ_CHECK(ds_tdx_quote_parse(&shorter, in, &e) == DS_OK);
    FUZZ_CHECK(shorter.padding.len == 0 && memcmp(&shorter.td, &q.td, sizeof q.td) == 0);
    return 0;
}

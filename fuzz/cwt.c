/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as CWT: COSE_Sign1 and what its parts borrow, and the claims set that
 * would be inside.
 */
#include "ear/cwt.h"

#include "ear_claims.h"

static void message(struct ds_span in)
{
    struct ds_error e;
    struct ds_cose_sign1 m;
    if (!fuzz_is_ok(ds_cose_sign1_parse(&m, in, &e), &e))
        return;
    fuzz_check_borrowed(m.protected_, in, NULL);
    fuzz_check_borrowed(m.payload, in, NULL);
    FUZZ_CHECK(m.sig.len == (m.alg == DS_COSE_ES256 ? 64 : 96));
    FUZZ_CHECK(m.n_headers > 0 && m.n_headers <= DS_COSE_HEADERS_MAX);
    FUZZ_CHECK(m.n_unprotected <= DS_COSE_HEADERS_MAX);
    for (size_t i = 0; i < m.n_headers; i++)
        fuzz_check_borrowed(m.headers[i].value, m.protected_, NULL);
    for (size_t i = 0; i < m.n_unprotected; i++)
        fuzz_check_borrowed(m.unprotected[i].value, in, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ds_cose_key no_point = { .alg = DS_COSE_ES256 };
    struct ds_error e;
    struct ds_arena mem = ds_arena_of(ear_claims_room, sizeof ear_claims_room);
    struct ds_span in = DS_SPAN(data, len);
    message(in);
    FUZZ_CHECK(!fuzz_is_ok(ear_cwt_open(&ear_claims_got, &mem, in, &no_point, &e), &e));
    ear_claims_check(FORM_CBOR, in);
    return 0;
}

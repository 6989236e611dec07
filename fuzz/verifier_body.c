/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is posted to the verifier: evidence by media type and by its bytes, and
 * both JSON requests. The first byte says as what the rest is read. What is
 * handed on borrows the body, the arena or the document; exactly one kind of
 * evidence comes out.
 */
#include "verifier/request.h"

#include "ear/ear.h"
#include "fuzz.h"
#include "verifier/evidence.h"

#define ROOM ((size_t)4 << 20)

static max_align_t room[ROOM / sizeof(max_align_t)];

static void check(const struct verifier_input *in)
{
    size_t n = (in->attestation.len > 0) + (in->quote.len > 0) + (in->certificate.len > 0);
    FUZZ_CHECK(n == 1);
    FUZZ_CHECK(in->nonce.len == 0 ||
               (in->nonce.len >= EAR_NONCE_MIN && in->nonce.len <= EAR_NONCE_MAX));
    FUZZ_CHECK(in->report_data64.len == 0 || in->report_data64.len == 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t n_types = 0;
    if (len == 0)
        return 0;
    while (evidence_media_types[n_types] != NULL)
        n_types++;
    struct ds_span body = DS_SPAN(data + 1, len - 1);
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    DS_AUTO(verifier_request_done) struct verifier_request r = { 0 };
    struct verifier_input in = { 0 };
    struct ds_error e = { 0 };
    size_t as = data[0] % (n_types + 2);
    int got = as < n_types    ? evidence_read(&in, &r, &mem, evidence_media_types[as], body, &e)
              : as == n_types ? verifier_request_v1(&in, &r, &mem, body, &e)
                              : verifier_request_compatible(&in, &r, &mem, body, &e);
    if (!fuzz_is_ok(got, &e))
        return 0;
    check(&in);
    if (as == n_types - 1 && in.certificate.len == 0 && body.p[0] != '{' && in.collateral.len == 0)
        FUZZ_CHECK(in.quote.len + in.attestation.len <= body.len);
    return 0;
}

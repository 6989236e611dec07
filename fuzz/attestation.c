/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attestation wrapper: in both versions one form of each value is read, so
 * whatever is accepted is written back byte for byte.
 */
#include "attest/wrapper/attestation.h"

#include "fuzz.h"

/* Both lists at their longest, and as many bytes that came as arrays. */
static max_align_t
    room[(DS_EVENTS_MAX * (sizeof(struct ds_tdx_event) + sizeof(struct ds_runtime_event)) +
          ((size_t)2 << 20)) /
             sizeof(max_align_t) +
         4];

static void check(const struct ds_attestation *a, struct ds_span in, const struct ds_arena *mem)
{
    fuzz_check_borrowed(a->quote, in, mem);
    fuzz_check_borrowed(a->config, in, NULL);
    fuzz_check_borrowed(a->mr_config, in, NULL);
    FUZZ_CHECK(a->n_certs <= DS_ATTESTATION_CERTS_MAX);
    FUZZ_CHECK(a->log.n_events <= DS_EVENTS_MAX && a->n_runtime <= DS_EVENTS_MAX);
    for (size_t i = 0; i < a->n_certs; i++)
        fuzz_check_borrowed(a->certs[i], in, mem);
    fuzz_check_borrowed(DS_SPAN(a->log.events, a->log.n_events * sizeof *a->log.events), in, mem);
    fuzz_check_borrowed(DS_SPAN(a->runtime, a->n_runtime * sizeof *a->runtime), in, mem);
    for (size_t i = 0; i < a->log.n_events; i++)
        fuzz_check_borrowed(a->log.events[i].payload, in, mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    struct ds_attestation a;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span in = DS_SPAN(data, len);
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    if (!fuzz_is_ok(ds_attestation_parse(&a, &mem, in, &e), &e))
        return 0;
    check(&a, in, &mem);
    FUZZ_CHECK(ds_attestation_encode(&out, &a, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&out), in));

    size_t n = a.log.n_events;
    ds_attestation_strip(&a);
    FUZZ_CHECK(a.log.n_events <= n);
    ds_buf_clear(&out);
    FUZZ_CHECK(ds_attestation_encode(&out, &a, &e) == DS_OK);
    FUZZ_CHECK(out.len <= in.len);
    return 0;
}

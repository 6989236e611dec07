/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded attestations of dstack parse to their last byte, are written again
 * as they were, and hold what their quotes and registers say.
 */
#include "attest/claims_private.h"
#include "attest/eventlog/bind.h"
#include "attest/tdx/quote.h"
#include "attest/wrapper/attestation.h"
#include "vectors.h"

static void recorded(void **state)
{
    (void)state;
    static const struct {
        const char *path, *member; /* member NULL: the file itself */
        enum ds_attestation_platform platform;
        size_t quote_len, n_events, n_runtime, n_certs, config_len;
    } rows[] = {
        { "tdx/dstack_tdx-lite-attestation.json", "attestation", DS_ATTESTATION_TDX, 5006, 12, 9, 0,
          1043 },
        { "snp/dstack_snp_verifier.json", "attestation", DS_ATTESTATION_SEV_SNP, 1184, 0, 9, 2,
          1956 },
        { "snp/dstack_snp_attestation.bin", NULL, DS_ATTESTATION_SEV_SNP, 1184, 0, 9, 0, 1925 },
        { "nitro/dstack_nitro_attestation.scale", NULL, DS_ATTESTATION_NITRO_ENCLAVE, 4526, 0, 1, 0,
          84 },
        { "nitro/dstack_nitro_attestation_dbg.scale", NULL, DS_ATTESTATION_NITRO_ENCLAVE, 4529, 0,
          0, 0, 84 },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_arena mem = vectors_arena((size_t)4 << 20);
        struct ds_span in = rows[i].member != NULL
                                ? vectors_load_member(&mem, rows[i].path, rows[i].member, true)
                                : vectors_load(&mem, rows[i].path);
        struct ds_attestation a = { 0 }, again_a;
        if (ds_attestation_parse(&a, &mem, in, &e) != DS_OK)
            fail_msg("%s: %s", rows[i].path, e.msg);
        if (a.platform != rows[i].platform || a.quote.len != rows[i].quote_len ||
            a.log.n_events != rows[i].n_events || a.n_runtime != rows[i].n_runtime ||
            a.n_certs != rows[i].n_certs || a.config.len != rows[i].config_len)
            fail_msg("%s: platform %d, quote %zu, events %zu, runtime %zu, certs %zu, config %zu",
                     rows[i].path, a.platform, a.quote.len, a.log.n_events, a.n_runtime, a.n_certs,
                     a.config.len);
        DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
        assert_int_equal(ds_attestation_encode(&again, &a, &e), DS_OK);
        assert_true(ds_span_eq(ds_buf_span(&again), in));
        for (size_t len = 0; len < in.len; len += 7)
            assert_int_not_equal(ds_attestation_parse(&again_a, &mem, DS_SPAN(in.p, len), &e),
                                 DS_OK);
        free(mem.p);
    }
}

/* The log of this wrapper is stripped as for a certificate; RTMR3 still replays. */
static void log_binds(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_arena mem = vectors_arena((size_t)4 << 20);
    struct ds_span in = vectors_load_member(&mem, "tdx/dstack_tdx-lite-attestation.json",
                                            "attestation", true);
    struct ds_attestation a = { 0 };
    struct ds_tdx_quote q;
    struct ds_claims c = { .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX };
    assert_int_equal(ds_attestation_parse(&a, &mem, in, &e), DS_OK);
    assert_int_equal(ds_tdx_quote_parse(&q, a.quote, &e), DS_OK);
    assert_memory_equal(q.td.report_data64, a.report_data64, 64);
    memcpy(c.tdx.rtmr48, q.td.rtmr48, sizeof c.tdx.rtmr48);
    if (ds_claims_bind_runtime_log(&c, &a.log, &e) != DS_OK)
        fail_msg("%s", e.msg);
    assert_true(ds_claims_is_system_ready(&c));
    assert_int_equal(ds_claims_app_id(&c).len, 20);
    /* Stripping what is stripped already changes nothing. */
    size_t n = a.log.n_events;
    ds_attestation_strip(&a);
    assert_int_equal(a.log.n_events, n);
    a.log.events[n - 1].payload = DS_SPAN_LIT("another");
    struct ds_claims changed = { .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX };
    memcpy(changed.tdx.rtmr48, q.td.rtmr48, sizeof changed.tdx.rtmr48);
    assert_int_equal(ds_claims_bind_runtime_log(&changed, &a.log, &e), DS_ERR_UNTRUSTED);
    free(mem.p);
}

/* A GetQuote reply, wrapped and unwrapped again, still replays in full. */
static void full_log_survives(void **state)
{
    (void)state;
    static const char *const paths[] = { "tdx/dstack_quote-report.json",
                                         "tdx/dstack_tdx-lite-getquote.json" };
    for (size_t i = 0; i < DS_LEN(paths); i++) {
        struct ds_error e = { 0 };
        struct ds_arena mem = vectors_arena((size_t)4 << 20);
        struct ds_attestation a = { .platform = DS_ATTESTATION_TDX }, got = { 0 };
        struct ds_tdx_quote q;
        struct ds_claims c = { .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX };
        struct ds_span log = vectors_load_member(&mem, paths[i], "event_log", false);
        a.quote = vectors_load_member(&mem, paths[i], "quote", true);
        a.config = vectors_load_member(&mem, paths[i], "vm_config", false);
        assert_int_equal(ds_tdx_log_parse_json(&a.log, &mem, log, &e), DS_OK);
        DS_AUTO(ds_buf_done) struct ds_buf wire = { 0 };
        assert_int_equal(ds_attestation_encode(&wire, &a, &e), DS_OK);
        assert_int_equal(ds_attestation_parse(&got, &mem, ds_buf_span(&wire), &e), DS_OK);
        assert_int_equal(got.log.n_events, a.log.n_events);
        assert_int_equal(ds_tdx_quote_parse(&q, got.quote, &e), DS_OK);
        memcpy(c.tdx.rtmr48, q.td.rtmr48, sizeof c.tdx.rtmr48);
        if (ds_claims_bind_log(&c, &got.log, &e) != DS_OK)
            fail_msg("%s: %s", paths[i], e.msg);
        free(mem.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded),
        cmocka_unit_test(log_binds),
        cmocka_unit_test(full_log_survives),
    };
    if (vectors_dir() == NULL) {
        (void)fprintf(stderr, "skipped: DSTACK_VECTORS names no folder of recorded evidence\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

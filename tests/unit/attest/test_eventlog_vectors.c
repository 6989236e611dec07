/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded logs replay to the registers of the quotes and reports that were
 * taken with them.
 */

#include "attest/claims_private.h"
#include "attest/eventlog/bind.h"
#include "attest/tdx/quote.h"
#include "vectors.h"

#define TDREPORT_RTMR0 720 /* TDINFO at 512, RTMR0 208 bytes into it */

enum form { CCEL_AND_QUOTE, CCEL_AND_TDREPORT, JSON };

static void load(struct ds_claims *c, struct ds_tdx_log *log, struct ds_arena *a, enum form form,
                 const char *log_path, const char *registers_path)
{
    struct ds_tdx_quote q;
    *c = (struct ds_claims){ .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX };
    if (form == JSON) {
        struct ds_span text = vectors_load_member(a, log_path, "event_log", false);
        struct ds_span quote = vectors_load_member(a, log_path, "quote", true);
        assert_int_equal(ds_tdx_log_parse_json(log, a, text, NULL), DS_OK);
        assert_int_equal(ds_tdx_quote_parse(&q, quote, NULL), DS_OK);
        memcpy(c->tdx.rtmr48, q.td.rtmr48, sizeof c->tdx.rtmr48);
        return;
    }
    assert_int_equal(ds_tdx_log_parse_ccel(log, a, vectors_load(a, log_path), NULL), DS_OK);
    struct ds_span in = vectors_load(a, registers_path);
    if (form == CCEL_AND_TDREPORT) {
        memcpy(c->tdx.rtmr48, in.p + TDREPORT_RTMR0, sizeof c->tdx.rtmr48);
        return;
    }
    assert_int_equal(ds_tdx_quote_parse(&q, in, NULL), DS_OK);
    memcpy(c->tdx.rtmr48, q.td.rtmr48, sizeof c->tdx.rtmr48);
}

static void logs_replay(void **state)
{
    static const struct {
        enum form form;
        const char *log, *registers;
        size_t n_events;
        const char *compose_hash; /* of dstack's */
    } rows[] = {
        { CCEL_AND_QUOTE, "eventlog/cos113_ccel_data.bin", "tdx/gotdx_cos113_v4.quote", 43, "" },
        { CCEL_AND_QUOTE, "eventlog/attestationrs_ccel_live2.bin", "tdx/attestationrs_live.quote",
          20, "" },
        { CCEL_AND_TDREPORT, "eventlog/attestationrs_ccel_live.bin",
          "tdx/attestationrs_tdreport.bin", 20, "" },
        { JSON, "tdx/dstack_quote-report.json", NULL, 28,
          "3763bc34552cf3a27ff71ad5f7a90471562a1a2df552dfc1998cba2d60da27e7" },
        { JSON, "tdx/dstack_tdx-lite-getquote.json", NULL, 29,
          "86b0e55f2fa8e4fb69d890f14f54d5612707646e2573d54e0d2ddaaade77caa9" },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = vectors_arena((size_t)4 << 20);
        struct ds_error e = { 0 };
        struct ds_tdx_log log;
        struct ds_claims c;
        load(&c, &log, &a, rows[i].form, rows[i].log, rows[i].registers);
        if (ds_claims_bind_log(&c, &log, &e) < 0)
            fail_msg("%s: %s", rows[i].log, e.msg);
        assert_int_equal(log.n_events, rows[i].n_events);
        assert_string_equal(DS_HEX(ds_claims_compose_hash(&c)), rows[i].compose_hash);
        assert_int_equal(ds_claims_app_id(&c).len, rows[i].form == JSON ? 20 : 0);
        assert_int_equal(ds_claims_is_system_ready(&c), rows[i].form == JSON);
        free(a.p);
    }
}

static void each_changed_event_is_refused(void **state)
{
    struct ds_arena a = vectors_arena((size_t)4 << 20);
    struct ds_tdx_log log;
    struct ds_claims c;
    (void)state;
    load(&c, &log, &a, JSON, "tdx/dstack_tdx-lite-getquote.json", NULL);
    for (size_t i = 0; i < log.n_events; i++) {
        struct ds_tdx_event was = log.events[i];
        log.events[i].digest48[0] ^= 1;
        log.events[i].name.len -= was.name.len > 0 ? 1 : 0;
        assert_int_equal(ds_claims_bind_log(&c, &log, NULL), DS_ERR_UNTRUSTED);
        log.events[i] = was;
        log.events[i].imr = (was.imr + 1) % 4;
        assert_int_equal(ds_claims_bind_log(&c, &log, NULL), DS_ERR_UNTRUSTED);
        log.events[i] = was;
    }
    assert_int_equal(ds_claims_bind_log(&c, &log, NULL), DS_OK);
    free(a.p);
}

/* Logs without registers: they parse; separators of older firmware stand twice and are refused, as
 * are events of another agent in RTMR3. */
static void other_logs_parse(void **state)
{
    static const struct {
        const char *path;
        size_t n_events;
        enum ds_code code;
    } rows[] = {
        { "eventlog/CCEL_unpadded.data.bin", 19, DS_CODE_LOG_DUPLICATE },
        { "eventlog/trustee_CCEL_data_ovmf.bin", 20, DS_CODE_LOG_DUPLICATE },
        { "eventlog/trustee_CCEL_data_grub.bin", 37, DS_CODE_LOG_DUPLICATE },
        { "eventlog/cos-113-intel-tdx-dupe-separator-unpadded.bin", 43, DS_CODE_LOG_DUPLICATE },
        { "eventlog/trustee_CCEL_AAEL_alibabacloud.bin", 87, DS_CODE_LOG_FOREIGN },
        { "eventlog/dstack_ccel.bin", 18, DS_CODE_NONE },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = vectors_arena((size_t)4 << 20);
        struct ds_error e = { 0 };
        struct ds_tdx_log log;
        struct ds_claims c = { .kind = DS_KIND_CUSTOM };
        if (ds_tdx_log_parse_ccel(&log, &a, vectors_load(&a, rows[i].path), &e) < 0)
            fail_msg("%s: %s", rows[i].path, e.msg);
        assert_int_equal(log.n_events, rows[i].n_events);
        assert_int_equal(ds_tdx_log_replay(c.tdx.rtmr48, &log, NULL), DS_OK);
        assert_int_equal(ds_claims_bind_log(&c, &log, &e),
                         rows[i].code != DS_CODE_NONE ? DS_ERR_UNTRUSTED : DS_OK);
        assert_int_equal(e.code, rows[i].code);
        free(a.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_replay),
        cmocka_unit_test(each_changed_event_is_refused),
        cmocka_unit_test(other_logs_parse),
    };
    if (vectors_dir() == NULL) {
        (void)fprintf(stderr, "skipped: DSTACK_VECTORS names no folder of recorded evidence\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

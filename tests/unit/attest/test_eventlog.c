/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs: digests, both forms, binding to registers, and what is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "attest/eventlog/bind.h"
#include "base/buf.h"
#include "base/hex.h"
#include "crypto/hash.h"

static struct ds_arena arena(void)
{
    void *p = malloc(DS_TDX_LOG_MEM);
    assert_non_null(p);
    return ds_arena_of(p, DS_TDX_LOG_MEM);
}

static void json_is_judged(void **state)
{
    static const struct {
        const char *name, *text;
        int want;
        size_t n;
    } rows[] = {
        { "no events", "[]", DS_OK, 0 },
        { "least event", "[{\"imr\":3,\"event_type\":134217729,\"event\":\"x\"}]", DS_OK, 1 },
        { "all members",
          "[{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"a\\u0062\","
          "\"event_payload\":\"00ff\",\"version\":2,\"preimage\":\"7b7d\"}]",
          DS_OK, 1 },
        { "object", "{}", DS_ERR_FORMAT, 0 },
        { "an event that is no object", "[1]", DS_ERR_FORMAT, 0 },
        { "no register", "[{\"event_type\":1,\"event\":\"x\"}]", DS_ERR_FORMAT, 0 },
        { "no type", "[{\"imr\":3,\"event\":\"x\"}]", DS_ERR_FORMAT, 0 },
        { "no name", "[{\"imr\":3,\"event_type\":1}]", DS_ERR_FORMAT, 0 },
        { "register 4", "[{\"imr\":4,\"event_type\":1,\"event\":\"x\"}]", DS_ERR_FORMAT, 0 },
        { "type of 33 bits", "[{\"imr\":3,\"event_type\":4294967296,\"event\":\"\"}]",
          DS_ERR_FORMAT, 0 },
        { "version 0", "[{\"imr\":3,\"event_type\":1,\"event\":\"\",\"version\":0}]", DS_ERR_FORMAT,
          0 },
        { "version 3", "[{\"imr\":3,\"event_type\":1,\"event\":\"\",\"version\":3}]", DS_ERR_FORMAT,
          0 },
        { "digest of one byte", "[{\"imr\":3,\"event_type\":1,\"event\":\"\",\"digest\":\"00\"}]",
          DS_ERR_FORMAT, 0 },
        { "payload of odd digits",
          "[{\"imr\":3,\"event_type\":1,\"event\":\"\",\"event_payload\":\"0\"}]", DS_ERR_FORMAT,
          0 },
        { "payload that is no hex",
          "[{\"imr\":3,\"event_type\":1,\"event\":\"\",\"event_payload\":\"zz\"}]", DS_ERR_FORMAT,
          0 },
        { "cut", "[{\"imr\":3", DS_ERR_TRUNCATED, 0 },
        { "bytes behind", "[]]", DS_ERR_TRAILING, 0 },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_arena a = arena();
        struct ds_error e = { 0 };
        struct ds_tdx_log log = { 0 };
        int r = ds_tdx_log_parse_json(&log, &a, ds_span_str(rows[i].text), &e);
        if (r != rows[i].want || log.n_events != rows[i].n ||
            (r < 0 && e.code != DS_CODE_LOG_FORMAT))
            fail_msg("%s: %d, %zu events, %s", rows[i].name, r, log.n_events, e.msg);
        free(a.p);
    }
}

static void events_over_the_bound_are_refused(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    struct ds_arena a = arena();
    struct ds_tdx_log log;
    (void)state;
    for (int i = 0; i <= DS_EVENTS_MAX; i++)
        ds_buf_printf(&b, "%s{\"imr\":3,\"event_type\":1,\"event\":\"\"}", i == 0 ? "[" : ",");
    ds_buf_char(&b, ']');
    assert_int_equal(ds_tdx_log_parse_json(&log, &a, ds_buf_span(&b), NULL), DS_ERR_RANGE);
    free(a.p);
}

static void digest_is_type_name_payload(void **state)
{
    uint8_t got[48], want[48];
    static const char pre[] = "\x01\x00\x00\x08:app-id:payload";
    (void)state;
    assert_int_equal(ds_hash(DS_SHA384, want, DS_SPAN(pre, sizeof pre - 1), NULL), DS_OK);
    assert_int_equal(ds_event_digest(got, DS_SPAN_LIT("app-id"), DS_SPAN_LIT("payload"), NULL),
                     DS_OK);
    assert_memory_equal(got, want, 48);
}

static void version_2_needs_its_preimage(void **state)
{
#define V2(name, payload, type) \
    "{\"name\":\"" name "\",\"payload\":\"" payload "\",\"type\":" type "}"
    static const struct {
        const char *name, *preimage;
        int want;
    } rows[] = {
        { "x", V2("x", "00ff", "134217729"), DS_OK },
        { "x", "", DS_ERR_UNTRUSTED },
        { "y", V2("x", "00ff", "134217729"), DS_ERR_UNTRUSTED },
        { "x", V2("x", "00fe", "134217729"), DS_ERR_UNTRUSTED },
        { "x", V2("x", "00FF", "134217729"), DS_ERR_UNTRUSTED },
        { "x", V2("x", "00ff00", "134217729"), DS_ERR_UNTRUSTED },
        { "x", V2("x", "00ff", "134217728"), DS_ERR_UNTRUSTED },
        { "x", V2("x", "00ff", "134217729") " ", DS_ERR_UNTRUSTED },
        { "\"", V2("\"", "00ff", "134217729"), DS_ERR_UNTRUSTED },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t got[48], want[48];
        struct ds_tdx_event event = { .imr = 3,
                                      .type = DS_EVENT_TYPE_RUNTIME,
                                      .version = 2,
                                      .name = ds_span_str(rows[i].name),
                                      .payload = DS_SPAN_LIT("\x00\xff"),
                                      .preimage = ds_span_str(rows[i].preimage) };
        int r = ds_event_measured(got, &event, NULL);
        if (r != rows[i].want)
            fail_msg("row %zu: %d", i, r);
        assert_int_equal(ds_hash(DS_SHA384, want, event.preimage, NULL), DS_OK);
        if (r == DS_OK)
            assert_memory_equal(got, want, 48);
    }
}

static void stored_digest_of_runtime_events_is_ignored(void **state)
{
    uint8_t got[48], want[48];
    struct ds_tdx_event event = { .type = DS_EVENT_TYPE_RUNTIME,
                                  .version = 1,
                                  .has_digest = true,
                                  .name = DS_SPAN_LIT("app-id") };
    struct ds_tdx_event boot = { .type = 1 };
    (void)state;
    assert_int_equal(ds_event_measured(got, &event, NULL), DS_OK);
    assert_int_equal(ds_event_digest(want, event.name, event.payload, NULL), DS_OK);
    assert_memory_equal(got, want, 48);
    assert_int_equal(ds_event_measured(got, &boot, NULL), DS_ERR_FORMAT);
}

/* Claims as a verify function would leave them, with the registers that this log gives. */
static struct ds_claims claims_of(const struct ds_tdx_log *log)
{
    struct ds_claims c = { .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX, .anchor = "test" };
    assert_int_equal(ds_tdx_log_replay(c.tdx.rtmr48, log, NULL), DS_OK);
    return c;
}

#define HASH32 "0123456789abcdef0123456789abcdef"
#define ID20   "0123456789abcdef0123"

struct told {
    const char *name, *payload;
};

static struct ds_tdx_log log_of(struct ds_tdx_event *events, const struct told *told)
{
    size_t n = 0;
    for (; told[n].name != NULL; n++)
        events[n] = (struct ds_tdx_event){ .imr = 3,
                                           .type = DS_EVENT_TYPE_RUNTIME,
                                           .version = 1,
                                           .name = ds_span_str(told[n].name),
                                           .payload = ds_span_str(told[n].payload) };
    return (struct ds_tdx_log){ .events = events, .n_events = n };
}

static void boot_events_are_read(void **state)
{
    static const struct told told[] = {
        { "system-preparing", "" },
        { "app-id", ID20 },
        { "compose-hash", HASH32 },
        { "init-script-hash", HASH32 },
        { "init-script-hash", "x123456789abcdef0123456789abcdef" },
        { "gpu-policy-hash", HASH32 },
        { "instance-id", "" },
        { "boot-mr-done", "" },
        { "os-image-hash", HASH32 },
        { "key-provider", "{\"name\":\"kms\",\"id\":\"00\"}" },
        { "storage-fs", "ext4" },
        { "system-ready", "" },
        { "app-id", "app events count no more" },
        { NULL, NULL },
    };
    struct ds_tdx_event events[16];
    struct ds_tdx_log log = log_of(events, told);
    struct ds_claims c = claims_of(&log);
    (void)state;
    assert_int_equal(ds_claims_bind_log(&c, &log, NULL), DS_OK);
    assert_true(ds_claims_has_log(&c));
    assert_true(ds_span_eq_str(ds_claims_app_id(&c), ID20));
    assert_true(ds_span_eq_str(ds_claims_compose_hash(&c), HASH32));
    assert_true(ds_span_eq_str(ds_claims_os_image_hash(&c), HASH32));
    assert_true(ds_span_eq_str(ds_claims_gpu_policy_hash(&c), HASH32));
    assert_true(ds_span_eq_str(ds_claims_storage_fs(&c), "ext4"));
    assert_true(ds_span_eq_str(ds_claims_key_provider(&c), "{\"name\":\"kms\",\"id\":\"00\"}"));
    assert_int_equal(ds_claims_instance_id(&c).len, 0);
    assert_int_equal(ds_claims_n_init_script_hashes(&c), 2);
    assert_int_equal(ds_claims_init_script_hash(&c, 1).p[0], 'x');
    assert_true(ds_claims_is_boot_done(&c));
    assert_true(ds_claims_is_system_ready(&c));
    assert_int_equal(ds_claims_bind_log(&c, &log, NULL), DS_ERR_ARG);
}

static void bad_boot_events_are_refused(void **state)
{
    static const struct {
        const char *name;
        struct told told[8];
        enum ds_code code;
    } rows[] = {
        { "app-id twice", { { "app-id", ID20 }, { "app-id", ID20 } }, DS_CODE_LOG_DUPLICATE },
        { "unknown event twice", { { "new", "" }, { "new", "1" } }, DS_CODE_LOG_DUPLICATE },
        { "key-provider twice",
          { { "key-provider", "{}" }, { "boot-mr-done", "" }, { "key-provider", "{}" } },
          DS_CODE_LOG_DUPLICATE },
        { "six scripts",
          { { "init-script-hash", HASH32 },
            { "init-script-hash", HASH32 },
            { "init-script-hash", HASH32 },
            { "init-script-hash", HASH32 },
            { "init-script-hash", HASH32 },
            { "init-script-hash", HASH32 } },
          DS_CODE_LOG_DUPLICATE },
        { "short app id", { { "app-id", "0123456789abcdef012" } }, DS_CODE_LOG_PAYLOAD },
        { "long app id", { { "app-id", ID20 "4" } }, DS_CODE_LOG_PAYLOAD },
        { "empty app id", { { "app-id", "" } }, DS_CODE_LOG_PAYLOAD },
        { "short compose hash", { { "compose-hash", ID20 } }, DS_CODE_LOG_PAYLOAD },
        { "instance id of one byte", { { "instance-id", "1" } }, DS_CODE_LOG_PAYLOAD },
        { "boot-mr-done with content", { { "boot-mr-done", "1" } }, DS_CODE_LOG_PAYLOAD },
        { "system-ready with content", { { "system-ready", "1" } }, DS_CODE_LOG_PAYLOAD },
        { "file system without name", { { "storage-fs", "" } }, DS_CODE_LOG_PAYLOAD },
        { "colon in a name", { { "new:", "" } }, DS_CODE_LOG_NAME },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_tdx_event events[8];
        struct ds_tdx_log log = log_of(events, rows[i].told);
        struct ds_claims c = claims_of(&log), was = c;
        struct ds_error e = { 0 };
        int r = ds_claims_bind_log(&c, &log, &e);
        if (r != DS_ERR_UNTRUSTED || e.code != rows[i].code)
            fail_msg("%s: %d, %s", rows[i].name, r, e.msg);
        assert_memory_equal(&c, &was, sizeof c);
    }
}

static void registers_must_agree(void **state)
{
    static const struct told told[] = { { "app-id", ID20 }, { NULL, NULL } };
    struct ds_tdx_event events[8];
    struct ds_tdx_log log = log_of(events, told);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct ds_claims c = claims_of(&log);
        struct ds_error e = { 0 };
        char name[] = { 'r', 't', 'm', 'r', (char)('0' + i), '\0' };
        c.tdx.rtmr48[i][47] ^= 1;
        assert_int_equal(ds_claims_bind_log(&c, &log, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_LOG_MISMATCH);
        assert_string_equal(e.detail.claim, name);
        /* A stripped log speaks for RTMR3 alone. */
        assert_int_equal(ds_claims_bind_runtime_log(&c, &log, NULL),
                         i == 3 ? DS_ERR_UNTRUSTED : DS_OK);
    }
    struct ds_claims none = { 0 };
    assert_int_equal(ds_claims_bind_log(&none, &log, NULL), DS_ERR_ARG);
}

/* The words for what was done to a log, where they can be found; the register refuses it anyhow. */
static void changed_logs_are_named(void **state)
{
    static const struct told whole[] = {
        { "app-id", ID20 }, { "compose-hash", HASH32 }, { "boot-mr-done", "" }, { NULL, NULL }
    };
    static const struct {
        const char *name;
        struct told told[8];
        bool digests; /* each entry says the digest of what stood there first */
        enum ds_code code;
        const char *claim, *anchor;
    } rows[] = {
        { "an entry with another content",
          { { "app-id", ID20 },
            { "compose-hash", "x123456789abcdef0123456789abcdef" },
            { "boot-mr-done", "" } },
          true,
          DS_CODE_LOG_ENTRY,
          "compose-hash",
          "test" },
        { "the same in a log without digests",
          { { "app-id", ID20 },
            { "compose-hash", "x123456789abcdef0123456789abcdef" },
            { "boot-mr-done", "" } },
          false,
          DS_CODE_LOG_MISMATCH,
          "rtmr3",
          "test" },
        { "neighbours in each other's place",
          { { "compose-hash", HASH32 }, { "app-id", ID20 }, { "boot-mr-done", "" } },
          false,
          DS_CODE_LOG_ORDER,
          "app-id",
          "test" },
        { "first and last in each other's place",
          { { "boot-mr-done", "" }, { "compose-hash", HASH32 }, { "app-id", ID20 } },
          false,
          DS_CODE_LOG_ORDER,
          "app-id",
          "test" },
        { "an entry once more",
          { { "app-id", ID20 },
            { "compose-hash", HASH32 },
            { "app-id", ID20 },
            { "boot-mr-done", "" } },
          false,
          DS_CODE_LOG_DUPLICATE,
          "app-id",
          "test" },
        { "an entry that was never measured",
          { { "app-id", ID20 }, { "compose-hash", HASH32 }, { "new", "" }, { "boot-mr-done", "" } },
          false,
          DS_CODE_LOG_MISMATCH,
          "rtmr3",
          "test" },
        { "the last entry gone",
          { { "app-id", ID20 }, { "compose-hash", HASH32 } },
          true,
          DS_CODE_LOG_MISMATCH,
          "rtmr3",
          "test" },
        { "no entry at all", { { NULL, NULL } }, false, DS_CODE_LOG_MISMATCH, "rtmr3", "test" },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_tdx_event first[8], events[8];
        struct ds_tdx_log log = log_of(first, whole);
        struct ds_claims c = claims_of(&log);
        struct ds_error e = { 0 };
        log = log_of(events, rows[i].told);
        for (size_t n = 0; rows[i].digests && n < log.n_events; n++) {
            assert_int_equal(ds_event_measured(events[n].digest48, &first[n], NULL), DS_OK);
            events[n].has_digest = true;
        }
        int r = ds_claims_bind_log(&c, &log, &e);
        if (r != DS_ERR_UNTRUSTED || e.code != rows[i].code ||
            strcmp(e.detail.claim, rows[i].claim) != 0 ||
            strcmp(e.detail.anchor, rows[i].anchor) != 0 ||
            strcmp(e.detail.expected, e.detail.got) == 0)
            fail_msg("%s: %d, %s", rows[i].name, r, e.msg);
    }
}

/* More entries than are searched: refused in the plainest words, and at once. */
static void long_logs_are_refused_unsearched(void **state)
{
    struct ds_tdx_event events[64];
    struct ds_tdx_log log = { events, DS_LEN(events) };
    struct ds_error e = { 0 };
    (void)state;
    for (size_t i = 0; i < DS_LEN(events); i++)
        events[i] = (struct ds_tdx_event){ .imr = 3,
                                           .type = DS_EVENT_TYPE_RUNTIME,
                                           .version = 1,
                                           .name = ds_span_str(i % 2 == 0 ? "even" : "odd") };
    struct ds_claims c = claims_of(&log);
    log.n_events--;
    assert_int_equal(ds_claims_bind_log(&c, &log, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_LOG_MISMATCH);
}

/* An event of another register that borrows a name says nothing. */
static void only_events_of_rtmr3_speak(void **state)
{
    static const struct told told[] = { { "app-id", ID20 },
                                        { "compose-hash", HASH32 },
                                        { NULL, NULL } };
    struct ds_tdx_event events[8];
    struct ds_tdx_log log = log_of(events, told);
    events[0].imr = 2;
    struct ds_claims c = claims_of(&log);
    (void)state;
    assert_int_equal(ds_claims_bind_log(&c, &log, NULL), DS_OK);
    assert_int_equal(ds_claims_app_id(&c).len, 0);
    assert_int_equal(ds_claims_compose_hash(&c).len, 32);
}

/* The register still replays when an event is given as its bare digest: nothing may hide so. */
static void no_event_hides_behind_its_digest(void **state)
{
    static const struct told told[] = {
        { "app-id", ID20 }, { "boot-mr-done", "" }, { "system-ready", "" }, { NULL, NULL }
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct ds_tdx_event events[8];
        struct ds_tdx_log log = log_of(events, told);
        struct ds_claims c = claims_of(&log), was = c;
        struct ds_error e = { 0 };
        assert_int_equal(ds_event_measured(events[i].digest48, &events[i], &e), DS_OK);
        events[i].has_digest = true;
        events[i].type = 13;
        assert_int_equal(ds_claims_bind_log(&c, &log, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_LOG_FOREIGN);
        assert_string_equal(e.detail.claim, told[i].name);
        assert_int_equal(ds_claims_bind_runtime_log(&c, &log, &e), DS_ERR_UNTRUSTED);
        assert_memory_equal(&c, &was, sizeof c);
    }
}

/* An id may contain a colon; the border of name and content cannot be moved to it. */
static void no_event_hides_behind_a_colon(void **state)
{
    static const struct told honest[] = { { "app-id", "0123:56789abcdef0123" }, { NULL, NULL } };
    static const struct told moved[] = { { "app-id:0123", "56789abcdef0123" }, { NULL, NULL } };
    static const struct told later[] = { { "system-ready", "" },
                                         { "my:event", "" },
                                         { NULL, NULL } };
    struct ds_tdx_event events[8], others[8], after[8];
    struct ds_tdx_log log = log_of(events, honest), other = log_of(others, moved);
    struct ds_tdx_log of_app = log_of(after, later);
    struct ds_claims c = claims_of(&log), same = c, app = claims_of(&of_app);
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(ds_claims_bind_log(&c, &log, &e), DS_OK);
    assert_int_equal(ds_claims_bind_log(&same, &other, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_LOG_NAME);
    /* The app's own events may be called anything: they say nothing. */
    assert_int_equal(ds_claims_bind_log(&app, &of_app, &e), DS_OK);
}

static void separators_stand_once(void **state)
{
    struct ds_tdx_event events[] = { { .imr = 0, .type = 4, .has_digest = true },
                                     { .imr = 1, .type = 4, .has_digest = true },
                                     { .imr = 0, .type = 4, .has_digest = true } };
    struct ds_tdx_log two = { events, 2 }, three = { events, 3 };
    struct ds_claims c = claims_of(&two);
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(ds_claims_bind_log(&c, &two, NULL), DS_OK);
    c = claims_of(&three);
    assert_int_equal(ds_claims_bind_log(&c, &three, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_LOG_DUPLICATE);
}

/* A CCEL of two events: one of RTMR0 with payload "ab", one of RTMR1. */
static struct ds_buf small_ccel(void)
{
    struct ds_buf b = { 0 };
    ds_buf_le(&b, 1, 4);
    ds_buf_le(&b, 3, 4);
    for (int i = 0; i < 20; i++)
        ds_buf_char(&b, 0);
    ds_buf_le(&b, 33, 4);
    ds_buf_add(&b, DS_SPAN("Spec ID Event03", 16));
    ds_buf_le(&b, 0, 8);
    ds_buf_le(&b, 1, 4);
    ds_buf_le(&b, 0x000c, 2);
    ds_buf_le(&b, 48, 2);
    ds_buf_le(&b, 0, 1);
    for (unsigned i = 0; i < 2; i++) {
        ds_buf_le(&b, i + 1, 4);
        ds_buf_le(&b, 0x80000001, 4);
        ds_buf_le(&b, 1, 4);
        ds_buf_le(&b, 0x000c, 2);
        for (int k = 0; k < 48; k++)
            ds_buf_char(&b, 'd');
        ds_buf_le(&b, i == 0 ? 2 : 0, 4);
        if (i == 0)
            ds_buf_str(&b, "ab");
    }
    return b;
}

static void ccel_is_read(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = small_ccel();
    struct ds_arena a = arena();
    struct ds_tdx_log log;
    (void)state;
    assert_int_equal(ds_tdx_log_parse_ccel(&log, &a, ds_buf_span(&b), NULL), DS_OK);
    assert_int_equal(log.n_events, 2);
    assert_int_equal(log.events[1].imr, 1);
    assert_true(ds_span_eq_str(log.events[0].payload, "ab"));
    /* The area behind the log is empty: ones or zeros. */
    size_t len = b.len;
    for (int fill = 0; fill < 2; fill++) {
        a.used = 0;
        b.len = len;
        for (int i = 0; i < 64; i++)
            ds_buf_char(&b, fill == 0 ? '\0' : (char)-1);
        assert_int_equal(ds_tdx_log_parse_ccel(&log, &a, ds_buf_span(&b), NULL), DS_OK);
        assert_int_equal(log.n_events, 2);
    }
    free(a.p);
}

static void bad_ccel_is_refused(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = small_ccel();
    struct ds_arena a = arena();
    struct ds_tdx_log log;
    const size_t header = 65, event = 66 + 2;
    (void)state;
    for (size_t n = 0; n < b.len; n++) {
        a.used = 0;
        int r = ds_tdx_log_parse_ccel(&log, &a, ds_span_sub(ds_buf_span(&b), 0, n), NULL);
        assert_int_equal(r == DS_OK, n == header || n == header + event);
    }
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
    } rows[] = {
        { "type of the first event", 4, 4 },
        { "signature", 32, 'x' },
        { "two banks", 56, 2 },
        { "bank of SHA-256", 60, 0x0b },
        { "digest length of the bank", 62, 32 },
        { "length of the first event", 28, 32 },
        { "register 5", header, 6 },
        { "two digests", header + 8, 2 },
        { "no digest", header + 8, 0 },
        { "SHA-256 digest", header + 12, 0x0b },
        { "payload beyond the end", header + 12 + 2 + 48 + 1, 0xff },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        char was = b.p[rows[i].at];
        a.used = 0;
        b.p[rows[i].at] = (char)rows[i].value;
        if (ds_tdx_log_parse_ccel(&log, &a, ds_buf_span(&b), &e) == DS_OK ||
            e.code != DS_CODE_LOG_FORMAT)
            fail_msg("%s", rows[i].name);
        b.p[rows[i].at] = was;
    }
    free(a.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_judged),
        cmocka_unit_test(events_over_the_bound_are_refused),
        cmocka_unit_test(digest_is_type_name_payload),
        cmocka_unit_test(version_2_needs_its_preimage),
        cmocka_unit_test(stored_digest_of_runtime_events_is_ignored),
        cmocka_unit_test(boot_events_are_read),
        cmocka_unit_test(bad_boot_events_are_refused),
        cmocka_unit_test(registers_must_agree),
        cmocka_unit_test(changed_logs_are_named),
        cmocka_unit_test(long_logs_are_refused_unsearched),
        cmocka_unit_test(only_events_of_rtmr3_speak),
        cmocka_unit_test(no_event_hides_behind_its_digest),
        cmocka_unit_test(no_event_hides_behind_a_colon),
        cmocka_unit_test(separators_stand_once),
        cmocka_unit_test(ccel_is_read),
        cmocka_unit_test(bad_ccel_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

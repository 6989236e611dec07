/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same as test_dcap_mutation.c for what travels around a quote: whatever bit is flipped in a
 * wrapped attestation, the log no longer binds to the quoted registers, or the bit lies where
 * nothing is bound and the claims are byte for byte the same.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "attest/eventlog/bind.h"
#include "attest/wrapper/attestation.h"
#include "crypto/hash.h"

#define MEM_LEN ((size_t)1 << 18)
#define ID20    "0123456789abcdef:123" /* with a colon, as one id in twelve has */
#define HASH32  "0123456789abcdef0123456789abcdef"

struct wrapped {
    struct ds_buf good, bytes;
    struct ds_claims before, after; /* of the quote; with the log */
    struct ds_attestation parsed;   /* of `good` */
    struct ds_arena mem, scratch;
};

static struct ds_tdx_event boot_event(uint32_t imr, uint32_t type, uint8_t fill)
{
    struct ds_tdx_event e = { .imr = imr, .type = type, .version = 1, .has_digest = true };
    memset(e.digest48, fill, sizeof e.digest48);
    e.name = DS_SPAN_LIT("name");
    e.payload = DS_SPAN_LIT("ACPI DATA");
    return e;
}

static struct ds_tdx_event runtime_event(const char *name, const char *payload, bool has_digest)
{
    struct ds_tdx_event e = { .imr = 3,
                              .type = DS_EVENT_TYPE_RUNTIME,
                              .version = 1,
                              .has_digest = has_digest,
                              .name = ds_span_str(name),
                              .payload = ds_span_str(payload) };
    assert_int_equal(ds_event_digest(e.digest48, e.name, e.payload, NULL), DS_OK);
    return e;
}

static struct wrapped wrapped_new(void)
{
    struct ds_tdx_event events[] = {
        boot_event(0, 10, 1),
        boot_event(1, 0x80000003, 2),
        boot_event(2, 4, 3),
        runtime_event("system-preparing", "", true),
        runtime_event("app-id", ID20, false),
        runtime_event("compose-hash", HASH32, true),
        runtime_event("boot-mr-done", "", false),
        runtime_event("key-provider", "{\"name\":\"kms\",\"id\":\"00\"}", true),
        runtime_event("system-ready", "", false),
        runtime_event("of-the-app", "x", true),
    };
    struct ds_runtime_event runtime[] = { { .name = DS_SPAN_LIT("app-id"),
                                            .payload = DS_SPAN_LIT(ID20) } };
    const struct ds_attestation a = { .platform = DS_ATTESTATION_TDX,
                                      .quote = DS_SPAN_LIT("judged by its own verifier"),
                                      .log = { events, DS_LEN(events) },
                                      .runtime = runtime,
                                      .n_runtime = DS_LEN(runtime),
                                      .config = DS_SPAN_LIT("{}") };
    struct wrapped w = { .before = { .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX } };
    w.mem = ds_arena_of(malloc(MEM_LEN), MEM_LEN);
    w.scratch = ds_arena_of(malloc(MEM_LEN), MEM_LEN);
    assert_non_null(w.mem.p);
    assert_non_null(w.scratch.p);
    assert_int_equal(ds_attestation_encode(&w.good, &a, NULL), DS_OK);
    ds_buf_add(&w.bytes, ds_buf_span(&w.good));
    assert_int_equal(ds_attestation_parse(&w.parsed, &w.mem, ds_buf_span(&w.good), NULL), DS_OK);
    assert_int_equal(ds_tdx_log_replay(w.before.tdx.rtmr48, &w.parsed.log, NULL), DS_OK);
    w.after = w.before;
    assert_int_equal(ds_claims_bind_log(&w.after, &w.parsed.log, NULL), DS_OK);
    assert_int_equal(ds_claims_app_id(&w.after).len, 20);
    return w;
}

static void wrapped_done(struct wrapped *w)
{
    ds_buf_done(&w->good);
    ds_buf_done(&w->bytes);
    free(w->mem.p);
    free(w->scratch.p);
}

static bool is_in(const struct wrapped *w, struct ds_span part, size_t at)
{
    const uint8_t *p = ds_buf_span(&w->good).p + at;
    return part.len > 0 && p >= part.p && p < part.p + part.len;
}

static bool is_quote(const struct wrapped *w, size_t at) { return is_in(w, w->parsed.quote, at); }

/* Firmware hashes what it likes of a boot event; name and payload say it to people. */
static bool is_boot_text(const struct wrapped *w, size_t at)
{
    for (size_t i = 0; i < w->parsed.log.n_events; i++) {
        const struct ds_tdx_event *e = &w->parsed.log.events[i];
        if (e->imr != 3 && (is_in(w, e->name, at) || is_in(w, e->payload, at)))
            return true;
    }
    return false;
}

/* Before the name of a runtime event: its digest, where it was not left out, and two lengths. */
static bool is_runtime_digest(const struct wrapped *w, size_t at)
{
    for (size_t i = 0; i < w->parsed.log.n_events; i++) {
        const struct ds_tdx_event *e = &w->parsed.log.events[i];
        struct ds_span digest = { e->name.p - 1 - 48, 48 };
        if (e->imr == 3 && e->has_digest && is_in(w, digest, at))
            return true;
    }
    return false;
}

/* Only a type that is a runtime event's would be read otherwise. */
static bool is_boot_type(const struct wrapped *w, size_t at)
{
    for (size_t i = 0; i < w->parsed.log.n_events; i++) {
        const struct ds_tdx_event *e = &w->parsed.log.events[i];
        struct ds_span type = { e->name.p - 1 - 48 - 1 - 4, 4 };
        if (e->imr != 3 && is_in(w, type, at))
            return true;
    }
    return false;
}

/* A second list of the runtime events, the copy of report_data, and the machine's configuration. */
static bool is_behind_log(const struct wrapped *w, size_t at)
{
    const struct ds_runtime_event *first = &w->parsed.runtime[0];
    return ds_buf_span(&w->good).p + at >= first->name.p;
}

static const struct {
    const char *what;
    bool (*has)(const struct wrapped *w, size_t at);
} unbound_regions[] = {
    { "the quote: its verifier judges it", is_quote },
    { "name and payload of a boot event: its digest alone is extended", is_boot_text },
    { "type of a boot event", is_boot_type },
    { "digest of a runtime event: it is made from the fields", is_runtime_digest },
    { "runtime list, copy of report_data, configuration: nobody decides by them unproved",
      is_behind_log },
};

static bool is_unbound(const struct wrapped *w, size_t at)
{
    for (size_t i = 0; i < DS_LEN(unbound_regions); i++)
        if (unbound_regions[i].has(w, at))
            return true;
    return false;
}

static void every_flipped_bit_is_seen(void **state)
{
    DS_AUTO(wrapped_done) struct wrapped w = wrapped_new();
    (void)state;
    for (size_t i = 0; i < 8 * w.good.len; i++) {
        struct ds_attestation a;
        struct ds_claims c = w.before;
        size_t at = i / 8;
        w.scratch.used = 0;
        w.bytes.p[at] = (char)(w.bytes.p[at] ^ 1u << i % 8);
        int r = ds_attestation_parse(&a, &w.scratch, ds_buf_span(&w.bytes), NULL);
        if (r == DS_OK)
            r = ds_claims_bind_log(&c, &a.log, NULL);
        w.bytes.p[at] = w.good.p[at];
        if (r != DS_OK)
            continue;
        if (!ds_span_eq(DS_SPAN(&c, sizeof c), DS_SPAN(&w.after, sizeof c)))
            fail_msg("byte %zu: other claims", at);
        if (!is_unbound(&w, at))
            fail_msg("byte %zu, bit %zu changed and nobody saw it", at, i % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

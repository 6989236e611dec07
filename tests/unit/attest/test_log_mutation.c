/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same as test_dcap_mutation.c for what travels around a quote: whatever bit is flipped in a
 * wrapped attestation of either version, the log no longer binds to the quoted registers, or the bit
 * lies where nothing is bound and the claims are byte for byte the same.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "attest/eventlog/bind.h"
#include "attest/wrapper/attestation.h"
#include "mutation.h"

#define MEM_LEN ((size_t)1 << 18)
#define ID20    "0123456789abcdef:123" /* with a colon, as one id in twelve has */
#define HASH32  "0123456789abcdef0123456789abcdef"

#define RANDOM_LEN_MAX 8

static const char *const format_names[] = { "dstack-v0", "dstack-v1" }; /* by version */

struct wrapped {
    struct ds_buf good, bytes;
    struct ds_buf unbound;          /* as long as `good`: 1 where a region below has the byte */
    struct ds_claims before, after; /* of the quote; with the log */
    struct ds_arena scratch;
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

/* Other bytes of the same length, of the same kind in every encoding. */
static struct ds_span other_bytes(struct ds_arena *mem, struct ds_span good)
{
    uint8_t *p = ds_arena_get(mem, good.len + 1);
    assert_non_null(p);
    for (size_t i = 0; i < good.len; i++)
        p[i] = good.p[i] ^ 1;
    return DS_SPAN(p, good.len);
}

static void twist_quote(struct ds_attestation *a, struct ds_arena *mem)
{
    a->quote = other_bytes(mem, a->quote);
}

static void twist_boot_events(struct ds_attestation *a, struct ds_arena *mem)
{
    for (size_t i = 0; i < a->log.n_events; i++) {
        struct ds_tdx_event *ev = &a->log.events[i];
        if (ev->imr == 3)
            continue;
        ev->name = other_bytes(mem, ev->name);
        ev->payload = other_bytes(mem, ev->payload);
        ev->type ^= 0x01010101u;
    }
}

/* Room that a name gives up is its payload's. */
static void twist_boot_lengths(struct ds_attestation *a, struct ds_arena *mem)
{
    for (size_t i = 0; i < a->log.n_events; i++) {
        struct ds_tdx_event *ev = &a->log.events[i];
        if (ev->imr == 3)
            continue;
        uint8_t *longer = ds_arena_get(mem, ev->payload.len + 1);
        assert_non_null(longer);
        memcpy(longer, ev->payload.p, ev->payload.len);
        longer[ev->payload.len] = 'x';
        ev->payload = DS_SPAN(longer, ev->payload.len + 1);
        ev->name.len--;
    }
}

static void twist_runtime_digests(struct ds_attestation *a, struct ds_arena *mem)
{
    (void)mem;
    for (size_t i = 0; i < a->log.n_events; i++) {
        struct ds_tdx_event *ev = &a->log.events[i];
        for (size_t k = 0; k < sizeof ev->digest48; k++)
            ev->digest48[k] ^= ev->imr == 3;
    }
}

static void twist_what_follows(struct ds_attestation *a, struct ds_arena *mem)
{
    a->runtime[0].name = other_bytes(mem, a->runtime[0].name);
    a->report_data64[0] ^= 1;
}

/* Each region is found by writing the attestation once more with other contents there. */
static const struct {
    const char *what;
    void (*twist)(struct ds_attestation *a, struct ds_arena *mem);
    bool is_all_behind;
} unbound_regions[] = {
    { "the quote: its verifier judges it", twist_quote, false },
    { "of a boot event all but register and digest, which alone is extended", twist_boot_events,
      false },
    { "how name and payload of a boot event share their room", twist_boot_lengths, false },
    { "digest of a runtime event: it is made from the fields", twist_runtime_digests, false },
    { "runtime list, copy of report_data, configuration: nobody decides by them unproved",
      twist_what_follows, true },
};

static void mark_unbound(struct wrapped *w, const struct ds_attestation *a)
{
    struct ds_tdx_event events[DS_EVENTS_MAX];
    for (size_t i = 0; i < DS_LEN(unbound_regions); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf twin = { 0 };
        struct ds_attestation other = *a;
        struct ds_runtime_event runtime = a->runtime[0];
        bool has_begun = false;
        assert_in_range(a->log.n_events, 1, DS_LEN(events));
        memcpy(events, a->log.events, a->log.n_events * sizeof events[0]);
        other.log.events = events;
        other.runtime = &runtime;
        w->scratch.used = 0;
        unbound_regions[i].twist(&other, &w->scratch);
        assert_int_equal(ds_attestation_encode(&twin, &other, NULL), DS_OK);
        assert_int_equal(twin.len, w->good.len);
        for (size_t at = 0; at < twin.len; at++) {
            has_begun = twin.p[at] != w->good.p[at] ||
                        (has_begun && unbound_regions[i].is_all_behind);
            w->unbound.p[at] = (char)(w->unbound.p[at] | has_begun);
        }
    }
}

static struct wrapped wrapped_new(size_t version)
{
    /* Of types that fill their field: another one is as long. */
    struct ds_tdx_event events[] = {
        boot_event(0, 0x8000000b, 1),
        boot_event(1, 0x80000003, 2),
        boot_event(2, 0x80000006, 3),
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
    const struct ds_attestation a = { .version = (uint8_t)version,
                                      .platform = DS_ATTESTATION_TDX,
                                      .quote = DS_SPAN_LIT("judged by its own verifier"),
                                      .log = { events, DS_LEN(events) },
                                      .runtime = runtime,
                                      .n_runtime = DS_LEN(runtime),
                                      .config = DS_SPAN_LIT("{}") };
    struct wrapped w = { .before = { .kind = DS_KIND_CUSTOM, .tee = DS_TEE_TDX } };
    struct ds_attestation parsed;
    w.scratch = ds_arena_of(malloc(MEM_LEN), MEM_LEN);
    assert_non_null(w.scratch.p);
    assert_int_equal(ds_attestation_encode(&w.good, &a, NULL), DS_OK);
    ds_buf_add(&w.bytes, ds_buf_span(&w.good));
    for (size_t i = 0; i < w.good.len; i++)
        ds_buf_char(&w.unbound, '\0');
    mark_unbound(&w, &a);
    w.scratch.used = 0;
    assert_int_equal(ds_attestation_parse(&parsed, &w.scratch, ds_buf_span(&w.good), NULL), DS_OK);
    assert_int_equal(ds_tdx_log_replay(w.before.tdx.rtmr48, &parsed.log, NULL), DS_OK);
    w.after = w.before;
    assert_int_equal(ds_claims_bind_log(&w.after, &parsed.log, NULL), DS_OK);
    assert_int_equal(ds_claims_app_id(&w.after).len, 20);
    return w;
}

static void wrapped_done(struct wrapped *w)
{
    ds_buf_done(&w->good);
    ds_buf_done(&w->bytes);
    ds_buf_done(&w->unbound);
    free(w->scratch.p);
}

/* It is refused as it stands, or differs only where it may and proves the same: then true. */
static bool judge(struct wrapped *w)
{
    struct ds_attestation a;
    struct ds_claims c = w->before;
    w->scratch.used = 0;
    if (ds_attestation_parse(&a, &w->scratch, ds_buf_span(&w->bytes), NULL) != DS_OK ||
        ds_claims_bind_log(&c, &a.log, NULL) != DS_OK)
        return false;
    if (!ds_span_eq(DS_SPAN(&c, sizeof c), DS_SPAN(&w->after, sizeof c)))
        fail_msg("other claims");
    for (size_t i = 0; i < w->good.len; i++)
        if (w->bytes.p[i] != w->good.p[i] && w->unbound.p[i] == 0)
            fail_msg("byte %zu changed from %02x to %02x and nobody saw it", i,
                     (uint8_t)w->good.p[i], (uint8_t)w->bytes.p[i]);
    return true;
}

static bool tries_all;

static void every_flipped_bit_is_seen(void **state)
{
    (void)state;
    for (size_t version = 0; version < DS_LEN(format_names); version++) {
        DS_AUTO(wrapped_done) struct wrapped w = wrapped_new(version);
        for (size_t at = 0; at < w.good.len; at++)
            for (unsigned change = 1; change <= UINT8_MAX; change++) {
                if (!is_tried(change, tries_all))
                    continue;
                w.bytes.p[at] = (char)(w.good.p[at] ^ (char)change);
                (void)judge(&w);
                w.bytes.p[at] = w.good.p[at];
            }
    }
}

static bool change_bytes(struct wrapped *w, uint64_t *r)
{
    for (size_t n = 1 + next_random(r) % RANDOM_LEN_MAX; n > 0; n--) {
        size_t at = next_random(r) % w->good.len;
        w->bytes.p[at] = other_byte(w->good.p[at], r);
    }
    bool is_accepted = judge(w);
    memcpy(w->bytes.p, w->good.p, w->good.len);
    return is_accepted;
}

static struct mutation_count change_many(const struct mutation_slice *slice)
{
    DS_AUTO(wrapped_done) struct wrapped w = wrapped_new(slice->format);
    struct mutation_count c = { 0 };
    uint64_t r = slice->seed;
    for (uint64_t i = 0; i < slice->n; i++)
        *(change_bytes(&w, &r) ? &c.n_accepted : &c.n_refused) += 1;
    return c;
}

static void changed_bytes_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(format_names); i++) {
        const struct mutation_slice s = { i, MUTATION_SEED + i, N_MUTATIONS };
        struct mutation_count c = change_many(&s);
        assert_int_equal(c.n_refused + c.n_accepted, N_MUTATIONS);
        assert_true(c.n_refused > c.n_accepted);
    }
}

static struct mutation_slice slice;

static void a_slice_of_changed_bytes_is_seen(void **state)
{
    (void)state;
    mutation_count_print(change_many(&slice));
}

static const char *format_name(size_t i)
{
    return i < DS_LEN(format_names) ? format_names[i] : NULL;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(changed_bytes_are_seen),
    };
    const struct CMUnitTest one[] = { cmocka_unit_test(a_slice_of_changed_bytes_is_seen) };
    if (mutation_slice_of(&slice, format_name, argc, argv))
        return cmocka_run_group_tests(one, NULL, NULL);
    tries_all = is_told_all(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates with evidence: made, taken apart, bound to their key; evidence
 * that was copied from another certificate; chains to a pinned root.
 */
#include "attest/claims_private.h"
#include "crypto/hash.h"
#include "ratls/cert.h"
#include "unhex.h"

#define FROM_S 1700000000
#define TO_S   1800000000
#define NOW_S  1750000000

static max_align_t room[4096];

/* Evidence that says what it was asked over, and keeps it for the test. */
struct recorder {
    uint8_t report_data64[64];
    int fail_with;
};

static int record(void *arg, struct ds_buf *ret, const uint8_t report_data64[64],
                  struct ds_error *e)
{
    struct recorder *rec = arg;
    if (rec->fail_with != DS_OK)
        return ds_fail(e, rec->fail_with, "no evidence today");
    memcpy(rec->report_data64, report_data64, 64);
    struct ds_attestation a = { .platform = DS_ATTESTATION_TDX, .quote = DS_SPAN_LIT("q") };
    memcpy(a.report_data64, report_data64, 64);
    return ds_attestation_encode(ret, &a, e);
}

static const struct ratls_spec spec = { .cn = "guest",
                                        .not_before_s = FROM_S,
                                        .not_after_s = TO_S,
                                        .eku = DS_CERT_CLIENT_AUTH };

static struct ds_p256_key *new_key(void)
{
    struct ds_p256_key *key = NULL;
    struct ds_error e = { 0 };
    assert_ok(ds_p256_key_new(&key, &e));
    return key;
}

static int peer_of(struct ratls_peer *peer, const struct ds_buf *der, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    return ratls_peer_parse(peer, &mem, ds_buf_span(der), e);
}

static void bound_to_its_key(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct recorder rec = { 0 };
    struct ratls_peer peer;
    struct ds_claims claims = { .kind = DS_KIND_SIMULATED, .tee = DS_TEE_TDX };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = new_key(), *other = new_key();
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 }, other_der = { 0 };
    assert_ok(ratls_cert_attest(&der, &spec, key, record, &rec, &e));
    assert_ok(peer_of(&peer, &der, &e));
    assert_true(peer.has_attestation && !peer.has_app_info);
    assert_null(peer.app_id.p);
    assert_memory_equal(peer.attestation.report_data64, rec.report_data64, 64);
    uint8_t spki[DS_P256_SPKI_LEN], joined[11 + DS_P256_SPKI_LEN], want[64];
    ds_p256_key_spki(spki, key);
    memcpy(joined, "ratls-cert:", 11);
    memcpy(joined + 11, spki, sizeof spki);
    assert_ok(ds_hash(DS_SHA512, want, DS_SPAN_OF(joined), &e));
    assert_memory_equal(rec.report_data64, want, 64);

    memcpy(claims.report_data64, rec.report_data64, 64);
    assert_ok(ratls_peer_check(&peer, &claims, NOW_S, &e));
    assert_int_equal(ratls_peer_check(&peer, &claims, FROM_S - 1, &e), DS_ERR_STALE);
    assert_int_equal(ratls_peer_check(&peer, &claims, TO_S + 1, &e), DS_ERR_STALE);
    for (size_t i = 0; i < 64; i++) {
        claims.report_data64[i] ^= 1;
        assert_int_equal(ratls_peer_check(&peer, &claims, NOW_S, &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_RATLS_KEY_NOT_BOUND);
        claims.report_data64[i] ^= 1;
    }
    /* Good evidence, copied into a certificate of another key. */
    struct ratls_spec copied = spec;
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    assert_ok(ds_attestation_encode(&evidence, &peer.attestation, &e));
    copied.attestation = ds_buf_span(&evidence);
    ds_p256_key_spki(spki, other);
    assert_ok(
        ratls_cert_make(&other_der, &copied, DS_SPAN_OF(spki), (struct ds_span){ 0 }, other, &e));
    assert_ok(peer_of(&peer, &other_der, &e));
    assert_int_equal(ratls_peer_check(&peer, &claims, NOW_S, &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_RATLS_KEY_NOT_BOUND);
}

static void changed_certificate(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct recorder rec = { 0 };
    struct ds_claims claims = { .kind = DS_KIND_SIMULATED, .tee = DS_TEE_TDX };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = new_key();
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    assert_ok(ratls_cert_attest(&der, &spec, key, record, &rec, &e));
    memcpy(claims.report_data64, rec.report_data64, 64);
    for (size_t i = 0; i < der.len; i++) {
        struct ratls_peer peer;
        der.p[i] ^= 1;
        int r = peer_of(&peer, &der, &e);
        if (r == DS_OK && ds_span_eq(peer.cert.issuer, peer.cert.subject))
            r = ratls_peer_check(&peer, &claims, NOW_S, &e);
        /* A name that now says "issued by another" is for the chain check to refuse. */
        else if (r == DS_OK)
            r = DS_ERR_UNTRUSTED;
        if (r == DS_OK)
            fail_msg("byte %zu changed and nobody saw it", i);
        der.p[i] ^= 1;
    }
    rec.fail_with = DS_ERR_UNAVAILABLE;
    DS_AUTO(ds_buf_done) struct ds_buf none = { 0 };
    assert_int_equal(ratls_cert_attest(&none, &spec, key, record, &rec, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(none.len, 0);
}

static void all_extensions(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    static const uint8_t id[20] = { 1 };
    const struct ds_app_info info = { .app_id = DS_SPAN_OF(id) };
    struct ratls_spec full = spec;
    full.org = "Dstack";
    full.app_id = DS_SPAN_OF(id);
    full.usage = "app:custom";
    full.app_info = &info;
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = new_key();
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 }, more = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, key);
    assert_ok(ratls_cert_make(&der, &full, DS_SPAN_OF(spki), (struct ds_span){ 0 }, key, &e));
    struct ratls_peer peer;
    assert_ok(peer_of(&peer, &der, &e));
    assert_true(ds_span_eq_str(peer.usage, "app:custom"));
    assert_true(ds_span_eq(peer.app_id, DS_SPAN_OF(id)));
    assert_true(peer.has_app_info && !peer.has_attestation);
    assert_true(ds_span_eq(peer.app_info.app_id, DS_SPAN_OF(id)));
    full.n_exts = RATLS_EXTS_MAX;
    assert_int_equal(ratls_cert_make(&more, &full, DS_SPAN_OF(spki), (struct ds_span){ 0 }, key,
                                     &e),
                     DS_ERR_RANGE);
}

/* A root, an app CA under it and a leaf under that. */
struct chain {
    struct ds_p256_key *key[3]; /* leaf, CA, root */
    uint8_t spki[3][DS_P256_SPKI_LEN];
    struct ds_buf der[3];
    struct ds_span list[3];
};

static void chain_done(struct chain *c)
{
    for (size_t i = 0; i < 3; i++) {
        ds_p256_key_free(c->key[i]);
        ds_buf_done(&c->der[i]);
    }
}

static struct chain chain_new(void)
{
    struct chain c = { 0 };
    struct ds_error e = { 0 };
    static const char *const names[] = { "leaf", "ca", "root" };
    for (size_t i = 3; i-- > 0;) {
        c.key[i] = new_key();
        ds_p256_key_spki(c.spki[i], c.key[i]);
        struct ratls_spec s = spec;
        s.cn = names[i];
        s.ca = i > 0;
        s.path_len = (int)i - 1;
        size_t by = i == 2 ? 2 : i + 1;
        assert_ok(ratls_cert_make(&c.der[i], &s, DS_SPAN_OF(c.spki[i]), ds_buf_span(&c.der[by]),
                                  c.key[by], &e));
        c.list[i] = ds_buf_span(&c.der[i]);
    }
    return c;
}

static void pinned_root(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(chain_done) struct chain c = chain_new(), d = chain_new();
    const struct ds_span root = DS_SPAN_OF(c.spki[2]), foreign = DS_SPAN_OF(d.spki[2]);
    const struct ds_span swapped[] = { c.list[0], d.list[1], c.list[2] },
                         mixed[] = { d.list[0], c.list[1], c.list[2] },
                         leaf_as_ca[] = { c.list[1], c.list[0], c.list[2] };
    const struct {
        const char *name;
        const struct ds_span *list;
        size_t n;
        struct ds_span pin;
        int64_t now_s;
        int want;
    } rows[] = {
        { "right", c.list, 3, root, NOW_S, DS_OK },
        { "the pinned CA is enough", c.list, 2, DS_SPAN_OF(c.spki[1]), NOW_S, DS_OK },
        { "the pinned key itself", &c.list[2], 1, root, NOW_S, DS_OK },
        { "another root", c.list, 3, foreign, NOW_S, DS_ERR_UNTRUSTED },
        { "root left out", c.list, 2, root, NOW_S, DS_ERR_UNTRUSTED },
        { "another CA between", swapped, 3, root, NOW_S, DS_ERR_UNTRUSTED },
        { "another leaf", mixed, 3, root, NOW_S, DS_ERR_UNTRUSTED },
        { "issued by a leaf", leaf_as_ca, 3, root, NOW_S, DS_ERR_UNTRUSTED },
        { "too early", c.list, 3, root, FROM_S - 1, DS_ERR_STALE },
        { "too late", c.list, 3, root, TO_S + 1, DS_ERR_STALE },
        { "nothing", c.list, 0, root, NOW_S, DS_ERR_UNTRUSTED },
        { "too many", c.list, DS_X509_CHAIN_MAX + 1, root, NOW_S, DS_ERR_UNTRUSTED },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        int r = ratls_chain_check(rows[i].list, rows[i].n, rows[i].pin, rows[i].now_s, &e);
        if (r != rows[i].want)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound_to_its_key),
        cmocka_unit_test(changed_certificate),
        cmocka_unit_test(all_extensions),
        cmocka_unit_test(pinned_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* openssl req -x509 -key P384 -subj /CN=p384, 2024 to 2030, with -sha256 and -sha384. */
static const char p384_sha256[] =
    "308201b130820136a00302010202146356dbc945ae42cb4379a9543d97b61d7b3aa85c300a06082a8648ce3d"
    "040302300f310d300b06035504030c0470333834301e170d3234303130313030303030305a170d3330303130"
    "313030303030305a300f310d300b06035504030c04703338343076301006072a8648ce3d020106052b810400"
    "2203620004687fcd2e93ed0b15596637f05e1369a00b7483e1e17bb480fbf8de1eb7d20ecc4a3704d221225a"
    "c65735d013f40f6ab83527d18f83326fbaf8ca54c9cd5d5da4c8bee2f0bc56e6289e64dce88b291e8b2bc465"
    "1e34918c4c4f99b84a88ab9e98a3533051301d0603551d0e04160414bfa1978d2a2079bf9d23a995464c4de7"
    "0024bb86301f0603551d23041830168014bfa1978d2a2079bf9d23a995464c4de70024bb86300f0603551d13"
    "0101ff040530030101ff300a06082a8648ce3d0403020369003066023100cf4aff58e416d2de38e2c02e6b39"
    "245ecca2f8ee6e10009e9bf2a2e4feabe59e77bc1a6c665cf74d8bb300f090238fdc0231008c3e7851695a2d"
    "e009d351f5eb2345ac03553fbbc2f611541fdb9ed3ce95b7ccdd17ddfe50d14779e10ea0435613d041";
static const char p384_sha384[] =
    "308201b030820136a003020102021452fd8b6996df4e97dd1e46e701d946105fdadebc300a06082a8648ce3d"
    "040303300f310d300b06035504030c0470333834301e170d3234303130313030303030305a170d3330303130"
    "313030303030305a300f310d300b06035504030c04703338343076301006072a8648ce3d020106052b810400"
    "22036200047a505816d77769ec96ae9163d641fa82b97d73cb7b8539d79c376bbfe68f2b75e5da7fba0acfd6"
    "4e4e508262f6471987da6e21dabe53262b7b854724891df918c2221df10c498daac86ed75240eb7418c3a75c"
    "5f8f6ecb537a698567a61edfb1a3533051301d0603551d0e04160414920e724b7bd0faf80bc4289ecea2f925"
    "7613856c301f0603551d23041830168014920e724b7bd0faf80bc4289ecea2f9257613856c300f0603551d13"
    "0101ff040530030101ff300a06082a8648ce3d0403030368003065023077b14b8a04304771904eb511aa74e5"
    "17d9e5be13146724e9cffa47a72795ef7e18b10144b26317a06415a24bf2928c12023100ce824b77fbc503f2"
    "10afad7aca471bda391265e6b77b0382dfb234930af0d659cb2f3ffa3149306f98ea15e79023aa7f";

static int check_changed(const char *hex, size_t at, uint8_t by, struct ds_error *e)
{
    struct unhex der = unhex(hex);
    struct ds_x509 cert;
    der.b[at] ^= by;
    DS_TRY(ds_x509_parse(&cert, unhex_span(&der), e));
    return ratls_cert_check(&cert, NOW_S, e);
}

/* Keys on P-384 sign themselves with either hash, and any changed byte is seen. */
static void signed_on_p384(void **state)
{
    (void)state;
    static const char *const certs[] = { p384_sha256, p384_sha384 };
    for (size_t i = 0; i < DS_LEN(certs); i++) {
        struct ds_error e = { 0 };
        assert_ok(check_changed(certs[i], 0, 0, &e));
        for (size_t at = 0; at < strlen(certs[i]) / 2; at++) {
            struct unhex der = unhex(certs[i]);
            struct ds_x509 cert;
            der.b[at] ^= 1;
            bool is_self_issued = ds_x509_parse(&cert, unhex_span(&der), &e) == DS_OK &&
                                  ds_span_eq(cert.issuer, cert.subject);
            if (is_self_issued && check_changed(certs[i], at, 1, &e) == DS_OK)
                fail_msg("certificate %zu: byte %zu changed and nobody saw it", i, at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound_to_its_key), cmocka_unit_test(changed_certificate),
        cmocka_unit_test(all_extensions),   cmocka_unit_test(pinned_root),
        cmocka_unit_test(signed_on_p384),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derived keys: dstack's own vectors (guest-api 6.1, 6.4), the contexts that
 * keep keys of apps and instances apart, and those that do not.
 */
#include "app/derive.h"
#include "crypto/ed25519.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "unhex.h"

static const uint8_t app_id[APP_ID_LEN] = { 1, 2, 3 }, other_id[APP_ID_LEN] = { 1, 2, 4 };

static struct ds_key32 key_of(const char *text)
{
    struct unhex u = unhex(text);
    struct ds_key32 k;
    memcpy(k.b, u.b, sizeof k.b);
    return k;
}

static void dh_vector(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 secret,
        root = key_of("f57527cea4ab7ffb49af99b158cdc0e3ec06398f528349ea236b7d2afe19cec1");
    const struct ds_span ctx[] = { DS_SPAN_LIT("context one"), DS_SPAN_LIT("context two") };
    assert_ok(app_derive_dh(&secret, &root, ctx, 2, &e));
    assert_hex(DS_SPAN_OF(secret.b),
               "663afd58820be8ad645f9c035e93199d114ab16f738db62393bc1d7d623e8813");
}

static void path_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *app_key, *path, *want;
    } rows[] = {
        { "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b", "vms",
          "9db79b3fefe69f2a7b7efbc908c854bf845a629023361f2c9cb3db09fb99010f" },
        { "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d", "",
          "aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b" },
        { "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d", "test",
          "133e8ca6e532ead3e38f00347408771da296e9c70e8e3e362f485154e64ef4e8" },
        { "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d", "vms",
          "1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_key32 child, key = key_of(rows[i].app_key);
        assert_ok(app_derive_path_key(&child, &key, ds_span_str(rows[i].path), &e));
        assert_hex(DS_SPAN_OF(child.b), rows[i].want);
    }
    /* Tappd.DeriveKey takes the same bytes as a P-256 scalar. */
    struct ds_error e = { 0 };
    struct ds_key32 scalar, key = key_of(rows[0].app_key);
    const struct ds_span path = DS_SPAN_LIT("vms");
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *pair = NULL;
    assert_ok(app_derive_p256(&pair, &key, &path, 1, &e));
    assert_ok(ds_p256_key_scalar(&scalar, pair, &e));
    assert_hex(DS_SPAN_OF(scalar.b), rows[0].want);
}

/* Each key is the stated function of its joined context. */
static void kms_contexts(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 root = { { 7 } }, got, want, scalar;
    const uint8_t instance[APP_ID_LEN] = { 9 };
    uint8_t joined[64];
    memcpy(joined, app_id, 20);
    memcpy(joined + 20, instance, 20);
    memcpy(joined + 40, "app-disk-crypt-key", 18);
    struct ds_span ctx = DS_SPAN(joined, 58);
    assert_ok(app_derive_disk_key(&got, &root, app_id, DS_SPAN_OF(instance), &e));
    assert_ok(app_derive_dh(&want, &root, &ctx, 1, &e));
    assert_memory_equal(got.b, want.b, 32);

    memcpy(joined + 20, "env-encrypt-key", 15);
    ctx.len = 35;
    assert_ok(app_derive_env_key(&got, &root, app_id, &e));
    assert_ok(app_derive_dh(&want, &root, &ctx, 1, &e));
    assert_memory_equal(got.b, want.b, 32);

    memcpy(joined + 20, "app-ca", 6);
    ctx.len = 26;
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *ca = NULL;
    assert_ok(app_derive_ca_key(&ca, &root, app_id, &e));
    assert_ok(ds_p256_key_scalar(&scalar, ca, &e));
    assert_ok(ds_kdf32(&want, &root, &ctx, 1, &e));
    assert_memory_equal(scalar.b, want.b, 32);

    memcpy(joined + 20, "app-key", 7);
    ctx.len = 27;
    assert_ok(app_derive_k256_key(&got, &root, app_id, &e));
    assert_ok(ds_kdf32(&want, &root, &ctx, 1, &e));
    assert_memory_equal(got.b, want.b, 32);
}

static void keys_differ(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    const uint8_t instance[APP_ID_LEN] = { 9 };
    struct ds_key32 root = { { 7 } }, k[6];
    assert_ok(app_derive_disk_key(&k[0], &root, app_id, DS_SPAN_OF(instance), &e));
    assert_ok(app_derive_disk_key(&k[1], &root, app_id, (struct ds_span){ 0 }, &e));
    assert_ok(app_derive_disk_key(&k[2], &root, other_id, DS_SPAN_OF(instance), &e));
    assert_ok(app_derive_env_key(&k[3], &root, app_id, &e));
    assert_ok(app_derive_env_key(&k[4], &root, other_id, &e));
    assert_ok(app_derive_k256_key(&k[5], &root, app_id, &e));
    for (size_t i = 0; i < DS_LEN(k); i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(k[i].b, k[j].b, 32);
    }
}

static void seed_keys(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_key32 seed = { { 5 } }, want, scalar;
    DS_AUTO(app_seed_keys_wipe) struct app_seed_keys keys = { 0 };
    assert_ok(app_derive_seed_keys(&keys, &seed, &e));
    const struct ds_span ca = DS_SPAN_LIT("app-key"), k256 = DS_SPAN_LIT("app-k256-key"),
                         disk = DS_SPAN_LIT("app-disk-key");
    assert_ok(ds_kdf32(&want, &seed, &ca, 1, &e));
    assert_ok(ds_p256_key_scalar(&scalar, keys.ca, &e));
    assert_memory_equal(want.b, scalar.b, 32);
    assert_ok(ds_kdf32(&want, &seed, &k256, 1, &e));
    assert_memory_equal(want.b, keys.k256.b, 32);
    assert_ok(app_derive_dh(&want, &seed, &disk, 1, &e));
    assert_memory_equal(want.b, keys.disk.b, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dh_vector),    cmocka_unit_test(path_vectors),
        cmocka_unit_test(kms_contexts), cmocka_unit_test(keys_differ),
        cmocka_unit_test(seed_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identities as hashes of what they are said to be hashes of, and the exact
 * key-provider texts.
 */
#include "app/identity.h"
#include "crypto/hash.h"
#include "unhex.h"

static max_align_t room[4096];

static void ids(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t hash[32], id[APP_ID_LEN], instance[APP_ID_LEN], other[APP_ID_LEN];
    assert_ok(app_compose_hash(hash, DS_SPAN_LIT("abc"), &e));
    assert_hex(DS_SPAN_OF(hash),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    app_id_of(id, hash);
    assert_hex(DS_SPAN_OF(id), "ba7816bf8f01cfea414140de5dae2223b00361a3");
    uint8_t joined[40] = { 0 }, want[32];
    memcpy(joined + 20, id, 20);
    assert_ok(app_instance_id(instance, DS_SPAN(joined, 20), id, &e));
    assert_ok(ds_hash(DS_SHA256, want, DS_SPAN_OF(joined), &e));
    assert_memory_equal(instance, want, APP_ID_LEN);
    assert_ok(app_instance_id(other, DS_SPAN(joined, 19), id, &e));
    assert_memory_not_equal(instance, other, APP_ID_LEN);
}

static void key_provider_texts(void **state)
{
    (void)state;
    static const struct {
        enum app_key_provider kind;
        const char *name, *want;
    } rows[] = {
        { APP_KEY_PROVIDER_NONE, "none", "{\"name\":\"none\",\"id\":\"\"}" },
        { APP_KEY_PROVIDER_LOCAL, "local", "{\"name\":\"local-sgx\",\"id\":\"\"}" },
        { APP_KEY_PROVIDER_KMS, "kms", "{\"name\":\"kms\",\"id\":\"\"}" },
        { APP_KEY_PROVIDER_TPM, "tpm", "{\"name\":\"tpm\",\"id\":\"\"}" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        enum app_key_provider found;
        assert_true(app_key_provider_find(&found, ds_span_str(rows[i].name)));
        assert_int_equal(found, rows[i].kind);
        assert_string_equal(app_key_provider_text(rows[i].kind), rows[i].name);
        assert_ok(app_key_provider_info(&b, rows[i].kind, (struct ds_span){ 0 }, &e));
        assert_string_equal(b.p, rows[i].want);
    }
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    assert_ok(app_key_provider_info(&b, APP_KEY_PROVIDER_KMS, DS_SPAN_LIT("\x30\x59"), &e));
    assert_string_equal(b.p, "{\"name\":\"kms\",\"id\":\"3059\"}");
    enum app_key_provider found;
    assert_false(app_key_provider_find(&found, ds_span_str("KMS")));
}

static void gpu_policy(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *canonical;
    } rows[] = {
        { "", "{}" },
        { "{}", "{}" },
        { "{ \"rego\" : \"x\" , \"attest_gpu\" : true }", "{\"attest_gpu\":true,\"rego\":\"x\"}" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct app_compose app = { .requirements.gpu_policy = ds_span_str(rows[i].policy) };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        uint8_t got[32], want[32];
        assert_ok(app_gpu_policy_hash(got, &app, &mem, &e));
        assert_ok(ds_hash(DS_SHA256, want, ds_span_str(rows[i].canonical), &e));
        assert_memory_equal(got, want, 32);
        assert_int_equal(mem.used, 0);
    }
}

static void nonce(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t n[32] = { 1 }, joined[14 + 32 + 20], got[64], want[64];
    memcpy(joined, "dstack-verify:", 14);
    memcpy(joined + 14, n, 32);
    memset(joined + 46, 7, 20);
    assert_ok(app_verify_report_data(got, n, DS_SPAN(joined + 46, 20), &e));
    assert_ok(ds_hash(DS_SHA512, want, DS_SPAN_OF(joined), &e));
    assert_memory_equal(got, want, sizeof got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(key_provider_texts),
        cmocka_unit_test(gpu_policy),
        cmocka_unit_test(nonce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

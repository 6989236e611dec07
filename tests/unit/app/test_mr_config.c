/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MrConfig: the document and HOST_DATA of a recorded SEV-SNP guest of dstack,
 * the register forms of all versions, and every field compared.
 */
#include "app/mr_config.h"
#include "crypto/keccak.h"
#include "unhex.h"

static max_align_t room[1024];

static const char recorded[] =
    "{\"app_id\":\"86e59625be93207bc2351c4d1bba20037cec8e16\",\"compose_hash\":\"86e59625be93207bc2"
    "351c4d1bba20037cec8e168da6b18f559af5af657b7a23\",\"instance_id\":\"d378c00e65112c4235bfeb46c6a0"
    "f98fd02145a3\",\"key_provider\":\"kms\",\"key_provider_id\":\"3059301306072a8648ce3d020106082a86"
    "48ce3d0301070342000419b2457dd9b8aa6446d980f136fff7812ecd6c77740eeb0e28b10d56c0c00028a5b6e59dcea"
    "307d583bd1f70769e9c116df2bcfb1758a95d8613e7de1c8482c0\",\"version\":3}";
#define RECORDED_HOST_DATA "783f0057820acb99249af56cc3b07b4e8d80f65183167cba9cf437bb680f742f"

static struct app_mr_config parsed(const char *text)
{
    struct ds_error e = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct app_mr_config c;
    assert_ok(app_mr_config_parse(&c, &mem, ds_span_str(text), &e));
    return c;
}

static void recorded_guest(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct app_mr_config c = parsed(recorded);
    assert_hex(c.app_id, "86e59625be93207bc2351c4d1bba20037cec8e16");
    assert_memory_equal(c.compose_hash32, c.app_id.p, APP_ID_LEN);
    assert_int_equal(c.key_provider, APP_KEY_PROVIDER_KMS);
    assert_int_equal(c.key_provider_id.len, 91);
    assert_int_equal(c.n_init_script_hashes, 0);
    uint8_t digest[32], id[48];
    assert_ok(app_mr_config_digest(digest, ds_span_str(recorded), &e));
    assert_hex(DS_SPAN_OF(digest), RECORDED_HOST_DATA);
    assert_ok(app_mr_config_id(id, ds_span_str(recorded), &e));
    assert_hex(DS_SPAN_OF(id), "03" RECORDED_HOST_DATA "000000000000000000000000000000");
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
    assert_ok(app_mr_config_encode(&again, &c, &e));
    assert_string_equal(again.p, recorded);
}

static void all_fields(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    static const uint8_t h[32] = { 0xab }, id[APP_ID_LEN] = { 0xcd };
    struct app_mr_config c = {
        .app_id = DS_SPAN_OF(id),
        .gpu_policy_hash = DS_SPAN_OF(h),
        .init_script_hashes = { DS_SPAN_OF(h), DS_SPAN_OF(h) },
        .n_init_script_hashes = 2,
        .instance_id = DS_SPAN_OF(id),
        .key_provider = APP_KEY_PROVIDER_NONE,
    };
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 }, again = { 0 };
    assert_ok(app_mr_config_encode(&doc, &c, &e));
    struct app_mr_config back = parsed(doc.p);
    assert_int_equal(back.n_init_script_hashes, 2);
    assert_true(ds_span_eq(back.gpu_policy_hash, c.gpu_policy_hash));
    assert_ok(app_mr_config_encode(&again, &back, &e));
    assert_string_equal(again.p, doc.p);
    c.app_id.len = 19;
    assert_int_equal(app_mr_config_encode(&again, &c, &e), DS_ERR_RANGE);
}

#define HASH "86e59625be93207bc2351c4d1bba20037cec8e168da6b18f559af5af657b7a23"

static void malformed(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "nothing", "" },
        { "no object", "[]" },
        { "no compose_hash", "{\"key_provider\":\"none\",\"version\":3}" },
        { "no app_id", "{\"compose_hash\":\"" HASH "\",\"key_provider\":\"none\",\"version\":3}" },
        { "no key_provider", "{\"compose_hash\":\"" HASH "\",\"version\":3}" },
        { "no version", "{\"compose_hash\":\"" HASH "\",\"key_provider\":\"none\"}" },
        { "version 2", "{\"compose_hash\":\"" HASH "\",\"key_provider\":\"none\",\"version\":2}" },
        { "version as text",
          "{\"compose_hash\":\"" HASH "\",\"key_provider\":\"none\",\"version\":\"3\"}" },
        { "unknown field",
          "{\"compose_hash\":\"" HASH "\",\"key_provider\":\"none\",\"version\":3,\"x\":1}" },
        { "unknown provider",
          "{\"compose_hash\":\"" HASH "\",\"key_provider\":\"KMS\",\"version\":3}" },
        { "hash cut short", "{\"compose_hash\":\"86e5\",\"key_provider\":\"none\",\"version\":3}" },
        { "app id too long", "{\"app_id\":\"" HASH "\",\"compose_hash\":\"" HASH
                             "\",\"key_provider\":\"none\",\"version\":3}" },
        { "null", "{\"app_id\":null,\"compose_hash\":\"" HASH
                  "\",\"key_provider\":\"none\",\"version\":3}" },
        { "a field twice", "{\"compose_hash\":\"" HASH "\",\"compose_hash\":\"" HASH
                           "\",\"key_provider\":\"none\",\"version\":3}" },
        { "six scripts",
          "{\"compose_hash\":\"" HASH "\",\"init_script_hashes\":[\"" HASH "\",\"" HASH "\",\"" HASH
          "\",\"" HASH "\",\"" HASH "\",\"" HASH "\"],\"key_provider\":\"none\",\"version\":3}" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct app_mr_config c;
        int r = app_mr_config_parse(&c, &mem, ds_span_str(rows[i].text), &e);
        if (r != DS_ERR_FORMAT || e.code != DS_CODE_APP_MR_CONFIG_FORMAT)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

static void older_forms(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct app_mr_config c = parsed(recorded);
    uint8_t id[48], want[32];
    app_mr_config_id_v1(id, c.compose_hash32);
    assert_hex(DS_SPAN_OF(id), "01" HASH "000000000000000000000000000000");
    assert_ok(app_mr_config_id_v2(id, &c, &e));
    const struct ds_span parts[] = { DS_SPAN_OF(c.compose_hash32), c.app_id, DS_SPAN_LIT("\x02"),
                                     c.key_provider_id };
    assert_ok(ds_keccak256(want, parts, 4, &e));
    assert_int_equal(id[0], 2);
    assert_memory_equal(id + 1, want, 32);
    c.app_id.len = 0;
    assert_int_equal(app_mr_config_id_v2(id, &c, &e), DS_ERR_RANGE);
}

static void register_check(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t id[48];
    assert_ok(app_mr_config_id(id, ds_span_str(recorded), &e));
    assert_ok(app_mr_config_check_id(id, ds_span_str(recorded), &e));
    for (size_t i = 0; i < sizeof id; i++) {
        id[i] ^= 1;
        assert_int_equal(app_mr_config_check_id(id, ds_span_str(recorded), &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_APP_MR_CONFIG_MISMATCH);
        id[i] ^= 1;
    }
}

static void field_checks(void **state)
{
    (void)state;
    static const uint8_t other[APP_ID_LEN] = { 1 }, key[3] = { 1, 2, 3 };
    const struct app_mr_config document = parsed(recorded);
    struct app_mr_config same = document, app = document, hash = document, instance = document,
                         id = document, kind = document, more = document;
    app.app_id = DS_SPAN_OF(other);
    hash.compose_hash32[31] ^= 1;
    instance.instance_id = DS_SPAN_OF(other);
    id.key_provider_id = DS_SPAN_OF(key);
    kind.key_provider = APP_KEY_PROVIDER_TPM;
    more.gpu_policy_hash = DS_SPAN_OF(hash.compose_hash32);
    const struct {
        const struct app_mr_config *actual;
        const char *claim; /* NULL: accepted */
    } rows[] = {
        { &same, NULL },
        { &app, "app_id" },
        { &hash, "compose_hash" },
        { &instance, "instance_id" },
        { &id, "key_provider_id" },
        { &kind, "key_provider" },
        { &more, NULL }, /* the document does not speak of GPUs */
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        int r = app_mr_config_check(&document, rows[i].actual, &e);
        if (rows[i].claim == NULL) {
            assert_ok(r);
            continue;
        }
        assert_int_equal(r, DS_ERR_UNTRUSTED);
        assert_string_equal(e.detail.claim, rows[i].claim);
    }
    struct ds_error e = { 0 };
    struct app_mr_config unpinned = document;
    unpinned.key_provider_id.len = 0;
    assert_int_equal(app_mr_config_check(&unpinned, &document, &e), DS_ERR_UNTRUSTED);
    struct app_mr_config scripts = document;
    scripts.init_script_hashes[0] = DS_SPAN_OF(hash.compose_hash32);
    scripts.n_init_script_hashes = 1;
    assert_int_equal(app_mr_config_check(&scripts, &document, &e), DS_ERR_UNTRUSTED);
    assert_ok(app_mr_config_check(&scripts, &scripts, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_guest), cmocka_unit_test(all_fields),
        cmocka_unit_test(malformed),      cmocka_unit_test(older_forms),
        cmocka_unit_test(register_check), cmocka_unit_test(field_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

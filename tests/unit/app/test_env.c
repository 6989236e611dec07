/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encrypted environment: sealed and opened, changed and cut; plaintexts
 * read, refused, and written as the two files of the containers.
 */
#include "app/env.h"
#include "crypto/x25519.h"
#include "unhex.h"

static max_align_t room[65536];

static void there_and_back(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    static const char plain[] = "{\"env\":[]}";
    struct ds_key32 app = { { 1, 2 } }, eph = { { 3, 4 } }, other = { { 5 } };
    uint8_t pub[32], iv[12] = { 9 }, blob[sizeof plain - 1 + APP_ENV_OVERHEAD];
    assert_ok(ds_x25519_public(pub, &app, &e));
    assert_ok(app_env_seal(blob, pub, &eph, iv, DS_SPAN_LIT(plain), &e));
    assert_memory_equal(blob + 32, iv, sizeof iv);
    DS_AUTO(ds_secret_wipe) struct ds_secret got = { 0 };
    assert_ok(app_env_open(&got, &app, DS_SPAN_OF(blob), &e));
    assert_true(ds_span_eq(ds_secret_span(&got), DS_SPAN_LIT(plain)));

    for (size_t i = 0; i < sizeof blob; i++) {
        /* The top bit of an X25519 public key is ignored by its specification. */
        uint8_t bit = i == 31 ? 0x40 : 0x80;
        blob[i] ^= bit;
        DS_AUTO(ds_secret_wipe) struct ds_secret none = { 0 };
        assert_int_equal(app_env_open(&none, &app, DS_SPAN_OF(blob), &e), DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_APP_ENV_UNDECRYPTABLE);
        assert_null(none.p);
        blob[i] ^= bit;
    }
    for (size_t len = 0; len < sizeof blob; len++) {
        DS_AUTO(ds_secret_wipe) struct ds_secret none = { 0 };
        assert_int_equal(app_env_open(&none, &app, DS_SPAN(blob, len), &e),
                         len <= APP_ENV_OVERHEAD ? DS_ERR_FORMAT : DS_ERR_UNTRUSTED);
    }
    DS_AUTO(ds_secret_wipe) struct ds_secret none = { 0 };
    assert_int_equal(app_env_open(&none, &other, DS_SPAN_OF(blob), &e), DS_ERR_UNTRUSTED);
    memset(blob, 0, 32);
    assert_int_equal(app_env_open(&none, &app, DS_SPAN_OF(blob), &e), DS_ERR_UNTRUSTED);
    static uint8_t huge[APP_ENV_BLOB_MAX + 1];
    assert_int_equal(app_env_open(&none, &app, DS_SPAN_OF(huge), &e), DS_ERR_RANGE);
}

static struct app_env env;

static int parse(const char *text, struct ds_error *e)
{
    const struct ds_span allowed[] = { DS_SPAN_LIT("A"), DS_SPAN_LIT("B"), DS_SPAN_LIT("_x9") };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    return app_env_parse(&env, &mem, ds_span_str(text), allowed, DS_LEN(allowed), e);
}

static void written(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t out[512];
    assert_ok(
        parse("{\"env\":[{\"key\":\"_x9\",\"value\":\"plain\"},{\"key\":\"B\",\"value\":\"old\"},"
              "{\"key\":\"C\",\"value\":\"not allowed\"},{\"key\":\"B\",\"value\":\"\"},"
              "{\"key\":\"A\",\"value\":\"two words\\n$x `y` \\\"z\\\" \\\\\"}]}",
              &e));
    assert_int_equal(env.n, 3);
    assert_int_equal(env.n_skipped, 1);
    size_t len = app_env_write_lines(NULL, 0, &env);
    assert_int_equal(app_env_write_lines(out, sizeof out, &env), len);
    static const char lines[] = "A=\"two words\\n\\$x \\`y\\` \\\"z\\\" \\\"\nB=\n_x9=plain\n";
    assert_true(ds_span_eq(DS_SPAN(out, len), DS_SPAN_LIT(lines)));
    len = app_env_write_json(out, sizeof out, &env);
    static const char json[] =
        "{\"A\":\"two words\\u000a$x `y` \\\"z\\\" \\\\\",\"B\":\"\",\"_x9\":"
        "\"plain\"}";
    assert_true(ds_span_eq(DS_SPAN(out, len), DS_SPAN_LIT(json)));
    assert_ok(parse("{\"env\":[]}", &e));
    assert_int_equal(app_env_write_lines(out, sizeof out, &env), 0);
    assert_int_equal(app_env_write_json(out, sizeof out, &env), 2);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "nothing", "" },
        { "no object", "[]" },
        { "no list", "{}" },
        { "list of another type", "{\"env\":{}}" },
        { "item of another type", "{\"env\":[1]}" },
        { "no key", "{\"env\":[{\"value\":\"x\"}]}" },
        { "no value", "{\"env\":[{\"key\":\"A\"}]}" },
        { "value as number", "{\"env\":[{\"key\":\"A\",\"value\":1}]}" },
        { "empty key", "{\"env\":[{\"key\":\"\",\"value\":\"\"}]}" },
        { "key begins with a digit", "{\"env\":[{\"key\":\"9A\",\"value\":\"\"}]}" },
        { "key with a newline", "{\"env\":[{\"key\":\"A\\nB\",\"value\":\"\"}]}" },
        { "key with an equals sign", "{\"env\":[{\"key\":\"A=B\",\"value\":\"\"}]}" },
        { "value with NUL", "{\"env\":[{\"key\":\"A\",\"value\":\"\\u0000\"}]}" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        int r = parse(rows[i].text, &e);
        if (r != DS_ERR_FORMAT || e.code != DS_CODE_APP_ENV_FORMAT)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(written),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the KMS takes from the VMM as collateral: all of it or nothing.
 */
#include "kms/collateral.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "kit.h"

#define NOW  INT64_C(1790000000)
#define SPKI "\"1111111111111111111111111111111111111111111111111111111111111111\""

static struct kit kit;

static int take(struct kms_simulated *s, const char *text, size_t len, struct ds_error *e)
{
    yyjson_doc *doc = yyjson_read(text, len, 0);
    assert_non_null(doc);
    int r = kms_collateral_take(s, yyjson_doc_get_root(doc), e);
    yyjson_doc_free(doc);
    return r;
}

/* A reply with the kit's collateral; `spki` is JSON text. */
static int take_good(struct kms_simulated *s, const char *spki, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf reply = { 0 };
    ds_buf_printf(&reply, "{\"root_spki_sha256\":%s,\"collateral\":", spki);
    ds_buf_add(&reply, simtee_pki_collateral(kit.pki));
    ds_buf_str(&reply, "}");
    return take(s, reply.p, reply.len, e);
}

static void test_whole(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct kms_simulated s = { 0 };
    if (take_good(&s, SPKI, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(s.root_spki32[0], 0x11);
    assert_int_equal(s.root_spki32[31], 0x11);
    assert_true(s.collateral.len > 1000);
    assert_in_range(s.issue_s, NOW - 86400, NOW);
    ds_buf_done(&s.collateral);
}

static const char *const bad[] = {
    "{}",
    "{\"root_spki_sha256\":" SPKI "}",
    "{\"root_spki_sha256\":" SPKI ",\"collateral\":null}",
    "{\"root_spki_sha256\":" SPKI ",\"collateral\":{}}",
    "{\"root_spki_sha256\":" SPKI ",\"collateral\":{\"tcb_info\":1}}",
    "{\"root_spki_sha256\":" SPKI ",\"collateral\":\"text\"}",
    "[]",
};

/* The anchor and the collateral of before stay together, whichever part of the reply is bad. */
static void test_refused_changes_nothing(void **state)
{
    (void)state;
    static const char *const spkis[] = { "\"22\"", "22", "null", "\"zz\"" };
    struct ds_error e = { 0 };
    struct kms_simulated s = { 0 };
    assert_int_equal(take_good(&s, SPKI, &e), DS_OK);
    struct kms_simulated before = s;
    for (size_t i = 0; i < DS_LEN(spkis); i++)
        assert_int_equal(take_good(&s, spkis[i], &e), DS_ERR_PEER);
    for (size_t i = 0; i < DS_LEN(bad); i++) {
        /* the same reply with another anchor, which must not be taken either */
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        ds_buf_str(&text, bad[i]);
        for (char *p = text.p; *p != '\0'; p++)
            *p = (char)(*p == '1' ? '2' : *p);
        if (take(&s, text.p, text.len, &e) != DS_ERR_PEER)
            fail_msg("taken: %s", text.p);
        assert_int_equal(e.code, DS_CODE_KMS_NO_COLLATERAL);
    }
    assert_memory_equal(&s, &before, sizeof s);
    assert_int_equal(s.root_spki32[0], 0x11);
    ds_buf_done(&s.collateral);
}

static int setup(void **state)
{
    (void)state;
    static const uint8_t kms_spki[DS_P256_SPKI_LEN];
    kit_init(&kit, kms_spki, NOW);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_done(&kit);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_whole),
                                        cmocka_unit_test(test_refused_changes_nothing) };
    return cmocka_run_group_tests_name("kms/collateral", tests, setup, teardown);
}

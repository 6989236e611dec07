/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Release log documents: exact bytes that are also what the general JCS writer
 * makes of them, signed heads, and heads that were changed or rewritten.
 */
#include "app/log.h"
#include "codec/jcs.h"
#include "unhex.h"

static max_align_t room[4096];

/* The text is canonical: JCS of its parse is itself. */
static void assert_canonical(const struct ds_buf *doc)
{
    struct ds_error e = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    const struct ds_json_tok *root;
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
    assert_ok(ds_json_parse_in(&root, &mem, ds_buf_span(doc), &e));
    assert_ok(ds_jcs_add(&again, &mem, root, &e));
    assert_string_equal(again.p, doc->p);
}

static struct app_log_leaf sample(void)
{
    static const uint8_t id[APP_ID_LEN] = { 0xab }, hash[32] = { 0xcd };
    return (struct app_log_leaf){
        .time_s = 1700000000,
        .node = "n1",
        .epoch = 0,
        .act = "get_app_key",
        .app_id = DS_SPAN_OF(id),
        .compose_hash = DS_SPAN_OF(hash),
        .kind = "simulated",
        .decision = "deny",
        .codes = { "policy.simulated_evidence", "policy.os_image" },
        .n_codes = 2,
        .policy_source = "local",
        .policy_version = "7",
        .evidence_sha256 = DS_SPAN_OF(hash),
    };
}

static void leaf(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct app_log_leaf l = sample();
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    assert_ok(app_log_leaf_encode(&doc, &l, &e));
    assert_canonical(&doc);
    assert_string_equal(
        doc.p,
        "{\"act\":\"get_app_key\",\"codes\":[\"policy.simulated_evidence\",\"policy.os_image\"],"
        "\"decision\":\"deny\",\"epoch\":0,\"evidence_sha256\":"
        "\"cd00000000000000000000000000000000000000000000000000000000000000\",\"node\":\"n1\","
        "\"policy\":{\"source\":\"local\",\"version\":\"7\"},\"subject\":{\"app_id\":"
        "\"ab00000000000000000000000000000000000000\",\"compose_hash\":"
        "\"cd00000000000000000000000000000000000000000000000000000000000000\",\"device_id\":\"\","
        "\"instance_id\":\"\",\"kind\":\"simulated\",\"os_image_hash\":\"\"},\"time_s\":1700000000,"
        "\"v\":1}");
    struct app_log_leaf foreign = sample(), early = sample(), big = sample();
    foreign.node = "caf\xc3\xa9";
    early.time_s = -1;
    big.epoch = (uint64_t)1 << 53;
    assert_int_equal(app_log_leaf_encode(&doc, &foreign, &e), DS_ERR_RANGE);
    assert_int_equal(app_log_leaf_encode(&doc, &early, &e), DS_ERR_RANGE);
    assert_int_equal(app_log_leaf_encode(&doc, &big, &e), DS_ERR_RANGE);
}

static void head(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL, *other = NULL;
    assert_ok(ds_p256_key_new(&key, &e));
    assert_ok(ds_p256_key_new(&other, &e));
    uint8_t spki[DS_P256_SPKI_LEN], other_spki[DS_P256_SPKI_LEN], sig[64];
    ds_p256_key_spki(spki, key);
    ds_p256_key_spki(other_spki, other);
    struct app_log_head h = { .size = 3,
                              .root = { { 1 } },
                              .time_s = 1700000000,
                              .kind = "simulated" },
                        got;
    assert_ok(app_log_id(h.log_id32, DS_SPAN_OF(spki), &e));
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    assert_ok(app_log_head_encode(&doc, &h, &e));
    assert_canonical(&doc);
    assert_ok(app_log_head_sign(sig, key, ds_buf_span(&doc), &e));
    assert_ok(app_log_head_verify(&got, ds_buf_span(&doc), sig, DS_SPAN_OF(spki), &e));
    assert_int_equal(got.size, 3);
    assert_string_equal(got.kind, "simulated");
    assert_memory_equal(got.root.b, h.root.b, 32);

    assert_int_equal(app_log_head_verify(&got, ds_buf_span(&doc), sig, DS_SPAN_OF(other_spki), &e),
                     DS_ERR_UNTRUSTED);
    /* Signed by a key that the head does not name. */
    assert_ok(app_log_head_sign(sig, other, ds_buf_span(&doc), &e));
    assert_int_equal(app_log_head_verify(&got, ds_buf_span(&doc), sig, DS_SPAN_OF(other_spki), &e),
                     DS_ERR_UNTRUSTED);
    assert_string_equal(e.detail.claim, "log_id");
    assert_ok(app_log_head_sign(sig, key, ds_buf_span(&doc), &e));
    for (size_t i = 0; i < doc.len; i++) {
        doc.p[i] ^= 1;
        assert_int_not_equal(app_log_head_verify(&got, ds_buf_span(&doc), sig, DS_SPAN_OF(spki),
                                                 &e),
                             DS_OK);
        doc.p[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof sig; i++) {
        sig[i] ^= 1;
        assert_int_equal(app_log_head_verify(&got, ds_buf_span(&doc), sig, DS_SPAN_OF(spki), &e),
                         DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, DS_CODE_APP_LOG_HEAD_SIGNATURE);
        sig[i] ^= 1;
    }
}

#define ID32 "0000000000000000000000000000000000000000000000000000000000000000"

static void malformed_heads(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        int want;
    } rows[] = {
        { "right",
          "{\"kind\":\"hardware\",\"log_id\":\"" ID32 "\",\"root\":\"" ID32
          "\",\"size\":1,\"time_s\":2,\"v\":1}",
          DS_OK },
        { "white space",
          "{\"kind\":\"hardware\", \"log_id\":\"" ID32 "\",\"root\":\"" ID32
          "\",\"size\":1,\"time_s\":2,\"v\":1}",
          DS_ERR_FORMAT },
        { "another order",
          "{\"log_id\":\"" ID32 "\",\"kind\":\"hardware\",\"root\":\"" ID32
          "\",\"size\":1,\"time_s\":2,\"v\":1}",
          DS_ERR_FORMAT },
        { "one more member",
          "{\"kind\":\"hardware\",\"log_id\":\"" ID32 "\",\"root\":\"" ID32
          "\",\"size\":1,\"time_s\":2,\"v\":1,\"w\":1}",
          DS_ERR_FORMAT },
        { "version 0",
          "{\"kind\":\"hardware\",\"log_id\":\"" ID32 "\",\"root\":\"" ID32
          "\",\"size\":1,\"time_s\":2,\"v\":0}",
          DS_ERR_FORMAT },
        { "version 2",
          "{\"kind\":\"hardware\",\"log_id\":\"" ID32 "\",\"root\":\"" ID32
          "\",\"size\":1,\"time_s\":2,\"v\":2}",
          DS_ERR_FORMAT },
        { "no kind",
          "{\"log_id\":\"" ID32 "\",\"root\":\"" ID32 "\",\"size\":1,\"time_s\":2,\"v\":1}",
          DS_ERR_FORMAT },
        { "kind too long",
          "{\"kind\":\"hardwarehardware\",\"log_id\":\"" ID32 "\",\"root\":\"" ID32
          "\",\"size\":1,\"time_s\":2,\"v\":1}",
          DS_ERR_FORMAT },
        { "nothing", "", DS_ERR_FORMAT },
        { "a list", "[]", DS_ERR_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct app_log_head got;
        int r = app_log_head_parse(&got, ds_span_str(rows[i].text), &e);
        if (r != rows[i].want)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaf),
        cmocka_unit_test(head),
        cmocka_unit_test(malformed_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata judge over texts: what disk_luks_format makes is accepted, and
 * each change of it is refused by the name of what was changed.
 */
#include "disk/luks_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static const char good[] =
    "{\"keyslots\":{\"0\":{\"type\":\"luks2\",\"key_size\":64,"
    "\"af\":{\"type\":\"luks1\",\"stripes\":4000,\"hash\":\"sha256\"},"
    "\"area\":{\"type\":\"raw\",\"offset\":\"32768\",\"size\":\"258048\","
    "\"encryption\":\"aes-xts-plain64\",\"key_size\":64},"
    "\"kdf\":{\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"AA\\/=\"}}},"
    "\"tokens\":{},"
    "\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\","
    "\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":4096}},"
    "\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"keyslots\":[\"0\"],\"segments\":[\"0\"],"
    "\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"AA==\",\"digest\":\"AA==\"}},"
    "\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"16744448\"}}";

static const struct {
    const char *name, *from, *to, *claim; /* the first `from` becomes `to` */
} rows[] = {
    { "not JSON", "{", "", "metadata" },
    { "an array", good, "[]", "metadata" },
    { "a member beside the five", "\"tokens\"", "\"more\":1,\"tokens\"", "metadata" },
    { "no tokens object", "\"tokens\":{}", "\"tokens\":0", "tokens" },
    { "a token", "\"tokens\":{}", "\"tokens\":{\"0\":{}}", "tokens" },
    { "a second key slot", "\"keyslots\":{", "\"keyslots\":{\"1\":{},", "key slots" },
    { "a slot of another number", "\"keyslots\":{\"0\"", "\"keyslots\":{\"1\"",
      "key slot members" },
    { "a slot with a priority", "\"key_size\":64,\"af\"", "\"key_size\":64,\"priority\":2,\"af\"",
      "key slot members" },
    { "a slot for reencryption", "\"luks2\"", "\"reencrypt\"", "key slot kind" },
    { "a slot under the null cipher", "\"258048\",\"encryption\":\"aes-xts-plain64\"",
      "\"258048\",\"encryption\":\"cipher_null-ecb\"", "key slot cipher" },
    { "a slot under a short key", "\"key_size\":64}", "\"key_size\":32}",
      "key slot cipher key bytes" },
    { "an area over a range", "\"raw\"", "\"datashift\"", "key slot area kind" },
    { "fewer stripes", "4000", "1", "key slot stripes" },
    { "another function", "\"kdf\":{\"type\":\"pbkdf2\"", "\"kdf\":{\"type\":\"argon2i\"",
      "key slot function" },
    { "one round", "\"iterations\":1000,\"salt\":\"AA\\/", "\"iterations\":1,\"salt\":\"AA\\/",
      "key slot rounds" },
    { "a weak hash", "\"hash\":\"sha256\",\"iterations\"", "\"hash\":\"sha1\",\"iterations\"",
      "key slot function hash" },
    { "a second segment, in the clear", "\"segments\":{\"0\"",
      "\"segments\":{\"1\":{\"type\":\"linear\"},\"0\"", "segments" },
    { "a segment in the clear", "\"crypt\"", "\"linear\"", "segment kind" },
    { "a segment with integrity", "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"0\",\"integrity\":{}",
      "segment members" },
    { "data under the null cipher", "\"0\",\"encryption\":\"aes-xts-plain64\"",
      "\"0\",\"encryption\":\"cipher_null-ecb\"", "cipher" },
    { "a segment of fixed length", "\"dynamic\"", "\"4096\"", "payload length" },
    { "payload elsewhere", "16777216", "16777217", "payload offset" },
    { "a number for a text", "\"iv_tweak\":\"0\"", "\"iv_tweak\":true", "iv offset" },
    { "a second digest", "\"digests\":{", "\"digests\":{\"1\":{},", "digests" },
    { "a digest of no slot", "\"keyslots\":[\"0\"]", "\"keyslots\":[]", "key slots of the digest" },
    { "a digest of two segments", "\"segments\":[\"0\"]", "\"segments\":[\"0\",\"1\"]",
      "segments of the digest" },
    { "flags", "\"json_size\"", "\"flags\":[\"allow-discards\"],\"json_size\"",
      "configuration members" },
    { "requirements", "\"json_size\"", "\"requirements\":{\"mandatory\":[]},\"json_size\"",
      "configuration members" },
    { "a salt that is an object", "\"salt\":\"AA==\"", "\"salt\":{}", "digest salt" },
    { "no configuration of lengths", "\"json_size\"", "\"json_sizes\"", "metadata length" },
    { "a member twice", "\"tokens\":{}", "\"tokens\":{},\"tokens\":{}", "metadata" },
};

static void test_ours_is_accepted(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    if (disk_luks_metadata_check(DS_SPAN_LIT(good), &e) != DS_OK)
        fail_msg("%s", e.msg);
}

static void test_changes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        const char *at = strstr(good, rows[i].from);
        if (at == NULL)
            fail_msg("%s: no '%s'", rows[i].name, rows[i].from);
        ds_buf_add(&text, DS_SPAN(good, (size_t)(at - good)));
        ds_buf_str(&text, rows[i].to);
        ds_buf_str(&text, at + strlen(rows[i].from));
        int r = disk_luks_metadata_check(ds_buf_span(&text), &e);
        if (r != DS_ERR_DENIED || e.code != DS_CODE_DISK_HEADER_REFUSED ||
            strcmp(e.detail.claim, rows[i].claim) != 0)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ours_is_accepted),
        cmocka_unit_test(test_changes_are_refused),
    };
    return cmocka_run_group_tests_name("disk/luks_metadata", tests, NULL, NULL);
}

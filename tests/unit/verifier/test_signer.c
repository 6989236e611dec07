/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signing key: made once, found again, and refused when others may read it.
 */
#include "verifier/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hex.h"

static char dir[] = "/tmp/ds-signer-XXXXXX";

static void path_of(char ret[128], const char *name)
{
    (void)snprintf(ret, 128, "%s/%s", dir, name);
}

static void refuses(const char *path, const char *what)
{
    struct signer s = { .key = NULL };
    struct ds_error e = { 0 };
    if (signer_load(&s, path, &e) == DS_OK || e.code != DS_CODE_VERIFIER_KEY_FILE)
        fail_msg("%s: %s", what, e.msg);
    assert_null(s.key);
}

static void made_once(void **state)
{
    (void)state;
    struct signer first, again;
    struct ds_error e;
    struct stat st;
    char path[128];
    if (signer_load(&first, "", &e) < 0)
        fail_msg("%s", e.msg);
    path_of(path, "verifier/signing-key.pem");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(signer_load(&again, "", &e), DS_OK);
    assert_string_equal(first.kid, again.kid);
    assert_int_equal(strlen(first.kid), SIGNER_KID_LEN);
    signer_done(&again);
    assert_int_equal(signer_load(&again, path, &e), DS_OK); /* named, it is the same */
    assert_string_equal(first.kid, again.kid);
    signer_done(&again);
    signer_done(&first);
}

static void what_is_refused(void **state)
{
    (void)state;
    char path[128];
    struct ds_error e;
    path_of(path, "none.pem");
    refuses(path, "no file");
    refuses(dir, "a directory");
    path_of(path, "text.pem");
    assert_int_equal(ds_file_save(path, DS_SPAN_LIT("text"), 0600, NULL, &e), DS_OK);
    refuses(path, "no key");
    assert_int_equal(ds_file_save(path, DS_SPAN_LIT(""), 0600, NULL, &e), DS_OK);
    refuses(path, "empty");
    path_of(path, "verifier/signing-key.pem");
    static const mode_t modes[] = { 0640, 0604, 0620, 0666 };
    for (size_t i = 0; i < DS_LEN(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        refuses(path, "others may read or write it");
        refuses("", "the same as the own one");
    }
    assert_int_equal(chmod(path, 0600), 0);
}

/* Members and labels byte for byte, in both sets. */
static void public_forms(void **state)
{
    (void)state;
    struct signer s;
    struct ds_error e;
    uint8_t xy64[64];
    char x[48], y[48];
    DS_AUTO(ds_buf_done) struct ds_buf jwk = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf cose = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf want = { 0 };
    assert_int_equal(signer_load(&s, "", &e), DS_OK);
    ds_p256_key_public(xy64, s.key);
    ds_buf_printf(&want,
                  "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\","
                  "\"alg\":\"ES256\",\"use\":\"sig\",\"kid\":\"%s\"}]}",
                  ds_base64url_encode(x, DS_SPAN(xy64, 32)),
                  ds_base64url_encode(y, DS_SPAN(xy64 + 32, 32)), s.kid);
    assert_int_equal(signer_jwk_set(&set, &s, &e), DS_OK);
    assert_string_equal(set.p, want.p);
    assert_int_equal(signer_jwk(&jwk, &s, &e), DS_OK);
    assert_non_null(strstr(set.p, jwk.p));
    assert_int_equal(signer_cose_key_set(&cose, &s, &e), DS_OK);
    /* [{1: 2, 2: kid, 3: -7, -1: 1, -2: x, -3: y}] */
    assert_int_equal(cose.len, 1 + 1 + 2 + 3 + SIGNER_KID_LEN + 2 + 2 + 3 + 32 + 3 + 32);
    assert_memory_equal(cose.p, "\x81\xa6\x01\x02\x02\x58\x2b", 7);
    assert_memory_equal(cose.p + 7, s.kid, SIGNER_KID_LEN);
    assert_memory_equal(cose.p + 7 + SIGNER_KID_LEN, "\x03\x26\x20\x01\x21\x58\x20", 7);
    assert_memory_equal(cose.p + 14 + SIGNER_KID_LEN, xy64, 32);
    assert_memory_equal(cose.p + cose.len - 32, xy64 + 32, 32);
    signer_done(&s);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL || setenv("DSTACK_STATE", dir, 1) != 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_once),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(public_forms),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

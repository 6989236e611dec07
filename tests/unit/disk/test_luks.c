/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data disk on a plain file: formatting, probing, and the headers that must
 * be refused. Activation needs device-mapper and is tested in a VM.
 */
#include "disk/luks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <unistd.h>

#include "base/file.h"

#define KEY  DS_SPAN_LIT("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
#define KEY2 DS_SPAN_LIT("ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")

static char dir[] = "/tmp/ds-luks-XXXXXX";
static char disk[64], copy[64];

static void fresh_disk(void)
{
    int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 32 * 1024 * 1024), 0);
    assert_int_equal(close(fd), 0);
}

static void poke(off_t at, const char *bytes, size_t n)
{
    int fd = open(disk, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    assert_int_equal(close(fd), 0);
}

static void test_probe(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    enum disk_content c;
    fresh_disk();
    assert_int_equal(disk_content_probe(&c, disk, &e), DS_OK);
    assert_int_equal(c, DISK_CONTENT_EMPTY);
    poke(65535, "x", 1);
    assert_int_equal(disk_content_probe(&c, disk, &e), DS_OK);
    assert_int_equal(c, DISK_CONTENT_OTHER);
    assert_int_equal(disk_luks_format(disk, KEY, &e), DS_OK);
    assert_int_equal(disk_content_probe(&c, disk, &e), DS_OK);
    assert_int_equal(c, DISK_CONTENT_LUKS);
    assert_int_equal(truncate(disk, 1000), 0);
    assert_int_equal(disk_content_probe(&c, disk, &e), DS_ERR_SYS);
    assert_int_equal(disk_content_probe(&c, "/nowhere", &e), DS_ERR_SYS);
}

/* Formats with one parameter unlike ours. */
struct other {
    const char *name, *cipher, *mode;
    size_t key_len;
    uint32_t rounds;
    uint32_t sector;
    uint64_t align;
    bool second_slot;
    const char *claim; /* that the refusal names */
};

static const struct other others[] = {
    { "another mode", "aes", "xts-plain", 64, 1000, 4096, 32768, false, "cipher mode" },
    { "a shorter key", "aes", "xts-plain64", 32, 1000, 4096, 32768, false, "key bytes" },
    { "more rounds", "aes", "xts-plain64", 64, 1001, 4096, 32768, false, "key slot rounds" },
    { "small sectors", "aes", "xts-plain64", 64, 1000, 512, 32768, false, "sector bytes" },
    { "payload elsewhere", "aes", "xts-plain64", 64, 1000, 4096, 40960, false, "payload sector" },
    { "a second key slot", "aes", "xts-plain64", 64, 1000, 4096, 32768, true, "key slots" },
};

static void make_other(const struct other *o)
{
    struct crypt_device *cd = NULL;
    const struct crypt_pbkdf_type kdf = { .type = CRYPT_KDF_PBKDF2,
                                          .hash = "sha256",
                                          .iterations = o->rounds,
                                          .flags = CRYPT_PBKDF_NO_BENCHMARK };
    struct crypt_params_luks2 p = { .pbkdf = &kdf,
                                    .data_alignment = o->align,
                                    .sector_size = o->sector };
    fresh_disk();
    assert_int_equal(crypt_init(&cd, disk), 0);
    assert_int_equal(crypt_metadata_locking(cd, 0), 0);
    assert_int_equal(crypt_format(cd, CRYPT_LUKS2, o->cipher, o->mode, NULL, NULL, o->key_len, &p),
                     0);
    const char *pass = (const char *)KEY.p;
    assert_int_equal(crypt_keyslot_add_by_volume_key(cd, 0, NULL, 0, pass, KEY.len), 0);
    if (o->second_slot)
        assert_int_equal(crypt_keyslot_add_by_volume_key(cd, 1, NULL, 0, pass, KEY.len), 1);
    crypt_free(cd);
}

static void test_other_headers_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct ds_error e = { 0 };
        make_other(&others[i]);
        bool made;
        int r = disk_luks_open(&made, disk, "ds-test", KEY, copy, &e);
        if (r != DS_ERR_DENIED || strcmp(e.detail.claim, others[i].claim) != 0)
            print_error("%s: %s\n", others[i].name, e.msg);
        assert_int_equal(r, DS_ERR_DENIED);
        assert_int_equal(e.code, DS_CODE_DISK_HEADER_REFUSED);
        assert_string_equal(e.detail.claim, others[i].claim);
    }
}

static void test_broken_header_refused(void **state)
{
    (void)state;
    bool made;
    struct ds_error e = { 0 };
    fresh_disk();
    assert_int_equal(disk_luks_format(disk, KEY, &e), DS_OK);
    /* Both copies of the header: binary areas at 0 and 16 KiB. */
    poke(100, "x", 1);
    poke(0x4000 + 100, "x", 1);
    assert_int_equal(disk_luks_open(&made, disk, "ds-test", KEY, copy, &e), DS_ERR_DENIED);
    assert_int_equal(e.code, DS_CODE_DISK_HEADER_REFUSED);
}

static const char *label_of(char out[48])
{
    struct crypt_device *cd = NULL;
    assert_int_equal(crypt_init(&cd, disk), 0);
    assert_int_equal(crypt_metadata_locking(cd, 0), 0);
    assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
    (void)snprintf(out, 48, "%s", crypt_get_label(cd));
    crypt_free(cd);
    return out;
}

static void test_made_is_marked(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    char label[48];
    fresh_disk();
    assert_int_equal(disk_luks_set_made(disk, &e), DS_ERR_SYS); /* nothing is there to mark */
    assert_int_equal(disk_luks_format(disk, KEY, &e), DS_OK);
    assert_string_equal(label_of(label), "dstack-unmade");
    assert_int_equal(disk_luks_set_made(disk, &e), DS_OK);
    assert_string_equal(label_of(label), "dstack-data");
}

static void test_wrong_key_refused(void **state)
{
    (void)state;
    bool made;
    struct ds_error e = { 0 };
    fresh_disk();
    assert_int_equal(disk_luks_format(disk, KEY, &e), DS_OK);
    assert_int_equal(disk_luks_open(&made, disk, "ds-test", KEY2, copy, &e), DS_ERR_DENIED);
    assert_int_equal(e.code, DS_CODE_DISK_KEY_REFUSED);
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(disk, sizeof disk, "%s/disk", dir);
    (void)snprintf(copy, sizeof copy, "%s/header", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_other_headers_refused),
        cmocka_unit_test(test_broken_header_refused),
        cmocka_unit_test(test_made_is_marked),
        cmocka_unit_test(test_wrong_key_refused),
    };
    return cmocka_run_group_tests_name("disk/luks", tests, setup, teardown);
}

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
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/hash.h"

#define KEY      DS_SPAN_LIT("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
#define DISK_LEN ((off_t)32 * 1024 * 1024)
#define KEY2     DS_SPAN_LIT("ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")

static char dir[] = "/tmp/ds-luks-XXXXXX";
static char disk[64], header[64], fault_file[64];

static void fresh_disk(void)
{
    int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, DISK_LEN), 0);
    assert_int_equal(close(fd), 0);
}

static void poke(off_t at, const char *bytes, size_t n)
{
    int fd = open(disk, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
    assert_int_equal(close(fd), 0);
}

static void make_disk(void)
{
    struct ds_error e = { 0 };
    fresh_disk();
    assert_int_equal(disk_luks_format(header, disk, KEY, &e), DS_OK);
    assert_int_equal(disk_luks_commit(disk, header, &e), DS_OK);
}

static enum disk_content content(void)
{
    enum disk_content c;
    struct ds_error e = { 0 };
    assert_int_equal(disk_content_probe(&c, disk, &e), DS_OK);
    return c;
}

/* A header that is accepted is asked for its key; that comes before device-mapper is needed. */
static int open_with(struct ds_span key, struct ds_error *e)
{
    DS_TRY(disk_luks_copy_header(header, disk, e));
    return disk_luks_open(disk, "ds-test", key, header, e);
}

static void assert_accepted(void)
{
    struct ds_error e = { 0 };
    assert_int_equal(open_with(KEY2, &e), DS_ERR_DENIED);
    assert_int_equal(e.code, DS_CODE_DISK_KEY_REFUSED);
}

static void test_probe(void **state)
{
    static const struct {
        const char *claim;
        bool made; /* else a fresh disk */
        off_t at;
        char byte;
        enum disk_content want;
    } rows[] = {
        { "zeros are a new disk", false, 0, '\0', DISK_CONTENT_EMPTY },
        { "a byte in the first block", false, 4095, 'x', DISK_CONTENT_OTHER },
        { "a byte where the second copy begins", false, 0x4000, 'x', DISK_CONTENT_OTHER },
        { "a byte at the end of its first block", false, 0x4fff, 'x', DISK_CONTENT_OTHER },
        { "behind the first block only what was never whole", false, 4096, 'x',
          DISK_CONTENT_EMPTY },
        { "a made disk", true, 4096, '\0', DISK_CONTENT_LUKS },
        { "a made disk without its magic is not formatted", true, 0, '\0', DISK_CONTENT_OTHER },
    };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        if (rows[i].made)
            make_disk();
        else
            fresh_disk();
        poke(rows[i].at, &rows[i].byte, 1);
        if (content() != rows[i].want)
            fail_msg("%s: %d", rows[i].claim, (int)content());
    }
}

static void test_half_of_a_header_lost(void **state)
{
    static const char zeros[4096];
    (void)state;
    make_disk();
    poke(0, zeros, sizeof zeros);
    assert_int_equal(content(), DISK_CONTENT_OTHER);
    make_disk();
    poke(0x4000, zeros, sizeof zeros);
    assert_int_equal(content(), DISK_CONTENT_LUKS);
    assert_accepted();
}

static void test_unreadable(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    enum disk_content c;
    assert_int_equal(disk_content_probe(&c, "/nowhere", &e), DS_ERR_SYS);
    assert_int_equal(disk_luks_copy_header(header, "/nowhere", &e), DS_ERR_SYS);
    fresh_disk();
    assert_int_equal(truncate(disk, 1000), 0);
    assert_int_equal(disk_content_probe(&c, disk, &e), DS_ERR_SYS);
    assert_int_equal(disk_luks_copy_header(header, disk, &e), DS_ERR_SYS);
    fresh_disk();
    assert_int_equal(truncate(header, 100), 0);
    assert_int_equal(disk_luks_commit(disk, header, &e), DS_ERR_SYS);
    assert_int_equal(content(), DISK_CONTENT_EMPTY);
}

static void test_formatting_leaves_the_disk_alone(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    fresh_disk();
    assert_int_equal(disk_luks_format(header, disk, KEY, &e), DS_OK);
    assert_int_equal(ds_file_load(&bytes, disk, DISK_LEN, &e), DS_OK);
    for (size_t i = 0; i < bytes.len; i++)
        assert_int_equal(bytes.p[i], 0);
}

/* Killed at each step of writing the header: what is found is empty or whole, nothing between. */
static void test_cut_short(void **state)
{
    (void)state;
#ifdef DS_FAULTS
    static const struct {
        const char *point;
        enum disk_content want;
    } rows[] = {
        { "disk.header.before", DISK_CONTENT_EMPTY },
        { "disk.header.body", DISK_CONTENT_EMPTY },
        { "disk.header.primary", DISK_CONTENT_LUKS },
        { "disk.header.whole", DISK_CONTENT_LUKS },
    };
    struct ds_error e = { 0 };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        fresh_disk();
        assert_int_equal(disk_luks_format(header, disk, KEY, &e), DS_OK);
        assert_int_equal(ds_file_save(fault_file, ds_span_str(rows[i].point), 0600, "test.fault",
                                      &e),
                         DS_OK);
        pid_t child = fork();
        if (child == 0) {
            (void)setenv("DSTACK_FAULT_FILE", fault_file, 1);
            _exit(disk_luks_commit(disk, header, &e) == DS_OK ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        if (content() != rows[i].want)
            fail_msg("%s: %d", rows[i].point, (int)content());
        if (content() == DISK_CONTENT_LUKS) {
            assert_accepted();
            continue;
        }
        assert_int_equal(disk_luks_commit(disk, header, &e), DS_OK);
        assert_accepted();
    }
#else
    skip(); /* only the build with fault hooks can die here */
#endif
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
    { "another mode", "aes", "xts-plain", 64, 1000, 4096, 32768, false, "cipher" },
    { "a shorter key", "aes", "xts-plain64", 32, 1000, 4096, 32768, false, "key bytes" },
    { "more rounds", "aes", "xts-plain64", 64, 1001, 4096, 32768, false, "key slot rounds" },
    { "small sectors", "aes", "xts-plain64", 64, 1000, 512, 32768, false, "sector bytes" },
    { "payload elsewhere", "aes", "xts-plain64", 64, 1000, 4096, 40960, false, "payload offset" },
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
    for (size_t i = 0; i < DS_LEN(others); i++) {
        struct ds_error e = { 0 };
        make_other(&others[i]);
        int r = open_with(KEY, &e);
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
    struct ds_error e = { 0 };
    make_disk();
    /* Both copies of the header: binary areas at 0 and 16 KiB. */
    poke(100, "x", 1);
    poke(0x4000 + 100, "x", 1);
    assert_int_equal(open_with(KEY, &e), DS_ERR_DENIED);
    assert_int_equal(e.code, DS_CODE_DISK_HEADER_REFUSED);
}

static void test_wrong_key_refused(void **state)
{
    (void)state;
    make_disk();
    assert_accepted();
}

/* LUKS2 On-Disk Format 2.1: the header's checksum is over header and JSON with itself as zeros. */
#define HEADER_LEN   0x4000
#define CHECKSUM_AT  448
#define CHECKSUM_LEN 64

/* Changes a text of the JSON into one of the same length, in both headers, checksums made right. */
static void forge(const char *from, const char *to)
{
    static uint8_t head[HEADER_LEN];
    size_t n = strlen(from);
    assert_int_equal(n, strlen(to));
    int fd = open(header, O_RDWR | O_CLOEXEC);
    for (off_t at = 0; at <= HEADER_LEN; at += HEADER_LEN) {
        assert_int_equal(pread(fd, head, sizeof head, at), sizeof head);
        uint8_t *text = memmem(head, sizeof head, from, n);
        assert_non_null(text);
        memcpy(text, to, n);
        memset(head + CHECKSUM_AT, 0, CHECKSUM_LEN);
        assert_int_equal(ds_hash(DS_SHA256, head + CHECKSUM_AT, DS_SPAN_OF(head), NULL), DS_OK);
        assert_int_equal(pwrite(fd, head, sizeof head, at), sizeof head);
    }
    assert_int_equal(close(fd), 0);
}

/* Headers that libcryptsetup loads, but does not write: a host makes them by hand. */
static void test_forged_headers_refused(void **state)
{
    static const struct {
        const char *name, *from, *to, *claim;
    } rows[] = {
        { "a key slot that any passphrase opens", "\"encryption\":\"aes-xts-plain64\"",
          "\"encryption\":\"cipher_null-ecb\"", "key slot cipher" },
        { "data that is not encrypted", "\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\"",
          "\"iv_tweak\":\"0\",\"encryption\":\"cipher_null-ecb\"", "cipher" },
        { "another initial vector", "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"8\"", "iv offset" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_error e = { 0 };
        fresh_disk();
        assert_int_equal(disk_luks_format(header, disk, KEY, &e), DS_OK);
        forge(rows[i].from, rows[i].to);
        if (disk_luks_open(disk, "ds-test", KEY, header, &e) != DS_ERR_DENIED ||
            strcmp(e.detail.claim, rows[i].claim) != 0)
            fail_msg("%s: %s", rows[i].name, e.msg);
        assert_int_equal(e.code, DS_CODE_DISK_HEADER_REFUSED);
    }
}

static int setup(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(disk, sizeof disk, "%s/disk", dir);
    (void)snprintf(header, sizeof header, "%s/header", dir);
    (void)snprintf(fault_file, sizeof fault_file, "%s/fault", dir);
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
        cmocka_unit_test(test_forged_headers_refused),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_half_of_a_header_lost),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_formatting_leaves_the_disk_alone),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_other_headers_refused),
        cmocka_unit_test(test_broken_header_refused),
        cmocka_unit_test(test_wrong_key_refused),
    };
    return cmocka_run_group_tests_name("disk/luks", tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making verity volumes: root and padding against values worked out by hand
 * from the hash-tree layout. Opening needs device-mapper and is tested in a VM.
 */
#include "disk/verity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hex.h"

static char dir[] = "/tmp/ds-verity-XXXXXX";

struct row {
    const char *name;
    size_t len;        /* bytes of 'a' in the file */
    uint64_t blocks;   /* expected */
    uint64_t file_len; /* expected afterwards */
    const char *root;
};

/* One block: the root is SHA-256 of the block. Two blocks: SHA-256 of the hash block that holds
 * both digests and zeros. */
static const struct row rows[] = {
    { "one whole block", 4096, 1, 4096,
      "c93eee2d0db02f10acc7460d9576e122dcf8cd53c4bf8dfcae1b3e74ebcfff5a" },
    { "one byte more", 4097, 2, 3 * 4096, NULL },
    { "one byte", 1, 1, 4096, NULL },
    { "129 blocks need two levels", 129 * 4096, 129, (129 + 3) * 4096, NULL },
};

static void test_make(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        char path[64];
        (void)snprintf(path, sizeof path, "%s/v%zu", dir, i);
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        for (size_t k = 0; k < rows[i].len; k++)
            ds_buf_char(&b, 'a');
        assert_int_equal(ds_file_save(path, ds_buf_span(&b), 0600, "test", &e), DS_OK);
        struct disk_verity v;
        int r = disk_verity_make(&v, path, &e);
        if (r != DS_OK)
            print_error("%s: %s\n", rows[i].name, e.msg);
        assert_int_equal(r, DS_OK);
        assert_int_equal(v.n_blocks, rows[i].blocks);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal((uint64_t)st.st_size, rows[i].file_len);
        if (rows[i].root != NULL)
            assert_string_equal(DS_HEX(DS_SPAN_OF(v.root32)), rows[i].root);
    }
}

static void test_root_covers_each_byte(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct disk_verity a, b;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/flip", dir);
    uint8_t data[8192] = { 0 };
    assert_int_equal(ds_file_save(path, DS_SPAN_OF(data), 0600, "test", &e), DS_OK);
    assert_int_equal(disk_verity_make(&a, path, &e), DS_OK);
    for (size_t at = 0; at < sizeof data; at += 1365) {
        data[at] ^= 1;
        assert_int_equal(ds_file_save(path, DS_SPAN_OF(data), 0600, "test", &e), DS_OK);
        assert_int_equal(disk_verity_make(&b, path, &e), DS_OK);
        assert_memory_not_equal(a.root32, b.root32, sizeof a.root32);
        data[at] ^= 1;
    }
}

static void test_missing_file(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct disk_verity v;
    assert_int_equal(disk_verity_make(&v, "/nowhere/at/all", &e), DS_ERR_SYS);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_root_covers_each_byte),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests_name("disk/verity", tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host-shared archive: which files, in which order, how large.
 */
#include "vmm/share.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "codec/tar.h"

struct row {
    const char *claim;
    enum vmm_share_file oversize; /* VMM_SHARE_N: none */
    unsigned absent;              /* bits of files that are not there */
    int err;
};

static const struct row rows[] = {
    { "all files", VMM_SHARE_N, 0, DS_OK },
    { "only the required ones", VMM_SHARE_N, 1u << 2 | 1u << 3 | 1u << 4, DS_OK },
    { "no app-compose", VMM_SHARE_N, 1u << VMM_SHARE_APP_COMPOSE, DS_ERR_NOTFOUND },
    { "no sys-config", VMM_SHARE_N, 1u << VMM_SHARE_SYS_CONFIG, DS_ERR_NOTFOUND },
    { "app-compose one over", VMM_SHARE_APP_COMPOSE, 0, DS_ERR_RANGE },
    { "sys-config one over", VMM_SHARE_SYS_CONFIG, 0, DS_ERR_RANGE },
    { "instance info one over", VMM_SHARE_INSTANCE_INFO, 0, DS_ERR_RANGE },
    { "encrypted env one over", VMM_SHARE_ENCRYPTED_ENV, 0, DS_ERR_RANGE },
    { "user config one over", VMM_SHARE_USER_CONFIG, 0, DS_ERR_RANGE },
};

static void check_members(struct ds_span archive, const struct row *row)
{
    struct ds_error e = { 0 };
    struct ds_reader r = ds_reader_of(archive);
    for (size_t i = 0; i < VMM_SHARE_N; i++) {
        struct ds_tar_member m;
        bool more = false;
        if ((row->absent >> i & 1) != 0)
            continue;
        assert_int_equal(ds_tar_next(&m, &more, &r, &e), DS_OK);
        assert_true(more);
        assert_string_equal(m.name, vmm_share_rows[i].name);
        assert_int_equal(m.content.len, i);
    }
}

static void test_rows(void **state)
{
    (void)state;
    static uint8_t content[(50u << 20) + 1];
    for (size_t k = 0; k < DS_LEN(rows); k++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        struct ds_span files[VMM_SHARE_N] = { 0 };
        for (size_t i = 0; i < VMM_SHARE_N; i++)
            if ((rows[k].absent >> i & 1) == 0)
                files[i] = DS_SPAN(content, i == rows[k].oversize ? vmm_share_rows[i].max + 1 : i);
        if (vmm_share_encode(&b, files, &e) != rows[k].err)
            fail_msg("%s: %s", rows[k].claim, e.msg);
        assert_int_equal(b.len % DS_TAR_BLOCK, 0);
        if (rows[k].err == DS_OK)
            check_members(ds_buf_span(&b), &rows[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

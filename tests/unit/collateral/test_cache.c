/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an entry is renewed, by a given clock; and that only what checks out is
 * taken from the directory.
 */
#include "collateral/cache.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "kit.h"

static struct kit kit;

/* A document of 30 days, and certificates that begin before and end later. */
static void test_age(void **unused)
{
    static const struct {
        const char *name;
        int64_t written_s, now_s;
        enum collateral_age age;
    } rows[] = {
        { "a second before it begins", 0, NOW_S - 1, COLLATERAL_EARLY },
        { "when it begins", 0, NOW_S, COLLATERAL_FRESH },
        { "a second before two thirds", 0, NOW_S + 20 * DAY_S - 1, COLLATERAL_FRESH },
        { "at two thirds", 0, NOW_S + 20 * DAY_S, COLLATERAL_DUE },
        { "in its last second", 0, NOW_S + 30 * DAY_S, COLLATERAL_DUE },
        { "a second after its end", 0, NOW_S + 30 * DAY_S + 1, COLLATERAL_ENDED },
        { "written just now", NOW_S + 25 * DAY_S, NOW_S + 25 * DAY_S, COLLATERAL_FRESH },
        { "written 59 minutes ago", NOW_S + 25 * DAY_S - 3599, NOW_S + 25 * DAY_S,
          COLLATERAL_FRESH },
        { "written an hour ago", NOW_S + 25 * DAY_S - 3600, NOW_S + 25 * DAY_S, COLLATERAL_DUE },
        { "written tomorrow, by a clock that was wrong", NOW_S + 26 * DAY_S, NOW_S + 25 * DAY_S,
          COLLATERAL_DUE },
        { "written just now, and ended", NOW_S + 31 * DAY_S, NOW_S + 31 * DAY_S, COLLATERAL_ENDED },
    };
    const struct collateral_facts f = {
        .items = { { .name = "root", .from_s = 0, .until_s = NOW_S + 4000 * DAY_S },
                   { .name = "tcb_info", .from_s = NOW_S, .until_s = NOW_S + 30 * DAY_S } },
        .n_items = 2,
        .ends_first = 1,
        .begins_last = 1,
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (collateral_age_of(&f, rows[i].written_s, rows[i].now_s) != rows[i].age)
            fail_msg("%s", rows[i].name);
}

static struct collateral_ask ask_good(void)
{
    struct collateral_ask ask = { .kind = COLLATERAL_TDX };
    memcpy(ask.pcs.fmspc6, simtee_platform.fmspc6, 6);
    return ask;
}

static int load(const char *dir, const struct collateral_ask *ask, struct ds_error *e)
{
    struct collateral_entry entry = { 0 };
    struct ds_arena mem = kit_mem(&kit);
    int r = collateral_cache_load(&entry, &mem, dir, ask, &kit.anchors, e);
    assert_true(r < 0 || ds_span_eq(ds_buf_span(&entry.set), kit_set(&kit)));
    assert_true(r == DS_OK || entry.set.p == NULL);
    collateral_entry_done(&entry);
    return r;
}

static void test_directory(void **unused)
{
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s/cache", kit.dir);
    struct collateral_ask ask = ask_good(), other = ask_good();
    struct ds_error e = { 0 };
    struct stat st;
    (void)unused;
    assert_int_equal(load(dir, &ask, &e), DS_ERR_NOTFOUND);
    assert_int_equal(collateral_cache_save(dir, &ask, kit_set(&kit), &e), DS_OK);
    assert_int_equal(load(dir, &ask, &e), DS_OK);
    other.pcs.eval_number = 9;
    assert_int_equal(load(dir, &other, &e), DS_ERR_NOTFOUND);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    /* A set of one platform under the name of another. */
    other = ask_good();
    other.pcs.fmspc6[0] ^= 1;
    assert_int_equal(collateral_cache_save(dir, &other, kit_set(&kit), &e), DS_OK);
    assert_int_equal(load(dir, &other, &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_COLLATERAL_SET_FORMAT);
    /* Under another root it is not anyone's. */
    kit.extra.spki_sha256[0] ^= 1;
    assert_int_equal(load(dir, &ask, &e), DS_ERR_UNTRUSTED);
    kit.extra.spki_sha256[0] ^= 1;
    /* Changed, cut, and a directory in its place. */
    DS_AUTO(ds_buf_done) struct ds_buf bad = { 0 };
    kit_set_with(&bad, &kit, "pck_crl", "3000");
    assert_int_equal(collateral_cache_save(dir, &ask, ds_buf_span(&bad), &e), DS_OK);
    assert_int_equal(load(dir, &ask, &e), DS_ERR_FORMAT);
    struct ds_span cut = kit_set(&kit);
    cut.len--;
    assert_int_equal(collateral_cache_save(dir, &ask, cut, &e), DS_OK);
    assert_int_equal(load(dir, &ask, &e), DS_ERR_TRUNCATED);
    assert_int_equal(collateral_cache_save(dir, &ask, kit_set(&kit), &e), DS_OK);
    assert_int_equal(load(dir, &ask, &e), DS_OK);
    assert_int_equal(collateral_cache_save("/proc/none", &ask, kit_set(&kit), &e), DS_ERR_SYS);
}

static size_t count(const char *dir, const char *start)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *x = readdir(d); x != NULL; x = readdir(d))
        n += ds_str_starts(x->d_name, start);
    assert_int_equal(closedir(d), 0);
    return n;
}

/* Whoever names TCBs of a chip fills no disk, and displaces no other documents. */
static void test_chips_are_bounded(void **unused)
{
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s/chips", kit.dir);
    struct collateral_ask ask = ask_good();
    struct ds_error e = { 0 };
    struct stat st;
    char first[COLLATERAL_KEY_MAX], path[COLLATERAL_KEY_MAX + 64];
    (void)unused;
    assert_int_equal(collateral_cache_save(dir, &ask, DS_SPAN_LIT("{}"), &e), DS_OK);
    ask = (struct collateral_ask){ .kind = COLLATERAL_SNP, .kds = { .product = "Milan" } };
    collateral_ask_key(first, &ask);
    for (unsigned i = 0; i < COLLATERAL_CHIPS_MAX + 2; i++) {
        ask.kds.ucode_spl = (uint8_t)i;
        ask.kds.snp_spl = (uint8_t)(i >> 8);
        if (collateral_cache_save(dir, &ask, DS_SPAN_LIT("{}"), &e) < 0)
            fail_msg("%s", e.msg);
    }
    assert_int_equal(count(dir, "snp-"), COLLATERAL_CHIPS_MAX);
    assert_int_equal(count(dir, "tdx-"), 1);
    (void)snprintf(path, sizeof path, "%s/%s.json", dir, first);
    assert_int_equal(stat(path, &st), -1);
    collateral_ask_key(first, &ask);
    (void)snprintf(path, sizeof path, "%s/%s.json", dir, first);
    assert_int_equal(stat(path, &st), 0);
}

static void test_keys(void **unused)
{
    static const struct {
        struct collateral_ask ask;
        const char *key;
    } rows[] = {
        { { .kind = COLLATERAL_TDX }, "tdx-000000000000-platform" },
        { { .kind = COLLATERAL_SGX, .pcs = { .is_sgx = true, .ca = PCS_CA_PROCESSOR } },
          "sgx-000000000000-processor" },
        { { .kind = COLLATERAL_TDX, .pcs = { .is_early = true } },
          "tdx-000000000000-platform-early" },
        { { .kind = COLLATERAL_TDX, .pcs = { .eval_number = 17, .is_early = true } },
          "tdx-000000000000-platform-17" },
    };
    char key[COLLATERAL_KEY_MAX], again[COLLATERAL_KEY_MAX];
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        collateral_ask_key(key, &rows[i].ask);
        assert_string_equal(key, rows[i].key);
    }
    /* Chip and every part of the TCB make another name. */
    struct collateral_ask ask = { .kind = COLLATERAL_SNP, .kds = { .product = "Milan" } };
    collateral_ask_key(key, &ask);
    assert_true(ds_str_starts(key, "snp-milan-vcek-"));
    uint8_t *const parts[] = { &ask.kds.chip_id64[63], &ask.kds.bl_spl,    &ask.kds.tee_spl,
                               &ask.kds.snp_spl,       &ask.kds.ucode_spl, &ask.kds.fmc_spl };
    for (size_t i = 0; i < DS_LEN(parts); i++) {
        ++*parts[i];
        collateral_ask_key(again, &ask);
        assert_string_not_equal(key, again);
        --*parts[i];
    }
    ask.kds.is_vlek = true;
    collateral_ask_key(again, &ask);
    assert_true(ds_str_starts(again, "snp-milan-vlek-"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_chips_are_bounded),
        cmocka_unit_test(test_keys),
    };
    kit_open(&kit, COLLATERAL_CHECK_MEM);
    int n = cmocka_run_group_tests(tests, NULL, NULL);
    kit_close(&kit);
    return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of collateral sets: which set is found, which replaces which.
 */
#include "collateral/collateral.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "codec/json_write.h"

static void add_components(struct ds_jw *w, const char *key)
{
    ds_jw_array(w, key);
    for (int i = 0; i < 16; i++) {
        ds_jw_object(w, NULL);
        ds_jw_u64(w, "svn", 1);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void add_module(struct ds_jw *w)
{
    const uint8_t zeros[48] = { 0 };
    ds_jw_hex(w, "mrsigner", DS_SPAN(zeros, 48));
    ds_jw_hex(w, "attributes", DS_SPAN(zeros, 8));
    ds_jw_hex(w, "attributesMask", DS_SPAN(zeros, 8));
}

static void add_status(struct ds_jw *w)
{
    ds_jw_object_end(w); /* tcb */
    ds_jw_str(w, "tcbDate", "2026-01-01T00:00:00Z");
    ds_jw_str(w, "tcbStatus", "UpToDate");
    ds_jw_object_end(w);
    ds_jw_array_end(w);
}

static void add_levels(struct ds_jw *w)
{
    ds_jw_array(w, "tcbLevels");
    ds_jw_object(w, NULL);
    ds_jw_object(w, "tcb");
}

/* The least TCB info that parses, in a set of its own. */
static char *set_of(unsigned fmspc, const char *issued)
{
    const uint8_t fmspc6[6] = { 0, 0, 0, 0, (uint8_t)(fmspc >> 8), (uint8_t)fmspc };
    DS_AUTO(ds_buf_done) struct ds_buf info = { 0 };
    struct ds_buf set = { 0 };
    struct ds_jw w = ds_jw_of(&info), outer = ds_jw_of(&set);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", "TDX");
    ds_jw_u64(&w, "version", 3);
    ds_jw_str(&w, "issueDate", issued);
    ds_jw_str(&w, "nextUpdate", "2030-01-01T00:00:00Z");
    ds_jw_hex(&w, "fmspc", DS_SPAN_OF(fmspc6));
    ds_jw_str(&w, "pceId", "0000");
    ds_jw_u64(&w, "tcbType", 0);
    ds_jw_u64(&w, "tcbEvaluationDataNumber", 1);
    ds_jw_object(&w, "tdxModule");
    add_module(&w);
    ds_jw_object_end(&w);
    ds_jw_array(&w, "tdxModuleIdentities");
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", "TDX_01");
    add_module(&w);
    add_levels(&w);
    ds_jw_u64(&w, "isvsvn", 1);
    add_status(&w);
    ds_jw_object_end(&w);
    ds_jw_array_end(&w);
    add_levels(&w);
    add_components(&w, "sgxtcbcomponents");
    ds_jw_u64(&w, "pcesvn", 1);
    add_components(&w, "tdxtcbcomponents");
    add_status(&w);
    ds_jw_object_end(&w);
    ds_jw_object(&outer, NULL);
    ds_jw_text(&outer, "tcb_info", ds_buf_span(&info));
    ds_jw_object_end(&outer);
    return ds_buf_take(&set);
}

static int add(struct collateral *c, unsigned fmspc, const char *issued)
{
    struct ds_error e = { 0 };
    DS_AUTO(ds_auto_free) char *json = set_of(fmspc, issued);
    return collateral_add(c, ds_span_str(json), &e);
}

static bool holds(const struct collateral *c, unsigned fmspc, const char *issued)
{
    const uint8_t fmspc6[6] = { 0, 0, 0, 0, (uint8_t)(fmspc >> 8), (uint8_t)fmspc };
    DS_AUTO(ds_auto_free) char *json = issued != NULL ? set_of(fmspc, issued) : NULL;
    struct ds_span got = collateral_find(c, fmspc6);
    return json == NULL ? got.p == NULL : ds_span_eq_str(got, json);
}

static void test_choose(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(collateral_free_auto) struct collateral *c = NULL;
    assert_int_equal(collateral_new(&c, &e), DS_OK);
    assert_true(holds(c, 1, NULL));
    assert_int_equal(add(c, 1, "2026-01-02T00:00:00Z"), DS_OK);
    assert_int_equal(add(c, 2, "2026-01-03T00:00:00Z"), DS_OK);
    assert_true(holds(c, 1, "2026-01-02T00:00:00Z"));
    assert_true(holds(c, 2, "2026-01-03T00:00:00Z"));
    assert_true(holds(c, 3, NULL));
    /* An older set does not undo a newer one. */
    assert_int_equal(add(c, 1, "2026-01-01T00:00:00Z"), DS_OK);
    assert_true(holds(c, 1, "2026-01-02T00:00:00Z"));
    assert_int_equal(add(c, 1, "2026-02-01T00:00:00Z"), DS_OK);
    assert_true(holds(c, 1, "2026-02-01T00:00:00Z"));
    assert_true(holds(c, 2, "2026-01-03T00:00:00Z"));
}

static void test_full(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(collateral_free_auto) struct collateral *c = NULL;
    assert_int_equal(collateral_new(&c, &e), DS_OK);
    for (unsigned i = 0; i < COLLATERAL_SETS_MAX; i++)
        assert_int_equal(add(c, i, "2026-01-01T00:00:00Z"), DS_OK);
    assert_int_equal(add(c, COLLATERAL_SETS_MAX, "2026-01-01T00:00:00Z"), DS_ERR_RANGE);
    assert_int_equal(add(c, 5, "2026-01-02T00:00:00Z"), DS_OK);
    assert_true(holds(c, 5, "2026-01-02T00:00:00Z"));
}

static void test_refused(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(collateral_free_auto) struct collateral *c = NULL;
    static const char *const bad[] = {
        "", "{", "[]", "{}", "{\"tcb_info\":7}", "{\"tcb_info\":\"\"}", "{\"tcb_info\":\"{}\"}"
    };
    assert_int_equal(collateral_new(&c, &e), DS_OK);
    for (size_t i = 0; i < DS_LEN(bad); i++)
        if (collateral_add(c, ds_span_str(bad[i]), &e) == DS_OK)
            fail_msg("'%s' was taken", bad[i]);
    DS_AUTO(ds_auto_free) char *long_text = calloc(1, COLLATERAL_LEN_MAX + 1);
    assert_int_equal(collateral_add(c, DS_SPAN(long_text, COLLATERAL_LEN_MAX + 1), &e),
                     DS_ERR_RANGE);
    assert_int_equal(collateral_add_file(c, "/nowhere", &e), DS_ERR_NOTFOUND);
    assert_int_equal(add(c, 1, "2026-13-01T00:00:00Z"), DS_ERR_FORMAT);
    assert_true(holds(c, 1, NULL));
}

/* A vendor's own document, where the vectors are at hand. */
static void test_vendor(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    const uint8_t fmspc6[6] = { 0xb0, 0xc0, 0x6f, 0, 0, 0 };
    const char *vectors = secure_getenv("DSTACK_VECTORS");
    DS_AUTO(ds_auto_free)
    char *path = vectors != NULL ? ds_str_fmt("%s/tdx/dcapqvl_tdx_v4.collateral.json", vectors)
                                 : NULL;
    DS_AUTO(collateral_free_auto) struct collateral *c = NULL;
    if (path == NULL) {
        print_message("DSTACK_VECTORS is not set\n");
        skip();
    }
    assert_int_equal(collateral_new(&c, &e), DS_OK);
    assert_int_equal(collateral_add_file(c, path, &e), DS_OK);
    assert_non_null(collateral_find(c, fmspc6).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_vendor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

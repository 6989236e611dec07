/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of codes: every row is whole, findable by its id, and says something to a person.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/codes.h"
#include "base/scope.h"

static bool is_dotted(const char *id)
{
    bool has_dot = false;
    for (const char *p = id; *p != '\0'; p++) {
        if (*p == '.') {
            has_dot = true;
            if (p == id || p[-1] == '.' || p[1] == '\0')
                return false;
        } else if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_') {
            return false;
        }
    }
    return has_dot;
}

/* A clause of a sentence: it has words, no full stop at its end, and only printable ASCII. */
static bool is_clause(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return n >= 8 && strchr(text, ' ') != NULL && text[n - 1] != '.' && text[n - 1] != ' ';
}

static void every_row_is_whole(void **state)
{
    (void)state;
    for (int i = 1; i < DS_CODE_COUNT; i++) {
        const struct ds_code_info *row = ds_code_info_get((enum ds_code)i);
        if (!is_dotted(row->id))
            fail_msg("row %d: \"%s\" is not of the form room.what_failed", i, row->id);
        if (!is_clause(row->what))
            fail_msg("%s: what: \"%s\"", row->id, row->what);
        if (!is_clause(row->why))
            fail_msg("%s: why: \"%s\"", row->id, row->why);
        if (!is_clause(row->fix))
            fail_msg("%s: fix: \"%s\"", row->id, row->fix);
    }
}

static void every_id_finds_its_row(void **state)
{
    (void)state;
    for (int i = 1; i < DS_CODE_COUNT; i++)
        assert_int_equal(ds_code_find(ds_code_info_get((enum ds_code)i)->id), i);
}

static void other_ids_find_nothing(void **state)
{
    (void)state;
    static const char *const ids[] = { "",
                                       "file",
                                       "file.",
                                       "file.too_larg",
                                       "file.too_large2",
                                       "FILE.TOO_LARGE",
                                       "FILE_TOO_LARGE",
                                       " file.too_large" };
    for (size_t i = 0; i < DS_LEN(ids); i++)
        assert_int_equal(ds_code_find(ids[i]), DS_CODE_NONE);
}

static void no_code_and_wrong_codes_have_empty_texts(void **state)
{
    (void)state;
    const int wrong[] = { DS_CODE_NONE, DS_CODE_COUNT, DS_CODE_COUNT + 1, 0x7fffffff, -1 };
    for (size_t i = 0; i < DS_LEN(wrong); i++) {
        /* A value from outside, as a decoder could hand it over. */
        enum ds_code code;
        memcpy(&code, &wrong[i], sizeof code);
        const struct ds_code_info *row = ds_code_info_get(code);
        assert_string_equal(row->id, "");
        assert_string_equal(row->what, "");
        assert_string_equal(row->why, "");
        assert_string_equal(row->fix, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(every_id_finds_its_row),
        cmocka_unit_test(other_ids_find_nothing),
        cmocka_unit_test(no_code_and_wrong_codes_have_empty_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

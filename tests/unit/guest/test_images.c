/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images may run: those on measured volumes and those named by digest.
 */
#include "guest/images.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "codec/json.h"

#define DIGEST "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct row {
    const char *name, *compose;
    bool allow_tags;
    int err;
};

static const struct row rows[] = {
    { "on a volume", "{\"services\":{\"a\":{\"image\":\"hello:latest\"}}}", false, DS_OK },
    { "by digest", "{\"services\":{\"a\":{\"image\":\"reg.example/x" DIGEST "\"}}}", false, DS_OK },
    { "by tag", "{\"services\":{\"a\":{\"image\":\"nginx:1\"}}}", false, DS_ERR_DENIED },
    { "by tag, allowed", "{\"services\":{\"a\":{\"image\":\"nginx:1\"}}}", true, DS_OK },
    { "the second one by tag",
      "{\"services\":{\"a\":{\"image\":\"hello:latest\"},\"b\":{\"image\":\"nginx\"}}}", false,
      DS_ERR_DENIED },
    { "a name like the volume's", "{\"services\":{\"a\":{\"image\":\"hello:latest2\"}}}", false,
      DS_ERR_DENIED },
    { "a digest cut short", "{\"services\":{\"a\":{\"image\":\"x@sha256:0123456789abcdef\"}}}",
      false, DS_ERR_DENIED },
    { "a digest alone", "{\"services\":{\"a\":{\"image\":\"" DIGEST "\"}}}", false, DS_ERR_DENIED },
    { "no image", "{\"services\":{\"a\":{\"build\":\".\"}}}", false, DS_ERR_DENIED },
    { "a variable for a digest",
      "{\"services\":{\"a\":{\"image\":\"x@sha256:${A:-56789abcdef0123456789abcdef0123456789abcdef"
      "01234567890123}\"}}}",
      false, DS_ERR_DENIED },
    { "built as well", "{\"services\":{\"a\":{\"image\":\"hello:latest\",\"build\":\".\"}}}", false,
      DS_ERR_DENIED },
    { "built as well, allowed",
      "{\"services\":{\"a\":{\"image\":\"hello:latest\",\"build\":\".\"}}}", true, DS_OK },
    { "extends another file",
      "{\"services\":{\"a\":{\"image\":\"hello:latest\",\"extends\":{\"file\":\"b\"}}}}", false,
      DS_ERR_DENIED },
    { "pulled always",
      "{\"services\":{\"a\":{\"image\":\"hello:latest\",\"pull_policy\":\"always\"}}}", false,
      DS_ERR_DENIED },
    { "pulled never",
      "{\"services\":{\"a\":{\"image\":\"hello:latest\",\"pull_policy\":\"never\"}}}", false,
      DS_OK },
    { "includes another file",
      "{\"include\":[\"oci://reg.example/x\"],\"services\":{\"a\":{\"image\":\"hello:latest\"}}}",
      false, DS_ERR_DENIED },
    { "no services", "{}", false, DS_ERR_FORMAT },
    { "services an array", "{\"services\":[]}", false, DS_ERR_FORMAT },
};

static void test_rows(void **state)
{
    (void)state;
    static struct app_compose app = { .n_image_volumes = 1 };
    app.image_volumes[0].image = DS_SPAN_LIT("hello:latest");
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_json_tok toks[64];
        struct ds_error e = { 0 };
        assert_int_equal(ds_json_parse(toks, 64, ds_span_str(rows[i].compose), &e), DS_OK);
        app.allow_tags = rows[i].allow_tags;
        int r = guest_images_check(toks, &app, &e);
        if (r != rows[i].err)
            print_error("%s: %d %s\n", rows[i].name, r, e.msg);
        assert_int_equal(r, rows[i].err);
        if (r == DS_ERR_DENIED)
            assert_int_equal(e.code, DS_CODE_GUEST_IMAGE_TAG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
    return cmocka_run_group_tests_name("guest/images", tests, NULL, NULL);
}

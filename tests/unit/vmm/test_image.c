/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images on disk: what is read of a good one, and that a broken one, or one that
 * leads out of its directory, is refused by name.
 */
#include "kit.h"

#include "vmm/image.h"

static int load(struct vmm_image *ret, const struct kit *k, const char *name, struct ds_error *e)
{
    char images[VMM_PATH_LEN];
    return vmm_image_load(ret, kit_path(images, k, "images"), name, vmm_machine_find("null"), e);
}

static void test_a_good_one(void **state)
{
    const struct kit *k = *state;
    struct vmm_image img;
    char want[VMM_PATH_LEN];
    kit_image(k, "good", KIT_METADATA);
    kit_put(k, "images/good/digest.txt",
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0600);
    assert_int_equal(load(&img, k, "good", NULL), DS_OK);
    assert_string_equal(img.kernel, kit_path(want, k, "images/good/bzImage"));
    assert_string_equal(img.firmware, kit_path(want, k, "images/good/ovmf.fd"));
    assert_string_equal(img.cmdline, "console=ttyS0");
    assert_string_equal(img.version, "1.2.3");
    assert_string_equal(img.digest,
                        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    assert_true(img.is_dev);
    assert_false(img.shared_ro);
}

static void test_a_damaged_digest_is_none(void **state)
{
    static const char *const rows[] = {
        "",
        "0011",
        "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };
    const struct kit *k = *state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct vmm_image img;
        kit_image(k, "good", KIT_METADATA);
        kit_put(k, "images/good/digest.txt", rows[i], 0600);
        assert_int_equal(load(&img, k, "good", NULL), DS_OK);
        assert_string_equal(img.digest, "");
    }
}

static const struct {
    const char *claim, *metadata;
    enum ds_code code;
} broken[] = {
    { "no JSON", "{", DS_CODE_VMM_IMAGE_BROKEN },
    { "empty", "", DS_CODE_VMM_IMAGE_BROKEN },
    { "no object", "[]", DS_CODE_VMM_IMAGE_BROKEN },
    { "no kernel",
      "{\"bios\":\"ovmf.fd\",\"initrd\":\"initrd\",\"rootfs\":\"rootfs\","
      "\"cmdline\":\"x\"}",
      DS_CODE_VMM_IMAGE_BROKEN },
    { "a kernel that is no text",
      "{\"bios\":\"ovmf.fd\",\"kernel\":5,\"initrd\":\"initrd\",\"rootfs\":\"rootfs\","
      "\"cmdline\":\"x\"}",
      DS_CODE_VMM_IMAGE_BROKEN },
    { "a kernel elsewhere",
      "{\"bios\":\"ovmf.fd\",\"kernel\":\"../other/bzImage\",\"initrd\":\"initrd\","
      "\"rootfs\":\"rootfs\",\"cmdline\":\"x\"}",
      DS_CODE_VMM_IMAGE_BROKEN },
    { "a kernel that is not there",
      "{\"bios\":\"ovmf.fd\",\"kernel\":\"vmlinux\",\"initrd\":\"initrd\",\"rootfs\":\"rootfs\","
      "\"cmdline\":\"x\"}",
      DS_CODE_VMM_IMAGE_BROKEN },
    { "no command line",
      "{\"bios\":\"ovmf.fd\",\"kernel\":\"bzImage\",\"initrd\":\"initrd\",\"rootfs\":\"rootfs\"}",
      DS_CODE_VMM_IMAGE_BROKEN },
};

static void test_broken_ones(void **state)
{
    const struct kit *k = *state;
    for (size_t i = 0; i < DS_LEN(broken); i++) {
        struct vmm_image img = { .name = "untouched" };
        struct ds_error e = { 0 };
        kit_image(k, "bad", broken[i].metadata);
        if (load(&img, k, "bad", &e) != DS_ERR_FORMAT || e.code != broken[i].code)
            fail_msg("%s: %s", broken[i].claim, e.msg);
        assert_non_null(strstr(e.msg, "'bad'"));
        assert_string_equal(img.name, "untouched");
    }
}

static void test_a_link_is_no_file(void **state)
{
    const struct kit *k = *state;
    struct vmm_image img;
    struct ds_error e = { 0 };
    char path[VMM_PATH_LEN];
    kit_image(k, "linked", KIT_METADATA);
    assert_int_equal(unlink(kit_path(path, k, "images/linked/bzImage")), 0);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(load(&img, k, "linked", &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_VMM_IMAGE_BROKEN);
}

static void test_a_command_line_that_is_too_long(void **state)
{
    const struct kit *k = *state;
    struct vmm_image img;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    ds_buf_str(&json, "{\"bios\":\"ovmf.fd\",\"kernel\":\"bzImage\",\"initrd\":\"initrd\","
                      "\"rootfs\":\"rootfs\",\"cmdline\":\"");
    for (size_t i = 0; i <= VMM_CMDLINE_MAX; i++)
        ds_buf_char(&json, 'a');
    ds_buf_str(&json, "\"}");
    kit_image(k, "long", json.p);
    assert_int_equal(load(&img, k, "long", &e), DS_ERR_FORMAT);
    assert_non_null(strstr(e.msg, "cmdline"));
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        enum ds_code code;
    } rows[] = {
        { "none", DS_CODE_VMM_IMAGE_NOT_FOUND },   { "", DS_CODE_VMM_NAME_INVALID },
        { "..", DS_CODE_VMM_NAME_INVALID },        { "a/b", DS_CODE_VMM_NAME_INVALID },
        { "../images", DS_CODE_VMM_NAME_INVALID },
    };
    const struct kit *k = *state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct vmm_image img;
        struct ds_error e = { 0 };
        if (load(&img, k, rows[i].name, &e) >= 0 || e.code != rows[i].code)
            fail_msg("'%s': %s", rows[i].name, e.msg);
    }
}

static void test_list(void **state)
{
    const struct kit *k = *state;
    char images[VMM_PATH_LEN], newest[VMM_NAME_MAX + 1];
    DS_AUTO(ds_buf_done) struct ds_buf none = { 0 }, list = { 0 };
    (void)kit_path(images, k, "images");
    assert_int_equal(vmm_image_list(&none, images, NULL), DS_OK);
    assert_string_equal(none.p, "[]");
    vmm_image_newest(newest, images);
    assert_string_equal(newest, "");
    kit_image(k, "b", KIT_METADATA);
    kit_image(k, "a", "{\"version\":5,\"is_dev\":1}");
    kit_image(k, "broken", "[]");
    kit_mkdir(k, "images/empty");
    assert_int_equal(vmm_image_list(&list, images, NULL), DS_OK);
    const char *a = strstr(list.p, "\"name\":\"a\""), *b = strstr(list.p, "\"name\":\"b\"");
    assert_non_null(a);
    assert_non_null(b);
    assert_true(a < b);
    assert_null(strstr(list.p, "broken"));
    assert_null(strstr(list.p, "empty"));
    assert_non_null(strstr(b, "\"version\":\"1.2.3\",\"is_dev\":true,\"arch\":\"x86_64\""));
    assert_non_null(strstr(a, "\"version\":\"\",\"is_dev\":false"));
    vmm_image_newest(newest, images);
    assert_string_equal(newest, "broken"); /* made last; loading it says what is wrong */
}

static void test_measurement(void **state)
{
    const struct kit *k = *state;
    char images[VMM_PATH_LEN];
    bool have = true;
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    (void)kit_path(images, k, "images");
    kit_image(k, "i", KIT_METADATA);
    assert_int_equal(vmm_image_measurement(&json, &have, images, "i", "tdx", NULL), DS_OK);
    assert_false(have);
    kit_put(k, "images/i/sha256sum.txt", "ab", 0600);
    kit_put(k, "images/i/measurement.tdx.cbor", "cde", 0600);
    assert_int_equal(vmm_image_measurement(&json, &have, images, "i", "tdx", NULL), DS_OK);
    assert_true(have);
    assert_string_equal(json.p, "{\"checksum_file\":\"YWI=\",\"measurement\":\"Y2Rl\"}");
}

int main(void)
{
#define IN_KIT(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        IN_KIT(test_a_good_one),
        IN_KIT(test_a_damaged_digest_is_none),
        IN_KIT(test_broken_ones),
        IN_KIT(test_a_link_is_no_file),
        IN_KIT(test_a_command_line_that_is_too_long),
        IN_KIT(test_names),
        IN_KIT(test_list),
        IN_KIT(test_measurement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

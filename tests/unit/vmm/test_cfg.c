/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of the configuration: what cannot serve is refused when the daemon
 * starts, and not when a VM's path is made from it.
 */
#include "kit.h"

#include "base/str.h"
#include "vmm/cfg.h"

/* What is left of 512 goes to the names behind it. */
#define STATE_LEN_MAX 384
#define DIR_LEN_MAX   446

struct place_row {
    const char *claim;
    size_t offset; /* of the key in struct vmm_cfg */
    const char *begin;
    size_t len; /* filled up with 'x' */
    int want;
};

#define KEY(name) offsetof(struct vmm_cfg, name)

static const struct place_row rows[] = {
    { "a state directory that just fits", KEY(state_dir), "/", STATE_LEN_MAX, DS_OK },
    { "one byte longer", KEY(state_dir), "/", STATE_LEN_MAX + 1, DS_ERR_RANGE },
    { "a relative one", KEY(state_dir), "s", 5, DS_ERR_RANGE },
    { "a volume directory that just fits", KEY(volume_dir), "/", DIR_LEN_MAX, DS_OK },
    { "one byte longer", KEY(volume_dir), "/", DIR_LEN_MAX + 1, DS_ERR_RANGE },
    { "a relative one", KEY(volume_dir), "v", 5, DS_ERR_RANGE },
    { "an image directory that just fits", KEY(image_dir), "/", DIR_LEN_MAX, DS_OK },
    { "one byte longer", KEY(image_dir), "/", DIR_LEN_MAX + 1, DS_ERR_RANGE },
    { "a relative one", KEY(image_dir), "../", 5, DS_ERR_RANGE },
    { "a socket", KEY(kms_socket), "/", 20, DS_OK },
    { "a relative one", KEY(kms_socket), "k", 5, DS_ERR_RANGE },
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        const struct place_row *row = &rows[i];
        char text[DS_PLACE_MAX + 1] = "";
        char empty[] = "";
        char dir[] = "/nowhere";
        struct vmm_cfg cfg = { .state_dir = dir, .image_dir = empty, .volume_dir = empty };
        struct ds_error e = { 0 };
        DS_AUTO(ds_auto_free) struct vmm_places *p = calloc(1, sizeof *p);
        memset(text, 'x', row->len);
        memcpy(text, row->begin, strlen(row->begin));
        *(char **)(void *)((char *)&cfg + row->offset) = text;
        assert_non_null(p);
        if (vmm_places_find(p, &cfg, &e) != row->want)
            fail_msg("row %zu, %s: %s", i, row->claim, e.msg);
    }
}

/* The longest path that a request makes of them. */
static void test_the_longest_volume(void **state)
{
    (void)state;
    char dir[DIR_LEN_MAX + 1] = "";
    char name[VMM_NAME_MAX + 1] = "";
    char path[VMM_PATH_LEN];
    memset(dir, 'x', DIR_LEN_MAX);
    memset(name, 'y', VMM_NAME_MAX);
    assert_int_equal(strlen(vmm_path(path, dir, name)), DIR_LEN_MAX + 1 + VMM_NAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_the_longest_volume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's output becomes before a terminal sees it, in whatever pieces it
 * comes; and the bound on what a guest can make a VM's logs grow to.
 */
#include "kit.h"

#include "vmm/logs.h"

struct clean_row {
    const char *claim, *in, *out;
};

static const struct clean_row rows[] = {
    { "plain lines", "one\n\ttwo\n", "one\n\ttwo\n" },
    { "a bell, a return, a delete",
      "a\a\r\x7f"
      "b",
      "ab" },
    { "a colour", "\x1b[31mred\x1b[0m", "red" },
    { "an escape that never ends goes on to the end of its line", "\x1b[31\nnext", "next" },
    { "umlauts, a dash, a face", "\xc3\xa4\xe2\x80\x94\xf0\x9f\x98\x80",
      "\xc3\xa4\xe2\x80\x94\xf0\x9f\x98\x80" },
    { "CSI as one character",
      "\xc2\x9b"
      "31mred",
      "\xc2\xa0"
      "31mred" },
    { "OSC and ST as characters",
      "\xc2\x9d"
      "52;c;x\xc2\x9c",
      "\xc2\xa0"
      "52;c;x\xc2\xa0" },
    { "CSI as a raw byte",
      "\x9b"
      "31mred",
      "31mred" },
    { "a raw one behind a whole character",
      "\xc3\xa4\x9b"
      "31m",
      "\xc3\xa4"
      "31m" },
    { "a raw one behind a character that was cut short",
      "\xe2\x80 \x9b"
      "31m",
      "\xe2\x80 "
      "31m" },
    { "a first byte twice",
      "\xc2\xc2\x9b"
      "31m",
      "\xc2\xc2\xa0"
      "31m" },
};

static void test_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        for (size_t step = 1; step <= strlen(rows[i].in); step++) {
            struct vmm_log_filter f = { 0 };
            char got[64] = "";
            size_t out = 0;
            for (size_t at = 0; at < strlen(rows[i].in); at += step) {
                size_t left = strlen(rows[i].in) - at;
                size_t n = left < step ? left : step;
                memcpy(got + out, rows[i].in + at, n);
                out += vmm_log_clean(&f, got + out, n);
            }
            got[out] = '\0';
            if (strcmp(got, rows[i].out) != 0)
                fail_msg("%s, in pieces of %zu: '%s'", rows[i].claim, step, got);
        }
}

static off_t len_of(const struct kit *k, const char *name)
{
    char path[VMM_PATH_LEN];
    struct stat st;
    return stat(kit_path(path, k, name), &st) == 0 ? st.st_size : -1;
}

static void test_rotate(void **state)
{
    static const char *const names[] = { "serial.log", "qemu.log", "simtee.log" };
    struct kit *k = *state;
    for (size_t i = 0; i < DS_LEN(names); i++) {
        char old[32];
        (void)snprintf(old, sizeof old, "%s.1", names[i]);
        kit_put(k, names[i], "12345678", 0600);
        vmm_logs_rotate(k->dir, 8);
        assert_int_equal(len_of(k, names[i]), 8);
        assert_int_equal(len_of(k, old), -1);
        kit_put(k, names[i], "123456789", 0600);
        vmm_logs_rotate(k->dir, 8);
        if (len_of(k, names[i]) != 0 || len_of(k, old) != 9)
            fail_msg("%s is not cut", names[i]);
    }
    /* Far over it between two looks: then the old lines are lost, the bound is not. */
    kit_put(k, "qemu.log", "123456789012345678901234567890123", 0600);
    vmm_logs_rotate(k->dir, 8);
    assert_int_equal(len_of(k, "qemu.log"), 0);
    assert_int_equal(len_of(k, "qemu.log.1"), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test_setup_teardown(test_rotate, kit_setup, kit_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

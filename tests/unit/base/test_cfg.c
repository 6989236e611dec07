/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: defaults, bounds, and every mistake told by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cfg.h"

struct cfg {
    char *listen, *accel;
    bool quiet;
    uint64_t workers, port_base;
    struct ds_cfg_list peers;
};

static const char *const accels[] = { "auto", "kvm", "tcg", NULL };

static const struct ds_cfg_key keys[] = {
    { "listen", DS_CFG_TEXT, NULL, "unix:vmm.sock", 1, 20, NULL, "where to listen",
      offsetof(struct cfg, listen) },
    { "quiet", DS_CFG_BOOL, NULL, "false", 0, 0, NULL, "say less", offsetof(struct cfg, quiet) },
    { "workers", DS_CFG_U64, NULL, "4", 1, 64, NULL, "threads", offsetof(struct cfg, workers) },
    { "vm.accel", DS_CFG_CHOICE, NULL, "auto", 0, 0, accels, "which", offsetof(struct cfg, accel) },
    { "vm.network.port_base", DS_CFG_U64, "port", "20000", 1024, 65535, NULL, "first port",
      offsetof(struct cfg, port_base) },
    { "vm.network.peers", DS_CFG_LIST, NULL, "[]", 0, 3, NULL, "others",
      offsetof(struct cfg, peers) },
};

static const struct ds_cfg_schema schema = { "dstack-test", keys, DS_LEN(keys) };

struct row {
    const char *name, *yaml;
    int status;
    enum ds_code code;
    const char *result; /* or a part of the message */
};

static const struct row rows[] = {
    { "empty", "", DS_OK, 0, "unix:vmm.sock auto 0 4 20000" },
    { "comment only", "# nothing\n", DS_OK, 0, "unix:vmm.sock auto 0 4 20000" },
    { "every key",
      "listen: tcp:1\nquiet: true\nworkers: 64\nvm:\n  accel: kvm\n  network:\n"
      "    port_base: 1024\n    peers: [a, 'b c']\n",
      DS_OK, 0, "tcp:1 kvm 1 64 1024 a|b c" },
    { "quoted scalar", "listen: \"x\\ty\"\n", DS_OK, 0, "x\ty auto 0 4 20000" },
    { "flow style", "{vm: {accel: tcg}}", DS_OK, 0, "unix:vmm.sock tcg 0 4 20000" },
    { "misspelt", "worker: 3\n", DS_ERR_FORMAT, DS_CODE_CFG_UNKNOWN_KEY,
      "unknown key 'worker'; did you mean 'workers'?" },
    { "misspelt in a group", "vm:\n  acel: kvm\n", DS_ERR_FORMAT, DS_CODE_CFG_UNKNOWN_KEY,
      "unknown key 'vm.acel'; did you mean 'vm.accel'?" },
    { "known leaf at the wrong place", "accel: kvm\n", DS_ERR_FORMAT, DS_CODE_CFG_UNKNOWN_KEY,
      "did you mean 'vm.accel'?" },
    { "dotted key", "vm.accel: kvm\n", DS_ERR_FORMAT, DS_CODE_CFG_UNKNOWN_KEY, "vm.accel" },
    { "group where a value belongs", "workers: {a: 1}\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "workers must be a single value" },
    { "value where a group belongs", "vm: kvm\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "vm must be a group of keys" },
    { "twice", "workers: 1\nworkers: 2\n", DS_ERR_FORMAT, DS_CODE_CFG_DUPLICATE_KEY, "workers" },
    { "not UTF-8", "listen: \xff\xfe\n", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "UTF-8" },
    { "twice in two groups", "vm:\n  accel: kvm\nvm:\n  accel: tcg\n", DS_ERR_FORMAT,
      DS_CODE_CFG_DUPLICATE_KEY, "vm.accel" },
    { "text for a number", "workers: many\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "workers must be a whole number" },
    { "negative number", "workers: -1\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE, "whole number" },
    { "fraction", "workers: 1.5\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE, "whole number" },
    { "below", "workers: 0\n", DS_ERR_RANGE, DS_CODE_CFG_OUT_OF_BOUNDS, "between 1 and 64" },
    { "above", "workers: 65\n", DS_ERR_RANGE, DS_CODE_CFG_OUT_OF_BOUNDS, "between 1 and 64" },
    { "beyond 64 bits", "workers: 99999999999999999999\n", DS_ERR_RANGE, DS_CODE_CFG_OUT_OF_BOUNDS,
      "between 1 and 64" },
    { "yes is not true", "quiet: yes\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE, "true or false" },
    { "not among the choices", "vm: {accel: xen}\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "one of auto kvm tcg" },
    { "empty text", "listen:\n", DS_ERR_RANGE, DS_CODE_CFG_OUT_OF_BOUNDS, "listen" },
    { "long text", "listen: aaaaaaaaaaaaaaaaaaaaa\n", DS_ERR_RANGE, DS_CODE_CFG_OUT_OF_BOUNDS,
      "listen" },
    { "NUL in a text", "listen: \"a\\0b\"\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "without NUL" },
    { "NUL in a list", "vm: {network: {peers: [\"a\\0b\"]}}\n", DS_ERR_FORMAT,
      DS_CODE_CFG_WRONG_TYPE, "without NUL" },
    { "a directive that is not UTF-8", "%n:\330\305", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX,
      "not UTF-8" },
    { "list of lists", "vm: {network: {peers: [[a]]}}\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "list of texts" },
    { "text for a list", "vm: {network: {peers: a}}\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "list of texts" },
    { "long list", "vm: {network: {peers: [a, b, c, d]}}\n", DS_ERR_RANGE,
      DS_CODE_CFG_OUT_OF_BOUNDS, "peers" },
    { "alias", "listen: &x abc\nvm: {accel: *x}\n", DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
      "accel" },
    { "a list at the top", "- a\n", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "keys and values" },
    { "a text at the top", "hello\n", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "keys and values" },
    { "not YAML", "listen: [a\n", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "test.yaml" },
    { "tab indentation", "vm:\n\taccel: kvm\n", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "line 2" },
    { "a second document", "workers: 3\n---\nworkers: 4\n", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX,
      "one document" },
    { "a document after its end", "workers: 3\n...\nquiet: true\n", DS_ERR_FORMAT,
      DS_CODE_CFG_SYNTAX, "one document" },
    { "a marked document", "---\nworkers: 3\n...\n# the end\n", DS_OK, 0,
      "unix:vmm.sock auto 0 3 20000" },
    { "key that is a list", "? [a]\n: b\n", DS_ERR_FORMAT, DS_CODE_CFG_SYNTAX, "no short text" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct cfg c = { 0 };
        struct ds_error e = { 0 };
        int r = ds_cfg_parse(&schema, &c, ds_span_str(rows[i].yaml), "test.yaml", &e);
        DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
        if (r == DS_OK) {
            ds_buf_printf(&got, "%s %s %d %d %d", c.listen, c.accel, c.quiet, (int)c.workers,
                          (int)c.port_base);
            for (size_t k = 0; k < c.peers.n; k++)
                ds_buf_printf(&got, "%s%s", k == 0 ? " " : "|", c.peers.v[k]);
        } else {
            ds_buf_str(&got, e.msg);
        }
        ds_cfg_done(&schema, &c);
        bool same = r == DS_OK ? strcmp(got.p, rows[i].result) == 0
                               : strstr(got.p, rows[i].result) != NULL;
        if (r != rows[i].status || e.code != rows[i].code || !same)
            fail_msg("%s: %d %s '%s'", rows[i].name, r, ds_code_info_get(e.code)->id, got.p);
    }
}

static void test_required_key(void **state)
{
    (void)state;
    static const struct ds_cfg_key required[] = {
        { "name", DS_CFG_TEXT, NULL, NULL, 1, 0, NULL, "a name", 0 },
    };
    static const struct ds_cfg_schema s = { "x", required, 1 };
    char *name = NULL;
    struct ds_error e;
    assert_int_equal(ds_cfg_parse(&s, &name, ds_span_str(""), "c", &e), DS_ERR_ARG);
    assert_int_equal(e.code, DS_CODE_CFG_MISSING_KEY);
    assert_int_equal(ds_cfg_parse(&s, &name, ds_span_str("name: x"), "c", &e), DS_OK);
    assert_string_equal(name, "x");
    ds_cfg_done(&s, &name);
    assert_null(name);
}

static void test_help_is_a_valid_file(void **state)
{
    (void)state;
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_cfg_help(&text, &schema);
    assert_non_null(strstr(text.p, "\nvm:\n  # which (auto | kvm | tcg)\n  accel: auto\n"));
    assert_non_null(strstr(text.p, "\n  network:\n    # first port [port] (1024 to 65535)\n"));
    struct cfg c = { 0 };
    struct ds_error e;
    assert_int_equal(ds_cfg_parse(&schema, &c, ds_buf_span(&text), "help", &e), DS_OK);
    assert_int_equal(c.port_base, 20000);
    ds_cfg_done(&schema, &c);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct cfg c = { 0 };
    struct ds_error e;
    assert_int_equal(ds_cfg_load(&schema, &c, "/nonexistent/x.yaml", &e), DS_ERR_NOTFOUND);
    assert_int_equal(ds_cfg_load(&schema, &c, NULL, &e), DS_OK);
    ds_cfg_done(&schema, &c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_required_key),
        cmocka_unit_test(test_help_is_a_valid_file),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

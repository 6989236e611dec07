/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What guests say about themselves: kept, bounded, and never believed.
 */
#include "vmm/progress.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct row {
    const char *claim, *event, *payload;
    int err;
    const char *want; /* stands in the JSON afterwards */
};

/* clang-format off */
static const struct row rows[] = {
    { "a step", "boot.step", "{\"step\":\"keys\",\"title\":\"get keys\",\"state\":\"start\",\"t_ms\":7}",
      DS_OK, "{\"step\":\"keys\",\"title\":\"get keys\",\"state\":\"start\",\"t_ms\":7,\"ms\":0}" },
    { "a step without a name is nothing", "boot.step", "{\"state\":\"start\"}", DS_OK, "\"boot_steps\":[]" },
    { "a step that is no object", "boot.step", "[]", DS_ERR_FORMAT, "\"boot_steps\":[]" },
    { "a step that is no JSON", "boot.step", "keys", DS_ERR_FORMAT, "\"boot_steps\":[]" },
    { "negative times", "boot.step", "{\"step\":\"a\",\"t_ms\":-5,\"ms\":1.5}", DS_OK, "\"t_ms\":0,\"ms\":0" },
    { "progress", "boot.progress", "mounting data disk", DS_OK, "\"boot_progress\":\"mounting data disk\"" },
    { "escapes do not pass", "boot.progress", "\x1b[2Jroot@host#", DS_OK, "\"boot_progress\":\"?[2Jroot@host#\"" },
    { "an error", "boot.error",
      "{\"error\":\"denied\",\"code\":\"policy.kernel_mismatch\",\"reasons\":[{\"code\":\"a.b\",\"claim\":\"c\",\"got\":\"g\"}]}",
      DS_OK, "\"boot_failure\":{\"error\":\"denied\",\"code\":\"policy.kernel_mismatch\",\"reasons\":[{\"code\":\"a.b\",\"claim\":\"c\",\"expected\":\"\",\"got\":\"g\"" },
    { "an error without text", "boot.error", "{}", DS_OK, "\"boot_error\":\"the guest failed without a reason\"" },
    { "a code that is none", "boot.error", "{\"error\":\"x\",\"code\":\"a b;rm\"}", DS_OK, "\"code\":\"\"" },
    { "an error that is a list", "boot.error", "[1]", DS_ERR_FORMAT, "\"boot_failure\":null" },
    { "an instance", "instance.info", "{\"instance_id\":\"00ff\"}", DS_OK, "\"event\":\"instance.info\"" },
    { "ready", "app.ready", "", DS_OK, "\"app_ready\":true" },
    { "powering off", "shutdown.progress", "powering off", DS_OK, "\"shutdown_progress\":\"powering off\"" },
    { "an unknown event is kept as such", "x.y", "z", DS_OK, "{\"event\":\"x.y\",\"body\":\"z\"" },
};
/* clang-format on */

static struct ds_buf json_of(const struct vmm_progress *p)
{
    struct ds_buf b = { 0 };
    struct ds_error e = { 0 };
    struct ds_jw w = ds_jw_of(&b);
    ds_jw_object(&w, NULL);
    vmm_progress_put(&w, p);
    ds_jw_object_end(&w);
    assert_int_equal(ds_jw_end(&w, &e, "test"), DS_OK);
    return b;
}

static void expect_json(const struct vmm_progress *p, const char *claim, const char *want)
{
    DS_AUTO(ds_buf_done) struct ds_buf b = json_of(p);
    if (strstr(b.p, want) == NULL)
        fail_msg("%s: %s", claim, b.p);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct vmm_progress p = { 0 };
        bool instance;
        int r = vmm_progress_notify(&p, &instance, rows[i].event, ds_span_str(rows[i].payload),
                                    1000, &e);
        assert_int_equal(r, rows[i].err);
        assert_int_equal(instance, strcmp(rows[i].event, "instance.info") == 0);
        expect_json(&p, rows[i].claim, rows[i].want);
        vmm_progress_done(&p);
    }
}

static int notify(struct vmm_progress *p, const char *event, struct ds_span payload, int64_t now_ms)
{
    bool instance;
    return vmm_progress_notify(p, &instance, event, payload, now_ms, NULL);
}

static void test_bounds(void **state)
{
    (void)state;
    struct vmm_progress p = { 0 };
    static const uint8_t payload[VMM_PAYLOAD_MAX + 1];
    assert_int_equal(notify(&p, "x", DS_SPAN(payload, VMM_PAYLOAD_MAX), 1000), DS_OK);
    assert_int_equal(notify(&p, "x", DS_SPAN_OF(payload), 1000), DS_ERR_RANGE);
    for (int i = 0; i < 99; i++)
        assert_int_equal(notify(&p, "x", (struct ds_span){ 0 }, 1000), DS_OK);
    assert_int_equal(notify(&p, "x", (struct ds_span){ 0 }, 1000), DS_ERR_RANGE);
    assert_int_equal(notify(&p, "x", (struct ds_span){ 0 }, 1049), DS_ERR_RANGE);
    assert_int_equal(notify(&p, "x", (struct ds_span){ 0 }, 1050), DS_OK);
    assert_int_equal(notify(&p, "x", (struct ds_span){ 0 }, 1050), DS_ERR_RANGE);
    assert_int_equal(p.n_dropped, 4);
    vmm_progress_done(&p);
}

static void test_many_steps(void **state)
{
    (void)state;
    struct vmm_progress p = { 0 };
    for (int i = 0; i < 2 * VMM_STEPS_MAX; i++) {
        char json[64];
        int n = snprintf(json, sizeof json, "{\"step\":\"s%d\"}", i);
        assert_int_equal(notify(&p, "boot.step", DS_SPAN(json, (size_t)n), 1000), DS_OK);
    }
    assert_int_equal(p.n_steps, VMM_STEPS_MAX);
    assert_int_equal(p.n_events, 0);
    vmm_progress_restart(&p, true);
    assert_int_equal(p.n_steps, 0);
}

static void test_a_step_keeps_its_start(void **state)
{
    (void)state;
    struct vmm_progress p = { 0 };
    (void)notify(&p, "boot.step", ds_span_str("{\"step\":\"a\",\"state\":\"start\",\"t_ms\":5}"),
                 1);
    (void)notify(&p, "boot.step",
                 ds_span_str("{\"step\":\"a\",\"state\":\"done\",\"t_ms\":9,\"ms\":4}"), 1);
    expect_json(&p, "one step", "\"state\":\"done\",\"t_ms\":5,\"ms\":4");
    assert_int_equal(p.n_steps, 1);
}

struct console_row {
    const char *claim, *text, *code, *expected, *got;
};

static const struct console_row consoles[] = {
    { "the line of init",
      "x\n[ 3.1] dstack-init: init.rootfs_mismatch: expected <aa> got <bb>\nend",
      "init.rootfs_mismatch", "aa", "bb" },
    { "the last one counts", "dstack-init: a.b: expected <1> got <2>\ndstack-init: c.d: got <4>\n",
      "c.d", "", "4" },
    { "no line", "Kernel panic\n", "", "", "" },
    { "no code", "dstack-init: hello\n", "", "", "" },
    { "a code of other letters", "dstack-init: A B: got <x>\n", "", "", "" },
    { "an open bracket", "dstack-init: a.b: expected <x got\n", "a.b", "", "" },
};

static void test_console(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(consoles); i++) {
        struct vmm_progress p = { 0 };
        vmm_progress_console(&p, ds_span_str(consoles[i].text));
        assert_string_equal(p.failure.code, consoles[i].code);
        assert_string_equal(p.failure.reasons[0].expected, consoles[i].expected);
        assert_string_equal(p.failure.reasons[0].got, consoles[i].got);
    }
}

static void test_console_does_not_hide_the_agent(void **state)
{
    (void)state;
    struct vmm_progress p = { 0 };
    (void)notify(&p, "boot.error", ds_span_str("{\"error\":\"x\",\"code\":\"kms.denied\"}"), 1);
    vmm_progress_console(&p, ds_span_str("dstack-init: a.b: got <x>\n"));
    assert_string_equal(p.failure.code, "kms.denied");
    vmm_progress_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_many_steps), cmocka_unit_test(test_a_step_keeps_its_start),
        cmocka_unit_test(test_console),    cmocka_unit_test(test_console_does_not_hide_the_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

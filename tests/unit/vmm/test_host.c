/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's QEMU is asked, with scripts in its place: versions, SEV's
 * parameters, what the configuration insists on, and that who only looks never
 * waits for a QEMU that is being tried.
 */
#include "kit.h"

#include <pthread.h>

#include "vmm/host.h"

struct rig {
    struct kit *kit;
    struct vmm_cfg cfg;
    struct vmm_places places;
    struct vmm_host host;
    char qemu[VMM_PATH_LEN];
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    void *kit = NULL;
    if (r == NULL || kit_setup(&kit) != 0)
        return -1;
    static char machine[] = "null", accel[] = "tcg";
    r->kit = kit;
    r->cfg.machine = machine;
    r->cfg.accel = accel;
    r->cfg.qemu = kit_path(r->qemu, r->kit, "qemu");
    (void)snprintf(r->places.state, sizeof r->places.state, "%s", r->kit->dir);
    *state = r;
    return vmm_host_init(&r->host, &r->cfg, &r->places, NULL);
}

static int teardown(void **state)
{
    struct rig *r = *state;
    void *kit = r->kit;
    vmm_host_done(&r->host);
    free(r);
    return kit_teardown(&kit);
}

static void put_qemu(const struct rig *r, const char *script)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_buf_printf(&text, "#!/bin/sh\n%s\n", script);
    kit_put(r->kit, "qemu", text.p, 0700);
}

static void test_version(void **state)
{
    static const struct {
        const char *script, *version; /* NULL: refused */
        enum ds_code code;
    } rows[] = {
        { "echo 'QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1)'", "11.1.3", DS_CODE_NONE },
        { "echo 'version 9'", "9", DS_CODE_NONE },
        { "echo 'version 1234567890.1234567890.1234567890'", "1234567890.1234567890.123456789",
          DS_CODE_NONE },
        { "echo 'QEMU emulator version'", NULL, DS_CODE_VMM_QEMU_MISSING },
        { "echo 'version x11'", NULL, DS_CODE_VMM_QEMU_MISSING },
        { ":", NULL, DS_CODE_VMM_QEMU_MISSING },
        { "exit 3", NULL, DS_CODE_PROC_FAILED },
    };
    struct rig *r = *state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        char version[32];
        struct ds_error e = { 0 };
        r->host.qemu_version[0] = '\0';
        put_qemu(r, rows[i].script);
        int got = vmm_host_qemu_version(version, &r->host, &e);
        bool good = rows[i].version != NULL ? got == DS_OK && strcmp(version, rows[i].version) == 0
                                            : got < 0 && e.code == rows[i].code;
        if (!good)
            fail_msg("%s: %d '%s' %s", rows[i].script, got, version, e.msg);
    }
}

static void test_version_is_asked_once(void **state)
{
    struct rig *r = *state;
    char version[32];
    put_qemu(r, "echo 'version 1.2'");
    assert_int_equal(vmm_host_qemu_version(version, &r->host, NULL), DS_OK);
    put_qemu(r, "echo 'version 3.4'");
    assert_int_equal(vmm_host_qemu_version(version, &r->host, NULL), DS_OK);
    assert_string_equal(version, "1.2");
}

static void test_no_qemu(void **state)
{
    struct rig *r = *state;
    char version[32];
    struct ds_error e = { 0 };
    assert_int_equal(vmm_host_qemu_version(version, &r->host, &e), DS_ERR_NOTFOUND);
    assert_int_equal(e.code, DS_CODE_VMM_QEMU_MISSING);
}

static void test_accel_as_configured(void **state)
{
    struct rig *r = *state;
    char reason[160];
    bool kvm = true;
    assert_string_equal(vmm_host_accel_text(&r->host, reason), "");
    assert_int_equal(vmm_host_accel(&kvm, &r->host, "/nowhere", NULL), DS_OK);
    assert_false(kvm);
    assert_string_equal(vmm_host_accel_text(&r->host, reason), "tcg");
    assert_string_equal(reason, "the configuration says tcg");
}

/* What was found before stands, and contradicts a configuration that insists. */
static void test_kvm_is_insisted_on(void **state)
{
    struct rig *r = *state;
    static char insist[] = "kvm";
    bool kvm = true;
    struct ds_error e = { 0 };
    assert_int_equal(vmm_host_accel(&kvm, &r->host, "/nowhere", NULL), DS_OK);
    r->cfg.accel = insist;
    kvm = true;
    assert_int_equal(vmm_host_accel(&kvm, &r->host, "/nowhere", &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_VMM_KVM_UNUSABLE);
    assert_true(kvm);
}

static void *ask(void *arg)
{
    struct rig *r = arg;
    char version[32];
    return vmm_host_qemu_version(version, &r->host, NULL) == DS_OK ? r : NULL;
}

/* The script goes on only after the look, so a look that waited for it would wait for ever. */
static void test_looking_does_not_wait(void **state)
{
    struct rig *r = *state;
    char script[3 * VMM_PATH_LEN], fifo[VMM_PATH_LEN], begun[VMM_PATH_LEN], reason[160];
    pthread_t thread;
    void *result = NULL;
    (void)kit_path(fifo, r->kit, "fifo");
    (void)kit_path(begun, r->kit, "begun");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    (void)snprintf(script, sizeof script, "touch %s\nread line < %s\necho 'version 1.2'", begun,
                   fifo);
    put_qemu(r, script);
    assert_int_equal(pthread_create(&thread, NULL, ask, r), 0);
    while (!ds_file_exists(begun))
        (void)usleep(1000);
    assert_string_equal(vmm_host_accel_text(&r->host, reason), "");
    FILE *f = fopen(fifo, "we");
    assert_non_null(f);
    assert_true(fputs("go\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, r);
}

static void test_sev(void **state)
{
    static const struct {
        const char *script;
        int cls;
    } rows[] = {
        { "cat >/dev/null; echo '{\"QMP\":{}}'; echo '{\"return\":{}}'; "
          "echo '{\"return\":{\"cbitpos\":51,\"reduced-phys-bits\":1}}'",
          DS_OK },
        { "cat >/dev/null; echo '{\"QMP\":{}}'; echo '{\"error\":{\"desc\":\"no SEV\"}}'",
          DS_ERR_UNAVAILABLE },
        { "cat >/dev/null; echo '{\"return\":{\"cbitpos\":\"51\"}}'", DS_ERR_UNAVAILABLE },
        { "cat >/dev/null; echo 'nothing of JSON'", DS_ERR_UNAVAILABLE },
        { "cat >/dev/null; exit 1", DS_ERR_SYS },
    };
    struct rig *r = *state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint32_t cbitpos = 0, reduced = 0;
        struct ds_error e = { 0 };
        put_qemu(r, rows[i].script);
        int got = vmm_host_sev(&cbitpos, &reduced, &r->host, &e);
        if (got != rows[i].cls)
            fail_msg("%s: %d %s", rows[i].script, got, e.msg);
        assert_int_equal(cbitpos, got == DS_OK ? 51 : 0);
        assert_int_equal(reduced, got == DS_OK ? 1 : 0);
    }
}

int main(void)
{
#define IN_RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_RIG(test_version),
        IN_RIG(test_version_is_asked_once),
        IN_RIG(test_no_qemu),
        IN_RIG(test_accel_as_configured),
        IN_RIG(test_kvm_is_insisted_on),
        IN_RIG(test_looking_does_not_wait),
        IN_RIG(test_sev),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

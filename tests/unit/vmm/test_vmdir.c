/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a VM directory: there and back, and what is left of a crash.
 */
#include "vmm/vmdir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"

static char dir[] = "/tmp/vmdir-XXXXXX";
static char vm[VMM_PATH_LEN];

static struct vmm_manifest manifest(void)
{
    struct vmm_manifest m = {
        .machine = vmm_machine_find("null"), .vcpu = 1, .memory_mib = 512, .disk_gib = 1
    };
    assert_true(ds_str_copy(m.id, sizeof m.id, "00112233-4455-4677-8899-aabbccddeeff"));
    assert_true(ds_str_copy(m.app_id, sizeof m.app_id, "00112233445566778899aabbccddeeff00112233"));
    assert_true(ds_str_copy(m.name, sizeof m.name, "hello"));
    assert_true(ds_str_copy(m.image, sizeof m.image, "i"));
    return m;
}

static const struct vmm_files files = {
    .app_compose = { (const uint8_t *)"{}", 2 },
    .instance_info = { (const uint8_t *)"{\"instance_id\":\"00ff\"}", 22 },
};

static int setup(void **state)
{
    (void)state;
    struct vmm_manifest m = manifest();
    (void)vmm_path(vm, dir, "vm");
    return vmm_dir_create(vm, &m, true, &files, NULL);
}

static int teardown(void **state)
{
    (void)state;
    return ds_dir_remove(vm, NULL);
}

static void put(const char *name, const char *text)
{
    char path[VMM_PATH_LEN];
    assert_int_equal(ds_file_save(vmm_path(path, vm, name), ds_span_str(text), 0600, "t", NULL),
                     DS_OK);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct vmm_manifest back;
    bool started = false;
    assert_int_equal(vmm_dir_load(&back, &started, vm, NULL), DS_OK);
    assert_true(started);
    assert_string_equal(back.name, "hello");
    assert_int_equal(vmm_dir_save_state(vm, false, NULL), DS_OK);
    assert_int_equal(vmm_dir_load(&back, &started, vm, NULL), DS_OK);
    assert_false(started);
}

struct broken_row {
    const char *claim, *name, *text;
};

static const struct broken_row broken[] = {
    { "no started", "vm-state.json", "{}" },
    { "started is no truth value", "vm-state.json", "{\"started\":1}" },
    { "an empty state", "vm-state.json", "" },
    { "an empty manifest", "vm-manifest.json", "" },
    { "half a manifest", "vm-manifest.json", "{\"id\":\"00112233" },
};

static void test_broken_files(void **state)
{
    for (size_t i = 0; i < DS_LEN(broken); i++) {
        struct ds_error e = { 0 };
        struct vmm_manifest m;
        bool started;
        put(broken[i].name, broken[i].text);
        if (vmm_dir_load(&m, &started, vm, &e) >= 0 || e.code != DS_CODE_VMM_STATE_BROKEN)
            fail_msg("%s: %s", broken[i].claim, e.msg);
        assert_int_equal(setup(state), DS_OK);
    }
}

static void test_launch(void **state)
{
    (void)state;
    struct vmm_launch l = {
        .id = "0123456789abcdef0123456789abcdef",
        .kvm = true,
        .started_at_ms = 5,
        .qemu = { .pid = 7, .start_ticks = 8, .boot_id = "b" },
    };
    struct vmm_launch back;
    vmm_dir_load_launch(&back, vm);
    assert_string_equal(back.id, "");
    assert_int_equal(vmm_dir_save_launch(vm, &l, NULL, NULL), DS_OK);
    vmm_dir_load_launch(&back, vm);
    assert_string_equal(back.id, l.id);
    assert_int_equal(back.qemu.pid, 7);
    assert_int_equal(back.qemu.start_ticks, 8);
    assert_string_equal(back.qemu.boot_id, "b");
    assert_int_equal(back.simtee.pid, 0);
}

static const char *const bad_launches[] = {
    "",
    "[]",
    "{\"launch_id\":5}",
    "{\"launch_id\":\"0123456789abcdef0123456789abcdef0\"}",
};

static void test_bad_launches_are_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(bad_launches); i++) {
        struct vmm_launch l;
        put("launch.json", bad_launches[i]);
        vmm_dir_load_launch(&l, vm);
        assert_string_equal(l.id, "");
        assert_int_equal(l.qemu.pid, 0);
    }
    /* A pid that no process of ours can have is no process. */
    struct vmm_launch l;
    put("launch.json", "{\"launch_id\":\"a\",\"qemu\":{\"pid\":1,\"boot_id\":\"b\"}}");
    vmm_dir_load_launch(&l, vm);
    assert_int_equal(l.qemu.pid, 0);
}

static bool is_leftover(void)
{
    bool leftover = false;
    assert_int_equal(vmm_dir_is_leftover(&leftover, vm, NULL), DS_OK);
    return leftover;
}

static void test_leftovers(void **state)
{
    (void)state;
    char path[VMM_PATH_LEN];
    assert_false(is_leftover());
    assert_int_equal(vmm_dir_mark_removed(vm, NULL), DS_OK);
    assert_true(is_leftover());
    assert_int_equal(unlink(vmm_path(path, vm, ".removing")), 0);
    assert_int_equal(unlink(vmm_path(path, vm, "vm-manifest.json")), 0);
    assert_true(is_leftover());
    /* A manifest that cannot be looked at is not a missing one: its VM's disk stays. */
    bool leftover = false;
    assert_int_equal(symlink("vm-manifest.json", path), 0);
    assert_int_equal(vmm_dir_is_leftover(&leftover, vm, NULL), DS_ERR_SYS);
    assert_false(leftover);
}

/* Whatever the rest holds, without its manifest it passes for no VM. */
static void test_removal_begins_with_the_manifest(void **state)
{
    (void)state;
    char path[VMM_PATH_LEN];
    assert_int_equal(vmm_dir_mark_removed(vm, NULL), DS_OK);
    assert_int_equal(ds_dir_make(vmm_path(path, vm, "vm-manifest.json.new"), 0700, NULL), DS_OK);
    assert_int_equal(vmm_dir_remove(vm, NULL), DS_OK);
    assert_false(ds_file_exists(vm));
    assert_int_equal(vmm_dir_remove(vm, NULL), DS_OK);
}

static void test_identity(void **state)
{
    (void)state;
    char hash[65];
    char instance[41];
    assert_int_equal(vmm_dir_identity(hash, instance, vm, NULL), DS_OK);
    assert_string_equal(hash, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_string_equal(instance, "00ff");
    put(".instance_info", "{\"instance_id\":\"../..\"}");
    assert_int_equal(vmm_dir_identity(hash, instance, vm, NULL), DS_OK);
    assert_string_equal(instance, "");
    put(".instance_info", "not JSON");
    assert_int_equal(vmm_dir_identity(hash, instance, vm, NULL), DS_OK);
    assert_string_equal(instance, "");
}

static void expect_text(const char *claim, const char *name, const char *want)
{
    char path[VMM_PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
    assert_int_equal(ds_file_load(&got, vmm_path(path, vm, name), 4096, NULL), DS_OK);
    if (!ds_span_eq_str(ds_buf_span(&got), want))
        fail_msg("%s: %s is '%.*s'", claim, name, (int)got.len, got.p);
}

static void put_in(const char *sub, const char *name, struct ds_span text)
{
    char path[VMM_PATH_LEN];
    char at[VMM_PATH_LEN];
    assert_int_equal(ds_dir_make(vmm_path(at, vm, sub), 0700, NULL), DS_OK);
    assert_int_equal(ds_file_save(vmm_path(path, at, name), text, 0600, "t", NULL), DS_OK);
}

/* What a crash can leave: the sub-directory, and what of the update is still in it. */
struct cut_row {
    const char *claim, *sub;
    bool compose, config, manifest; /* still in it; else they are in their places already */
    bool updated;                   /* what the VM is afterwards */
};

static const struct cut_row cuts[] = {
    { "only the directory", "update.new", false, false, false, false },
    { "one file of it", "update.new", true, false, false, false },
    { "all of it, not final", "update.new", true, true, true, false },
    { "final", "update", true, true, true, true },
    { "final, one file is in its place", "update", false, true, true, true },
    { "final, the manifest is left", "update", false, false, true, true },
    { "final, all is in its place", "update", false, false, false, true },
};

static void test_updates_cut_short(void **state)
{
    for (size_t i = 0; i < DS_LEN(cuts); i++) {
        const struct cut_row *row = &cuts[i];
        struct vmm_manifest m = manifest();
        DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
        bool started;
        char path[VMM_PATH_LEN];
        (void)snprintf(m.name, sizeof m.name, "next");
        assert_int_equal(vmm_manifest_encode(&json, &m, NULL), DS_OK);
        put(".user-config", "old");
        assert_int_equal(ds_dir_make(vmm_path(path, vm, row->sub), 0700, NULL), DS_OK);
        if (row->compose)
            put_in(row->sub, "app-compose.json", DS_SPAN_LIT("{\"next\":1}"));
        else if (row->updated)
            put("app-compose.json", "{\"next\":1}");
        if (row->config)
            put_in(row->sub, ".user-config", DS_SPAN_LIT("next"));
        else if (row->updated)
            put(".user-config", "next");
        if (row->manifest)
            put_in(row->sub, "vm-manifest.json", ds_buf_span(&json));
        else if (row->updated)
            put("vm-manifest.json", json.p);
        if (vmm_dir_load(&m, &started, vm, NULL) < 0)
            fail_msg("%s: does not load", row->claim);
        assert_string_equal(m.name, row->updated ? "next" : "hello");
        expect_text(row->claim, "app-compose.json", row->updated ? "{\"next\":1}" : "{}");
        expect_text(row->claim, ".user-config", row->updated ? "next" : "old");
        assert_false(ds_file_exists(vmm_path(path, vm, "update")));
        assert_false(ds_file_exists(vmm_path(path, vm, "update.new")));
        assert_int_equal(teardown(state), DS_OK);
        assert_int_equal(setup(state), DS_OK);
    }
}

static void test_an_update(void **state)
{
    (void)state;
    const struct vmm_files next = {
        .app_compose = DS_SPAN_LIT("{\"next\":1}"),
        .user_config = DS_SPAN_LIT("next"),
    };
    struct vmm_manifest m = manifest();
    bool started;
    (void)snprintf(m.name, sizeof m.name, "next");
    assert_int_equal(vmm_dir_update(vm, &m, &next, NULL), DS_OK);
    assert_int_equal(vmm_dir_load(&m, &started, vm, NULL), DS_OK);
    assert_string_equal(m.name, "next");
    expect_text("an update", "app-compose.json", "{\"next\":1}");
    expect_text("an update", ".user-config", "next");
    expect_text("what it does not name", ".instance_info", "{\"instance_id\":\"00ff\"}");
    /* One file does not fit: then the others do not change, either. */
    static uint8_t big[(256u << 10) + 1];
    const struct vmm_files over = { .app_compose = DS_SPAN_LIT("{}"),
                                    .encrypted_env = { big, sizeof big } };
    assert_int_equal(vmm_dir_update(vm, &m, &over, NULL), DS_ERR_RANGE);
    expect_text("a refused update", "app-compose.json", "{\"next\":1}");
}

static void test_files_over_their_caps(void **state)
{
    (void)state;
    static uint8_t big[(256u << 10) + 1];
    struct ds_error e = { 0 };
    const struct vmm_files over = { .encrypted_env = { big, sizeof big } };
    struct vmm_manifest m = manifest();
    assert_int_equal(vmm_dir_update(vm, &m, &over, &e), DS_ERR_RANGE);
    assert_int_equal(e.code, DS_CODE_FILE_TOO_LARGE);
}

static void test_a_disk_that_is_none(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    put("hda.img", "raw bytes that are no qcow2 header at all");
    assert_int_equal(vmm_dir_disk(vm, 1, "/nowhere/qemu-img", &e), DS_ERR_FORMAT);
    char path[VMM_PATH_LEN];
    assert_int_equal(unlink(vmm_path(path, vm, "hda.img")), 0);
    assert_int_equal(vmm_dir_disk(vm, 1, "/nowhere/qemu-img", &e), DS_ERR_NOTFOUND);
    assert_int_equal(e.code, DS_CODE_VMM_QEMU_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_launch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_launches_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removal_begins_with_the_manifest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_updates_cut_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_update, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_over_their_caps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_disk_that_is_none, setup, teardown),
    };
    if (mkdtemp(dir) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(dir) != 0 || failed != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's last word and its end come at once: whatever the loop sees first, a
 * guest that powered off stays off, and one that did not is started again.
 */
#include "kit.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"
#include "vmm/vm_private.h"

#define ID "00112233-4455-4677-8899-aabbccddeeff"

struct rig {
    struct kit *kit;
    struct vmm vmm;
    struct vmm_vm *vm;
    struct net_event *look;
    int listener, qemu; /* QEMU's end of QMP */
};

static int listen_at(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    assert_true(ds_str_copy(addr.sun_path, sizeof addr.sun_path, path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* Not before everything is noted: the job that the end makes is done. */
static void on_look(void *arg, unsigned what)
{
    struct rig *r = arg;
    (void)what;
    if (!r->vm->running && r->vm->jobs == NULL)
        net_loop_stop(r->vmm.loop);
    else
        assert_int_equal(net_event_after(r->look, 5, NULL), DS_OK);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    void *kit = NULL;
    char path[VMM_PATH_LEN];
    struct vmm_manifest m = { .machine = vmm_machine_find("tdx"), .id = ID, .name = "hello" };
    if (r == NULL || kit_setup(&kit) != 0)
        return -1;
    *state = r;
    r->kit = kit;
    r->vmm.log = (struct ds_log){ .program = "test", .min = DS_LOG_ERROR };
    r->vmm.cfg = (struct vmm_cfg){ .restart = true,
                                   .restart_retries = 1,
                                   .restart_healthy_s = 300,
                                   .restart_backoff_s = 3600,
                                   .restart_backoff_max_s = 3600 };
    assert_true(ds_str_copy(r->vmm.places.vms, sizeof r->vmm.places.vms, r->kit->dir));
    assert_int_equal(net_loop_new(&r->vmm.loop, NULL), DS_OK);
    assert_int_equal(net_pool_new(&r->vmm.pool, r->vmm.loop, 1, 8, NULL), DS_OK);
    assert_int_equal(net_event_timer(&r->look, r->vmm.loop, on_look, r, NULL), DS_OK);
    kit_mkdir(r->kit, ID);
    r->listener = listen_at(kit_path(path, r->kit, ID "/" VMM_FILE_QMP));
    r->vm = vm_new(&r->vmm, &m);
    assert_non_null(r->vm);
    r->vm->started = true;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    void *kit = r->kit;
    net_event_free(r->look);
    net_pool_free(r->vmm.pool);
    vm_free(r->vm);
    net_loop_free(r->vmm.loop);
    (void)close(r->listener);
    free(r);
    return kit_teardown(&kit);
}

/* QEMU ends, and what it said before is seen only after that. */
static void end_saying(struct rig *r, const char *text)
{
    const char *const argv[] = { "sleep", "1000", NULL };
    struct ds_proc_spec spec = { .argv = argv };
    struct vmm_launched l = VMM_LAUNCHED_NONE;
    struct ds_proc_exit ended;
    assert_int_equal(ds_proc_spawn(&l.qemu, &spec, NULL), DS_OK);
    struct ds_proc qemu = l.qemu;
    l.launch.started_at_ms = 1;
    vm_run_begin(r->vm, &l);
    r->qemu = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(r->qemu >= 0);
    assert_int_equal(ds_proc_stop(&ended, &qemu, 0, NULL), DS_OK);
    assert_int_equal(ds_fd_write_all(r->qemu, ds_span_str(text), NULL), DS_OK);
    (void)close(r->qemu);
    assert_int_equal(net_event_after(r->look, 5, NULL), DS_OK);
    assert_int_equal(net_loop_run(r->vmm.loop, NULL), DS_OK);
}

#define GREETING "{\"QMP\":{}}\r\n{\"return\":{}}\r\n"
#define SHUTDOWN(reason) \
    "{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,\"reason\":\"" reason "\"}}\r\n"

struct end_row {
    const char *claim, *text;
    bool stays_off;
};

static const struct end_row ends[] = {
    { "the guest powered off", GREETING SHUTDOWN("guest-shutdown"), true },
    { "a reset", GREETING SHUTDOWN("guest-reset"), false },
    { "another event", GREETING "{\"event\":\"STOP\"}\r\n", false },
    { "half a line", GREETING "{\"event\":\"SHUTDOWN\",\"data\":{\"reason\":\"guest-sh", false },
    { "no JSON", "SHUTDOWN guest-shutdown\r\n", false },
    { "nothing", "", false },
};

static void test_last_words(void **state)
{
    for (size_t i = 0; i < DS_LEN(ends); i++) {
        struct rig *r = *state;
        end_saying(r, ends[i].text);
        if (r->vm->started == ends[i].stays_off || (r->vm->restart != NULL) == ends[i].stays_off)
            fail_msg("%s: started %d", ends[i].claim, r->vm->started);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_last_words, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

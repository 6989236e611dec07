/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts around a helper process; see rig.h.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "simtee/unix.h"

#define FIRMWARE   "/usr/share/ovmf/OVMF.fd"
#define CONTROL_FD 3

bool rig_has_firmware(void) { return ds_file_exists(FIRMWARE); }

/* The least 64-bit PE image: headers of 512 bytes and one section. */
static void write_kernel(const char *path)
{
    uint8_t pe[1024] = { 'M', 'Z', [0x40] = 'P', 'E' };
    struct ds_error e;
    pe[0x3c] = 0x40;
    pe[0x46] = 1;    /* sections */
    pe[0x54] = 240;  /* length of the optional header */
    pe[0x58] = 0x0b; /* PE32+ */
    pe[0x59] = 0x02;
    pe[0x58 + 61] = 2;   /* header: 512 bytes */
    pe[0x58 + 108] = 16; /* directories */
    pe[0x148 + 17] = 2;  /* section: 512 bytes */
    pe[0x148 + 21] = 2;  /* at 512 */
    memset(pe + 512, 0xcc, 512);
    assert_int_equal(ds_file_save(path, DS_SPAN_OF(pe), 0600, "test", &e), DS_OK);
}

void rig_init(struct rig *rig, const char *program)
{
    struct ds_error e;
    char base[] = "/tmp/ds-simtee-XXXXXX";
    *rig = (struct rig){ .program = program,
                         .helper = { .pidfd = -1 },
                         .qemu = { .pidfd = -1 },
                         .control = -1,
                         .guest = -1 };
    assert_non_null(mkdtemp(base));
    (void)snprintf(rig->dir, sizeof rig->dir, "%s", base);
    (void)snprintf(rig->tee_dir, sizeof rig->tee_dir, "%s/tee", rig->dir);
    (void)snprintf(rig->state, sizeof rig->state, "%s/simtee", rig->dir);
    (void)snprintf(rig->socket, sizeof rig->socket, "%s/tee.sock", rig->dir);
    struct simtee_spec *s = &rig->spec;
    (void)snprintf(s->launch_id, sizeof s->launch_id, "launch-1");
    (void)snprintf(s->firmware, sizeof s->firmware, FIRMWARE);
    (void)snprintf(s->kernel, sizeof s->kernel, "%s/bzImage", rig->dir);
    (void)snprintf(s->initrd, sizeof s->initrd, "%s/initrd", rig->dir);
    (void)snprintf(s->cmdline, sizeof s->cmdline, "console=ttyS0");
    s->shape = (struct measure_shape){
        .qemu_major = 11, .vcpus = 2, .memory_bytes = (uint64_t)2 << 30, .n_nics = 1
    };
    memset(s->mrconfigid48, 0x03, sizeof s->mrconfigid48);
    write_kernel(s->kernel);
    assert_int_equal(ds_file_save(s->initrd, DS_SPAN_LIT("initrd"), 0600, "test", &e), DS_OK);
}

void rig_start_helper(struct rig *rig)
{
    struct ds_error e;
    DS_AUTO(ds_auto_close) int listener = -1;
    char log[192];
    (void)snprintf(log, sizeof log, "%s/log", rig->dir);
    if (simtee_control_listen(&listener, rig->tee_dir, &e) < 0)
        fail_msg("%s", e.msg);
    const char *const argv[] = { rig->program, "--dir",        rig->tee_dir, "--state",
                                 rig->state,   "--control-fd", "3",          NULL };
    const struct ds_proc_fd fds[] = { { .from = listener, .to = CONTROL_FD } };
    const struct ds_proc_spec spec = {
        .argv = argv, .log_path = log, .fds = fds, .n_fds = 1, .session = true, .bound = true
    };
    if (ds_proc_spawn(&rig->helper, &spec, &e) < 0)
        fail_msg("%s", e.msg);
    ds_auto_close(&rig->control);
    rig->control = -1;
    if (simtee_control_connect(&rig->control, rig->tee_dir, &e) < 0)
        fail_msg("%s", e.msg);
}

void rig_kill_helper(struct rig *rig)
{
    struct ds_error e;
    assert_int_equal(ds_proc_kill(&rig->helper, SIGKILL, &e), DS_OK);
    (void)rig_helper_status(rig);
}

int rig_helper_status(struct rig *rig)
{
    struct ds_error e;
    struct ds_proc_exit x;
    assert_int_equal(ds_proc_wait(&x, &rig->helper, RIG_TIMEOUT_MS, &e), DS_OK);
    if (!x.ended)
        fail_msg("the helper did not end");
    ds_proc_done(&rig->helper);
    return x.status;
}

static void pass(int from, int to)
{
    char bytes[4096];
    ssize_t n = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0 && ds_fd_write_all(to, DS_SPAN(bytes, (size_t)n), NULL) < 0)
        return;
}

/* One client at a time, as QEMU's chardev does; what the guest sends meanwhile waits. */
static void play_qemu(int listener, int guest)
{
    int client = -1;
    for (;;) {
        struct pollfd p[] = {
            { .fd = client < 0 ? listener : -1, .events = POLLIN },
            { .fd = client, .events = POLLIN },
            { .fd = client >= 0 ? guest : -1, .events = POLLIN },
        };
        if (poll(p, 3, -1) < 0)
            _exit(1);
        if (p[0].revents != 0)
            client = accept(listener, NULL, NULL);
        if ((p[2].revents & POLLIN) != 0)
            pass(guest, client);
        if ((p[1].revents & POLLIN) != 0)
            pass(client, guest);
        if ((p[1].revents & POLLHUP) != 0) {
            (void)close(client);
            client = -1;
        }
    }
}

void rig_start_qemu(struct rig *rig)
{
    int pair[2], ready[2];
    char byte = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int listener = -1;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)close(pair[0]);
        if (simtee_unix_listen(&listener, rig->socket, SOCK_STREAM, NULL) < 0)
            _exit(1);
        (void)!write(ready[1], &byte, 1);
        play_qemu(listener, pair[1]);
    }
    (void)close(pair[1]);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    rig->guest = pair[0];
    rig->qemu.id.pid = pid;
}

void rig_kill_qemu(struct rig *rig)
{
    if (rig->qemu.id.pid <= 0)
        return;
    assert_int_equal(kill(rig->qemu.id.pid, SIGKILL), 0);
    assert_int_equal(waitpid(rig->qemu.id.pid, NULL, 0), rig->qemu.id.pid);
    rig->qemu.id.pid = 0;
}

void rig_done(struct rig *rig)
{
    struct ds_error e;
    struct ds_proc_exit x;
    rig_kill_qemu(rig);
    if (rig->helper.pidfd >= 0 && ds_proc_stop(&x, &rig->helper, 2000, &e) == DS_OK)
        ds_proc_done(&rig->helper);
    ds_auto_close(&rig->control);
    ds_auto_close(&rig->guest);
    assert_int_equal(ds_dir_remove(rig->dir, &e), DS_OK);
}

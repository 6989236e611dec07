/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The initramfs init: from the kernel's first process to the agent as PID 1 on
 * the verified root. It reads nothing from disks but through dm-verity, whose
 * root hash stands on the measured command line.
 *
 * A failure is told in one line, "dstack-init: <code>: <sentence>", on the
 * console; then the machine is switched off. There is no shell to fall into.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "base/file.h"
#include "base/scope.h"
#include "base/str.h"
#include "root.h"

#define NEW_ROOT   "/newroot"
#define PID1       "/usr/lib/dstack/dstack-guest-agent"
#define PID1_FILES "/usr/lib/dstack/pid1.files"
#define LIST_MAX   ((size_t)64 * 1024)

/* /proc/cpuinfo is 2 KiB a processor. */
#define CONDITION_MAX ((size_t)4 * 1024 * 1024)

struct init {
    struct init_params params;
    char times[160]; /* "<step>:<ms since the kernel started> ..." */
};

struct mount_row {
    const char *type, *at;
    unsigned long flags;
    const char *data;
};

/* clang-format off */
static const struct mount_row first_mounts[] = {
    { "proc",     "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "" },
    { "sysfs",    "/sys",  MS_NOSUID | MS_NODEV | MS_NOEXEC, "" },
    { "devtmpfs", "/dev",  MS_NOSUID | MS_NOEXEC,            "mode=0755" },
};

/* What every program of the root may count on; the data disk and /dstack are the agent's. */
static const struct mount_row root_mounts[] = {
    { "devpts",     "/dev/pts",             MS_NOSUID | MS_NOEXEC,            "mode=0620,ptmxmode=0666,gid=5" },
    { "tmpfs",      "/dev/shm",             MS_NOSUID | MS_NODEV,             "mode=1777" },
    { "mqueue",     "/dev/mqueue",          MS_NOSUID | MS_NODEV | MS_NOEXEC, "" },
    { "tmpfs",      "/run",                 MS_NOSUID | MS_NODEV,             "mode=0755" },
    { "tmpfs",      "/tmp",                 MS_NOSUID | MS_NODEV,             "mode=1777" },
    { "tmpfs",      "/var",                 MS_NOSUID | MS_NODEV,             "mode=0755" },
    { "cgroup2",    "/sys/fs/cgroup",       MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate,memory_recursiveprot" },
    { "securityfs", "/sys/kernel/security", MS_NOSUID | MS_NODEV | MS_NOEXEC, "" },
};

static const struct {
    const char *path, *target; /* no target: a directory */
} tree[] = {
    { "/dev/fd",     "/proc/self/fd" },
    { "/dev/stdin",  "/proc/self/fd/0" },
    { "/dev/stdout", "/proc/self/fd/1" },
    { "/dev/stderr", "/proc/self/fd/2" },
    { "/run/lock",   NULL },
    { "/var/cache",  NULL },
    { "/var/lib",    NULL },
    { "/var/log",    NULL },
    { "/var/lock",   "/run/lock" },
    { "/var/run",    "/run" },
    { "/var/tmp",    "/tmp" },
};

/* No key of the console, no helper program and no second kernel is to reach past the measured boot. */
static const struct { const char *path, *value; } settings[] = {
    { "/proc/sys/kernel/sysrq",                     "0" },
    { "/proc/sys/kernel/modprobe",                  "\n" },
    { "/proc/sys/kernel/kexec_load_disabled",       "1" },
    { "/proc/sys/kernel/dmesg_restrict",            "1" },
    { "/proc/sys/kernel/kptr_restrict",             "2" },
    { "/proc/sys/kernel/unprivileged_bpf_disabled", "1" },
    { "/proc/sys/kernel/core_pattern",              "|/nonexistent" },
};
/* clang-format on */

static void off(const struct ds_error *e)
{
    enum ds_code code = e->code != DS_CODE_NONE ? e->code : DS_CODE_GUEST_INIT_FAILED;
    (void)fprintf(stderr, "\r\ndstack-init: %s: %s\r\n", ds_code_info_get(code)->id, e->msg);
    (void)tcdrain(STDERR_FILENO);
    sync();
    (void)reboot(RB_POWER_OFF);
    _exit(1);
}

static void mark(struct init *in, const char *step)
{
    struct timespec now = { 0 };
    size_t at = strlen(in->times);
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    (void)snprintf(in->times + at, sizeof(in->times) - at, "%s%s:%lld", at > 0 ? " " : "", step,
                   (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static int mount_all(const struct mount_row *rows, size_t n, struct ds_error *e)
{
    for (size_t i = 0; i < n; i++) {
        if (mkdir(rows[i].at, 0755) != 0 && errno != EEXIST && errno != EROFS)
            return ds_fail_errno(e, errno, "make %s", rows[i].at);
        if (mount(rows[i].type, rows[i].at, rows[i].type, rows[i].flags, rows[i].data) != 0)
            return ds_fail_errno(e, errno, "mount %s on %s", rows[i].type, rows[i].at);
    }
    return DS_OK;
}

static int setting_set(const char *path, const char *value, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return ds_fail_errno(e, errno, "write %s", path);
    return DS_OK;
}

static bool is_wanted(const struct init_module *module)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (module->path[0] == '\0')
        return true;
    if (module->word[0] == '\0')
        return ds_file_exists(module->path);
    return ds_file_load(&text, module->path, CONDITION_MAX, NULL) == DS_OK &&
           init_word_is_in(ds_buf_span(&text), module->word);
}

static int module_load(const char *dir, const struct init_module *module, struct ds_error *e)
{
    char path[300];
    if (!is_wanted(module))
        return DS_OK;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, module->file);
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0)
        return DS_OK;
    /* EEXIST: loaded already. ENODEV: a driver for a device that this machine lacks. */
    if (fd >= 0 && (errno == EEXIST || errno == ENODEV))
        return DS_OK;
    return ds_fail_at(e, DS_ERR_SYS, DS_CODE_GUEST_INIT_MODULE, errno, __FILE__, __LINE__,
                      "load %s", path);
}

/* Load <dir>/modules.list in its order: the list was resolved when the image was made. */
static int modules_load(const char *dir, struct ds_error *e)
{
    char path[300];
    struct init_module module;
    DS_AUTO(ds_buf_done) struct ds_buf list = { 0 };
    (void)snprintf(path, sizeof(path), "%s/modules.list", dir);
    DS_TRY(ds_file_load(&list, path, LIST_MAX, e));
    struct ds_span rest = ds_buf_span(&list);
    for (;;) {
        DS_TRY(init_module_next(&module, &rest, e));
        if (module.file[0] == '\0')
            return DS_OK;
        DS_TRY(module_load(dir, &module, e));
    }
}

static int start(struct init *in, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf cmdline = { 0 };
    DS_TRY(mount_all(first_mounts, DS_LEN(first_mounts), e));
    for (size_t i = 0; i < DS_LEN(settings); i++)
        DS_TRY(setting_set(settings[i].path, settings[i].value, e));
    DS_TRY(ds_file_load(&cmdline, "/proc/cmdline", LIST_MAX, e));
    return init_params_parse(&in->params, ds_buf_span(&cmdline), e);
}

static int root_mount(struct init *in, struct ds_error *e)
{
    char dev[64];
    DS_TRY(init_root_open(dev, sizeof(dev), &in->params, e));
    if (mount(dev, NEW_ROOT, "erofs", MS_RDONLY | MS_NOSUID | MS_NODEV, "") != 0)
        return init_root_explain(ds_fail_errno(e, errno, "mount %s", dev), &in->params, e);
    for (size_t i = 0; i < DS_LEN(first_mounts); i++) {
        char to[64];
        (void)snprintf(to, sizeof(to), NEW_ROOT "%s", first_mounts[i].at);
        if (mount(first_mounts[i].at, to, NULL, MS_MOVE, NULL) != 0)
            return ds_fail_errno(e, errno, "move %s", first_mounts[i].at);
    }
    /* The initramfs stays below as an empty tmpfs: what is in it would hold memory. */
    (void)unlink("/init");
    DS_TRY(ds_dir_remove("/modules", e));
    if (chdir(NEW_ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 ||
        chdir("/") != 0)
        return ds_fail_errno(e, errno, "switch to the root");
    DS_TRY(mount_all(root_mounts, DS_LEN(root_mounts), e));
    for (size_t i = 0; i < DS_LEN(tree); i++)
        if (tree[i].target == NULL ? mkdir(tree[i].path, 0755) != 0
                                   : symlink(tree[i].target, tree[i].path) != 0)
            return ds_fail_errno(e, errno, "make %s", tree[i].path);
    return DS_OK;
}

/*
 * The remaining modules load beside the agent's first steps, in a child of PID 1.
 * Its exit with 0 says that the set is complete and that the kernel is closed:
 * no more modules, no writes to its memory. (The modules bear no signatures, so
 * the lock-down comes after them: measured boot and dm-verity vouch for them.)
 */
static int modules_close(struct ds_error *e)
{
    DS_TRY(modules_load("/usr/lib/dstack/modules", e));
    DS_TRY(setting_set("/sys/kernel/security/lockdown", "integrity", e));
    return setting_set("/proc/sys/kernel/modules_disabled", "1", e);
}

static int modules_start(struct init *in, pid_t *ret, struct ds_error *e)
{
    pid_t pid = fork();
    if (pid < 0)
        return ds_fail_errno(e, errno, "fork");
    if (pid == 0) {
        int r = modules_close(e);
        if (r < 0) {
            (void)init_root_explain(r, &in->params, e);
            off(e);
        }
        _exit(0);
    }
    *ret = pid;
    return DS_OK;
}

static int pid1_exec(struct init *in, pid_t modules, struct ds_error *e)
{
    char times[200], pid[48];
    DS_AUTO(ds_buf_done) struct ds_buf list = { 0 };
    int r = ds_file_load(&list, PID1_FILES, LIST_MAX, e);
    if (r < 0)
        return init_root_explain(r, &in->params, e);
    DS_TRY(init_root_preread(ds_buf_span(&list), &in->params, e));
    mark(in, "exec");

    (void)snprintf(times, sizeof(times), "DSTACK_INIT_MS=%s", in->times);
    (void)snprintf(pid, sizeof(pid), "DSTACK_MODULES_PID=%d", (int)modules);
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char name[] = PID1, arg[] = "init";
    char *argv[] = { name, arg, NULL }, *envp[] = { path, times, pid, NULL };
    (void)execve(PID1, argv, envp);
    r = ds_fail_at(e, DS_ERR_SYS, DS_CODE_GUEST_INIT_PID1, errno, __FILE__, __LINE__,
                   "start " PID1);
    return init_root_explain(r, &in->params, e);
}

static int boot(struct init *in, struct ds_error *e)
{
    pid_t modules = 0;
    mark(in, "start");
    DS_TRY(start(in, e));
    DS_TRY(modules_load("/modules", e));
    mark(in, "modules");
    DS_TRY(root_mount(in, e));
    mark(in, "root");
    DS_TRY(modules_start(in, &modules, e));
    return pid1_exec(in, modules, e);
}

int main(void)
{
    struct init in = { 0 };
    struct ds_error e = { 0 };
    (void)boot(&in, &e);
    off(&e);
    return 1;
}

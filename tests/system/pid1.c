/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the guest agent in an image made for test_image.py: looks at
 * what guest/README.md promises to PID 1, prints one line a promise, and
 * switches the machine off.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/scope.h"
#include "base/str.h"

static void tell(const char *what, bool ok)
{
    (void)printf("pid1: %s: %s\r\n", what, ok ? "ok" : "NO");
}

static bool file_has(const char *path, const char *text)
{
    char content[8192];
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof(content) - 1);
    if (n < 0)
        return false;
    content[n] = '\0';
    return strstr(content, text) != NULL;
}

static bool is_fs(const char *path, long type)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == type;
}

static bool modules_ended(void)
{
    uint64_t pid = 0;
    int status = -1;
    const char *text = getenv("DSTACK_MODULES_PID"); /* the promise itself */
    return text != NULL && ds_str_u64(&pid, ds_span_str(text), INT32_MAX, NULL) == DS_OK &&
           waitpid((pid_t)pid, &status, 0) == (pid_t)pid && status == 0;
}

static bool module_is_refused(void)
{
    DS_AUTO(ds_auto_close) int fd = open("/usr/lib/dstack/modules/tun.ko", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0 && errno == EPERM;
}

int main(int argc, char **argv)
{
    tell("first process", getpid() == 1);
    tell("argument init", argc == 2 && strcmp(argv[1], "init") == 0);
    tell("times", getenv("DSTACK_INIT_MS") != NULL);
    tell("erofs root", is_fs("/", EROFS_SUPER_MAGIC_V1));
    tell("root is read-only",
         open("/usr/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
    tell("proc", is_fs("/proc", PROC_SUPER_MAGIC));
    tell("sys", is_fs("/sys", SYSFS_MAGIC));
    tell("cgroup2", is_fs("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC));
    tell("pts", is_fs("/dev/pts", DEVPTS_SUPER_MAGIC));
    tell("shm", is_fs("/dev/shm", TMPFS_MAGIC));
    tell("run", is_fs("/run", TMPFS_MAGIC));
    tell("tmp", is_fs("/tmp", TMPFS_MAGIC));
    tell("var", is_fs("/var", TMPFS_MAGIC) && is_fs("/var/lib", TMPFS_MAGIC));
    tell("var run is run", access("/var/run/lock", W_OK) == 0);
    tell("descriptors by name", access("/dev/fd/1", W_OK) == 0);
    tell("no keys from the console", file_has("/proc/sys/kernel/sysrq", "0"));
    tell("no helper for modules", file_has("/proc/sys/kernel/modprobe", "\n") &&
                                      !file_has("/proc/sys/kernel/modprobe", "/"));
    tell("no second kernel", file_has("/proc/sys/kernel/kexec_load_disabled", "1"));
    tell("module loader ended well", modules_ended());
    tell("modules are closed", file_has("/proc/sys/kernel/modules_disabled", "1"));
    tell("a module is refused", module_is_refused());
    tell("lock-down", file_has("/sys/kernel/security/lockdown", "[integrity]"));
    tell("overlay", file_has("/proc/filesystems", "\toverlay\n"));
    tell("network card", access("/sys/class/net/eth0", F_OK) == 0);
    tell("resolver on run", access("/etc/resolv.conf", F_OK) != 0 && errno == ENOENT);
    tell("end", true);
    (void)fflush(stdout);
    (void)tcdrain(STDOUT_FILENO);
    (void)reboot(RB_POWER_OFF);
    return 1;
}

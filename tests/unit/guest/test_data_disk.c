/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data disk at the end: nothing of it stays mounted, or its file system
 * would be left unclean. A tmpfs stands in its place.
 */
#include "guest/data_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define ENGINE_DIR "/var/lib/docker"
#define MARK       "dstack-test-data" /* the mounts' source in mountinfo */

static bool is_mounted(void)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    assert_int_equal(ds_file_load(&text, "/proc/self/mountinfo", 1 << 20, NULL), DS_OK);
    return strstr(text.p, MARK) != NULL;
}

static void mount_data(void)
{
    assert_int_equal(mount(MARK, GUEST_DATA_DIR, "tmpfs", 0, NULL), 0);
    assert_int_equal(mkdir(GUEST_DATA_DIR "/docker", 0700), 0);
    assert_int_equal(mount(GUEST_DATA_DIR "/docker", ENGINE_DIR, NULL, MS_BIND, NULL), 0);
    assert_true(is_mounted());
}

static void nothing_stays_mounted(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    assert_int_equal(guest_data_disk_close(&e), DS_OK); /* never mounted */
    mount_data();
    assert_int_equal(guest_data_disk_close(&e), DS_OK);
    assert_false(is_mounted());
}

static void what_is_in_use_is_detached(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    mount_data();
    int fd = open(ENGINE_DIR "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(guest_data_disk_close(&e), DS_OK);
    assert_false(is_mounted());
    assert_int_equal(close(fd), 0);
}

/* Mounts of our own; needs root of a user namespace, as the whole suite does. */
static int own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount("none", "/var/lib", "tmpfs", 0, NULL) == 0 && mkdir(ENGINE_DIR, 0700) == 0
               ? 0
               : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_stays_mounted),
        cmocka_unit_test(what_is_in_use_is_detached),
    };
    if (own_mounts() < 0) {
        (void)puts("no mount namespace of our own: root of a user namespace is needed");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

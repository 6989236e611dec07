/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of the boot, in the order of DESIGN 4, and the table that says so.
 * Until "ready" everything that decides who this VM is goes into RTMR3; after
 * it the KMS gives no boot keys any more, and the app may run.
 */
#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "app/identity.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "disk/luks.h"
#include "guest/boot.h"
#include "guest/device.h"
#include "guest/identity.h"
#include "guest/images.h"
#include "guest/kms_client.h"
#include "guest/network.h"
#include "guest/pid1.h"
#include "guest/serve.h"

#define DATA_DISK    "data"
#define MKFS_OPTIONS "nodiscard,lazy_itable_init=1,lazy_journal_init=1"
#define DATA_MAPPING "data"
#define DATA_DEVICE  "/dev/mapper/data"
#define HEADER_COPY  "/run/dstack/luks-header"
#define ENGINE_MS    180000
#define MKFS_MS      120000
#define STORAGE_FS   "ext4"

static int emit(struct agent *a, const char *event, struct ds_span payload, struct ds_error *e)
{
    return tee_runtime_emit(a->tee, TEE_RUNTIME_DIR, event, payload, e);
}

static int step_shared(struct agent *a, struct ds_error *e)
{
    struct guest_path disk;
    DS_TRY(ds_dir_make("/run/dstack", 0755, e));
    DS_TRY(guest_disk_find(&disk, "shared", e));
    DS_TRY(guest_shared_load(&a->shared, disk.s, e));
    return guest_sys_config_parse(&a->sys, ds_buf_span(&a->shared.sys_config), e);
}

static int step_platform(struct agent *a, struct ds_error *e)
{
    DS_TRY(tee_open(&a->tee, "", e));
    return tee_boot_log(&a->boot_log, a->tee, e);
}

/* Process 1 says when the last module is in; from then on none can be loaded (lockdown). */
static int step_modules(struct agent *a, struct ds_error *e)
{
    char byte;
    ssize_t n;
    (void)a;
    do
        n = read(GUEST_MODULES_FD, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        return ds_fail_errno(e, n < 0 ? errno : EPIPE, "wait for the kernel modules");
    return close(GUEST_MODULES_FD) == 0 ? DS_OK : ds_fail_errno(e, errno, "close a pipe");
}

static int step_network(struct agent *a, struct ds_error *e)
{
    return guest_network_up(&a->sys, e);
}

/* guest-api 4.1, events 1 to 8. */
static int step_measure(struct agent *a, struct ds_error *e)
{
    uint8_t hash32[32];
    if (a->compose.event_log_version != 1)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_GUEST_EVENT_VERSION, "event_log_version",
                         "1", "2", "app-compose");
    DS_TRY(emit(a, "system-preparing", DS_SPAN(NULL, 0), e));
    DS_TRY(emit(a, "app-id", DS_SPAN_OF(a->id.app_id20), e));
    DS_TRY(emit(a, "compose-hash", DS_SPAN_OF(a->id.compose32), e));
    for (size_t i = 0; i < a->compose.n_init_scripts; i++) {
        DS_TRY(ds_hash(DS_SHA256, hash32, a->compose.init_scripts[i], e));
        DS_TRY(emit(a, "init-script-hash", DS_SPAN_OF(hash32), e));
    }
    DS_TRY(emit(a, "gpu-policy-hash", DS_SPAN_OF(a->id.gpu_policy32), e));
    DS_TRY(emit(a, "instance-id", DS_SPAN(a->id.instance_id20, a->id.instance_id_len), e));
    return emit(a, "boot-mr-done", DS_SPAN(NULL, 0), e);
}

static int step_keys(struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf info = { 0 };
    if (a->compose.key_provider != APP_KEY_PROVIDER_KMS)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_GUEST_KEY_PROVIDER, "key_provider", "kms",
                         app_key_provider_text(a->compose.key_provider), "app-compose");
    DS_TRY(guest_kms_boot_keys(&a->keys, &a->boot.reasons, a, e));
    DS_TRY(emit(a, "os-image-hash", DS_SPAN_OF(a->keys.os_image32), e));
    DS_TRY(app_key_provider_info(&info, a->compose.key_provider, a->compose.key_provider_id, e));
    return emit(a, "key-provider", ds_buf_span(&info), e);
}

static int run(const char *const *argv, struct ds_error *e)
{
    const struct ds_proc_spec spec = { .argv = argv };
    return ds_proc_run(NULL, &spec, DS_SPAN_LIT(""), 64 * 1024, MKFS_MS, e);
}

/* e2fsck(8): status 1 means that errors were found and corrected, as after a lost host. */
static int check_fs(const char *const *argv, struct ds_error *e)
{
    const struct ds_proc_spec spec = { .argv = argv };
    struct ds_proc p;
    struct ds_proc_exit ended = { 0 };
    DS_TRY(ds_proc_spawn(&p, &spec, e));
    int r = ds_proc_wait(&ended, &p, MKFS_MS, e);
    if (r == DS_OK && !ended.ended)
        r = ds_proc_stop(&ended, &p, 0, e);
    ds_proc_done(&p);
    DS_TRY(r);
    if (ended.status > 1)
        return ds_fail_code(e, DS_ERR_SYS, DS_CODE_PROC_FAILED, "'%s' ended with status %d",
                            argv[0], ended.status);
    return DS_OK;
}

/* 64 hex digits of the key, in locked memory. */
static int passphrase_of(struct ds_secret *ret, const struct ds_secret *key32, struct ds_error *e)
{
    static const char digits[] = "0123456789abcdef";
    DS_TRY(ds_secret_new(ret, 64, e));
    for (size_t i = 0; i < 32; i++) {
        ret->p[2 * i] = (uint8_t)digits[key32->p[i] >> 4];
        ret->p[2 * i + 1] = (uint8_t)digits[key32->p[i] & 15];
    }
    return DS_OK;
}

static int open_data(struct agent *a, const char *device, struct ds_error *e)
{
    /* What is not written now is written later by the kernel, beside the app. */
    const char *const mkfs[] = {
        "mke2fs", "-q", "-t", "ext4", "-E", MKFS_OPTIONS, DATA_DEVICE, NULL
    };
    const char *const fsck[] = { "e2fsck", "-p", DATA_DEVICE, NULL };
    DS_AUTO(ds_secret_wipe) struct ds_secret pass = { 0 };
    enum disk_content content;
    DS_TRY(passphrase_of(&pass, &a->keys.disk_key32, e));
    DS_TRY(disk_content_probe(&content, device, e));
    if (content == DISK_CONTENT_OTHER)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_HEADER_REFUSED, "data disk",
                         "an empty disk or a LUKS2 volume", "something else", "host");
    if (content == DISK_CONTENT_EMPTY) {
        DS_TRY(disk_luks_format(device, ds_secret_span(&pass), e));
        DS_TRY(disk_luks_open(device, DATA_MAPPING, ds_secret_span(&pass), HEADER_COPY, e));
        return run(mkfs, e);
    }
    DS_TRY(disk_luks_open(device, DATA_MAPPING, ds_secret_span(&pass), HEADER_COPY, e));
    return check_fs(fsck, e);
}

/* A directory of the data disk, seen where the engine expects it. */
static int bind_data(const char *name, const char *target, struct ds_error *e)
{
    char from[64];
    (void)snprintf(from, sizeof from, GUEST_DATA_DIR "/%s", name);
    DS_TRY(ds_dir_make(from, 0711, e));
    DS_TRY(ds_dir_make(target, 0711, e));
    if (mount(from, target, NULL, MS_BIND, NULL) != 0)
        return ds_fail_errno(e, errno, "bind '%s' to '%s'", from, target);
    return DS_OK;
}

static int step_disk(struct agent *a, struct ds_error *e)
{
    const char *const grow[] = { "resize2fs", DATA_DEVICE, NULL };
    struct guest_path disk;
    if (a->compose.storage_fs == APP_STORAGE_ZFS)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_GUEST_STORAGE_FS, "storage_fs", STORAGE_FS,
                         "zfs", "app-compose");
    DS_TRY(guest_disk_find(&disk, DATA_DISK, e));
    DS_TRY(open_data(a, disk.s, e));
    if (mount(DATA_DEVICE, GUEST_DATA_DIR, "ext4", MS_NOSUID | MS_NODEV, NULL) != 0)
        return ds_fail_errno(e, errno, "mount the data disk");
    /* Mounted: a file system that is not, resize2fs wants to see checked in full each time. */
    DS_TRY(run(grow, e));
    DS_TRY(bind_data("docker", "/var/lib/docker", e));
    DS_TRY(bind_data("containerd", "/var/lib/containerd", e));
    return emit(a, "storage-fs", DS_SPAN_LIT(STORAGE_FS), e);
}

static int step_env(struct agent *a, struct ds_error *e) { return guest_env_open(a, e); }

/* From here on the app is in control: the KMS refuses boot keys to a log with this event. */
static int step_ready(struct agent *a, struct ds_error *e)
{
    return emit(a, "system-ready", DS_SPAN(NULL, 0), e);
}

static int step_engine(struct agent *a, struct ds_error *e)
{
    DS_TRY(guest_engine_start(&a->engine, e));
    return guest_engine_wait(&a->engine, ENGINE_MS, e);
}

static int step_images(struct agent *a, struct ds_error *e) { return guest_images_load(a, e); }

static int step_app(struct agent *a, struct ds_error *e) { return guest_app_start(a, e); }

const struct boot_step boot_steps[] = {
    { "shared", "read what the host hands over", step_shared, NULL },
    { "platform", "open the platform and its boot log", step_platform, NULL },
    { "identity", "check who this VM is", guest_identity_check, NULL },
    { "modules", "wait for the kernel modules", step_modules, NULL },
    { "network", "bring the network up", step_network, NULL },
    { "measure", "extend the app's identity into RTMR3", step_measure, NULL },
    { "keys", "get keys from the KMS by attestation", step_keys, NULL },
    { "disk", "open the encrypted data disk", step_disk, NULL },
    { "env", "decrypt the environment", step_env, NULL },
    { "ready", "close the trusted boot", step_ready, guest_serve_start },
    { "engine", "start the container engine", step_engine, NULL },
    { "images", "load images from measured volumes", step_images, NULL },
    { "app", "start the app's containers", step_app, NULL },
};
const size_t boot_n_steps = DS_LEN(boot_steps);

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
#include "guest/boot.h"
#include "guest/credential.h"
#include "guest/data_disk.h"
#include "guest/device.h"
#include "guest/identity.h"
#include "guest/images.h"
#include "guest/kms_client.h"
#include "guest/lacks.h"
#include "guest/network.h"
#include "guest/pid1.h"
#include "guest/pull.h"
#include "guest/serve.h"

#define ENGINE_MS  180000
#define STORAGE_FS "ext4"
#define CONFIGFS   "/sys/kernel/config"

static int emit(struct agent *a, const char *event, struct ds_span payload, struct ds_error *e)
{
    return tee_runtime_emit(a->tee, TEE_RUNTIME_DIR, event, payload, e);
}

static int step_programs(struct agent *a, struct ds_error *e)
{
    return guest_engine_start(&a->engine, e);
}

static int step_shared(struct agent *a, struct ds_error *e)
{
    struct guest_path disk;
    DS_TRY(ds_dir_make("/run/dstack", 0755, e));
    DS_TRY(guest_disk_find(&disk, "shared", e));
    DS_TRY(guest_shared_load(&a->shared, disk.s, e));
    return guest_sys_config_parse(&a->sys, ds_buf_span(&a->shared.sys_config), e);
}

/* TDX gives quotes by configfs. Where its module is not loaded the platform does without. */
static int mount_configfs(struct ds_error *e)
{
    if (!ds_file_exists(CONFIGFS))
        return DS_OK;
    if (mount("configfs", CONFIGFS, "configfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "") != 0 &&
        errno != EBUSY)
        return ds_fail_errno(e, errno, "mount '%s'", CONFIGFS);
    return DS_OK;
}

static int step_platform(struct agent *a, struct ds_error *e)
{
    DS_TRY(mount_configfs(e));
    DS_TRY(tee_open(&a->tee, "", e));
    return tee_boot_log(&a->boot_log, a->tee, e);
}

/*
 * Process 1 says when the last module is in; from then on none can be loaded (lockdown). The
 * platform's own module is among them.
 */
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
    DS_TRY(guest_network_up(&a->sys, e));
    return guest_registries_open(a, e);
}

/* guest-api 4.1, events 1 to 8 without init-script-hash: no script runs here. */
static int step_measure(struct agent *a, struct ds_error *e)
{
    DS_TRY(guest_lacks_check(&a->compose, e));
    DS_TRY(emit(a, "system-preparing", DS_SPAN(NULL, 0), e));
    DS_TRY(emit(a, "app-id", DS_SPAN_OF(a->id.app_id20), e));
    DS_TRY(emit(a, "compose-hash", DS_SPAN_OF(a->id.compose32), e));
    DS_TRY(emit(a, "gpu-policy-hash", DS_SPAN_OF(a->id.gpu_policy32), e));
    DS_TRY(emit(a, "instance-id", DS_SPAN(a->id.instance_id20, a->id.instance_id_len), e));
    return emit(a, "boot-mr-done", DS_SPAN(NULL, 0), e);
}

static int step_keys(struct agent *a, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf info = { 0 };
    DS_TRY(guest_kms_boot_keys(&a->keys, &a->boot.reasons, a, e));
    DS_TRY(emit(a, "os-image-hash", DS_SPAN_OF(a->keys.os_image32), e));
    DS_TRY(app_key_provider_info(&info, a->compose.key_provider, a->compose.key_provider_id, e));
    return emit(a, "key-provider", ds_buf_span(&info), e);
}

static int step_disk(struct agent *a, struct ds_error *e)
{
    int r = guest_data_disk_open(a, e);
    ds_secret_wipe(&a->keys.disk_key32); /* the kernel has what it needs */
    DS_TRY(r);
    return emit(a, "storage-fs", DS_SPAN_LIT(STORAGE_FS), e);
}

static int step_env(struct agent *a, struct ds_error *e)
{
    int r = guest_env_open(a, e);
    ds_secret_wipe(&a->keys.env_key32);
    return r;
}

/* From here on the app is in control: the KMS refuses boot keys to a log with this event. */
static int step_ready(struct agent *a, struct ds_error *e)
{
    return emit(a, "system-ready", DS_SPAN(NULL, 0), e);
}

static int step_engine(struct agent *a, struct ds_error *e)
{
    a->engine.logs_are_public = a->compose.public_logs;
    DS_TRY(guest_engine_open(&a->engine, e));
    DS_TRY(guest_app_prepare(a, e));
    return guest_engine_wait(&a->engine, ENGINE_MS, e);
}

static int step_images(struct agent *a, struct ds_error *e)
{
    DS_TRY(guest_images_load(a, e));
    return guest_images_pull(a, e);
}

static int step_app(struct agent *a, struct ds_error *e) { return guest_app_start(a, e); }

const struct boot_step boot_steps[] = {
    { "programs", "load the container engine's programs", step_programs, NULL },
    { "shared", "read what the host hands over", step_shared, NULL },
    { "modules", "wait for the kernel modules", step_modules, NULL },
    { "platform", "open the platform and its boot log", step_platform, NULL },
    { "identity", "check who this VM is", guest_identity_check, NULL },
    { "network", "bring the network up", step_network, NULL },
    { "measure", "extend the app's identity into RTMR3", step_measure, NULL },
    { "keys", "get keys from the KMS by attestation", step_keys, guest_credential_keep },
    { "disk", "open the encrypted data disk", step_disk, NULL },
    { "env", "decrypt the environment", step_env, NULL },
    { "ready", "close the trusted boot", step_ready, guest_serve_start },
    { "engine", "start the container engine", step_engine, NULL },
    { "images", "load images from volumes, pull them by digest", step_images, NULL },
    { "app", "start the app's containers", step_app, NULL },
};
const size_t boot_n_steps = DS_LEN(boot_steps);

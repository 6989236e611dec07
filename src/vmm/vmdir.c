/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a VM directory. The fault hooks of a write carry its file's name.
 */
#include "vmm/vmdir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <yyjson.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "crypto/hash.h"

#define MANIFEST_FILE   "vm-manifest.json"
#define STATE_FILE      "vm-state.json"
#define LAUNCH_FILE     "launch.json"
#define REMOVING_FILE   ".removing"
#define UPDATE_DIR      "update" /* there: an update that is final, and not yet all in its place */
#define UPDATE_NEW_DIR  "update.new"
#define MANIFEST_MAX    ((size_t)256 << 10)
#define QCOW2_SIZE_AT   24 /* BE64: bytes of the virtual disk */
#define DISK_TIMEOUT_MS 60000

char *vmm_path(char out[static VMM_PATH_LEN], const char *dir, const char *name)
{
    int n = snprintf(out, VMM_PATH_LEN, "%s/%s", dir, name);
    assert(n > 0 && n < VMM_PATH_LEN);
    return out;
}

static int save(const char *dir, const char *name, struct ds_span content, const char *point,
                struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    return ds_file_save(vmm_path(path, dir, name), content, 0600, point, e);
}

static int save_manifest(const char *dir, const struct vmm_manifest *m, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_TRY(vmm_manifest_encode(&json, m, e));
    return save(dir, MANIFEST_FILE, ds_buf_span(&json), "vmm.manifest", e);
}

int vmm_dir_save_state(const char *dir, bool started, struct ds_error *e)
{
    struct ds_span json = started ? DS_SPAN_LIT("{\"started\":true}")
                                  : DS_SPAN_LIT("{\"started\":false}");
    return save(dir, STATE_FILE, json, "vmm.state", e);
}

static int save_if(const char *dir, enum vmm_share_file file, struct ds_span content,
                   const char *point, struct ds_error *e)
{
    const struct vmm_share_row *row = &vmm_share_rows[file];
    if (content.p == NULL)
        return DS_OK;
    if (content.len > row->max)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_FILE_TOO_LARGE,
                            "'%s' has %zu bytes; at most %zu", row->name, content.len, row->max);
    return save(dir, row->name, content, point, e);
}

static int save_files(const char *dir, const struct vmm_files *files, struct ds_error *e)
{
    DS_TRY(save_if(dir, VMM_SHARE_APP_COMPOSE, files->app_compose, "vmm.app_compose", e));
    DS_TRY(save_if(dir, VMM_SHARE_ENCRYPTED_ENV, files->encrypted_env, "vmm.encrypted_env", e));
    DS_TRY(save_if(dir, VMM_SHARE_USER_CONFIG, files->user_config, "vmm.user_config", e));
    return save_if(dir, VMM_SHARE_INSTANCE_INFO, files->instance_info, "vmm.instance_info", e);
}

int vmm_dir_create(const char *dir, const struct vmm_manifest *m, bool started,
                   const struct vmm_files *files, struct ds_error *e)
{
    DS_TRY(ds_dir_make(dir, 0700, e));
    DS_TRY(save_files(dir, files, e));
    DS_TRY(vmm_dir_save_state(dir, started, e));
    return save_manifest(dir, m, e);
}

/* What was moved before a crash is not there any more, and needs no second time. */
static int move_updated(const char *dir, const char *update, const char *name, struct ds_error *e)
{
    char from[VMM_PATH_LEN];
    char to[VMM_PATH_LEN];
    if (!ds_file_exists(vmm_path(from, update, name)))
        return DS_OK;
    return ds_file_commit(vmm_path(to, dir, name), from, "vmm.update_file", e);
}

static int finish_update(const char *dir, struct ds_error *e)
{
    char update[VMM_PATH_LEN];
    char unfinished[VMM_PATH_LEN];
    if (ds_file_exists(vmm_path(update, dir, UPDATE_DIR))) {
        for (size_t i = 0; i < VMM_SHARE_N; i++)
            DS_TRY(move_updated(dir, update, vmm_share_rows[i].name, e));
        DS_TRY(move_updated(dir, update, MANIFEST_FILE, e));
        DS_TRY(ds_dir_remove(update, e));
    }
    DS_FAULT("vmm.update.whole");
    return ds_dir_remove(vmm_path(unfinished, dir, UPDATE_NEW_DIR), e);
}

int vmm_dir_update(const char *dir, const struct vmm_manifest *m, const struct vmm_files *files,
                   struct ds_error *e)
{
    char update[VMM_PATH_LEN];
    char unfinished[VMM_PATH_LEN];
    (void)vmm_path(update, dir, UPDATE_DIR);
    (void)vmm_path(unfinished, dir, UPDATE_NEW_DIR);
    DS_TRY(finish_update(dir, e));
    DS_TRY(ds_dir_make(unfinished, 0700, e));
    DS_TRY(save_files(unfinished, files, e));
    DS_TRY(save_manifest(unfinished, m, e));
    DS_TRY(ds_file_commit(update, unfinished, "vmm.update", e));
    return finish_update(dir, e);
}

int vmm_dir_load(struct vmm_manifest *ret, bool *ret_started, const char *dir, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf state = { 0 };
    DS_TRY(finish_update(dir, e));
    DS_TRY(ds_file_load(&json, vmm_path(path, dir, MANIFEST_FILE), MANIFEST_MAX, e));
    DS_TRY(ds_file_load(&state, vmm_path(path, dir, STATE_FILE), MANIFEST_MAX, e));
    DS_TRY(vmm_manifest_parse(ret, ds_buf_span(&json), e));
    yyjson_doc *doc = yyjson_read(state.p, state.len, 0);
    yyjson_val *started = yyjson_obj_get(yyjson_doc_get_root(doc), "started");
    bool is_bool = yyjson_is_bool(started);
    *ret_started = yyjson_is_true(started);
    yyjson_doc_free(doc);
    if (!is_bool)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN, "'%s' has no 'started'",
                            path);
    return DS_OK;
}

int vmm_dir_save_instance(const char *dir, struct ds_span json, struct ds_error *e)
{
    return save_if(dir, VMM_SHARE_INSTANCE_INFO, json, "vmm.instance_report", e);
}

int vmm_dir_identity(char ret_compose_hash[static 65], char ret_instance_id[static 41],
                     const char *dir, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    uint8_t hash32[32];
    const struct vmm_share_row *rows = vmm_share_rows;
    DS_AUTO(ds_buf_done) struct ds_buf app = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf info = { 0 };
    (void)vmm_path(path, dir, rows[VMM_SHARE_APP_COMPOSE].name);
    DS_TRY(ds_file_load(&app, path, rows[VMM_SHARE_APP_COMPOSE].max, e));
    DS_TRY(ds_hash(DS_SHA256, hash32, ds_buf_span(&app), e));
    (void)ds_hex_encode(ret_compose_hash, DS_SPAN_OF(hash32));
    ret_instance_id[0] = '\0';
    (void)vmm_path(path, dir, rows[VMM_SHARE_INSTANCE_INFO].name);
    if (ds_file_load(&info, path, rows[VMM_SHARE_INSTANCE_INFO].max, NULL) < 0)
        return DS_OK;
    yyjson_doc *doc = yyjson_read(info.p, info.len, 0);
    const char *id = yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "instance_id"));
    if (id == NULL || strspn(id, "0123456789abcdef") != strlen(id) ||
        !ds_str_copy(ret_instance_id, 41, id))
        ret_instance_id[0] = '\0';
    yyjson_doc_free(doc);
    return DS_OK;
}

static void put_proc(struct ds_jw *w, const char *key, const struct ds_proc_id *id)
{
    if (id->pid == 0)
        return;
    ds_jw_object(w, key);
    ds_jw_i64(w, "pid", id->pid);
    ds_jw_u64(w, "start_ticks", id->start_ticks);
    ds_jw_str(w, "boot_id", id->boot_id);
    ds_jw_object_end(w);
}

int vmm_dir_save_launch(const char *dir, const struct vmm_launch *launch,
                        const struct vmm_args *args, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    struct ds_jw w = ds_jw_of(&json);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "launch_id", launch->id);
    ds_jw_bool(&w, "kvm", launch->kvm);
    ds_jw_i64(&w, "started_at_ms", launch->started_at_ms);
    put_proc(&w, "qemu", &launch->qemu);
    put_proc(&w, "simtee", &launch->simtee);
    ds_jw_array(&w, "args");
    for (size_t i = 0; args != NULL && i < args->n; i++)
        ds_jw_str(&w, NULL, args->v[i]);
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, LAUNCH_FILE));
    DS_TRY(save(dir, LAUNCH_FILE, ds_buf_span(&json), "vmm.launch", e));
    if (launch->qemu.pid == 0)
        return DS_OK;
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d\n", (int)launch->qemu.pid);
    return save(dir, "qemu.pid", ds_span_str(pid), "vmm.pid", e);
}

static void get_proc(struct ds_proc_id *ret, yyjson_val *v)
{
    const char *boot_id = yyjson_get_str(yyjson_obj_get(v, "boot_id"));
    struct ds_proc_id id = {
        .pid = (pid_t)yyjson_get_int(yyjson_obj_get(v, "pid")),
        .start_ticks = yyjson_get_uint(yyjson_obj_get(v, "start_ticks")),
    };
    if (boot_id != NULL && id.pid > 1 && ds_str_copy(id.boot_id, sizeof id.boot_id, boot_id))
        *ret = id;
}

void vmm_dir_load_launch(struct vmm_launch *ret, const char *dir)
{
    char path[VMM_PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    *ret = (struct vmm_launch){ 0 };
    if (ds_file_load(&json, vmm_path(path, dir, LAUNCH_FILE), MANIFEST_MAX, NULL) < 0)
        return;
    yyjson_doc *doc = yyjson_read(json.p, json.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *id = yyjson_get_str(yyjson_obj_get(root, "launch_id"));
    if (id != NULL && ds_str_copy(ret->id, sizeof ret->id, id)) {
        ret->kvm = yyjson_is_true(yyjson_obj_get(root, "kvm"));
        ret->started_at_ms = yyjson_get_sint(yyjson_obj_get(root, "started_at_ms"));
        get_proc(&ret->qemu, yyjson_obj_get(root, "qemu"));
        get_proc(&ret->simtee, yyjson_obj_get(root, "simtee"));
    }
    yyjson_doc_free(doc);
}

/* A file that is not there stays out of the archive; one that cannot be read is an error. */
static int load_shared(struct ds_buf *ret, struct ds_span *ret_span, const char *dir,
                       const struct vmm_share_row *row, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    int r = ds_file_load(ret, vmm_path(path, dir, row->name), row->max, e);
    if (r == DS_ERR_NOTFOUND)
        return DS_OK;
    DS_TRY(r);
    *ret_span = ret->len > 0 ? ds_buf_span(ret) : DS_SPAN_LIT("");
    return DS_OK;
}

int vmm_dir_share(const char *dir, struct ds_span sys_config, struct ds_error *e)
{
    struct ds_buf content[VMM_SHARE_N] = { 0 };
    struct ds_span files[VMM_SHARE_N] = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf archive = { 0 };
    int r = save_if(dir, VMM_SHARE_SYS_CONFIG, sys_config, "vmm.sys_config", e);
    for (size_t i = 0; r == DS_OK && i < VMM_SHARE_N; i++)
        r = load_shared(&content[i], &files[i], dir, &vmm_share_rows[i], e);
    if (r == DS_OK)
        r = vmm_share_encode(&archive, files, e);
    if (r == DS_OK)
        r = save(dir, VMM_FILE_SHARED, ds_buf_span(&archive), "vmm.shared", e);
    for (size_t i = 0; i < VMM_SHARE_N; i++)
        ds_buf_done(&content[i]);
    return r;
}

static int disk_len(uint64_t *ret, const char *path, struct ds_error *e)
{
    uint8_t head[QCOW2_SIZE_AT + 8];
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head || memcmp(head, "QFI\xfb", 4) != 0)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_VMM_STATE_BROKEN, "'%s' is no qcow2 disk",
                            path);
    struct ds_reader r = ds_reader_of(DS_SPAN(head + QCOW2_SIZE_AT, 8));
    *ret = ds_read_u64be(&r);
    return DS_OK;
}

static int run_qemu_img(const char *const *argv, struct ds_error *e)
{
    struct ds_proc_spec spec = { .argv = argv };
    int r = ds_proc_run(NULL, &spec, (struct ds_span){ 0 }, 64 << 10, DISK_TIMEOUT_MS, e);
    if (r == DS_ERR_NOTFOUND)
        ds_error_code(e, DS_CODE_VMM_QEMU_MISSING);
    return r < 0 ? ds_wrap(e, r, "data disk") : r;
}

int vmm_dir_disk(const char *dir, uint32_t disk_gib, const char *qemu_img, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    char made[VMM_PATH_LEN];
    char len[24];
    uint64_t have = 0;
    (void)vmm_path(path, dir, VMM_FILE_DATA);
    (void)vmm_path(made, dir, VMM_FILE_DATA ".new");
    (void)snprintf(len, sizeof len, "%uG", disk_gib);
    if (ds_file_exists(path)) {
        const char *const argv[] = { qemu_img, "resize", "-q", "-f", "qcow2", path, len, NULL };
        DS_TRY(disk_len(&have, path, e));
        if (have >= (uint64_t)disk_gib << 30)
            return DS_OK;
        DS_FAULT("vmm.disk_resize.before");
        return run_qemu_img(argv, e);
    }
    const char *const argv[] = { qemu_img, "create", "-q", "-f", "qcow2", made, len, NULL };
    DS_TRY(run_qemu_img(argv, e));
    return ds_file_commit(path, made, "vmm.disk", e);
}

int vmm_dir_mark_removed(const char *dir, struct ds_error *e)
{
    return save(dir, REMOVING_FILE, (struct ds_span){ 0 }, "vmm.removing", e);
}

/* The manifest first: whatever else is gone, a directory with one would pass for a VM. */
int vmm_dir_remove(const char *dir, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    DS_TRY(ds_file_remove(vmm_path(path, dir, MANIFEST_FILE), "vmm.remove", e));
    DS_TRY(ds_dir_remove(dir, e));
    DS_FAULT("vmm.remove.whole");
    return DS_OK;
}

/* Only "not there" means that: what cannot be looked at may hold somebody's data. */
static int look_for(bool *ret_there, const char *dir, const char *name, struct ds_error *e)
{
    char path[VMM_PATH_LEN];
    *ret_there = access(vmm_path(path, dir, name), F_OK) == 0;
    return *ret_there || errno == ENOENT ? DS_OK : ds_fail_errno(e, errno, "look for '%s'", path);
}

int vmm_dir_is_leftover(bool *ret, const char *dir, struct ds_error *e)
{
    bool removing;
    bool made;
    DS_TRY(look_for(&removing, dir, REMOVING_FILE, e));
    DS_TRY(look_for(&made, dir, MANIFEST_FILE, e));
    *ret = removing || !made;
    return DS_OK;
}

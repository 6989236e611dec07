/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to vmm and kms of this machine, and starting them.
 */
#include "cli/daemons.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "rpc/client.h"

#define START_MS 20000
#define POLL_NS  20000000L
#define CALL_MS  120000

#define SHUTDOWN_MS      30000
#define SHUTDOWN_POLL_NS 100000000L

static int call(yyjson_doc **ret, struct cli *cli, const char *address, const char *method,
                struct ds_span params, struct ds_error *e)
{
    const struct rpc_target target = { .address = address, .timeout_ms = CALL_MS };
    cli->reasons = (struct ds_verdict){ 0 };
    return rpc_client_call(ret, &cli->reasons, &target, method, params, e);
}

int cli_vmm_call(yyjson_doc **ret, struct cli *cli, const char *method, struct ds_span params,
                 struct ds_error *e)
{
    return call(ret, cli, cli->vmm_socket, method, params, e);
}

int cli_kms_call(yyjson_doc **ret, struct cli *cli, const char *method, struct ds_span params,
                 struct ds_error *e)
{
    return call(ret, cli, cli->kms_admin, method, params, e);
}

const char *cli_text(yyjson_val *obj, const char *key)
{
    const char *text = yyjson_get_str(yyjson_obj_get(obj, key));
    return text != NULL ? text : "";
}

int cli_word(char *ret, size_t ret_len, yyjson_val *obj, const char *key, struct ds_error *e)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_.";
    const char *text = cli_text(obj, key);
    if (text[0] == '\0' || text[strspn(text, allowed)] != '\0' || !ds_str_copy(ret, ret_len, text))
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, key, "letters, digits and -_.",
                         text[0] != '\0' ? text : "nothing", "dstack-vmm");
    return DS_OK;
}

int cli_vmm_list(yyjson_doc **ret, yyjson_val **ret_list, struct cli *cli, const char *method,
                 const char *key, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_TRY(cli_vmm_call(&doc, cli, method, DS_SPAN_LIT(""), e));
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), key);
    if (!yyjson_is_arr(list))
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_RPC_BAD_REPLY, key, "a list", "none",
                         "dstack-vmm");
    *ret = DS_TAKE_PTR(doc);
    *ret_list = list;
    return DS_OK;
}

int cli_list_print(yyjson_val *list, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *text = yyjson_val_write(list, YYJSON_WRITE_ESCAPE_UNICODE, NULL);
    if (text == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "print a list");
    cli_print("%s\n", text);
    return DS_OK;
}

static bool answers(struct cli *cli, const char *address)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_error ignored;
    return call(&doc, cli, address, "Version", DS_SPAN_LIT(""), &ignored) == DS_OK;
}

static int wait_for(struct cli *cli, const char *address, struct ds_proc *p, const char *program,
                    const char *log_path, struct ds_error *e)
{
    int64_t deadline = ds_clock_mono_ms() + START_MS;
    while (!answers(cli, address)) {
        struct ds_proc_exit ended;
        DS_TRY(ds_proc_wait(&ended, p, 0, e));
        if (ended.ended || ds_clock_mono_ms() > deadline)
            return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_DAEMON_FAILED, program,
                             "an answer on its socket",
                             ended.ended ? "it ended" : "silence for 20 s", log_path);
        (void)nanosleep(&(struct timespec){ .tv_nsec = POLL_NS }, NULL);
    }
    return DS_OK;
}

/* argv[0] is replaced by the program's path. */
static int start(struct cli *cli, const char *room, const char *program, const char **argv,
                 const char *address, struct ds_error *e)
{
    char path[DS_PLACE_MAX], log_path[DS_PLACE_MAX + 64];
    DS_TRY(ds_place_program(path, room, program, e));
    (void)snprintf(log_path, sizeof log_path, "%s/%s/%s.log", cli->state, room, program);
    argv[0] = path;
    const struct ds_proc_spec spec = { .argv = argv, .log_path = log_path, .session = true };
    struct ds_proc p;
    cli_note("start %s\n", program);
    DS_TRY(ds_proc_spawn(&p, &spec, e));
    int r = wait_for(cli, address, &p, program, log_path, e);
    ds_proc_done(&p);
    return r;
}

/* Commands that find no daemon at the same moment start one, and the others wait for it. */
static int start_lock(int *ret_fd, struct cli *cli, const char *room, const char *program,
                      struct ds_error *e)
{
    char path[DS_PLACE_MAX + 64];
    int64_t deadline = ds_clock_mono_ms() + START_MS;
    (void)snprintf(path, sizeof path, "%s/%s", cli->state, room);
    DS_TRY(ds_dir_make(path, 0700, e));
    (void)snprintf(path, sizeof path, "%s/%s/start.lock", cli->state, room);
    for (;;) {
        int r = ds_file_lock(ret_fd, path, e);
        if (r != DS_ERR_EXISTS)
            return r;
        if (ds_clock_mono_ms() > deadline)
            return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_DAEMON_FAILED, program,
                             "an answer on its socket",
                             "another command has been starting it for 20 s", path);
        (void)nanosleep(&(struct timespec){ .tv_nsec = POLL_NS }, NULL);
    }
}

static int ensure(struct cli *cli, const char *room, const char *program, const char **argv,
                  const char *address, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int lock = -1;
    if (answers(cli, address))
        return DS_OK;
    DS_TRY(start_lock(&lock, cli, room, program, e));
    return answers(cli, address) ? DS_OK : start(cli, room, program, argv, address, e);
}

int cli_vmm_ensure(struct cli *cli, struct ds_error *e)
{
    const char *argv[] = { NULL, NULL };
    return ensure(cli, "vmm", "dstack-vmm", argv, cli->vmm_socket, e);
}

int cli_kms_ensure(struct cli *cli, const char *kind, struct ds_error *e)
{
    const char *argv[] = { NULL, "--local", "--birth-kind", kind, NULL };
    return ensure(cli, "kms", "dstack-kms", argv, cli->kms_admin, e);
}

int cli_vm_find(yyjson_doc **ret, yyjson_val **ret_vm, struct cli *cli, const char *name,
                struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    size_t i, n;
    yyjson_val *vm;
    yyjson_val *vms;
    DS_TRY(cli_vmm_list(&doc, &vms, cli, "Status", "vms", e));
    *ret_vm = NULL;
    yyjson_arr_foreach(vms, i, n, vm)
    {
        if (strcmp(cli_text(vm, "name"), name) == 0 || strcmp(cli_text(vm, "id"), name) == 0)
            *ret_vm = vm;
    }
    *ret = DS_TAKE_PTR(doc);
    return DS_OK;
}

int cli_vm_get(yyjson_doc **ret, yyjson_val **ret_vm, struct cli *cli, const char *name,
               struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *vm;
    DS_TRY(cli_vm_find(&doc, &vm, cli, name, e));
    if (vm == NULL)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_CLI_NO_VM, "name", "a VM of this machine",
                         name, NULL);
    *ret = DS_TAKE_PTR(doc);
    *ret_vm = vm;
    return DS_OK;
}

static bool is_status(yyjson_val *vm, const char *status)
{
    return strcmp(cli_text(vm, "status"), status) == 0;
}

bool cli_vm_has_failed(yyjson_val *vm)
{
    return is_status(vm, "running") && cli_text(vm, "boot_error")[0] != '\0' &&
           !yyjson_get_bool(yyjson_obj_get(vm, "app_ready"));
}

void cli_vm_tell_failed(yyjson_val *vm)
{
    DS_AUTO(ds_buf_done) struct ds_buf name = { 0 };
    cli_plain_add(&name, cli_text(vm, "name"), 0);
    if (!cli_vm_has_failed(vm) || ds_buf_end(&name, NULL, "a name") < 0)
        return;
    cli_note("%s: its boot failed, but its VM still runs and holds its ports; 'dstack up' tries "
             "again, 'dstack logs %s' shows its console,\n'dstack down %s' stops it and keeps its "
             "data, 'dstack down %s --remove' removes both\n",
             name.p, name.p, name.p, name.p);
}

/* One that ended and will be started again counts as running: the guest is worth waiting for. */
int cli_vm_check_runs(yyjson_val *vm, struct ds_error *e)
{
    bool again = yyjson_get_bool(yyjson_obj_get(vm, "restarting"));
    const char *name = cli_text(vm, "name");
    if (cli_vm_has_failed(vm))
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_VM_NOT_RUNNING, "boot", "done",
                         cli_text(vm, "boot_error"), name);
    if (!again && (is_status(vm, "stopped") || is_status(vm, "exited")))
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_VM_NOT_RUNNING, "status", "running",
                         cli_text(vm, "status"), name);
    return DS_OK;
}

int cli_vm_call(struct cli *cli, const char *method, const char *id, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", id);
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, method));
    return cli_vmm_call(&doc, cli, method, ds_buf_span(&params), e);
}

static int is_running(bool *ret, struct cli *cli, const char *id, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *vm;
    DS_TRY(cli_vm_find(&doc, &vm, cli, id, e));
    const char *status = cli_text(vm, "status");
    *ret = strcmp(status, "running") == 0 || strcmp(status, "stopping") == 0;
    return DS_OK;
}

int cli_vm_stop(struct cli *cli, const char *id, bool force, struct ds_error *e)
{
    bool running;
    struct ds_error why;
    DS_TRY(is_running(&running, cli, id, e));
    int r = force || !running ? DS_ERR_UNAVAILABLE : cli_vm_call(cli, "ShutdownVm", id, &why);
    int64_t deadline = ds_clock_mono_ms() + SHUTDOWN_MS;
    while (r == DS_OK && running && ds_clock_mono_ms() < deadline) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = SHUTDOWN_POLL_NS }, NULL);
        DS_TRY(is_running(&running, cli, id, e));
    }
    /* Also for one that has ended: the VMM may be about to start it again. */
    return cli_vm_call(cli, "StopVm", id, e);
}

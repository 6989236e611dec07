/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack down NAME: shut the app's VM down; with --remove, forget it and its data.
 */
#include <stddef.h>
#include <time.h>

#include "base/clock.h"
#include "cli/daemons.h"
#include "codec/json_write.h"

#define SHUTDOWN_MS 30000

struct opts {
    bool json, remove, force;
};

static const struct ds_arg_option options[] = {
    { "remove", 0, DS_ARG_FLAG, NULL, "remove the VM and its data disk as well",
      offsetof(struct opts, remove), 0 },
    { "force", 0, DS_ARG_FLAG, NULL, "do not wait for the guest to shut down",
      offsetof(struct opts, force), 0 },
    { "json", 0, DS_ARG_FLAG, NULL, "print JSON", offsetof(struct opts, json), 0 },
};

const struct ds_arg_command cmd_down_args = {
    .name = "dstack down",
    .summary = "stop an app's VM, or remove it",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack down hello --remove",
};

static int call_id(struct cli *cli, const char *method, const char *id, struct ds_error *e)
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

/* Ask the guest, give it its time, then pull the plug. */
static int stop(struct cli *cli, const char *id, bool force, struct ds_error *e)
{
    bool running;
    DS_TRY(is_running(&running, cli, id, e));
    if (!running)
        return DS_OK;
    struct ds_error why;
    int r = force ? DS_ERR_UNAVAILABLE : call_id(cli, "ShutdownVm", id, &why);
    int64_t deadline = ds_clock_mono_ms() + SHUTDOWN_MS;
    while (r == DS_OK && running && ds_clock_mono_ms() < deadline) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = 100000000L }, NULL);
        DS_TRY(is_running(&running, cli, id, e));
    }
    return running ? call_id(cli, "StopVm", id, e) : DS_OK;
}

int cmd_down(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { 0 };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_down_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *vm;
    DS_TRY(cli_vmm_ensure(cli, e));
    DS_TRY(cli_vm_get(&doc, &vm, cli, rest.v[0], e));
    const char *id = cli_text(vm, "id");
    DS_TRY(stop(cli, id, o.force, e));
    if (o.remove)
        DS_TRY(call_id(cli, "RemoveVm", id, e));
    if (cli->json)
        cli_print("{\"id\":\"%s\",\"removed\":%s}\n", id, o.remove ? "true" : "false");
    else
        cli_print("%s %s\n", rest.v[0], o.remove ? "removed" : "stopped; its data disk is kept");
    return DS_OK;
}

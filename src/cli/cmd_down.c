/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack down NAME: shut the app's VM down; with --remove, forget it and its data.
 */
#include <stddef.h>

#include "cli/daemons.h"
#include "cli/record.h"

struct opts {
    bool json, remove, force;
};

static const struct ds_arg_option options[] = {
    CLI_FLAG(remove, "remove", 0, "remove the VM and its data disk as well"),
    CLI_FLAG(force, "force", 0, "do not wait for the guest to shut down"),
    CLI_JSON,
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

/* The VMM allows names that `up` does not; of such there is no record. */
static int stop_and_remove(struct cli *cli, yyjson_val *vm, bool force, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int lock = -1;
    const char *id = cli_text(vm, "id"), *name = cli_text(vm, "name");
    bool has_record = cli_name_check(name, NULL) == DS_OK;
    if (has_record)
        DS_TRY(cli_record_lock(&lock, cli, name, e));
    DS_TRY(cli_vm_stop(cli, id, force, e));
    DS_TRY(cli_vm_call(cli, "RemoveVm", id, e));
    return has_record ? cli_record_remove(cli, name, e) : DS_OK;
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
    char id[64];
    DS_TRY(cli_word(id, sizeof id, vm, "id", e));
    DS_TRY(o.remove ? stop_and_remove(cli, vm, o.force, e) : cli_vm_stop(cli, id, o.force, e));
    if (cli->json)
        cli_print("{\"id\":\"%s\",\"removed\":%s}\n", id, o.remove ? "true" : "false");
    else
        cli_print("%s %s\n", rest.v[0], o.remove ? "removed" : "stopped; its data disk is kept");
    return DS_OK;
}

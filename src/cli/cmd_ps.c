/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack ps: the VMs of this machine.
 */
#include <stddef.h>

#include "cli/daemons.h"

struct opts {
    bool json;
};

static const struct ds_arg_option options[] = {
    CLI_JSON,
};

const struct ds_arg_command cmd_ps_args = {
    .name = "dstack ps",
    .summary = "list the VMs of this machine",
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack ps --json",
};

static void add_row(struct ds_buf *out, yyjson_val *vm)
{
    enum { STATUS = 1 };
    static const struct {
        const char *key;
        size_t width;
    } columns[] = { { "name", 16 }, { "status", 9 }, { "uptime", 12 }, { "app_id", 40 } };
    const char *error = cli_text(vm, "boot_error");
    for (size_t i = 0; i < DS_LEN(columns); i++) {
        bool failed = i == STATUS && cli_vm_has_failed(vm);
        cli_plain_add(out, failed ? "failed" : cli_text(vm, columns[i].key), columns[i].width);
        ds_buf_char(out, ' ');
    }
    cli_plain_add(out, error[0] != '\0' ? error : cli_text(vm, "boot_progress"), 0);
    ds_buf_char(out, '\n');
}

int cmd_ps(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { 0 };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_ps_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_TRY(cli_vmm_ensure(cli, e));
    yyjson_val *vms, *vm;
    size_t i, n;
    DS_TRY(cli_vmm_list(&doc, &vms, cli, "Status", "vms", e));
    if (cli->json)
        return cli_list_print(vms, e);
    ds_buf_printf(&out, "%-16s %-9s %-12s %-40s %s\n", "NAME", "STATUS", "UPTIME", "APP ID",
                  "PROGRESS");
    yyjson_arr_foreach(vms, i, n, vm) { add_row(&out, vm); }
    DS_TRY(ds_buf_end(&out, e, "list of VMs"));
    cli_print_span(ds_buf_span(&out));
    yyjson_arr_foreach(vms, i, n, vm) { cli_vm_tell_failed(vm); }
    return DS_OK;
}

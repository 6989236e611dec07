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
    const char *error = cli_text(vm, "boot_error");
    ds_buf_printf(out, "%-16.16s %-9.9s %-12.12s %-40.40s %s\n", cli_text(vm, "name"),
                  cli_text(vm, "status"), cli_text(vm, "uptime"), cli_text(vm, "app_id"),
                  error[0] != '\0' ? error : cli_text(vm, "boot_progress"));
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
    DS_TRY(cli_vmm_call(&doc, cli, "Status", DS_SPAN_LIT(""), e));
    yyjson_val *vms = yyjson_obj_get(yyjson_doc_get_root(doc), "vms"), *vm;
    size_t i, n;
    if (cli->json) {
        DS_AUTO(ds_auto_free) char *text = yyjson_val_write(vms, YYJSON_WRITE_ESCAPE_UNICODE, NULL);
        if (text != NULL)
            ds_buf_printf(&out, "%s\n", text);
    } else {
        ds_buf_printf(&out, "%-16s %-9s %-12s %-40s %s\n", "NAME", "STATUS", "UPTIME", "APP ID",
                      "PROGRESS");
        yyjson_arr_foreach(vms, i, n, vm) { add_row(&out, vm); }
    }
    DS_TRY(ds_buf_end(&out, e, "list of VMs"));
    cli_print_span(ds_buf_span(&out));
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack explain CODE: a row of the code table. Without a code: all of them.
 */
#include <stddef.h>
#include <string.h>

#include "cli/cli.h"
#include "codec/json_write.h"

struct opts {
    bool json;
};

static const struct ds_arg_option options[] = {
    CLI_JSON,
};

const struct ds_arg_command cmd_explain_args = {
    .name = "dstack explain",
    .summary = "what an error code means and what to do",
    .operands = "[CODE]",
    .max_operands = 1,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack explain policy.simulated_evidence",
};

static void add_json(struct ds_jw *w, const struct ds_code_info *info)
{
    ds_jw_object(w, NULL);
    ds_jw_str(w, "code", info->id);
    ds_jw_str(w, "what", info->what);
    ds_jw_str(w, "why", info->why);
    ds_jw_str(w, "fix", info->fix);
    ds_jw_object_end(w);
}

static int explain_all(bool json, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_jw w = ds_jw_of(&text);
    if (json)
        ds_jw_array(&w, NULL);
    for (int i = 1; i < DS_CODE_COUNT; i++) {
        const struct ds_code_info *info = ds_code_info_get((enum ds_code)i);
        if (json)
            add_json(&w, info);
        else
            ds_buf_printf(&text, "%-36s %s\n", info->id, info->what);
    }
    if (json) {
        ds_jw_array_end(&w);
        ds_buf_char(&text, '\n');
    }
    DS_TRY(ds_buf_end(&text, e, "the table of codes"));
    cli_print_span(ds_buf_span(&text));
    return DS_OK;
}

static int explain_one(bool json, const char *id, struct ds_error *e)
{
    enum ds_code code = ds_code_find(id);
    if (code == DS_CODE_NONE)
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_CLI_CODE_UNKNOWN,
                            "there is no error code '%.80s'; 'dstack explain' lists them", id);
    const struct ds_code_info *info = ds_code_info_get(code);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_jw w = ds_jw_of(&text);
    if (json) {
        add_json(&w, info);
        ds_buf_char(&text, '\n');
    } else {
        ds_buf_printf(&text, "%s\n  what  %s\n  why   %s\n  fix   %s\n", info->id, info->what,
                      info->why, info->fix);
    }
    DS_TRY(ds_buf_end(&text, e, "the code"));
    cli_print_span(ds_buf_span(&text));
    return DS_OK;
}

int cmd_explain(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { .json = cli->json };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_explain_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    return rest.n == 0 ? explain_all(o.json, e) : explain_one(o.json, rest.v[0], e);
}

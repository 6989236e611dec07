/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that a shell may complete an argument to, one a line. Asked by the
 * generated completions as `dstack --words KIND`; starts nothing: where no VMM
 * runs, there are no names.
 */
#include "cli/words.h"

#include <string.h>

#include "cli/daemons.h"

static void add_codes(struct ds_buf *out)
{
    for (int i = 1; i < DS_CODE_COUNT; i++)
        ds_buf_printf(out, "%s\n", ds_code_info_get((enum ds_code)i)->id);
}

static int add_names(struct ds_buf *out, struct cli *cli, const char *method, const char *list,
                     struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    yyjson_val *rows, *each;
    size_t i, n;
    DS_TRY(cli_vmm_list(&doc, &rows, cli, method, list, e));
    yyjson_arr_foreach(rows, i, n, each)
    {
        cli_plain_add(out, cli_text(each, "name"), 0);
        ds_buf_char(out, '\n');
    }
    return DS_OK;
}

int cli_words(struct cli *cli, const char *kind, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    int r = DS_OK;
    if (strcmp(kind, "CODE") == 0)
        add_codes(&out);
    else if (strcmp(kind, "NAME") == 0)
        r = add_names(&out, cli, "Status", "vms", e);
    else if (strcmp(kind, "IMAGE") == 0)
        r = add_names(&out, cli, "ListImages", "images", e);
    else
        r = ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE, "--words knows CODE, NAME and IMAGE");
    DS_TRY(r);
    DS_TRY(ds_buf_end(&out, e, "words"));
    cli_print_span(ds_buf_span(&out));
    return DS_OK;
}

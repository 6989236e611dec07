/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack policy check|schema: whether a document is a policy and what it will
 * demand; and the schema that editors and other programs check documents by.
 */
#include <stddef.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/policy.h"
#include "policy/attribute.h"
#include "policy/schema.h"

struct opts {
    bool json;
};

static const struct ds_arg_option options[] = {
    CLI_JSON,
};

const struct ds_arg_command cmd_policy_args = {
    .name = "dstack policy",
    .summary = "check a policy document, or print the schema of policies",
    .operands = "check FILE | schema",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack policy check policy.json\n"
               "  dstack policy schema > policy.schema.json\n"
               "  dstack verify hello --policy policy.json",
};

static void print_text(struct ds_buf *out, const struct policy_document *doc)
{
    if (doc->description.len > 0)
        ds_buf_printf(out, "%.*s\n", (int)doc->description.len, (const char *)doc->description.p);
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        enum policy_attr attr = (enum policy_attr)i;
        ds_buf_printf(out, "  %-32s ", policy_attribute_path(attr).s);
        policy_demand_write(out, doc, attr);
        ds_buf_str(out, doc->is_given[attr] ? "\n" : " (by default)\n");
    }
}

static int print_json(struct ds_buf *out, const struct policy_document *doc, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(out);
    ds_jw_object(&w, NULL);
    ds_jw_text(&w, "description", doc->description);
    ds_jw_array(&w, "demands");
    for (size_t i = 0; i < POLICY_N_ATTRS; i++) {
        DS_AUTO(ds_buf_done) struct ds_buf demand = { 0 };
        enum policy_attr attr = (enum policy_attr)i;
        policy_demand_write(&demand, doc, attr);
        DS_TRY(ds_buf_end(&demand, e, "a demand"));
        ds_jw_object(&w, NULL);
        ds_jw_str(&w, "path", policy_attribute_path(attr).s);
        ds_jw_text(&w, "demand", ds_buf_span(&demand));
        ds_jw_bool(&w, "given", doc->is_given[attr]);
        ds_jw_object_end(&w);
    }
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    ds_buf_char(out, '\n');
    return ds_jw_end(&w, e, "what a policy demands");
}

static int check(const struct opts *o, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_AUTO(cli_policy_done) struct cli_policy policy = { 0 };
    DS_TRY(cli_policy_load(&policy, path, e));
    if (o->json)
        DS_TRY(print_json(&out, &policy.doc, e));
    else
        print_text(&out, &policy.doc);
    DS_TRY(ds_buf_end(&out, e, "what a policy demands"));
    cli_print_span(ds_buf_span(&out));
    return DS_OK;
}

static int schema(struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_TRY(policy_schema_write(&out, e));
    ds_buf_char(&out, '\n');
    DS_TRY(ds_buf_end(&out, e, "the schema of policies"));
    cli_print_span(ds_buf_span(&out));
    return DS_OK;
}

int cmd_policy(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { .json = cli->json };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_policy_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    if (strcmp(rest.v[0], "check") == 0 && rest.n == 2)
        return check(&o, rest.v[1], e);
    if (strcmp(rest.v[0], "schema") == 0 && rest.n == 1)
        return schema(e);
    return ds_fail_code(e, DS_ERR_ARG, DS_CODE_CLI_NO_COMMAND,
                        "dstack policy takes 'check FILE' or 'schema'");
}

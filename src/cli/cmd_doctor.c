/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack doctor: what this machine has and lacks, and what to do about it.
 */
#include <stddef.h>

#include "cli/doctor.h"
#include "codec/json_write.h"

struct opts {
    bool json;
};

static const struct ds_arg_option options[] = {
    CLI_JSON,
};

const struct ds_arg_command cmd_doctor_args = {
    .name = "dstack doctor",
    .summary = "check this machine: tools, images, daemons, disk, clock, ports, TEE",
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack doctor",
};

/* The longest name of a check, in columns. */
#define NAME_WIDTH 12

static void print_finding(struct ds_buf *out, const char *name, const struct doctor_finding *f)
{
    static const char *const marks[] = { "", "ok  ", "warn", "BAD " };
    ds_buf_printf(out, "%s %-*s ", marks[f->level], NAME_WIDTH, name);
    cli_plain_add(out, f->text, 0);
    ds_buf_char(out, '\n');
    if (f->fix != NULL)
        ds_buf_printf(out, "     %-*s fix: %s\n", NAME_WIDTH, "", f->fix);
}

static void add_finding(struct ds_jw *w, const char *name, const struct doctor_finding *f)
{
    static const char *const levels[] = { "", "ok", "warn", "bad" };
    ds_jw_object(w, NULL);
    ds_jw_str(w, "check", name);
    ds_jw_str(w, "level", levels[f->level]);
    ds_jw_str(w, "text", f->text);
    ds_jw_str(w, "fix", f->fix);
    ds_jw_object_end(w);
}

/* Everything that concerns this machine, *appended*; gives the number of failed checks. */
static size_t report(struct ds_buf *out, const struct doctor_facts *facts, bool json)
{
    struct ds_jw w = ds_jw_of(out);
    size_t n_bad = 0;
    if (json)
        ds_jw_array(&w, NULL);
    for (size_t i = 0; doctor_check_name(i) != NULL; i++) {
        struct doctor_finding f;
        doctor_check(&f, i, facts);
        n_bad += f.level == DOCTOR_BAD;
        if (f.level == DOCTOR_SKIP)
            continue;
        if (json)
            add_finding(&w, doctor_check_name(i), &f);
        else
            print_finding(out, doctor_check_name(i), &f);
    }
    if (json) {
        ds_jw_array_end(&w);
        ds_buf_char(out, '\n');
    }
    return n_bad;
}

int cmd_doctor(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { 0 };
    struct ds_arg_rest rest;
    bool done;
    struct doctor_facts facts;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_TRY(cli_parse(&cmd_doctor_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    doctor_gather(&facts, cli);
    size_t n_bad = report(&out, &facts, cli->json);
    DS_TRY(ds_buf_end(&out, e, "report"));
    cli_print_span(ds_buf_span(&out));
    cli->reported = cli->json; /* the findings are the document */
    if (n_bad > 0)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_CHECK_FAILED, "%zu checks failed",
                            n_bad);
    return DS_OK;
}

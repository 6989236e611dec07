/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths, argument parsing and printing for all commands.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int set_path(char *out, size_t out_len, struct ds_error *e, const char *scheme,
                    const char *dir, const char *rest)
{
    int n = snprintf(out, out_len, "%s%s%s", scheme, dir, rest);
    if (n < 0 || (size_t)n >= out_len)
        return ds_fail(e, DS_ERR_RANGE, "the path '%s%s' is too long", dir, rest);
    return DS_OK;
}

int cli_init(struct cli *ret, struct ds_error *e)
{
    DS_TRY(ds_place_state(ret->state, e));
    DS_TRY(ds_place_images(ret->images, e));
    DS_TRY(
        set_path(ret->vmm_socket, sizeof ret->vmm_socket, e, "unix:", ret->state, "/vmm/vmm.sock"));
    return set_path(ret->kms_admin, sizeof ret->kms_admin, e, "unix:", ret->state,
                    "/kms/admin.sock");
}

int cli_parse(const struct ds_arg_command *cmd, void *opts, struct ds_arg_rest *ret_rest,
              bool *ret_done, int argc, char **argv, struct ds_error *e)
{
    DS_TRY(ds_args_parse(cmd, opts, ret_rest, argc, argv, false, e));
    *ret_done = ret_rest->help;
    if (ret_rest->help) {
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        ds_args_help(&text, cmd);
        DS_TRY(ds_buf_end(&text, e, "help"));
        cli_print_span(ds_buf_span(&text));
    }
    return DS_OK;
}

void cli_print_span(struct ds_span text)
{
    if (fwrite(text.p, 1, text.len, stdout) != text.len || fflush(stdout) != 0)
        _exit(1);
}

void cli_print(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vprintf(fmt, ap);
    va_end(ap);
    if (n < 0 || fflush(stdout) != 0)
        _exit(1);
}

void cli_note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap); /* progress that nobody reads is no failure */
    va_end(ap);
}

void cli_plain_add(struct ds_buf *out, const char *text, size_t width)
{
    size_t n = 0;
    for (; text[n] != '\0' && (width == 0 || n < width); n++) {
        char shown = '?';
        if (text[n] >= 0x20 && text[n] < 0x7f)
            shown = text[n];
        if (text[n] == '\n')
            shown = ' ';
        ds_buf_char(out, shown);
    }
    for (; n < width; n++)
        ds_buf_char(out, ' ');
}

static void add_line(struct ds_buf *out, const char *label, const char *text)
{
    if (text[0] == '\0')
        return;
    ds_buf_printf(out, "    %-9s", label);
    cli_plain_add(out, text, 0);
    ds_buf_char(out, '\n');
}

void cli_reason_print(struct ds_buf *out, const struct ds_reason *r)
{
    const struct ds_code_info *info = ds_code_info_get(r->code);
    ds_buf_printf(out, "  %s: %s\n", info->id, info->what);
    add_line(out, "claim", r->detail.claim);
    add_line(out, "expected", r->detail.expected);
    add_line(out, "got", r->detail.got);
    add_line(out, "anchor", r->detail.anchor);
    add_line(out, "fix", info->fix);
}

void cli_reason_json(struct ds_jw *w, const struct ds_reason *r)
{
    const struct ds_code_info *info = ds_code_info_get(r->code);
    ds_jw_object(w, NULL);
    ds_jw_str(w, "code", info->id);
    ds_jw_str(w, "claim", r->detail.claim);
    ds_jw_str(w, "expected", r->detail.expected);
    ds_jw_str(w, "got", r->detail.got);
    ds_jw_str(w, "anchor", r->detail.anchor);
    ds_jw_str(w, "fix", info->fix);
    ds_jw_object_end(w);
}

static void print_json_error(const struct ds_error *e, const struct ds_verdict *v)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_jw w = ds_jw_of(&text);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "error", e->msg);
    ds_jw_str(&w, "class", ds_err_text(e->cls));
    ds_jw_str(&w, "code", ds_code_info_get(e->code)->id);
    ds_jw_array(&w, "reasons");
    for (uint32_t i = 0; i < v->n_reasons; i++)
        cli_reason_json(&w, &v->reasons[i]);
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    ds_buf_char(&text, '\n');
    cli_print_span(ds_buf_span(&text));
}

void cli_error_print(const struct cli *cli, const struct ds_error *e)
{
    struct ds_verdict v = cli->reasons;
    if (v.n_reasons == 0 && e->code != DS_CODE_NONE)
        ds_verdict_add(&v, e->code, e->detail.claim, e->detail.expected, e->detail.got,
                       e->detail.anchor);
    if (cli->json) {
        print_json_error(e, &v);
        return;
    }
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    ds_buf_str(&text, "dstack: ");
    cli_plain_add(&text, e->msg[0] != '\0' ? e->msg : ds_err_text(e->cls), 0);
    ds_buf_char(&text, '\n');
    for (uint32_t i = 0; i < v.n_reasons; i++)
        cli_reason_print(&text, &v.reasons[i]);
    cli_note("%s", text.p != NULL ? text.p : "dstack: out of memory\n");
}

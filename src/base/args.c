/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: one pass over argv, guided by the table.
 */
#include "base/args.h"

#include "base/str.h"

#define usage(e, ...) ds_fail_code((e), DS_ERR_ARG, DS_CODE_ARGS_USAGE, __VA_ARGS__)

struct parse {
    const struct ds_arg_command *cmd;
    void *ret;
    int argc;
    char **argv;
    int at; /* the next argument */
    struct ds_error *e;
};

static const struct ds_arg_option *find_long(const struct ds_arg_command *cmd, struct ds_span name)
{
    for (size_t i = 0; i < cmd->n_options; i++)
        if (ds_span_eq_str(name, cmd->options[i].name))
            return &cmd->options[i];
    return NULL;
}

static const struct ds_arg_option *find_letter(const struct ds_arg_command *cmd, char letter)
{
    for (size_t i = 0; i < cmd->n_options; i++)
        if (cmd->options[i].letter == letter)
            return &cmd->options[i];
    return NULL;
}

static int store_list(struct ds_arg_list *list, const struct ds_arg_option *o, const char *value,
                      struct ds_error *e)
{
    if (list->n == DS_ARG_LIST_MAX)
        return usage(e, "--%s may be given %d times at most", o->name, DS_ARG_LIST_MAX);
    list->v[list->n++] = value;
    return DS_OK;
}

static int store(const struct parse *p, const struct ds_arg_option *o, const char *value)
{
    char *field = (char *)p->ret + o->offset;
    if (o->kind == DS_ARG_FLAG)
        *(bool *)(void *)field = true;
    else if (o->kind == DS_ARG_TEXT)
        *(const char **)(void *)field = value;
    else if (o->kind == DS_ARG_LIST)
        return store_list((struct ds_arg_list *)(void *)field, o, value, p->e);
    else if (ds_str_u64((uint64_t *)(void *)field, ds_span_str(value),
                        o->max != 0 ? o->max : UINT64_MAX, NULL) < 0)
        return usage(p->e, "--%s takes a number up to %llu, not '%s'", o->name,
                     (unsigned long long)(o->max != 0 ? o->max : UINT64_MAX), value);
    return DS_OK;
}

/* The value of an option: what stood behind '=' or its letter, else the next argument. */
static int take(struct parse *p, const struct ds_arg_option *o, const char *attached)
{
    if (o->kind == DS_ARG_FLAG) {
        if (attached != NULL)
            return usage(p->e, "--%s takes no value", o->name);
        return store(p, o, NULL);
    }
    if (attached == NULL && p->at == p->argc)
        return usage(p->e, "--%s needs a value: %s", o->name, o->value);
    return store(p, o, attached != NULL ? attached : p->argv[p->at++]);
}

static int take_long(struct parse *p, const char *text)
{
    const char *eq = strchr(text, '=');
    struct ds_span name = DS_SPAN(text, eq != NULL ? (size_t)(eq - text) : strlen(text));
    const struct ds_arg_option *o = find_long(p->cmd, name);
    if (o == NULL)
        return usage(p->e, "unknown option --%.*s; see %s --help", (int)name.len, text,
                     p->cmd->name);
    return take(p, o, eq != NULL ? eq + 1 : NULL);
}

/* "-abc": letters of flags, then possibly one with a value that is attached or follows. */
static int take_letters(struct parse *p, const char *text)
{
    for (; *text != '\0'; text++) {
        const struct ds_arg_option *o = find_letter(p->cmd, *text);
        if (o == NULL)
            return usage(p->e, "unknown option -%c; see %s --help", *text, p->cmd->name);
        if (o->kind != DS_ARG_FLAG)
            return take(p, o, text[1] != '\0' ? text + 1 : NULL);
        DS_TRY(take(p, o, NULL));
    }
    return DS_OK;
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static int check_count(const struct ds_arg_command *cmd, size_t n, const char *first_extra,
                       struct ds_error *e)
{
    if (n < cmd->min_operands)
        return usage(e, "%s needs %s; see %s --help", cmd->name, cmd->operands, cmd->name);
    if (n > cmd->max_operands)
        return usage(e, "unexpected argument '%s'; see %s --help", first_extra, cmd->name);
    return DS_OK;
}

int ds_args_parse(const struct ds_arg_command *cmd, void *ret, struct ds_arg_rest *ret_rest,
                  int argc, char **argv, bool stop_early, struct ds_error *e)
{
    struct parse p = { .cmd = cmd, .ret = ret, .argc = argc, .argv = argv, .at = 1, .e = e };
    int n = 0; /* operands, gathered at argv[1]… */
    bool options = true;
    *ret_rest = (struct ds_arg_rest){ .v = argv + 1 };
    while (p.at < argc) {
        char *arg = argv[p.at++];
        if (!options || arg[0] != '-' || arg[1] == '\0') {
            argv[1 + n++] = arg;
            options = options && !stop_early;
        } else if (strcmp(arg, "--") == 0) {
            options = false;
        } else if (is_help(arg)) {
            ret_rest->help = true;
            return DS_OK;
        } else if (arg[1] == '-') {
            DS_TRY(take_long(&p, arg + 2));
        } else {
            DS_TRY(take_letters(&p, arg + 1));
        }
    }
    ret_rest->n = (size_t)n;
    const char *extra = ret_rest->n > cmd->max_operands ? argv[1 + cmd->max_operands] : NULL;
    return check_count(cmd, ret_rest->n, extra, e);
}

static void help_option(struct ds_buf *out, const struct ds_arg_option *o)
{
    char left[64];
    char letter[5] = "    ";
    if (o->letter != 0)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name,
                   o->kind != DS_ARG_FLAG ? " " : "", o->kind != DS_ARG_FLAG ? o->value : "");
    ds_buf_printf(out, "  %-30s %s%s\n", left, o->help,
                  o->kind == DS_ARG_LIST ? " (may be repeated)" : "");
}

void ds_args_help(struct ds_buf *out, const struct ds_arg_command *cmd)
{
    static const struct ds_arg_option help = { .name = "help",
                                               .letter = 'h',
                                               .help = "print this text" };
    ds_buf_printf(out, "Usage: %s [OPTIONS]%s%s\n\n%s\n\nOptions:\n", cmd->name,
                  cmd->operands != NULL ? " " : "", cmd->operands != NULL ? cmd->operands : "",
                  cmd->summary);
    for (size_t i = 0; i < cmd->n_options; i++)
        help_option(out, &cmd->options[i]);
    help_option(out, &help);
    if (cmd->example != NULL)
        ds_buf_printf(out, "\nExample:\n  %s\n", cmd->example);
}

int ds_exit_code(int cls, enum ds_code code)
{
    static const struct {
        int cls, exit;
    } rows[] = {
        { DS_OK, 0 },          { DS_ERR_DENIED, 3 },   { DS_ERR_UNTRUSTED, 4 },
        { DS_ERR_STALE, 4 },   { DS_ERR_NOTFOUND, 5 }, { DS_ERR_UNAVAILABLE, 6 },
        { DS_ERR_TIMEOUT, 6 },
    };
    if (code == DS_CODE_ARGS_USAGE)
        return 2;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (rows[i].cls == cls)
            return rows[i].exit;
    return 1;
}

void ds_error_say(const char *program, const struct ds_error *e)
{
    char text[sizeof e->msg];
    const struct ds_code_info *info = ds_code_info_get(e->code);
    (void)snprintf(text, sizeof text, "%s", e->msg[0] != '\0' ? e->msg : ds_err_text(e->cls));
    for (char *c = text; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    (void)fprintf(stderr, "%s: %s\n", program, text);
    if (e->code != DS_CODE_NONE)
        (void)fprintf(stderr, "  %s: %s\n    fix      %s\n", info->id, info->what, info->fix);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to --describe: the tables of a program as one JSON document.
 */
#include "rpc/program.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/json_write.h"

bool rpc_program_asked(int argc, char *const *argv)
{
    return argc == 2 && strcmp(argv[1], "--describe") == 0;
}

static void put_option(struct ds_jw *w, const struct ds_arg_option *o)
{
    static const char *const kinds[] = {
        [DS_ARG_FLAG] = "flag",
        [DS_ARG_TEXT] = "text",
        [DS_ARG_U64] = "u64",
        [DS_ARG_LIST] = "list",
    };
    const char letter[2] = { o->letter, '\0' };
    ds_jw_object(w, NULL);
    ds_jw_str(w, "name", o->name);
    ds_jw_str(w, "letter", letter);
    ds_jw_str(w, "kind", kinds[o->kind]);
    ds_jw_str(w, "value", o->value);
    ds_jw_str(w, "help", o->help);
    ds_jw_u64(w, "max", o->max);
    ds_jw_object_end(w);
}

static void put_command(struct ds_jw *w, const struct ds_arg_command *c)
{
    ds_jw_object(w, NULL);
    ds_jw_str(w, "name", c->name);
    ds_jw_str(w, "summary", c->summary);
    ds_jw_str(w, "operands", c->operands);
    ds_jw_u64(w, "min_operands", c->min_operands);
    ds_jw_u64(w, "max_operands", c->max_operands);
    ds_jw_str(w, "example", c->example);
    ds_jw_array(w, "options");
    for (size_t i = 0; i < c->n_options; i++)
        put_option(w, &c->options[i]);
    ds_jw_array_end(w);
    ds_jw_object_end(w);
}

static void put_key(struct ds_jw *w, const struct ds_cfg_key *k)
{
    static const char *const kinds[] = {
        [DS_CFG_BOOL] = "bool",     [DS_CFG_U64] = "u64",   [DS_CFG_TEXT] = "text",
        [DS_CFG_CHOICE] = "choice", [DS_CFG_LIST] = "list",
    };
    ds_jw_object(w, NULL);
    ds_jw_str(w, "key", k->key);
    ds_jw_str(w, "kind", kinds[k->kind]);
    ds_jw_str(w, "unit", k->unit);
    ds_jw_str(w, "preset", k->preset);
    ds_jw_u64(w, "min", k->min);
    ds_jw_u64(w, "max", k->max);
    ds_jw_array(w, "choices");
    for (const char *const *c = k->choices; c != NULL && *c != NULL; c++)
        ds_jw_str(w, NULL, *c);
    ds_jw_array_end(w);
    ds_jw_str(w, "help", k->help);
    ds_jw_object_end(w);
}

static void put_config(struct ds_jw *w, const struct ds_cfg_schema *schema)
{
    ds_jw_array(w, "config");
    for (size_t i = 0; schema != NULL && i < schema->n_keys; i++)
        put_key(w, &schema->keys[i]);
    ds_jw_array_end(w);
}

static void put_service(struct ds_jw *w, const struct rpc_service *s)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    rpc_service_describe(&text, s);
    ds_jw_raw(w, NULL, ds_buf_span(&text));
    if (text.bad)
        w->out->bad = true;
}

/* The exit code of each class of failure. */
static void put_exits(struct ds_jw *w)
{
    static const int classes[] = {
#define X(name, num, text) name,
        DS_ERR_LIST(X)
#undef X
    };
    ds_jw_array(w, "exits");
    for (size_t i = 0; i < DS_LEN(classes); i++) {
        ds_jw_object(w, NULL);
        ds_jw_str(w, "class", ds_err_text(classes[i]));
        ds_jw_u64(w, "exit", (uint64_t)ds_exit_code(classes[i], DS_CODE_NONE));
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

int rpc_program_describe(const struct rpc_program *p, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_jw w = ds_jw_of(&text);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "version", DS_VERSION);
    put_exits(&w);
    ds_jw_array(&w, "commands");
    for (size_t i = 0; i < p->n_commands; i++)
        put_command(&w, p->commands[i]);
    ds_jw_array_end(&w);
    put_config(&w, p->config);
    ds_jw_array(&w, "services");
    for (size_t i = 0; i < p->n_services; i++)
        put_service(&w, p->services[i]);
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    ds_buf_char(&text, '\n');
    DS_TRY(ds_jw_end(&w, e, "description"));
    return ds_fd_write_all(STDOUT_FILENO, ds_buf_span(&text), e);
}

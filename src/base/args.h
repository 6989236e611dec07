/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command lines from a table: the same rows parse the arguments, print the help
 * and feed the generated pages. Results land in a struct of the caller's, at the
 * offset that the row names.
 */

#include "base/buf.h"

enum ds_arg_kind {
    DS_ARG_FLAG, /* bool */
    DS_ARG_TEXT, /* const char *, borrowed from argv */
    DS_ARG_U64,  /* uint64_t, decimal, at most `max` */
    DS_ARG_LIST, /* struct ds_arg_list: the option may be repeated */
};

#define DS_ARG_LIST_MAX 64

struct ds_arg_list {
    const char *v[DS_ARG_LIST_MAX];
    size_t n;
};

struct ds_arg_option {
    const char *name; /* long form without dashes: "allow-simulated" */
    char letter;      /* short form, or 0 */
    enum ds_arg_kind kind;
    const char *value; /* what help calls the value: "FILE"; NULL for flags */
    const char *help;
    size_t offset; /* offsetof the field in the result struct */
    uint64_t max;  /* DS_ARG_U64 only; 0 means no bound */
};

struct ds_arg_command {
    const char *name;     /* "dstack up" */
    const char *summary;  /* one line */
    const char *operands; /* "[NAME]", or NULL when none are taken */
    size_t min_operands, max_operands;
    const struct ds_arg_option *options;
    size_t n_options;
    const char *example; /* a whole command line */
};

struct ds_arg_rest {
    char *const *v; /* the operands, borrowed from argv */
    size_t n;
    bool help; /* --help or -h was given: nothing else was checked */
};

/*
 * Parse argv[1..argc). Options stand before operands or among them; "--" ends
 * them; "--name=value" and "--name value" mean the same. A command that takes
 * subcommands sets `stop_early`: its operands begin at the first non-option.
 *
 * out:  ret       the caller's struct, filled with its defaults before; fields of absent
 *                 options stay as they are
 *       ret_rest  operands; argv is permuted so that they are contiguous
 * err:  ARG       args.usage: unknown option, missing or bad value, wrong operand count
 */
DS_MUST_USE int ds_args_parse(const struct ds_arg_command *cmd, void *ret,
                              struct ds_arg_rest *ret_rest, int argc, char **argv, bool stop_early,
                              struct ds_error *e);

/* Usage line, summary, options, example. */
void ds_args_help(struct ds_buf *out, const struct ds_arg_command *cmd);

/* The exit code that DECISIONS gives a failure: 1 failed, 2 usage, 3 denied, 4 evidence invalid,
 * 5 not found, 6 unavailable; 0 for DS_OK. */
int ds_exit_code(int cls, enum ds_code code);

/*
 * Say on standard error why a program ends: the message, and of its code what
 * to do. Outside text is shown in printable ASCII.
 */
void ds_error_say(const char *program, const struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the commands share: where things are, how they print, and the table row
 * that makes a command. A command returns DS_OK or a failure with its error;
 * main prints it and turns it into the exit code.
 */

#include <stddef.h>

#include "base/args.h"
#include "base/place.h"
#include "base/reason.h"
#include "codec/json_write.h"

struct cli {
    bool json; /* print JSON on stdout, progress on stderr */
    char state[DS_PLACE_MAX];
    char images[DS_PLACE_MAX];
    char vmm_socket[DS_PLACE_MAX + 32]; /* "unix:/..." */
    char kms_admin[DS_PLACE_MAX + 32];
    struct ds_verdict reasons; /* of the failure that a command returns, when there are several */
    bool reported; /* the failure stands in the JSON that was printed: say it only once */
};

/*
 * Rows of a command's options. Each lands in a field of the file's own `struct opts`, which has a
 * `bool json` for CLI_JSON: every command takes --json.
 */
#define CLI_OPTION(kind, field, name, letter, value, max, help) \
    { name, letter, kind, value, help, offsetof(struct opts, field), max }
#define CLI_FLAG(field, name, letter, help) \
    CLI_OPTION(DS_ARG_FLAG, field, name, letter, NULL, 0, help)
#define CLI_TEXT(field, name, letter, value, help) \
    CLI_OPTION(DS_ARG_TEXT, field, name, letter, value, 0, help)
#define CLI_LIST(field, name, letter, value, help) \
    CLI_OPTION(DS_ARG_LIST, field, name, letter, value, 0, help)
#define CLI_U64(field, name, letter, value, max, help) \
    CLI_OPTION(DS_ARG_U64, field, name, letter, value, max, help)
#define CLI_JSON CLI_FLAG(json, "json", 0, "print JSON")

typedef int cli_command_fn(struct cli *cli, int argc, char **argv, struct ds_error *e);

struct cli_command {
    const char *name;
    cli_command_fn *run;
    const struct ds_arg_command *args; /* what --help prints */
};

cli_command_fn cmd_up, cmd_down, cmd_ps, cmd_logs, cmd_verify, cmd_doctor, cmd_explain, cmd_image,
    cmd_collateral, cmd_policy;

extern const struct ds_arg_command cmd_up_args, cmd_down_args, cmd_ps_args, cmd_logs_args,
    cmd_verify_args, cmd_doctor_args, cmd_explain_args, cmd_image_args, cmd_collateral_args,
    cmd_policy_args;

DS_MUST_USE int cli_init(struct cli *ret, struct ds_error *e);

/*
 * Parse a command's arguments; every command also takes --json and --help. When help was asked for
 * it is printed and *ret_done is set.
 */
DS_MUST_USE int cli_parse(const struct ds_arg_command *cmd, void *opts,
                          struct ds_arg_rest *ret_rest, bool *ret_done, int argc, char **argv,
                          struct ds_error *e);

/* stdout; a failed write ends the program with exit code 1. */
void cli_print(const char *fmt, ...) DS_PRINTF(1, 2);
void cli_print_span(struct ds_span text);
/* Progress for people, on stderr. */
void cli_note(const char *fmt, ...) DS_PRINTF(1, 2);

/*
 * Text of a daemon or a guest for a terminal, *appended*: what is not printable ASCII becomes '?',
 * a line break a blank. width: cut and filled up to so many columns; 0: as it is.
 */
void cli_plain_add(struct ds_buf *out, const char *text, size_t width);

/* One reason: what it is, then a line for each part that it has. */
void cli_reason_print(struct ds_buf *out, const struct ds_reason *r);
/* The same as an object of a JSON array. */
void cli_reason_json(struct ds_jw *w, const struct ds_reason *r);
/* The failure as text or JSON on stderr or stdout. */
void cli_error_print(const struct cli *cli, const struct ds_error *e);

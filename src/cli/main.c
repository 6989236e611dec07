/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack: the one command for people. This file is the table of its commands.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/words.h"
#include "rpc/program.h"

#define EXIT_USAGE 2

static const struct cli_command commands[] = {
    { "up", cmd_up, &cmd_up_args },
    { "down", cmd_down, &cmd_down_args },
    { "ps", cmd_ps, &cmd_ps_args },
    { "logs", cmd_logs, &cmd_logs_args },
    { "verify", cmd_verify, &cmd_verify_args },
    { "doctor", cmd_doctor, &cmd_doctor_args },
    { "explain", cmd_explain, &cmd_explain_args },
    { "image", cmd_image, &cmd_image_args },
    { "collateral", cmd_collateral, &cmd_collateral_args },
    { "policy", cmd_policy, &cmd_policy_args },
};

static void print_usage(void)
{
    cli_print("usage: dstack COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < DS_LEN(commands); i++)
        cli_print("  %-10s %s\n", commands[i].name, commands[i].args->summary);
    cli_print("\nEvery command takes --json and --help; 'dstack --version' says which this is.\n"
              "example: dstack up -f examples/hello/docker-compose.yaml --allow-simulated\n");
}

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < DS_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int describe(struct ds_error *e)
{
    const struct ds_arg_command *args[DS_LEN(commands)];
    for (size_t i = 0; i < DS_LEN(commands); i++)
        args[i] = commands[i].args;
    const struct rpc_program p = { .commands = args, .n_commands = DS_LEN(commands) };
    return rpc_program_describe(&p, e);
}

static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

/* What tools ask: the tables, and words for a shell. */
static int run_for_tools(struct cli *cli, int argc, char **argv, bool *ret_done, struct ds_error *e)
{
    *ret_done = true;
    if (rpc_program_asked(argc, argv))
        return describe(e);
    if (argc == 3 && strcmp(argv[1], "--words") == 0) {
        DS_TRY(cli_init(cli, e));
        return cli_words(cli, argv[2], e);
    }
    *ret_done = false;
    return DS_OK;
}

static int run(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    bool done;
    DS_TRY(run_for_tools(cli, argc, argv, &done, e));
    if (done)
        return DS_OK;
    const struct cli_command *c = find(argv[1]);
    if (c == NULL)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_CLI_NO_COMMAND,
                            "there is no command '%.60s'; 'dstack --help' lists them", argv[1]);
    DS_TRY(cli_init(cli, e));
    return c->run(cli, argc - 1, argv + 1, e);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage();
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        cli_print("dstack %s\n", DS_VERSION);
        return 0;
    }
    struct cli cli = { .json = wants_json(argc, argv) };
    struct ds_error e = { 0 };
    int r = run(&cli, argc, argv, &e);
    if (r < 0 && !cli.reported)
        cli_error_print(&cli, &e);
    return e.code == DS_CODE_CLI_NO_COMMAND ? EXIT_USAGE : ds_exit_code(r, e.code);
}

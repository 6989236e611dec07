/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack: the one command for people. This file is the table of its commands.
 */
#include <string.h>

#include "cli/cli.h"

static const struct cli_command commands[] = {
    { "up", "run a compose app in a confidential VM, and prove it", cmd_up, false },
    { "down", "stop an app's VM, or remove it", cmd_down, false },
    { "ps", "list the VMs of this machine", cmd_ps, false },
    { "logs", "show what an app's VM prints", cmd_logs, false },
    { "verify", "check the whole chain of proof of an app or an evidence file", cmd_verify, false },
    { "doctor", "check this machine: tools, images, daemons, KVM, disk, clock", cmd_doctor, false },
    { "explain", "what an error code means and what to do", cmd_explain, false },
    { "image", "list or measure guest images", cmd_image, false },
};

static void print_usage(void)
{
    cli_print("usage: dstack COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < DS_LEN(commands); i++)
        if (!commands[i].is_internal)
            cli_print("  %-10s %s\n", commands[i].name, commands[i].summary);
    cli_print("\nEvery command takes --json and --help.\n"
              "example: dstack up -f examples/hello/docker-compose.yaml --allow-simulated\n");
}

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < DS_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static int run(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
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
        return 2;
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
    return ds_exit_code(r, e.code);
}

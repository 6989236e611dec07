/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack-simtee: the simulated platform of one launch. Started by dstack-vmm,
 * outlives it, ends with the VM.
 */
#include <signal.h>

#include "base/args.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypto/key.h"
#include "rpc/program.h"
#include "simtee/guest.h"
#include "simtee/server.h"

struct options {
    const char *dir, *state;
    uint64_t control_fd;
};

#define FD_MAX 65535

/* clang-format off */
static const struct ds_arg_option option_rows[] = {
    { "dir", 0, DS_ARG_TEXT, "DIR", "directory of the launch: control socket, lock, journal",
      offsetof(struct options, dir), 0 },
    { "state", 0, DS_ARG_TEXT, "DIR", "directory of the machine's simulated PKI",
      offsetof(struct options, state), 0 },
    { "control-fd", 0, DS_ARG_U64, "N", "the listening control socket, inherited",
      offsetof(struct options, control_fd), FD_MAX },
};
/* clang-format on */

static const struct ds_arg_command command = {
    .name = "dstack-simtee",
    .summary = "The simulated platform of one launch; started by dstack-vmm.",
    .options = option_rows,
    .n_options = DS_LEN(option_rows),
    .example = "dstack-simtee --dir vms/hello/tee --state ~/.local/state/dstack/simtee "
               "--control-fd 3",
};

static int usage(const char *text)
{
    (void)fprintf(stderr, "dstack-simtee: %s\nTry 'dstack-simtee --help'.\n", text);
    return 2;
}

static int run(const struct options *o, struct ds_error *e)
{
    struct simtee_server *s = NULL;
    const struct simtee_server_cfg cfg = {
        .dir = o->dir,
        .state = o->state,
        .control_fd = (int)o->control_fd,
        .log = { .program = "dstack-simtee", .min = DS_LOG_INFO },
    };
    DS_TRY(ds_process_harden(e));
    DS_TRY(ds_key_memory_lock(e));
    DS_TRY(simtee_server_new(&s, &cfg, e));
    int r = simtee_server_run(s, e);
    simtee_server_free(s);
    return r;
}

static int describe(struct ds_error *e)
{
    struct simtee_guest guest;
    const struct ds_arg_command *const commands[] = { &command };
    const struct rpc_service *const services[] = { &guest.service };
    const struct rpc_program p = { commands, DS_LEN(commands), NULL, services, DS_LEN(services) };
    DS_TRY(simtee_guest_init(&guest, NULL, NULL, e));
    int r = rpc_program_describe(&p, e);
    simtee_guest_done(&guest);
    return r;
}

int main(int argc, char **argv)
{
    struct options o = { 0 };
    struct ds_arg_rest rest;
    struct ds_error e;
    if (rpc_program_asked(argc, argv))
        return ds_exit_code(describe(&e), DS_CODE_NONE);
    if (ds_args_parse(&command, &o, &rest, argc, argv, false, &e) < 0)
        return usage(e.msg);
    if (rest.help) {
        DS_AUTO(ds_buf_done) struct ds_buf help = { 0 };
        ds_args_help(&help, &command);
        (void)fputs(help.p != NULL ? help.p : "", stdout);
        return 0;
    }
    if (o.dir == NULL || o.state == NULL || o.control_fd == 0)
        return usage("--dir, --state and --control-fd are needed");
    /* A VMM that ends, or its terminal, takes nobody along. A group leader has its session. */
    (void)setsid();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    int r = run(&o, &e);
    if (r < 0)
        ds_error_say("dstack-simtee", &e);
    return ds_exit_code(r, r < 0 ? e.code : DS_CODE_NONE);
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A program tells its own tables: command lines, configuration keys, methods.
 * Every program answers `--describe` with one JSON document; the generated
 * pages, the shell completions and the tests of bad input are made from it, so
 * none of them can say something else than the program does.
 */

#include "base/args.h"
#include "base/cfg.h"
#include "rpc/method.h"

struct rpc_program {
    const struct ds_arg_command *const *commands;
    size_t n_commands;
    const struct ds_cfg_schema *config; /* NULL where there is no configuration file */
    const struct rpc_service *const *services;
    size_t n_services;
};

/* The one argument is --describe. It is in no help text: it is for tools. */
bool rpc_program_asked(int argc, char *const *argv);

/* Write the document to standard output. err: NOMEM, SYS */
DS_MUST_USE int rpc_program_describe(const struct rpc_program *p, struct ds_error *e);

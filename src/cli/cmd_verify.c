/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack verify NAME|FILE: fresh evidence of a running app, or a file with
 * evidence, checked down to the root of trust.
 */
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/coded.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/anchor.h"
#include "cli/collateral.h"
#include "cli/daemons.h"
#include "cli/evidence.h"
#include "cli/policy.h"
#include "cli/verify.h"
#include "cli/verify_vm.h"
#include "codec/date.h"

#define FILE_MAX ((size_t)16 << 20)

struct opts {
    bool json, allow_simulated, any_app;
    const char *policy, *collateral, *anchor, *simulated_anchor, *at;
};

static const struct ds_arg_option options[] = {
    CLI_FLAG(allow_simulated, "allow-simulated", 0,
             "accept the simulated platform, which protects nothing"),
    CLI_FLAG(any_app, "any-app", 0,
             "accept a VM that 'up' has no record of: nothing is compared then"),
    CLI_TEXT(policy, "policy", 0, "FILE",
             "judge by this policy document instead of this command's own rules"),
    CLI_TEXT(collateral, "collateral", 0, "FILE",
             "vendor collateral (a set or a bundle), for evidence from a file"),
    CLI_TEXT(anchor, "anchor", 0, "FILE", "trust this root certificate (PEM) as kind 'custom'"),
    CLI_TEXT(simulated_anchor, "simulated-anchor", 0, "FILE",
             "the root certificate (PEM) of a simulated platform"),
    CLI_TEXT(at, "at", 0, "TIME", "judge as of this time (2026-11-22T10:00:00Z), for old evidence"),
    CLI_JSON,
};

const struct ds_arg_command cmd_verify_args = {
    .name = "dstack verify",
    .summary = "check the whole chain of proof of an app or an evidence file",
    .operands = "NAME|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack verify hello --allow-simulated",
};

static int verify_file(struct cli *cli, const struct opts *o, const char *path,
                       const struct policy_rules *policy, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf collateral = { 0 };
    struct ds_extra_anchor extra[2];
    struct cli_verify in = { .allow_simulated = o->allow_simulated,
                             .policy = policy,
                             .anchors = { extra, 0 },
                             .now_s = ds_clock_now_s() };
    DS_TRY(cli_evidence_load(&evidence, path, e));
    if (o->collateral != NULL)
        DS_TRY(ds_coded(ds_file_load(&collateral, o->collateral, FILE_MAX, e),
                        DS_CODE_CLI_EVIDENCE_FILE, e));
    else
        ds_buf_str(&collateral, "{}"); /* the verifier then names what is missing */
    if (o->anchor != NULL)
        DS_TRY(cli_anchor_load(&extra[in.anchors.n_extra++], o->anchor, false, e));
    if (o->simulated_anchor != NULL)
        DS_TRY(cli_anchor_load(&extra[in.anchors.n_extra++], o->simulated_anchor, true, e));
    if (o->at != NULL)
        DS_TRY(ds_coded(ds_date_parse(&in.now_s, ds_span_str(o->at), e), DS_CODE_ARGS_USAGE, e));
    DS_TRY(cli_collateral_pick(&collateral, ds_buf_span(&evidence), &in.anchors, e));
    in.attestation = ds_buf_span(&evidence);
    in.collateral = ds_buf_span(&collateral);
    bool is_quote = evidence.len > 2 && evidence.p[0] >= 3 && evidence.p[0] <= 5 &&
                    evidence.p[1] == 0; /* a quote begins with its version, LE16 */
    return is_quote ? cli_verify_quote(cli, &in, e) : cli_verify(cli, NULL, &in, e);
}

/* An app that is recorded, or may be, goes before a file or directory of its name here. */
static bool is_file(const struct cli *cli, const char *operand)
{
    struct stat st;
    if (cli_record_exists(cli, operand) || stat(operand, &st) != 0)
        return false;
    return !S_ISDIR(st.st_mode) || cli_name_check(operand, NULL) < 0;
}

/* What would be ignored is refused: the result would say less than was asked for. */
static int check_options(const struct opts *o, bool file, const char *operand, struct ds_error *e)
{
    const struct {
        const char *name;
        bool given, for_file;
    } rows[] = {
        { "--collateral", o->collateral != NULL, true },
        { "--anchor", o->anchor != NULL, true },
        { "--simulated-anchor", o->simulated_anchor != NULL, true },
        { "--at", o->at != NULL, true },
        { "--any-app", o->any_app, false },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (rows[i].given && rows[i].for_file != file)
            return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                                "%s is for %s, and '%.60s' is %s", rows[i].name,
                                file ? "apps" : "evidence from a file", operand,
                                file ? "a file" : "no file");
    if (o->policy != NULL && o->allow_simulated)
        return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE,
                            "--policy says itself which kinds of roots are accepted: leave "
                            "--allow-simulated out");
    return DS_OK;
}

int cmd_verify(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    struct opts o = { 0 };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_verify_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    bool file = is_file(cli, rest.v[0]);
    DS_TRY(check_options(&o, file, rest.v[0], e));
    DS_AUTO(cli_policy_done) struct cli_policy policy = { 0 };
    if (o.policy != NULL)
        DS_TRY(cli_policy_load(&policy, o.policy, e));
    const struct policy_rules *rules = o.policy != NULL ? &policy.doc.rules : NULL;
    if (file)
        return verify_file(cli, &o, rest.v[0], rules, e);
    DS_TRY(cli_vmm_ensure(cli, e));
    const struct cli_verify_vm in = { .name = rest.v[0],
                                      .allow_simulated = o.allow_simulated,
                                      .policy = rules,
                                      .any_app = o.any_app };
    return cli_verify_vm(cli, NULL, &in, e);
}

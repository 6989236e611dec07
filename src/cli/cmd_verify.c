/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack verify NAME|FILE: fresh evidence of a running app, or a file with
 * evidence, checked down to the root of trust.
 */
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/coded.h"
#include "attest/x509.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "cli/daemons.h"
#include "cli/verify.h"
#include "cli/verify_vm.h"
#include "codec/date.h"
#include "codec/json.h"
#include "codec/pem.h"
#include "crypto/hash.h"

#define FILE_MAX  ((size_t)16 << 20)
#define TOKEN_MEM ((size_t)4 << 20)

struct opts {
    bool json, allow_simulated, any_app;
    const char *collateral, *anchor, *simulated_anchor, *at;
};

static const struct ds_arg_option options[] = {
    CLI_FLAG(allow_simulated, "allow-simulated", 0,
             "accept the simulated platform, which protects nothing"),
    CLI_FLAG(any_app, "any-app", 0,
             "accept a VM that 'up' has no record of: nothing is compared then"),
    CLI_TEXT(collateral, "collateral", 0, "FILE",
             "vendor collateral as JSON, for evidence from a file"),
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

/* {"attestation": "<hex>"} or {"quote": "<hex>"}: the replies of Attest and GetQuote. */
static int evidence_of_json(struct ds_buf *bytes, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(TOKEN_MEM);
    const struct ds_json_tok *root;
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the evidence");
    struct ds_arena mem = ds_arena_of(room, TOKEN_MEM);
    DS_TRY(ds_json_parse_in(&root, &mem, ds_buf_span(bytes), e));
    const struct ds_json_tok *hex = ds_json_find(root, "attestation");
    if (hex == NULL || hex->raw.len == 0)
        hex = ds_json_find(root, "quote");
    if (hex == NULL || hex->type != DS_JSON_STRING)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_CLI_EVIDENCE_FILE, "file",
                         "a member attestation or quote", "neither", NULL);
    size_t len = 0;
    DS_AUTO(ds_auto_free) uint8_t *raw = malloc(hex->raw.len / 2 + 1);
    if (raw == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the evidence");
    DS_TRY(ds_hex_decode_any(raw, &len, hex->raw.len / 2 + 1, hex->raw, e));
    ds_buf_clear(bytes);
    ds_buf_add(bytes, DS_SPAN(raw, len));
    return ds_buf_end(bytes, e, "evidence");
}

static int read_anchor(struct ds_extra_anchor *ret, const char *path, bool simulated,
                       struct ds_error *e)
{
    uint8_t room[8192];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span der;
    struct ds_x509 cert;
    DS_TRY(ds_file_load(&text, path, sizeof room, e));
    struct ds_span rest = ds_buf_span(&text);
    DS_TRY(ds_pem_next(&der, &rest, "CERTIFICATE", &mem, e));
    DS_TRY(ds_x509_parse(&cert, der, e));
    *ret = (struct ds_extra_anchor){ .is_simulated = simulated };
    (void)snprintf(ret->name, sizeof ret->name, "root in %.50s", path);
    return ds_hash(DS_SHA256, ret->spki_sha256, cert.spki, e);
}

static int load_anchor(struct ds_extra_anchor *ret, const char *path, bool simulated,
                       struct ds_error *e)
{
    return ds_coded(read_anchor(ret, path, simulated, e), DS_CODE_CLI_ANCHOR_FILE, e);
}

static int load_evidence(struct ds_buf *ret, const char *path, struct ds_error *e)
{
    int r = ds_file_load(ret, path, FILE_MAX, e);
    if (r == DS_OK && ret->len > 0 && ret->p[0] == '{')
        r = evidence_of_json(ret, e);
    return ds_coded(r, DS_CODE_CLI_EVIDENCE_FILE, e);
}

static int verify_file(struct cli *cli, const struct opts *o, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf collateral = { 0 };
    struct ds_extra_anchor extra[2];
    struct cli_verify in = { .allow_simulated = o->allow_simulated,
                             .anchors = { extra, 0 },
                             .now_s = ds_clock_now_s() };
    DS_TRY(load_evidence(&evidence, path, e));
    if (o->collateral != NULL)
        DS_TRY(ds_coded(ds_file_load(&collateral, o->collateral, FILE_MAX, e),
                        DS_CODE_CLI_EVIDENCE_FILE, e));
    else
        ds_buf_str(&collateral, "{}"); /* the verifier then names what is missing */
    if (o->anchor != NULL)
        DS_TRY(load_anchor(&extra[in.anchors.n_extra++], o->anchor, false, e));
    if (o->simulated_anchor != NULL)
        DS_TRY(load_anchor(&extra[in.anchors.n_extra++], o->simulated_anchor, true, e));
    if (o->at != NULL)
        DS_TRY(ds_coded(ds_date_parse(&in.now_s, ds_span_str(o->at), e), DS_CODE_ARGS_USAGE, e));
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
    if (file)
        return verify_file(cli, &o, rest.v[0], e);
    DS_TRY(cli_vmm_ensure(cli, e));
    const struct cli_verify_vm in = { .name = rest.v[0],
                                      .allow_simulated = o.allow_simulated,
                                      .any_app = o.any_app };
    return cli_verify_vm(cli, NULL, &in, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a policy document.
 */
#include "cli/policy.h"

#include <stdlib.h>

#include "attest/coded.h"
#include "base/file.h"

void cli_policy_done(struct cli_policy *p)
{
    ds_buf_done(&p->text);
    free(p->room);
    p->room = NULL;
}

static int load(struct cli_policy *p, const char *path, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(p->room, POLICY_DOCUMENT_MEM);
    if (p->room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read a policy document");
    DS_TRY(
        ds_coded(ds_file_load(&p->text, path, POLICY_DOCUMENT_MAX, e), DS_CODE_CLI_POLICY_FILE, e));
    return policy_document_parse(&p->doc, &mem, ds_buf_span(&p->text), e);
}

int cli_policy_load(struct cli_policy *ret, const char *path, struct ds_error *e)
{
    struct cli_policy p = { .room = malloc(POLICY_DOCUMENT_MEM) };
    int r = load(&p, path, e);
    if (r < 0)
        cli_policy_done(&p);
    else
        *ret = p;
    return r;
}

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

int cli_policy_load(struct cli_policy *ret, const char *path, struct ds_error *e)
{
    DS_AUTO(cli_policy_done) struct cli_policy p = { .room = malloc(POLICY_DOCUMENT_MEM) };
    struct ds_arena mem = ds_arena_of(p.room, POLICY_DOCUMENT_MEM);
    if (p.room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read a policy document");
    DS_TRY(
        ds_coded(ds_file_load(&p.text, path, POLICY_DOCUMENT_MAX, e), DS_CODE_CLI_POLICY_FILE, e));
    DS_TRY(policy_document_parse(&p.doc, &mem, ds_buf_span(&p.text), e));
    *ret = p;
    p = (struct cli_policy){ 0 };
    return DS_OK;
}

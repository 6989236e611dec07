/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and naming policy documents.
 */
#include "verifier/policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "attest/coded.h"
#include "base/file.h"
#include "codec/jcs.h"
#include "crypto/hash.h"

/* Equal documents have equal names, however they are spaced and ordered. */
static int name(struct verifier_policy *ret, struct ds_arena *mem, struct ds_span text,
                struct ds_error *e)
{
    uint8_t digest32[32];
    const struct ds_json_tok *root;
    DS_AUTO(ds_buf_done) struct ds_buf canonical = { 0 }, id = { 0 };
    DS_TRY(ds_json_parse_in(&root, mem, text, e));
    DS_TRY(ds_jcs_add(&canonical, mem, root, e));
    DS_TRY(ds_buf_end(&canonical, e, "a policy document"));
    DS_TRY(ds_hash(DS_SHA256, digest32, ds_buf_span(&canonical), e));
    ds_buf_str(&id, "ni:///sha-256;");
    ds_buf_base64url(&id, DS_SPAN_OF(digest32));
    DS_TRY(ds_buf_end(&id, e, "the name of a policy"));
    (void)snprintf(ret->id, sizeof ret->id, "%s", id.p);
    return DS_OK;
}

int verifier_policy_parse(struct verifier_policy *ret, struct ds_arena *mem, struct ds_span text,
                          struct ds_error *e)
{
    DS_TRY(policy_document_parse(&ret->doc, mem, text, e));
    size_t mark = mem->used;
    DS_TRY(name(ret, mem, text, e));
    mem->used = mark;
    return DS_OK;
}

void verifier_policy_done(struct verifier_policy_file *f)
{
    ds_buf_done(&f->text);
    free(f->room);
    *f = (struct verifier_policy_file){ 0 };
}

static int load(struct verifier_policy_file *f, const char *path, struct ds_error *e)
{
    f->room = malloc(VERIFIER_POLICY_MEM);
    if (f->room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read a policy document");
    struct ds_arena mem = ds_arena_of(f->room, VERIFIER_POLICY_MEM);
    DS_TRY(ds_coded(ds_file_load(&f->text, path, POLICY_DOCUMENT_MAX, e),
                    DS_CODE_VERIFIER_POLICY_FILE, e));
    return verifier_policy_parse(&f->policy, &mem, ds_buf_span(&f->text), e);
}

int verifier_policy_load(struct verifier_policy_file *ret, const char *path, struct ds_error *e)
{
    struct verifier_policy_file f = { .is_given = path[0] != '\0' };
    int r = f.is_given ? load(&f, path, e) : DS_OK;
    if (r < 0) {
        verifier_policy_done(&f);
        return ds_wrap(e, r, "policy '%s'", path);
    }
    *ret = f;
    return DS_OK;
}

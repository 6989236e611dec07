/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small table of collateral sets. Texts are kept as they came: their bytes
 * are what is signed.
 */
#include "collateral/collateral.h"

#include "attest/dcap/collateral.h"
#include "base/file.h"

struct set {
    uint8_t fmspc6[6];
    int64_t issue_s;
    struct ds_buf json;
};

struct collateral {
    struct set sets[COLLATERAL_SETS_MAX];
    size_t n;
};

int collateral_new(struct collateral **ret, struct ds_error *e)
{
    struct collateral *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral cache");
    *ret = c;
    return DS_OK;
}

void collateral_free(struct collateral *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        ds_buf_done(&c->sets[i].json);
    free(c);
}

/* What a set is for: read from its TCB info, unverified; verification checks it again. */
static int describe(struct set *ret, struct ds_span json, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(DS_DCAP_COLLATERAL_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read collateral");
    struct ds_arena mem = ds_arena_of(room, DS_DCAP_COLLATERAL_MEM);
    struct ds_dcap_collateral coll;
    DS_TRY(ds_dcap_collateral_parse(&coll, &mem, json, e));
    if (coll.parts.tcb_info.len == 0)
        return ds_fail(e, DS_ERR_FORMAT, "collateral without TCB info");
    memcpy(ret->fmspc6, coll.tcb.fmspc6, sizeof ret->fmspc6);
    ret->issue_s = coll.tcb.issue_s;
    return DS_OK;
}

static struct set *set_find(struct collateral *c, const uint8_t fmspc6[static 6])
{
    for (size_t i = 0; i < c->n; i++)
        if (memcmp(c->sets[i].fmspc6, fmspc6, 6) == 0)
            return &c->sets[i];
    return NULL;
}

int collateral_add(struct collateral *c, struct ds_span json, struct ds_error *e)
{
    struct set set = { .json = { 0 } };
    if (json.len > COLLATERAL_LEN_MAX)
        return ds_fail(e, DS_ERR_RANGE, "collateral of %zu bytes; at most %zu are read", json.len,
                       COLLATERAL_LEN_MAX);
    DS_TRY(describe(&set, json, e));
    struct set *place = set_find(c, set.fmspc6);
    if (place != NULL && place->issue_s > set.issue_s)
        return DS_OK;
    if (place == NULL && c->n == COLLATERAL_SETS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "collateral of %d platforms is held already",
                       COLLATERAL_SETS_MAX);
    ds_buf_add(&set.json, json);
    DS_TRY(ds_buf_end(&set.json, e, "collateral"));
    if (place == NULL)
        place = &c->sets[c->n++];
    else
        ds_buf_done(&place->json);
    *place = set;
    return DS_OK;
}

int collateral_add_file(struct collateral *c, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_TRY(ds_file_load(&json, path, COLLATERAL_LEN_MAX, e));
    int r = collateral_add(c, ds_buf_span(&json), e);
    return r < 0 ? ds_wrap(e, r, "collateral '%s'", path) : DS_OK;
}

struct ds_span collateral_find(const struct collateral *c, const uint8_t fmspc6[static 6])
{
    for (size_t i = 0; i < c->n; i++)
        if (memcmp(c->sets[i].fmspc6, fmspc6, 6) == 0)
            return ds_buf_span(&c->sets[i].json);
    return (struct ds_span){ 0 };
}

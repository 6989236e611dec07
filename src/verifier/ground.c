/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading anchors and collateral.
 */
#include "verifier/ground.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "attest/coded.h"
#include "base/file.h"
#include "base/str.h"
#include "codec/pem.h"
#include "crypto/hash.h"

#define ANCHOR_FILE_MAX 8192
#define ALL_BUT_REVOKED ((1u << DS_TCB_REVOKED) - 2)

static int read_anchor(struct ds_extra_anchor *ret, const char *path, bool simulated,
                       struct ds_error *e)
{
    max_align_t room[ANCHOR_FILE_MAX / sizeof(max_align_t)];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span der;
    struct ds_x509 cert;
    DS_TRY(ds_file_load(&text, path, ANCHOR_FILE_MAX, e));
    struct ds_span rest = ds_buf_span(&text);
    DS_TRY(ds_pem_next(&der, &rest, "CERTIFICATE", &mem, e));
    DS_TRY(ds_x509_parse(&cert, der, e));
    *ret = (struct ds_extra_anchor){ .is_simulated = simulated };
    (void)snprintf(ret->name, sizeof ret->name, "root in %.50s", path);
    return ds_hash(DS_SHA256, ret->spki_sha256, cert.spki, e);
}

static int add_anchor(struct ground *g, const char *path, bool simulated, struct ds_error *e)
{
    if (path[0] == '\0')
        return DS_OK;
    int r = read_anchor(&g->anchors[g->n_anchors], path, simulated, e);
    if (r < 0)
        return ds_coded(ds_wrap(e, r, "anchor '%s'", path), DS_CODE_VERIFIER_ANCHOR_FILE, e);
    g->n_anchors++;
    return DS_OK;
}

static int add_directory(struct ground *g, const char *path, struct ds_error *e)
{
    DIR *dir = opendir(path);
    int r = DS_OK;
    if (dir == NULL)
        return ds_fail(e, DS_ERR_NOTFOUND, "no directory '%s'", path);
    for (struct dirent *d = readdir(dir); r == DS_OK && d != NULL; d = readdir(dir)) {
        char file[DS_PLACE_MAX + 260];
        if (!ds_str_ends(d->d_name, ".json"))
            continue;
        (void)snprintf(file, sizeof file, "%.*s/%s", DS_PLACE_MAX, path, d->d_name);
        r = shelf_add_file(g->shelf, file, e);
    }
    (void)closedir(dir);
    return r;
}

static int add_collateral(struct ground *g, const char *path, struct ds_error *e)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return add_directory(g, path, e);
    return shelf_add_file(g->shelf, path, e);
}

static int take_statuses(struct ground *g, const struct ds_cfg_list *words, struct ds_error *e)
{
    for (size_t i = 0; i < words->n; i++) {
        enum ds_tcb_status status = ds_tcb_status_find(ds_span_str(words->v[i]));
        if (status == DS_TCB_NONE || status == DS_TCB_REVOKED)
            return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_CFG_WRONG_TYPE,
                                "tcb: '%.60s' is no TCB status that can be accepted", words->v[i]);
        g->tcb_statuses |= POLICY_TCB(status);
    }
    return DS_OK;
}

void ground_done(struct ground *g)
{
    verifier_policy_done(&g->policy);
    warm_free(g->warm);
    shapes_free(g->shapes);
    shelf_free(g->shelf);
    *g = (struct ground){ 0 };
}

int ground_load(struct ground *ret, const struct verifier_cfg *cfg, struct ds_error *e)
{
    struct ground g = { .allow_simulated = cfg->allow_simulated,
                        .allow_no_crl = cfg->allow_no_crl };
    int r = shelf_new(&g.shelf, e);
    if (r == DS_OK)
        r = warm_new(&g.warm, e);
    if (r == DS_OK)
        r = shapes_new(&g.shapes, e);
    if (r == DS_OK)
        r = take_statuses(&g, &cfg->tcb, e);
    if (r == DS_OK)
        r = verifier_policy_load(&g.policy, cfg->policy, e);
    if (r == DS_OK)
        r = add_anchor(&g, cfg->simulated_anchor, true, e);
    if (r == DS_OK)
        r = add_anchor(&g, cfg->custom_anchor, false, e);
    for (size_t i = 0; r == DS_OK && i < cfg->collateral.n; i++)
        r = add_collateral(&g, cfg->collateral.v[i], e);
    if (r < 0) {
        ground_done(&g);
        return r;
    }
    *ret = g;
    return DS_OK;
}

struct verifier_ground ground_v1(const struct ground *g, int64_t now_s)
{
    bool has_custom = false;
    for (size_t i = 0; i < g->n_anchors; i++)
        has_custom |= !g->anchors[i].is_simulated;
    return (struct verifier_ground){ .shelf = g->shelf,
                                     .warm = g->warm,
                                     .shapes = g->shapes,
                                     .anchors = { g->anchors, g->n_anchors },
                                     .allow_simulated = g->allow_simulated,
                                     .allow_custom = has_custom,
                                     .allow_no_crl = g->allow_no_crl,
                                     .tcb_statuses = g->tcb_statuses,
                                     .policy = g->policy.is_given ? &g->policy.policy : NULL,
                                     .now_s = now_s };
}

struct verifier_ground ground_compatible(const struct ground *g, int64_t now_s)
{
    struct verifier_ground v = ground_v1(g, now_s);
    v.is_compatible = true;
    v.tcb_statuses = ALL_BUT_REVOKED;
    return v;
}

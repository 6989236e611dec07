/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache directory, and when an entry is renewed.
 */
#include "collateral/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

#define HOUR_S 3600

enum collateral_age collateral_age_of(const struct collateral_facts *f, int64_t written_s,
                                      int64_t now_s)
{
    int64_t from_s = f->items[f->ends_first].from_s, until_s = collateral_until_s(f);
    if (now_s < collateral_from_s(f))
        return COLLATERAL_EARLY;
    if (now_s > until_s)
        return COLLATERAL_ENDED;
    bool is_new = now_s >= written_s && now_s - written_s < HOUR_S;
    return !is_new && now_s - from_s >= (until_s - from_s) / 3 * 2 ? COLLATERAL_DUE
                                                                   : COLLATERAL_FRESH;
}

void collateral_entry_done(struct collateral_entry *entry) { ds_buf_done(&entry->set); }

static char *path_of(const char *dir, const struct collateral_ask *ask)
{
    char key[COLLATERAL_KEY_MAX];
    collateral_ask_key(key, ask);
    return ds_str_fmt("%s/%s.json", dir, key);
}

int collateral_cache_load(struct collateral_entry *ret, struct ds_arena *mem, const char *dir,
                          const struct collateral_ask *ask, const struct ds_anchors *anchors,
                          struct ds_error *e)
{
    DS_AUTO(collateral_entry_done) struct collateral_entry entry = { 0 };
    DS_AUTO(ds_auto_free) char *path = path_of(dir, ask);
    struct stat st;
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral cache");
    DS_TRY(ds_file_load(&entry.set, path, COLLATERAL_SET_MAX, e));
    if (stat(path, &st) != 0)
        return ds_fail_errno(e, errno, "look at '%s'", path);
    entry.written_s = st.st_mtim.tv_sec;
    int r = collateral_check(&entry.facts, mem, ds_buf_span(&entry.set), anchors, e);
    if (r == DS_OK && !collateral_ask_fits(ask, &entry.facts))
        r = ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_SET_FORMAT,
                         "it is of another platform");
    if (r < 0)
        return ds_wrap(e, r, "'%s'", path);
    *ret = DS_TAKE(entry, (struct collateral_entry){ 0 });
    return DS_OK;
}

/* The chip's set that was written first, and how many there are. */
struct oldest {
    char name[NAME_MAX + 1];
    struct timespec at;
    size_t n;
};

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static void look_at(struct oldest *o, int dir, const char *name)
{
    struct stat st;
    if (!ds_str_starts(name, "snp-") || !ds_str_ends(name, ".json") ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (o->n++ == 0 || is_before(&st.st_mtim, &o->at)) {
        o->at = st.st_mtim;
        (void)snprintf(o->name, sizeof o->name, "%s", name);
    }
}

/* A chip has a set for each TCB that somebody names, and any report may. */
static int trim(const char *dir, struct ds_error *e)
{
    struct oldest o = { .n = 0 };
    DIR *d = opendir(dir);
    int fd = d != NULL ? dirfd(d) : -1;
    if (fd < 0)
        return ds_fail_errno(e, errno, "look into '%s'", dir);
    for (struct dirent *x = readdir(d); x != NULL; x = readdir(d))
        look_at(&o, fd, x->d_name);
    (void)closedir(d);
    if (o.n <= COLLATERAL_CHIPS_MAX)
        return DS_OK;
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/%s", dir, o.name);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral cache");
    return ds_file_remove(path, "collateral.cache_old", e);
}

int collateral_cache_save(const char *dir, const struct collateral_ask *ask, struct ds_span set,
                          struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = path_of(dir, ask);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral cache");
    DS_TRY(ds_dir_make(dir, 0700, e));
    DS_TRY(ds_file_save(path, set, 0600, "collateral.cache", e));
    return ask->kind == COLLATERAL_SNP ? trim(dir, e) : DS_OK;
}

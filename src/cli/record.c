/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <state>/apps/<name>/record.json, and app-compose.json beside it.
 */
#include "cli/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/json.h"
#include "codec/json_write.h"

#define RECORD_MAX   ((size_t)64 << 10)
#define SPKI_MAX     256
#define PATH_LEN     (DS_PLACE_MAX + 160)
#define NAME_MAX_LEN 64

void cli_record_done(struct cli_record *r) { ds_buf_done(&r->kms_spki); }

/* The VMM's rule for names, and a little more: a name is a directory here as well. */
int cli_name_check(const char *name, struct ds_error *e)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_. @~!$^()";
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_LEN || name[0] == '.' || strspn(name, allowed) != n)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_CLI_NAME_INVALID, "name",
                         "letters, digits and a few signs", name, NULL);
    return DS_OK;
}

/* before and after: around the name */
static int path_around(char out[static PATH_LEN], const struct cli *cli, const char *before,
                       const char *name, const char *after, struct ds_error *e)
{
    DS_TRY(cli_name_check(name, e));
    int n = snprintf(out, PATH_LEN, "%s/apps/%s%s%s", cli->state, before, name, after);
    return n > 0 && n < PATH_LEN
               ? DS_OK
               : ds_fail(e, DS_ERR_RANGE, "the path '%s/apps/%s' is too long", cli->state, name);
}

static int path_of(char out[static PATH_LEN], const struct cli *cli, const char *name,
                   const char *file, struct ds_error *e)
{
    return path_around(out, cli, "", name, file, e);
}

/* The process that wrote its number into the lock file. */
static int busy(const char *path, struct ds_error *e)
{
    char got[64] = "another program";
    DS_AUTO(ds_buf_done) struct ds_buf pid = { 0 };
    if (ds_file_load(&pid, path, 16, NULL) == DS_OK && pid.len > 0)
        (void)snprintf(got, sizeof got, "process %s", pid.p);
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_CLI_APP_BUSY, "app", "nobody else changing it",
                     got, path);
}

int cli_record_lock(int *ret_fd, const struct cli *cli, const char *name, struct ds_error *e)
{
    char path[PATH_LEN], pid[16];
    DS_AUTO(ds_auto_close) int fd = -1;
    (void)snprintf(path, sizeof path, "%s/apps", cli->state);
    DS_TRY(ds_dir_make(path, 0700, e));
    DS_TRY(path_around(path, cli, ".", name, ".lock", e)); /* no name begins with a dot */
    int r = ds_file_lock(&fd, path, e);
    if (r == DS_ERR_EXISTS)
        return busy(path, e);
    DS_TRY(r);
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    DS_FAULT("cli.record_lock");
    if (ftruncate(fd, 0) != 0)
        return ds_fail_errno(e, errno, "empty '%s'", path);
    DS_TRY(ds_fd_write_all(fd, ds_span_str(pid), e));
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

static int encode(struct ds_buf *ret, const struct cli_record *r, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "app_id", DS_SPAN_OF(r->app_id20));
    ds_jw_hex(&w, "compose_hash", DS_SPAN_OF(r->compose32));
    ds_jw_hex(&w, "os_image_hash", DS_SPAN_OF(r->os_image32));
    ds_jw_hex(&w, "kms_spki", ds_buf_span(&r->kms_spki));
    if (r->instance.has)
        ds_jw_hex(&w, "instance_id", DS_SPAN_OF(r->instance.id20));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "record");
}

int cli_record_save(const struct cli *cli, const char *name, const struct cli_record *r,
                    struct ds_span app_compose, struct ds_error *e)
{
    char path[PATH_LEN];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_TRY(encode(&json, r, e));
    DS_TRY(path_of(path, cli, name, "", e));
    DS_TRY(ds_dir_make(path, 0700, e));
    DS_TRY(path_of(path, cli, name, "/app-compose.json", e));
    DS_TRY(ds_file_save(path, app_compose, 0600, "cli.record_compose", e));
    DS_TRY(path_of(path, cli, name, "/record.json", e));
    return ds_file_save(path, ds_buf_span(&json), 0600, "cli.record", e);
}

static int parse(struct cli_record *ret, struct ds_span text, struct ds_error *e)
{
    uint8_t room[8192];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    const struct ds_json_tok *root;
    struct ds_span spki;
    size_t len = 0;
    DS_TRY(ds_json_parse_in(&root, &mem, text, e));
    DS_TRY(ds_json_get_hex(ret->app_id20, sizeof ret->app_id20, root, "app_id", e));
    DS_TRY(ds_json_get_hex(ret->compose32, sizeof ret->compose32, root, "compose_hash", e));
    DS_TRY(ds_json_get_hex(ret->os_image32, sizeof ret->os_image32, root, "os_image_hash", e));
    ret->instance.has = ds_json_find(root, "instance_id") != NULL;
    if (ret->instance.has)
        DS_TRY(
            ds_json_get_hex(ret->instance.id20, sizeof ret->instance.id20, root, "instance_id", e));
    DS_TRY(ds_json_get_str(&spki, root, "kms_spki", e));
    if (spki.len == 0)
        return ds_fail(e, DS_ERR_FORMAT, "kms_spki is empty");
    uint8_t *bytes = ds_buf_room(&ret->kms_spki, SPKI_MAX);
    if (bytes == NULL)
        return ds_buf_end(&ret->kms_spki, e, "record");
    DS_TRY(ds_hex_decode_any(bytes, &len, SPKI_MAX, spki, e));
    ds_buf_took(&ret->kms_spki, len);
    return DS_OK;
}

int cli_record_load(struct cli_record *ret, bool *ret_has, const struct cli *cli, const char *name,
                    struct ds_error *e)
{
    char path[PATH_LEN];
    DS_AUTO(cli_record_done) struct cli_record r = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_error why = { 0 };
    DS_TRY(path_of(path, cli, name, "/record.json", e));
    int got = ds_file_load(&text, path, RECORD_MAX, e);
    *ret_has = got != DS_ERR_NOTFOUND;
    if (!*ret_has)
        return DS_OK;
    DS_TRY(got);
    if (parse(&r, ds_buf_span(&text), &why) < 0)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_CLI_RECORD_DAMAGED, path,
                         "app_id, compose_hash, os_image_hash and kms_spki", why.msg, NULL);
    *ret = r;
    memset(&r, 0, sizeof r);
    return DS_OK;
}

bool cli_record_exists(const struct cli *cli, const char *name)
{
    char path[PATH_LEN];
    return path_of(path, cli, name, "/record.json", NULL) == DS_OK && ds_file_exists(path);
}

int cli_record_remove(const struct cli *cli, const char *name, struct ds_error *e)
{
    char path[PATH_LEN];
    /* Without it there is no record, whatever else is still there. */
    DS_TRY(path_of(path, cli, name, "/record.json", e));
    DS_TRY(ds_file_remove(path, "cli.record_remove", e));
    DS_TRY(path_of(path, cli, name, "", e));
    DS_TRY(ds_dir_remove(path, e));
    DS_FAULT("cli.record_remove.whole");
    return DS_OK;
}

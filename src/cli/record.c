/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three files under <state>/apps/<name>/.
 */
#include "cli/record.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define COMPOSE_MAX ((size_t)50 << 20)

struct part {
    const char *file;
    const char *fault;
};

static const struct part compose_part = { "app-compose.json", "cli.record_compose" };
static const struct part image_part = { "os-image-hash", "cli.record_image" };
static const struct part kms_part = { "kms.spki", "cli.record_kms" };

void cli_record_done(struct cli_record *r)
{
    ds_buf_done(&r->app_compose);
    ds_buf_done(&r->kms_spki);
}

static int path_of(char *out, size_t out_len, const struct cli *cli, const char *name,
                   const char *file, struct ds_error *e)
{
    /* The VMM's rule for names keeps slashes out; a name is a directory here as well. */
    if (strchr(name, '/') != NULL || name[0] == '.')
        return ds_fail(e, DS_ERR_ARG, "'%.60s' is no name for an app", name);
    int n = snprintf(out, out_len, "%s/apps/%s/%s", cli->state, name, file);
    return n > 0 && (size_t)n < out_len ? DS_OK : ds_fail(e, DS_ERR_RANGE, "the path is too long");
}

static int save(const struct cli *cli, const char *name, const struct part *part,
                struct ds_span content, struct ds_error *e)
{
    char path[DS_PLACE_MAX + 160];
    DS_TRY(path_of(path, sizeof path, cli, name, part->file, e));
    return ds_file_save(path, content, 0600, part->fault, e);
}

static int load(struct ds_buf *ret, const struct cli *cli, const char *name,
                const struct part *part, struct ds_error *e)
{
    char path[DS_PLACE_MAX + 160];
    DS_TRY(path_of(path, sizeof path, cli, name, part->file, e));
    return ds_file_load(ret, path, COMPOSE_MAX, e);
}

int cli_record_save(const struct cli *cli, const char *name, const struct cli_record *r,
                    struct ds_error *e)
{
    char dir[DS_PLACE_MAX + 160];
    DS_TRY(path_of(dir, sizeof dir, cli, name, "", e));
    dir[strlen(dir) - 1] = '\0';
    DS_TRY(ds_dir_make(dir, 0700, e));
    DS_TRY(save(cli, name, &image_part, DS_SPAN_OF(r->os_image32), e));
    DS_TRY(save(cli, name, &kms_part, ds_buf_span(&r->kms_spki), e));
    return save(cli, name, &compose_part, ds_buf_span(&r->app_compose), e);
}

int cli_record_load(struct cli_record *ret, const struct cli *cli, const char *name,
                    struct ds_error *e)
{
    DS_AUTO(cli_record_done) struct cli_record r = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf image = { 0 };
    DS_TRY(load(&r.app_compose, cli, name, &compose_part, e));
    DS_TRY(load(&r.kms_spki, cli, name, &kms_part, e));
    DS_TRY(load(&image, cli, name, &image_part, e));
    if (image.len != 32)
        return ds_fail(e, DS_ERR_FORMAT, "the record of '%s' is damaged", name);
    memcpy(r.os_image32, image.p, 32);
    *ret = r;
    memset(&r, 0, sizeof r);
    return DS_OK;
}

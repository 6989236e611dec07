/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI image layout in, docker-archive out (OCI image-spec 1.1: image-layout.md,
 * manifest.md; docker's archive is a tar with manifest.json beside the blobs).
 */
#include "cli/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "codec/tar.h"
#include "crypto/hash.h"

#define DOC_MAX    ((size_t)4 << 20) /* bytes of index, manifest, config */
#define DOC_MEM    ((size_t)1 << 20)
#define LAYERS_MAX 128
#define BLOB_NAME  "blobs/sha256/"

struct digest {
    char hex[65];
};

struct image {
    struct digest config;
    struct digest layers[LAYERS_MAX];
    size_t n_layers;
};

static int invalid(struct ds_error *e, const char *what, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_CLI_OCI_INVALID, what, expected, got, "OCI layout");
}

static int digest_parse(struct digest *ret, const struct ds_json_tok *descriptor,
                        struct ds_error *e)
{
    struct ds_span text;
    uint8_t raw[32];
    DS_TRY(ds_json_get_str(&text, descriptor, "digest", e));
    if (text.len != 7 + 64 || memcmp(text.p, "sha256:", 7) != 0 ||
        ds_hex_decode(raw, sizeof raw, ds_span_sub(text, 7, 64), NULL) < 0)
        return invalid(e, "digest", "sha256 and 64 hex digits", "another form");
    (void)ds_hex_encode(ret->hex, DS_SPAN_OF(raw));
    return DS_OK;
}

static int blob_path(char **ret, const char *layout, const struct digest *d, struct ds_error *e)
{
    *ret = ds_str_fmt("%s/" BLOB_NAME "%s", layout, d->hex);
    return *ret != NULL ? DS_OK : ds_fail(e, DS_ERR_NOMEM, "image layout");
}

/* A JSON blob, checked against its digest. */
static int doc_load(struct ds_buf *ret, const char *layout, const struct digest *d,
                    struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = NULL;
    uint8_t got[32];
    DS_TRY(blob_path(&path, layout, d, e));
    DS_TRY(ds_file_load(ret, path, DOC_MAX, e));
    DS_TRY(ds_hash(DS_SHA256, got, ds_buf_span(ret), e));
    if (strcmp(DS_HEX(DS_SPAN_OF(got)), d->hex) != 0)
        return invalid(e, path, d->hex, DS_HEX(DS_SPAN_OF(got)));
    return DS_OK;
}

static bool is_amd64(const struct ds_json_tok *descriptor)
{
    const struct ds_json_tok *platform = ds_json_find(descriptor, "platform");
    return platform == NULL || (ds_json_is_str(ds_json_find(platform, "architecture"), "amd64") &&
                                ds_json_is_str(ds_json_find(platform, "os"), "linux"));
}

/* The one entry of an index that runs here. */
static int index_choose(struct digest *ret, bool *ret_is_index, const struct ds_json_tok *root,
                        struct ds_error *e)
{
    const struct ds_json_tok *list, *chosen = NULL;
    DS_TRY(ds_json_get(&list, root, "manifests", DS_JSON_ARRAY, e));
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v)) {
        if (!is_amd64(v))
            continue;
        if (chosen != NULL)
            return invalid(e, "index", "one image for linux/amd64", "several");
        chosen = v;
    }
    if (chosen == NULL)
        return invalid(e, "index", "one image for linux/amd64", "none");
    *ret_is_index = ds_json_is_str(ds_json_find(chosen, "mediaType"),
                                   "application/vnd.oci.image.index.v1+json");
    return digest_parse(ret, chosen, e);
}

static int manifest_parse(struct image *ret, const struct ds_json_tok *root, struct ds_error *e)
{
    const struct ds_json_tok *config, *layers;
    DS_TRY(ds_json_get(&config, root, "config", DS_JSON_OBJECT, e));
    DS_TRY(ds_json_get(&layers, root, "layers", DS_JSON_ARRAY, e));
    if (layers->n > LAYERS_MAX)
        return invalid(e, "layers", "at most 128", "more");
    DS_TRY(digest_parse(&ret->config, config, e));
    ret->n_layers = 0;
    for (const struct ds_json_tok *v = ds_json_first(layers); v != NULL;
         v = ds_json_next(layers, v))
        DS_TRY(digest_parse(&ret->layers[ret->n_layers++], v, e));
    return DS_OK;
}

static int image_load(struct image *ret, const char *layout, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(DOC_MEM);
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/index.json", layout);
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    if (room == NULL || path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "image layout");
    DS_TRY(ds_file_load(&doc, path, DOC_MAX, e));
    struct digest d;
    bool is_index = true;
    for (int depth = 0; is_index; depth++) {
        if (depth == 2)
            return invalid(e, "index", "an image within two levels", "deeper nesting");
        struct ds_arena mem = ds_arena_of(room, DOC_MEM);
        const struct ds_json_tok *root;
        DS_TRY(ds_json_parse_in(&root, &mem, ds_buf_span(&doc), e));
        DS_TRY(index_choose(&d, &is_index, root, e));
        ds_buf_clear(&doc);
        DS_TRY(doc_load(&doc, layout, &d, e));
    }
    struct ds_arena mem = ds_arena_of(room, DOC_MEM);
    const struct ds_json_tok *root;
    DS_TRY(ds_json_parse_in(&root, &mem, ds_buf_span(&doc), e));
    return manifest_parse(ret, root, e);
}

/* Copies len bytes from in to out, hashing what passes. */
static int copy_hashed(int out, int in, uint64_t len, const struct digest *d, struct ds_error *e)
{
    static const uint8_t zeros[DS_TAR_BLOCK];
    DS_AUTO(ds_hasher_free) struct ds_hasher h = { 0 };
    DS_AUTO(ds_auto_free) uint8_t *chunk = malloc(1 << 20);
    if (chunk == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "copy a blob");
    DS_TRY(ds_hasher_new(&h, DS_SHA256, e));
    for (uint64_t left = len; left > 0;) {
        ssize_t n = read(in, chunk, left < (1 << 20) ? (size_t)left : 1 << 20);
        if (n <= 0)
            return ds_fail_errno(e, n < 0 ? errno : EIO, "read blob %s", d->hex);
        DS_TRY(ds_hasher_update(&h, DS_SPAN(chunk, (size_t)n), e));
        DS_TRY(ds_fd_write_all(out, DS_SPAN(chunk, (size_t)n), e));
        left -= (uint64_t)n;
    }
    uint8_t got[32];
    DS_TRY(ds_hasher_final(&h, got, e));
    if (strcmp(DS_HEX(DS_SPAN_OF(got)), d->hex) != 0)
        return invalid(e, "blob", d->hex, DS_HEX(DS_SPAN_OF(got)));
    return ds_fd_write_all(out, DS_SPAN(zeros, ds_tar_padding(len)), e);
}

static int blob_add(int out, const char *layout, const struct digest *d, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = NULL;
    DS_TRY(blob_path(&path, layout, d, e));
    DS_AUTO(ds_auto_close) int in = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (in < 0 || fstat(in, &st) != 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    char name[sizeof BLOB_NAME + 64];
    (void)snprintf(name, sizeof name, BLOB_NAME "%s", d->hex);
    uint8_t header[DS_TAR_BLOCK];
    DS_TRY(ds_tar_header(header, name, (uint64_t)st.st_size, e));
    DS_TRY(ds_fd_write_all(out, DS_SPAN_OF(header), e));
    return copy_hashed(out, in, (uint64_t)st.st_size, d, e);
}

static bool seen_before(const struct image *image, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(image->layers[k].hex, image->layers[i].hex) == 0)
            return true;
    return false;
}

static int manifest_add(int out, const struct image *image, const char *name, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf member = { 0 };
    char blob[sizeof BLOB_NAME + 64];
    struct ds_jw w = ds_jw_of(&json);
    ds_jw_array(&w, NULL);
    ds_jw_object(&w, NULL);
    (void)snprintf(blob, sizeof blob, BLOB_NAME "%s", image->config.hex);
    ds_jw_str(&w, "Config", blob);
    ds_jw_array(&w, "RepoTags");
    ds_jw_str(&w, NULL, name);
    ds_jw_array_end(&w);
    ds_jw_array(&w, "Layers");
    for (size_t i = 0; i < image->n_layers; i++) {
        (void)snprintf(blob, sizeof blob, BLOB_NAME "%s", image->layers[i].hex);
        ds_jw_str(&w, NULL, blob);
    }
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    ds_jw_array_end(&w);
    DS_TRY(ds_jw_end(&w, e, "manifest.json"));
    DS_TRY(ds_tar_add(&member, "manifest.json", ds_buf_span(&json), e));
    ds_tar_end(&member);
    DS_TRY(ds_buf_end(&member, e, "manifest.json"));
    return ds_fd_write_all(out, ds_buf_span(&member), e);
}

int oci_archive_make(const char *layout, const char *name, const char *path, struct ds_error *e)
{
    struct image image;
    int r = image_load(&image, layout, e);
    if (r < 0)
        return ds_wrap(e, r, "image '%s' in '%s'", name, layout);
    DS_AUTO(ds_auto_close)
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (out < 0)
        return ds_fail_errno(e, errno, "make '%s'", path);
    DS_TRY(blob_add(out, layout, &image.config, e));
    for (size_t i = 0; i < image.n_layers; i++)
        if (!seen_before(&image, i))
            DS_TRY(blob_add(out, layout, &image.layers[i], e));
    return manifest_add(out, &image, name, e);
}

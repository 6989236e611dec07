/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images on disk. metadata.json names plain files beside itself; anything that
 * leads out of the directory is refused.
 */
#include "vmm/image.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json_write.h"

#define METADATA_MAX    ((size_t)256 << 10)
#define CHECKSUMS_MAX   ((size_t)64 << 10)
#define MEASUREMENT_MAX ((size_t)64 << 10)
#define IMAGES_MAX      256

static int broken(struct ds_error *e, const char *name, const char *why)
{
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_VMM_IMAGE_BROKEN, "image '%s': %s", name, why);
}

static int get_file(char ret[static VMM_PATH_LEN], const char *dir, const char *image,
                    yyjson_val *meta, const char *key, struct ds_error *e)
{
    yyjson_val *v = yyjson_obj_get(meta, key);
    struct ds_span name = DS_SPAN(yyjson_get_str(v), yyjson_get_len(v));
    if (!yyjson_is_str(v) || !vmm_image_name_is_valid(name))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_VMM_IMAGE_BROKEN,
                            "image '%s': metadata.json has no usable '%s'", image, key);
    int n = snprintf(ret, VMM_PATH_LEN, "%s/%s", dir, yyjson_get_str(v));
    if (n < 0 || n >= VMM_PATH_LEN)
        return broken(e, image, "its path is too long");
    struct stat st;
    if (lstat(ret, &st) != 0 || !S_ISREG(st.st_mode))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_VMM_IMAGE_BROKEN,
                            "image '%s': '%s' is missing or no regular file", image,
                            yyjson_get_str(v));
    return DS_OK;
}

static void get_line(char *ret, size_t ret_len, yyjson_val *meta, const char *key)
{
    yyjson_val *v = yyjson_obj_get(meta, key);
    if (!yyjson_is_str(v) ||
        !ds_str_copy_span(ret, ret_len, DS_SPAN(yyjson_get_str(v), yyjson_get_len(v))))
        ret[0] = '\0';
}

/* digest.txt is the image's identity in text; a missing one leaves the image without. */
static void load_digest(char ret[static 65], const char *dir)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/digest.txt", dir);
    uint8_t hash32[32];
    if (path == NULL || ds_file_load(&text, path, 256, NULL) < 0 ||
        ds_hex_decode(hash32, sizeof hash32, ds_span_sub(ds_buf_span(&text), 0, 64), NULL) < 0)
        return;
    (void)ds_hex_encode(ret, DS_SPAN_OF(hash32));
}

static int read_metadata(struct vmm_image *img, const char *dir, yyjson_val *meta,
                         const struct vmm_machine *machine, struct ds_error *e)
{
    if (!yyjson_is_obj(meta))
        return broken(e, img->name, "metadata.json is no JSON object");
    const char *firmware = yyjson_obj_get(meta, machine->firmware) != NULL ? machine->firmware
                                                                           : "bios";
    DS_TRY(get_file(img->firmware, dir, img->name, meta, firmware, e));
    DS_TRY(get_file(img->kernel, dir, img->name, meta, "kernel", e));
    DS_TRY(get_file(img->initrd, dir, img->name, meta, "initrd", e));
    DS_TRY(get_file(img->rootfs, dir, img->name, meta, "rootfs", e));
    get_line(img->cmdline, sizeof img->cmdline, meta, "cmdline");
    if (img->cmdline[0] == '\0')
        return broken(e, img->name, "metadata.json has no usable 'cmdline'");
    get_line(img->version, sizeof img->version, meta, "version");
    get_line(img->ovmf_variant, sizeof img->ovmf_variant, meta, "ovmf_variant");
    img->is_dev = yyjson_is_true(yyjson_obj_get(meta, "is_dev"));
    img->shared_ro = yyjson_is_true(yyjson_obj_get(meta, "shared_ro"));
    load_digest(img->digest, dir);
    return DS_OK;
}

static int load_metadata(struct ds_buf *ret, const char *dir, const char *name, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/metadata.json", dir);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "image '%s'", name);
    int r = ds_file_load(ret, path, METADATA_MAX, e);
    if (r == DS_ERR_NOTFOUND)
        return ds_fail_code(e, DS_ERR_NOTFOUND, DS_CODE_VMM_IMAGE_NOT_FOUND, "no image '%s' ('%s')",
                            name, path);
    return r;
}

int vmm_image_load(struct vmm_image *ret, const char *images_dir, const char *name,
                   const struct vmm_machine *machine, struct ds_error *e)
{
    struct vmm_image img = { 0 };
    if (!vmm_image_name_is_valid(ds_span_str(name)) ||
        !ds_str_copy(img.name, sizeof img.name, name))
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_VMM_NAME_INVALID, "image", NULL, name, NULL);
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s/%s", images_dir, name);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (dir == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "image '%s'", name);
    DS_TRY(load_metadata(&text, dir, name, e));
    yyjson_doc *doc = yyjson_read(text.p, text.len, 0);
    int r = read_metadata(&img, dir, yyjson_doc_get_root(doc), machine, e);
    yyjson_doc_free(doc);
    DS_TRY(r);
    *ret = img;
    return DS_OK;
}

static void list_one(struct ds_jw *w, const char *images_dir, const char *name)
{
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s/%s", images_dir, name);
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    if (dir == NULL || load_metadata(&text, dir, name, NULL) < 0)
        return;
    yyjson_doc *doc = yyjson_read(text.p, text.len, 0);
    yyjson_val *meta = yyjson_doc_get_root(doc);
    if (yyjson_is_obj(meta)) {
        char version[64] = "";
        char arch[32] = "";
        char digest[65] = "";
        get_line(version, sizeof version, meta, "version");
        get_line(arch, sizeof arch, meta, "arch");
        load_digest(digest, dir);
        ds_jw_object(w, NULL);
        ds_jw_str(w, "name", name);
        ds_jw_text(w, "description", ds_buf_span(&text));
        ds_jw_str(w, "version", version);
        ds_jw_bool(w, "is_dev", yyjson_is_true(yyjson_obj_get(meta, "is_dev")));
        ds_jw_str(w, "arch", arch);
        ds_jw_str(w, "os_image_hash", digest);
        ds_jw_object_end(w);
    }
    yyjson_doc_free(doc);
}

static int is_image_entry(const struct dirent *d)
{
    return vmm_image_name_is_valid(ds_span_str(d->d_name)) ? 1 : 0;
}

int vmm_image_list(struct ds_buf *ret, const char *images_dir, struct ds_error *e)
{
    struct dirent **entries = NULL;
    int n = scandir(images_dir, &entries, is_image_entry, alphasort);
    if (n < 0 && errno != ENOENT)
        return ds_fail_errno(e, errno, "read directory '%s'", images_dir);
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_array(&w, NULL);
    for (int i = 0; i < n; i++) {
        if (i < IMAGES_MAX)
            list_one(&w, images_dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    ds_jw_array_end(&w);
    return ds_jw_end(&w, e, "list of images");
}

void vmm_image_newest(char ret[static VMM_NAME_MAX + 1], const char *images_dir)
{
    struct dirent **entries = NULL;
    int n = scandir(images_dir, &entries, is_image_entry, alphasort);
    struct timespec newest = { 0 };
    ret[0] = '\0';
    for (int i = 0; i < n; i++) {
        struct stat st;
        DS_AUTO(ds_auto_free)
        char *path = ds_str_fmt("%s/%s/metadata.json", images_dir, entries[i]->d_name);
        if (path != NULL && stat(path, &st) == 0 &&
            (st.st_mtim.tv_sec > newest.tv_sec ||
             (st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec >= newest.tv_nsec)) &&
            ds_str_copy(ret, VMM_NAME_MAX + 1, entries[i]->d_name))
            newest = st.st_mtim;
        free(entries[i]);
    }
    free(entries);
}

static int add_base64(struct ds_jw *w, const char *key, struct ds_span bytes, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *text = malloc(DS_BASE64_LEN(bytes.len) + 1);
    if (text == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "measurement");
    ds_jw_str(w, key, ds_base64_encode(text, bytes));
    return DS_OK;
}

int vmm_image_measurement(struct ds_buf *ret, bool *ret_have, const char *images_dir,
                          const char *name, const char *tee, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *sums = ds_str_fmt("%s/%s/sha256sum.txt", images_dir, name);
    DS_AUTO(ds_auto_free)
    char *cbor = ds_str_fmt("%s/%s/measurement.%s.cbor", images_dir, name, tee);
    DS_AUTO(ds_buf_done) struct ds_buf sums_text = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf cbor_bytes = { 0 };
    if (sums == NULL || cbor == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "measurement");
    *ret_have = ds_file_exists(sums) && ds_file_exists(cbor);
    if (!*ret_have)
        return DS_OK;
    DS_TRY(ds_file_load(&sums_text, sums, CHECKSUMS_MAX, e));
    DS_TRY(ds_file_load(&cbor_bytes, cbor, MEASUREMENT_MAX, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    DS_TRY(add_base64(&w, "checksum_file", ds_buf_span(&sums_text), e));
    DS_TRY(add_base64(&w, "measurement", ds_buf_span(&cbor_bytes), e));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "measurement");
}

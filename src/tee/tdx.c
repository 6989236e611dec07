/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel TDX inside the TD, by the kernel's own files (guest-api 8.7): quotes by
 * configfs-tsm, RTMR3 by the measurements files of tdx_guest, boot log by ACPI.
 * spec: Linux Documentation/ABI/testing/configfs-tsm-report, sysfs-devices-virtual-misc-tdx_guest
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "tee/backend.h"

#define TDX_DIR   "/sys/devices/virtual/misc/tdx_guest"
#define RTMR3     TDX_DIR "/measurements/rtmr3:sha384"
#define CONFIGID  TDX_DIR "/measurements/mrconfigid" /* of a TDREPORT, which the TDX module makes */
#define ENTRY_DIR "/sys/kernel/config/tsm/report/dstack"
#define CCEL      "/sys/firmware/acpi/tables/data/CCEL"

#define PROVIDER    "tdx_guest\n"
#define QUOTE_MIN   1020 /* shorter is no signed quote */
#define QUOTE_TRIES 4
#define SMALL_MAX   64 /* bytes of provider, generation */

struct tdx {
    struct tee_backend backend;
    char *rtmr3, *configid, *entry, *inblob, *outblob, *generation, *provider, *ccel;
};

static void tdx_close(struct tee_backend *b)
{
    struct tdx *t = (struct tdx *)b;
    free(t->rtmr3);
    free(t->configid);
    free(t->entry);
    free(t->inblob);
    free(t->outblob);
    free(t->generation);
    free(t->provider);
    free(t->ccel);
    free(t);
}

/* sysfs and configfs take a value whole, in one write, or not at all. */
static int write_once(const char *path, struct ds_span value, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    ssize_t n = write(fd, value.p, value.len);
    if (n < 0)
        return ds_fail_errno(e, errno, "write '%s'", path);
    if ((size_t)n != value.len)
        return ds_fail(e, DS_ERR_SYS, "'%s' took %zd of %zu bytes", path, n, value.len);
    return DS_OK;
}

static int read_generation(uint64_t *ret, const struct tdx *t, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_TRY(ds_file_load(&text, t->generation, SMALL_MAX, e));
    struct ds_span digits = ds_buf_span(&text);
    if (digits.len > 0 && digits.p[digits.len - 1] == '\n')
        digits.len--;
    return ds_str_u64(ret, digits, UINT64_MAX - 1, e);
}

static int check_provider(const struct tdx *t, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_TRY(ds_file_load(&text, t->provider, SMALL_MAX, e));
    if (!ds_span_eq_str(ds_buf_span(&text), PROVIDER))
        return ds_fail(e, DS_ERR_UNSUPPORTED, "the kernel's report provider is not tdx_guest");
    return DS_OK;
}

/*
 * One attempt. The generation counts writes: one more than before means that
 * the quote answers our bytes and nobody else's.
 */
static int quote_once(struct ds_buf *ret, const struct tdx *t, struct ds_span report_data,
                      bool *ret_ours, struct ds_error *e)
{
    uint64_t before, after;
    DS_TRY(read_generation(&before, t, e));
    DS_TRY(write_once(t->inblob, report_data, e));
    DS_TRY(ds_file_load(ret, t->outblob, TEE_QUOTE_MAX, e));
    DS_TRY(read_generation(&after, t, e));
    *ret_ours = after == before + 1;
    return DS_OK;
}

static int tdx_quote(struct ds_buf *ret, struct tee_backend *b,
                     const uint8_t report_data64[static 64], struct ds_error *e)
{
    struct tdx *t = (struct tdx *)b;
    if (mkdir(t->entry, 0700) != 0 && errno != EEXIST)
        return ds_fail_errno(e, errno, "make '%s'", t->entry);
    DS_AUTO(ds_auto_close) int entry = open(t->entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (entry < 0 || flock(entry, LOCK_EX) != 0)
        return ds_fail_errno(e, errno, "lock '%s'", t->entry);
    DS_TRY(check_provider(t, e));
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    bool ours = false;
    for (int i = 0; i < QUOTE_TRIES && !ours; i++) {
        ds_buf_clear(&quote);
        DS_TRY(quote_once(&quote, t, DS_SPAN(report_data64, 64), &ours, e));
    }
    if (!ours || quote.len < QUOTE_MIN)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_TEE_QUOTE_FAILED, "%zu bytes after %s",
                            quote.len, ours ? "one request" : "requests that others disturbed");
    ds_buf_add(ret, ds_buf_span(&quote));
    return ds_buf_end(ret, e, "quote");
}

static int tdx_mrconfigid(uint8_t ret48[static 48], struct tee_backend *b, struct ds_error *e)
{
    const struct tdx *t = (const struct tdx *)b;
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    DS_TRY(ds_file_load(&value, t->configid, SMALL_MAX, e));
    if (value.len != 48)
        return ds_fail(e, DS_ERR_SYS, "'%s' has %zu bytes, not 48", t->configid, value.len);
    memcpy(ret48, value.p, 48);
    return DS_OK;
}

static int tdx_extend(struct tee_backend *b, const uint8_t digest48[static 48], struct ds_error *e)
{
    const struct tdx *t = (const struct tdx *)b;
    return write_once(t->rtmr3, DS_SPAN(digest48, 48), e);
}

static int tdx_boot_log(struct ds_buf *ret, struct tee_backend *b, struct ds_error *e)
{
    const struct tdx *t = (const struct tdx *)b;
    return ds_file_load(ret, t->ccel, TEE_BOOT_LOG_MAX, e);
}

static const struct tee_ops tdx_ops = {
    .kind = TEE_TDX,
    .quote = tdx_quote,
    .mrconfigid = tdx_mrconfigid,
    .extend = tdx_extend,
    .boot_log = tdx_boot_log,
    .close = tdx_close,
};

int tee_tdx_open(struct tee_backend **ret, const char *root, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *dir = ds_str_fmt("%s" TDX_DIR, root);
    struct tdx *t = calloc(1, sizeof *t);
    if (dir == NULL || t == NULL) {
        free(t);
        return ds_fail(e, DS_ERR_NOMEM, "open TDX");
    }
    t->backend.ops = &tdx_ops;
    t->rtmr3 = ds_str_fmt("%s" RTMR3, root);
    t->configid = ds_str_fmt("%s" CONFIGID, root);
    t->entry = ds_str_fmt("%s" ENTRY_DIR, root);
    t->inblob = ds_str_fmt("%s" ENTRY_DIR "/inblob", root);
    t->outblob = ds_str_fmt("%s" ENTRY_DIR "/outblob", root);
    t->generation = ds_str_fmt("%s" ENTRY_DIR "/generation", root);
    t->provider = ds_str_fmt("%s" ENTRY_DIR "/provider", root);
    t->ccel = ds_str_fmt("%s" CCEL, root);
    int r = DS_OK;
    if (t->rtmr3 == NULL || t->configid == NULL || t->entry == NULL || t->inblob == NULL ||
        t->outblob == NULL || t->generation == NULL || t->provider == NULL || t->ccel == NULL)
        r = ds_fail(e, DS_ERR_NOMEM, "open TDX");
    else if (!ds_file_exists(dir))
        r = ds_fail(e, DS_ERR_NOTFOUND, "no '%s'", dir);
    if (r < 0) {
        tdx_close(&t->backend);
        return r;
    }
    *ret = &t->backend;
    return DS_OK;
}

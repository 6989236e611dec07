/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A launch is measured over sealed copies of its files: what QEMU maps later is
 * what was hashed here, whatever happens to the files on disk meanwhile.
 */
#include "simtee/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "crypto/hash.h"

#define MIB      ((size_t)1 << 20)
#define SPEC_MEM ((size_t)16 * 1024)
#define SEALS    (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#define VCPUS_MAX   1024
#define DEVICES_MAX 64
#define MEMORY_MAX  ((uint64_t)1 << 46)

struct file_row {
    const char *name;
    size_t max;  /* bytes */
    size_t path; /* offset in struct simtee_spec */
};

static const struct file_row files[SIMTEE_FILE_COUNT] = {
    [SIMTEE_FILE_FIRMWARE] = { "firmware", 64 * MIB, offsetof(struct simtee_spec, firmware) },
    [SIMTEE_FILE_KERNEL] = { "kernel", 256 * MIB, offsetof(struct simtee_spec, kernel) },
    [SIMTEE_FILE_INITRD] = { "initrd", 512 * MIB, offsetof(struct simtee_spec, initrd) },
};

static const char *spec_path(const struct simtee_spec *spec, enum simtee_file file)
{
    return (const char *)spec + files[file].path;
}

static int invalid(struct ds_error *e, const char *field)
{
    return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_SIMTEE_SPEC_INVALID,
                        "launch spec: '%s' is missing or malformed", field);
}

static int get_text(char *out, size_t out_len, const struct ds_json_tok *obj, const char *key,
                    struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_json_tok *t;
    struct ds_span text;
    if (ds_json_get(&t, obj, key, DS_JSON_STRING, e) < 0 || ds_json_str(&text, mem, t, e) < 0 ||
        memchr(text.p, '\0', text.len) != NULL || !ds_str_copy_span(out, out_len, text))
        return invalid(e, key);
    return DS_OK;
}

static bool is_launch_id(const char *id)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return id[0] != '\0' && id[strspn(id, allowed)] == '\0';
}

static int parse_shape(struct measure_shape *ret, const struct ds_json_tok *obj, struct ds_error *e)
{
    uint64_t qemu, vcpus, nics, volumes;
    if (ds_json_get_u64(&qemu, obj, "qemu_major", 255, e) < 0)
        return invalid(e, "shape.qemu_major");
    if (ds_json_get_u64(&vcpus, obj, "vcpus", VCPUS_MAX, e) < 0)
        return invalid(e, "shape.vcpus");
    if (ds_json_get_u64(&ret->memory_bytes, obj, "memory_bytes", MEMORY_MAX, e) < 0)
        return invalid(e, "shape.memory_bytes");
    if (ds_json_get_u64(&nics, obj, "n_nics", DEVICES_MAX, e) < 0)
        return invalid(e, "shape.n_nics");
    if (ds_json_get_u64(&volumes, obj, "n_volumes", DEVICES_MAX, e) < 0)
        return invalid(e, "shape.n_volumes");
    if (ds_json_get_bool(&ret->tpm, obj, "tpm", e) < 0)
        return invalid(e, "shape.tpm");
    ret->qemu_major = (uint32_t)qemu;
    ret->vcpus = (uint32_t)vcpus;
    ret->n_nics = (uint32_t)nics;
    ret->n_volumes = (uint32_t)volumes;
    return DS_OK;
}

int simtee_spec_parse(struct simtee_spec *ret, struct ds_span json, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(SPEC_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read a launch spec");
    struct ds_arena mem = ds_arena_of(room, SPEC_MEM);
    const struct ds_json_tok *root;
    struct simtee_spec s = { 0 };
    if (ds_json_parse_in(&root, &mem, json, e) < 0)
        return invalid(e, "{}");
    DS_TRY(get_text(s.launch_id, sizeof s.launch_id, root, "launch_id", &mem, e));
    if (!is_launch_id(s.launch_id))
        return invalid(e, "launch_id");
    DS_TRY(get_text(s.firmware, sizeof s.firmware, root, "firmware", &mem, e));
    DS_TRY(get_text(s.kernel, sizeof s.kernel, root, "kernel", &mem, e));
    DS_TRY(get_text(s.initrd, sizeof s.initrd, root, "initrd", &mem, e));
    DS_TRY(get_text(s.cmdline, sizeof s.cmdline, root, "cmdline", &mem, e));
    if (ds_json_get_hex(s.mrconfigid48, sizeof s.mrconfigid48, root, "mrconfigid", e) < 0)
        return invalid(e, "mrconfigid");
    DS_TRY(parse_shape(&s.shape, ds_json_find(root, "shape"), e));
    for (enum simtee_file f = 0; f < SIMTEE_FILE_COUNT; f++)
        if (spec_path(&s, f)[0] != '/')
            return invalid(e, files[f].name);
    *ret = s;
    return DS_OK;
}

int simtee_spec_encode(struct ds_buf *ret, const struct simtee_spec *spec, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "launch_id", spec->launch_id);
    for (enum simtee_file f = 0; f < SIMTEE_FILE_COUNT; f++)
        ds_jw_str(&w, files[f].name, spec_path(spec, f));
    ds_jw_str(&w, "cmdline", spec->cmdline);
    ds_jw_hex(&w, "mrconfigid", DS_SPAN_OF(spec->mrconfigid48));
    ds_jw_object(&w, "shape");
    ds_jw_u64(&w, "qemu_major", spec->shape.qemu_major);
    ds_jw_u64(&w, "vcpus", spec->shape.vcpus);
    ds_jw_u64(&w, "memory_bytes", spec->shape.memory_bytes);
    ds_jw_u64(&w, "n_nics", spec->shape.n_nics);
    ds_jw_u64(&w, "n_volumes", spec->shape.n_volumes);
    ds_jw_bool(&w, "tpm", spec->shape.tpm);
    ds_jw_object_end(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "launch spec");
}

static int open_source(int *ret_fd, size_t *ret_len, const char *path, size_t max,
                       struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return ds_fail(e, DS_ERR_NOTFOUND, "no file '%s'", path);
    if (fd < 0 || fstat(fd, &st) != 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    if (!S_ISREG(st.st_mode) || st.st_size <= 0)
        return ds_fail(e, DS_ERR_ARG, "'%s' is empty or no regular file", path);
    if ((uint64_t)st.st_size > max)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_FILE_TOO_LARGE,
                            "'%s' is larger than %zu bytes", path, max);
    *ret_len = (size_t)st.st_size;
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

/* Copy, then seal: from here on nobody changes these bytes, we neither. */
static int copy_sealed(int *ret_fd, size_t *ret_len, const char *path, const struct file_row *row,
                       struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int from = -1;
    size_t len = 0;
    DS_TRY(open_source(&from, &len, path, row->max, e));
    DS_AUTO(ds_auto_close)
    int fd = memfd_create(row->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ds_fail_errno(e, errno, "memfd for the %s", row->name);
    for (size_t left = len; left > 0;) {
        ssize_t n = sendfile(fd, from, NULL, left);
        if (n < 0 && errno != EINTR)
            return ds_fail_errno(e, errno, "copy '%s'", path);
        if (n == 0)
            return ds_fail(e, DS_ERR_TRUNCATED, "'%s' became shorter while it was read", path);
        left -= n > 0 ? (size_t)n : 0;
    }
    if (fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        return ds_fail_errno(e, errno, "seal the %s", row->name);
    *ret_len = len;
    *ret_fd = DS_TAKE_FD(fd);
    return DS_OK;
}

struct mapping {
    void *p; /* NULL when there is none */
    size_t len;
};

static void mapping_done(struct mapping *m)
{
    if (m->p != NULL)
        (void)munmap(m->p, m->len);
}

static int map(struct mapping *ret, int fd, size_t len, struct ds_error *e)
{
    void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return ds_fail_errno(e, errno, "map %zu bytes to measure them", len);
    *ret = (struct mapping){ p, len };
    return DS_OK;
}

static int measure(struct simtee_journal *ret, const struct simtee_spec *spec,
                   const struct mapping maps[static SIMTEE_FILE_COUNT], struct ds_error *e)
{
    const struct measure_files in = {
        .firmware = DS_SPAN(maps[SIMTEE_FILE_FIRMWARE].p, maps[SIMTEE_FILE_FIRMWARE].len),
        .kernel = DS_SPAN(maps[SIMTEE_FILE_KERNEL].p, maps[SIMTEE_FILE_KERNEL].len),
        .initrd = DS_SPAN(maps[SIMTEE_FILE_INITRD].p, maps[SIMTEE_FILE_INITRD].len),
        .cmdline = ds_span_str(spec->cmdline),
        .ovmf = MEASURE_OVMF_PRE202505,
    };
    struct measure_image image;
    struct measure_acpi acpi;
    DS_AUTO(ds_auto_free) struct measure_tdx *tdx = calloc(1, sizeof *tdx);
    if (tdx == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "measure a launch");
    DS_TRY(measure_image_make(&image, &in, e));
    DS_TRY(measure_acpi_find(&acpi, &spec->shape, e));
    DS_TRY(measure_tdx_predict(tdx, &image, &spec->shape, &acpi, e));
    memcpy(ret->regs.mrtd48, tdx->mrtd48, sizeof ret->regs.mrtd48);
    memcpy(ret->regs.rtmr48, tdx->rtmr48, sizeof tdx->rtmr48);
    return measure_ccel_encode(&ret->boot_log, tdx, e);
}

static int spec_hash(uint8_t ret32[static 32], const struct simtee_spec *spec, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_TRY(simtee_spec_encode(&text, spec, e));
    return ds_hash(DS_SHA256, ret32, ds_buf_span(&text), e);
}

void simtee_launch_done(struct simtee_launch *l)
{
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++)
        ds_auto_close(&l->fds[i]);
    simtee_journal_close(&l->start);
    *l = SIMTEE_LAUNCH_NONE;
}

static void mappings_done(struct mapping (*maps)[SIMTEE_FILE_COUNT])
{
    for (size_t i = 0; i < SIMTEE_FILE_COUNT; i++)
        mapping_done(&(*maps)[i]);
}

int simtee_launch_make(struct simtee_launch *ret, const struct simtee_spec *spec,
                       struct ds_error *e)
{
    DS_AUTO(simtee_launch_done) struct simtee_launch l = SIMTEE_LAUNCH_NONE;
    DS_AUTO(mappings_done) struct mapping maps[SIMTEE_FILE_COUNT] = { 0 };
    for (enum simtee_file f = 0; f < SIMTEE_FILE_COUNT; f++) {
        size_t len = 0;
        DS_TRY(copy_sealed(&l.fds[f], &len, spec_path(spec, f), &files[f], e));
        DS_TRY(map(&maps[f], l.fds[f], len, e));
    }
    memcpy(l.start.launch_id, spec->launch_id, sizeof l.start.launch_id);
    memcpy(l.start.regs.mrconfigid48, spec->mrconfigid48, sizeof l.start.regs.mrconfigid48);
    DS_TRY(spec_hash(l.start.spec32, spec, e));
    DS_TRY(measure(&l.start, spec, maps, e));
    *ret = DS_TAKE(l, SIMTEE_LAUNCH_NONE);
    return DS_OK;
}

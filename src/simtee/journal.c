/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journal of one launch. Records are written at the place their index says, so
 * that a write that failed half-way is overwritten by the next one, and each
 * carries the register it leads to, so that replaying checks every byte.
 */
#include "simtee/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "crypto/hash.h"

#define MAGIC       "dstack-simtee-journal-v1"
#define RECORD_LEN  ((size_t)(8 + 48 + 48))
#define HEADER_MAX  (sizeof MAGIC + 1 + SIMTEE_LAUNCH_ID_MAX + 32 + 5 * 48 + 4 + 32)
#define JOURNAL_MAX (HEADER_MAX + SIMTEE_BOOT_LOG_MAX + SIMTEE_JOURNAL_EXTENDS_MAX * RECORD_LEN)

static int mismatch(struct ds_error *e, const char *claim, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_SIMTEE_JOURNAL_MISMATCH, claim, expected, got,
                     "journal");
}

void simtee_journal_close(struct simtee_journal *j)
{
    ds_auto_close(&j->fd);
    ds_buf_done(&j->boot_log);
    *j = SIMTEE_JOURNAL_NONE;
}

static int encode_header(struct ds_buf *b, const struct simtee_journal *j, struct ds_error *e)
{
    size_t id_len = strlen(j->launch_id);
    ds_buf_add(b, DS_SPAN(MAGIC, sizeof MAGIC));
    ds_buf_le(b, id_len, 1);
    ds_buf_str(b, j->launch_id);
    ds_buf_add(b, DS_SPAN_OF(j->spec32));
    ds_buf_add(b, DS_SPAN_OF(j->regs.mrtd48));
    ds_buf_add(b, DS_SPAN_OF(j->regs.mrconfigid48));
    ds_buf_add(b, DS_SPAN(j->regs.rtmr48, 3 * 48));
    ds_buf_le(b, j->boot_log.len, 4);
    ds_buf_add(b, ds_buf_span(&j->boot_log));
    DS_TRY(ds_buf_end(b, e, "journal header"));
    uint8_t hash32[32];
    DS_TRY(ds_hash(DS_SHA256, hash32, ds_buf_span(b), e));
    ds_buf_add(b, DS_SPAN_OF(hash32));
    return ds_buf_end(b, e, "journal header");
}

static int decode_header(struct simtee_journal *j, struct ds_reader *r, struct ds_error *e)
{
    struct ds_span magic = ds_read_span(r, sizeof MAGIC);
    struct ds_span id = ds_read_span(r, ds_read_u8(r));
    ds_read_into(r, j->spec32, sizeof j->spec32);
    ds_read_into(r, j->regs.mrtd48, 48);
    ds_read_into(r, j->regs.mrconfigid48, 48);
    ds_read_into(r, j->regs.rtmr48, sizeof j->regs.rtmr48[0] * 3);
    struct ds_span boot_log = ds_read_span(r, ds_read_u32le(r));
    const struct ds_span body = DS_SPAN(r->start, ds_read_at(r));
    struct ds_span sum = ds_read_span(r, 32);
    if (r->bad || !ds_span_eq(magic, DS_SPAN(MAGIC, sizeof MAGIC)) ||
        !ds_str_copy_span(j->launch_id, sizeof j->launch_id, id) ||
        boot_log.len > SIMTEE_BOOT_LOG_MAX)
        return mismatch(e, "journal header", "a complete header", "a damaged one");
    uint8_t hash32[32];
    DS_TRY(ds_hash(DS_SHA256, hash32, body, e));
    if (!ds_span_eq(sum, DS_SPAN_OF(hash32)))
        return mismatch(e, "journal header", DS_HEX(sum), DS_HEX(DS_SPAN_OF(hash32)));
    j->header_len = ds_read_at(r);
    ds_buf_add(&j->boot_log, boot_log);
    return ds_buf_end(&j->boot_log, e, "boot log");
}

static int replay_one(struct simtee_journal *j, struct ds_reader *r, struct ds_error *e)
{
    uint64_t index = ds_read_u64le(r);
    struct ds_span digest = ds_read_span(r, 48);
    struct ds_span after = ds_read_span(r, 48);
    if (r->bad || index != j->n_extends)
        return mismatch(e, "journal record", "the next extend", "another one");
    DS_TRY(ds_hash_extend(DS_SHA384, j->regs.rtmr48[3], digest.p, e));
    if (!ds_span_eq(after, DS_SPAN_OF(j->regs.rtmr48[3])))
        return mismatch(e, "rtmr3", DS_HEX(after), DS_HEX(DS_SPAN_OF(j->regs.rtmr48[3])));
    memcpy(j->last_digest48, digest.p, sizeof j->last_digest48);
    j->n_extends++;
    return DS_OK;
}

static int replay(struct simtee_journal *j, struct ds_span file, const char *launch_id,
                  struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(file);
    DS_TRY(decode_header(j, &r, e));
    if (strcmp(j->launch_id, launch_id) != 0)
        return mismatch(e, "launch id", launch_id, j->launch_id);
    while (ds_read_left(&r) >= RECORD_LEN)
        DS_TRY(replay_one(j, &r, e));
    return DS_OK;
}

static int open_fd(int *ret, const char *path, struct ds_error *e)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return mismatch(e, "journal", path, "no such file");
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    *ret = fd;
    return DS_OK;
}

int simtee_journal_begin(struct simtee_journal *ret, const char *path,
                         const struct simtee_journal *init, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf header = { 0 };
    DS_AUTO(simtee_journal_close) struct simtee_journal j = *init;
    j.fd = -1;
    j.boot_log = (struct ds_buf){ 0 };
    ds_buf_add(&j.boot_log, ds_buf_span(&init->boot_log));
    if (j.boot_log.bad || j.boot_log.len > SIMTEE_BOOT_LOG_MAX)
        return ds_fail(e, DS_ERR_RANGE, "a boot log of %zu bytes", init->boot_log.len);
    j.n_extends = 0;
    memset(j.regs.rtmr48[3], 0, sizeof j.regs.rtmr48[3]);
    DS_TRY(encode_header(&header, &j, e));
    j.header_len = header.len;
    DS_TRY(ds_file_save(path, ds_buf_span(&header), 0600, "simtee.journal", e));
    DS_TRY(open_fd(&j.fd, path, e));
    *ret = DS_TAKE(j, SIMTEE_JOURNAL_NONE);
    return DS_OK;
}

int simtee_journal_open(struct simtee_journal *ret, const char *path, const char *launch_id,
                        struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    DS_AUTO(simtee_journal_close) struct simtee_journal j = SIMTEE_JOURNAL_NONE;
    DS_TRY(open_fd(&j.fd, path, e));
    DS_TRY(ds_fd_load(&file, j.fd, JOURNAL_MAX, path, e));
    int r = replay(&j, ds_buf_span(&file), launch_id, e);
    if (r < 0)
        return ds_wrap(e, r, "replay '%s'", path);
    *ret = DS_TAKE(j, SIMTEE_JOURNAL_NONE);
    return DS_OK;
}

static int write_record(struct simtee_journal *j, const uint8_t digest48[static 48],
                        const uint8_t after48[static 48], struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf record = { .max = RECORD_LEN };
    ds_buf_le(&record, j->n_extends, 8);
    ds_buf_add(&record, DS_SPAN(digest48, 48));
    ds_buf_add(&record, DS_SPAN(after48, 48));
    DS_TRY(ds_buf_end(&record, e, "journal record"));
    const off_t at = (off_t)(j->header_len + j->n_extends * RECORD_LEN);
    for (size_t done = 0; done < record.len;) {
        ssize_t n = pwrite(j->fd, record.p + done, record.len - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ds_fail_errno(e, errno, "write extend %llu", (unsigned long long)j->n_extends);
        done += (size_t)n;
    }
    if (fdatasync(j->fd) != 0)
        return ds_fail_errno(e, errno, "sync extend %llu", (unsigned long long)j->n_extends);
    return DS_OK;
}

/* The extend before the next one, once more: its answer was lost. */
static bool is_repeated(const struct simtee_journal *j, uint64_t index,
                        const uint8_t digest48[static 48])
{
    return j->n_extends > 0 && index == j->n_extends - 1 &&
           memcmp(j->last_digest48, digest48, 48) == 0;
}

int simtee_journal_extend(struct simtee_journal *j, uint64_t index,
                          const uint8_t digest48[static 48], struct ds_error *e)
{
    if (is_repeated(j, index, digest48))
        return DS_OK;
    if (index != j->n_extends)
        return ds_fail_code(e, DS_ERR_STALE, DS_CODE_SIMTEE_EXTEND_ORDER,
                            "extend %llu came where %llu is next", (unsigned long long)index,
                            (unsigned long long)j->n_extends);
    if (j->n_extends >= SIMTEE_JOURNAL_EXTENDS_MAX)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_SIMTEE_EXTENDS_EXHAUSTED,
                            "%d extends were made already", SIMTEE_JOURNAL_EXTENDS_MAX);
    uint8_t after48[48];
    memcpy(after48, j->regs.rtmr48[3], sizeof after48);
    DS_TRY(ds_hash_extend(DS_SHA384, after48, digest48, e));
    DS_FAULT("simtee.extend.before");
    DS_TRY(write_record(j, digest48, after48, e));
    DS_FAULT("simtee.extend.written");
    memcpy(j->regs.rtmr48[3], after48, sizeof after48);
    memcpy(j->last_digest48, digest48, sizeof j->last_digest48);
    j->n_extends++;
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floors of the clock.
 */
#include "kms/trusted_time.h"

#include "base/file.h"
#include "base/writer.h"
#include "codec/date.h"

#define FLOOR_LEN 8
#define STEP_S    3600

static const struct floor {
    size_t offset;
    const char *name;
} floors[] = {
    { offsetof(struct kms_floors, persisted_s), "time.floor" },
    { offsetof(struct kms_floors, log_head_s), "release log head" },
    { offsetof(struct kms_floors, collateral_s), "collateral" },
};

static int64_t at(const struct kms_floors *f, size_t i)
{
    return *(const int64_t *)((const char *)f + floors[i].offset);
}

static size_t highest(const struct kms_floors *f)
{
    size_t best = 0;
    for (size_t i = 1; i < DS_LEN(floors); i++)
        if (at(f, i) > at(f, best))
            best = i;
    return best;
}

int64_t kms_floors_max(const struct kms_floors *f) { return at(f, highest(f)); }

int kms_time_decide(int64_t *ret_now_s, int64_t clock_s, const struct kms_floors *f,
                    struct ds_error *e)
{
    size_t i = highest(f);
    char expected[64], floor[21], got[21];
    if (clock_s >= at(f, i)) {
        *ret_now_s = clock_s;
        return DS_OK;
    }
    (void)snprintf(expected, sizeof expected, "%s or later (%lld s more)",
                   ds_date_format(floor, at(f, i)), (long long)(at(f, i) - clock_s));
    return ds_refuse(e, DS_ERR_STALE, DS_CODE_TIME_BEHIND_FLOOR, "clock", expected,
                     ds_date_format(got, clock_s), floors[i].name);
}

static int damaged(struct ds_error *e, const char *path)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_TIME_FLOOR_DAMAGED, "time.floor",
                     "8 bytes, a time after 1970", "something else", path);
}

int kms_time_open(struct kms_time *ret, const char *dir, struct ds_error *e)
{
    struct kms_time t = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    int n = snprintf(t.path, sizeof t.path, "%s/time.floor", dir);
    if (n < 0 || (size_t)n >= sizeof t.path)
        return ds_fail(e, DS_ERR_RANGE, "the path '%s' is too long", dir);
    bool is_there;
    DS_TRY(ds_file_find(&is_there, t.path, e));
    if (is_there) {
        int r = ds_file_load(&file, t.path, FLOOR_LEN, e);
        if (r < 0)
            return r == DS_ERR_RANGE ? damaged(e, t.path) : r;
        struct ds_reader reader = ds_reader_of(ds_buf_span(&file));
        uint64_t at_s = ds_read_u64be(&reader);
        if (reader.bad || at_s > INT64_MAX)
            return damaged(e, t.path);
        t.persisted_s = (int64_t)at_s;
    }
    *ret = t;
    return DS_OK;
}

int kms_time_raise(struct kms_time *t, int64_t at_s, struct ds_error *e)
{
    uint8_t bytes[FLOOR_LEN];
    if (at_s - t->persisted_s < STEP_S)
        return DS_OK;
    struct ds_writer w = ds_writer_of(bytes, sizeof bytes);
    ds_write_u64be(&w, (uint64_t)at_s);
    DS_TRY(ds_writer_end(&w, e, "time.floor"));
    DS_TRY(ds_file_save(t->path, DS_SPAN_OF(bytes), 0600, "kms.time", e));
    t->persisted_s = at_s;
    return DS_OK;
}

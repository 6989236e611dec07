/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CMW: CBOR has one form here but for the place of a collection's type, so it is
 * written back in as many bytes; of JSON, what is written is read as the same.
 */
#include "attest/wrapper/cmw.h"

#include "fuzz.h"

static max_align_t room[((size_t)4 << 20) / sizeof(max_align_t)];

static void check(const struct ds_cmw *cmw, struct ds_span in, const struct ds_arena *mem,
                  unsigned depth)
{
    FUZZ_CHECK(depth <= DS_CMW_DEPTH_MAX);
    if (cmw->kind != DS_CMW_COLLECTION) {
        fuzz_check_borrowed(cmw->record.type, in, mem);
        fuzz_check_borrowed(cmw->record.value, in, mem);
        FUZZ_CHECK(cmw->record.ind <= DS_CMW_IND_ALL);
        return;
    }
    FUZZ_CHECK(cmw->n_entries > 0 && cmw->n_entries <= DS_CMW_ENTRIES_MAX);
    fuzz_check_borrowed(cmw->collection_type, in, mem);
    for (size_t i = 0; i < cmw->n_entries; i++) {
        fuzz_check_borrowed(cmw->entries[i].label, in, mem);
        check(&cmw->entries[i].cmw, in, mem, depth + 1);
    }
}

static void cbor(struct ds_span in)
{
    struct ds_error e;
    struct ds_cmw cmw;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
    if (!fuzz_is_ok(ds_cmw_parse_cbor(&cmw, &mem, in, &e), &e))
        return;
    check(&cmw, in, &mem, 0);
    FUZZ_CHECK(ds_cmw_encode_cbor(&again, &cmw, &e) == DS_OK);
    /* The type of a collection is written first and may be read anywhere. */
    FUZZ_CHECK(again.len == in.len);
    FUZZ_CHECK(ds_cmw_parse_cbor(&cmw, &mem, ds_buf_span(&again), &e) == DS_OK);
    DS_AUTO(ds_buf_done) struct ds_buf third = { 0 };
    FUZZ_CHECK(ds_cmw_encode_cbor(&third, &cmw, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&again), ds_buf_span(&third)));
}

static void json(struct ds_span in)
{
    struct ds_error e;
    struct ds_cmw cmw;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    DS_AUTO(ds_buf_done) struct ds_buf once = { 0 }, twice = { 0 };
    if (!fuzz_is_ok(ds_cmw_parse_json(&cmw, &mem, in, &e), &e))
        return;
    check(&cmw, in, &mem, 0);
    FUZZ_CHECK(ds_cmw_encode_json(&once, &cmw, &e) == DS_OK);
    mem.used = 0;
    FUZZ_CHECK(ds_cmw_parse_json(&cmw, &mem, ds_buf_span(&once), &e) == DS_OK);
    FUZZ_CHECK(ds_cmw_encode_json(&twice, &cmw, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&once), ds_buf_span(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    cbor(DS_SPAN(data, len));
    json(DS_SPAN(data, len));
    return 0;
}

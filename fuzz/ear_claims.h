/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The claims set of a result: what is accepted can be written, in both forms,
 * and what was written is accepted and written the same again.
 */

#include "ear/ear.h"
#include "fuzz.h"

static max_align_t ear_claims_room[EAR_MEM / sizeof(max_align_t)];
static struct ear ear_claims_got;

/* Read `in` into ear_claims_got; false when it is refused. */
static inline bool ear_claims_read(enum form form, struct ds_span in)
{
    struct ds_error e;
    struct ds_arena mem = ds_arena_of(ear_claims_room, sizeof ear_claims_room);
    if (!fuzz_is_ok(ear_decode(&ear_claims_got, &mem, form, in, &e), &e))
        return false;
    FUZZ_CHECK(ear_claims_got.n_appraisals > 0 &&
               ear_claims_got.n_appraisals <= EAR_APPRAISALS_MAX);
    for (size_t i = 0; i < ear_claims_got.n_appraisals; i++)
        fuzz_check_borrowed(ear_claims_got.appraisals[i].label, in, &mem);
    return true;
}

static inline void ear_claims_again(enum form form)
{
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf once = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf twice = { 0 };
    FUZZ_CHECK(ear_encode(&once, &ear_claims_got, form, &e) == DS_OK);
    FUZZ_CHECK(ear_claims_read(form, ds_buf_span(&once)));
    FUZZ_CHECK(ear_encode(&twice, &ear_claims_got, form, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&once), ds_buf_span(&twice)));
}

static inline void ear_claims_check(enum form form, struct ds_span in)
{
    if (!ear_claims_read(form, in))
        return;
    ear_claims_again(form);
    FUZZ_CHECK(ear_claims_read(form, in)); /* what was read again borrows bytes that are gone */
    /* JSON knows neither content formats nor empty evidence. */
    const struct ds_cmw_record *raw = &ear_claims_got.raw_evidence;
    if (ear_claims_got.has_raw_evidence &&
        (raw->content_format != DS_CMW_NO_FORMAT || raw->value.len == 0))
        ear_claims_got.has_raw_evidence = false;
    DS_AUTO(ds_buf_done) struct ds_buf other = { 0 };
    struct ds_error e;
    enum form across = form == FORM_JSON ? FORM_CBOR : FORM_JSON;
    FUZZ_CHECK(ear_encode(&other, &ear_claims_got, across, &e) == DS_OK);
    FUZZ_CHECK(ear_claims_read(across, ds_buf_span(&other)));
}

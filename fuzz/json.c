/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our JSON reader against another one (yyjson): nothing that we take is refused
 * there, and what we refuse beyond it is on the short list of codec/json.h. The
 * canonical form is a fixed point.
 */
#include "codec/json.h"

#include <yyjson.h>

#include "codec/jcs.h"
#include "fuzz.h"

static max_align_t room[((size_t)8 << 20) / sizeof(max_align_t)];

static bool is_taken_by_other(struct ds_span in)
{
    DS_AUTO(ds_auto_free) char *copy = malloc(in.len > 0 ? in.len : 1);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, in.p, in.len);
    /* Raw numbers: how large one may be is for whoever reads it. */
    yyjson_doc *doc = yyjson_read(copy, in.len, YYJSON_READ_NUMBER_AS_RAW);
    bool taken = doc != NULL;
    yyjson_doc_free(doc);
    return taken;
}

static bool is_stricter_on_purpose(int r, const struct ds_error *e)
{
    return r == DS_ERR_RANGE || r == DS_ERR_NOMEM || strstr(e->msg, "deep") != NULL ||
           strstr(e->msg, "twice") != NULL || strstr(e->msg, "surrogate") != NULL;
}

static void check_tokens(const struct ds_json_tok *root, struct ds_span in)
{
    for (size_t i = 0; i < root->skip; i++) {
        fuzz_check_borrowed(root[i].raw, in, NULL);
        FUZZ_CHECK(root[i].skip >= 1 && root[i].skip <= root->skip - i);
    }
}

static void check_canonical(const struct ds_json_tok *root, struct ds_arena *mem)
{
    struct ds_error e;
    const struct ds_json_tok *again;
    DS_AUTO(ds_buf_done) struct ds_buf once = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf twice = { 0 };
    size_t used = mem->used;
    if (!fuzz_is_ok(ds_jcs_add(&once, mem, root, &e), &e))
        return;
    FUZZ_CHECK(mem->used == used);
    FUZZ_CHECK(ds_json_parse_in(&again, mem, ds_buf_span(&once), &e) == DS_OK);
    FUZZ_CHECK(ds_jcs_add(&twice, mem, again, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&once), ds_buf_span(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_error e;
    const struct ds_json_tok *root;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span in = DS_SPAN(data, len);
    int r = ds_json_parse_in(&root, &mem, in, &e);
    bool other = is_taken_by_other(in);
    if (!fuzz_is_ok(r, &e)) {
        FUZZ_CHECK(!other || is_stricter_on_purpose(r, &e));
        return 0;
    }
    FUZZ_CHECK(other);
    check_tokens(root, in);
    check_canonical(root, &mem);
    return 0;
}

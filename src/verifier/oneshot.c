/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same judgement for a file.
 */
#include "verifier/oneshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "verifier/request.h"
#include "verifier/result.h"

#define INPUT_MAX ((size_t)16 << 20)
#define ROOM_LEN  (VERIFIER_MEM + 2 * INPUT_MAX)

struct shot {
    struct ds_buf file, answer;
    uint8_t *room;
    struct ds_arena mem;
    struct verifier_finding *finding;
};

static void shot_done(struct shot *s)
{
    ds_buf_done(&s->file);
    ds_buf_done(&s->answer);
    free(s->room);
    free(s->finding);
}

static int load(struct shot *s, const char *path, struct ds_error *e)
{
    s->room = malloc(ROOM_LEN);
    s->finding = malloc(sizeof *s->finding);
    if (s->room == NULL || s->finding == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "verify a file");
    s->mem = ds_arena_of(s->room, ROOM_LEN);
    return ds_file_load(&s->file, path, INPUT_MAX, e);
}

int oneshot_verify(bool *ret_valid, const struct ground *g, const char *path, int64_t now_s,
                   struct ds_error *e)
{
    DS_AUTO(shot_done) struct shot s = { 0 };
    DS_AUTO(verifier_request_done) struct verifier_request r = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct verifier_input in;
    const struct verifier_ground ground = ground_compatible(g, now_s);
    DS_TRY(load(&s, path, e));
    DS_TRY(verifier_request_compatible(&in, &r, &s.mem, ds_buf_span(&s.file), e));
    verifier_verify(s.finding, &s.mem, &ground, &in);
    DS_TRY(verifier_result_compatible(&s.answer, s.finding, now_s, e));
    ds_buf_char(&s.answer, '\n');
    ds_buf_printf(&out, "%s.verification.json", path);
    DS_TRY(ds_buf_end(&out, e, "name of the result"));
    *ret_valid = verifier_is_accepted(s.finding);
    return ds_file_save(out.p, ds_buf_span(&s.answer), 0644, "verifier.result", e);
}

int oneshot_verify_cert(bool *ret_valid, const struct ground *g, const char *path, int64_t now_s,
                        struct ds_error *e)
{
    DS_AUTO(shot_done) struct shot s = { 0 };
    struct verifier_input in;
    struct verifier_ground ground = ground_v1(g, now_s);
    ground.needs_tls_use = true;
    ground.is_compatible = true; /* dstack's certificates come without a MrConfig */
    DS_TRY(load(&s, path, e));
    DS_TRY(verifier_request_certificate(&in, &s.mem, ds_buf_span(&s.file), e));
    verifier_verify(s.finding, &s.mem, &ground, &in);
    const struct verifier_say say = { .now_s = now_s };
    DS_TRY(verifier_result_v1(&s.answer, s.finding, &say, e));
    ds_buf_char(&s.answer, '\n');
    *ret_valid = verifier_is_accepted(s.finding);
    return ds_fd_write_all(STDOUT_FILENO, ds_buf_span(&s.answer), e);
}

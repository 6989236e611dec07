/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: their states, their end, and who gives way.
 */
#include "verifier/sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAP  32 /* a source has two */
#define LIFE 10

static const char *const accept[] = { "a/b", NULL };

static struct session_time at(int64_t s)
{
    return (struct session_time){ .mono_ms = s * 1000, .now_s = 1790000000 + s };
}

static struct session *open_one(struct sessions *s, uint64_t source, int64_t t_s)
{
    static uint8_t random16[16];
    struct session *x = NULL;
    struct ds_error e;
    const struct session_time t = at(t_s);
    random16[0]++;
    random16[1] = (uint8_t)(random16[1] + (random16[0] == 0));
    if (sessions_open(&x, s, random16, DS_SPAN_LIT("12345678"), source, &t, &e) < 0)
        fail_msg("%s", e.msg);
    return x;
}

static bool has(struct sessions *s, const char *id, int64_t t_s)
{
    struct session *x;
    struct ds_error e = { 0 };
    const struct session_time t = at(t_s);
    int r = sessions_find(&x, s, ds_span_str(id), &t, &e);
    assert_true(r == DS_OK || e.code == DS_CODE_VERIFIER_NO_SESSION);
    return r == DS_OK;
}

static int submit(struct sessions *s, struct session *x, int64_t t_s)
{
    struct ds_error e = { 0 };
    const struct session_time t = at(t_s);
    int r = sessions_submit(s, x, &t, &e);
    assert_true(r == DS_OK || e.code == DS_CODE_VERIFIER_SESSION_STATE);
    return r;
}

/* Judged, with this result; evidence NULL: it could not be read. */
static void end_one(struct sessions *s, struct session *x, const char *evidence, const char *result)
{
    struct ds_buf text = { 0 }, r = { 0 };
    if (evidence != NULL)
        sessions_quote(&text, ds_span_str(evidence));
    ds_buf_str(&r, result);
    sessions_end(s, x, "a/b", &text, &r);
    assert_null(text.p);
    assert_null(r.p);
}

static int setup(void **state)
{
    static struct sessions s;
    *state = &s;
    return sessions_init(&s, CAP, LIFE, NULL);
}

static int teardown(void **state)
{
    sessions_done(*state);
    return 0;
}

static void a_nonce_is_answered_once(void **state)
{
    struct sessions *s = *state;
    struct session *x = open_one(s, 1, 0);
    assert_int_equal(submit(s, x, 1), DS_OK);
    assert_int_equal(submit(s, x, 1), DS_ERR_EXISTS);
    sessions_withdraw(x);
    assert_int_equal(s->bytes, 0);
    assert_int_equal(submit(s, x, 2), DS_OK);
    end_one(s, x, "evidence", "{}");
    assert_int_equal(x->state, SESSION_COMPLETE);
    assert_int_equal(submit(s, x, 3), DS_ERR_EXISTS);
    assert_int_equal(s->bytes, strlen("\"ZXZpZGVuY2U=\"{}"));
    sessions_close(s, x);
    assert_int_equal(s->bytes, 0);
}

static void judging_that_fails_is_told(void **state)
{
    struct sessions *s = *state;
    struct session *x = open_one(s, 1, 0);
    assert_int_equal(submit(s, x, 1), DS_OK);
    end_one(s, x, "evidence", "");
    assert_int_equal(x->state, SESSION_FAILED);
}

static void a_life_ends(void **state)
{
    struct sessions *s = *state;
    struct session *x = open_one(s, 1, 0), *y = open_one(s, 2, 0);
    char x_id[SESSION_ID_LEN + 1], y_id[SESSION_ID_LEN + 1];
    memcpy(x_id, x->id, sizeof x_id);
    memcpy(y_id, y->id, sizeof y_id);
    assert_true(has(s, x_id, LIFE - 1));
    assert_int_equal(submit(s, x, LIFE - 1), DS_OK); /* its life begins anew */
    assert_false(has(s, y_id, LIFE));
    assert_true(has(s, x_id, 3 * LIFE)); /* while it is judged it does not end */
    end_one(s, x, "evidence", "{}");
    assert_true(has(s, x_id, 2 * LIFE - 2));
    assert_false(has(s, x_id, 2 * LIFE - 1));
    (void)open_one(s, 3, 3 * LIFE);
    assert_int_equal(s->n, 1); /* both others are gone by now */
}

static void a_source_has_its_share(void **state)
{
    struct sessions *s = *state;
    char first[SESSION_ID_LEN + 1], other[SESSION_ID_LEN + 1];
    memcpy(other, open_one(s, 2, 0)->id, sizeof other);
    memcpy(first, open_one(s, 1, 1)->id, sizeof first);
    (void)open_one(s, 1, 2);
    assert_true(has(s, first, 2));
    (void)open_one(s, 1, 3);
    assert_false(has(s, first, 3));
    assert_true(has(s, other, 3));
    assert_int_equal(s->n, 3);
}

static void the_oldest_gives_way_when_all_are_taken(void **state)
{
    struct sessions *s = *state;
    char first[SESSION_ID_LEN + 1], second[SESSION_ID_LEN + 1];
    struct session *x = open_one(s, 100, 0);
    memcpy(first, x->id, sizeof first);
    memcpy(second, open_one(s, 101, 1)->id, sizeof second);
    assert_int_equal(submit(s, x, 1), DS_OK);
    for (uint64_t i = 2; i < CAP; i++)
        (void)open_one(s, 100 + i, 2);
    assert_int_equal(s->n, CAP);
    (void)open_one(s, 500, 3);
    assert_true(has(s, first, 3)); /* it is being judged */
    assert_false(has(s, second, 3));
    assert_int_equal(s->n, CAP);
}

static void all_are_being_judged(void **state)
{
    struct sessions *s = *state;
    struct session *x;
    struct ds_error e;
    const struct session_time t = at(1);
    static const uint8_t random16[16] = { 9, 9, 9 };
    static const uint64_t sources[] = { 999, 1 };
    for (uint64_t i = 0; i < CAP; i++)
        assert_int_equal(submit(s, open_one(s, i, 0), 0), DS_OK);
    for (size_t i = 0; i < DS_LEN(sources); i++) {
        assert_int_equal(sessions_open(&x, s, random16, DS_SPAN_LIT("12345678"), sources[i], &t,
                                       &e),
                         DS_ERR_UNAVAILABLE);
        assert_int_equal(e.code, DS_CODE_VERIFIER_BUSY);
    }
}

static char *text_of(size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static void judge(struct sessions *s, struct session *x, const char *text, int64_t t_s)
{
    assert_int_equal(submit(s, x, t_s), DS_OK);
    end_one(s, x, text, "{}");
}

/* Each source within its share; all of them together are over the bound. */
static void what_is_kept_is_bounded(void **state)
{
    struct sessions *s = *state;
    char first[SESSION_ID_LEN + 1];
    char *text = text_of(SESSIONS_BYTES_MAX / SESSION_SHARE / 4 * 3 - 1000);
    memcpy(first, open_one(s, 100, 0)->id, sizeof first);
    for (uint64_t i = 0; i < 2 * SESSION_SHARE; i++) {
        if (i < CAP - 1)
            judge(s, open_one(s, i, 1), text, 1);
        assert_true(s->bytes <= SESSIONS_BYTES_MAX);
    }
    assert_in_range(s->bytes, SESSIONS_BYTES_MAX / 10 * 9, SESSIONS_BYTES_MAX);
    assert_true(has(s, first, 1)); /* older, and keeps nothing */
    free(text);
}

/* One source asks for more than its share of bytes: nobody else gives way. */
static void a_source_has_its_share_of_bytes(void **state)
{
    struct sessions *s = *state;
    char other[SESSION_ID_LEN + 1], first[SESSION_ID_LEN + 1];
    size_t share = SESSIONS_BYTES_MAX / SESSION_SHARE;
    char *text = text_of(share / 2);
    struct session *x = open_one(s, 2, 0);
    judge(s, x, "hello", 0);
    memcpy(other, x->id, sizeof other);
    for (size_t i = 0; i < 40; i++) {
        x = open_one(s, 1, 1);
        judge(s, x, text, 1);
        assert_true(has(s, x->id, 1));
        if (i == 0)
            memcpy(first, x->id, sizeof first);
        assert_true(s->bytes < share + 100);
    }
    assert_true(has(s, other, 1));
    assert_false(has(s, first, 1));
    assert_int_equal(s->n, 2);
    free(text);
    text = text_of(2 * share); /* alone it is more: it is told once, and is the first to go */
    x = open_one(s, 1, 2);
    judge(s, x, text, 2);
    assert_true(has(s, x->id, 2) && has(s, other, 2));
    memcpy(first, x->id, sizeof first);
    judge(s, open_one(s, 1, 3), "hello", 3);
    assert_false(has(s, first, 3));
    free(text);
}

static void names_that_are_none(void **state)
{
    struct sessions *s = *state;
    (void)open_one(s, 1, 0);
    static const char *const rows[] = { "", "x", "00000000-0000-4000-8000-000000000000",
                                        "00000000-0000-4000-8000-0000000000000" };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        assert_false(has(s, rows[i], 0));
}

static void as_json(void **state)
{
    struct sessions *s = *state;
    static const uint8_t random16[16] = { 0xff, [6] = 0xff, [8] = 0xff };
    struct session *x = NULL;
    struct ds_error e;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    const struct session_time t = at(0);
    assert_int_equal(sessions_open(&x, s, random16, DS_SPAN_LIT("12345678"), 1, &t, &e), DS_OK);
    assert_string_equal(x->id, "ff000000-0000-4f00-bf00-000000000000");
    assert_int_equal(sessions_encode(&out, x, accept, &e), DS_OK);
    assert_string_equal(out.p,
                        "{\"status\":\"waiting\",\"state\":\"waiting\",\"nonce\":\"MTIzNDU2Nzg=\","
                        "\"expiry\":\"2026-09-21T14:13:30Z\",\"accept\":[\"a/b\"]}");
    assert_int_equal(submit(s, x, 0), DS_OK);
    end_one(s, x, "hello", "a.b.c");
    ds_buf_clear(&out);
    assert_int_equal(sessions_encode(&out, x, accept, &e), DS_OK);
    assert_non_null(
        strstr(out.p,
               "\"evidence\":{\"type\":\"a/b\",\"value\":\"aGVsbG8=\"},\"result\":\"a.b.c\"}"));
    x = open_one(s, 1, 0);
    assert_int_equal(submit(s, x, 0), DS_OK);
    end_one(s, x, NULL, "a.b.c");
    ds_buf_clear(&out);
    assert_int_equal(sessions_encode(&out, x, accept, &e), DS_OK);
    assert_null(strstr(out.p, "evidence"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_nonce_is_answered_once),
        TEST(judging_that_fails_is_told),
        TEST(a_life_ends),
        TEST(a_source_has_its_share),
        TEST(the_oldest_gives_way_when_all_are_taken),
        TEST(all_are_being_judged),
        TEST(what_is_kept_is_bounded),
        TEST(a_source_has_its_share_of_bytes),
        TEST(names_that_are_none),
        TEST(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns: who waits, who comes back with documents, and who is told to come back
 * later. The collateral service and the server are the test's.
 */
#include "verifier/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "verifier/obtain.h"

#define QUEUE   4
#define ROOMS   2 /* of one thread */
#define N_MAX   32
#define WAIT_MS 10000

struct net_http_request {
    bool is_gone;
    bool needs_documents;
    int result; /* 1: none yet */
    enum ds_code code;
    size_t at; /* as which it was answered */
};

struct fixture {
    struct verifier v;
    struct net_http_request reqs[N_MAX];
    size_t n_ended;
    struct job *away[N_MAX];
    size_t n_away;
};

static struct fixture *fx;

bool net_http_is_gone(const struct net_http_request *r) { return r->is_gone; }

bool obtain_for(struct obtain *o, struct job *j)
{
    (void)o;
    if (!j->lacks_documents || j->has_asked)
        return false;
    j->has_asked = true;
    fx->away[fx->n_away++] = j;
    return true;
}

static int work(struct job *j, struct ds_error *e)
{
    (void)e;
    j->lacks_documents = j->req->needs_documents;
    return DS_OK;
}

static void done(struct job *j, int r, const struct ds_error *e)
{
    j->req->result = r;
    j->req->code = r < 0 ? e->code : DS_CODE_NONE;
    j->req->at = fx->n_ended++;
}

static int setup(void **state)
{
    static struct fixture f;
    (void)state;
    f = (struct fixture){ .v.cfg = { .threads = 1, .queue_max = QUEUE, .wait_s = 60 } };
    for (size_t i = 0; i < N_MAX; i++)
        f.reqs[i].result = 1;
    fx = &f;
    assert_int_equal(net_loop_new(&f.v.loop, NULL), DS_OK);
    assert_int_equal(net_pool_new(&f.v.pool, f.v.loop, 1, ROOMS, NULL), DS_OK);
    return jobs_init(&f.v, NULL);
}

static int teardown(void **state)
{
    (void)state;
    jobs_done(&fx->v);
    net_pool_free(fx->v.pool);
    jobs_done(&fx->v);
    net_loop_free(fx->v.loop);
    return 0;
}

static int submit(size_t i, bool needs_documents)
{
    struct ds_error e = { 0 };
    fx->reqs[i].needs_documents = needs_documents;
    const struct job j = { .v = &fx->v, .req = &fx->reqs[i], .work = work, .done = done };
    int r = jobs_submit(&j, &e);
    assert_true(r == DS_OK || e.code == DS_CODE_VERIFIER_BUSY);
    return r;
}

/* Until so many were answered, and so many wait for documents. */
static void serve(size_t n_ended, size_t n_away)
{
    int64_t end = ds_clock_mono_ms() + WAIT_MS;
    while ((fx->n_ended < n_ended || fx->n_away < n_away) && ds_clock_mono_ms() < end)
        assert_int_equal(net_loop_step(fx->v.loop, 20, NULL), DS_OK);
    assert_int_equal(fx->n_ended, n_ended);
    assert_int_equal(fx->n_away, n_away);
}

static void come_back(void)
{
    for (size_t i = 0; i < fx->n_away; i++)
        jobs_again(fx->away[i]);
    fx->n_away = 0;
}

static void a_queue_has_an_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOMS + QUEUE; i++)
        assert_int_equal(submit(i, false), DS_OK);
    assert_int_equal(submit(ROOMS + QUEUE, false), DS_ERR_UNAVAILABLE);
    serve(ROOMS + QUEUE, 0);
    for (size_t i = 0; i < ROOMS + QUEUE; i++) {
        assert_int_equal(fx->reqs[i].result, DS_OK);
        assert_int_equal(fx->reqs[i].at, i);
    }
}

/* Many waited for the same documents: that these come at once keeps out none of those who come anew. */
static void a_herd_that_comes_back_leaves_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUEUE; i++)
        assert_int_equal(submit(i, true), DS_OK);
    serve(0, QUEUE);
    come_back();
    for (size_t i = QUEUE; i < 2 * QUEUE; i++)
        assert_int_equal(submit(i, false), DS_OK);
    serve(2 * QUEUE, 0);
    for (size_t i = 0; i < 2 * QUEUE; i++)
        assert_int_equal(fx->reqs[i].result, DS_OK);
    assert_true(fx->reqs[QUEUE].at < fx->reqs[QUEUE - 1].at); /* in turns with them */
}

static void documents_are_waited_for_by_so_many(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUEUE; i++)
        assert_int_equal(submit(i, true), DS_OK);
    serve(0, QUEUE);
    assert_int_equal(submit(QUEUE, true), DS_OK);
    serve(1, QUEUE);
    assert_int_equal(fx->reqs[QUEUE].result, DS_ERR_UNAVAILABLE);
    assert_int_equal(fx->reqs[QUEUE].code, DS_CODE_VERIFIER_BUSY);
    assert_int_equal(submit(QUEUE + 1, false), DS_OK); /* who needs none is served */
    serve(2, QUEUE);
    come_back();
    serve(QUEUE + 2, 0);
    assert_int_equal(submit(QUEUE + 2, true), DS_OK); /* and there is room again */
    serve(QUEUE + 2, 1);
    come_back();
    serve(QUEUE + 3, 0);
}

static void who_left_keeps_nobody_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOMS + QUEUE; i++)
        assert_int_equal(submit(i, false), DS_OK);
    for (size_t i = ROOMS; i < ROOMS + QUEUE; i++)
        fx->reqs[i].is_gone = i != ROOMS + 1;
    assert_int_equal(submit(N_MAX - 1, false), DS_OK);
    assert_int_equal(fx->n_ended, QUEUE - 1);
    serve(QUEUE + ROOMS + 1, 0);
    assert_int_equal(fx->reqs[ROOMS].code, DS_CODE_VERIFIER_BUSY);
    assert_int_equal(fx->reqs[ROOMS + 1].result, DS_OK);
    assert_int_equal(fx->reqs[N_MAX - 1].result, DS_OK);
}

static void who_left_waits_for_no_documents(void **state)
{
    (void)state;
    fx->reqs[0].is_gone = true;
    assert_int_equal(submit(0, true), DS_OK);
    serve(1, 0);
}

static void the_end_is_told_to_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOMS + QUEUE; i++)
        assert_int_equal(submit(i, false), DS_OK);
    jobs_done(&fx->v);
    assert_int_equal(fx->n_ended, QUEUE);
    for (size_t i = ROOMS; i < ROOMS + QUEUE; i++)
        assert_int_equal(fx->reqs[i].code, DS_CODE_VERIFIER_BUSY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_queue_has_an_end),
        TEST(a_herd_that_comes_back_leaves_room),
        TEST(documents_are_waited_for_by_so_many),
        TEST(who_left_keeps_nobody_out),
        TEST(who_left_waits_for_no_documents),
        TEST(the_end_is_told_to_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

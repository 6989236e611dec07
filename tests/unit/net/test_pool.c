/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker pool: everything submitted is worked and done exactly once, the
 * queue is bounded, and shutting down loses nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/scope.h"
#include "net/loop.h"
#include "net/pool.h"

struct job {
    atomic_bool *gate; /* NULL: open */
    int worked, done;
    struct net_pool *pool;
    int again;
};

static void work(void *arg)
{
    struct job *j = arg;
    struct timespec nap = { 0, 1000000 };
    while (j->gate != NULL && !atomic_load(j->gate))
        (void)nanosleep(&nap, NULL);
    j->worked++;
}

static void done(void *arg)
{
    struct job *j = arg;
    j->done++;
    struct ds_error e;
    if (j->again-- > 0)
        assert_int_equal(net_pool_submit(j->pool, work, done, j, &e), DS_OK);
}

static void test_all_done_once(void **state)
{
    (void)state;
    struct ds_error e;
    struct net_loop *loop = NULL;
    struct net_pool *pool = NULL;
    assert_int_equal(net_loop_new(&loop, &e), DS_OK);
    assert_int_equal(net_pool_new(&pool, loop, 4, 1000, &e), DS_OK);
    struct job jobs[500] = { 0 };
    for (size_t i = 0; i < DS_LEN(jobs); i++) {
        jobs[i].pool = pool;
        jobs[i].again = i % 3 == 0;
        assert_int_equal(net_pool_submit(pool, work, done, &jobs[i], &e), DS_OK);
    }
    while (net_pool_pending(pool) > 0)
        assert_int_equal(net_loop_step(loop, 100, &e), DS_OK);
    for (size_t i = 0; i < DS_LEN(jobs); i++) {
        assert_int_equal(jobs[i].worked, i % 3 == 0 ? 2 : 1);
        assert_int_equal(jobs[i].done, jobs[i].worked);
    }
    net_pool_free(pool);
    net_loop_free(loop);
}

static void test_full_queue_refuses(void **state)
{
    (void)state;
    struct ds_error e;
    struct net_loop *loop = NULL;
    struct net_pool *pool = NULL;
    atomic_bool gate = false;
    struct job jobs[8] = { 0 };
    assert_int_equal(net_loop_new(&loop, &e), DS_OK);
    assert_int_equal(net_pool_new(&pool, loop, 1, 2, &e), DS_OK);
    int accepted = 0, refused = 0;
    for (size_t i = 0; i < DS_LEN(jobs); i++) {
        jobs[i].gate = &gate;
        int r = net_pool_submit(pool, work, done, &jobs[i], &e);
        accepted += r == DS_OK;
        refused += r == DS_ERR_UNAVAILABLE && e.code == DS_CODE_NET_POOL_FULL;
    }
    assert_in_range(accepted, 2, 3); /* one may be with the worker already */
    assert_int_equal(refused, 8 - accepted);
    atomic_store(&gate, true);
    net_pool_free(pool);
    int finished = 0;
    for (size_t i = 0; i < DS_LEN(jobs); i++)
        finished += jobs[i].done;
    assert_int_equal(finished, accepted);
    net_loop_free(loop);
}

static void resubmit_while_closing(void *arg)
{
    struct job *j = arg;
    j->done++;
    struct ds_error e;
    assert_int_equal(net_pool_submit(j->pool, work, done, j, &e), DS_ERR_UNAVAILABLE);
}

static void test_free_runs_what_waits(void **state)
{
    (void)state;
    struct ds_error e;
    struct net_loop *loop = NULL;
    struct net_pool *pool = NULL;
    struct job jobs[50] = { 0 };
    assert_int_equal(net_loop_new(&loop, &e), DS_OK);
    assert_int_equal(net_pool_new(&pool, loop, 2, 100, &e), DS_OK);
    for (size_t i = 0; i < DS_LEN(jobs); i++) {
        jobs[i].pool = pool;
        assert_int_equal(net_pool_submit(pool, work, resubmit_while_closing, &jobs[i], &e), DS_OK);
    }
    net_pool_free(pool);
    for (size_t i = 0; i < DS_LEN(jobs); i++) {
        assert_int_equal(jobs[i].worked, 1);
        assert_int_equal(jobs[i].done, 1);
    }
    net_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_done_once),
        cmocka_unit_test(test_full_queue_refuses),
        cmocka_unit_test(test_free_runs_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

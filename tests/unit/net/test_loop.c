/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: timers, descriptors, pidfd-like readiness, signals, and freeing an
 * event from its own callback.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop.h"

struct seen {
    struct net_loop *loop;
    struct net_event *ev;
    unsigned n, what;
};

static void on_event(void *arg, unsigned what)
{
    struct seen *s = arg;
    s->n++;
    s->what = what;
    net_loop_stop(s->loop);
}

static void on_event_free(void *arg, unsigned what)
{
    struct seen *s = arg;
    on_event(arg, what);
    net_event_free(s->ev);
    s->ev = NULL;
}

static void test_timer(void **state)
{
    (void)state;
    struct ds_error e;
    struct seen s = { 0 };
    assert_int_equal(net_loop_new(&s.loop, &e), DS_OK);
    assert_int_equal(net_event_timer(&s.ev, s.loop, on_event, &s, &e), DS_OK);
    int64_t start = ds_clock_mono_ms();
    assert_int_equal(net_event_after(s.ev, 10000, &e), DS_OK);
    assert_int_equal(net_event_after(s.ev, 20, &e), DS_OK); /* replaces it */
    assert_int_equal(net_loop_run(s.loop, &e), DS_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.what, 0);
    assert_in_range(ds_clock_mono_ms() - start, 15, 5000);
    assert_int_equal(net_event_after(s.ev, 1, &e), DS_OK);
    net_event_stop(s.ev);
    assert_int_equal(net_loop_step(s.loop, 20, &e), DS_OK);
    assert_int_equal(s.n, 1);
    net_event_free(s.ev);
    net_loop_free(s.loop);
}

static void test_descriptor(void **state)
{
    (void)state;
    struct ds_error e;
    struct seen s = { 0 };
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(net_loop_new(&s.loop, &e), DS_OK);
    assert_int_equal(net_event_fd(&s.ev, s.loop, fd[0], 0, on_event_free, &s, &e), DS_OK);
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(net_loop_step(s.loop, 10, &e), DS_OK);
    assert_int_equal(s.n, 0); /* nothing was wanted */
    assert_int_equal(net_event_want(s.ev, NET_READ, &e), DS_OK);
    assert_int_equal(net_loop_run(s.loop, &e), DS_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.what, NET_READ);
    assert_null(s.ev);
    (void)close(fd[0]);
    (void)close(fd[1]);
    net_loop_free(s.loop);
}

static void test_signal(void **state)
{
    (void)state;
    struct ds_error e;
    struct seen s = { 0 };
    assert_int_equal(net_loop_new(&s.loop, &e), DS_OK);
    assert_int_equal(net_event_signal(&s.ev, s.loop, SIGUSR1, on_event_free, &s, &e), DS_OK);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(net_loop_run(s.loop, &e), DS_OK);
    assert_int_equal(s.what, SIGUSR1);
    net_loop_free(s.loop);
}

static void test_closed_descriptor_is_refused(void **state)
{
    (void)state;
    struct ds_error e;
    struct seen s = { 0 };
    assert_int_equal(net_loop_new(&s.loop, &e), DS_OK);
    assert_int_equal(net_event_fd(&s.ev, s.loop, 999, NET_READ, on_event, &s, &e), DS_ERR_SYS);
    assert_null(s.ev);
    net_loop_free(s.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_closed_descriptor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

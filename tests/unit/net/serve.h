/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For tests with a blocking client: runs it on a thread while the loop serves,
 * and returns when it has returned.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/loop.h"

struct serve_client {
    void (*fn)(void *arg);
    void *arg;
    int done_fd;
    bool done;
};

static void *serve_thread(void *arg)
{
    struct serve_client *c = arg;
    c->fn(c->arg);
    uint64_t one = 1;
    ssize_t n = write(c->done_fd, &one, sizeof one);
    (void)n;
    return NULL;
}

static void serve_on_done(void *arg, unsigned what)
{
    (void)what;
    ((struct serve_client *)arg)->done = true;
}

static inline void serve_while(struct net_loop *loop, void (*client)(void *arg), void *arg)
{
    struct serve_client c = { .fn = client, .arg = arg, .done_fd = eventfd(0, EFD_CLOEXEC) };
    struct net_event *ev = NULL;
    pthread_t thread;
    assert_int_equal(net_event_fd(&ev, loop, c.done_fd, NET_READ, serve_on_done, &c, NULL), DS_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve_thread, &c), 0);
    while (!c.done)
        assert_int_equal(net_loop_step(loop, 1000, NULL), DS_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    net_event_free(ev);
    (void)close(c.done_fd);
}

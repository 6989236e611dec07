/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: libevent with our error objects and one event type.
 */
#include "net/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

struct net_loop {
    struct event_base *base;
};

struct net_event {
    struct net_loop *loop;
    struct event *ev;
    net_event_fn *fn;
    void *arg;
    int fd; /* descriptor or signal number; -1 for a timer */
    unsigned want;
};

/* What failed is told by return values; libevent's own lines on stderr would repeat it. */
static void no_log(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

int net_loop_new(struct net_loop **ret, struct ds_error *e)
{
    event_set_log_callback(no_log);
    struct net_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "event loop");
    loop->base = event_base_new();
    if (loop->base == NULL) {
        free(loop);
        return ds_fail(e, DS_ERR_SYS, "cannot make an event loop");
    }
    /* A peer that goes away is an error of one write, never a reason to die. */
    (void)signal(SIGPIPE, SIG_IGN);
    *ret = loop;
    return DS_OK;
}

void net_loop_free(struct net_loop *loop)
{
    if (loop == NULL)
        return;
    event_base_free(loop->base);
    free(loop);
}

struct event_base *net_loop_base(struct net_loop *loop) { return loop->base; }

int net_loop_run(struct net_loop *loop, struct ds_error *e)
{
    if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
        return ds_fail(e, DS_ERR_SYS, "the event loop failed");
    return DS_OK;
}

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
}

static void wake_up(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

int net_loop_step(struct net_loop *loop, int timeout_ms, struct ds_error *e)
{
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (timeout_ms == 0)
        flags = EVLOOP_NONBLOCK;
    struct event *limit = NULL;
    if (timeout_ms > 0) {
        struct timeval tv = timeval_of(timeout_ms);
        limit = evtimer_new(loop->base, wake_up, NULL);
        if (limit == NULL || evtimer_add(limit, &tv) != 0) {
            if (limit != NULL)
                event_free(limit);
            return ds_fail(e, DS_ERR_NOMEM, "event loop");
        }
    }
    int r = event_base_loop(loop->base, flags);
    if (limit != NULL)
        event_free(limit);
    return r < 0 ? ds_fail(e, DS_ERR_SYS, "the event loop failed") : DS_OK;
}

void net_loop_stop(struct net_loop *loop) { (void)event_base_loopbreak(loop->base); }

static void fire(evutil_socket_t fd, short what, void *arg)
{
    struct net_event *ev = arg;
    unsigned out = 0;
    if ((what & EV_SIGNAL) != 0)
        out = (unsigned)fd;
    else if (ev->fd >= 0)
        out = ((what & EV_READ) != 0 ? NET_READ : 0) | ((what & EV_WRITE) != 0 ? NET_WRITE : 0);
    ev->fn(ev->arg, out);
}

static int new_event(struct net_event **ret, struct net_loop *loop, int fd, short flags,
                     net_event_fn *fn, void *arg, struct ds_error *e)
{
    struct net_event *ev = calloc(1, sizeof *ev);
    if (ev == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "event");
    *ev = (struct net_event){ .loop = loop, .fn = fn, .arg = arg, .fd = fd };
    ev->ev = event_new(loop->base, fd, flags, fire, ev);
    if (ev->ev == NULL) {
        free(ev);
        return ds_fail(e, DS_ERR_NOMEM, "event");
    }
    *ret = ev;
    return DS_OK;
}

int net_event_timer(struct net_event **ret, struct net_loop *loop, net_event_fn *fn, void *arg,
                    struct ds_error *e)
{
    return new_event(ret, loop, -1, 0, fn, arg, e);
}

int net_event_after(struct net_event *timer, int64_t delay_ms, struct ds_error *e)
{
    assert(timer->fd < 0);
    struct timeval tv = timeval_of(delay_ms > 0 ? delay_ms : 0);
    if (event_add(timer->ev, &tv) != 0)
        return ds_fail(e, DS_ERR_NOMEM, "timer");
    return DS_OK;
}

int net_event_want(struct net_event *ev, unsigned want, struct ds_error *e)
{
    if (want == ev->want)
        return DS_OK;
    (void)event_del(ev->ev);
    ev->want = 0;
    if (want == 0)
        return DS_OK;
    short flags = EV_PERSIST;
    if ((want & NET_READ) != 0)
        flags |= EV_READ;
    if ((want & NET_WRITE) != 0)
        flags |= EV_WRITE;
    if (event_assign(ev->ev, ev->loop->base, ev->fd, flags, fire, ev) != 0 ||
        event_add(ev->ev, NULL) != 0)
        return ds_fail(e, DS_ERR_SYS, "cannot watch descriptor %d", ev->fd);
    ev->want = want;
    return DS_OK;
}

int net_event_fd(struct net_event **ret, struct net_loop *loop, int fd, unsigned want,
                 net_event_fn *fn, void *arg, struct ds_error *e)
{
    struct net_event *ev = NULL;
    DS_TRY(new_event(&ev, loop, fd, EV_READ | EV_PERSIST, fn, arg, e));
    int r = net_event_want(ev, want, e);
    if (r < 0) {
        net_event_free(ev);
        return r;
    }
    *ret = ev;
    return DS_OK;
}

int net_event_signal(struct net_event **ret, struct net_loop *loop, int signo, net_event_fn *fn,
                     void *arg, struct ds_error *e)
{
    struct net_event *ev = NULL;
    DS_TRY(new_event(&ev, loop, signo, EV_SIGNAL | EV_PERSIST, fn, arg, e));
    if (event_add(ev->ev, NULL) != 0) {
        net_event_free(ev);
        return ds_fail(e, DS_ERR_SYS, "cannot watch signal %d", signo);
    }
    *ret = ev;
    return DS_OK;
}

void net_event_stop(struct net_event *ev)
{
    (void)event_del(ev->ev);
    ev->want = 0;
}

void net_event_free(struct net_event *ev)
{
    if (ev == NULL)
        return;
    event_free(ev->ev);
    free(ev);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room in the HTTP server: who is there, and what is held for them all together.
 * Where connections are too many, the one gives way that has had no whole request
 * for longest; where bytes are, one for which some are held. Whoever sends slowly,
 * or takes its replies slowly, gives way first, and nobody who is being answered.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#include "net/http_conn.h"

void http_queue_add(struct http_conn *c, enum http_queue_name name)
{
    struct http_queue *q = &c->server->queues[name];
    struct http_link *l = &c->links[name];
    if (l->is_in)
        return;
    *l = (struct http_link){ .older = q->newest, .is_in = true };
    if (l->older != NULL)
        l->older->links[name].newer = c;
    else
        q->oldest = c;
    q->newest = c;
    q->n++;
}

void http_queue_remove(struct http_conn *c, enum http_queue_name name)
{
    struct http_queue *q = &c->server->queues[name];
    struct http_link *l = &c->links[name];
    if (!l->is_in)
        return;
    if (l->newer != NULL)
        l->newer->links[name].older = l->older;
    else
        q->newest = l->older;
    if (l->older != NULL)
        l->older->links[name].newer = l->newer;
    else
        q->oldest = l->newer;
    *l = (struct http_link){ .is_in = false };
    q->n--;
}

void http_conns_touch(struct http_conn *c)
{
    http_queue_remove(c, HTTP_ALL);
    http_queue_add(c, HTTP_ALL);
}

static bool evict(struct net_http_server *s, enum http_queue_name name,
                  const struct http_conn *spared)
{
    struct http_conn *c = s->queues[name].oldest;
    while (c != NULL && (c->busy || c->processing || c == spared))
        c = c->links[name].newer;
    if (c == NULL)
        return false;
    s->stats.n_evicted++;
    http_conn_free(c);
    return true;
}

bool http_conns_evict(struct net_http_server *s) { return evict(s, HTTP_ALL, NULL); }

void http_bodies_unref(struct http_bodies *b)
{
    if (b != NULL && --b->refs == 0)
        free(b);
}

static void weigh(struct http_conn *c)
{
    bool holds = c->buffered_len > 0 || (c->req != NULL && c->req->kept_len > 0);
    if (holds && !c->busy)
        http_queue_add(c, HTTP_HOLDING);
    else
        http_queue_remove(c, HTTP_HOLDING);
}

static void on_buffer(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct http_conn *c = arg;
    (void)buffer;
    c->buffered_len += info->n_added - info->n_deleted;
    c->server->bodies->len += info->n_added - info->n_deleted;
    weigh(c);
}

bool http_bodies_watch(struct http_conn *c)
{
    return evbuffer_add_cb(bufferevent_get_input(c->bev), on_buffer, c) != NULL &&
           evbuffer_add_cb(bufferevent_get_output(c->bev), on_buffer, c) != NULL;
}

void http_bodies_unwatch(struct http_conn *c)
{
    (void)evbuffer_remove_cb(bufferevent_get_input(c->bev), on_buffer, c);
    (void)evbuffer_remove_cb(bufferevent_get_output(c->bev), on_buffer, c);
    c->server->bodies->len -= c->buffered_len;
    c->buffered_len = 0;
}

void http_conn_set_busy(struct http_conn *c, bool busy)
{
    c->busy = busy;
    weigh(c);
}

bool http_bodies_make_room(const struct http_conn *c)
{
    const struct http_bodies *b = c->server->bodies;
    while (b->len > b->max && c->server->limits.evicts && evict(c->server, HTTP_HOLDING, c))
        continue;
    return b->len <= b->max;
}

bool http_bodies_keep(struct net_http_request *r)
{
    size_t len = r->msg.head.len + r->msg.body.len;
    r->bodies->len += len - r->kept_len;
    r->kept_len = len;
    weigh(r->conn);
    return http_bodies_make_room(r->conn);
}

void http_bodies_drop(struct net_http_request *r)
{
    r->bodies->len -= r->kept_len;
    http_bodies_unref(r->bodies);
}

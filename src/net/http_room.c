/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room in the HTTP server: the list of its connections, in the order in which
 * they last had a whole request, and what all unfinished requests hold. Whoever
 * sends slowly falls to the end of the list, and there gives way.
 */
#include <stdlib.h>

#include "net/http_conn.h"

void http_conns_add(struct net_http_server *s, struct http_conn *c)
{
    c->prev = NULL;
    c->next = s->conns;
    if (c->next != NULL)
        c->next->prev = c;
    else
        s->oldest = c;
    s->conns = c;
    s->n_conns++;
}

void http_conns_remove(struct net_http_server *s, struct http_conn *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    else
        s->oldest = c->prev;
    s->n_conns--;
}

void http_conns_touch(struct http_conn *c)
{
    struct net_http_server *s = c->server;
    if (s->conns == c)
        return;
    http_conns_remove(s, c);
    http_conns_add(s, c);
}

bool http_conns_evict(struct net_http_server *s, const struct http_conn *spared)
{
    struct http_conn *c = s->oldest;
    while (c != NULL && (c->busy || c->processing || c == spared))
        c = c->prev;
    if (c == NULL)
        return false;
    s->stats.n_evicted++;
    http_conn_free(c);
    return true;
}

void http_bodies_unref(struct http_bodies *b)
{
    if (b != NULL && --b->refs == 0)
        free(b);
}

bool http_bodies_keep(struct net_http_request *r)
{
    struct http_bodies *b = r->bodies;
    size_t len = r->msg.head.len + r->msg.body.len;
    b->len += len - r->kept_len;
    r->kept_len = len;
    const struct http_conn *c = r->conn;
    while (b->len > b->max && c->server->limits.evicts && http_conns_evict(c->server, c))
        continue;
    return b->len <= b->max;
}

void http_bodies_drop(struct net_http_request *r)
{
    r->bodies->len -= r->kept_len;
    http_bodies_unref(r->bodies);
}

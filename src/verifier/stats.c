/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting, and telling it. spec: Prometheus text exposition format, version 0.0.4
 */
#include "verifier/stats.h"

static const int64_t edges_us[] = STATS_EDGES_US;
static const int statuses[] = STATS_STATUSES;

void stats_count(struct stats_route *r, int status, int64_t took_us)
{
    size_t at = 0, code = 0;
    while (at < DS_LEN(edges_us) && took_us > edges_us[at])
        at++;
    while (code + 1 < DS_LEN(statuses) && statuses[code] != status)
        code++;
    r->buckets[at]++;
    r->sum_us += (uint64_t)took_us;
    r->statuses[code]++;
}

void stats_verdict(struct stats *s, const struct verifier_finding *f)
{
    const char *verdict = verifier_verdict_text(f);
    s->accepted += verdict[0] == 'a';
    s->denied += verdict[0] == 'd';
    s->invalid += verdict[0] == 'i';
    if (f->n_policies > 0)
        *(f->steps[VERIFIER_POLICY] == VERIFIER_HELD ? &s->policy_allowed : &s->policy_denied) += 1;
    for (uint32_t i = 0; i < f->verdict.n_reasons; i++)
        s->codes[f->verdict.reasons[i].code]++;
}

static void put(struct ds_buf *out, const char *name, const char *key, const char *value,
                uint64_t n)
{
    if (key != NULL)
        ds_buf_printf(out, "dstack_verifier_%s{%s=\"%s\"} %llu\n", name, key, value,
                      (unsigned long long)n);
    else
        ds_buf_printf(out, "dstack_verifier_%s %llu\n", name, (unsigned long long)n);
}

static void put_type(struct ds_buf *out, const char *name, const char *type)
{
    ds_buf_printf(out, "# TYPE dstack_verifier_%s %s\n", name, type);
}

static void put_requests(struct ds_buf *out, const struct stats *s, const struct stats_more *m)
{
    put_type(out, "requests_total", "counter");
    for (size_t i = 0; i < m->n_routes; i++)
        for (size_t k = 0; k < DS_LEN(statuses); k++)
            if (s->routes[i].statuses[k] > 0)
                ds_buf_printf(out,
                              "dstack_verifier_requests_total{method=\"%s\",status=\"%d\"} %llu\n",
                              m->names[i], statuses[k],
                              (unsigned long long)s->routes[i].statuses[k]);
    put_type(out, "running", "gauge");
    for (size_t i = 0; i < m->n_routes; i++)
        put(out, "running", "method", m->names[i], s->routes[i].n_running);
}

static void put_histogram(struct ds_buf *out, const char *name, const struct stats_route *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < STATS_N_BUCKETS; i++) {
        char le[24] = "+Inf";
        sum += r->buckets[i];
        if (i < DS_LEN(edges_us))
            (void)snprintf(le, sizeof le, "%lld.%06lld", (long long)(edges_us[i] / 1000000),
                           (long long)(edges_us[i] % 1000000));
        ds_buf_printf(out, "dstack_verifier_seconds_bucket{method=\"%s\",le=\"%s\"} %llu\n", name,
                      le, (unsigned long long)sum);
    }
    ds_buf_printf(out, "dstack_verifier_seconds_sum{method=\"%s\"} %llu.%06llu\n", name,
                  (unsigned long long)(r->sum_us / 1000000),
                  (unsigned long long)(r->sum_us % 1000000));
    put(out, "seconds_count", "method", name, sum);
}

static void put_verdicts(struct ds_buf *out, const struct stats *s)
{
    put_type(out, "verdicts_total", "counter");
    put(out, "verdicts_total", "verdict", "accepted", s->accepted);
    put(out, "verdicts_total", "verdict", "denied", s->denied);
    put(out, "verdicts_total", "verdict", "invalid", s->invalid);
    put_type(out, "policy_decisions_total", "counter");
    put(out, "policy_decisions_total", "decision", "allow", s->policy_allowed);
    put(out, "policy_decisions_total", "decision", "deny", s->policy_denied);
    put_type(out, "refusals_total", "counter");
    for (size_t i = 0; i < DS_CODE_COUNT; i++)
        if (s->codes[i] > 0)
            put(out, "refusals_total", "code", ds_code_info_get((enum ds_code)i)->id, s->codes[i]);
}

static void put_connections(struct ds_buf *out, const struct stats_more *m)
{
    const struct {
        const char *what;
        uint64_t n;
    } rows[] = {
        { "accepted", m->http.n_accepted },       { "evicted", m->http.n_evicted },
        { "turned_away", m->http.n_turned_away }, { "late", m->http.n_late },
        { "too_large", m->http.n_too_large },     { "no_room", m->http.n_no_room },
        { "malformed", m->http.n_malformed },
    };
    put_type(out, "connections", "gauge");
    put(out, "connections", NULL, NULL, m->http.n_open);
    put_type(out, "connections_max", "gauge");
    put(out, "connections_max", NULL, NULL, m->connections_max);
    put_type(out, "held_bytes", "gauge");
    put(out, "held_bytes", NULL, NULL, m->http.held_len);
    put_type(out, "connections_total", "counter");
    for (size_t i = 0; i < DS_LEN(rows); i++)
        put(out, "connections_total", "what", rows[i].what, rows[i].n);
}

void stats_encode(struct ds_buf *out, const struct stats *s, const struct stats_more *m)
{
    put_requests(out, s, m);
    put_type(out, "seconds", "histogram");
    for (size_t i = 0; i < m->n_routes; i++)
        put_histogram(out, m->names[i], &s->routes[i]);
    put_verdicts(out, s);
    put_connections(out, m);
    put_type(out, "waiting", "gauge");
    put(out, "waiting", NULL, NULL, m->n_waiting);
    put_type(out, "waiting_for_documents", "gauge");
    put(out, "waiting_for_documents", NULL, NULL, m->n_away);
    put_type(out, "sessions", "gauge");
    put(out, "sessions", NULL, NULL, m->n_sessions);
    put_type(out, "session_bytes", "gauge");
    put(out, "session_bytes", NULL, NULL, m->session_bytes);
}

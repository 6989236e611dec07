/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: buckets are cumulative in the text, codes stand by name.
 */
#include "verifier/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void counted_and_told(void **state)
{
    (void)state;
    static struct stats s;
    static struct verifier_finding f;
    static const char *const names[] = { "Verify" };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    static const struct {
        int status;
        int64_t took_us;
    } rows[] = { { 200, 0 }, { 200, 250 }, { 200, 251 }, { 429, 100 }, { 418, 99999999 } };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        stats_count(&s.routes[0], rows[i].status, rows[i].took_us);
    f.steps[VERIFIER_QUOTE] = VERIFIER_FAILED;
    ds_verdict_add(&f.verdict, DS_CODE_POLICY_DEBUG, "a", "b", "c", NULL);
    ds_verdict_add(&f.verdict, DS_CODE_POLICY_DEBUG, "a", "b", "c", NULL);
    stats_verdict(&s, &f);
    /* Judged by a document twice, and allowed once. */
    f.n_policies = 1;
    stats_verdict(&s, &f);
    f.steps[VERIFIER_POLICY] = VERIFIER_HELD;
    stats_verdict(&s, &f);
    const struct stats_more more = { .names = names,
                                     .n_routes = 1,
                                     .n_away = 3,
                                     .session_bytes = 5,
                                     .http = { .n_open = 7, .held_len = 9 } };
    stats_encode(&out, &s, &more);
    static const char *const lines[] = {
        "\ndstack_verifier_requests_total{method=\"Verify\",status=\"200\"} 3\n",
        "\ndstack_verifier_requests_total{method=\"Verify\",status=\"429\"} 1\n",
        "\ndstack_verifier_requests_total{method=\"Verify\",status=\"500\"} 1\n",
        "\ndstack_verifier_seconds_bucket{method=\"Verify\",le=\"0.000250\"} 3\n",
        "\ndstack_verifier_seconds_bucket{method=\"Verify\",le=\"0.000500\"} 4\n",
        "\ndstack_verifier_seconds_bucket{method=\"Verify\",le=\"5.000000\"} 4\n",
        "\ndstack_verifier_seconds_bucket{method=\"Verify\",le=\"+Inf\"} 5\n",
        "\ndstack_verifier_seconds_count{method=\"Verify\"} 5\n",
        "\ndstack_verifier_verdicts_total{verdict=\"invalid\"} 3\n",
        "\ndstack_verifier_verdicts_total{verdict=\"accepted\"} 0\n",
        "\ndstack_verifier_refusals_total{code=\"policy.debug\"} 6\n",
        "\ndstack_verifier_policy_decisions_total{decision=\"allow\"} 1\n",
        "\ndstack_verifier_policy_decisions_total{decision=\"deny\"} 1\n",
        "\ndstack_verifier_connections 7\n",
        "\ndstack_verifier_held_bytes 9\n",
        "\ndstack_verifier_waiting_for_documents 3\n",
        "\ndstack_verifier_session_bytes 5\n",
    };
    for (size_t i = 0; i < DS_LEN(lines); i++)
        if (strstr(out.p, lines[i]) == NULL)
            fail_msg("no line %s in %s", lines[i], out.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(counted_and_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

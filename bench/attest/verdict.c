/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The installed library's verdict of one quote and what it costs with nothing
 * kept, for the peers in peers.mjs to be set beside.
 *
 *     bench_verdict QUOTE COLLATERAL.json NOW_S SECONDS
 *
 * Prints tab-separated: "ok", TCB status, advisories with commas; or "refused",
 * code, claim. Then the median seconds of a verification, where SECONDS are spent on it.
 */

#include <dstack/attest.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FILE_MAX  ((size_t)1 << 20)
#define TIMES_MAX 100000

static struct ds_attest_bytes load(const char *path)
{
    unsigned char *p = malloc(FILE_MAX);
    FILE *f = fopen(path, "rb");
    if (p == NULL || f == NULL) {
        perror(path);
        exit(1);
    }
    struct ds_attest_bytes b = { p, fread(p, 1, FILE_MAX, f) };
    (void)fclose(f);
    return b;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_verdict(const struct ds_attest *a)
{
    const struct ds_attest_claims *c = ds_attest_claims(a);
    if (c == NULL) {
        struct ds_attest_reason why = ds_attest_reason(a, 0);
        (void)printf("refused\t%s\t%s", why.code, why.claim);
        return;
    }
    (void)printf("ok\t%s\t", ds_attest_claim_text(c, DS_ATTEST_TCB_STATUS, 0));
    for (size_t i = 0; i < ds_attest_claim_count(c, DS_ATTEST_ADVISORIES); i++)
        (void)printf("%s%s", i > 0 ? "," : "", ds_attest_claim_text(c, DS_ATTEST_ADVISORIES, i));
}

int main(int argc, char **argv)
{
    static double times[TIMES_MAX];
    if (argc != 5) {
        (void)fputs("usage: bench_verdict QUOTE COLLATERAL.json NOW_S SECONDS\n", stderr);
        return 2;
    }
    struct ds_attest_bytes quote = load(argv[1]), collateral = load(argv[2]);
    int64_t now_s = (int64_t)strtod(argv[3], NULL);
    struct ds_attest *a = ds_attest_init(malloc(ds_attest_size()), ds_attest_size());
    if (a == NULL || ds_attest_trust_hardware(a, NULL) != DS_ATTEST_OK)
        return 1;
    int first = ds_attest_verify(a, quote, &collateral, 1, now_s);
    print_verdict(a);
    double end = now() + strtod(argv[4], NULL);
    size_t n = 0;
    for (double start = now(); start < end && n < TIMES_MAX; start = now()) {
        if (ds_attest_verify(a, quote, &collateral, 1, now_s) != first)
            return 1;
        times[n++] = now() - start;
    }
    qsort(times, n, sizeof *times, compare);
    (void)printf("\t%.9f\n", n > 0 ? times[n / 2] : 0.0);
    return 0;
}

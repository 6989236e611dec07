/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verification costs beside the signatures in it. Every figure is the
 * median over rounds of a ratio: in each round the unit (an EVP verification with
 * its key imported) and the subject are timed one after the other on this thread.
 * Quotes are distinct: each has report data and a signature of its own.
 *
 * Where DSTACK_VECTORS names recorded evidence, it is measured too. Prints lines of tab-separated fields for bench/attest/bench: name, value, unit,
 * ratio, what the ratio is of, goal, which is better.
 */

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "attest/x509.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "synthetic.h"
#include "synthetic_snp.h"
#include "vectors.h"

#define N_QUOTES      64
#define ROUNDS        31
#define UNITS         16 /* verifications of the unit a round */
#define RECORDED_TIME 1750809600

/* libcrypto's heap, which is all of it: on the way of a verification we allocate nothing. Each
   thread's own, so that threads do not share the line that it stands in. */
static _Thread_local struct {
    size_t now, peak;
} heap;

static void heap_add(void *p)
{
    heap.now += malloc_usable_size(p);
    heap.peak = heap.now > heap.peak ? heap.now : heap.peak;
}

static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    void *p = malloc(n);
    heap_add(p);
    return p;
}

static void drop(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    heap.now -= malloc_usable_size(p);
    free(p);
}

static void *resize(void *old, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    heap.now -= malloc_usable_size(old);
    void *p = realloc(old, n);
    heap_add(p);
    return p;
}

static double now_s(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare);
    return v[n / 2];
}

/* The unit: libcrypto's verification with everything made ready. */
struct unit {
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
    uint8_t digest[48], sig[120];
    size_t digest_len, sig_len;
};

static struct unit unit_new(const char *curve, size_t digest_len)
{
    struct unit u = { .digest = { 1 }, .digest_len = digest_len, .sig_len = sizeof u.sig };
    u.key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new_from_pkey(NULL, u.key, NULL);
    if (sign == NULL || EVP_PKEY_sign_init(sign) != 1 ||
        EVP_PKEY_sign(sign, u.sig, &u.sig_len, u.digest, u.digest_len) != 1)
        fail_msg("no signature of %s", curve);
    EVP_PKEY_CTX_free(sign);
    u.ctx = EVP_PKEY_CTX_new_from_pkey(NULL, u.key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(u.ctx), 1);
    return u;
}

/* Seconds of one verification. */
static double unit_time(const struct unit *u)
{
    double t = now_s(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < UNITS; i++)
        assert_int_equal(EVP_PKEY_verify(u->ctx, u->sig, u->sig_len, u->digest, u->digest_len), 1);
    return (now_s(CLOCK_THREAD_CPUTIME_ID) - t) / UNITS;
}

/* Evidence of one platform. */
struct fleet {
    struct ds_arena mem;
    struct ds_anchors anchors;
    struct ds_extra_anchor anchor;
    int64_t now_s;
    struct ds_span collateral; /* a set in JSON; else parts */
    struct ds_dcap_parts parts;
    struct ds_span quotes[N_QUOTES];
    size_t n_quotes;
    const struct ds_dcap_collateral *kept_collateral;
    const struct ds_dcap_platform *kept_platform;
    struct ds_dcap_qe qe;
};

static int parse_collateral(struct ds_dcap_collateral *ret, const struct fleet *f,
                            struct ds_arena *mem)
{
    return f->collateral.len > 0 ? ds_dcap_collateral_parse(ret, mem, f->collateral, NULL)
                                 : ds_dcap_collateral_of(ret, mem, &f->parts, NULL);
}

/* What is kept between quotes of one platform. */
static void fleet_keep(struct fleet *f)
{
    struct ds_dcap_collateral *coll = ds_arena_get(&f->mem, sizeof *coll);
    struct ds_dcap_platform *p = ds_dcap_platform_new_in(&f->mem);
    struct ds_tdx_quote q;
    struct ds_error e = { 0 };
    assert_int_equal(parse_collateral(coll, f, &f->mem), DS_OK);
    assert_int_equal(ds_tdx_quote_parse(&q, f->quotes[0], NULL), DS_OK);
    if (ds_dcap_platform_verify(p, &f->mem, &q.dcap, coll, &f->anchors, f->now_s, &e) < 0)
        fail_msg("%s", e.msg);
    f->kept_collateral = coll;
    f->kept_platform = p;
}

static void fleet_of_synthetic(struct fleet *f)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    f->mem = vectors_arena((size_t)8 << 20);
    f->now_s = SYNTH_NOW;
    synth_make(&s);
    f->anchor = synth_anchor(&s, ROOT, true);
    f->anchors = (struct ds_anchors){ &f->anchor, 1 };
    f->parts = synth_parts(&f->mem, &s);
    for (f->n_quotes = 0; f->n_quotes < N_QUOTES; f->n_quotes++) {
        s.quote.td.report_data64[0] = (uint8_t)f->n_quotes;
        s.quote.td.report_data64[1] = 0x5a;
        f->quotes[f->n_quotes] = synth_quote(&f->mem, &s);
        if (f->n_quotes > 0)
            continue;
        struct ds_tdx_quote q;
        assert_int_equal(ds_tdx_quote_parse(&q, f->quotes[0], NULL), DS_OK);
        size_t at = (size_t)(q.dcap.qe_report_raw.p - f->quotes[0].p);
        s.qe_part = ds_span_sub(f->quotes[0], at, f->quotes[0].len);
    }
    fleet_keep(f);
}

static void fleet_of_recorded(struct fleet *f)
{
    f->mem = vectors_arena((size_t)8 << 20);
    f->now_s = RECORDED_TIME;
    f->collateral = vectors_load(&f->mem, "tdx/dcapqvl_tdx_v4.collateral.json");
    f->quotes[f->n_quotes++] = vectors_load(&f->mem, "tdx/dcapqvl_tdx_v4.quote");
    fleet_keep(f);
}

struct worker {
    struct fleet *f;
    struct ds_arena mem;
    struct ds_claims *claims;
};

static struct worker worker_new(struct fleet *f)
{
    struct worker w = { .f = f, .mem = vectors_arena((size_t)2 << 20) };
    w.claims = ds_claims_new_in(&w.mem);
    return w;
}

/* From bytes to claims with nothing kept. */
static void run_cold(struct worker *w, size_t i)
{
    struct ds_dcap_collateral coll;
    struct ds_tdx_quote q;
    struct ds_error e = { 0 };
    size_t used = w->mem.used;
    assert_int_equal(parse_collateral(&coll, w->f, &w->mem), DS_OK);
    assert_int_equal(ds_tdx_quote_parse(&q, w->f->quotes[i % w->f->n_quotes], &e), DS_OK);
    if (ds_tdx_quote_verify(w->claims, &w->mem, &q, &coll, &w->f->anchors, w->f->now_s, &e) < 0)
        fail_msg("%s", e.msg);
    w->mem.used = used;
}

static void run_on(struct worker *w, size_t i, struct ds_dcap_qe *qe)
{
    struct ds_tdx_quote q;
    struct ds_error e = { 0 };
    assert_int_equal(ds_tdx_quote_parse(&q, w->f->quotes[i % w->f->n_quotes], &e), DS_OK);
    if (ds_tdx_quote_verify_on(w->claims, &q, w->f->kept_platform, qe, w->f->now_s, &e) < 0)
        fail_msg("%s", e.msg);
}

static void run_warm(struct worker *w, size_t i) { run_on(w, i, NULL); }
static void run_qe_known(struct worker *w, size_t i) { run_on(w, i, &w->f->qe); }

/* Quote and the certificates in it, to their last field; PEM was decoded before. */
static struct ds_span chain_der[3];

static void run_parse(struct worker *w, size_t i)
{
    struct ds_tdx_quote q;
    struct ds_x509 cert;
    assert_int_equal(ds_tdx_quote_parse(&q, w->f->quotes[i % w->f->n_quotes], NULL), DS_OK);
    for (size_t k = 0; k < 3; k++)
        assert_int_equal(ds_x509_parse(&cert, chain_der[k], NULL), DS_OK);
}

static void decode_chain(struct fleet *f)
{
    struct ds_tdx_quote q;
    assert_int_equal(ds_tdx_quote_parse(&q, f->quotes[0], NULL), DS_OK);
    struct ds_span pem = q.dcap.cert_data;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ds_pem_next(&chain_der[i], &pem, "CERTIFICATE", &f->mem, NULL), DS_OK);
}

/* SEV-SNP: reports of one chip, whose chain is kept. */
static struct {
    struct ds_anchors anchors;
    struct ds_extra_anchor anchor;
    struct snp_synth synth;
    struct ds_snp_certs certs;
    enum ds_snp_key key;
    struct ds_snp_platform kept;
    uint8_t reports[N_QUOTES][DS_SNP_REPORT_LEN];
} snp;

static void snp_make(void)
{
    snp.synth = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
    snp_synth_make(&snp.synth);
    snp.anchor = snp_synth_anchor(&snp.synth, S_ARK, true);
    snp.anchors = (struct ds_anchors){ &snp.anchor, 1 };
    snp.certs = snp_synth_certs(&snp.synth);
    snp.key = DS_SNP_KEY_VCEK;
    for (size_t i = 0; i < N_QUOTES; i++) {
        snp.synth.report.report_data64[0] = (uint8_t)i;
        snp_synth_report(snp.reports[i], &snp.synth);
    }
}

static void run_snp(struct worker *w, size_t i)
{
    struct ds_snp_report report;
    struct ds_error e = { 0 };
    struct ds_span bytes = DS_SPAN_OF(snp.reports[i % N_QUOTES]);
    assert_int_equal(ds_snp_report_parse(&report, bytes, &e), DS_OK);
    if (ds_snp_report_verify(w->claims, &report, &snp.kept, SNP_NOW, &e) < 0)
        fail_msg("%s", e.msg);
}

static void run_snp_cold(struct worker *w, size_t i)
{
    struct ds_error e = { 0 };
    if (ds_snp_platform_verify(&snp.kept, &snp.certs, snp.key, &snp.anchors, SNP_NOW, 0, &e) < 0)
        fail_msg("%s", e.msg);
    run_snp(w, i);
}

static void run_snp_parse(struct worker *w, size_t i)
{
    struct ds_snp_report report;
    (void)w;
    assert_int_equal(ds_snp_report_parse(&report, DS_SPAN_OF(snp.reports[i % N_QUOTES]), NULL),
                     DS_OK);
}

struct subject {
    const char *name;
    void (*run)(struct worker *w, size_t i);
    size_t per_round;
    double n_units; /* that it is compared with */
    const char *of;
    double goal;
};

static void measure(const struct subject *s, const char *suffix, struct worker *w,
                    const struct unit *u)
{
    double ratios[ROUNDS], times[ROUNDS];
    s->run(w, 0);
    for (size_t r = 0; r < ROUNDS; r++) {
        double unit_s = unit_time(u);
        double t = now_s(CLOCK_THREAD_CPUTIME_ID);
        for (size_t i = 0; i < s->per_round; i++)
            s->run(w, r * s->per_round + i);
        times[r] = (now_s(CLOCK_THREAD_CPUTIME_ID) - t) / (double)s->per_round;
        /* The unit once more, behind: what came between may have been slower. */
        unit_s = (unit_s + unit_time(u)) / 2;
        ratios[r] = times[r] / (unit_s * s->n_units);
    }
    (void)printf("attest.%s%s\t%.1f\t1/s\t%.4f\t%s\t%g\tless\n", s->name, suffix,
                 1 / median(times, ROUNDS), median(ratios, ROUNDS), s->of, s->goal);
    (void)fflush(stdout);
}

#define THREAD_QUOTES 150
#define THREAD_UNITS  18 /* of UNITS each: about as many verifications as those quotes have */

static void *run_quotes(void *arg)
{
    struct worker *w = arg;
    for (size_t i = 0; i < THREAD_QUOTES; i++)
        run_warm(w, i);
    return NULL;
}

static void *run_units(void *arg)
{
    for (size_t i = 0; i < THREAD_UNITS; i++)
        (void)unit_time(arg);
    return NULL;
}

/* Seconds of two threads, wall clock, and what one takes for the same beside them. */
static double both_s(double *ret_ratio, void *(*run)(void *), void *one, void *two)
{
    pthread_t threads[2];
    double t = now_s(CLOCK_MONOTONIC);
    (void)run(one);
    double alone_s = now_s(CLOCK_MONOTONIC) - t;
    t = now_s(CLOCK_MONOTONIC);
    assert_int_equal(pthread_create(&threads[0], NULL, run, one), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, run, two), 0);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    t = now_s(CLOCK_MONOTONIC) - t;
    *ret_ratio = 2 * alone_s / t;
    return t;
}

/* Two threads beside one, the same work each; and the limit: libcrypto's verifications alone. */
static void measure_threads(struct worker *one, struct worker *two)
{
    struct unit units[] = { unit_new("P-256", 32), unit_new("P-256", 32) };
    double ratios[ROUNDS], rates[ROUNDS], limits[ROUNDS], limit_rates[ROUNDS];
    for (size_t r = 0; r < ROUNDS; r++) {
        rates[r] = 2 * THREAD_QUOTES / both_s(&ratios[r], run_quotes, one, two);
        limit_rates[r] = 2 * THREAD_UNITS * UNITS /
                         both_s(&limits[r], run_units, &units[0], &units[1]);
    }
    (void)printf("attest.tdx.threads\t%.1f\t1/s\t%.4f\tone thread in this process\t1.8\tmore\n",
                 median(rates, ROUNDS), median(ratios, ROUNDS));
    (void)printf("attest.tdx.threads.limit\t%.1f\t1/s\t%.4f\tone thread of P-256 verifications\t\t"
                 "more\n",
                 median(limit_rates, ROUNDS), median(limits, ROUNDS));
}

/* Of a verification with nothing kept, after one that warmed libcrypto up. */
static void measure_heap(const char *name, void (*cold)(struct worker *, size_t), struct worker *w)
{
    cold(w, 0);
    size_t before = heap.now;
    heap.peak = before;
    cold(w, 1);
    size_t peak = heap.peak - before;
    (void)printf("attest.%s\t%zu\tbytes\t%.4f\t64 KiB\t1\tless\n", name, peak,
                 (double)peak / 65536);
}

int main(void)
{
    static const struct subject subjects[] = {
        { "tdx.parse", run_parse, 256, 1, "1 P-256 verification", 0.02 },
        { "tdx.cold", run_cold, 8, 9, "9 P-256 verifications", 1.3 },
        { "tdx.warm", run_warm, 24, 2, "2 P-256 verifications", 1.3 },
        { "tdx.qe_known", run_qe_known, 48, 1, "1 P-256 verification", 1.4 },
    };
    static const struct subject snp_subjects[] = {
        { "snp.parse", run_snp_parse, 256, 1, "1 P-384 verification", 0.02 },
        { "snp.warm", run_snp, 8, 1, "1 P-384 verification", 1.2 },
    };
    static struct fleet synthetic, recorded;
    assert_int_equal(CRYPTO_set_mem_functions(take, resize, drop), 1);
    struct unit p256 = unit_new("P-256", 32), p384 = unit_new("P-384", 48);
    fleet_of_synthetic(&synthetic);
    struct worker w = worker_new(&synthetic), other = worker_new(&synthetic);
    decode_chain(&synthetic);
    for (size_t i = 0; i < DS_LEN(subjects); i++)
        measure(&subjects[i], "", &w, &p256);
    measure_heap("tdx.heap", run_cold, &w);
    measure_threads(&w, &other);
    snp_make();
    measure_heap("snp.heap", run_snp_cold, &w);
    for (size_t i = 0; i < DS_LEN(snp_subjects); i++)
        measure(&snp_subjects[i], "", &w, &p384);
    if (vectors_dir() == NULL)
        return 0;
    fleet_of_recorded(&recorded);
    struct worker real = worker_new(&recorded);
    decode_chain(&recorded);
    for (size_t i = 0; i < DS_LEN(subjects); i++)
        measure(&subjects[i], ".recorded", &real, &p256);
    measure_heap("tdx.heap.recorded", run_cold, &real);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library alone takes for evidence that the verifier is asked about, on a platform and a
 * quoting enclave that it has met before: for bench/verifier.
 *
 * usage: verifier_cost DIR NAME [shape]     DIR made by verifier_evidence, NAME a list like many.txt
 *        shape: the tables of the last machine's shape are kept, as the verifier keeps them
 * prints: processor time of one appraisal in nanoseconds, over all lines
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/appraisal.h"
#include "attest/tdx/verify.h"
#include "attest/x509.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/pem.h"
#include "crypto/hash.h"

#define ALL_MAX ((size_t)1 << 30)
#define ROOM    (APP_APPRAISAL_MEM + DS_DCAP_COLLATERAL_MEM + ((size_t)1 << 20))

static int64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int load(struct ds_buf *ret, const char *dir, const char *name, struct ds_error *e)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return ds_file_load(ret, path, ALL_MAX, e);
}

static int read_root(struct ds_extra_anchor *ret, struct ds_arena *mem, struct ds_span pem,
                     struct ds_error *e)
{
    struct ds_span der;
    struct ds_x509 cert;
    DS_TRY(ds_pem_next(&der, &pem, "CERTIFICATE", mem, e));
    DS_TRY(ds_x509_parse(&cert, der, e));
    *ret = (struct ds_extra_anchor){ .name = "bench", .is_simulated = true };
    return ds_hash(DS_SHA256, ret->spki_sha256, cert.spki, e);
}

/* Every line's evidence, decoded before the clock runs. */
static int decode(struct ds_buf *ret, struct ds_span **ret_list, size_t *ret_n, struct ds_span text,
                  struct ds_error *e)
{
    struct ds_span line;
    size_t cap = text.len / 2 + 1, at = 0, n = 0;
    uint8_t *out = ds_buf_room(ret, cap);
    struct ds_span *list = calloc(text.len / 1000 + 1, sizeof *list);
    *ret_list = list;
    if (out == NULL || list == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "evidence");
    while (ds_span_line(&text, &line)) {
        size_t len = 0;
        DS_TRY(ds_hex_decode_any(out + at, &len, cap - at, line, e));
        list[n++] = DS_SPAN(out + at, len);
        at += len;
    }
    *ret_n = n;
    return DS_OK;
}

/* What stays between appraisals. */
struct known {
    struct ds_dcap_collateral coll;
    struct ds_dcap_platform *platform;
    struct ds_dcap_qe qe;
    int64_t now_s;
    const struct app_acpi *tables; /* NULL: not kept */
    struct measure_shape shape;
    struct measure_acpi acpi;
};

static int find_tables(void *arg, struct measure_acpi *ret, const struct measure_shape *shape,
                       struct ds_error *e)
{
    struct known *k = arg;
    if (!measure_shape_eq(&k->shape, shape))
        DS_TRY(measure_acpi_find(&k->acpi, shape, e));
    k->shape = *shape;
    *ret = k->acpi;
    return DS_OK;
}

static int learn(struct known *k, struct ds_arena *mem, struct ds_span evidence,
                 struct ds_span collateral, const struct ds_anchors *anchors, struct ds_error *e)
{
    struct ds_attestation a;
    struct ds_tdx_quote quote;
    k->now_s = ds_clock_now_s();
    k->platform = ds_dcap_platform_new_in(mem);
    if (k->platform == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "platform");
    DS_TRY(ds_dcap_collateral_parse(&k->coll, mem, collateral, e));
    DS_TRY(ds_attestation_parse(&a, mem, evidence, e));
    DS_TRY(ds_tdx_quote_parse(&quote, a.quote, e));
    return ds_dcap_platform_verify(k->platform, mem, &quote.dcap, &k->coll, anchors, k->now_s, e);
}

static int appraise(struct app_appraisal *a, struct ds_verdict *v, struct ds_arena *mem,
                    struct known *k, struct ds_span evidence, struct ds_error *e)
{
    struct ds_tdx_quote quote;
    *a = (struct app_appraisal){ .unbound = ds_claims_new_in(mem) };
    a->claims = a->unbound;
    if (a->claims == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "claims");
    DS_TRY(ds_attestation_parse(&a->evidence, mem, evidence, e));
    DS_TRY(ds_tdx_quote_parse(&quote, a->evidence.quote, e));
    DS_TRY(ds_tdx_quote_verify_on(a->unbound, &quote, k->platform, &k->qe, k->now_s, e));
    DS_TRY(app_appraise_log(a, e));
    DS_TRY(app_appraise_image(a, v, mem, k->tables, e));
    return app_appraise_identity(a, v, mem, e);
}

static int run(const char *dir, const char *name, bool keeps_shape, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf collateral = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(ROOM);
    DS_AUTO(ds_auto_free) struct app_appraisal *a = calloc(1, sizeof *a);
    DS_AUTO(ds_auto_free) struct ds_span *list = NULL;
    struct known k = { .now_s = 0 };
    const struct app_acpi tables = { find_tables, &k };
    k.tables = keeps_shape ? &tables : NULL;
    struct ds_extra_anchor root;
    size_t n = 0;
    if (room == NULL || a == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "appraise");
    struct ds_arena mem = ds_arena_of(room, ROOM);
    DS_TRY(load(&text, dir, name, e));
    DS_TRY(load(&collateral, dir, "collateral.json", e));
    DS_TRY(load(&pem, dir, "root.pem", e));
    DS_TRY(read_root(&root, &mem, ds_buf_span(&pem), e));
    DS_TRY(decode(&bytes, &list, &n, ds_buf_span(&text), e));
    const struct ds_anchors anchors = { &root, 1 };
    if (n == 0)
        return ds_fail(e, DS_ERR_FORMAT, "%s is empty", name);
    DS_TRY(learn(&k, &mem, list[0], ds_buf_span(&collateral), &anchors, e));
    size_t used = mem.used;
    int64_t began_ns = cpu_ns();
    for (size_t i = 0; i < n; i++) {
        struct ds_verdict v = { 0 };
        mem.used = used;
        DS_TRY(appraise(a, &v, &mem, &k, list[i], e));
        if (v.n_reasons > 0)
            return ds_verdict_fail(&v, DS_ERR_UNTRUSTED, e);
    }
    (void)printf("%" PRId64 "\n", (cpu_ns() - began_ns) / (int64_t)n);
    return DS_OK;
}

int main(int argc, char **argv)
{
    struct ds_error e = { 0 };
    bool keeps_shape = argc == 4 && strcmp(argv[3], "shape") == 0;
    if (argc != 3 && !keeps_shape) {
        (void)fprintf(stderr, "usage: verifier_cost DIR NAME [shape]\n");
        return 2;
    }
    if (run(argv[1], argv[2], keeps_shape, &e) < 0) {
        (void)fprintf(stderr, "verifier_cost: %s\n", e.msg);
        return 1;
    }
    return 0;
}

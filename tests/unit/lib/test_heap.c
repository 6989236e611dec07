/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose memory it is. Parsing takes none; of verification only libcrypto's, and
 * that within a bound. Our own calls are counted where the linker replaced
 * them (-Wl,--wrap), libcrypto's where it lets others allocate for it.
 */

#include <dstack/attest.h>

#include <malloc.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kit.h"
#include "lib/private.h"

#define PEAK_MAX 65536 /* bytes of libcrypto's heap that a verification takes at once */

static struct {
    volatile size_t
        ours;      /* calls of our code; the compiler takes malloc() for one that changes nothing */
    size_t theirs; /* calls of libcrypto */
    size_t now, peak;
} heap;

/* The linker's names for what it replaced. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    heap.ours++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t len)
{
    heap.ours++;
    return __real_calloc(n, len);
}

void *__wrap_realloc(void *p, size_t n)
{
    heap.ours++;
    return __real_realloc(p, n);
}

static void gained(void *p)
{
    heap.theirs++;
    heap.now += malloc_usable_size(p);
    heap.peak = heap.now > heap.peak ? heap.now : heap.peak;
}

static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    void *p = __real_malloc(n);
    gained(p);
    return p;
}

static void *resize(void *old, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    heap.now -= malloc_usable_size(old);
    void *p = __real_realloc(old, n);
    gained(p);
    return p;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static void drop(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    heap.now -= malloc_usable_size(p);
    free(p);
}

static void start(void)
{
    heap.ours = 0;
    heap.theirs = 0;
    heap.peak = heap.now;
}

static void counters_count(void **state)
{
    (void)state;
    start();
    void *volatile p = malloc(10);
    free(p);
    p = calloc(2, 5);
    void *volatile longer = realloc(p, 100);
    free(longer);
    assert_int_equal(heap.ours, 3);
    void *q = OPENSSL_malloc(1000);
    assert_int_equal(heap.theirs, 1);
    assert_true(heap.peak >= heap.now && heap.now >= 1000);
    OPENSSL_free(q);
}

static void parsing_takes_no_heap(void **state)
{
    struct ds_arena mem = ds_arena_of(malloc(LIB_MEM), LIB_MEM);
    (void)state;
    for (int form = 0; form < KIT_N_FORMS; form++) {
        DS_AUTO(kit_done) struct kit k = kit_new((enum kit_form)form);
        struct lib_evidence ev;
        struct ds_dcap_collateral coll;
        start();
        mem.used = 0;
        assert_int_equal(lib_evidence_parse(&ev, &mem, k.evidence[0], NULL), DS_OK);
        for (size_t i = 0; i < k.n_documents; i++)
            assert_int_equal(form < KIT_SNP
                                 ? ds_dcap_collateral_parse(&coll, &mem, k.documents[i], NULL)
                                 : ds_snp_certs_add(&ev.certs, &mem, k.documents[i], NULL),
                             DS_OK);
        assert_int_equal(heap.ours, 0);
        assert_int_equal(heap.theirs, 0);
    }
    free(mem.p);
}

struct session {
    struct kit kit;
    struct ds_attest *a;
    struct ds_attest_machine *m;
    struct ds_attest_bytes documents[KIT_DOCUMENTS];
};

static struct session session_new(enum kit_form form)
{
    struct session s = { .kit = kit_new(form) };
    s.a = ds_attest_init(malloc(ds_attest_size()), ds_attest_size());
    s.m = ds_attest_machine_init(malloc(ds_attest_machine_size()), ds_attest_machine_size());
    assert_int_equal(ds_attest_trust_simulated(s.a, "root", s.kit.root32), DS_ATTEST_OK);
    for (size_t i = 0; i < s.kit.n_documents; i++)
        s.documents[i] = (struct ds_attest_bytes){ s.kit.documents[i].p, s.kit.documents[i].len };
    return s;
}

static void session_done(struct session *s)
{
    free(s->a);
    free(s->m);
    kit_done(&s->kit);
}

static struct ds_attest_bytes evidence(const struct session *s, size_t i)
{
    return (struct ds_attest_bytes){ s->kit.evidence[i].p, s->kit.evidence[i].len };
}

/* A policy that allows, one that denies, and one that cannot be read. */
static void judge(struct ds_attest *a)
{
    static const struct {
        const char *policy;
        int result;
    } rows[] = {
        { "{\"version\":1,\"kinds\":[\"simulated\"],\"roots\":[\"root\",\"\\u0072\"]}",
          DS_ATTEST_OK },
        { "{\"version\":1,\"sessions\":[\"nonce\"],\"snp\":{\"vmpls\":[3]}}", DS_ATTEST_DENIED },
        { "{\"version\":1,\"kinds\":[\"simulated\",\"simulated\"]}", DS_ATTEST_MALFORMED },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_attest_bytes policy = { (const unsigned char *)rows[i].policy,
                                          strlen(rows[i].policy) };
        struct ds_attest_bytes any = { NULL, 0 };
        assert_int_equal(ds_attest_check(a, policy, DS_ATTEST_SESSION_NONE, any), rows[i].result);
    }
}

/* Every call of the interface that verifies or judges. */
static void use(struct session *s, size_t i)
{
    size_t n = s->kit.n_documents;
    assert_int_equal(ds_attest_verify(s->a, evidence(s, i), s->documents, n, KIT_NOW), 0);
    judge(s->a);
    assert_int_equal(ds_attest_machine_verify(s->a, s->m, evidence(s, i), s->documents, n, KIT_NOW),
                     0);
    assert_int_equal(ds_attest_verify_on(s->a, s->m, evidence(s, i), KIT_NOW), 0);
    assert_int_not_equal(ds_attest_verify(s->a, evidence(s, i), s->documents, n, 0), 0);
}

static void verification_takes_libcryptos_alone(void **state)
{
    (void)state;
    for (int form = 0; form < KIT_N_FORMS; form++) {
        DS_AUTO(session_done) struct session s = session_new((enum kit_form)form);
        start();
        use(&s, 0); /* what libcrypto makes once for ever is made here */
        assert_int_equal(heap.ours, 0);
        assert_true(heap.theirs > 0);
        size_t before = heap.now;
        start();
        use(&s, 1);
        print_message("  %s: %zu bytes of libcrypto's heap at most\n",
                      kit_name((enum kit_form)form), heap.peak - before);
        assert_int_equal(heap.ours, 0);
        assert_int_equal(heap.now, before);
        assert_true(heap.peak - before <= PEAK_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_count),
        cmocka_unit_test(parsing_takes_no_heap),
        cmocka_unit_test(verification_takes_libcryptos_alone),
    };
    assert_int_equal(CRYPTO_set_mem_functions(take, resize, drop), 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

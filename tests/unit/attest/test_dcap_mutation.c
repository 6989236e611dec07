/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is changed in an accepted quote or its collateral, the verifier says no, or the change
 * lies where nothing is signed and the claims are byte for byte the same. The table of those
 * regions is the whole list.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "mutation.h"
#include "synthetic.h"

#define PADDING_LEN    24 /* zeros behind the signature data, as quote buffers have them */
#define RANDOM_LEN_MAX 8
#define CUT_MAX        80 /* bytes that are taken off, one after another */
#define MUTATION_MEM   ((size_t)4 << 20)

static bool tries_all;

static const struct shape {
    const char *name;
    uint16_t version;
    enum ds_dcap_body body;
} shapes[] = {
    { "tdx-v4", 4, DS_DCAP_BODY_TD10 },      { "tdx-v5", 5, DS_DCAP_BODY_TD15 },
    { "tdx-v5-td10", 5, DS_DCAP_BODY_TD10 }, { "sgx-v3", 3, DS_DCAP_BODY_SGX },
    { "sgx-v4", 4, DS_DCAP_BODY_SGX },       { "sgx-v5", 5, DS_DCAP_BODY_SGX },
};

enum part {
    QUOTE,
    PCK_CHAIN,
    TCB_CHAIN,
    QE_CHAIN,
    ROOT_CRL,
    PCK_CRL,
    TCB_INFO,
    QE_IDENTITY,
    TCB_SIG,
    QE_SIG,
    N_PARTS,
};

static const char *const part_names[N_PARTS] = { "quote",    "pck_chain",   "tcb_chain",
                                                 "qe_chain", "root_crl",    "pck_crl",
                                                 "tcb_info", "qe_identity", "tcb_sig",
                                                 "qe_id_sig" };

/* An accepted set, its parts in memory that the test may write to. */
struct set {
    struct ds_buf parts[N_PARTS];
    struct ds_buf good[N_PARTS];
    struct ds_extra_anchor anchor;
    struct ds_arena mem;
    struct ds_claims claims;
    bool is_sgx;
    size_t cert_data_at, padding_at; /* in the quote */
};

static int set_run(struct ds_claims *ret, struct set *s)
{
    const struct ds_anchors anchors = { &s->anchor, 1 };
    struct ds_arena a = s->mem;
    struct ds_dcap_collateral coll;
    struct ds_tdx_quote tdx;
    struct ds_sgx_quote sgx;
    struct ds_span p[N_PARTS];
    for (size_t i = 0; i < N_PARTS; i++)
        p[i] = ds_buf_span(&s->parts[i]);
    const struct ds_dcap_parts parts = { .pck_chain_pem = p[PCK_CHAIN],
                                         .tcb_chain_pem = p[TCB_CHAIN],
                                         .qe_chain_pem = p[QE_CHAIN],
                                         .root_crl_der = p[ROOT_CRL],
                                         .pck_crl_der = p[PCK_CRL],
                                         .tcb_info = p[TCB_INFO],
                                         .qe_identity = p[QE_IDENTITY],
                                         .tcb_sig64 = p[TCB_SIG],
                                         .qe_sig64 = p[QE_SIG] };
    DS_TRY(ds_dcap_collateral_of(&coll, &a, &parts, NULL));
    if (s->is_sgx) {
        DS_TRY(ds_sgx_quote_parse(&sgx, p[QUOTE], NULL));
        return ds_sgx_quote_verify(ret, &a, &sgx, &coll, &anchors, SYNTH_NOW, NULL);
    }
    DS_TRY(ds_tdx_quote_parse(&tdx, p[QUOTE], NULL));
    return ds_tdx_quote_verify(ret, &a, &tdx, &coll, &anchors, SYNTH_NOW, NULL);
}

static void set_put(struct set *s, enum part part, struct ds_span bytes)
{
    ds_buf_add(&s->parts[part], bytes);
    ds_buf_add(&s->good[part], bytes);
    assert_false(s->parts[part].bad || s->good[part].bad);
}

static void set_done(struct set *s)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        ds_buf_done(&s->parts[i]);
        ds_buf_done(&s->good[i]);
    }
    free(s->mem.p);
}

/* Where the chain comes with the collateral, the one in the quote is not looked at. */
static struct set set_new(const struct shape *shape, bool is_chain_beside)
{
    static const uint8_t padding[PADDING_LEN] = { 0 };
    DS_AUTO(synth_done) struct synth synth = synth_good_of(shape->version, shape->body);
    struct set s = { .is_sgx = shape->body == DS_DCAP_BODY_SGX };
    struct ds_dcap_quote quote;
    synth.is_pck_revoked = synth.is_ca_revoked = false;
    synth_make(&synth);
    s.anchor = synth_anchor(&synth, ROOT, true);
    s.mem = ds_arena_of(malloc(MUTATION_MEM), MUTATION_MEM);
    assert_non_null(s.mem.p);
    struct ds_arena a = s.mem;
    struct ds_dcap_parts p = synth_parts(&a, &synth);
    set_put(&s, QUOTE, synth_quote(&a, &synth));
    assert_int_equal(ds_dcap_quote_parse(&quote, ds_buf_span(&s.good[QUOTE]), NULL), DS_OK);
    s.cert_data_at = (size_t)(quote.cert_data.p - ds_buf_span(&s.good[QUOTE]).p);
    s.padding_at = s.good[QUOTE].len;
    if (is_chain_beside)
        set_put(&s, PCK_CHAIN, quote.cert_data);
    set_put(&s, QUOTE, DS_SPAN_OF(padding));
    set_put(&s, TCB_CHAIN, p.tcb_chain_pem);
    set_put(&s, QE_CHAIN, p.qe_chain_pem);
    set_put(&s, ROOT_CRL, p.root_crl_der);
    set_put(&s, PCK_CRL, p.pck_crl_der);
    set_put(&s, TCB_INFO, p.tcb_info);
    set_put(&s, QE_IDENTITY, p.qe_identity);
    set_put(&s, TCB_SIG, p.tcb_sig64);
    set_put(&s, QE_SIG, p.qe_sig64);
    assert_int_equal(set_run(&s.claims, &s), DS_OK);
    return s;
}

static bool is_white(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static bool is_padding(const struct set *s, enum part part, size_t at)
{
    return part == QUOTE && at >= s->padding_at;
}

/* The data and, six bytes before it, its type; the length between them must fit. */
static bool is_unread_chain(const struct set *s, enum part part, size_t at)
{
    size_t type_at = s->cert_data_at - 6;
    return part == QUOTE && s->good[PCK_CHAIN].len > 0 &&
           (at >= s->cert_data_at || at == type_at || at == type_at + 1);
}

static bool differs_in_white_alone(const struct ds_buf *a, const struct ds_buf *b)
{
    size_t i = 0, k = 0;
    for (;; i++, k++) {
        while (i < a->len && is_white((uint8_t)a->p[i]))
            i++;
        while (k < b->len && is_white((uint8_t)b->p[k]))
            k++;
        if (i == a->len || k == b->len)
            return i == a->len && k == b->len;
        if (a->p[i] != b->p[k])
            return false;
    }
}

/* Another character of white space, or a line that ends a character sooner or later. */
static bool is_white_of_pem(const struct set *s, enum part part, size_t at)
{
    bool is_pem = part == PCK_CHAIN || part == TCB_CHAIN || part == QE_CHAIN ||
                  (part == QUOTE && at >= s->cert_data_at && at < s->padding_at);
    bool was_white = is_white((uint8_t)s->good[part].p[at]);
    bool is_now = is_white((uint8_t)s->parts[part].p[at]);
    return is_pem &&
           ((was_white && is_now) ||
            ((was_white || is_now) && differs_in_white_alone(&s->good[part], &s->parts[part])));
}

/* The root stands last in a chain; its name and key are compared, its own signature is not asked for. */
static bool is_root(const struct set *s, enum part part, size_t at)
{
    static const char begin[] = "-----BEGIN";
    const struct ds_buf *b = &s->good[part];
    const char *last = NULL;
    if (part != QUOTE && part != PCK_CHAIN && part != TCB_CHAIN && part != QE_CHAIN)
        return false;
    for (const char *p = b->p; (p = memmem(p, b->len - (size_t)(p - b->p), begin, 10)) != NULL; p++)
        last = p;
    return last != NULL && b->p + at > last;
}

/* Everything in a quote and its collateral that no signature covers and no check reads. */
static const struct {
    const char *what;
    bool (*has)(const struct set *s, enum part part, size_t at);
} unsigned_regions[] = {
    { "what stands behind the quote's signature data", is_padding },
    { "certification data of a quote whose collateral brings the chain", is_unread_chain },
    { "which white space divides the lines of PEM, and where", is_white_of_pem },
    { "the root's certificate but for its name and key", is_root },
};

static bool is_unsigned(const struct set *s, enum part part, size_t at)
{
    for (size_t i = 0; i < DS_LEN(unsigned_regions); i++)
        if (unsigned_regions[i].has(s, part, at))
            return true;
    return false;
}

/* The part as it stands is refused, or differs only where it may and proves the same: then true. */
static bool judge(struct set *s, enum part part)
{
    struct ds_claims c = { 0 };
    if (set_run(&c, s) != DS_OK)
        return false;
    if (!ds_span_eq(DS_SPAN(&c, sizeof c), DS_SPAN(&s->claims, sizeof c)))
        fail_msg("%s: other claims", part_names[part]);
    for (size_t i = 0; i < s->good[part].len; i++)
        if (s->parts[part].p[i] != s->good[part].p[i] && !is_unsigned(s, part, i))
            fail_msg("%s: byte %zu changed from %02x to %02x and nobody saw it", part_names[part],
                     i, (uint8_t)s->good[part].p[i], (uint8_t)s->parts[part].p[i]);
    return true;
}

static void change_each(struct set *s, enum part part, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++)
        for (unsigned change = 1; change <= UINT8_MAX; change++) {
            if (!is_tried(change, tries_all))
                continue;
            s->parts[part].p[at] = (char)(s->good[part].p[at] ^ (char)change);
            (void)judge(s, part);
            s->parts[part].p[at] = s->good[part].p[at];
        }
}

static void a_flipped_bit_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes); i++) {
        DS_AUTO(set_done) struct set s = set_new(&shapes[i], false);
        for (enum part part = 0; part < N_PARTS; part++)
            change_each(&s, part, 0, s.good[part].len);
    }
}

static void a_flipped_bit_is_seen_with_the_chain_beside(void **state)
{
    DS_AUTO(set_done) struct set s = set_new(&shapes[0], true);
    (void)state;
    change_each(&s, PCK_CHAIN, 0, s.good[PCK_CHAIN].len);
    change_each(&s, QUOTE, s.cert_data_at - 64, s.good[QUOTE].len);
}

/* Changes of more than a bit, where a text has the least to hold on to: a NUL went unseen once. */
static void no_other_byte_stands_for_the_end_of_a_line(void **state)
{
    DS_AUTO(set_done) struct set s = set_new(&shapes[0], false);
    static const enum part texts[] = { QUOTE, TCB_CHAIN, QE_CHAIN };
    (void)state;
    for (size_t i = 0; i < DS_LEN(texts); i++) {
        const struct ds_buf *good = &s.good[texts[i]];
        size_t from = texts[i] == QUOTE ? s.cert_data_at : 0, n = 0;
        for (size_t at = from + 1; at + 1 < good->len; at++) {
            bool is_beside_a_mark = good->p[at - 1] == '-' || good->p[at + 1] == '-';
            if (good->p[at] != '\n' || !is_beside_a_mark)
                continue;
            for (unsigned c = 0; c <= UINT8_MAX; c++) {
                s.parts[texts[i]].p[at] = (char)c;
                (void)judge(&s, texts[i]);
            }
            s.parts[texts[i]].p[at] = good->p[at];
            n++;
        }
        assert_true(n > 0);
    }
}

/* So rare that random changes come to it once in a hundred million. */
static void a_moved_end_of_a_line_is_white_space(void **state)
{
    DS_AUTO(set_done) struct set s = set_new(&shapes[0], false);
    struct ds_buf *b = &s.parts[TCB_CHAIN];
    size_t at = sizeof "-----BEGIN CERTIFICATE-----\n";
    (void)state;
    while (b->p[at] != '\n')
        at++;
    b->p[at] = b->p[at - 1];
    b->p[at - 1] = '\n';
    assert_true(judge(&s, TCB_CHAIN));
}

static bool change_bytes(struct set *s, uint64_t *r)
{
    enum part part = QUOTE;
    do
        part = (enum part)(next_random(r) % N_PARTS);
    while (s->good[part].len == 0);
    size_t len = s->good[part].len;
    for (size_t n = 1 + next_random(r) % RANDOM_LEN_MAX; n > 0; n--) {
        size_t at = next_random(r) % len;
        s->parts[part].p[at] = other_byte(s->good[part].p[at], r);
    }
    bool is_accepted = judge(s, part);
    memcpy(s->parts[part].p, s->good[part].p, len);
    return is_accepted;
}

static struct mutation_count change_many(const struct mutation_slice *slice)
{
    DS_AUTO(set_done) struct set s = set_new(&shapes[slice->format], false);
    struct mutation_count c = { 0 };
    uint64_t r = slice->seed;
    for (uint64_t i = 0; i < slice->n; i++)
        *(change_bytes(&s, &r) ? &c.n_accepted : &c.n_refused) += 1;
    return c;
}

static void changed_bytes_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(shapes); i++) {
        const struct mutation_slice s = { i, MUTATION_SEED + i, N_MUTATIONS };
        struct mutation_count c = change_many(&s);
        assert_int_equal(c.n_refused + c.n_accepted, N_MUTATIONS);
        assert_true(c.n_refused > c.n_accepted);
    }
}

static struct mutation_slice slice;

static void a_slice_of_changed_bytes_is_seen(void **state)
{
    (void)state;
    mutation_count_print(change_many(&slice));
}

static const char *shape_name(size_t i) { return i < DS_LEN(shapes) ? shapes[i].name : NULL; }

/* A cut or longer part is never taken for the whole; the quote alone may be padded. */
static void cut_and_longer_parts_are_seen(void **state)
{
    DS_AUTO(set_done) struct set s = set_new(&shapes[0], false);
    struct ds_claims c;
    (void)state;
    for (enum part part = 0; part < N_PARTS; part++) {
        struct ds_buf *b = &s.parts[part];
        size_t len = part == QUOTE ? s.padding_at : s.good[part].len;
        size_t last = part == TCB_CHAIN || part == QE_CHAIN ? 1 : 0; /* the newline at the end */
        for (size_t n = len > CUT_MAX ? len - CUT_MAX : 0; n + last < len; n++) {
            b->len = n;
            if (set_run(&c, &s) == DS_OK)
                fail_msg("%s: accepted without its last %zu bytes", part_names[part], len - n);
        }
        b->len = s.good[part].len;
        if (len == 0 || part == QUOTE)
            continue;
        ds_buf_char(b, 'x');
        if (set_run(&c, &s) == DS_OK)
            fail_msg("%s: accepted with a byte more", part_names[part]);
        b->len--;
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_bit_is_seen),
        cmocka_unit_test(a_flipped_bit_is_seen_with_the_chain_beside),
        cmocka_unit_test(no_other_byte_stands_for_the_end_of_a_line),
        cmocka_unit_test(a_moved_end_of_a_line_is_white_space),
        cmocka_unit_test(changed_bytes_are_seen),
        cmocka_unit_test(cut_and_longer_parts_are_seen),
    };
    const struct CMUnitTest one[] = { cmocka_unit_test(a_slice_of_changed_bytes_is_seen) };
    if (mutation_slice_of(&slice, shape_name, argc, argv))
        return cmocka_run_group_tests(one, NULL, NULL);
    tries_all = is_told_all(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

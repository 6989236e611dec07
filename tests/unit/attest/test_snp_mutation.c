/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is changed in an accepted SEV-SNP report or its certificates, the verifier says no,
 * or the change lies where nothing is signed and the claims are byte for byte the same. The table
 * of those regions is the whole list.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/claims_private.h"
#include "attest/snp/cert.h"
#include "mutation.h"
#include "synthetic_snp.h"

#define RANDOM_LEN_MAX 8
#define CUT_MAX        80 /* bytes that are taken off, one after another */
#define PADDING_LEN    24 /* behind the last content of a table */

static bool tries_all;

enum part { REPORT, LEAF, CA, ROOT, CRL, TABLE, N_PARTS };

static const char *const part_names[N_PARTS] = { "report", "leaf", "ca", "root", "crl", "table" };

/* An accepted set, its parts in memory that the test may write to. */
struct set {
    enum ds_snp_key key;
    struct ds_buf parts[N_PARTS], good[N_PARTS];
    struct ds_extra_anchor anchor;
    struct ds_snp_platform platform; /* of the certificates as they were */
    struct ds_claims claims;
    struct ds_x509 root; /* borrows good[ROOT] */
    size_t padding_at;   /* in the table */
};

static int set_certs(struct ds_snp_certs *certs, struct set *s)
{
    struct ds_arena no_mem = { 0 };
    if (s->parts[TABLE].len > 0)
        return ds_snp_certs_add(certs, &no_mem, ds_buf_span(&s->parts[TABLE]), NULL);
    for (int i = LEAF; i <= ROOT; i++)
        DS_TRY(ds_snp_certs_add(certs, &no_mem, ds_buf_span(&s->parts[i]), NULL));
    certs->der[DS_SNP_CRL] = ds_buf_span(&s->parts[CRL]);
    return DS_OK;
}

static int set_platform(struct ds_snp_platform *ret, struct set *s)
{
    const struct ds_anchors anchors = { &s->anchor, 1 };
    struct ds_snp_certs certs = { 0 };
    DS_TRY(set_certs(&certs, s));
    return ds_snp_platform_verify(ret, &certs, s->key, &anchors, SNP_NOW, 0, NULL);
}

static int set_run(struct ds_claims *ret, struct set *s, enum part changed)
{
    struct ds_snp_report report;
    struct ds_snp_platform p = s->platform;
    if (changed != REPORT)
        DS_TRY(set_platform(&p, s));
    DS_TRY(ds_snp_report_parse(&report, ds_buf_span(&s->parts[REPORT]), NULL));
    return ds_snp_report_verify(ret, &report, &p, SNP_NOW, NULL);
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
}

static void put_table(struct set *s, const struct snp_synth *synth, enum snp_cert leaf,
                      enum snp_cert ca)
{
    static const uint8_t padding[PADDING_LEN] = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
    const struct snp_table_entry entries[] = {
        { leaf == S_VLEK ? SNP_GUID_VLEK : SNP_GUID_VCEK, ds_buf_span(&synth->certs[leaf]) },
        { SNP_GUID_ASK, ds_buf_span(&synth->certs[ca]) },
        { SNP_GUID_ARK, ds_buf_span(&synth->certs[S_ARK]) },
        { SNP_GUID_CRL, ds_buf_span(&synth->crl) },
    };
    snp_synth_table(&table, entries, DS_LEN(entries));
    s->padding_at = table.len;
    ds_buf_add(&table, DS_SPAN_OF(padding));
    set_put(s, TABLE, ds_buf_span(&table));
}

static struct set set_new(enum ds_snp_product product, enum ds_snp_key key, bool is_table)
{
    DS_AUTO(snp_synth_done) struct snp_synth synth = snp_synth_good(product, key);
    enum snp_cert leaf = key == DS_SNP_KEY_VLEK ? S_VLEK : S_VCEK;
    enum snp_cert ca = key == DS_SNP_KEY_VLEK ? S_ASVK : S_ASK;
    struct set s = { .key = key };
    uint8_t report[DS_SNP_REPORT_LEN];
    snp_synth_make(&synth);
    snp_synth_report(report, &synth);
    s.anchor = snp_synth_anchor(&synth, S_ARK, true);
    set_put(&s, REPORT, DS_SPAN_OF(report));
    set_put(&s, ROOT, ds_buf_span(&synth.certs[S_ARK]));
    if (is_table)
        put_table(&s, &synth, leaf, ca);
    set_put(&s, LEAF, ds_buf_span(&synth.certs[leaf]));
    set_put(&s, CA, ds_buf_span(&synth.certs[ca]));
    set_put(&s, CRL, ds_buf_span(&synth.crl));
    assert_int_equal(ds_x509_parse(&s.root, ds_buf_span(&s.good[ROOT]), NULL), DS_OK);
    assert_int_equal(set_platform(&s.platform, &s), DS_OK);
    assert_int_equal(set_run(&s.claims, &s, REPORT), DS_OK);
    return s;
}

static bool is_in(struct ds_span part, struct ds_span whole, size_t at)
{
    size_t from = (size_t)(part.p - whole.p);
    return at >= from && at - from < part.len;
}

/* Of a root its name and key count (RFC 5280 6.1.1 (d)); the rest can only speak against it. */
static bool is_root_beside_name_and_key(const struct set *s, size_t at)
{
    struct ds_span good = ds_buf_span(&s->good[ROOT]);
    return !is_in(s->root.subject, good, at) && !is_in(s->root.spki, good, at);
}

static bool is_root(const struct set *s, enum part part, size_t at)
{
    return part == ROOT && is_root_beside_name_and_key(s, at);
}

/* The same inside a table: entry 2 of 4. */
static bool is_root_in_table(const struct set *s, enum part part, size_t at)
{
    struct ds_span table = ds_buf_span(&s->good[TABLE]);
    struct ds_span root = ds_buf_span(&s->good[ROOT]);
    if (part != TABLE)
        return false;
    const uint8_t *p = memmem(table.p, table.len, root.p, root.len);
    assert_non_null(p);
    size_t from = (size_t)(p - table.p);
    return at >= from && at - from < root.len && is_root_beside_name_and_key(s, at - from);
}

static bool is_padding(const struct set *s, enum part part, size_t at)
{
    return part == TABLE && at >= s->padding_at;
}

/* Everything in a report and its certificates that no signature covers and no check reads. */
static const struct {
    const char *what;
    bool (*has)(const struct set *s, enum part part, size_t at);
} unsigned_regions[] = {
    { "what a root's certificate says beside name and key", is_root },
    { "the same in a certificate table", is_root_in_table },
    { "what stands behind the contents of a certificate table", is_padding },
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
    if (set_run(&c, s, part) != DS_OK)
        return false;
    if (!ds_span_eq(DS_SPAN(&c, sizeof c), DS_SPAN(&s->claims, sizeof c)))
        fail_msg("%s: other claims", part_names[part]);
    for (size_t i = 0; i < s->good[part].len; i++)
        if (s->parts[part].p[i] != s->good[part].p[i] && !is_unsigned(s, part, i))
            fail_msg("%s: byte %zu changed from %02x to %02x and nobody saw it", part_names[part],
                     i, (uint8_t)s->good[part].p[i], (uint8_t)s->parts[part].p[i]);
    return true;
}

static bool is_used(const struct set *s, enum part part)
{
    if (s->parts[TABLE].len > 0)
        return part == REPORT || part == TABLE;
    return part != TABLE;
}

static void change_each(struct set *s, enum part part)
{
    for (size_t at = 0; at < s->good[part].len; at++)
        for (unsigned change = 1; change <= UINT8_MAX; change++) {
            if (!is_tried(change, tries_all))
                continue;
            s->parts[part].p[at] = (char)(s->good[part].p[at] ^ (char)change);
            (void)judge(s, part);
            s->parts[part].p[at] = s->good[part].p[at];
        }
}

static const struct {
    const char *name;
    enum ds_snp_product product;
    enum ds_snp_key key;
    bool is_table;
} sets[] = {
    { "snp-vcek", DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK, false },
    { "snp-vlek", DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VLEK, false },
    { "snp-vlek-table", DS_SNP_PRODUCT_GENOA, DS_SNP_KEY_VLEK, true },
    { "snp-vcek-table", DS_SNP_PRODUCT_TURIN, DS_SNP_KEY_VCEK, true },
};

static void a_flipped_bit_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(sets); i++) {
        DS_AUTO(set_done)
        struct set s = set_new(sets[i].product, sets[i].key, sets[i].is_table);
        for (int part = 0; part < N_PARTS; part++)
            if (is_used(&s, (enum part)part))
                change_each(&s, (enum part)part);
    }
}

/* A run of other bytes at some place of some part. */
static bool change_bytes(struct set *s, uint64_t *x)
{
    enum part part = REPORT;
    do
        part = (enum part)(next_random(x) % N_PARTS);
    while (!is_used(s, part));
    size_t len = s->good[part].len, run = 1 + next_random(x) % RANDOM_LEN_MAX;
    size_t at = next_random(x) % len;
    for (size_t k = at; k < at + run && k < len; k++)
        s->parts[part].p[k] = other_byte(s->good[part].p[k], x);
    bool is_accepted = judge(s, part);
    memcpy(s->parts[part].p, s->good[part].p, len);
    return is_accepted;
}

static struct mutation_count change_many(const struct mutation_slice *slice)
{
    size_t i = slice->format;
    DS_AUTO(set_done) struct set s = set_new(sets[i].product, sets[i].key, sets[i].is_table);
    struct mutation_count c = { 0 };
    uint64_t x = slice->seed;
    for (uint64_t k = 0; k < slice->n; k++)
        *(change_bytes(&s, &x) ? &c.n_accepted : &c.n_refused) += 1;
    return c;
}

static void random_bytes_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(sets); i++) {
        const struct mutation_slice s = { i, MUTATION_SEED + i, N_MUTATIONS };
        struct mutation_count c = change_many(&s);
        assert_int_equal(c.n_refused + c.n_accepted, N_MUTATIONS);
        assert_true(c.n_refused > c.n_accepted);
    }
}

static struct mutation_slice slice;

static void a_slice_of_random_bytes_is_seen(void **state)
{
    (void)state;
    mutation_count_print(change_many(&slice));
}

static const char *set_name(size_t i) { return i < DS_LEN(sets) ? sets[i].name : NULL; }

/* One byte after another taken off, and one put behind. */
static void other_lengths_are_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(sets); i++) {
        DS_AUTO(set_done)
        struct set s = set_new(sets[i].product, sets[i].key, sets[i].is_table);
        for (int part = 0; part < N_PARTS; part++) {
            size_t len = s.parts[part].len;
            if (!is_used(&s, (enum part)part))
                continue;
            for (size_t n = 1; n <= CUT_MAX; n++) {
                struct ds_claims c = { 0 };
                s.parts[part].len = len - n;
                bool is_left = part == TABLE && n <= PADDING_LEN;
                assert_int_equal(set_run(&c, &s, (enum part)part) == DS_OK, is_left);
            }
            s.parts[part].len = len;
            if (part == TABLE)
                continue;
            struct ds_claims c = { 0 };
            ds_buf_char(&s.parts[part], '\0');
            assert_int_not_equal(set_run(&c, &s, (enum part)part), DS_OK);
            s.parts[part].len = len;
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_bit_is_seen),
        cmocka_unit_test(random_bytes_are_seen),
        cmocka_unit_test(other_lengths_are_seen),
    };
    const struct CMUnitTest one[] = { cmocka_unit_test(a_slice_of_random_bytes_is_seen) };
    if (mutation_slice_of(&slice, set_name, argc, argv))
        return cmocka_run_group_tests(one, NULL, NULL);
    tries_all = is_told_all(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms in which certificates come beside an SEV-SNP report: DER, PEM, certificate
 * tables, dstack's wrapper; each told by its name, and every bound of a table.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attest/snp/evidence.h"
#include "crypto/cert.h"
#include "synthetic_snp.h"

#define GUID_UNKNOWN "00112233445566778899aabbccddeeff"

static max_align_t room[4 * DS_SNP_CERTS_MEM / sizeof(max_align_t)];

/* Made once: its certificates serve every case. */
static struct snp_synth synth;

static struct ds_span der(enum snp_cert which) { return ds_buf_span(&synth.certs[which]); }

static int setup(void **state)
{
    (void)state;
    synth = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
    snp_synth_make(&synth);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    snp_synth_done(&synth);
    return 0;
}

static int add(struct ds_snp_certs *certs, struct ds_span item, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    return ds_snp_certs_add(certs, &mem, item, e);
}

static const enum snp_cert of_slot[] = { S_VCEK, S_VLEK, S_ASK, S_ASVK, S_ARK };

static void each_goes_to_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(of_slot); i++) {
        struct ds_snp_certs certs = { 0 };
        assert_int_equal(add(&certs, der(of_slot[i]), NULL), DS_OK);
        assert_int_equal(add(&certs, der(of_slot[i]), NULL), DS_OK); /* again */
        for (size_t k = 0; k < DS_SNP_N_SLOTS; k++)
            assert_int_equal(certs.der[k].len, k == i ? der(of_slot[i]).len : 0);
    }
}

/* A list and a certificate begin alike: both in DER, and no name says which it is. */
static void a_revocation_list_is_told_from_a_certificate(void **state)
{
    struct ds_snp_certs certs = { 0 };
    struct ds_error e = { 0 };
    struct ds_span crl = ds_buf_span(&synth.crl);
    DS_AUTO(ds_buf_done) struct ds_buf other = { 0 };
    (void)state;
    ds_buf_add(&other, crl);
    other.p[other.len - 1] ^= 1;
    assert_int_equal(add(&certs, crl, NULL), DS_OK);
    assert_int_equal(add(&certs, der(S_ARK), NULL), DS_OK);
    for (size_t k = 0; k < DS_SNP_N_SLOTS; k++)
        assert_int_equal(certs.der[k].len, k == DS_SNP_CRL   ? crl.len
                                           : k == DS_SNP_ARK ? der(S_ARK).len
                                                             : 0);
    assert_int_equal(add(&certs, ds_span_sub(crl, 0, crl.len - 1), &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_X509_FORMAT);
    assert_int_equal(add(&certs, ds_buf_span(&other), &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SNP_CERTS);
    assert_string_equal(e.detail.claim, "CRL");
    assert_true(ds_span_eq(certs.der[DS_SNP_CRL], crl));
}

static void two_of_a_kind_are_refused(void **state)
{
    struct ds_snp_certs certs = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(add(&certs, der(S_ARK), NULL), DS_OK);
    assert_int_equal(add(&certs, der(S_OTHER_ARK), &e), DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_SNP_CERTS);
    assert_string_equal(e.detail.claim, "ARK");
    assert_true(ds_span_eq(certs.der[DS_SNP_ARK], der(S_ARK)));
}

static void pem_is_read(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    struct ds_snp_certs certs = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    (void)state;
    for (size_t i = 0; i < DS_LEN(of_slot); i++)
        ds_pem_add(&pem, "CERTIFICATE", der(of_slot[i]));
    assert_int_equal(ds_snp_certs_add(&certs, &mem, ds_buf_span(&pem), NULL), DS_OK);
    for (size_t i = 0; i < DS_LEN(of_slot); i++)
        assert_true(ds_span_eq(certs.der[i], der(of_slot[i])));
}

/* A failure in the middle leaves what was there, and nothing of what was added. */
static void broken_items_add_nothing(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf other = { 0 };
    struct ds_snp_certs certs = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    ds_pem_add(&pem, "CERTIFICATE", der(S_VCEK));
    ds_buf_str(&pem, "-----BEGIN CERTIFICATE-----\n!\n");
    ds_pem_add(&other, "PRIVATE KEY", der(S_VCEK));
    const struct {
        struct ds_span item;
        int cls;
        enum ds_code code;
    } cases[] = {
        { ds_buf_span(&pem), DS_ERR_FORMAT, DS_CODE_X509_FORMAT },
        { ds_buf_span(&other), DS_ERR_FORMAT, DS_CODE_X509_FORMAT },
        { ds_span_sub(der(S_VCEK), 0, der(S_VCEK).len - 1), DS_ERR_FORMAT, DS_CODE_X509_FORMAT },
        { ds_span_sub(der(S_VCEK), 0, 1), DS_ERR_FORMAT, DS_CODE_X509_FORMAT },
        { { 0 }, DS_ERR_FORMAT, DS_CODE_SNP_CERT_TABLE },
    };
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        assert_int_equal(add(&certs, cases[i].item, &e), cases[i].cls);
        assert_int_equal(e.code, cases[i].code);
        assert_true(e.detail.claim[0] != '\0' && e.detail.anchor[0] != '\0');
        for (size_t k = 0; k < DS_SNP_N_SLOTS; k++)
            assert_int_equal(certs.der[k].len, 0);
    }
}

static void foreign_names_are_refused(void **state)
{
    static const char *const cns[] = { "SEV-",      "ARK-",           "ARK",     "SEV",
                                       "SEV-VCEK ", "Intel SGX Root", "sev-VCEK" };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cns); i++) {
        DS_AUTO(snp_synth_done)
        struct snp_synth s = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
        struct ds_snp_certs certs = { 0 };
        struct ds_error e = { 0 };
        s.plans[S_VCEK].cn = cns[i];
        snp_synth_make(&s);
        int r = add(&certs, ds_buf_span(&s.certs[S_VCEK]), &e);
        /* With a product's name behind it any text is an ASK's name; verification refuses it. */
        bool is_ask = strcmp(cns[i], "SEV-VCEK ") == 0;
        assert_int_equal(r, is_ask ? DS_OK : DS_ERR_UNTRUSTED);
        assert_int_equal(e.code, is_ask ? DS_CODE_NONE : DS_CODE_SNP_CERTS);
        assert_int_equal(certs.der[DS_SNP_VCEK].len, 0);
    }
}

static void tables_are_read(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    struct ds_snp_certs certs = { 0 };
    (void)state;
    ds_pem_add(&pem, "CERTIFICATE", der(S_VLEK));
    const struct snp_table_entry entries[] = {
        { SNP_GUID_ARK, der(S_ARK) },
        { SNP_GUID_ASK, der(S_ASK) },
        { SNP_GUID_ASK, der(S_ASVK) },
        { SNP_GUID_VCEK, der(S_VCEK) },
        { GUID_UNKNOWN, DS_SPAN_LIT("the host's own") },
        { SNP_GUID_VLEK, ds_buf_span(&pem) },
        { SNP_GUID_CRL, ds_buf_span(&synth.crl) },
    };
    snp_synth_table(&table, entries, DS_LEN(entries));
    for (size_t i = 0; i < 100; i++)
        ds_buf_char(&table, '\0'); /* of the page */
    assert_int_equal(add(&certs, ds_buf_span(&table), NULL), DS_OK);
    for (size_t i = 0; i < DS_LEN(of_slot); i++)
        assert_true(ds_span_eq(certs.der[i], der(of_slot[i])));
    assert_true(ds_span_eq(certs.der[DS_SNP_CRL], ds_buf_span(&synth.crl)));
    const struct ds_extra_anchor extra = snp_synth_anchor(&synth, S_ARK, true);
    const struct ds_anchors anchors = { &extra, 1 };
    struct ds_snp_platform p;
    assert_int_equal(ds_snp_platform_verify(&p, &certs, DS_SNP_KEY_VLEK, &anchors, SNP_NOW, 0,
                                            NULL),
                     DS_OK);
}

/* An entry names what stands behind it. */
static void entries_hold_what_they_name(void **state)
{
    static const char *const guids[] = { SNP_GUID_VCEK, SNP_GUID_VLEK, SNP_GUID_ASK, SNP_GUID_ASK,
                                         SNP_GUID_ARK };
    (void)state;
    for (size_t g = 0; g < DS_LEN(guids); g++)
        for (size_t i = 0; i < DS_LEN(of_slot); i++) {
            DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
            const struct snp_table_entry entry = { guids[g], der(of_slot[i]) };
            struct ds_snp_certs certs = { 0 };
            struct ds_error e = { 0 };
            snp_synth_table(&table, &entry, 1);
            int r = add(&certs, ds_buf_span(&table), &e);
            bool fits = strcmp(guids[g], guids[i]) == 0;
            assert_int_equal(r, fits ? DS_OK : DS_ERR_UNTRUSTED);
            assert_int_equal(e.code, fits ? DS_CODE_NONE : DS_CODE_SNP_CERTS);
        }
}

static void put_u32(struct ds_buf *b, size_t at, uint32_t v)
{
    for (size_t i = 0; i < 4; i++)
        b->p[at + i] = (char)(v >> (8 * i));
}

#define ENTRIES_END 72 /* of two entries and the zeros */

/* Offset and length of the second of two entries: its own bounds, and the first one's. */
static void entries_stay_in_bounds(void **state)
{
    const uint32_t n = 100;
    const struct {
        const char *name;
        uint32_t at, len;
        bool is_good;
    } cases[] = {
        { "as made", ENTRIES_END + n, n, true },
        { "to the last byte but one", ENTRIES_END + n, n - 1, true },
        { "one over the end", ENTRIES_END + n, n + 1, false },
        { "one later and as long", ENTRIES_END + n + 1, n, false },
        { "one later and one shorter", ENTRIES_END + n + 1, n - 1, true },
        { "behind the end", ENTRIES_END + 2 * n, 1, false },
        { "empty", ENTRIES_END + n, 0, false },
        { "one byte of the first", ENTRIES_END + n - 1, n, false },
        { "all of the first", ENTRIES_END, n, false },
        { "within the first", ENTRIES_END + 1, 1, false },
        { "around the first", ENTRIES_END, 2 * n, false },
        { "one into the entries", ENTRIES_END - 1, 1, false },
        { "the entries", 0, 24, false },
        { "a sum over 32 bits", ENTRIES_END + n, UINT32_MAX, false },
        { "an offset over all", UINT32_MAX, UINT32_MAX, false },
        { "a sum that comes round", UINT32_MAX, ENTRIES_END + n + 1, false },
    };
    uint8_t content[100] = { 0 };
    (void)state;
    for (size_t i = 0; i < DS_LEN(cases); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
        const struct snp_table_entry entries[] = { { GUID_UNKNOWN, DS_SPAN_OF(content) },
                                                   { GUID_UNKNOWN, DS_SPAN_OF(content) } };
        struct ds_snp_certs certs = { 0 };
        struct ds_error e = { 0 };
        snp_synth_table(&table, entries, 2);
        put_u32(&table, 24 + 16, cases[i].at);
        put_u32(&table, 24 + 20, cases[i].len);
        int r = add(&certs, ds_buf_span(&table), &e);
        if (r != (cases[i].is_good ? DS_OK : DS_ERR_FORMAT) ||
            e.code != (cases[i].is_good ? DS_CODE_NONE : DS_CODE_SNP_CERT_TABLE))
            fail_msg("%s: %d, %s", cases[i].name, r, e.msg);
    }
}

static void tables_have_few_entries(void **state)
{
    (void)state;
    for (size_t n = 0; n <= DS_SNP_TABLE_ENTRIES_MAX + 1; n++) {
        DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
        struct snp_table_entry entries[DS_SNP_TABLE_ENTRIES_MAX + 1];
        struct ds_snp_certs certs = { 0 };
        struct ds_error e = { 0 };
        for (size_t i = 0; i < n; i++)
            entries[i] = (struct snp_table_entry){ GUID_UNKNOWN, DS_SPAN_LIT("x") };
        snp_synth_table(&table, entries, n);
        bool is_good = n <= DS_SNP_TABLE_ENTRIES_MAX;
        assert_int_equal(add(&certs, ds_buf_span(&table), &e), is_good ? DS_OK : DS_ERR_FORMAT);
        for (size_t len = 0; len < table.len; len++)
            assert_int_equal(add(&certs, DS_SPAN(table.p, len), NULL),
                             is_good && n == 0 && len >= 24 ? DS_OK : DS_ERR_FORMAT);
    }
}

static void tables_have_a_greatest_length(void **state)
{
    static uint8_t zeros[DS_SNP_TABLE_MAX + 1];
    struct ds_snp_certs certs = { 0 };
    struct ds_error e = { 0 };
    (void)state;
    assert_int_equal(add(&certs, DS_SPAN(zeros, DS_SNP_TABLE_MAX - 1), NULL), DS_OK);
    assert_int_equal(add(&certs, DS_SPAN(zeros, DS_SNP_TABLE_MAX), NULL), DS_OK);
    assert_int_equal(add(&certs, DS_SPAN_OF(zeros), &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_SNP_CERT_TABLE);
}

static void small_arenas_are_told(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    struct ds_snp_certs certs = { 0 };
    struct ds_arena mem = ds_arena_of(room, 64);
    (void)state;
    ds_pem_add(&pem, "CERTIFICATE", der(S_VCEK));
    assert_int_equal(ds_snp_certs_add(&certs, &mem, ds_buf_span(&pem), NULL), DS_ERR_NOMEM);
}

static void attestations_are_taken_apart(void **state)
{
    DS_AUTO(ds_buf_done) struct ds_buf ask = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf table = { 0 };
    uint8_t report[DS_SNP_REPORT_LEN];
    struct ds_snp_evidence ev;
    struct ds_error e = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    (void)state;
    snp_synth_report(report, &synth);
    ds_pem_add(&ask, "CERTIFICATE", der(S_ASK));
    struct ds_attestation a = { .platform = DS_ATTESTATION_SEV_SNP, .quote = DS_SPAN_OF(report) };
    assert_int_equal(ds_snp_evidence_of(&ev, &mem, &a, &e), DS_OK);
    assert_int_equal(ev.certs.der[DS_SNP_VCEK].len, 0);
    a.certs[0] = ds_buf_span(&ask);
    a.certs[1] = der(S_VCEK);
    a.n_certs = 2;
    assert_int_equal(ds_snp_evidence_of(&ev, &mem, &a, &e), DS_OK);
    assert_true(ds_span_eq(ev.certs.der[DS_SNP_ASK], der(S_ASK)));
    assert_true(ds_span_eq(ev.certs.der[DS_SNP_VCEK], der(S_VCEK)));
    assert_int_equal(ev.report.version, 3);

    const struct snp_table_entry entries[] = { { SNP_GUID_VCEK, der(S_VCEK) },
                                               { SNP_GUID_ASK, der(S_ASK) } };
    snp_synth_table(&table, entries, 2);
    a.certs[0] = ds_buf_span(&table);
    a.n_certs = 1;
    assert_int_equal(ds_snp_evidence_of(&ev, &mem, &a, &e), DS_OK);
    assert_true(ds_span_eq(ev.certs.der[DS_SNP_ASK], der(S_ASK)));

    a.quote.len--;
    assert_int_equal(ds_snp_evidence_of(&ev, &mem, &a, &e), DS_ERR_TRUNCATED);
    a.quote.len++;
    a.certs[0] = der(S_ARK);
    a.certs[1] = der(S_OTHER_ARK);
    a.n_certs = 2;
    assert_int_equal(ds_snp_evidence_of(&ev, &mem, &a, &e), DS_ERR_UNTRUSTED);
    a.platform = DS_ATTESTATION_TDX;
    assert_int_equal(ds_snp_evidence_of(&ev, &mem, &a, &e), DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_SNP_NOT_SNP);
    assert_string_equal(e.detail.got, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_goes_to_its_place),
        cmocka_unit_test(a_revocation_list_is_told_from_a_certificate),
        cmocka_unit_test(two_of_a_kind_are_refused),
        cmocka_unit_test(pem_is_read),
        cmocka_unit_test(broken_items_add_nothing),
        cmocka_unit_test(foreign_names_are_refused),
        cmocka_unit_test(tables_are_read),
        cmocka_unit_test(entries_hold_what_they_name),
        cmocka_unit_test(entries_stay_in_bounds),
        cmocka_unit_test(tables_have_few_entries),
        cmocka_unit_test(tables_have_a_greatest_length),
        cmocka_unit_test(small_arenas_are_told),
        cmocka_unit_test(attestations_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of AMD's service for a report, which certificate fits it, and
 * the pause between two questions. Recorded reports and certificates where they
 * are; a VCEK made here otherwise.
 */
#include "collateral/kds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "codec/json.h"
#include "crypto/cert.h"

struct plan {
    uint32_t version, key_info;
    uint8_t family, model;
    uint8_t tcb8[8];
    bool is_masked;
};

static const struct plan milan = { .version = 3,
                                   .family = 0x19,
                                   .model = 1,
                                   .tcb8 = { 3, 0, 0, 0, 0, 0, 8, 115 } };

static void report_make(uint8_t ret[static KDS_REPORT_LEN], const struct plan *p)
{
    memset(ret, 0, KDS_REPORT_LEN);
    ret[0] = (uint8_t)p->version;
    ret[0x48] = (uint8_t)p->key_info;
    memcpy(ret + 0x180, p->tcb8, 8);
    ret[0x188] = p->family;
    ret[0x189] = p->model;
    for (size_t i = 0; i < 64 && !p->is_masked; i++)
        ret[0x1a0 + i] = (uint8_t)(i + 1);
}

static void test_reports(void **unused)
{
    static const struct {
        const char *name;
        struct plan plan;
        const char *product; /* that is named */
        int r;
        const char *got;
    } rows[] = {
        { "Milan", { 3, 0, 0x19, 0x0f }, NULL, DS_OK, "Milan" },
        { "Genoa", { 3, 0, 0x19, 0x10 }, NULL, DS_OK, "Genoa" },
        { "Genoa, last of the first range", { 5, 0, 0x19, 0x1f }, NULL, DS_OK, "Genoa" },
        { "Bergamo", { 3, 0, 0x19, 0xa0 }, NULL, DS_OK, "Genoa" },
        { "Bergamo, last", { 3, 0, 0x19, 0xaf }, NULL, DS_OK, "Genoa" },
        { "Turin", { 3, 0, 0x1a, 0x11 }, NULL, DS_OK, "Turin" },
        { "version 2 with the product named", { 2, 0, 0, 0 }, "Genoa", DS_OK, "Genoa" },
        { "the named product goes first", { 3, 0, 0x19, 1 }, "Genoa", DS_OK, "Genoa" },
        { "a VLEK, of a masked chip", { 3, 4, 0x19, 1, .is_masked = true }, NULL, DS_OK, "Milan" },
        { "version 2 alone", { 2, 0, 0, 0 }, NULL, DS_ERR_UNSUPPORTED, NULL },
        { "between the products", { 3, 0, 0x19, 0x20 }, NULL, DS_ERR_UNSUPPORTED, NULL },
        { "beyond Genoa", { 3, 0, 0x19, 0xb0 }, NULL, DS_ERR_UNSUPPORTED, NULL },
        { "beyond Turin", { 3, 0, 0x1a, 0x12 }, NULL, DS_ERR_UNSUPPORTED, NULL },
        { "another family", { 3, 0, 0x17, 1 }, NULL, DS_ERR_UNSUPPORTED, NULL },
        { "a product of a long name", { 3, 0, 0x19, 1 }, "Millennium", DS_ERR_UNSUPPORTED, NULL },
        { "a masked chip", { 3, 0, 0x19, 1, .is_masked = true }, NULL, DS_ERR_UNSUPPORTED, NULL },
        { "no signature", { 3, 7 << 2, 0x19, 1 }, NULL, DS_ERR_UNSUPPORTED, NULL },
        { "version 1", { 1, 0, 0x19, 1 }, NULL, DS_ERR_FORMAT, NULL },
        { "version 0", { 0, 0, 0x19, 1 }, NULL, DS_ERR_FORMAT, NULL },
    };
    uint8_t report[KDS_REPORT_LEN + 1];
    struct kds_ask ask;
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        report_make(report, &rows[i].plan);
        int r = kds_ask_of_report(&ask, DS_SPAN(report, KDS_REPORT_LEN), rows[i].product, &e);
        if (r != rows[i].r || (r < 0 && e.code != DS_CODE_COLLATERAL_QUOTE))
            fail_msg("%s: %s", rows[i].name, e.msg);
        if (r == DS_OK)
            assert_string_equal(ask.product, rows[i].got);
    }
    report_make(report, &milan);
    for (size_t n = 0; n <= sizeof report; n++)
        if (n != KDS_REPORT_LEN)
            assert_int_equal(kds_ask_of_report(&ask, DS_SPAN(report, n), NULL, NULL),
                             DS_ERR_FORMAT);
}

#define CHIP8 "0102030405060708"
#define CHIP64                                                         \
    CHIP8 "090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425" \
          "262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40"

static void test_urls(void **unused)
{
    static const struct plan genoa = {
        3, 0, 0x19, 0x11, { 7, 1, 0xff, 0xff, 0xff, 0xff, 22, 213 }
    };
    static const struct plan turin = { 5, 0, 0x1a, 2, { 1, 2, 3, 4, 0xff, 0xff, 0xff, 5 } };
    static const struct plan vlek = { 3, 4, 0x19, 1, { 3, 0, 0, 0, 0, 0, 8, 115 }, true };
    static const struct {
        const struct plan *plan;
        enum kds_doc doc;
        const char *base, *url;
    } rows[] = {
        { &milan, KDS_LEAF, NULL,
          "https://kdsintf.amd.com/vcek/v1/Milan/" CHIP64
          "?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115" },
        { &genoa, KDS_LEAF, "http://cache/",
          "http://cache/vcek/v1/Genoa/" CHIP64 "?blSPL=07&teeSPL=01&snpSPL=22&ucodeSPL=213" },
        { &turin, KDS_LEAF, NULL,
          "https://kdsintf.amd.com/vcek/v1/Turin/" CHIP8
          "?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=05" },
        { &milan, KDS_CHAIN, NULL, "https://kdsintf.amd.com/vcek/v1/Milan/cert_chain" },
        { &turin, KDS_CRL, NULL, "https://kdsintf.amd.com/vcek/v1/Turin/crl" },
        { &vlek, KDS_CHAIN, NULL, "https://kdsintf.amd.com/vlek/v1/Milan/cert_chain" },
        { &vlek, KDS_CRL, "http://cache", "http://cache/vlek/v1/Milan/crl" },
    };
    uint8_t report[KDS_REPORT_LEN];
    char url[KDS_URL_MAX], too_long[KDS_URL_MAX + 1];
    struct kds_ask ask;
    struct ds_error e = { 0 };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        report_make(report, rows[i].plan);
        assert_int_equal(kds_ask_of_report(&ask, DS_SPAN_OF(report), NULL, &e), DS_OK);
        assert_int_equal(kds_url(url, &ask, rows[i].doc, rows[i].base, &e), DS_OK);
        assert_string_equal(url, rows[i].url);
    }
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    for (enum kds_doc doc = KDS_LEAF; doc < KDS_N_DOCS; doc++)
        assert_int_equal(kds_url(url, &ask, doc, too_long, &e), DS_ERR_RANGE);
    assert_int_equal(e.code, DS_CODE_NET_BAD_TARGET);
}

/* A certificate with AMD's extensions; which key signed it does not matter here. */
struct leaf {
    uint8_t spl[4][4]; /* INTEGERs: 1 to 3, 8 */
    uint8_t spl_len[4];
    uint8_t chip[66];
    size_t chip_len;
    bool has_chip;
};

static struct leaf leaf_good(void)
{
    struct leaf l = { .spl = { { 2, 1, 3 }, { 2, 1, 0 }, { 2, 1, 8 }, { 2, 1, 115 } },
                      .spl_len = { 3, 3, 3, 3 },
                      .chip_len = 64,
                      .has_chip = true };
    for (size_t i = 0; i < 64; i++)
        l.chip[i] = (uint8_t)(i + 1);
    return l;
}

static void leaf_make(struct ds_buf *ret, const struct leaf *l)
{
    static const char *const oids[] = { "1.3.6.1.4.1.3704.1.3.1", "1.3.6.1.4.1.3704.1.3.2",
                                        "1.3.6.1.4.1.3704.1.3.3", "1.3.6.1.4.1.3704.1.3.8" };
    uint8_t spki[DS_P256_SPKI_LEN];
    struct ds_cert_ext exts[5];
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    assert_int_equal(ds_p256_key_new(&key, NULL), DS_OK);
    ds_p256_key_spki(spki, key);
    for (size_t i = 0; i < 4; i++)
        exts[i] = (struct ds_cert_ext){ oids[i], false, DS_SPAN(l->spl[i], l->spl_len[i]) };
    exts[4] = (struct ds_cert_ext){ "1.3.6.1.4.1.3704.1.4", false, DS_SPAN(l->chip, l->chip_len) };
    const struct ds_cert_spec spec = { .subject = { .cn = "SEV-VCEK" },
                                       .spki = DS_SPAN_OF(spki),
                                       .not_before_s = 1700000000,
                                       .not_after_s = 1900000000,
                                       .exts = exts,
                                       .n_exts = l->has_chip ? 5 : 4 };
    assert_int_equal(ds_cert_make(ret, &spec, (struct ds_span){ 0 }, key, NULL), DS_OK);
}

static bool fits(const struct kds_ask *ask, const struct leaf *l)
{
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    leaf_make(&der, l);
    return kds_leaf_fits(ask, ds_buf_span(&der));
}

static void test_leaf(void **unused)
{
    uint8_t report[KDS_REPORT_LEN];
    struct kds_ask ask;
    (void)unused;
    report_make(report, &milan);
    assert_int_equal(kds_ask_of_report(&ask, DS_SPAN_OF(report), NULL, NULL), DS_OK);
    struct leaf l = leaf_good();
    assert_true(fits(&ask, &l));
    for (size_t i = 0; i < 4; i++) {
        l.spl[i][2]++;
        assert_false(fits(&ask, &l));
        l = leaf_good();
        l.spl[i][0] = 4; /* an OCTET STRING */
        assert_false(fits(&ask, &l));
        l = leaf_good();
    }
    for (size_t i = 0; i < 64; i++) {
        l.chip[i] ^= 0x80;
        assert_false(fits(&ask, &l));
        l.chip[i] ^= 0x80;
    }
    l.chip_len = 63;
    assert_false(fits(&ask, &l));
    l.chip_len = 65;
    assert_false(fits(&ask, &l));
    l.has_chip = false;
    assert_false(fits(&ask, &l));
    ask.is_vlek = true; /* of no chip */
    assert_true(fits(&ask, &l));
    /* Wrapped once more, as some certificates have it. */
    l = leaf_good();
    memmove(l.chip + 2, l.chip, 64);
    l.chip[0] = 4;
    l.chip[1] = 64;
    l.chip_len = 66;
    ask.is_vlek = false;
    assert_true(fits(&ask, &l));
    assert_false(kds_leaf_fits(&ask, DS_SPAN_LIT("\x30")));
}

static void test_bad_replies(void **unused)
{
    static const struct {
        const char *name;
        enum kds_doc doc;
        const char *body;
    } rows[] = {
        { "no certificate", KDS_LEAF, "" },
        { "a page", KDS_LEAF, "<html>" },
        { "no chain", KDS_CHAIN, "" },
        { "a chain of text", KDS_CHAIN, "hello" },
        { "a chain of one", KDS_CHAIN,
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
        { "two, and text behind them", KDS_CHAIN,
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\nhello" },
        { "no list", KDS_CRL, "" },
        { "other bytes for a list", KDS_CRL, "3000" },
    };
    uint8_t report[KDS_REPORT_LEN];
    struct kds_ask ask;
    static max_align_t room[KDS_SET_MEM / sizeof(max_align_t)];
    static const char chain[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    (void)unused;
    report_make(report, &milan);
    assert_int_equal(kds_ask_of_report(&ask, DS_SPAN_OF(report), NULL, NULL), DS_OK);
    const struct leaf good = leaf_good();
    leaf_make(&der, &good);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_span bodies[KDS_N_DOCS] = { ds_buf_span(&der), DS_SPAN_LIT(chain) };
        struct ds_arena mem = ds_arena_of(room, sizeof room);
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
        bodies[rows[i].doc] = ds_span_str(rows[i].body);
        assert_int_equal(kds_set_make(&set, &mem, &ask, bodies, &e), DS_ERR_PEER);
        if (e.code != DS_CODE_COLLATERAL_REPLY ||
            strcmp(e.detail.claim, kds_doc_text(rows[i].doc)) != 0)
            fail_msg("%s: %s", rows[i].name, e.msg);
    }
}

static void test_gate(void **unused)
{
    static const struct {
        int64_t next_ms, now_ms, wait_ms;
    } rows[] = {
        { 0, 5000, 0 },         { 4999, 5000, 0 },          { 5000, 5000, 0 },
        { 5001, 5000, 1 },      { 3605000, 5000, 3600000 }, { 3605001, 5000, 0 },
        { INT64_MAX, 5000, 0 },
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        assert_int_equal(kds_gate_wait_ms(rows[i].next_ms, rows[i].now_ms), rows[i].wait_ms);
}

/* Recorded reports with the certificate that belongs to each. */
static void test_recorded(void **unused)
{
    static const struct {
        const char *report, *leaf, *product;
    } rows[] = {
        { "snp/gosev_milan_report.bin", "snp/gosev_milan_vcek.der", "Milan" },
        { "snp/trustee_vcek_report.bin", "snp/trustee_vcek.der", "Milan" },
        { "snp/attestationrs_genoa_v5_report.bin", "snp/attestationrs_genoa_vcek.der", NULL },
        { "snp/trustee_vlek_report.bin", "snp/trustee_vlek.der", NULL },
    };
    const char *dir = secure_getenv("DSTACK_VECTORS");
    (void)unused;
    if (dir == NULL || !ds_file_exists(dir))
        skip();
    for (size_t i = 0; i < DS_LEN(rows); i++)
        for (size_t k = 0; k < DS_LEN(rows); k++) {
            struct kds_ask ask;
            DS_AUTO(ds_buf_done) struct ds_buf report = { 0 };
            DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
            DS_AUTO(ds_auto_free) char *at = ds_str_fmt("%s/%s", dir, rows[i].report);
            DS_AUTO(ds_auto_free) char *of = ds_str_fmt("%s/%s", dir, rows[k].leaf);
            assert_int_equal(ds_file_load(&report, at, 1 << 16, NULL), DS_OK);
            assert_int_equal(ds_file_load(&leaf, of, 1 << 16, NULL), DS_OK);
            assert_int_equal(kds_ask_of_report(&ask, ds_buf_span(&report), rows[i].product, NULL),
                             DS_OK);
            if (kds_leaf_fits(&ask, ds_buf_span(&leaf)) != (i == k))
                fail_msg("%s and %s", rows[i].report, rows[k].leaf);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports), cmocka_unit_test(test_urls),
        cmocka_unit_test(test_leaf),    cmocka_unit_test(test_bad_replies),
        cmocka_unit_test(test_gate),    cmocka_unit_test(test_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

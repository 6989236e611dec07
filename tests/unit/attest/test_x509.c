/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading certificates and revocation lists: exact, one short, one long, and
 * every byte changed. The rules of chains are tested through test_dcap.c.
 */

#include "attest/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hex.h"
#include "codec/der.h"
#include "crypto/cert.h"
#include "synthetic.h"

static struct ds_span copy_of(struct ds_arena *a, struct ds_span s)
{
    uint8_t *p = ds_arena_get(a, s.len + 1);
    assert_non_null(p);
    memcpy(p, s.p, s.len);
    return DS_SPAN(p, s.len);
}

static void fields_are_read(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    struct ds_x509 ca, pck;
    (void)state;
    synth_make(&s);
    assert_int_equal(ds_x509_parse(&ca, ds_buf_span(&s.certs[CA]), NULL), DS_OK);
    assert_int_equal(ds_x509_parse(&pck, ds_buf_span(&s.certs[PCK]), NULL), DS_OK);
    assert_true(ca.is_ca && ca.has_basic_constraints && ca.path_len == 0);
    assert_int_equal(ca.key_usage, DS_KEY_USAGE_CERT_SIGN | DS_KEY_USAGE_CRL_SIGN);
    assert_true(ds_span_eq_str(ds_x509_cn(&ca), "Test SGX PCK Platform CA"));
    assert_true(ds_span_eq(pck.issuer, ca.subject));
    assert_true(ds_span_eq(pck.aki, ca.ski));
    assert_false(pck.is_ca);
    assert_int_equal(pck.key_usage, DS_KEY_USAGE_DIGITAL_SIGNATURE);
    assert_int_equal(pck.not_before_s, SYNTH_NOW - SYNTH_DAY);
    assert_int_equal(pck.not_after_s, SYNTH_NOW + SYNTH_DAY);
    assert_string_equal(DS_HEX(pck.serial), "03");
    assert_int_equal(pck.spki.len, DS_P256_SPKI_LEN);
    const struct ds_x509_extension *marker = ds_x509_find(&pck, DS_OID_SIMULATED_MARKER);
    assert_non_null(marker);
    assert_true(marker->is_critical);
    assert_null(ds_x509_find(&pck, DS_SPAN_LIT("\x55\x1d\x25")));
}

static void cut_and_longer_certificates_are_refused(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    void *mem = malloc(65536);
    struct ds_arena a = ds_arena_of(mem, 65536);
    struct ds_x509 c;
    (void)state;
    synth_make(&s);
    struct ds_span der = copy_of(&a, ds_buf_span(&s.certs[PCK]));
    for (size_t n = 0; n < der.len; n++) {
        struct ds_error e = { 0 };
        assert_int_equal(ds_x509_parse(&c, DS_SPAN(der.p, n), &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_X509_FORMAT);
    }
    assert_int_equal(ds_x509_parse(&c, der, NULL), DS_OK);
    assert_int_equal(ds_x509_parse(&c, DS_SPAN(der.p, der.len + 1), NULL), DS_ERR_TRAILING);
    free(mem);
}

static void changed_certificates_do_not_verify(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    struct ds_x509 ca, c;
    (void)state;
    synth_make(&s);
    assert_int_equal(ds_x509_parse(&ca, ds_buf_span(&s.certs[CA]), NULL), DS_OK);
    struct ds_buf *b = &s.certs[PCK];
    assert_int_equal(ds_x509_parse(&c, ds_buf_span(b), NULL), DS_OK);
    assert_int_equal(ds_x509_check_issued(&c, &ca, 0, NULL), DS_OK);
    for (size_t i = 0; i < b->len; i++) {
        b->p[i] ^= 1;
        int r = ds_x509_parse(&c, ds_buf_span(b), NULL);
        if (r == DS_OK)
            r = ds_x509_check_issued(&c, &ca, 0, NULL);
        if (r == DS_OK)
            fail_msg("byte %zu", i);
        b->p[i] ^= 1;
    }
}

/* An extension twice, one that says its default aloud, and two algorithms. */
static void forbidden_forms_are_refused(void **state)
{
    static const struct {
        const char *name, *find, *put;
        size_t len;
    } rows[] = {
        /* SKI's OID turned into AKI's */
        { "extension twice", "\x55\x1d\x0e", "\x55\x1d\x23", 3 },
        { "critical FALSE", "\x01\x01\xff", "\x01\x01\x00", 3 },
        { "version 2", "\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x01", 5 },
        { "another inner algorithm", "\x2a\x86\x48\xce\x3d\x04\x03\x02",
          "\x2a\x86\x48\xce\x3d\x04\x03\x03", 8 },
    };
    DS_AUTO(synth_done) struct synth s = synth_good();
    struct ds_x509 c;
    (void)state;
    synth_make(&s);
    struct ds_buf *b = &s.certs[PCK];
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        uint8_t *at = memmem(b->p, b->len, rows[i].find, rows[i].len);
        assert_non_null(at);
        memcpy(at, rows[i].put, rows[i].len);
        if (ds_x509_parse(&c, ds_buf_span(b), NULL) != DS_ERR_FORMAT)
            fail_msg("%s", rows[i].name);
        memcpy(at, rows[i].find, rows[i].len);
        assert_int_equal(ds_x509_parse(&c, ds_buf_span(b), NULL), DS_OK);
    }
}

/* Extensions whose content breaks its own rules, put in by hand with lengths that fit. */
static void malformed_extensions_are_refused(void **state)
{
    const struct {
        const char *name, *oid;
        struct ds_span value;
    } rows[] = {
        { "cA that says its default", "2.5.29.19", DS_SPAN_LIT("\x30\x03\x01\x01\x00") },
        { "path length below zero", "2.5.29.19", DS_SPAN_LIT("\x30\x06\x01\x01\xff\x02\x01\xff") },
        { "bytes behind basic constraints", "2.5.29.19", DS_SPAN_LIT("\x30\x03\x01\x01\xff\x00") },
        { "no usage bit is whole", "2.5.29.15", DS_SPAN_LIT("\x03\x02\x08\x80") },
        { "usage with a spare bit set", "2.5.29.15", DS_SPAN_LIT("\x03\x02\x07\xc0") },
    };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    uint8_t spki[DS_P256_SPKI_LEN];
    (void)state;
    assert_int_equal(ds_p256_key_new(&key, NULL), DS_OK);
    ds_p256_key_spki(spki, key);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
        const struct ds_cert_ext ext = { rows[i].oid, true, rows[i].value };
        const struct ds_cert_spec spec = { .subject = { .cn = "x" },
                                           .spki = DS_SPAN_OF(spki),
                                           .not_before_s = 0,
                                           .not_after_s = SYNTH_NOW,
                                           .exts = &ext,
                                           .n_exts = 1 };
        struct ds_x509 c;
        struct ds_error e = { 0 };
        assert_int_equal(ds_cert_make(&der, &spec, (struct ds_span){ 0 }, key, NULL), DS_OK);
        if (ds_x509_parse(&c, ds_buf_span(&der), &e) == DS_OK || e.code != DS_CODE_X509_FORMAT)
            fail_msg("%s", rows[i].name);
    }
}

/* The authority's key identifier is the last thing in its extension, but for issuer and serial. */
static void authority_key_ids_are_read_to_their_end(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    static const char head[] = "\x55\x1d\x23\x04\x18\x30\x16\x80\x14"; /* a key id of 20 bytes */
    struct ds_x509 c;
    (void)state;
    synth_make(&s);
    struct ds_buf *b = &s.certs[PCK];
    uint8_t *at = memmem(b->p, b->len, head, sizeof head - 1);
    assert_non_null(at);
    at[8] = 18; /* a NULL stands behind the identifier */
    memcpy(at + 9 + 18, "\x05\x00", 2);
    assert_int_equal(ds_x509_parse(&c, ds_buf_span(b), NULL), DS_ERR_TRAILING);
    at[8] = 21; /* it ends after its extension */
    assert_int_equal(ds_x509_parse(&c, ds_buf_span(b), NULL), DS_ERR_FORMAT);
}

static void lists_are_read(void **state)
{
    DS_AUTO(synth_done) struct synth s = synth_good();
    void *mem = malloc(1 << 17);
    struct ds_arena a = ds_arena_of(mem, 1 << 17);
    struct ds_x509 root, ca, signer;
    struct ds_crl crl;
    (void)state;
    s.is_ca_revoked = true;
    synth_make(&s);
    struct ds_span der = copy_of(&a, synth_parts(&a, &s).root_crl_der);
    assert_int_equal(ds_x509_parse(&root, ds_buf_span(&s.certs[ROOT]), NULL), DS_OK);
    assert_int_equal(ds_x509_parse(&ca, ds_buf_span(&s.certs[CA]), NULL), DS_OK);
    assert_int_equal(ds_x509_parse(&signer, ds_buf_span(&s.certs[SIGNER]), NULL), DS_OK);
    assert_int_equal(ds_crl_parse(&crl, der, NULL), DS_OK);
    assert_int_equal(crl.n_revoked, 1);
    assert_true(ds_crl_has(&crl, &ca));
    assert_false(ds_crl_has(&crl, &signer));
    assert_int_equal(ds_crl_check(&crl, &root, SYNTH_NOW, NULL), DS_OK);
    for (size_t n = 0; n < der.len; n++)
        assert_int_equal(ds_crl_parse(&crl, DS_SPAN(der.p, n), NULL), DS_ERR_FORMAT);
    assert_int_equal(ds_crl_parse(&crl, DS_SPAN(der.p, der.len + 1), NULL), DS_ERR_TRAILING);
    for (size_t i = 0; i < der.len; i++) {
        struct ds_arena scratch = { a.p + a.used, a.cap - a.used, 0 };
        struct ds_span changed = copy_of(&scratch, der);
        scratch.p[changed.p - scratch.p + i] ^= 1;
        int r = ds_crl_parse(&crl, changed, NULL);
        if (r == DS_OK && ds_crl_check(&crl, &root, SYNTH_NOW, NULL) == DS_OK)
            fail_msg("byte %zu", i);
    }
    free(mem);
}

/* What has no other row: an algorithm that nobody here checks, no chain at all, no list. */
static void refusals_have_codes(void **state)
{
    static const char sha256[] = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
    DS_AUTO(synth_done) struct synth s = synth_good();
    struct ds_x509 ca, c;
    struct ds_crl crl;
    struct ds_anchor anchor;
    const struct ds_anchors anchors = { NULL, 0 };
    struct ds_error e = { 0 };
    (void)state;
    synth_make(&s);
    struct ds_buf *b = &s.certs[PCK];
    size_t from = 0;
    for (char *at; (at = memmem(b->p + from, b->len - from, sha256, 8)) != NULL;) {
        at[7] = 3; /* ecdsa-with-SHA384 */
        from = (size_t)(at - b->p) + 8;
    }
    assert_int_equal(ds_x509_parse(&ca, ds_buf_span(&s.certs[CA]), NULL), DS_OK);
    assert_int_equal(ds_x509_parse(&c, ds_buf_span(b), NULL), DS_OK);
    assert_int_equal(ds_x509_check_issued(&c, &ca, 0, &e), DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_X509_ALGORITHM);
    assert_int_equal(ds_x509_check_chain(&anchor, &ca, 0, &anchors, DS_VENDOR_INTEL, SYNTH_NOW, &e),
                     DS_ERR_UNTRUSTED);
    assert_int_equal(e.code, DS_CODE_X509_CHAIN);
    e = (struct ds_error){ 0 };
    assert_int_equal(ds_crl_parse(&crl, DS_SPAN_LIT("\x30\x00"), &e), DS_ERR_FORMAT);
    assert_int_equal(e.code, DS_CODE_CRL_FORMAT);
}

#define ATV(oid3, text) "\x31\x0a\x30\x08\x06\x03" oid3 "\x0c\x01" text
#define CN(text)        ATV("\x55\x04\x03", text)
#define ORG(text)       ATV("\x55\x04\x0a", text)

static void common_names_are_found(void **state)
{
    const struct {
        const char *name;
        struct ds_span subject;
        const char *cn;
    } rows[] = {
        { "alone", DS_SPAN_LIT("\x30\x0c" CN("a")), "a" },
        { "behind another", DS_SPAN_LIT("\x30\x18" ORG("o") CN("a")), "a" },
        { "before another", DS_SPAN_LIT("\x30\x18" CN("a") ORG("o")), "a" },
        { "the last of two", DS_SPAN_LIT("\x30\x18" CN("a") CN("b")), "b" },
        { "second in one set",
          DS_SPAN_LIT("\x30\x16\x31\x14\x30\x08\x06\x03\x55\x04\x0a\x0c\x01o"
                      "\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
                      "a"),
          "a" },
        { "none", DS_SPAN_LIT("\x30\x0c" ORG("o")), "" },
        { "no attributes", DS_SPAN_LIT("\x30\x00"), "" },
        { "no name", { 0 }, "" },
        { "not a sequence", DS_SPAN_LIT("\x31\x0c" CN("a")), "" },
        { "cut short", DS_SPAN_LIT("\x30\x18" CN("a")), "" },
        { "a sequence for the set",
          DS_SPAN_LIT("\x30\x0c\x30\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01"
                      "a"),
          "" },
        { "a good one, then a broken one", DS_SPAN_LIT("\x30\x0e" CN("a") "\x31\x7f"), "" },
        { "something behind the value",
          DS_SPAN_LIT("\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x01"
                      "a\x05\x00"),
          "" },
        { "no value", DS_SPAN_LIT("\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03"), "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ds_x509 cert = { .subject = rows[i].subject };
        if (!ds_span_eq_str(ds_x509_cn(&cert), rows[i].cn))
            fail_msg("%s: '%s'", rows[i].name, ds_x509_name_of(&cert).s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(cut_and_longer_certificates_are_refused),
        cmocka_unit_test(changed_certificates_do_not_verify),
        cmocka_unit_test(forbidden_forms_are_refused),
        cmocka_unit_test(malformed_extensions_are_refused),
        cmocka_unit_test(authority_key_ids_are_read_to_their_end),
        cmocka_unit_test(common_names_are_found),
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(refusals_have_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

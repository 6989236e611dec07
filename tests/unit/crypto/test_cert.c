/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and revocation lists, read back with our own DER reader: every
 * field that the spec names, signatures by the right key, and specs that cannot
 * become a certificate.
 */
#include "codec/der.h"
#include "crypto/cert.h"
#include "crypto/verify.h"
#include "unhex.h"

#define FROM_S 1700000000
#define TO_S   2600000000 /* beyond 2049: GeneralizedTime */

/* The three parts of a signed structure. */
struct signed_der {
    struct ds_span tbs, sig;
};

static struct signed_der open_signed(const struct ds_buf *der)
{
    struct ds_error e = { 0 };
    struct ds_reader file = ds_reader_of(ds_buf_span(der));
    struct ds_reader r = ds_der_enter(&file, DS_DER_SEQUENCE);
    struct signed_der got = { .tbs = ds_der_get_raw(&r, DS_DER_SEQUENCE) };
    (void)ds_der_get_raw(&r, DS_DER_SEQUENCE);
    got.sig = ds_der_bit_bytes(&r);
    assert_ok(ds_der_end(&r, &e, "signed structure"));
    assert_ok(ds_der_end(&file, &e, "file"));
    return got;
}

static bool contains(struct ds_span hay, const char *hex)
{
    struct unhex needle = unhex(hex);
    return memmem(hay.p, hay.len, needle.b, needle.len) != NULL;
}

struct pki {
    struct ds_p256_key *root_key, *leaf_key;
    uint8_t root_spki[DS_P256_SPKI_LEN], leaf_spki[DS_P256_SPKI_LEN];
    struct ds_buf root;
};

static void pki_done(struct pki *p)
{
    ds_p256_key_free(p->root_key);
    ds_p256_key_free(p->leaf_key);
    ds_buf_done(&p->root);
}

static struct ds_cert_spec root_spec(const struct pki *p)
{
    return (struct ds_cert_spec){
        .subject = { .c = "US", .st = "CA", .l = "Santa Clara", .o = "Example", .cn = "Root" },
        .spki = DS_SPAN_OF(p->root_spki),
        .not_before_s = FROM_S,
        .not_after_s = TO_S,
        .ca = true,
        .path_len = 1,
        .usage = DS_CERT_KEY_CERT_SIGN | DS_CERT_CRL_SIGN,
    };
}

static struct pki pki_new(void)
{
    struct pki p = { 0 };
    struct ds_error e = { 0 };
    assert_ok(ds_p256_key_new(&p.root_key, &e));
    assert_ok(ds_p256_key_new(&p.leaf_key, &e));
    ds_p256_key_spki(p.root_spki, p.root_key);
    ds_p256_key_spki(p.leaf_spki, p.leaf_key);
    struct ds_cert_spec spec = root_spec(&p);
    assert_ok(ds_cert_make(&p.root, &spec, (struct ds_span){ 0 }, p.root_key, &e));
    return p;
}

static void self_signed_ca(void **state)
{
    (void)state;
    DS_AUTO(pki_done) struct pki p = pki_new();
    struct ds_error e = { 0 };
    struct signed_der got = open_signed(&p.root);
    assert_ok(
        ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(p.root_spki), got.tbs, got.sig, &e));
    assert_int_not_equal(ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(p.leaf_spki), got.tbs,
                                        got.sig, &e),
                         DS_OK);
    static const char *const parts[] = {
        "a003020102", /* version 3 */
        "0603550406"
        "1302"
        "5553", /* C=US, PrintableString */
        "0603550403"
        "0c04"
        "526f6f74",                             /* CN=Root, UTF8String */
        "170d3233313131343232313332305a",       /* notBefore as UTCTime */
        "180f32303532303532323134313332305a",   /* notAfter as GeneralizedTime */
        "0603551d130101ff040830060101ff020101", /* critical CA, path length 1 */
        "0603551d0f0101ff040403020106",         /* critical keyCertSign, cRLSign */
        "0603551d0e041604",                     /* subject key identifier */
        "0603551d230418301680",                 /* authority key identifier */
    };
    for (size_t i = 0; i < DS_LEN(parts); i++) {
        if (!contains(got.tbs, parts[i]))
            fail_msg("%s is not there", parts[i]);
    }
}

static void leaf_with_everything(void **state)
{
    (void)state;
    DS_AUTO(pki_done) struct pki p = pki_new();
    struct ds_error e = { 0 };
    static const char *const sans[] = { "app.example.org", "10.0.2.101", "2001:db8::1" };
    static const uint8_t evidence[] = { 0x04, 0x02, 0xab, 0xcd };
    const struct ds_cert_ext exts[] = {
        { "1.3.6.1.4.1.62397.1.8", false, DS_SPAN_OF(evidence) },
        { "2.25.87004685595501205687623033636980005123.1", true, DS_SPAN_LIT("\x05\x00") },
    };
    static const uint8_t serial[] = { 0x80, 0x01 };
    struct ds_cert_spec spec = {
        .subject = { .cn = "leaf" },
        .spki = DS_SPAN_OF(p.leaf_spki),
        .serial = DS_SPAN_OF(serial),
        .not_before_s = FROM_S,
        .not_after_s = FROM_S + 60,
        .usage = DS_CERT_DIGITAL_SIGNATURE | DS_CERT_NON_REPUDIATION,
        .eku = DS_CERT_SERVER_AUTH | DS_CERT_CLIENT_AUTH,
        .sans = sans,
        .n_sans = DS_LEN(sans),
        .crl_url = "http://crl.example.org/root.crl",
        .exts = exts,
        .n_exts = DS_LEN(exts),
    };
    DS_AUTO(ds_buf_done) struct ds_buf leaf = { 0 };
    assert_ok(ds_cert_make(&leaf, &spec, ds_buf_span(&p.root), p.root_key, &e));
    struct signed_der got = open_signed(&leaf);
    assert_ok(
        ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(p.root_spki), got.tbs, got.sig, &e));
    static const char *const parts[] = {
        "0203008001", /* the serial, positive */
        "0603550403"
        "0c04"
        "526f6f74",                     /* issuer CN=Root */
        "0603551d0f0101ff0404030206c0", /* the first two usages */
        "06082b06010505070301"
        "06082b06010505070302", /* server and client */
        "820f"
        "6170702e6578616d706c652e6f7267", /* a dNSName */
        "8704"
        "0a000265", /* an iPAddress */
        "8710"
        "20010db8000000000000000000000001", /* and one of version 6 */
        "861f"
        "687474703a2f2f63726c2e6578616d706c652e6f7267", /* the list's address */
        "060a2b0601040183e73d0108"
        "04040402abcd", /* an extension, not critical */
        "0101ff"
        "0402"
        "0500", /* a critical one */
    };
    for (size_t i = 0; i < DS_LEN(parts); i++) {
        if (!contains(got.tbs, parts[i]))
            fail_msg("%s is not there", parts[i]);
    }
    assert_false(contains(got.tbs, "0603551d13")); /* no basic constraints on a leaf */
}

static void specs_that_cannot_be(void **state)
{
    (void)state;
    DS_AUTO(pki_done) struct pki p = pki_new();
    static const char *const bad_san[] = { "has space" }, *const empty_san[] = { "" };
    const struct ds_cert_ext bad_ext = { "1.2.x", false, DS_SPAN_LIT("\x05\x00") };
    static const uint8_t long_serial[21] = { 1 };
    struct ds_cert_spec base = root_spec(&p);
    struct ds_cert_spec dates = base, country = base, san = base, empty = base, ext = base,
                        serial = base, key = base, no_key = base;
    dates.not_before_s = TO_S + 1;
    country.subject.c = "USA";
    san.sans = bad_san;
    san.n_sans = 1;
    empty.sans = empty_san;
    empty.n_sans = 1;
    ext.exts = &bad_ext;
    ext.n_exts = 1;
    serial.serial = DS_SPAN_OF(long_serial);
    key.spki = DS_SPAN_OF(p.leaf_spki);
    no_key.spki = DS_SPAN(p.root_spki, 90);
    const struct {
        const char *name;
        const struct ds_cert_spec *spec;
    } rows[] = {
        { "ends before it begins", &dates },
        { "country of three letters", &country },
        { "name with a space", &san },
        { "empty name", &empty },
        { "no object identifier", &ext },
        { "serial of 21 bytes", &serial },
        { "another key", &key },
        { "key cut short", &no_key },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
        int r = ds_cert_make(&out, rows[i].spec, (struct ds_span){ 0 }, p.root_key, &e);
        if (r != DS_ERR_ARG)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
        assert_int_equal(out.len, 0);
    }
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_span issuer = ds_buf_span(&p.root);
    assert_int_equal(ds_cert_make(&out, &base, issuer, p.leaf_key, &e), DS_ERR_ARG);
    issuer.len--;
    assert_int_equal(ds_cert_make(&out, &base, issuer, p.root_key, &e), DS_ERR_FORMAT);
}

static void revocation_list(void **state)
{
    (void)state;
    DS_AUTO(pki_done) struct pki p = pki_new();
    struct ds_error e = { 0 };
    const struct ds_span revoked[] = { DS_SPAN_LIT("\x7f\x01"), DS_SPAN_LIT("\x01\x02") };
    struct ds_crl_spec spec = {
        .this_update_s = FROM_S,
        .next_update_s = FROM_S + 30 * 86400,
        .number = 300,
        .revoked = revoked,
        .n_revoked = DS_LEN(revoked),
    };
    DS_AUTO(ds_buf_done) struct ds_buf crl = { 0 };
    assert_ok(ds_crl_make(&crl, &spec, ds_buf_span(&p.root), p.root_key, &e));
    struct signed_der got = open_signed(&crl);
    assert_ok(
        ds_spki_verify(DS_SIG_ECDSA_P256_SHA256, DS_SPAN_OF(p.root_spki), got.tbs, got.sig, &e));
    assert_true(contains(got.tbs, "30130202"
                                  "0102"
                                  "170d"));
    assert_true(contains(got.tbs, "30130202"
                                  "7f01"
                                  "170d"));
    assert_true(contains(got.tbs, "0603551d14"
                                  "0404"
                                  "0202"
                                  "012c")); /* number 300 */

    spec.n_revoked = 0;
    DS_AUTO(ds_buf_done) struct ds_buf none = { 0 };
    assert_ok(ds_crl_make(&none, &spec, ds_buf_span(&p.root), p.root_key, &e));
    assert_int_equal(ds_crl_make(&none, &spec, ds_buf_span(&p.root), p.leaf_key, &e), DS_ERR_ARG);
    assert_int_equal(ds_crl_make(&none, &spec, (struct ds_span){ 0 }, p.root_key, &e), DS_ERR_ARG);
}

static void armour(void **state)
{
    (void)state;
    static uint8_t bytes[49];
    static const struct {
        size_t len;
        const char *want;
    } rows[] = {
        { 0, "-----BEGIN X-----\n-----END X-----\n" },
        { 1, "-----BEGIN X-----\nAA==\n-----END X-----\n" },
        { 48,
          "-----BEGIN X-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
          "-----END X-----\n" },
        { 49,
          "-----BEGIN X-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
          "AA==\n-----END X-----\n" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
        ds_pem_add(&out, "X", DS_SPAN(bytes, rows[i].len));
        assert_string_equal(out.p, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(self_signed_ca),
        cmocka_unit_test(leaf_with_everything),
        cmocka_unit_test(specs_that_cannot_be),
        cmocka_unit_test(revocation_list),
        cmocka_unit_test(armour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

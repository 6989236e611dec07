/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the synthetic SEV-SNP platform: DER by hand, so that every wrong form can be
 * made too; signatures by libcrypto.
 */

#include "synthetic_snp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "attest/x509.h"
#include "base/hex.h"
#include "base/scope.h"
#include "codec/date.h"
#include "codec/der.h"
#include "crypto/hash.h"

#define RSA_BITS   2048
#define DER_IA5    0x16
#define AMD_ARC    "\x2b\x06\x01\x04\x01\x9c\x78\x01"
#define USE_CA     0x06 /* keyCertSign, cRLSign */
#define SIG_AT     0x2a0
#define NUMBER_LEN 72

/* RSASSA-PSS with SHA-384 throughout, the trailer spelt out as AMD does. */
static const char pss_sha384[] =
    "\x30\x46\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
    "\x30\x39\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa1\x1c"
    "\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01"
    "\x65\x03\x04\x02\x02\x05\x00\xa2\x03\x02\x01\x30\xa3\x03\x02\x01\x01";
/* sha256WithRSAEncryption: not AMD's */
static const char pkcs1_sha256[] = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";

static EVP_PKEY *keys[S_N_CERTS];

static EVP_PKEY *key_of(enum snp_cert which)
{
    if (keys[which] == NULL)
        keys[which] = which == S_VCEK || which == S_VLEK
                          ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384")
                          : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
    assert_non_null(keys[which]);
    return keys[which];
}

static void tlv(struct ds_buf *b, uint8_t tag, struct ds_span body)
{
    ds_buf_be(b, tag, 1);
    if (body.len >= 0x100)
        ds_buf_be(b, 0x82, 1);
    else if (body.len >= 0x80)
        ds_buf_be(b, 0x81, 1);
    ds_buf_be(b, body.len, body.len >= 0x100 ? 2 : 1);
    ds_buf_add(b, body);
}

/* Moves what stands in `from` into `to` as one element. */
static void wrap(struct ds_buf *to, uint8_t tag, struct ds_buf *from)
{
    tlv(to, tag, ds_buf_span(from));
    ds_buf_done(from);
}

static void put_name(struct ds_buf *b, const char *cn)
{
    struct ds_buf atv = { 0 }, rdn = { 0 }, name = { 0 };
    tlv(&atv, DS_DER_OID, DS_SPAN_LIT("\x55\x04\x03"));
    tlv(&atv, DS_DER_UTF8, ds_span_str(cn));
    wrap(&rdn, DS_DER_SEQUENCE, &atv);
    wrap(&name, DS_DER_SET, &rdn);
    wrap(b, DS_DER_SEQUENCE, &name);
}

/* YYYYMMDDHHMMSSZ from the ISO text. */
static void put_time(struct ds_buf *b, int64_t at_s)
{
    char iso[21], text[16];
    size_t n = 0;
    (void)ds_date_format(iso, at_s);
    for (const char *p = iso; *p != '\0'; p++)
        if ((*p >= '0' && *p <= '9') || *p == 'Z')
            text[n++] = *p;
    assert_int_equal(n, 15);
    tlv(b, DS_DER_GENERALIZED_TIME, DS_SPAN(text, n));
}

static void put_extension(struct ds_buf *list, struct ds_span oid, bool is_critical,
                          struct ds_span value)
{
    struct ds_buf x = { 0 };
    tlv(&x, DS_DER_OID, oid);
    if (is_critical)
        tlv(&x, DS_DER_BOOLEAN, DS_SPAN_LIT("\xff"));
    tlv(&x, DS_DER_OCTET_STRING, value);
    wrap(list, DS_DER_SEQUENCE, &x);
}

static void put_number(struct ds_buf *list, struct ds_span oid, uint8_t v, bool is_long)
{
    const uint8_t der[] = { DS_DER_INTEGER, 2, is_long ? 1 : 0, v };
    const uint8_t shorter[] = { DS_DER_INTEGER, 1, v };
    put_extension(list, oid, false, v >= 0x80 || is_long ? DS_SPAN_OF(der) : DS_SPAN_OF(shorter));
}

static bool is_turin(const struct snp_synth *s) { return strncmp(s->product, "Turin", 5) == 0; }

static void put_spls(struct ds_buf *list, const struct snp_synth *s)
{
    static const uint8_t until_genoa[8] = { 1, 2, 4, 5, 6, 7, 3, 8 };
    static const uint8_t from_turin[8] = { 9, 1, 2, 3, 5, 6, 7, 8 };
    const uint8_t *arcs = is_turin(s) ? from_turin : until_genoa;
    for (size_t i = 0; i < 8; i++) {
        uint8_t oid[] = AMD_ARC "\x03";
        oid[sizeof oid - 1] = arcs[i];
        if (arcs[i] != s->omits_arc)
            put_number(list, DS_SPAN_OF(oid), s->tcb8[i], s->is_spl_long && i == 7);
    }
}

static void put_amd(struct ds_buf *list, const struct snp_synth *s, bool is_vlek)
{
    struct ds_buf value = { 0 };
    put_number(list, DS_SPAN_LIT(AMD_ARC "\x01"), s->struct_version, false);
    tlv(&value, DER_IA5, ds_span_str(s->product));
    put_extension(list, DS_SPAN_LIT(AMD_ARC "\x02"), false, ds_buf_span(&value));
    ds_buf_clear(&value);
    put_spls(list, s);
    if (s->wraps_hwid)
        tlv(&value, DS_DER_OCTET_STRING, DS_SPAN(s->hwid64, s->hwid_len));
    else
        ds_buf_add(&value, DS_SPAN(s->hwid64, s->hwid_len));
    if (!is_vlek || s->has_hwid_in_vlek)
        put_extension(list, DS_SPAN_LIT(AMD_ARC "\x04"), false, ds_buf_span(&value));
    ds_buf_clear(&value);
    tlv(&value, DER_IA5, s->csp_id);
    if (is_vlek || s->has_csp_in_vcek)
        put_extension(list, DS_SPAN_LIT(AMD_ARC "\x05"), false, ds_buf_span(&value));
    ds_buf_done(&value);
}

static void put_ca(struct ds_buf *list, const struct snp_cert_plan *p)
{
    struct ds_buf body = { 0 }, value = { 0 };
    const uint8_t len = (uint8_t)p->path_len;
    tlv(&body, DS_DER_BOOLEAN, DS_SPAN_LIT("\xff"));
    if (p->path_len >= 0)
        tlv(&body, DS_DER_INTEGER, DS_SPAN(&len, 1));
    wrap(&value, DS_DER_SEQUENCE, &body);
    put_extension(list, DS_SPAN_LIT("\x55\x1d\x13"), true, ds_buf_span(&value));
    ds_buf_done(&value);
}

static void put_extensions(struct ds_buf *tbs, const struct snp_synth *s, enum snp_cert which)
{
    const struct snp_cert_plan *p = &s->plans[which];
    const uint8_t usage[] = { DS_DER_BIT_STRING, 2, (uint8_t)__builtin_ctz(p->usage | 0x80),
                              p->usage };
    struct ds_buf list = { 0 }, all = { 0 };
    if (p->ca)
        put_ca(&list, p);
    if (p->usage != 0)
        put_extension(&list, DS_SPAN_LIT("\x55\x1d\x0f"), true, DS_SPAN_OF(usage));
    if (p->has_marker)
        put_extension(&list, DS_OID_SIMULATED_MARKER, !p->is_marker_soft, DS_SPAN_LIT("\x05\x00"));
    if (p->has_unknown)
        put_extension(&list, DS_SPAN_LIT("\x2a\x03\x04"), true, DS_SPAN_LIT("\x05\x00"));
    if (which == S_VCEK || which == S_VLEK)
        put_amd(&list, s, which == S_VLEK);
    wrap(&all, DS_DER_SEQUENCE, &list);
    wrap(tbs, DS_DER_CONTEXT_CONSTRUCTED(3), &all);
}

static void put_key(struct ds_buf *b, enum snp_cert which)
{
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(key_of(which), &der);
    assert_true(n > 0);
    ds_buf_add(b, DS_SPAN(der, (size_t)n));
    OPENSSL_free(der);
}

/* What an issuer's certificate is signed with: RSA, whatever the plan makes of it. */
static void put_signature(struct ds_buf *b, struct ds_span tbs, enum snp_cert by, bool is_sha256)
{
    uint8_t sig[1 + RSA_BITS / 8] = { 0 };
    size_t n = RSA_BITS / 8;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    assert_int_equal(EVP_DigestSignInit(ctx, &pctx, is_sha256 ? EVP_sha256() : EVP_sha384(), NULL,
                                        key_of(by)),
                     1);
    if (!is_sha256) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 48), 1);
    }
    assert_int_equal(EVP_DigestSign(ctx, sig + 1, &n, tbs.p, tbs.len), 1);
    EVP_MD_CTX_free(ctx);
    tlv(b, DS_DER_BIT_STRING, DS_SPAN(sig, n + 1));
}

static struct ds_span algorithm(bool is_sha256)
{
    return is_sha256 ? DS_SPAN(pkcs1_sha256, sizeof pkcs1_sha256 - 1)
                     : DS_SPAN(pss_sha384, sizeof pss_sha384 - 1);
}

static void put_signed(struct ds_buf *ret, struct ds_buf *tbs_body, enum snp_cert by,
                       bool is_sha256)
{
    struct ds_buf all = { 0 };
    wrap(&all, DS_DER_SEQUENCE, tbs_body);
    struct ds_buf tbs = { 0 };
    ds_buf_add(&tbs, ds_buf_span(&all));
    ds_buf_add(&all, algorithm(is_sha256));
    put_signature(&all, ds_buf_span(&tbs), by, is_sha256);
    ds_buf_done(&tbs);
    wrap(ret, DS_DER_SEQUENCE, &all);
    assert_false(ret->bad);
}

static void make_cert(struct snp_synth *s, enum snp_cert which)
{
    const struct snp_cert_plan *p = &s->plans[which];
    const uint8_t serial[] = { (uint8_t)(which == S_VCEK || which == S_VLEK ? 0 : which + 1) };
    struct ds_buf tbs = { 0 }, validity = { 0 };
    tlv(&tbs, DS_DER_CONTEXT_CONSTRUCTED(0), DS_SPAN_LIT("\x02\x01\x02"));
    tlv(&tbs, DS_DER_INTEGER, DS_SPAN_OF(serial));
    ds_buf_add(&tbs, algorithm(p->is_sha256));
    put_name(&tbs, s->plans[p->issuer].cn);
    put_time(&validity, p->not_before_s);
    put_time(&validity, p->not_after_s);
    wrap(&tbs, DS_DER_SEQUENCE, &validity);
    put_name(&tbs, p->cn);
    put_key(&tbs, p->key);
    put_extensions(&tbs, s, which);
    put_signed(&s->certs[which], &tbs, p->issuer, p->is_sha256);
}

static void put_revoked(struct ds_buf *list, uint8_t serial)
{
    struct ds_buf entry = { 0 };
    tlv(&entry, DS_DER_INTEGER, DS_SPAN(&serial, 1));
    put_time(&entry, SNP_NOW - SNP_DAY);
    wrap(list, DS_DER_SEQUENCE, &entry);
}

static void make_crl(struct snp_synth *s)
{
    struct ds_buf tbs = { 0 }, list = { 0 };
    tlv(&tbs, DS_DER_INTEGER, DS_SPAN_LIT("\x01"));
    ds_buf_add(&tbs, algorithm(false));
    put_name(&tbs, s->plans[s->crl_by].cn);
    put_time(&tbs, s->crl_this_s);
    put_time(&tbs, s->crl_next_s);
    if (s->is_ask_revoked)
        put_revoked(&list, S_ASK + 1);
    if (s->is_asvk_revoked)
        put_revoked(&list, S_ASVK + 1);
    if (s->is_other_revoked)
        put_revoked(&list, S_N_CERTS + 1);
    if (list.len > 0)
        wrap(&tbs, DS_DER_SEQUENCE, &list);
    put_signed(&s->crl, &tbs, s->crl_by, false);
}

void snp_synth_make(struct snp_synth *s)
{
    for (int i = 0; i < S_N_CERTS; i++)
        make_cert(s, (enum snp_cert)i);
    make_crl(s);
}

void snp_synth_done(struct snp_synth *s)
{
    for (size_t i = 0; i < S_N_CERTS; i++)
        ds_buf_done(&s->certs[i]);
    ds_buf_done(&s->crl);
}

struct ds_snp_certs snp_synth_certs(const struct snp_synth *s)
{
    struct ds_snp_certs c = { 0 };
    c.der[DS_SNP_VCEK] = ds_buf_span(&s->certs[S_VCEK]);
    c.der[DS_SNP_VLEK] = ds_buf_span(&s->certs[S_VLEK]);
    c.der[DS_SNP_ASK] = ds_buf_span(&s->certs[S_ASK]);
    c.der[DS_SNP_ASVK] = ds_buf_span(&s->certs[S_ASVK]);
    c.der[DS_SNP_ARK] = ds_buf_span(&s->certs[S_ARK]);
    c.der[DS_SNP_CRL] = ds_buf_span(&s->crl);
    return c;
}

static void put_at(uint8_t *report, size_t at, const void *p, size_t n)
{
    memcpy(report + at, p, n);
}

static void put_le(uint8_t *report, size_t at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        report[at + i] = (uint8_t)(v >> (8 * i));
}

void snp_synth_sign(uint8_t report[static DS_SNP_REPORT_LEN], const struct snp_synth *s)
{
    bool is_vlek = (s->report.key_info >> 2 & 7) == DS_SNP_KEY_VLEK;
    enum snp_cert by = is_vlek != s->is_signed_by_other ? S_VLEK : S_VCEK;
    uint8_t der[128];
    size_t n = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key_of(by)), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &n, report, SIG_AT), 1);
    EVP_MD_CTX_free(ctx);
    const uint8_t *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    assert_non_null(sig);
    memset(report + SIG_AT, 0, 512);
    assert_int_equal(BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), report + SIG_AT, NUMBER_LEN),
                     NUMBER_LEN);
    assert_int_equal(BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), report + SIG_AT + NUMBER_LEN,
                                    NUMBER_LEN),
                     NUMBER_LEN);
    ECDSA_SIG_free(sig);
    report[SIG_AT] ^= s->breaks_signature ? 1 : 0;
}

static void put_firmware(uint8_t *report, size_t at, const struct ds_snp_firmware *f)
{
    report[at] = f->build;
    report[at + 1] = f->minor;
    report[at + 2] = f->major;
}

void snp_synth_report(uint8_t ret[static DS_SNP_REPORT_LEN], const struct snp_synth *s)
{
    const struct ds_snp_report *r = &s->report;
    memset(ret, 0, DS_SNP_REPORT_LEN);
    put_le(ret, 0x00, r->version, 4);
    put_le(ret, 0x04, r->guest_svn, 4);
    put_le(ret, 0x08, r->policy, 8);
    put_at(ret, 0x10, r->family_id16, 16);
    put_at(ret, 0x20, r->image_id16, 16);
    put_le(ret, 0x30, r->vmpl, 4);
    put_le(ret, 0x34, r->sig_algo, 4);
    put_at(ret, 0x38, r->current_tcb8, 8);
    put_le(ret, 0x40, r->platform_info, 8);
    put_le(ret, 0x48, r->key_info, 4);
    put_at(ret, 0x50, r->report_data64, 64);
    put_at(ret, 0x90, r->measurement48, 48);
    put_at(ret, 0xc0, r->host_data32, 32);
    put_at(ret, 0xe0, r->id_key_digest48, 48);
    put_at(ret, 0x110, r->author_key_digest48, 48);
    put_at(ret, 0x140, r->report_id32, 32);
    put_at(ret, 0x160, r->report_id_ma32, 32);
    put_at(ret, 0x180, r->reported_tcb8, 8);
    ret[0x188] = r->cpuid_family;
    ret[0x189] = r->cpuid_model;
    ret[0x18a] = r->cpuid_stepping;
    put_at(ret, 0x1a0, r->chip_id64, 64);
    put_at(ret, 0x1e0, r->committed_tcb8, 8);
    put_firmware(ret, 0x1e8, &r->current);
    put_firmware(ret, 0x1ec, &r->committed);
    put_at(ret, 0x1f0, r->launch_tcb8, 8);
    put_le(ret, 0x1f8, r->launch_mit_vector, 8);
    put_le(ret, 0x200, r->current_mit_vector, 8);
    snp_synth_sign(ret, s);
}

/* Each byte of a field another, and of each field others. */
static void number(uint8_t *p, size_t n, uint8_t from)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(from + i);
}

static struct ds_snp_report good_report(enum ds_snp_product product, enum ds_snp_key key)
{
    struct ds_snp_report r = { .version = product == DS_SNP_PRODUCT_MILAN ? 3 : 5,
                               .guest_svn = 7,
                               .policy = 0x3001f,
                               .sig_algo = 1,
                               .platform_info = 0x25,
                               .key_info = (uint32_t)key << 2,
                               .cpuid_family = product == DS_SNP_PRODUCT_TURIN ? 0x1a : 0x19,
                               .cpuid_model = product == DS_SNP_PRODUCT_GENOA ? 0x11 : 0x01,
                               .cpuid_stepping = 1,
                               .current = { 1, 55, 40 },
                               .committed = { 1, 55, 29 } };
    number(r.family_id16, 16, 0x10);
    number(r.image_id16, 16, 0x20);
    number(r.report_data64, 64, 0x50);
    number(r.measurement48, 48, 0x90);
    number(r.host_data32, 32, 0xc0);
    number(r.id_key_digest48, 48, 0x11);
    number(r.author_key_digest48, 48, 0x41);
    number(r.report_id32, 32, 0x81);
    memset(r.report_id_ma32, 0xff, 32);
    if (r.version == 5) {
        r.launch_mit_vector = 0x0b;
        r.current_mit_vector = 0x1b;
    }
    return r;
}

struct snp_synth snp_synth_good(enum ds_snp_product product, enum ds_snp_key key)
{
    static const char *const arks[] = { "", "ARK-Milan", "ARK-Genoa", "ARK-Turin" };
    static const char *const asks[] = { "", "SEV-Milan", "SEV-Genoa", "SEV-Turin" };
    static const char *const asvks[] = { "", "SEV-VLEK-Milan", "SEV-VLEK-Genoa", "SEV-VLEK-Turin" };
    static const char *const products[] = { "", "Milan-B0", "Genoa", "Turin" };
    static const uint8_t tcbs[][8] = { { 0 },
                                       { 4, 0, 0, 0, 0, 0, 24, 217 },
                                       { 10, 0, 0, 0, 0, 0, 27, 27 },
                                       { 1, 2, 3, 4, 0, 0, 0, 72 } };
    struct snp_synth s = {
        .plans = { [S_ARK] = { arks[product], S_ARK, S_ARK, true, -1, USE_CA },
                   [S_OTHER_ARK] = { arks[product], S_OTHER_ARK, S_OTHER_ARK, true, -1, USE_CA },
                   [S_ASK] = { asks[product], S_ARK, S_ASK, true, 0, 0x04 },
                   [S_ASVK] = { asvks[product], S_ARK, S_ASVK, true, 0, 0x04 },
                   [S_VCEK] = { "SEV-VCEK", S_ASK, S_VCEK, false, -1, 0 },
                   [S_VLEK] = { "SEV-VLEK", S_ASVK, S_VLEK, false, -1, 0 } },
        .struct_version = product == DS_SNP_PRODUCT_TURIN ? 1 : 0,
        .product = products[product],
        .hwid_len = product == DS_SNP_PRODUCT_TURIN ? 8 : 64,
        .csp_id = DS_SPAN_LIT("CN=cc-test.example.com"),
        .crl_by = S_ARK,
        .crl_this_s = SNP_NOW - SNP_DAY,
        .crl_next_s = SNP_NOW + SNP_DAY,
        .report = good_report(product, key),
    };
    for (size_t i = 0; i < S_N_CERTS; i++) {
        s.plans[i].has_marker = true;
        s.plans[i].not_before_s = SNP_NOW - 2 * SNP_DAY;
        s.plans[i].not_after_s = SNP_NOW + 2 * SNP_DAY;
    }
    number(s.hwid64, s.hwid_len, 0xa0);
    memcpy(s.tcb8, tcbs[product], 8);
    memcpy(s.report.current_tcb8, s.tcb8, 8);
    memcpy(s.report.reported_tcb8, s.tcb8, 8);
    memcpy(s.report.committed_tcb8, s.tcb8, 8);
    memcpy(s.report.launch_tcb8, s.tcb8, 8);
    if (key == DS_SNP_KEY_VCEK)
        memcpy(s.report.chip_id64, s.hwid64, 64);
    return s;
}

void snp_synth_table(struct ds_buf *ret, const struct snp_table_entry *entries, size_t n)
{
    size_t at = 24 * (n + 1);
    for (size_t i = 0; i < n; i++) {
        uint8_t guid[16];
        assert_int_equal(ds_hex_decode(guid, 16, ds_span_str(entries[i].guid), NULL), DS_OK);
        ds_buf_add(ret, DS_SPAN_OF(guid));
        ds_buf_le(ret, at, 4);
        ds_buf_le(ret, entries[i].content.len, 4);
        at += entries[i].content.len;
    }
    for (size_t i = 0; i < 24; i++)
        ds_buf_char(ret, '\0');
    for (size_t i = 0; i < n; i++)
        ds_buf_add(ret, entries[i].content);
    assert_false(ret->bad);
}

struct ds_extra_anchor snp_synth_anchor(const struct snp_synth *s, enum snp_cert root,
                                        bool is_simulated)
{
    struct ds_extra_anchor x = { .is_simulated = is_simulated };
    struct ds_x509 cert;
    (void)snprintf(x.name, sizeof x.name, "%s", root == S_ARK ? "test root" : "other root");
    assert_int_equal(ds_x509_parse(&cert, ds_buf_span(&s->certs[root]), NULL), DS_OK);
    assert_int_equal(ds_hash(DS_SHA256, x.spki_sha256, cert.spki, NULL), DS_OK);
    return x;
}

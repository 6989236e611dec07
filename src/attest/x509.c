/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and revocation lists of evidence: parsing, and the checks of
 * RFC 5280 that a short, fixed chain needs.
 */

#include "attest/x509.h"

#include <stdio.h>

#include "attest/coded.h"
#include "attest/dates.h"
#include "base/hex.h"
#include "base/scope.h"
#include "base/str.h"
#include "codec/date.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define OID_COMMON_NAME DS_SPAN_LIT("\x55\x04\x03")

/* Under id-ce, 2.5.29 (RFC 5280 4.2.1) */
enum {
    SUBJECT_KEY_ID = 14,
    KEY_USAGE = 15,
    BASIC_CONSTRAINTS = 19,
    CRL_NUMBER = 20,
    AUTHORITY_KEY_ID = 35,
};

/* id-RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes (RFC 4055 3.1) */
#define OID_PSS "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
#define PSS_SHA384                                                                         \
    "\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa1\x1c"         \
    "\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01" \
    "\x65\x03\x04\x02\x02\x05\x00\xa2\x03\x02\x01\x30"

/* AlgorithmIdentifiers that vendors use, whole. Parameters are part of the comparison. */
static const struct {
    struct ds_span der;
    enum ds_sig_alg alg;
    const char *key; /* that the signer must have */
} algorithms[] = {
    /* RFC 5758 3.2: ECDSA's have none. */
    { { (const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12 },
      DS_SIG_ECDSA_P256_SHA256,
      "a signer with a P-256 key" },
    { { (const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 12 },
      DS_SIG_ECDSA_P384_SHA384,
      "a signer with a P-384 key" },
    { { (const uint8_t *)"\x30\x41" OID_PSS "\x30\x34" PSS_SHA384, 67 },
      DS_SIG_RSA_PSS_SHA384,
      "a signer with an RSA key" },
    /* AMD spells the default trailer field out. */
    { { (const uint8_t *)"\x30\x46" OID_PSS "\x30\x39" PSS_SHA384 "\xa3\x03\x02\x01\x01", 72 },
      DS_SIG_RSA_PSS_SHA384,
      "a signer with an RSA key" },
};

static int parse_basic_constraints(struct ds_x509 *c, struct ds_span value, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(value);
    struct ds_reader s = ds_der_enter(&r, DS_DER_SEQUENCE);
    c->has_basic_constraints = true;
    if (ds_der_peek(&s) == DS_DER_BOOLEAN) {
        c->is_ca = ds_der_bool(&s);
        /* X.690 11.5: a value equal to its default is left out. */
        if (!c->is_ca)
            s.bad = true;
    }
    if (ds_der_peek(&s) == DS_DER_INTEGER)
        c->path_len = (int)ds_der_u64(&s, DS_DER_INTEGER, 255);
    DS_TRY(ds_der_end(&s, e, "basicConstraints"));
    return ds_der_end(&r, e, "basicConstraints");
}

static int parse_key_usage(struct ds_x509 *c, struct ds_span value, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(value);
    c->has_key_usage = true;
    c->key_usage = ds_der_named_bits(&r);
    return ds_der_end(&r, e, "keyUsage");
}

static int parse_authority_key_id(struct ds_span *ret, struct ds_span value, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(value);
    struct ds_reader s = ds_der_enter(&r, DS_DER_SEQUENCE);
    if (ds_der_peek(&s) == DS_DER_CONTEXT(0))
        *ret = ds_der_get(&s, DS_DER_CONTEXT(0));
    /* authorityCertIssuer and authorityCertSerialNumber: names chain by themselves. */
    if (ds_der_peek(&s) == DS_DER_CONTEXT_CONSTRUCTED(1))
        (void)ds_der_get(&s, DS_DER_CONTEXT_CONSTRUCTED(1));
    if (ds_der_peek(&s) == DS_DER_CONTEXT(2))
        (void)ds_der_get(&s, DS_DER_CONTEXT(2));
    DS_TRY(ds_der_end(&s, e, "authorityKeyIdentifier"));
    return ds_der_end(&r, e, "authorityKeyIdentifier");
}

/* The last arc of an OID that is id-ce (2.5.29) and one arc more; 0 for any other. */
static uint8_t id_ce(struct ds_span oid)
{
    return oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d ? oid.p[2] : 0;
}

static int parse_known_extension(struct ds_x509 *c, const struct ds_x509_extension *x,
                                 struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(x->value);
    switch (id_ce(x->oid)) {
    case BASIC_CONSTRAINTS:
        return parse_basic_constraints(c, x->value, e);
    case KEY_USAGE:
        return parse_key_usage(c, x->value, e);
    case AUTHORITY_KEY_ID:
        return parse_authority_key_id(&c->aki, x->value, e);
    case SUBJECT_KEY_ID:
        c->ski = ds_der_get(&r, DS_DER_OCTET_STRING);
        return ds_der_end(&r, e, "subjectKeyIdentifier");
    default:
        return DS_OK;
    }
}

/* Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue } */
static int parse_extension(struct ds_x509_extension *ret, struct ds_reader *list,
                           struct ds_error *e)
{
    struct ds_reader s = ds_der_enter(list, DS_DER_SEQUENCE);
    *ret = (struct ds_x509_extension){ .oid = ds_der_get(&s, DS_DER_OID) };
    if (ds_der_peek(&s) == DS_DER_BOOLEAN) {
        ret->is_critical = ds_der_bool(&s);
        /* X.690 11.5: a value equal to its default is left out. */
        if (!ret->is_critical)
            s.bad = true;
    }
    ret->value = ds_der_get(&s, DS_DER_OCTET_STRING);
    return ds_der_end(&s, e, "extension");
}

static int parse_extensions(struct ds_x509 *c, struct ds_reader *tbs, struct ds_error *e)
{
    struct ds_reader wrap = ds_der_enter(tbs, DS_DER_CONTEXT_CONSTRUCTED(3));
    struct ds_reader list = ds_der_enter(&wrap, DS_DER_SEQUENCE);
    DS_TRY(ds_der_end(&wrap, e, "extensions"));
    while (ds_der_peek(&list) != 0) {
        struct ds_x509_extension *x = &c->extensions[c->n_extensions];
        if (c->n_extensions == DS_X509_EXTENSIONS_MAX)
            return ds_fail(e, DS_ERR_RANGE, "certificate has more than %d extensions",
                           DS_X509_EXTENSIONS_MAX);
        DS_TRY(parse_extension(x, &list, e));
        /* RFC 5280 4.2: no extension twice. */
        if (ds_x509_find(c, x->oid) != NULL)
            return ds_fail(e, DS_ERR_FORMAT, "certificate has an extension twice");
        c->n_extensions++;
        DS_TRY(parse_known_extension(c, x, e));
    }
    return ds_der_end(&list, e, "extensions");
}

static int parse_tbs(struct ds_x509 *c, struct ds_span body, struct ds_error *e)
{
    struct ds_reader tbs = ds_reader_of(body);
    struct ds_reader version = ds_der_enter(&tbs, DS_DER_CONTEXT_CONSTRUCTED(0));
    uint64_t v = ds_der_u64(&version, DS_DER_INTEGER, 9);
    DS_TRY(ds_der_end(&version, e, "certificate version"));
    if (v != 2)
        return ds_fail(e, DS_ERR_FORMAT, "certificate is not of X.509 version 3");
    c->serial = ds_der_integer(&tbs);
    struct ds_span inner_alg = ds_der_get_raw(&tbs, DS_DER_SEQUENCE);
    c->issuer = ds_der_get_raw(&tbs, DS_DER_SEQUENCE);
    struct ds_reader validity = ds_der_enter(&tbs, DS_DER_SEQUENCE);
    c->not_before_s = ds_der_time(&validity);
    c->not_after_s = ds_der_time(&validity);
    DS_TRY(ds_der_end(&validity, e, "validity"));
    c->subject = ds_der_get_raw(&tbs, DS_DER_SEQUENCE);
    c->spki = ds_der_get_raw(&tbs, DS_DER_SEQUENCE);
    if (ds_der_peek(&tbs) == DS_DER_CONTEXT_CONSTRUCTED(3))
        DS_TRY(parse_extensions(c, &tbs, e));
    DS_TRY(ds_der_end(&tbs, e, "certificate"));
    /* RFC 5280 4.1.1.2: both places name one algorithm. */
    if (!ds_span_eq(inner_alg, c->sig_alg))
        return ds_fail(e, DS_ERR_FORMAT, "certificate names two signature algorithms");
    return DS_OK;
}

static int parse_certificate(struct ds_x509 *c, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(c->der);
    struct ds_reader outer = ds_der_enter(&r, DS_DER_SEQUENCE);
    struct ds_der_tlv tbs = ds_der_take(&outer, DS_DER_SEQUENCE);
    c->tbs = tbs.raw;
    c->sig_alg = ds_der_get_raw(&outer, DS_DER_SEQUENCE);
    c->sig = ds_der_bit_bytes(&outer);
    DS_TRY(ds_der_end(&outer, e, "certificate"));
    DS_TRY(ds_der_end(&r, e, "certificate"));
    return parse_tbs(c, tbs.body, e);
}

int ds_x509_parse(struct ds_x509 *ret, struct ds_span der, struct ds_error *e)
{
    /* Not the room for extensions: zeros there would take as long as a tenth of the rest. */
    memset(ret, 0, offsetof(struct ds_x509, extensions));
    ret->der = der;
    ret->path_len = -1;
    int r = ds_coded(parse_certificate(ret, e), DS_CODE_X509_FORMAT, e);
    if (r < 0)
        *ret = (struct ds_x509){ 0 };
    return r;
}

/* From the end: extensions of one family differ in the last arc. */
static bool is_same_oid(struct ds_span a, struct ds_span b)
{
    bool ends_alike = a.len == b.len && (a.len == 0 || a.p[a.len - 1] == b.p[b.len - 1]);
    return ends_alike && ds_span_eq(a, b);
}

const struct ds_x509_extension *ds_x509_find(const struct ds_x509 *cert, struct ds_span oid)
{
    for (size_t i = 0; i < cert->n_extensions; i++)
        if (is_same_oid(cert->extensions[i].oid, oid))
            return &cert->extensions[i];
    return NULL;
}

/* RelativeDistinguishedName ::= SET OF SEQUENCE { type, value } */
static void find_cn(struct ds_span *ret, struct ds_reader *rdn)
{
    while (ds_der_peek(rdn) != 0) {
        struct ds_reader atv = ds_der_enter(rdn, DS_DER_SEQUENCE);
        bool is_cn = ds_span_eq(ds_der_get(&atv, DS_DER_OID), OID_COMMON_NAME);
        struct ds_span value = ds_der_any(&atv).body;
        rdn->bad = rdn->bad || atv.bad || ds_read_left(&atv) > 0;
        if (is_cn)
            *ret = value;
    }
}

struct ds_span ds_x509_cn(const struct ds_x509 *cert)
{
    struct ds_span cn = { 0 };
    struct ds_reader r = ds_reader_of(cert->subject);
    struct ds_reader rdns = ds_der_enter(&r, DS_DER_SEQUENCE);
    while (ds_der_peek(&rdns) != 0) {
        struct ds_reader rdn = ds_der_enter(&rdns, DS_DER_SET);
        find_cn(&cn, &rdn);
        rdns.bad = rdns.bad || rdn.bad;
    }
    return rdns.bad ? (struct ds_span){ 0 } : cn;
}

struct ds_x509_name ds_x509_name_of(const struct ds_x509 *cert)
{
    struct ds_x509_name n;
    (void)ds_str_printable(n.s, sizeof n.s, ds_x509_cn(cert));
    return n;
}

/* RFC 5280 4.2.1.1: where both name the key, they agree. */
static bool is_key_id_same(struct ds_span aki, struct ds_span ski)
{
    return aki.len == 0 || ski.len == 0 || ds_span_eq(aki, ski);
}

/* `of`: the certificate whose name the reason gives. Names are for reasons: none is read on the way to a yes. */
static int check_signature(struct ds_span sig_alg, struct ds_span tbs, struct ds_span sig,
                           const struct ds_x509 *signer, enum ds_code code,
                           const struct ds_x509 *of, struct ds_error *e)
{
    char want[96];
    size_t i = 0;
    while (i < DS_LEN(algorithms) && !ds_span_eq(sig_alg, algorithms[i].der))
        i++;
    if (i == DS_LEN(algorithms))
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_X509_ALGORITHM, ds_x509_name_of(of).s,
                         "ecdsa-with-SHA256, ecdsa-with-SHA384 or RSASSA-PSS with SHA-384",
                         "another algorithm", NULL);
    int r = ds_spki_verify(algorithms[i].alg, signer->spki, tbs, sig, e);
    if (r == DS_ERR_UNSUPPORTED)
        return ds_refuse(e, r, DS_CODE_X509_ALGORITHM, ds_x509_name_of(of).s, algorithms[i].key,
                         "another key", NULL);
    if (r != DS_ERR_UNTRUSTED)
        return ds_coded(r, DS_CODE_X509_ALGORITHM, e);
    (void)snprintf(want, sizeof want, "signed by %s", ds_x509_name_of(signer).s);
    return ds_refuse(e, r, code, ds_x509_name_of(of).s, want, "a signature that does not verify",
                     NULL);
}

int ds_x509_check_issued(const struct ds_x509 *cert, const struct ds_x509 *issuer, size_t depth,
                         struct ds_error *e)
{
    /* RFC 5280 6.1.3 (a)(4): names chain. Raw bytes: one CA writes its name one way. */
    if (!ds_span_eq(cert->issuer, issuer->subject) || !is_key_id_same(cert->aki, issuer->ski))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_X509_ISSUER, ds_x509_name_of(cert).s,
                         ds_x509_name_of(issuer).s, "another issuer", NULL);
    /* RFC 5280 6.1.4 (k), (m), (n) */
    if (!issuer->is_ca || (issuer->path_len >= 0 && (size_t)issuer->path_len < depth) ||
        !issuer->has_key_usage || (issuer->key_usage & DS_KEY_USAGE_CERT_SIGN) == 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_X509_NOT_CA, ds_x509_name_of(issuer).s,
                         "a CA that may issue at this depth",
                         issuer->is_ca ? "one that may not" : "no CA", NULL);
    /* RFC 5280 6.1.3 (a)(1) */
    return check_signature(cert->sig_alg, cert->tbs, cert->sig, issuer, DS_CODE_X509_SIGNATURE,
                           cert, e);
}

int ds_x509_check_time(const struct ds_x509 *cert, int64_t now_s, struct ds_error *e)
{
    char limit[21], now[21];
    if (now_s < cert->not_before_s)
        return ds_refuse(e, DS_ERR_STALE, DS_CODE_X509_NOT_YET_VALID, ds_x509_name_of(cert).s,
                         ds_date_format(limit, cert->not_before_s), ds_date_format(now, now_s),
                         NULL);
    if (now_s > cert->not_after_s)
        return ds_refuse(e, DS_ERR_STALE, DS_CODE_X509_EXPIRED, ds_x509_name_of(cert).s,
                         ds_date_format(limit, cert->not_after_s), ds_date_format(now, now_s),
                         NULL);
    return DS_OK;
}

int ds_x509_check_critical_but(const struct ds_x509 *cert, struct ds_span processed,
                               struct ds_error *e)
{
    for (size_t i = 0; i < cert->n_extensions; i++) {
        struct ds_span oid = cert->extensions[i].oid;
        uint8_t arc = id_ce(oid);
        if (cert->extensions[i].is_critical && arc != BASIC_CONSTRAINTS && arc != KEY_USAGE &&
            !ds_span_eq(oid, DS_OID_SIMULATED_MARKER) && !ds_span_eq(oid, processed))
            return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_X509_CRITICAL, ds_x509_name_of(cert).s,
                             "critical extensions that are understood", DS_HEX(oid), NULL);
    }
    return DS_OK;
}

int ds_x509_check_critical(const struct ds_x509 *cert, struct ds_error *e)
{
    return ds_x509_check_critical_but(cert, (struct ds_span){ 0 }, e);
}

int ds_x509_check_marker(const struct ds_x509 *cert, const struct ds_anchor *anchor,
                         struct ds_error *e)
{
    const struct ds_x509_extension *x = ds_x509_find(cert, DS_OID_SIMULATED_MARKER);
    bool is_simulated = anchor->kind == DS_KIND_SIMULATED;
    if (is_simulated && (x == NULL || !x->is_critical))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_MARKER_MISSING, ds_x509_name_of(cert).s,
                         "critical marker", "none", anchor->name);
    if (!is_simulated && x != NULL)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_MARKER_UNEXPECTED, ds_x509_name_of(cert).s,
                         "no marker", "marker of the simulated platform", anchor->name);
    return DS_OK;
}

int ds_x509_check_link(const struct ds_x509 *cert, const struct ds_x509 *issuer, size_t depth,
                       const struct ds_anchor *anchor, struct ds_error *e)
{
    int r = ds_x509_check_critical(cert, e);
    if (r == DS_OK)
        r = ds_x509_check_marker(cert, anchor, e);
    if (r == DS_OK)
        r = ds_x509_check_issued(cert, issuer, depth, e);
    return ds_anchored(r, anchor->name, e);
}

/*
 * RFC 5280 6.1.1 (d): an anchor is a name and a key. The key is the pinned one;
 * a signature that it made over itself would add nothing, so it is not verified.
 */
static int check_root(const struct ds_x509 *root, const struct ds_anchor *anchor,
                      struct ds_error *e)
{
    int r = ds_x509_check_critical(root, e);
    if (r == DS_OK)
        r = ds_x509_check_marker(root, anchor, e);
    return ds_anchored(r, anchor->name, e);
}

int ds_x509_check_path(struct ds_anchor *ret, const struct ds_x509 *chain, size_t n,
                       const struct ds_anchors *anchors, enum ds_vendor vendor, struct ds_error *e)
{
    uint8_t spki_sha256[32];
    struct ds_anchor anchor;
    if (n < 1 || n > DS_X509_CHAIN_MAX)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_X509_CHAIN, "chain", "1 to 4 certificates",
                         n < 1 ? "none" : "more", DS_NO_ANCHOR);
    DS_TRY(ds_hash(DS_SHA256, spki_sha256, chain[n - 1].spki, e));
    DS_TRY(ds_anchors_find(&anchor, anchors, vendor, spki_sha256, e));
    DS_TRY(check_root(&chain[n - 1], &anchor, e));
    for (size_t i = n - 1; i-- > 0;)
        DS_TRY(ds_x509_check_link(&chain[i], &chain[i + 1], i, &anchor, e));
    *ret = anchor;
    return DS_OK;
}

int ds_x509_check_times(const struct ds_x509 *chain, size_t n, int64_t now_s, struct ds_error *e)
{
    for (size_t i = n; i-- > 0;)
        DS_TRY(ds_x509_check_time(&chain[i], now_s, e));
    return DS_OK;
}

int ds_x509_check_chain(struct ds_anchor *ret, const struct ds_x509 *chain, size_t n,
                        const struct ds_anchors *anchors, enum ds_vendor vendor, int64_t now_s,
                        struct ds_error *e)
{
    struct ds_anchor anchor;
    DS_TRY(ds_x509_check_path(&anchor, chain, n, anchors, vendor, e));
    DS_TRY(ds_anchored(ds_x509_check_times(chain, n, now_s, e), anchor.name, e));
    *ret = anchor;
    return DS_OK;
}

/* Extensions of a list or of an entry: none may be critical, as we process none of them. */
static int parse_crl_extensions(struct ds_crl *crl, struct ds_reader *list, struct ds_error *e)
{
    while (ds_der_peek(list) != 0) {
        struct ds_x509_extension x;
        DS_TRY(parse_extension(&x, list, e));
        if (x.is_critical)
            return ds_fail(e, DS_ERR_UNSUPPORTED, "revocation list has a critical extension");
        if (crl != NULL && id_ce(x.oid) == AUTHORITY_KEY_ID)
            DS_TRY(parse_authority_key_id(&crl->aki, x.value, e));
        if (crl != NULL && id_ce(x.oid) == CRL_NUMBER)
            crl->has_number = true;
    }
    return ds_der_end(list, e, "revocation list extensions");
}

static int parse_crl_entries(struct ds_crl *crl, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(crl->revoked);
    while (ds_der_peek(&r) != 0) {
        struct ds_reader s = ds_der_enter(&r, DS_DER_SEQUENCE);
        (void)ds_der_integer(&s);
        (void)ds_der_time(&s);
        if (ds_der_peek(&s) == DS_DER_SEQUENCE) {
            struct ds_reader list = ds_der_enter(&s, DS_DER_SEQUENCE);
            DS_TRY(parse_crl_extensions(NULL, &list, e));
        }
        DS_TRY(ds_der_end(&s, e, "revocation list entry"));
        crl->n_revoked++;
    }
    return ds_der_end(&r, e, "revocation list entries");
}

static int parse_crl(struct ds_crl *crl, struct ds_span der, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(der);
    struct ds_reader outer = ds_der_enter(&r, DS_DER_SEQUENCE);
    crl->tbs = ds_der_get_raw(&outer, DS_DER_SEQUENCE);
    crl->sig_alg = ds_der_get_raw(&outer, DS_DER_SEQUENCE);
    crl->sig = ds_der_bit_bytes(&outer);
    DS_TRY(ds_der_end(&outer, e, "revocation list"));
    DS_TRY(ds_der_end(&r, e, "revocation list"));

    struct ds_reader in = ds_reader_of(crl->tbs);
    struct ds_reader tbs = ds_der_enter(&in, DS_DER_SEQUENCE);
    if (ds_der_u64(&tbs, DS_DER_INTEGER, 9) != 1)
        return ds_fail(e, DS_ERR_FORMAT, "revocation list is not of version 2");
    struct ds_span inner_alg = ds_der_get_raw(&tbs, DS_DER_SEQUENCE);
    crl->issuer = ds_der_get_raw(&tbs, DS_DER_SEQUENCE);
    crl->this_update_s = ds_der_time(&tbs);
    crl->next_update_s = ds_der_time(&tbs);
    if (ds_der_peek(&tbs) == DS_DER_SEQUENCE) {
        crl->revoked = ds_der_get(&tbs, DS_DER_SEQUENCE);
        DS_TRY(parse_crl_entries(crl, e));
    }
    if (ds_der_peek(&tbs) == DS_DER_CONTEXT_CONSTRUCTED(0)) {
        struct ds_reader wrap = ds_der_enter(&tbs, DS_DER_CONTEXT_CONSTRUCTED(0));
        struct ds_reader list = ds_der_enter(&wrap, DS_DER_SEQUENCE);
        DS_TRY(ds_der_end(&wrap, e, "revocation list extensions"));
        DS_TRY(parse_crl_extensions(crl, &list, e));
    }
    DS_TRY(ds_der_end(&tbs, e, "revocation list"));
    if (!ds_span_eq(inner_alg, crl->sig_alg))
        return ds_fail(e, DS_ERR_FORMAT, "revocation list names two signature algorithms");
    return DS_OK;
}

int ds_crl_parse(struct ds_crl *ret, struct ds_span der, struct ds_error *e)
{
    struct ds_crl crl = { 0 };
    DS_TRY(ds_coded(parse_crl(&crl, der, e), DS_CODE_CRL_FORMAT, e));
    *ret = crl;
    return DS_OK;
}

int ds_crl_check_issued(const struct ds_crl *crl, const struct ds_x509 *issuer, struct ds_error *e)
{
    /* RFC 5280 6.3.3 (b), (f) */
    if (!ds_span_eq(crl->issuer, issuer->subject) || !is_key_id_same(crl->aki, issuer->ski) ||
        !issuer->has_key_usage || (issuer->key_usage & DS_KEY_USAGE_CRL_SIGN) == 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_CRL_ISSUER, "crl_issuer",
                         ds_x509_name_of(issuer).s, "another issuer", NULL);
    /* RFC 5280 6.3.3 (g) */
    return check_signature(crl->sig_alg, crl->tbs, crl->sig, issuer, DS_CODE_CRL_SIGNATURE, issuer,
                           e);
}

int ds_crl_check_time(const struct ds_crl *crl, const struct ds_x509 *issuer, int64_t now_s,
                      struct ds_error *e)
{
    /* RFC 5280 5.1.2.5 */
    const struct ds_dates dates = { crl->this_update_s, crl->next_update_s };
    if (ds_dates_has(&dates, now_s))
        return DS_OK;
    return ds_dates_refuse(&dates, now_s, DS_CODE_CRL_DATES, ds_x509_name_of(issuer).s, NULL, e);
}

int ds_crl_check(const struct ds_crl *crl, const struct ds_x509 *issuer, int64_t now_s,
                 struct ds_error *e)
{
    DS_TRY(ds_crl_check_issued(crl, issuer, e));
    return ds_crl_check_time(crl, issuer, now_s, e);
}

bool ds_crl_has(const struct ds_crl *crl, const struct ds_x509 *cert)
{
    struct ds_reader r = ds_reader_of(crl->revoked);
    while (ds_der_peek(&r) != 0) {
        struct ds_reader s = ds_der_enter(&r, DS_DER_SEQUENCE);
        if (ds_span_eq(ds_der_integer(&s), cert->serial))
            return true;
    }
    return false;
}

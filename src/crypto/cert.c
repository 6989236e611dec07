/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and revocation lists, built with libcrypto's X.509 objects: the
 * parts of DER that have rules of their own (names, dates, identifiers) are its
 * work, what goes into them is ours.
 */
#include "crypto/cert.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "crypto/ossl.h"
#include "crypto/rand.h"
#include "crypto/verify.h"

#define SERIAL_MAX 20
#define KEY_ID_LEN 20

OSSL_AUTO(X509, X509_free)
OSSL_AUTO(X509_CRL, X509_CRL_free)
OSSL_AUTO(X509_NAME, X509_NAME_free)
OSSL_AUTO(X509_PUBKEY, X509_PUBKEY_free)
OSSL_AUTO(X509_EXTENSION, X509_EXTENSION_free)
OSSL_AUTO(X509_REVOKED, X509_REVOKED_free)
OSSL_AUTO(ASN1_TIME, ASN1_TIME_free)
OSSL_AUTO(ASN1_INTEGER, ASN1_INTEGER_free)
OSSL_AUTO(ASN1_BIT_STRING, ASN1_BIT_STRING_free)
OSSL_AUTO(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
OSSL_AUTO(ASN1_OBJECT, ASN1_OBJECT_free)
OSSL_AUTO(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
OSSL_AUTO(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
OSSL_AUTO(GENERAL_NAMES, GENERAL_NAMES_free)
OSSL_AUTO(GENERAL_NAME, GENERAL_NAME_free)
OSSL_AUTO(AUTHORITY_KEYID, AUTHORITY_KEYID_free)
OSSL_AUTO(CRL_DIST_POINTS, CRL_DIST_POINTS_free)
OSSL_AUTO(DIST_POINT, DIST_POINT_free)
OSSL_AUTO(DIST_POINT_NAME, DIST_POINT_NAME_free)
OSSL_AUTO(BIGNUM, BN_free)

/* Who signs: the subject itself where cert is NULL. */
struct issuer {
    X509 *cert;
    const struct ds_p256_key *key;
    uint8_t key_id[KEY_ID_LEN];
};

static void issuer_done(struct issuer *is) { X509_free(is->cert); }

/* RFC 7093 §2: the leftmost 160 bits of the SHA-256 of the public key's bits. */
static int key_id_of(uint8_t ret[KEY_ID_LEN], struct ds_span spki, struct ds_error *e)
{
    uint8_t xy[64], point[65] = { 4 }, digest[32];
    DS_TRY(ds_p256_of_spki(xy, spki, e));
    memcpy(point + 1, xy, sizeof xy);
    if (EVP_Digest(point, sizeof point, digest, NULL, EVP_sha256(), NULL) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "key identifier failed");
    memcpy(ret, digest, KEY_ID_LEN);
    return DS_OK;
}

static int issuer_load(struct issuer *ret, struct ds_span der, const struct ds_p256_key *key,
                       struct ds_error *e)
{
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, key);
    *ret = (struct issuer){ .key = key };
    DS_TRY(key_id_of(ret->key_id, DS_SPAN_OF(spki), e));
    if (der.len == 0)
        return DS_OK;
    const unsigned char *p = der.p;
    ret->cert = d2i_X509(NULL, &p, (long)der.len);
    if (ret->cert == NULL || p != der.p + der.len)
        return ossl_fail(e, DS_ERR_FORMAT, "the issuer's certificate is malformed");
    if (X509_check_private_key(ret->cert, ds_p256_key_evp(key)) != 1)
        return ossl_fail(e, DS_ERR_ARG, "the signing key is not the issuer's");
    /* What the issuer itself says its identifier is, if it does. */
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(ret->cert);
    if (id != NULL && ASN1_STRING_length(id) == KEY_ID_LEN)
        memcpy(ret->key_id, ASN1_STRING_get0_data(id), KEY_ID_LEN);
    return DS_OK;
}

static int name_make(X509_NAME **ret, const struct ds_cert_name *name, struct ds_error *e)
{
    const struct {
        const char *field, *text;
    } parts[] = {
        { "C", name->c }, { "ST", name->st }, { "L", name->l },
        { "O", name->o }, { "CN", name->cn },
    };
    DS_AUTO(X509_NAME_free_auto) X509_NAME *made = X509_NAME_new();
    if (made == NULL)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for a name");
    for (size_t i = 0; i < DS_LEN(parts); i++) {
        if (parts[i].text == NULL)
            continue;
        const unsigned char *text = (const unsigned char *)parts[i].text;
        if (X509_NAME_add_entry_by_txt(made, parts[i].field, MBSTRING_UTF8, text, -1, -1, 0) != 1) {
            ERR_clear_error();
            return ds_fail(e, DS_ERR_ARG, "'%s' cannot be the %s of a certificate", parts[i].text,
                           parts[i].field);
        }
    }
    *ret = DS_TAKE_PTR(made);
    return DS_OK;
}

static int time_make(ASN1_TIME **ret, int64_t t_s, struct ds_error *e)
{
    /* RFC 5280 §4.1.2.5: UTCTime through 2049, then GeneralizedTime. */
    *ret = ASN1_TIME_adj(NULL, (time_t)t_s, 0, 0);
    if (*ret == NULL) {
        ERR_clear_error();
        return ds_fail(e, DS_ERR_ARG, "%lld s is no date for a certificate", (long long)t_s);
    }
    return DS_OK;
}

static int serial_make(ASN1_INTEGER **ret, struct ds_span serial, struct ds_error *e)
{
    uint8_t random[16];
    if (serial.len == 0) {
        DS_TRY(ds_rand(random, sizeof random, e));
        random[0] = (random[0] & 0x7f) | 0x40; /* positive, and of one length */
        serial = DS_SPAN_OF(random);
    }
    if (serial.len > SERIAL_MAX)
        return ds_fail(e, DS_ERR_ARG, "serial of %zu bytes; RFC 5280 allows %d", serial.len,
                       SERIAL_MAX);
    DS_AUTO(BN_free_auto) BIGNUM *bn = BN_bin2bn(serial.p, (int)serial.len, NULL);
    *ret = bn != NULL ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
    if (*ret == NULL)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for a serial");
    return DS_OK;
}

static int add_ext(X509 *cert, int nid, void *value, bool critical, struct ds_error *e)
{
    if (value == NULL || X509_add1_ext_i2d(cert, nid, value, critical ? 1 : 0, 0) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "extension failed");
    return DS_OK;
}

static int add_ca(X509 *cert, const struct ds_cert_spec *spec, struct ds_error *e)
{
    if (!spec->ca)
        return DS_OK;
    DS_AUTO(BASIC_CONSTRAINTS_free_auto) BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
    if (bc == NULL)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    bc->ca = 0xff;
    if (spec->path_len >= 0) {
        bc->pathlen = ASN1_INTEGER_new();
        if (bc->pathlen == NULL || ASN1_INTEGER_set(bc->pathlen, spec->path_len) != 1)
            return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    }
    return add_ext(cert, NID_basic_constraints, bc, true, e);
}

static int add_usage(X509 *cert, uint32_t usage, struct ds_error *e)
{
    static const struct {
        uint32_t flag;
        int bit; /* RFC 5280 §4.2.1.3 */
    } bits[] = {
        { DS_CERT_DIGITAL_SIGNATURE, 0 },
        { DS_CERT_NON_REPUDIATION, 1 },
        { DS_CERT_KEY_CERT_SIGN, 5 },
        { DS_CERT_CRL_SIGN, 6 },
    };
    if (usage == 0)
        return DS_OK;
    DS_AUTO(ASN1_BIT_STRING_free_auto) ASN1_BIT_STRING *ku = ASN1_BIT_STRING_new();
    for (size_t i = 0; ku != NULL && i < DS_LEN(bits); i++) {
        if ((usage & bits[i].flag) != 0 && ASN1_BIT_STRING_set_bit(ku, bits[i].bit, 1) != 1)
            return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    }
    return add_ext(cert, NID_key_usage, ku, true, e);
}

static int add_eku(X509 *cert, uint32_t eku, struct ds_error *e)
{
    static const struct {
        uint32_t flag;
        int nid;
    } uses[] = { { DS_CERT_SERVER_AUTH, NID_server_auth },
                 { DS_CERT_CLIENT_AUTH, NID_client_auth } };
    if (eku == 0)
        return DS_OK;
    DS_AUTO(EXTENDED_KEY_USAGE_free_auto) EXTENDED_KEY_USAGE *list = sk_ASN1_OBJECT_new_null();
    for (size_t i = 0; list != NULL && i < DS_LEN(uses); i++) {
        /* OBJ_nid2obj gives a static object; freeing the list leaves it alone. */
        if ((eku & uses[i].flag) != 0 && sk_ASN1_OBJECT_push(list, OBJ_nid2obj(uses[i].nid)) < 1)
            return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    }
    return add_ext(cert, NID_ext_key_usage, list, false, e);
}

/* A general name of this kind over its bytes: an address, or text. */
static GENERAL_NAME *general_name(int kind, const void *bytes, size_t len)
{
    DS_AUTO(GENERAL_NAME_free_auto) GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = kind == GEN_IPADD ? ASN1_OCTET_STRING_new()
                                          : ASN1_STRING_type_new(V_ASN1_IA5STRING);
    if (name == NULL || text == NULL || ASN1_STRING_set(text, bytes, (int)len) != 1) {
        ASN1_STRING_free(text);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, kind, text);
    return DS_TAKE_PTR(name);
}

static GENERAL_NAME *san_of(const char *text)
{
    uint8_t ip[16];
    if (inet_pton(AF_INET, text, ip) == 1)
        return general_name(GEN_IPADD, ip, 4);
    if (inet_pton(AF_INET6, text, ip) == 1)
        return general_name(GEN_IPADD, ip, 16);
    return general_name(GEN_DNS, text, strlen(text));
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x21 || (unsigned char)*text > 0x7e)
            return false;
    }
    return true;
}

static int add_sans(X509 *cert, const struct ds_cert_spec *spec, struct ds_error *e)
{
    if (spec->n_sans == 0)
        return DS_OK;
    DS_AUTO(GENERAL_NAMES_free_auto) GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; names != NULL && i < spec->n_sans; i++) {
        if (spec->sans[i][0] == '\0' || !is_ascii(spec->sans[i]))
            return ds_fail(e, DS_ERR_ARG, "alternative name %zu is not a printable ASCII name", i);
        GENERAL_NAME *name = san_of(spec->sans[i]);
        if (name == NULL || sk_GENERAL_NAME_push(names, name) < 1) {
            GENERAL_NAME_free(name);
            return ossl_fail(e, DS_ERR_NOMEM, "no memory for an alternative name");
        }
    }
    return add_ext(cert, NID_subject_alt_name, names, false, e);
}

static int add_crl_url(X509 *cert, const char *url, struct ds_error *e)
{
    if (url == NULL)
        return DS_OK;
    DS_AUTO(CRL_DIST_POINTS_free_auto) CRL_DIST_POINTS *points = sk_DIST_POINT_new_null();
    DS_AUTO(DIST_POINT_free_auto) DIST_POINT *point = DIST_POINT_new();
    DS_AUTO(DIST_POINT_NAME_free_auto) DIST_POINT_NAME *where = DIST_POINT_NAME_new();
    DS_AUTO(GENERAL_NAMES_free_auto) GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    DS_AUTO(GENERAL_NAME_free_auto)
    GENERAL_NAME *name = is_ascii(url) ? general_name(GEN_URI, url, strlen(url)) : NULL;
    if (name == NULL)
        return ossl_fail(e, DS_ERR_ARG, "CRL address cannot be encoded");
    if (points == NULL || point == NULL || where == NULL || names == NULL ||
        sk_GENERAL_NAME_push(names, name) < 1)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    name = NULL;
    where->type = 0; /* fullName */
    where->name.fullname = DS_TAKE_PTR(names);
    point->distpoint = DS_TAKE_PTR(where);
    if (sk_DIST_POINT_push(points, point) < 1)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    point = NULL;
    return add_ext(cert, NID_crl_distribution_points, points, false, e);
}

static int octets(ASN1_OCTET_STRING **ret, struct ds_span bytes, struct ds_error *e)
{
    DS_AUTO(ASN1_OCTET_STRING_free_auto) ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
    if (os == NULL || ASN1_OCTET_STRING_set(os, bytes.p, (int)bytes.len) != 1)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    *ret = DS_TAKE_PTR(os);
    return DS_OK;
}

static int authority_of(AUTHORITY_KEYID **ret, const struct issuer *issuer, struct ds_error *e)
{
    DS_AUTO(AUTHORITY_KEYID_free_auto) AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    if (id == NULL)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    DS_TRY(octets(&id->keyid, DS_SPAN_OF(issuer->key_id), e));
    *ret = DS_TAKE_PTR(id);
    return DS_OK;
}

static int add_key_ids(X509 *cert, struct ds_span spki, const struct issuer *issuer,
                       struct ds_error *e)
{
    uint8_t own_id[KEY_ID_LEN];
    DS_TRY(key_id_of(own_id, spki, e));
    DS_AUTO(ASN1_OCTET_STRING_free_auto) ASN1_OCTET_STRING *own = NULL;
    DS_AUTO(AUTHORITY_KEYID_free_auto) AUTHORITY_KEYID *authority = NULL;
    DS_TRY(octets(&own, DS_SPAN_OF(own_id), e));
    DS_TRY(authority_of(&authority, issuer, e));
    DS_TRY(add_ext(cert, NID_subject_key_identifier, own, false, e));
    return add_ext(cert, NID_authority_key_identifier, authority, false, e);
}

static int add_extra(X509 *cert, const struct ds_cert_ext *ext, struct ds_error *e)
{
    DS_AUTO(ASN1_OBJECT_free_auto) ASN1_OBJECT *oid = OBJ_txt2obj(ext->oid, 1);
    if (oid == NULL) {
        ERR_clear_error();
        return ds_fail(e, DS_ERR_ARG, "'%s' is no object identifier", ext->oid);
    }
    DS_AUTO(ASN1_OCTET_STRING_free_auto) ASN1_OCTET_STRING *value = NULL;
    DS_TRY(octets(&value, ext->value, e));
    DS_AUTO(X509_EXTENSION_free_auto)
    X509_EXTENSION *made = X509_EXTENSION_create_by_OBJ(NULL, oid, ext->critical ? 1 : 0, value);
    if (made == NULL || X509_add_ext(cert, made, -1) != 1)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    return DS_OK;
}

/* Version, serial, names, dates and key: all but the extensions. */
static int set_body(X509 *cert, const struct ds_cert_spec *spec, const struct issuer *issuer,
                    struct ds_error *e)
{
    DS_AUTO(X509_NAME_free_auto) X509_NAME *subject = NULL;
    DS_AUTO(ASN1_TIME_free_auto) ASN1_TIME *from = NULL;
    DS_AUTO(ASN1_TIME_free_auto) ASN1_TIME *to = NULL;
    DS_AUTO(ASN1_INTEGER_free_auto) ASN1_INTEGER *serial = NULL;
    DS_TRY(name_make(&subject, &spec->subject, e));
    DS_TRY(time_make(&from, spec->not_before_s, e));
    DS_TRY(time_make(&to, spec->not_after_s, e));
    DS_TRY(serial_make(&serial, spec->serial, e));
    const X509_NAME *issuer_name = issuer->cert != NULL ? X509_get_subject_name(issuer->cert)
                                                        : subject;

    const unsigned char *p = spec->spki.p;
    DS_AUTO(X509_PUBKEY_free_auto)
    X509_PUBKEY *pub = d2i_X509_PUBKEY(NULL, &p, (long)spec->spki.len);
    EVP_PKEY *pkey = pub != NULL ? X509_PUBKEY_get0(pub) : NULL;
    if (pkey == NULL)
        return ossl_fail(e, DS_ERR_ARG, "the subject's public key is malformed");
    if (X509_set_version(cert, X509_VERSION_3) != 1 || X509_set_serialNumber(cert, serial) != 1 ||
        X509_set_subject_name(cert, subject) != 1 || X509_set_issuer_name(cert, issuer_name) != 1 ||
        X509_set1_notBefore(cert, from) != 1 || X509_set1_notAfter(cert, to) != 1 ||
        X509_set_pubkey(cert, pkey) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "certificate body failed");
    return DS_OK;
}

static int check_spec(const struct ds_cert_spec *spec, const struct issuer *issuer,
                      struct ds_error *e)
{
    if (spec->not_before_s > spec->not_after_s)
        return ds_fail(e, DS_ERR_ARG, "a certificate that ends before it begins");
    if (issuer->cert != NULL)
        return DS_OK;
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, issuer->key);
    if (!ds_span_eq(spec->spki, DS_SPAN_OF(spki)))
        return ds_fail(e, DS_ERR_ARG, "a self-signed certificate over another key than its own");
    return DS_OK;
}

int ds_cert_make(struct ds_buf *ret, const struct ds_cert_spec *spec, struct ds_span issuer_der,
                 const struct ds_p256_key *issuer_key, struct ds_error *e)
{
    DS_AUTO(issuer_done) struct issuer issuer = { 0 };
    DS_TRY(issuer_load(&issuer, issuer_der, issuer_key, e));
    DS_TRY(check_spec(spec, &issuer, e));
    DS_AUTO(X509_free_auto) X509 *cert = X509_new();
    if (cert == NULL)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for a certificate");
    DS_TRY(set_body(cert, spec, &issuer, e));
    DS_TRY(add_ca(cert, spec, e));
    DS_TRY(add_usage(cert, spec->usage, e));
    DS_TRY(add_eku(cert, spec->eku, e));
    DS_TRY(add_key_ids(cert, spec->spki, &issuer, e));
    DS_TRY(add_sans(cert, spec, e));
    DS_TRY(add_crl_url(cert, spec->crl_url, e));
    for (size_t i = 0; i < spec->n_exts; i++)
        DS_TRY(add_extra(cert, &spec->exts[i], e));
    unsigned char *der = NULL;
    if (X509_sign(cert, ds_p256_key_evp(issuer_key), EVP_sha256()) == 0)
        return ossl_fail(e, DS_ERR_CRYPTO, "signing a certificate failed");
    int len = i2d_X509(cert, &der);
    if (len < 0)
        return ossl_fail(e, DS_ERR_CRYPTO, "encoding a certificate failed");
    ds_buf_add(ret, DS_SPAN(der, (size_t)len));
    OPENSSL_free(der);
    return ds_buf_end(ret, e, "certificate");
}

static int crl_add_ext(X509_CRL *crl, int nid, void *value, struct ds_error *e)
{
    if (value == NULL || X509_CRL_add1_ext_i2d(crl, nid, value, 0, 0) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "extension failed");
    return DS_OK;
}

static int crl_revoke(X509_CRL *crl, struct ds_span serial, const ASN1_TIME *when,
                      struct ds_error *e)
{
    if (serial.len == 0)
        return ds_fail(e, DS_ERR_ARG, "a revoked serial is empty");
    DS_AUTO(ASN1_INTEGER_free_auto) ASN1_INTEGER *number = NULL;
    DS_TRY(serial_make(&number, serial, e));
    DS_AUTO(X509_REVOKED_free_auto) X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *date = ASN1_STRING_dup(when);
    bool good = revoked != NULL && date != NULL &&
                X509_REVOKED_set_serialNumber(revoked, number) == 1 &&
                X509_REVOKED_set_revocationDate(revoked, date) == 1;
    ASN1_TIME_free(date);
    if (!good || X509_CRL_add0_revoked(crl, revoked) != 1)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for a revoked serial");
    revoked = NULL;
    return DS_OK;
}

static int crl_body(X509_CRL *crl, const struct ds_crl_spec *spec, const struct issuer *issuer,
                    struct ds_error *e)
{
    DS_AUTO(ASN1_TIME_free_auto) ASN1_TIME *from = NULL;
    DS_AUTO(ASN1_TIME_free_auto) ASN1_TIME *to = NULL;
    DS_TRY(time_make(&from, spec->this_update_s, e));
    DS_TRY(time_make(&to, spec->next_update_s, e));
    if (X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) != 1 ||
        X509_CRL_set1_lastUpdate(crl, from) != 1 || X509_CRL_set1_nextUpdate(crl, to) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "revocation list failed");
    for (size_t i = 0; i < spec->n_revoked; i++)
        DS_TRY(crl_revoke(crl, spec->revoked[i], from, e));

    DS_AUTO(AUTHORITY_KEYID_free_auto) AUTHORITY_KEYID *authority = NULL;
    DS_AUTO(ASN1_INTEGER_free_auto) ASN1_INTEGER *number = ASN1_INTEGER_new();
    if (number == NULL || ASN1_INTEGER_set_uint64(number, spec->number) != 1)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for an extension");
    DS_TRY(authority_of(&authority, issuer, e));
    DS_TRY(crl_add_ext(crl, NID_authority_key_identifier, authority, e));
    return crl_add_ext(crl, NID_crl_number, number, e);
}

int ds_crl_make(struct ds_buf *ret, const struct ds_crl_spec *spec, struct ds_span issuer_der,
                const struct ds_p256_key *issuer_key, struct ds_error *e)
{
    if (issuer_der.len == 0)
        return ds_fail(e, DS_ERR_ARG, "a revocation list needs its issuer's certificate");
    DS_AUTO(issuer_done) struct issuer issuer = { 0 };
    DS_TRY(issuer_load(&issuer, issuer_der, issuer_key, e));
    DS_AUTO(X509_CRL_free_auto) X509_CRL *crl = X509_CRL_new();
    if (crl == NULL)
        return ossl_fail(e, DS_ERR_NOMEM, "no memory for a revocation list");
    DS_TRY(crl_body(crl, spec, &issuer, e));
    unsigned char *der = NULL;
    if (X509_CRL_sort(crl) != 1 ||
        X509_CRL_sign(crl, ds_p256_key_evp(issuer_key), EVP_sha256()) == 0)
        return ossl_fail(e, DS_ERR_CRYPTO, "signing a revocation list failed");
    int len = i2d_X509_CRL(crl, &der);
    if (len < 0)
        return ossl_fail(e, DS_ERR_CRYPTO, "encoding a revocation list failed");
    ds_buf_add(ret, DS_SPAN(der, (size_t)len));
    OPENSSL_free(der);
    return ds_buf_end(ret, e, "revocation list");
}

void ds_pem_add(struct ds_buf *ret, const char *label, struct ds_span der)
{
    /* 48 bytes make one line of 64 digits. */
    enum { LINE = 48 };
    ds_buf_printf(ret, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < der.len; at += LINE) {
        char digits[DS_BASE64_LEN(LINE) + 1];
        ds_buf_str(ret, ds_base64_encode(digits, ds_span_sub(der, at, LINE)));
        ds_buf_char(ret, '\n');
    }
    ds_buf_printf(ret, "-----END %s-----\n", label);
}

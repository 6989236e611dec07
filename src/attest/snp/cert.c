/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering the certificates of an SEV-SNP chain, and reading AMD's extensions:
 * all under 1.3.6.1.4.1.3704.1, each a bare DER value, but for the HWID.
 */

#include "attest/snp/cert.h"

#include <stdio.h>

#include "attest/coded.h"
#include "base/hex.h"
#include "base/scope.h"
#include "base/str.h"
#include "codec/der.h"
#include "codec/pem.h"

#define AMD_ARC         "\x2b\x06\x01\x04\x01\x9c\x78\x01"
#define OID_STRUCT      DS_SPAN_LIT(AMD_ARC "\x01")
#define OID_PRODUCT     DS_SPAN_LIT(AMD_ARC "\x02")
#define OID_HWID        DS_SPAN_LIT(AMD_ARC "\x04")
#define OID_CSP_ID      DS_SPAN_LIT(AMD_ARC "\x05")
#define DER_IA5         0x16
#define GUID_LEN        16
#define ENTRY_LEN       24
#define STRUCT_MAX      1 /* 1 since Turin */
#define HWID_TURIN_LEN  8
#define OCTETS_HEAD_LEN 2 /* of a short OCTET STRING */

static const char *const slot_names[DS_SNP_N_SLOTS] = {
    [DS_SNP_VCEK] = "VCEK", [DS_SNP_VLEK] = "VLEK", [DS_SNP_ASK] = "ASK",
    [DS_SNP_ASVK] = "ASVK", [DS_SNP_ARK] = "ARK",   [DS_SNP_CRL] = "CRL",
};

/* 57230 2.3 and 3: subject names. The first that fits counts, as "SEV-" begins the others too. */
static const struct {
    const char *cn;
    bool is_prefix; /* the product follows */
    enum ds_snp_slot slot;
} names[] = {
    { "SEV-VCEK", false, DS_SNP_VCEK }, { "SEV-VLEK", false, DS_SNP_VLEK },
    { "SEV-VLEK-", true, DS_SNP_ASVK }, { "SEV-", true, DS_SNP_ASK },
    { "ARK-", true, DS_SNP_ARK },
};

/* 56421 4.1.8.1, in the order of the text's bytes; an ASVK travels under the ASK's. */
static const struct {
    uint8_t guid[GUID_LEN];
    unsigned slots; /* bits: what may stand there */
} guids[] = {
    { { 0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
        0xcd },
      1u << DS_SNP_VCEK },
    { { 0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8,
        0xa1 },
      1u << DS_SNP_VLEK },
    { { 0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
        0x82 },
      1u << DS_SNP_ASK | 1u << DS_SNP_ASVK },
    { { 0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
        0xae },
      1u << DS_SNP_ARK },
    { { 0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67,
        0xea },
      1u << DS_SNP_CRL },
};

static const unsigned any_cert = (1u << DS_SNP_CRL) - 1;

struct entry {
    struct ds_span guid;
    uint32_t at, len;
};

static bool is_named(struct ds_span cn, const char *name, bool is_prefix)
{
    size_t n = strlen(name);
    return is_prefix ? cn.len > n && memcmp(cn.p, name, n) == 0 : ds_span_eq_str(cn, name);
}

static int put(struct ds_snp_certs *certs, enum ds_snp_slot slot, struct ds_span der,
               struct ds_error *e)
{
    struct ds_span *at = &certs->der[slot];
    if (at->len != 0 && !ds_span_eq(*at, der))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_SNP_CERTS, slot_names[slot], "one", "two",
                         DS_NO_ANCHOR);
    *at = der;
    return DS_OK;
}

/* A certificate goes to the place that its name says, if that is one of `slots`. */
static int add_der(struct ds_snp_certs *certs, struct ds_span der, unsigned slots,
                   struct ds_error *e)
{
    struct ds_x509 x;
    DS_TRY(ds_anchored(ds_x509_parse(&x, der, e), NULL, e));
    struct ds_span cn = ds_x509_cn(&x);
    size_t i = 0;
    while (i < DS_LEN(names) && !is_named(cn, names[i].cn, names[i].is_prefix))
        i++;
    if (i < DS_LEN(names) && (slots & 1u << names[i].slot) != 0)
        return put(certs, names[i].slot, der, e);
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_SNP_CERTS, "common_name",
                     slots == any_cert ? "SEV-VCEK, SEV-VLEK, SEV-... or ARK-..."
                                       : "the certificate that its entry names",
                     ds_x509_name_of(&x).s, DS_NO_ANCHOR);
}

static int add_pem(struct ds_snp_certs *certs, struct ds_arena *mem, struct ds_span pem,
                   unsigned slots, struct ds_error *e)
{
    for (;;) {
        struct ds_span der;
        int r = ds_coded(ds_pem_next(&der, &pem, "CERTIFICATE", mem, e), DS_CODE_X509_FORMAT, e);
        DS_TRY(ds_anchored(r, NULL, e));
        if (der.p == NULL)
            return DS_OK;
        DS_TRY(add_der(certs, der, slots, e));
    }
}

static bool is_pem(struct ds_span item)
{
    struct ds_span begin = DS_SPAN_LIT("-----BEGIN ");
    return ds_span_eq(ds_span_sub(item, 0, begin.len), begin);
}

/* RFC 5280 4.1, 5.1: a list begins with its version, a certificate of version 3 with a tagged one. */
static bool is_crl(struct ds_span der)
{
    struct ds_reader r = ds_reader_of(der);
    struct ds_reader list = ds_der_enter(&r, DS_DER_SEQUENCE);
    struct ds_reader tbs = ds_der_enter(&list, DS_DER_SEQUENCE);
    return !tbs.bad && ds_der_peek(&tbs) == DS_DER_INTEGER;
}

static int add_content(struct ds_snp_certs *certs, struct ds_arena *mem, struct ds_span content,
                       unsigned slots, struct ds_error *e)
{
    if (slots == 1u << DS_SNP_CRL)
        return put(certs, DS_SNP_CRL, content, e);
    return is_pem(content) ? add_pem(certs, mem, content, slots, e)
                           : add_der(certs, content, slots, e);
}

static int refuse_table(const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_SNP_CERT_TABLE, "certificate_table", expected, got,
                     DS_NO_ANCHOR);
}

static bool is_zero(struct ds_span s)
{
    size_t i = 0;
    while (i < s.len && s.p[i] == 0)
        i++;
    return i == s.len;
}

/* The entries up to the one of zeros that ends them. */
static int read_entries(struct entry *ret, size_t *ret_n, size_t *ret_end, struct ds_span table,
                        struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(table);
    for (size_t n = 0; n <= DS_SNP_TABLE_ENTRIES_MAX; n++) {
        struct ds_span raw = ds_read_span(&r, ENTRY_LEN);
        struct ds_reader in = ds_reader_of(raw);
        if (r.bad)
            return refuse_table("an entry of zeros at its end", "none", e);
        if (is_zero(raw)) {
            *ret_n = n;
            *ret_end = ds_read_at(&r);
            return DS_OK;
        }
        if (n == DS_SNP_TABLE_ENTRIES_MAX)
            break;
        ret[n].guid = ds_read_span(&in, GUID_LEN);
        ret[n].at = ds_read_u32le(&in);
        ret[n].len = ds_read_u32le(&in);
    }
    return refuse_table("at most 16 entries", "more", e);
}

static bool is_apart(const struct entry *a, const struct entry *b)
{
    return (uint64_t)a->at + a->len <= b->at || (uint64_t)b->at + b->len <= a->at;
}

static int check_entries(const struct entry *list, size_t n, size_t end, size_t table_len,
                         struct ds_error *e)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i].len == 0 || list[i].at < end || (uint64_t)list[i].at + list[i].len > table_len)
            return refuse_table("content behind the entries, within the table", "elsewhere", e);
        for (size_t k = 0; k < i; k++)
            if (!is_apart(&list[i], &list[k]))
                return refuse_table("entries apart from each other", "two that overlap", e);
    }
    return DS_OK;
}

static int add_table(struct ds_snp_certs *certs, struct ds_arena *mem, struct ds_span table,
                     struct ds_error *e)
{
    struct entry list[DS_SNP_TABLE_ENTRIES_MAX];
    size_t n, end;
    if (table.len > DS_SNP_TABLE_MAX)
        return refuse_table("at most 65536 bytes", "more", e);
    DS_TRY(read_entries(list, &n, &end, table, e));
    DS_TRY(check_entries(list, n, end, table.len, e));
    /* 56421 4.1.8.1: a host may add entries of its own. */
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < DS_LEN(guids); k++)
            if (ds_span_eq(list[i].guid, DS_SPAN_OF(guids[k].guid)))
                DS_TRY(add_content(certs, mem, ds_span_sub(table, list[i].at, list[i].len),
                                   guids[k].slots, e));
    return DS_OK;
}

int ds_snp_certs_add(struct ds_snp_certs *certs, struct ds_arena *mem, struct ds_span item,
                     struct ds_error *e)
{
    struct ds_snp_certs now = *certs;
    bool is_der = item.len > 0 && item.p[0] == DS_DER_SEQUENCE;
    unsigned slots = is_der && is_crl(item) ? 1u << DS_SNP_CRL : any_cert;
    DS_TRY(is_der || is_pem(item) ? add_content(&now, mem, item, slots, e)
                                  : add_table(&now, mem, item, e));
    *certs = now;
    return DS_OK;
}

static int bad(const char *what, struct ds_error *e)
{
    return ds_fail(e, DS_ERR_FORMAT, "%s", what);
}

static int read_uint(uint8_t *ret, const struct ds_x509 *cert, struct ds_span oid, uint8_t max,
                     struct ds_error *e)
{
    const struct ds_x509_extension *x = ds_x509_find(cert, oid);
    if (x == NULL)
        return bad("a number is absent", e);
    struct ds_reader r = ds_reader_of(x->value);
    *ret = (uint8_t)ds_der_u64(&r, DS_DER_INTEGER, max);
    return ds_der_end(&r, e, "number");
}

static int read_text(struct ds_span *ret, const struct ds_x509 *cert, struct ds_span oid,
                     struct ds_error *e)
{
    const struct ds_x509_extension *x = ds_x509_find(cert, oid);
    if (x == NULL)
        return bad("a text is absent", e);
    struct ds_reader r = ds_reader_of(x->value);
    *ret = ds_der_get(&r, DER_IA5);
    return ds_der_end(&r, e, "text");
}

/* "Genoa", or with a stepping behind: "Milan-B0". */
static int read_product(enum ds_snp_product *ret, const struct ds_x509 *cert, struct ds_error *e)
{
    struct ds_span name;
    DS_TRY(read_text(&name, cert, OID_PRODUCT, e));
    for (int p = DS_SNP_PRODUCT_MILAN; p <= DS_SNP_PRODUCT_TURIN; p++) {
        struct ds_span text = ds_span_str(ds_snp_product_text((enum ds_snp_product)p));
        if (!ds_span_eq(ds_span_sub(name, 0, text.len), text) ||
            (name.len > text.len && name.p[text.len] != '-'))
            continue;
        *ret = (enum ds_snp_product)p;
        return DS_OK;
    }
    char got[64];
    return ds_fail(e, DS_ERR_FORMAT, "product %s", ds_str_printable(got, sizeof got, name));
}

/* 57230 3.1: SPLs are numbered, and stand in the bytes of a TCB_VERSION (56860 2.2). */
static int read_tcb(uint8_t ret8[static 8], const struct ds_x509 *cert, enum ds_snp_product product,
                    struct ds_error *e)
{
    static const uint8_t until_genoa[8] = { 1, 2, 4, 5, 6, 7, 3, 8 };
    static const uint8_t from_turin[8] = { 9, 1, 2, 3, 5, 6, 7, 8 };
    const uint8_t *arcs = product == DS_SNP_PRODUCT_TURIN ? from_turin : until_genoa;
    uint8_t oid[] = AMD_ARC "\x03";
    for (size_t i = 0; i < 8; i++) {
        oid[sizeof oid - 1] = arcs[i]; /* in the place of the NUL */
        DS_TRY(read_uint(&ret8[i], cert, DS_SPAN_OF(oid), UINT8_MAX, e));
    }
    return DS_OK;
}

/* 57230 3.1: the bytes themselves; older certificates wrap them into an OCTET STRING. */
static int read_hwid(uint8_t ret64[static 64], const struct ds_x509 *cert, size_t len,
                     struct ds_error *e)
{
    const struct ds_x509_extension *x = ds_x509_find(cert, OID_HWID);
    struct ds_span id = x != NULL ? x->value : (struct ds_span){ 0 };
    if (id.len == len + OCTETS_HEAD_LEN && id.p[0] == DS_DER_OCTET_STRING && id.p[1] == len)
        id = ds_span_sub(id, OCTETS_HEAD_LEN, len);
    if (id.len != len)
        return ds_fail(e, DS_ERR_FORMAT, "hardware id of %zu bytes, %zu expected", id.len, len);
    memcpy(ret64, id.p, len);
    return DS_OK;
}

static int read_csp_id(struct snp_key_cert *c, const struct ds_x509 *cert, struct ds_error *e)
{
    struct ds_span text;
    DS_TRY(read_text(&text, cert, OID_CSP_ID, e));
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return bad("a cloud's name that is no printable ASCII", e);
    if (text.len == 0 || !ds_str_copy_span(c->csp_id, sizeof c->csp_id, text))
        return bad("a cloud's name that is empty or over 63 bytes", e);
    return DS_OK;
}

static int parse_key_cert(struct snp_key_cert *c, enum ds_snp_key key, const struct ds_x509 *cert,
                          struct ds_error *e)
{
    bool is_vlek = key == DS_SNP_KEY_VLEK;
    uint8_t version;
    DS_TRY(read_uint(&version, cert, OID_STRUCT, STRUCT_MAX, e));
    DS_TRY(read_product(&c->product, cert, e));
    DS_TRY(read_tcb(c->tcb8, cert, c->product, e));
    /* 57230 3.1: a VCEK is a chip's, a VLEK a cloud's, and neither both. */
    if (ds_x509_find(cert, is_vlek ? OID_HWID : OID_CSP_ID) != NULL)
        return bad(is_vlek ? "a VLEK with a hardware id" : "a VCEK with a cloud's name", e);
    if (is_vlek)
        return read_csp_id(c, cert, e);
    return read_hwid(c->hwid64, cert, c->product == DS_SNP_PRODUCT_TURIN ? HWID_TURIN_LEN : 64, e);
}

int snp_key_cert_parse(struct snp_key_cert *ret, enum ds_snp_key key, const struct ds_x509 *cert,
                       struct ds_error *e)
{
    struct snp_key_cert c = { 0 };
    struct ds_error why = { 0 };
    if (parse_key_cert(&c, key, cert, &why) < 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_SNP_KEY_CERT, "extensions", "AMD's profile",
                         why.msg, NULL);
    *ret = c;
    return DS_OK;
}

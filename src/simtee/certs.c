/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates in the forms that Intel's carry (names, extensions, key usage),
 * with names that say what they are and the critical marker that keeps every
 * unmodified verifier away.
 */
#include "simtee/certs.h"

#include "attest/x509.h"
#include "base/arena.h"
#include "codec/der.h"
#include "codec/pem.h"
#include "crypto/cert.h"
#include "crypto/hash.h"

#define DAY_S              ((int64_t)24 * 3600)
#define YEARS_S(n)         ((n) * (int64_t)(365 * 4 + 1) * DAY_S / 4)
#define ROOT_YEARS         30
#define INTERMEDIATE_YEARS 20

#define ORGANISATION "dstack simulated platform"
#define LOCALITY     "Nowhere"
#define CN_ROOT      "dstack simulated SGX Root CA"
#define CN_PLATFORM  "dstack simulated SGX PCK Platform CA"
#define CN_PCK       "dstack simulated SGX PCK Certificate"
#define CN_TCB       "dstack simulated SGX TCB Signing"
/* RFC 2606: a name that never resolves. The lists travel with the collateral. */
#define CRL_URL "https://collateral.invalid/dstack-simulated.crl"

#define BASIC_CONSTRAINTS_OID "2.5.29.19"
#define SGX_EXTENSION_OID     "1.2.840.113741.1.13.1"
#define SGX_TYPE_SCALABLE     1
#define SGX_COMPONENTS        16
#define SGX_TCB_PCESVN        17
#define SGX_TCB_CPUSVN        18
#define CERTS_MEM             ((size_t)16 * 1024)

void simtee_keys_done(struct simtee_keys *keys)
{
    ds_p256_key_free(keys->root);
    ds_p256_key_free(keys->platform);
    ds_p256_key_free(keys->pck);
    ds_p256_key_free(keys->tcb);
    *keys = (struct simtee_keys){ 0 };
}

void simtee_certs_done(struct simtee_certs *certs)
{
    ds_buf_done(&certs->root);
    ds_buf_done(&certs->platform);
    ds_buf_done(&certs->pck);
    ds_buf_done(&certs->tcb);
}

/* One DER element; lengths here never pass two bytes. */
static void add_tlv(struct ds_buf *b, uint8_t tag, struct ds_span body)
{
    ds_buf_be(b, tag, 1);
    if (body.len >= 0x100)
        ds_buf_be(b, 0x82, 1);
    else if (body.len >= 0x80)
        ds_buf_be(b, 0x81, 1);
    ds_buf_be(b, body.len, body.len >= 0x100 ? 2 : 1);
    ds_buf_add(b, body);
}

/* SEQUENCE { OID 1.2.840.113741.1.13.1.<field>[.<sub>], value } */
static void add_field(struct ds_buf *b, uint8_t field, uint8_t sub, uint8_t tag,
                      struct ds_span value)
{
    const uint8_t oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01, field, sub };
    DS_AUTO(ds_buf_done) struct ds_buf pair = { 0 };
    add_tlv(&pair, DS_DER_OID, DS_SPAN(oid, sub == 0 ? sizeof oid - 1 : sizeof oid));
    add_tlv(&pair, tag, value);
    b->bad |= pair.bad;
    add_tlv(b, DS_DER_SEQUENCE, ds_buf_span(&pair));
}

static void add_tcb(struct ds_buf *b)
{
    const struct simtee_platform *p = &simtee_platform;
    DS_AUTO(ds_buf_done) struct ds_buf tcb = { 0 };
    for (uint8_t i = 0; i < SGX_COMPONENTS; i++)
        add_field(&tcb, 2, (uint8_t)(i + 1), DS_DER_INTEGER, DS_SPAN(&p->cpusvn16[i], 1));
    const uint8_t pcesvn = (uint8_t)p->pcesvn;
    add_field(&tcb, 2, SGX_TCB_PCESVN, DS_DER_INTEGER, DS_SPAN(&pcesvn, 1));
    add_field(&tcb, 2, SGX_TCB_CPUSVN, DS_DER_OCTET_STRING, DS_SPAN_OF(p->cpusvn16));
    b->bad |= tcb.bad;
    add_field(b, 2, 0, DS_DER_SEQUENCE, ds_buf_span(&tcb));
}

static void add_configuration(struct ds_buf *b)
{
    const uint8_t yes = 0xff;
    DS_AUTO(ds_buf_done) struct ds_buf conf = { 0 };
    for (uint8_t flag = 1; flag <= 3; flag++) /* dynamic platform, cached keys, SMT */
        add_field(&conf, 7, flag, DS_DER_BOOLEAN, DS_SPAN(&yes, 1));
    b->bad |= conf.bad;
    add_field(b, 7, 0, DS_DER_SEQUENCE, ds_buf_span(&conf));
}

/* Intel SGX PCK Certificate and CRL specification, 1.3.5: the SGX extension. */
static int make_sgx_extension(struct ds_buf *ret, const uint8_t ppid16[static 16],
                              struct ds_error *e)
{
    const struct simtee_platform *p = &simtee_platform;
    const uint8_t type = SGX_TYPE_SCALABLE;
    DS_AUTO(ds_buf_done) struct ds_buf fields = { 0 };
    add_field(&fields, 1, 0, DS_DER_OCTET_STRING, DS_SPAN(ppid16, 16));
    add_tcb(&fields);
    add_field(&fields, 3, 0, DS_DER_OCTET_STRING, DS_SPAN_OF(p->pceid2));
    add_field(&fields, 4, 0, DS_DER_OCTET_STRING, DS_SPAN_OF(p->fmspc6));
    add_field(&fields, 5, 0, DS_DER_ENUMERATED, DS_SPAN(&type, 1));
    /* One package is one platform here, so its instance is named as the package is. */
    add_field(&fields, 6, 0, DS_DER_OCTET_STRING, DS_SPAN(ppid16, 16));
    add_configuration(&fields);
    DS_TRY(ds_buf_end(&fields, e, "SGX extension"));
    add_tlv(ret, DS_DER_SEQUENCE, ds_buf_span(&fields));
    return ds_buf_end(ret, e, "SGX extension");
}

struct cert_plan {
    const char *cn;
    const struct ds_p256_key *key;
    struct ds_span issuer_der; /* empty: self-signed */
    const struct ds_p256_key *issuer_key;
    int years;
    bool ca;
    int path_len;
    uint32_t usage;
    struct ds_span sgx; /* the SGX extension, or empty */
};

static int make_one(struct ds_buf *ret, const struct cert_plan *plan, int64_t not_before_s,
                    struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf marker = { 0 };
    add_tlv(&marker, DS_DER_UTF8, DS_SPAN_LIT(SIMTEE_MARKER_TEXT));
    DS_TRY(ds_buf_end(&marker, e, "marker"));
    /* cA is FALSE by default, so the sequence is empty: the vendor's leaf says it aloud. */
    const struct ds_cert_ext exts[] = {
        { .oid = SIMTEE_MARKER_OID, .critical = true, .value = ds_buf_span(&marker) },
        { .oid = BASIC_CONSTRAINTS_OID, .critical = true, .value = DS_SPAN_LIT("\x30\x00") },
        { .oid = SGX_EXTENSION_OID, .value = plan->sgx },
    };
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, plan->key);
    const struct ds_cert_spec spec = {
        .subject = { .c = "XX", .l = LOCALITY, .o = ORGANISATION, .cn = plan->cn },
        .spki = DS_SPAN_OF(spki),
        .not_before_s = not_before_s,
        .not_after_s = not_before_s + YEARS_S(plan->years),
        .ca = plan->ca,
        .path_len = plan->path_len,
        .usage = plan->usage,
        .crl_url = CRL_URL,
        .exts = exts,
        .n_exts = plan->sgx.len > 0 ? 3
                  : plan->ca        ? 1
                                    : 2,
    };
    int r = ds_cert_make(ret, &spec, plan->issuer_der, plan->issuer_key, e);
    return r < 0 ? ds_wrap(e, r, "certificate '%s'", plan->cn) : DS_OK;
}

int simtee_certs_make(struct simtee_certs *ret, const struct simtee_keys *keys,
                      const uint8_t ppid16[static 16], int64_t now_s, struct ds_error *e)
{
    /* A guest's clock may be behind ours. */
    const int64_t not_before_s = now_s - DAY_S;
    const uint32_t ca_usage = DS_CERT_KEY_CERT_SIGN | DS_CERT_CRL_SIGN;
    const uint32_t leaf_usage = DS_CERT_DIGITAL_SIGNATURE | DS_CERT_NON_REPUDIATION;
    DS_AUTO(simtee_certs_done) struct simtee_certs c = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf sgx = { 0 };
    DS_TRY(make_sgx_extension(&sgx, ppid16, e));

    const struct cert_plan root = { .cn = CN_ROOT,
                                    .key = keys->root,
                                    .issuer_key = keys->root,
                                    .years = ROOT_YEARS,
                                    .ca = true,
                                    .path_len = 1,
                                    .usage = ca_usage };
    DS_TRY(make_one(&c.root, &root, not_before_s, e));
    const struct cert_plan platform = { .cn = CN_PLATFORM,
                                        .key = keys->platform,
                                        .issuer_der = ds_buf_span(&c.root),
                                        .issuer_key = keys->root,
                                        .years = INTERMEDIATE_YEARS,
                                        .ca = true,
                                        .path_len = 0,
                                        .usage = ca_usage };
    DS_TRY(make_one(&c.platform, &platform, not_before_s, e));
    const struct cert_plan tcb = { .cn = CN_TCB,
                                   .key = keys->tcb,
                                   .issuer_der = ds_buf_span(&c.root),
                                   .issuer_key = keys->root,
                                   .years = INTERMEDIATE_YEARS,
                                   .path_len = -1,
                                   .usage = leaf_usage };
    DS_TRY(make_one(&c.tcb, &tcb, not_before_s, e));
    const struct cert_plan pck = { .cn = CN_PCK,
                                   .key = keys->pck,
                                   .issuer_der = ds_buf_span(&c.platform),
                                   .issuer_key = keys->platform,
                                   .years = INTERMEDIATE_YEARS,
                                   .path_len = -1,
                                   .usage = leaf_usage,
                                   .sgx = ds_buf_span(&sgx) };
    DS_TRY(make_one(&c.pck, &pck, not_before_s, e));
    *ret = DS_TAKE(c, (struct simtee_certs){ 0 });
    return DS_OK;
}

static int parse_next(struct ds_x509 *ret, struct ds_buf *ret_der, struct ds_span *pem,
                      const struct ds_p256_key *key, struct ds_arena *mem, struct ds_error *e)
{
    struct ds_span der;
    DS_TRY(ds_pem_next(&der, pem, "CERTIFICATE", mem, e));
    DS_TRY(ds_x509_parse(ret, der, e));
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, key);
    if (!ds_span_eq(ret->spki, DS_SPAN_OF(spki)))
        return ds_fail(e, DS_ERR_UNTRUSTED, "a certificate is not of this machine's key");
    ds_buf_add(ret_der, der);
    return ds_buf_end(ret_der, e, "certificate");
}

/* Both chains hold at now_s under the machine's own root. */
static int check_chains(const struct ds_x509 x[static 4], int64_t now_s, struct ds_error *e)
{
    struct ds_extra_anchor own = { .name = "this machine", .is_simulated = true };
    DS_TRY(ds_hash(DS_SHA256, own.spki_sha256, x[2].spki, e));
    const struct ds_anchors anchors = { .extra = &own, .n_extra = 1 };
    const struct ds_x509 tcb[] = { x[3], x[2] };
    struct ds_anchor found;
    DS_TRY(ds_x509_check_chain(&found, x, 3, &anchors, DS_VENDOR_INTEL, now_s, e));
    return ds_x509_check_chain(&found, tcb, DS_LEN(tcb), &anchors, DS_VENDOR_INTEL, now_s, e);
}

int simtee_certs_parse(struct simtee_certs *ret, struct ds_span pem, const struct simtee_keys *keys,
                       int64_t now_s, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(CERTS_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read certificates");
    struct ds_arena mem = ds_arena_of(room, CERTS_MEM);
    struct ds_x509 x[4];
    DS_AUTO(simtee_certs_done) struct simtee_certs c = { 0 };
    DS_TRY(parse_next(&x[0], &c.pck, &pem, keys->pck, &mem, e));
    DS_TRY(parse_next(&x[1], &c.platform, &pem, keys->platform, &mem, e));
    DS_TRY(parse_next(&x[2], &c.root, &pem, keys->root, &mem, e));
    DS_TRY(parse_next(&x[3], &c.tcb, &pem, keys->tcb, &mem, e));
    DS_TRY(check_chains(x, now_s, e));
    *ret = DS_TAKE(c, (struct simtee_certs){ 0 });
    return DS_OK;
}

void simtee_certs_pck_chain(struct ds_buf *ret, const struct simtee_certs *certs)
{
    ds_pem_add(ret, "CERTIFICATE", ds_buf_span(&certs->pck));
    ds_pem_add(ret, "CERTIFICATE", ds_buf_span(&certs->platform));
    ds_pem_add(ret, "CERTIFICATE", ds_buf_span(&certs->root));
}

void simtee_certs_encode(struct ds_buf *ret, const struct simtee_certs *certs)
{
    simtee_certs_pck_chain(ret, certs);
    ds_pem_add(ret, "CERTIFICATE", ds_buf_span(&certs->tcb));
}

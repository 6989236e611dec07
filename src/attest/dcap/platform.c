/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a platform: PCK chain, revocation lists, and the documents
 * that Intel signs about it. Numbers like 4.1.2.5.7 are the section numbers in
 * the source of Intel's Quote Verification Library; what stands before them
 * there (chains, lists, signed collateral) is its 4.1.2.2 to 4.1.2.4.
 */

#include "attest/dcap/platform.h"

#include <stdio.h>

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "attest/x509.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/date.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

struct chain {
    struct ds_x509 certs[DS_X509_CHAIN_MAX]; /* leaf first */
    size_t n;
};

struct run {
    struct ds_dcap_platform *p; /* being filled */
    const struct ds_dcap_parts *parts;
    const struct ds_anchors *anchors;
    int64_t now_s;
    struct ds_arena *mem;
    struct chain *pck;
    struct ds_crl root_crl;
};

static int refuse(const struct run *v, enum ds_code code, const char *claim, const char *expected,
                  const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, v->p->anchor.name);
}

/* True when a part is there; else its name is noted. */
static bool have(struct run *v, struct ds_span part, const char *name)
{
    char *missing = v->p->missing;
    size_t n = strlen(missing);
    if (part.len == 0)
        (void)snprintf(missing + n, sizeof v->p->missing - n, "%s%s", n > 0 ? ", " : "", name);
    return part.len > 0;
}

static void narrow(struct dcap_dates *d, int64_t from_s, int64_t until_s)
{
    d->from_s = from_s > d->from_s ? from_s : d->from_s;
    d->until_s = until_s < d->until_s ? until_s : d->until_s;
}

static bool cn_has(const struct ds_x509 *cert, const char *phrase)
{
    struct ds_span cn = ds_x509_cn(cert);
    return cn.len > 0 && memmem(cn.p, cn.len, phrase, strlen(phrase)) != NULL;
}

/* RFC 5280 4.2.1.3: a key that signs other things than certificates and lists says so. */
static bool may_sign(const struct ds_x509 *cert)
{
    return cert->has_key_usage && (cert->key_usage & DS_KEY_USAGE_DIGITAL_SIGNATURE) != 0;
}

/* Add the certificates of a PEM text to a chain of at most n. */
static int add_certs(struct chain *c, struct run *v, struct ds_span pem, size_t n,
                     struct ds_error *e)
{
    struct ds_span der;
    char want[32];
    (void)snprintf(want, sizeof want, "%zu certificates", n);
    for (;;) {
        DS_TRY(ds_coded(ds_pem_next(&der, &pem, "CERTIFICATE", v->mem, e), DS_CODE_X509_FORMAT, e));
        if (der.p == NULL)
            return DS_OK;
        if (c->n == n)
            return refuse(v, DS_CODE_X509_CHAIN, "chain", want, "more", e);
        DS_TRY(ds_x509_parse(&c->certs[c->n], der, e));
        c->n++;
    }
}

/*
 * Parse a chain of exactly n certificates, leaf first and root last, from up to
 * two texts. The root's own signature is not looked at, so its dates bound what is
 * kept and are in no claim.
 */
static int parse_chain(struct chain **ret, struct run *v, struct ds_span pem, struct ds_span more,
                       size_t n, struct ds_error *e)
{
    struct chain *c = ds_arena_get(v->mem, sizeof *c);
    char want[32], got[32];
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a certificate chain");
    DS_TRY(add_certs(c, v, pem, n, e));
    DS_TRY(add_certs(c, v, more, n, e));
    (void)snprintf(want, sizeof want, "%zu certificates", n);
    (void)snprintf(got, sizeof got, "%zu", c->n);
    if (c->n != n)
        return refuse(v, DS_CODE_X509_CHAIN, "chain", want, got, e);
    for (size_t i = 0; i + 1 < n; i++)
        narrow(&v->p->dates, c->certs[i].not_before_s, c->certs[i].not_after_s);
    narrow(&v->p->root_dates, c->certs[n - 1].not_before_s, c->certs[n - 1].not_after_s);
    *ret = c;
    return DS_OK;
}

/* Where the PCK chain stands: the collateral's own comes first, then what the quote carries. */
static int find_pck_chain(struct ds_span *ret, struct ds_span *ret_more, struct run *v,
                          const struct ds_dcap_quote *quote, struct ds_error *e)
{
    char got[8];
    *ret = v->parts->pck_chain_pem;
    *ret_more = (struct ds_span){ 0 };
    if (ret->len > 0)
        return DS_OK;
    v->p->chain = *ret = quote->cert_data;
    if (quote->cert_type == DS_DCAP_CERT_PCK_CHAIN)
        return DS_OK;
    *ret_more = v->parts->pck_crl_chain_pem;
    if (quote->cert_type == DS_DCAP_CERT_PCK_LEAF && ret_more->len > 0)
        return DS_OK;
    (void)snprintf(got, sizeof got, "%u", quote->cert_type);
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_CERT_DATA, "certification_data_type", "5",
                     got, NULL);
}

static int check_pck_chain(struct run *v, const struct ds_dcap_quote *quote, struct ds_error *e)
{
    struct ds_span pem, more;
    DS_TRY(find_pck_chain(&pem, &more, v, quote, e));
    int r = parse_chain(&v->pck, v, pem, more, 3, e);
    if (r == DS_OK)
        r = ds_x509_check_chain(&v->p->anchor, v->pck->certs, 3, v->anchors, v->now_s, e);
    if (r < 0) {
        (void)ds_wrap(e, r, "PCK chain");
        return r;
    }
    /* 4.1.2.5.5 */
    const struct ds_x509 *leaf = &v->pck->certs[0];
    if (!cn_has(leaf, "SGX PCK Certificate"))
        return refuse(v, DS_CODE_DCAP_PCK_CERTIFICATE, "pck_common_name", "SGX PCK Certificate",
                      ds_x509_name_of(leaf).s, e);
    if (!may_sign(leaf))
        return refuse(v, DS_CODE_DCAP_PCK_CERTIFICATE, "pck_key_usage", "digitalSignature",
                      "another usage", e);
    DS_TRY(ds_coded(ds_p256_of_spki(v->p->pck_xy64, leaf->spki, e), DS_CODE_X509_ALGORITHM, e));
    return dcap_pck_parse(&v->p->pck, leaf, e);
}

static int check_not_revoked_by_root(const struct run *v, const struct ds_x509 *cert,
                                     struct ds_error *e)
{
    if (ds_crl_has(&v->root_crl, cert))
        return refuse(v, DS_CODE_DCAP_CA_REVOKED, ds_x509_name_of(cert).s, "not revoked", "revoked",
                      e);
    return DS_OK;
}

/* RFC 5280 6.3.3: the root's list names no CA of the chain. */
static int check_root_crl(struct run *v, struct ds_error *e)
{
    if (!have(v, v->parts->root_crl_der, "root_ca_crl"))
        return DS_OK;
    DS_TRY(ds_crl_parse(&v->root_crl, v->parts->root_crl_der, e));
    DS_TRY(ds_crl_check(&v->root_crl, &v->pck->certs[2], v->now_s, e));
    narrow(&v->p->dates, v->root_crl.this_update_s, v->root_crl.next_update_s);
    return check_not_revoked_by_root(v, &v->pck->certs[1], e);
}

static int check_pck_crl(struct run *v, struct ds_error *e)
{
    const struct ds_x509 *leaf = &v->pck->certs[0], *issuer = &v->pck->certs[1];
    struct ds_crl crl;
    if (!have(v, v->parts->pck_crl_der, "pck_crl"))
        return DS_OK;
    DS_TRY(ds_crl_parse(&crl, v->parts->pck_crl_der, e));
    /* 4.1.2.5.7: a CA's list, and the raw issuer names are the same. */
    if (!cn_has(issuer, "CA") || !ds_span_eq(crl.issuer, leaf->issuer))
        return refuse(v, DS_CODE_DCAP_PCK_CRL, "pck_crl_issuer", ds_x509_name_of(issuer).s,
                      "another issuer", e);
    DS_TRY(ds_crl_check(&crl, issuer, v->now_s, e));
    narrow(&v->p->dates, crl.this_update_s, crl.next_update_s);
    /* 4.1.2.5.8 */
    if (ds_crl_has(&crl, leaf))
        return refuse(v, DS_CODE_DCAP_PCK_REVOKED, "pck_serial", "not revoked",
                      DS_HEX(ds_span_sub(leaf->serial, 0, 32)), e);
    return DS_OK;
}

/* The signer of TCB info or QE identity; both come from one chain, mostly the same text. */
static int check_signer(struct chain **ret, struct run *v, struct ds_span pem, struct ds_error *e)
{
    const struct ds_x509 *root = &v->pck->certs[2];
    struct ds_anchor anchor = v->p->anchor;
    struct chain *c;
    DS_TRY(parse_chain(&c, v, pem, (struct ds_span){ 0 }, 2, e));
    /* The very root that the PCK chain ended in is not checked again. That both documents hang
       under it is ours, not QVL's, which takes any root that is trusted. */
    if (ds_span_eq(c->certs[1].der, root->der))
        DS_TRY(ds_x509_check_link(&c->certs[0], root, 0, &anchor, v->now_s, e));
    else
        DS_TRY(ds_x509_check_chain(&anchor, c->certs, 2, v->anchors, v->now_s, e));
    if (!ds_span_eq(c->certs[1].spki, root->spki))
        return refuse(v, DS_CODE_DCAP_MIXED_ROOTS, "collateral_root", v->p->anchor.name,
                      anchor.name, e);
    if (!cn_has(&c->certs[0], "SGX TCB Signing"))
        return refuse(v, DS_CODE_DCAP_TCB_SIGNER, "signer_common_name", "SGX TCB Signing",
                      ds_x509_name_of(&c->certs[0]).s, e);
    if (!may_sign(&c->certs[0]))
        return refuse(v, DS_CODE_DCAP_TCB_SIGNER, "signer_key_usage", "digitalSignature",
                      "another usage", e);
    DS_TRY(check_not_revoked_by_root(v, &c->certs[0], e));
    *ret = c;
    return DS_OK;
}

/* One of the two documents that Intel signs, with the codes of its refusals. */
struct document {
    const char *name;
    struct ds_span text, sig64;
    int64_t issue_s, next_s;
    enum ds_code signature, expired, future;
    bool *is_signed; /* set where it verified */
};

static int check_signed_text(const struct run *v, const struct chain *signer,
                             const struct document *d, struct ds_error *e)
{
    uint8_t xy64[64], digest32[32];
    char want[96];
    DS_TRY(ds_p256_of_spki(xy64, signer->certs[0].spki, e));
    DS_TRY(ds_hash(DS_SHA256, digest32, d->text, e));
    int r = ds_p256_verify(xy64, digest32, d->sig64.p, e);
    if (r != DS_ERR_UNTRUSTED)
        return r;
    (void)snprintf(want, sizeof want, "signed by %s", ds_x509_name_of(&signer->certs[0]).s);
    return refuse(v, d->signature, d->name, want, "a signature that does not verify", e);
}

static int check_dates(struct run *v, const struct document *d, struct ds_error *e)
{
    char want[48], from[21], until[21], now[21];
    narrow(&v->p->dates, d->issue_s, d->next_s);
    if (v->now_s >= d->issue_s && v->now_s <= d->next_s)
        return DS_OK;
    (void)snprintf(want, sizeof want, "%s to %s", ds_date_format(from, d->issue_s),
                   ds_date_format(until, d->next_s));
    return ds_refuse(e, DS_ERR_STALE, v->now_s < d->issue_s ? d->future : d->expired, d->name, want,
                     ds_date_format(now, v->now_s), v->p->anchor.name);
}

static int check_document(struct run *v, const struct chain *signer, const struct document *d,
                          struct ds_error *e)
{
    if (signer != NULL && d->sig64.len > 0) {
        DS_TRY(check_signed_text(v, signer, d, e));
        *d->is_signed = true;
    }
    return check_dates(v, d, e);
}

/* Chains, signatures and dates of TCB info and QE identity. */
static int check_documents(struct run *v, struct ds_error *e)
{
    const struct ds_dcap_parts *p = v->parts;
    const struct ds_dcap_collateral *coll = v->p->coll;
    const struct document tcb_info = { "tcb_info",
                                       p->tcb_info,
                                       p->tcb_sig64,
                                       coll->tcb.issue_s,
                                       coll->tcb.next_s,
                                       DS_CODE_DCAP_TCB_INFO_SIGNATURE,
                                       DS_CODE_DCAP_TCB_INFO_EXPIRED,
                                       DS_CODE_DCAP_TCB_INFO_FUTURE,
                                       &v->p->is_tcb_info_signed };
    const struct document qe_identity = { "qe_identity",
                                          p->qe_identity,
                                          p->qe_sig64,
                                          coll->qe.issue_s,
                                          coll->qe.next_s,
                                          DS_CODE_DCAP_QE_IDENTITY_SIGNATURE,
                                          DS_CODE_DCAP_QE_IDENTITY_EXPIRED,
                                          DS_CODE_DCAP_QE_IDENTITY_FUTURE,
                                          &v->p->is_qe_identity_signed };
    struct chain *tcb_signer = NULL, *qe_signer = NULL;
    if (have(v, p->tcb_chain_pem, "tcb_info_issuer_chain"))
        DS_TRY(check_signer(&tcb_signer, v, p->tcb_chain_pem, e));
    if (have(v, p->qe_chain_pem, "qe_identity_issuer_chain")) {
        qe_signer = tcb_signer;
        if (!ds_span_eq(p->qe_chain_pem, p->tcb_chain_pem))
            DS_TRY(check_signer(&qe_signer, v, p->qe_chain_pem, e));
    }
    (void)have(v, p->tcb_sig64, "tcb_info_signature");
    (void)have(v, p->qe_sig64, "qe_identity_signature");
    if (have(v, p->tcb_info, "tcb_info"))
        DS_TRY(check_document(v, tcb_signer, &tcb_info, e));
    if (have(v, p->qe_identity, "qe_identity"))
        DS_TRY(check_document(v, qe_signer, &qe_identity, e));
    return DS_OK;
}

/* A quoting enclave is judged by the key that signed its report and by Intel's identity. */
static int make_id(struct ds_dcap_platform *p, struct ds_error *e)
{
    const struct ds_span parts[] = { DS_SPAN_OF(p->pck_xy64), p->coll->parts.qe_identity };
    return ds_hash_v(DS_SHA256, p->id32, parts, DS_LEN(parts), e);
}

static int verify(struct run *v, const struct ds_dcap_quote *quote, struct ds_error *e)
{
    DS_TRY(check_pck_chain(v, quote, e));
    DS_TRY(check_root_crl(v, e));
    DS_TRY(check_pck_crl(v, e));
    DS_TRY(check_documents(v, e));
    return make_id(v->p, e);
}

struct ds_dcap_platform *ds_dcap_platform_new_in(struct ds_arena *mem)
{
    return ds_arena_get(mem, sizeof(struct ds_dcap_platform));
}

int ds_dcap_platform_verify(struct ds_dcap_platform *ret, struct ds_arena *mem,
                            const struct ds_dcap_quote *quote,
                            const struct ds_dcap_collateral *coll, const struct ds_anchors *anchors,
                            int64_t now_s, struct ds_error *e)
{
    struct ds_dcap_platform p = { .coll = coll, .dates = DCAP_ALWAYS, .root_dates = DCAP_ALWAYS };
    struct run v = {
        .p = &p, .parts = &coll->parts, .anchors = anchors, .now_s = now_s, .mem = mem
    };
    size_t used = mem->used;
    int r = verify(&v, quote, e);
    r = ds_anchored(r, p.anchor.name, e); /* which is known only now */
    mem->used = used;
    if (r == DS_OK)
        *ret = p;
    return r;
}

bool ds_dcap_platform_serves(const struct ds_dcap_platform *p, const struct ds_dcap_quote *quote)
{
    return p->coll != NULL && (p->chain.len == 0 || ds_span_eq(p->chain, quote->cert_data));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a platform: PCK chain, revocation lists, and the documents
 * that Intel signs about it. Numbers like 4.1.2.5.7 are the section numbers in
 * the source of Intel's Quote Verification Library (QVL). Its classes for chains,
 * lists and signed documents have none and are named instead: PckCertVerifier,
 * TCBSigningChain, TCBInfoVerifier, EnclaveIdentityVerifier.
 *
 * As in each of them, dates come last: what is stale does not hide what is revoked
 * or forged.
 */

#include "attest/dcap/platform.h"

#include <stdio.h>

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "attest/x509.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

struct chain {
    struct ds_x509 certs[DS_X509_CHAIN_MAX]; /* leaf first */
    size_t n;
};

/* One of the two documents that Intel signs, with the names of its parts and the codes of its refusals. */
struct document {
    const char *name, *chain_name, *sig_name;
    struct ds_span text, chain_pem, sig64;
    struct dcap_dates dates; /* issueDate, nextUpdate */
    enum ds_code signature, expired, future;
    const struct chain *signer; /* that verified; NULL: none */
    bool is_signed;             /* and so did its signature: until then it says nothing */
};

struct run {
    struct ds_dcap_platform *p; /* being filled */
    const struct ds_dcap_parts *parts;
    const struct ds_anchors *anchors;
    int64_t now_s;
    struct ds_arena *mem;
    struct chain *pck;
    struct ds_crl root_crl, pck_crl; /* empty where there is none */
    struct document tcb_info, qe_identity;
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

/* Parse a chain of exactly n certificates, leaf first and root last, from up to two texts. */
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
    v->p->chain_type = quote->cert_type;
    if (quote->cert_type == DS_DCAP_CERT_PCK_CHAIN)
        return DS_OK;
    *ret_more = v->parts->pck_crl_chain_pem;
    if (quote->cert_type == DS_DCAP_CERT_PCK_LEAF && ret_more->len > 0)
        return DS_OK;
    (void)snprintf(got, sizeof got, "%u", quote->cert_type);
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_CERT_DATA, "certification_data_type", "5",
                     got, NULL);
}

/*
 * PckCertVerifier: names, signatures, and a root that is trusted. Ours: that roots are pinned by
 * key (QVL compares with a certificate), that CAs say so and how deep, and which keys may sign.
 */
static int check_pck_chain(struct run *v, const struct ds_dcap_quote *quote, struct ds_error *e)
{
    struct ds_span pem, more;
    DS_TRY(find_pck_chain(&pem, &more, v, quote, e));
    int r = parse_chain(&v->pck, v, pem, more, 3, e);
    if (r == DS_OK)
        r = ds_x509_check_path(&v->p->anchor, v->pck->certs, 3, v->anchors, DS_VENDOR_INTEL, e);
    if (r < 0) {
        (void)ds_wrap(e, r, "PCK chain");
        return r;
    }
    /* 4.1.2.5.5 */
    const struct ds_x509 *leaf = &v->pck->certs[0];
    if (!cn_has(leaf, "SGX PCK Certificate"))
        return refuse(v, DS_CODE_DCAP_PCK_CERTIFICATE, "pck_common_name", "SGX PCK Certificate",
                      ds_x509_name_of(leaf).s, e);
    /* ours */
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

/* PckCrlVerifier: the issuer's name, extensions, signature. Ours: which keys may sign lists. */
static int check_crl(const struct run *v, const struct ds_crl *crl, const struct ds_x509 *issuer,
                     struct ds_error *e)
{
    DS_TRY(ds_crl_check_issued(crl, issuer, e));
    /* RFC 5280 5.2.1, 5.2.3: lists of conforming CAs have both. */
    if (crl->aki.len == 0 || !crl->has_number)
        return refuse(v, DS_CODE_CRL_FORMAT, "crl_extensions",
                      "authorityKeyIdentifier and cRLNumber",
                      crl->has_number ? "no authorityKeyIdentifier" : "no cRLNumber", e);
    return DS_OK;
}

/* RFC 5280 6.3.3: the root's list names no CA of the chain. */
static int check_root_crl(struct run *v, struct ds_error *e)
{
    if (!have(v, v->parts->root_crl_der, "root_ca_crl"))
        return DS_OK;
    DS_TRY(ds_crl_parse(&v->root_crl, v->parts->root_crl_der, e));
    DS_TRY(check_crl(v, &v->root_crl, &v->pck->certs[2], e));
    return check_not_revoked_by_root(v, &v->pck->certs[1], e);
}

static int check_pck_crl(struct run *v, struct ds_error *e)
{
    const struct ds_x509 *leaf = &v->pck->certs[0], *issuer = &v->pck->certs[1];
    if (!have(v, v->parts->pck_crl_der, "pck_crl"))
        return DS_OK;
    /* 4.1.2.5.6 */
    DS_TRY(ds_crl_parse(&v->pck_crl, v->parts->pck_crl_der, e));
    /* 4.1.2.5.7: a CA's list, and the raw issuer names are the same. */
    if (!cn_has(issuer, "CA") || !ds_span_eq(v->pck_crl.issuer, leaf->issuer))
        return refuse(v, DS_CODE_DCAP_PCK_CRL, "pck_crl_issuer", ds_x509_name_of(issuer).s,
                      "another issuer", e);
    DS_TRY(check_crl(v, &v->pck_crl, issuer, e));
    /* 4.1.2.5.8 */
    if (ds_crl_has(&v->pck_crl, leaf))
        return refuse(v, DS_CODE_DCAP_PCK_REVOKED, "pck_serial", "not revoked",
                      DS_HEX(ds_span_sub(leaf->serial, 0, 32)), e);
    return DS_OK;
}

/* TCBSigningChain: who signs TCB info and QE identity. */
static int check_signer(const struct chain **ret, struct run *v, struct ds_span pem,
                        struct ds_error *e)
{
    const struct ds_x509 *root = &v->pck->certs[2];
    struct ds_anchor anchor = v->p->anchor;
    struct chain *c;
    DS_TRY(parse_chain(&c, v, pem, (struct ds_span){ 0 }, 2, e));
    /* QVL compares the root of each chain with a trusted certificate that its caller gives to each
       call. Ours: all chains of a platform end in one key; the very same root is not checked again. */
    if (ds_span_eq(c->certs[1].der, root->der))
        DS_TRY(ds_x509_check_link(&c->certs[0], root, 0, &anchor, e));
    else
        DS_TRY(ds_x509_check_path(&anchor, c->certs, 2, v->anchors, DS_VENDOR_INTEL, e));
    if (!ds_span_eq(c->certs[1].spki, root->spki))
        return refuse(v, DS_CODE_DCAP_MIXED_ROOTS, "collateral_root", v->p->anchor.name,
                      anchor.name, e);
    if (!cn_has(&c->certs[0], "SGX TCB Signing"))
        return refuse(v, DS_CODE_DCAP_TCB_SIGNER, "signer_common_name", "SGX TCB Signing",
                      ds_x509_name_of(&c->certs[0]).s, e);
    /* ours */
    if (!may_sign(&c->certs[0]))
        return refuse(v, DS_CODE_DCAP_TCB_SIGNER, "signer_key_usage", "digitalSignature",
                      "another usage", e);
    DS_TRY(check_not_revoked_by_root(v, &c->certs[0], e));
    *ret = c;
    return DS_OK;
}

/* Ours: over the bytes as they were served. QVL writes the JSON anew and verifies that. */
static int check_signed_text(const struct run *v, const struct document *d, struct ds_error *e)
{
    const struct ds_x509 *signer = &d->signer->certs[0];
    uint8_t xy64[64], digest32[32];
    char want[96];
    DS_TRY(ds_p256_of_spki(xy64, signer->spki, e));
    DS_TRY(ds_hash(DS_SHA256, digest32, d->text, e));
    int r = ds_p256_verify(xy64, digest32, d->sig64.p, e);
    if (r != DS_ERR_UNTRUSTED)
        return r;
    (void)snprintf(want, sizeof want, "signed by %s", ds_x509_name_of(signer).s);
    return refuse(v, d->signature, d->name, want, "a signature that does not verify", e);
}

/*
 * TCBInfoVerifier and EnclaveIdentityVerifier but for the dates: signer, then signature.
 *
 * in:  other  the one before, which mostly comes with the same chain; NULL: none
 */
static int check_document(struct run *v, struct document *d, const struct document *other,
                          struct ds_error *e)
{
    bool has_chain = have(v, d->chain_pem, d->chain_name);
    bool has_sig = have(v, d->sig64, d->sig_name);
    bool has_text = have(v, d->text, d->name);
    if (!has_chain)
        return DS_OK;
    if (other != NULL && ds_span_eq(d->chain_pem, other->chain_pem))
        d->signer = other->signer;
    else
        DS_TRY(check_signer(&d->signer, v, d->chain_pem, e));
    if (!has_sig || !has_text)
        return DS_OK;
    DS_TRY(check_signed_text(v, d, e));
    d->is_signed = true;
    return DS_OK;
}

static int check_documents(struct run *v, struct ds_error *e)
{
    DS_TRY(check_document(v, &v->tcb_info, NULL, e));
    DS_TRY(check_document(v, &v->qe_identity, &v->tcb_info, e));
    v->p->docs.tcb_info = v->tcb_info.is_signed ? &v->p->coll->tcb : NULL;
    v->p->docs.qe_identity = v->qe_identity.is_signed ? &v->p->coll->qe : NULL;
    return DS_OK;
}

/*
 * The root's own signature is not looked at, so its dates bound what is kept and are in no claim.
 * That a certificate is valid already is ours: QVL asks for notAfter alone.
 */
static int check_chain_dates(struct run *v, const struct chain *c, struct ds_error *e)
{
    size_t root = c->n - 1;
    DS_TRY(ds_x509_check_times(c->certs, c->n, v->now_s, e));
    for (size_t i = 0; i < root; i++)
        narrow(&v->p->dates, c->certs[i].not_before_s, c->certs[i].not_after_s);
    narrow(&v->p->root_dates, c->certs[root].not_before_s, c->certs[root].not_after_s);
    return DS_OK;
}

static int check_crl_dates(struct run *v, const struct ds_crl *crl, const struct ds_x509 *issuer,
                           struct ds_error *e)
{
    if (crl->tbs.len == 0)
        return DS_OK;
    DS_TRY(ds_crl_check_time(crl, issuer, v->now_s, e));
    narrow(&v->p->dates, crl->this_update_s, crl->next_update_s);
    return DS_OK;
}

/* Of a document that nobody signed the dates say as little as the rest. Ours: issueDate. */
static int check_document_dates(struct run *v, const struct document *d, struct ds_error *e)
{
    if (d->signer != NULL)
        DS_TRY(check_chain_dates(v, d->signer, e));
    if (!d->is_signed)
        return DS_OK;
    narrow(&v->p->dates, d->dates.from_s, d->dates.until_s);
    return dcap_check_dates(&d->dates, v->now_s, d->future, d->expired, d->name, v->p->anchor.name,
                            e);
}

/* In the order in which QVL's classes come to them: PckCertVerifier, then one for each document. */
static int check_dates(struct run *v, struct ds_error *e)
{
    int r = check_chain_dates(v, v->pck, e);
    if (r < 0)
        return ds_wrap(e, r, "PCK chain");
    DS_TRY(check_crl_dates(v, &v->root_crl, &v->pck->certs[2], e));
    DS_TRY(check_crl_dates(v, &v->pck_crl, &v->pck->certs[1], e));
    DS_TRY(check_document_dates(v, &v->tcb_info, e));
    return check_document_dates(v, &v->qe_identity, e);
}

static int verify(struct run *v, const struct ds_dcap_quote *quote, struct ds_error *e)
{
    DS_TRY(check_pck_chain(v, quote, e));
    DS_TRY(check_root_crl(v, e));
    DS_TRY(check_pck_crl(v, e));
    DS_TRY(check_documents(v, e));
    return check_dates(v, e);
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
    const struct ds_dcap_parts *parts = &coll->parts;
    struct run v = {
        .p = &p,
        .parts = parts,
        .anchors = anchors,
        .now_s = now_s,
        .mem = mem,
        .tcb_info = { .name = "tcb_info",
                      .chain_name = "tcb_info_issuer_chain",
                      .sig_name = "tcb_info_signature",
                      .text = parts->tcb_info,
                      .chain_pem = parts->tcb_chain_pem,
                      .sig64 = parts->tcb_sig64,
                      .dates = { coll->tcb.issue_s, coll->tcb.next_s },
                      .signature = DS_CODE_DCAP_TCB_INFO_SIGNATURE,
                      .expired = DS_CODE_DCAP_TCB_INFO_EXPIRED,
                      .future = DS_CODE_DCAP_TCB_INFO_FUTURE },
        .qe_identity = { .name = "qe_identity",
                         .chain_name = "qe_identity_issuer_chain",
                         .sig_name = "qe_identity_signature",
                         .text = parts->qe_identity,
                         .chain_pem = parts->qe_chain_pem,
                         .sig64 = parts->qe_sig64,
                         .dates = { coll->qe.issue_s, coll->qe.next_s },
                         .signature = DS_CODE_DCAP_QE_IDENTITY_SIGNATURE,
                         .expired = DS_CODE_DCAP_QE_IDENTITY_EXPIRED,
                         .future = DS_CODE_DCAP_QE_IDENTITY_FUTURE },
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
    return p->coll != NULL && (p->chain.len == 0 || (p->chain_type == quote->cert_type &&
                                                     ds_span_eq(p->chain, quote->cert_data)));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of a platform: PCK chain, revocation lists, and the documents
 * that Intel signs about it. How Intel's steps are cited: attest/tdx/verify.c.
 *
 * As in each of Intel's verifiers of them, dates come last: what is stale does not
 * hide what is revoked or forged. Nor does it hide a bad quote: QuoteVerifier::verify
 * asks for no date, and Intel's caller of all (QvE) lets a quote's own failure go
 * before theirs.
 */

#include "attest/dcap/platform.h"

#include <stdio.h>

#include "attest/coded.h"
#include "attest/dcap/private.h"
#include "attest/x509.h"
#include "base/hex.h"
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
    struct ds_dates dates; /* issueDate, nextUpdate */
    enum ds_code signature, expired, future;
    const struct chain *signer; /* that verified; NULL: none */
    bool is_signed;             /* and so did its signature: until then it says nothing */
};

struct work {
    struct ds_dcap_platform *p; /* being filled */
    const struct ds_dcap_parts *parts;
    const struct ds_anchors *anchors;
    int64_t now_s;
    struct ds_arena *mem;
    struct chain *pck;
    struct ds_crl root_crl, pck_crl; /* empty where there is none */
    struct document tcb_info, qe_identity;
};

static int refuse(const struct work *w, enum ds_code code, const char *claim, const char *expected,
                  const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, w->p->anchor.name);
}

/* True when a part is there; else its name is noted. */
static bool have(struct work *w, struct ds_span part, const char *name)
{
    char *missing = w->p->missing;
    size_t n = strlen(missing);
    if (part.len == 0)
        (void)snprintf(missing + n, sizeof w->p->missing - n, "%s%s", n > 0 ? ", " : "", name);
    return part.len > 0;
}

static void narrow(struct ds_dates *d, int64_t from_s, int64_t until_s)
{
    d->from_s = from_s > d->from_s ? from_s : d->from_s;
    d->until_s = until_s < d->until_s ? until_s : d->until_s;
}

/* QVL looks at the first common name. Ours: the last, the most specific one, as it is encoded. */
static bool cn_has(const struct ds_x509 *cert, const char *phrase)
{
    struct ds_span cn = ds_x509_cn(cert);
    return cn.len > 0 && memmem(cn.p, cn.len, phrase, strlen(phrase)) != NULL;
}

/* Ours, RFC 5280 4.2.1.3: a key that signs other things than certificates and lists says so. */
static bool may_sign(const struct ds_x509 *cert)
{
    return cert->has_key_usage && (cert->key_usage & DS_KEY_USAGE_DIGITAL_SIGNATURE) != 0;
}

/* Add the certificates of a PEM text to a chain of at most n. */
static int add_certs(struct chain *c, struct work *w, struct ds_span pem, size_t n,
                     struct ds_error *e)
{
    struct ds_span der;
    char want[32];
    (void)snprintf(want, sizeof want, "%zu certificates", n);
    for (;;) {
        DS_TRY(ds_coded(ds_pem_next(&der, &pem, "CERTIFICATE", w->mem, e), DS_CODE_X509_FORMAT, e));
        if (der.p == NULL)
            return DS_OK;
        if (c->n == n)
            return refuse(w, DS_CODE_X509_CHAIN, "chain", want, "more", e);
        DS_TRY(ds_x509_parse(&c->certs[c->n], der, e));
        c->n++;
    }
}

/* Parse a chain of exactly n certificates from up to two texts. Ours: leaf first, root last, and no
   text around them; QVL CertificateChain::parse takes them in any order and tells them apart by
   their names. */
static int parse_chain(struct chain **ret, struct work *w, struct ds_span pem, struct ds_span more,
                       size_t n, struct ds_error *e)
{
    struct chain *c = ds_arena_get(w->mem, sizeof *c);
    char want[32], got[32];
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a certificate chain");
    DS_TRY(add_certs(c, w, pem, n, e));
    DS_TRY(add_certs(c, w, more, n, e));
    (void)snprintf(want, sizeof want, "%zu certificates", n);
    (void)snprintf(got, sizeof got, "%zu", c->n);
    if (c->n != n)
        return refuse(w, DS_CODE_X509_CHAIN, "chain", want, got, e);
    *ret = c;
    return DS_OK;
}

/* Ours: where the PCK chain stands. The collateral's own comes first, then what the quote carries,
   whole or, in type 4, without its issuers. QVL is given the PCK; Intel's caller (QvE) takes it
   from the quote. */
static int find_pck_chain(struct ds_span *ret, struct ds_span *ret_more, struct work *w,
                          const struct ds_dcap_quote *quote, struct ds_error *e)
{
    char got[8];
    *ret = w->parts->pck_chain_pem;
    *ret_more = (struct ds_span){ 0 };
    if (ret->len > 0)
        return DS_OK;
    w->p->chain = *ret = quote->cert_data;
    w->p->chain_type = quote->cert_type;
    if (quote->cert_type == DS_DCAP_CERT_PCK_CHAIN)
        return DS_OK;
    *ret_more = w->parts->pck_crl_chain_pem;
    if (quote->cert_type == DS_DCAP_CERT_PCK_LEAF && ret_more->len > 0)
        return DS_OK;
    (void)snprintf(got, sizeof got, "%u", quote->cert_type);
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_DCAP_CERT_DATA, "certification_data_type", "5",
                     got, NULL);
}

/*
 * QVL PckCertVerifier::verify: names, signatures, and a root that is trusted.
 *
 * Ours: QVL asks, and we do not, here and of the chains of documents (check_signer)
 * - of the root its name ("SGX Root CA") and its signature over itself (verifyRootCACert). It is
 *   pinned by its key, as in Intel's caller (QvE).
 * - that every certificate has authority and subject key identifiers and CRL distribution points,
 *   and leaves basic constraints (Certificate::setExtensions). Only a trusted CA can make one
 *   without.
 * - that every key is P-256: CAs, and added roots, may sign with P-384 and RSA-PSS.
 *
 * Ours: we ask, and QVL does not
 * - that names are the same byte for byte; QVL compares their parts.
 * - that key identifiers agree where there are both.
 * - that CAs say so and how deep, and leaves by key usage what they may sign.
 * - that no critical extension is unknown, and that lists have none.
 * - that a certificate under a simulated root, and none else, has the marker of one.
 */
static int check_pck_chain(struct work *w, const struct ds_dcap_quote *quote, struct ds_error *e)
{
    struct ds_span pem, more;
    DS_TRY(find_pck_chain(&pem, &more, w, quote, e));
    /* QVL sgxAttestationVerifyPCKCertificate: EXPECTED_CERTIFICATE_COUNT_IN_PCK_CHAIN */
    int r = parse_chain(&w->pck, w, pem, more, 3, e);
    if (r == DS_OK)
        r = ds_x509_check_path(&w->p->anchor, w->pck->certs, 3, w->anchors, DS_VENDOR_INTEL, e);
    if (r < 0) {
        (void)ds_wrap(e, r, "PCK chain");
        return r;
    }
    const struct ds_x509 *leaf = &w->pck->certs[0], *issuer = &w->pck->certs[1];
    /* QVL PckCertVerifier::verify: INTERMEDIATE_CA_MISSING */
    if (!cn_has(issuer, "CA"))
        return refuse(w, DS_CODE_X509_NOT_CA, "pck_issuer_common_name", "a name with CA in it",
                      ds_x509_name_of(issuer).s, e);
    /* QVL 4.1.2.5.5 (QuoteVerifier::verify) */
    if (!cn_has(leaf, "SGX PCK Certificate"))
        return refuse(w, DS_CODE_DCAP_PCK_CERTIFICATE, "pck_common_name", "SGX PCK Certificate",
                      ds_x509_name_of(leaf).s, e);
    /* Ours */
    if (!may_sign(leaf))
        return refuse(w, DS_CODE_DCAP_PCK_CERTIFICATE, "pck_key_usage", "digitalSignature",
                      "another usage", e);
    /* QVL rawToP256PubKey, in QuoteVerifier::verify */
    DS_TRY(ds_coded(ds_p256_of_spki(w->p->pck_xy64, leaf->spki, e), DS_CODE_X509_ALGORITHM, e));
    /* QVL 4.1.2.5.4, .5 (sgxAttestationVerifyQuoteEx) */
    return dcap_pck_parse(&w->p->pck, leaf, e);
}

static int check_not_revoked_by_root(const struct work *w, const struct ds_x509 *cert,
                                     struct ds_error *e)
{
    if (ds_crl_has(&w->root_crl, cert))
        return refuse(w, DS_CODE_DCAP_CA_REVOKED, ds_x509_name_of(cert).s, "not revoked", "revoked",
                      e);
    return DS_OK;
}

/* QVL PckCrlVerifier::verify: issuer's name, extensions, signature. Ours: which keys may sign. */
static int check_crl(const struct work *w, const struct ds_crl *crl, const struct ds_x509 *issuer,
                     struct ds_error *e)
{
    DS_TRY(ds_crl_check_issued(crl, issuer, e));
    /* QVL CRL_REQUIRED_EXTENSIONS; RFC 5280 5.2.1, 5.2.3: lists of conforming CAs have both. Ours:
       the first must have a key identifier. The number decides nothing: neither its value is read,
       nor that it stands there once. */
    if (crl->aki.len == 0 || !crl->has_number)
        return refuse(w, DS_CODE_CRL_FORMAT, "crl_extensions",
                      "authorityKeyIdentifier and cRLNumber",
                      crl->has_number ? "no authorityKeyIdentifier with a key" : "no cRLNumber", e);
    return DS_OK;
}

/* QVL PckCertVerifier::verify: the root's list names no CA of the chain. */
static int check_root_crl(struct work *w, struct ds_error *e)
{
    if (!have(w, w->parts->root_crl_der, "root_ca_crl"))
        return DS_OK;
    DS_TRY(ds_crl_parse(&w->root_crl, w->parts->root_crl_der, e));
    DS_TRY(check_crl(w, &w->root_crl, &w->pck->certs[2], e));
    return check_not_revoked_by_root(w, &w->pck->certs[1], e);
}

static int check_pck_crl(struct work *w, struct ds_error *e)
{
    const struct ds_x509 *leaf = &w->pck->certs[0], *issuer = &w->pck->certs[1];
    if (!have(w, w->parts->pck_crl_der, "pck_crl"))
        return DS_OK;
    /* QVL 4.1.2.5.6 (sgxAttestationVerifyQuoteEx) */
    DS_TRY(ds_crl_parse(&w->pck_crl, w->parts->pck_crl_der, e));
    /* QVL 4.1.2.5.7 (QuoteVerifier::verify): the issuers' names are the same; here as encoded. That
       it is a CA's follows: so is the PCK's issuer (check_pck_chain). */
    if (!ds_span_eq(w->pck_crl.issuer, leaf->issuer))
        return refuse(w, DS_CODE_DCAP_PCK_CRL, "pck_crl_issuer", ds_x509_name_of(issuer).s,
                      "another issuer", e);
    DS_TRY(check_crl(w, &w->pck_crl, issuer, e));
    /* QVL 4.1.2.5.8 (QuoteVerifier::verify) */
    if (ds_crl_has(&w->pck_crl, leaf))
        return refuse(w, DS_CODE_DCAP_PCK_REVOKED, "pck_serial", "not revoked",
                      DS_HEX(ds_span_sub(leaf->serial, 0, 32)), e);
    return DS_OK;
}

/* QVL TCBSigningChain::verify: who signs TCB info and QE identity. */
static int check_signer(const struct chain **ret, struct work *w, struct ds_span pem,
                        struct ds_error *e)
{
    const struct ds_x509 *root = &w->pck->certs[2];
    struct ds_anchor anchor = w->p->anchor;
    struct chain *c;
    /* QVL sgxAttestationVerifyTCBInfo, sgxAttestationVerifyEnclaveIdentity:
       EXPECTED_CERTIFICATE_COUNT_IN_TCB_CHAIN */
    DS_TRY(parse_chain(&c, w, pem, (struct ds_span){ 0 }, 2, e));
    /* Ours: the very same root is not checked again. */
    if (ds_span_eq(c->certs[1].der, root->der))
        DS_TRY(ds_x509_check_link(&c->certs[0], root, 0, &anchor, e));
    else
        DS_TRY(ds_x509_check_path(&anchor, c->certs, 2, w->anchors, DS_VENDOR_INTEL, e));
    /* Ours: all chains of a platform end in one key. QVL wants the root of each to have the
       signature of the one that its caller gives to each call: the same certificate. */
    if (!ds_span_eq(c->certs[1].spki, root->spki))
        return refuse(w, DS_CODE_DCAP_MIXED_ROOTS, "collateral_root", w->p->anchor.name,
                      anchor.name, e);
    /* QVL TCBSigningChain::verify */
    if (!cn_has(&c->certs[0], "SGX TCB Signing"))
        return refuse(w, DS_CODE_DCAP_TCB_SIGNER, "signer_common_name", "SGX TCB Signing",
                      ds_x509_name_of(&c->certs[0]).s, e);
    /* Ours */
    if (!may_sign(&c->certs[0]))
        return refuse(w, DS_CODE_DCAP_TCB_SIGNER, "signer_key_usage", "digitalSignature",
                      "another usage", e);
    /* QVL TCBSigningChain::verify. The list verified with the PCK's chain, under the same key. */
    DS_TRY(check_not_revoked_by_root(w, &c->certs[0], e));
    *ret = c;
    return DS_OK;
}

/* QVL TCBInfoVerifier::verify, EnclaveIdentityVerifier::verify: the signature. Ours: over the bytes
   as they were served, where QVL writes the JSON anew and verifies that. */
static int check_signed_text(const struct work *w, const struct document *d, struct ds_error *e)
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
    return refuse(w, d->signature, d->name, want, "a signature that does not verify", e);
}

/*
 * QVL TCBInfoVerifier::verify, EnclaveIdentityVerifier::verify but for the dates: signer, then
 * signature.
 *
 * in:  other  the one before, which mostly comes with the same chain; NULL: none
 */
static int check_document(struct work *w, struct document *d, const struct document *other,
                          struct ds_error *e)
{
    bool has_chain = have(w, d->chain_pem, d->chain_name);
    bool has_sig = have(w, d->sig64, d->sig_name);
    bool has_text = have(w, d->text, d->name);
    if (!has_chain)
        return DS_OK;
    if (other != NULL && ds_span_eq(d->chain_pem, other->chain_pem))
        d->signer = other->signer;
    else
        DS_TRY(check_signer(&d->signer, w, d->chain_pem, e));
    if (!has_sig || !has_text)
        return DS_OK;
    DS_TRY(check_signed_text(w, d, e));
    d->is_signed = true;
    return DS_OK;
}

static int check_documents(struct work *w, struct ds_error *e)
{
    DS_TRY(check_document(w, &w->tcb_info, NULL, e));
    DS_TRY(check_document(w, &w->qe_identity, &w->tcb_info, e));
    w->p->docs.tcb_info = w->tcb_info.is_signed ? &w->p->coll->tcb : NULL;
    w->p->docs.qe_identity = w->qe_identity.is_signed ? &w->p->coll->qe : NULL;
    return DS_OK;
}

/*
 * The root's own signature is not looked at, so its dates bound what is kept and are in no claim.
 * That a certificate is valid already is ours: QVL asks for notAfter alone.
 */
static int check_chain_dates(struct work *w, const struct chain *c, struct ds_error *e)
{
    size_t root = c->n - 1;
    DS_TRY(ds_x509_check_times(c->certs, c->n, w->now_s, e));
    for (size_t i = 0; i < root; i++)
        narrow(&w->p->dates, c->certs[i].not_before_s, c->certs[i].not_after_s);
    narrow(&w->p->root_dates, c->certs[root].not_before_s, c->certs[root].not_after_s);
    return DS_OK;
}

static int check_crl_dates(struct work *w, const struct ds_crl *crl, const struct ds_x509 *issuer,
                           struct ds_error *e)
{
    if (crl->tbs.len == 0)
        return DS_OK;
    DS_TRY(ds_crl_check_time(crl, issuer, w->now_s, e));
    narrow(&w->p->dates, crl->this_update_s, crl->next_update_s);
    return DS_OK;
}

/* Of a document that nobody signed the dates say as little as the rest. Ours: issueDate. */
static int check_document_dates(struct work *w, const struct document *d, struct ds_error *e)
{
    if (d->signer != NULL)
        DS_TRY(check_chain_dates(w, d->signer, e));
    if (!d->is_signed)
        return DS_OK;
    narrow(&w->p->dates, d->dates.from_s, d->dates.until_s);
    if (ds_dates_has(&d->dates, w->now_s))
        return DS_OK;
    return ds_dates_refuse(&d->dates, w->now_s, w->now_s < d->dates.from_s ? d->future : d->expired,
                           d->name, w->p->anchor.name, e);
}

/* In the order of QVL PckCertVerifier::verify, then TCBInfoVerifier::verify and
   EnclaveIdentityVerifier::verify. Of a signer's chain the root goes first, as TCBInfoVerifier has
   it; for the identity that is ours. */
static int check_dates(struct work *w, struct ds_error *e)
{
    int r = check_chain_dates(w, w->pck, e);
    if (r < 0)
        return ds_wrap(e, r, "PCK chain");
    DS_TRY(check_crl_dates(w, &w->root_crl, &w->pck->certs[2], e));
    DS_TRY(check_crl_dates(w, &w->pck_crl, &w->pck->certs[1], e));
    DS_TRY(check_document_dates(w, &w->tcb_info, e));
    return check_document_dates(w, &w->qe_identity, e);
}

/* stale: what is out of date first, with its class; else DS_OK */
static int verify(struct work *w, const struct ds_dcap_quote *quote, struct ds_error *stale,
                  struct ds_error *e)
{
    /* QVL PckCertVerifier::verify, QVL 4.1.2.5.4 and .5 (sgxAttestationVerifyQuoteEx), QVL
       4.1.2.5.5 (QuoteVerifier::verify): the chain and what the PCK says of the platform. */
    DS_TRY(check_pck_chain(w, quote, e));
    /* QVL PckCrlVerifier::verify, PckCertVerifier::verify: no CA is revoked. */
    DS_TRY(check_root_crl(w, e));
    /* QVL 4.1.2.5.6 (sgxAttestationVerifyQuoteEx), QVL 4.1.2.5.7 and .8 (QuoteVerifier::verify),
       QVL PckCrlVerifier::verify: the PCK is not revoked. */
    DS_TRY(check_pck_crl(w, e));
    /* QVL TCBInfoVerifier::verify, EnclaveIdentityVerifier::verify: Intel signed them. */
    DS_TRY(check_documents(w, e));
    /* The dates of all of these, which are only noted. */
    stale->cls = ds_anchored(check_dates(w, stale), w->p->anchor.name, stale);
    return DS_OK;
}

struct ds_dcap_platform *ds_dcap_platform_new_in(struct ds_arena *mem)
{
    return ds_arena_get(mem, sizeof(struct ds_dcap_platform));
}

int dcap_platform_judge(struct dcap_platform_now *ret, struct ds_arena *mem,
                        const struct ds_dcap_quote *quote, const struct ds_dcap_collateral *coll,
                        const struct ds_anchors *anchors, int64_t now_s, struct ds_error *e)
{
    const struct ds_dcap_parts *parts = &coll->parts;
    *ret = (struct dcap_platform_now){
        .platform = { .coll = coll, .dates = DS_DATES_ALWAYS, .root_dates = DS_DATES_ALWAYS }
    };
    struct work w = {
        .p = &ret->platform,
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
    int r = verify(&w, quote, &ret->stale, e);
    mem->used = used;
    return ds_anchored(r, ret->platform.anchor.name, e); /* which is known only now */
}

int ds_dcap_platform_verify(struct ds_dcap_platform *ret, struct ds_arena *mem,
                            const struct ds_dcap_quote *quote,
                            const struct ds_dcap_collateral *coll, const struct ds_anchors *anchors,
                            int64_t now_s, struct ds_error *e)
{
    struct dcap_platform_now now;
    DS_TRY(dcap_platform_judge(&now, mem, quote, coll, anchors, now_s, e));
    DS_TRY(dcap_refuse_stale(&now.stale, e));
    *ret = now.platform;
    return DS_OK;
}

bool ds_dcap_platform_serves(const struct ds_dcap_platform *p, const struct ds_dcap_quote *quote)
{
    return p->coll != NULL && (p->chain.len == 0 || (p->chain_type == quote->cert_type &&
                                                     ds_span_eq(p->chain, quote->cert_data)));
}

bool ds_dcap_platform_is_in_date(const struct ds_dcap_platform *p, int64_t now_s)
{
    return ds_dates_has(&p->dates, now_s) && ds_dates_has(&p->root_dates, now_s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a set part by part. Chains and lists are judged by attest/x509.h at a
 * time when all of them are in date; their own dates go into the list of items.
 */
#include "collateral/check.h"

#include <stdio.h>

#include "attest/coded.h"
#include "attest/dcap/collateral.h"
#include "attest/x509.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/date.h"
#include "codec/json.h"
#include "codec/pem.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

struct run {
    struct collateral_facts f;
    struct ds_arena *mem;
    const struct ds_anchors *anchors;
    enum ds_vendor vendor; /* whose set it is */
    struct ds_anchor anchor;
    struct ds_span root_spki; /* of the first chain; the others end in the same */
};

struct chain {
    struct ds_x509 certs[DS_X509_CHAIN_MAX]; /* leaf first */
    size_t n;
};

const char *collateral_kind_text(enum collateral_kind kind)
{
    static const char *const texts[] = {
        [COLLATERAL_TDX] = "tdx",
        [COLLATERAL_SGX] = "sgx",
        [COLLATERAL_SNP] = "snp",
    };
    return texts[kind];
}

int64_t collateral_from_s(const struct collateral_facts *f)
{
    return f->items[f->begins_last].from_s;
}

int64_t collateral_until_s(const struct collateral_facts *f)
{
    return f->items[f->ends_first].until_s;
}

static int refuse(const struct run *v, enum ds_code code, const char *claim, const char *expected,
                  const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, v->anchor.name);
}

static int add_item(struct run *v, const char *name, const char *signer, int64_t from_s,
                    int64_t until_s, struct ds_span content, struct ds_error *e)
{
    struct collateral_facts *f = &v->f;
    for (size_t i = 0; i < f->n_items; i++)
        if (ds_span_eq(f->items[i].content, content))
            return DS_OK;
    if (f->n_items == COLLATERAL_ITEMS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "a set of more than %d parts", COLLATERAL_ITEMS_MAX);
    size_t at = f->n_items++;
    struct collateral_item *item = &f->items[at];
    *item = (struct collateral_item){ .from_s = from_s, .until_s = until_s, .content = content };
    (void)snprintf(item->name, sizeof item->name, "%s", name);
    (void)snprintf(item->signer, sizeof item->signer, "%s", signer);
    if (until_s < f->items[f->ends_first].until_s)
        f->ends_first = at;
    if (from_s > f->items[f->begins_last].from_s)
        f->begins_last = at;
    return DS_OK;
}

static int add_certificate(struct run *v, const struct ds_x509 *cert, const struct ds_x509 *issuer,
                           struct ds_error *e)
{
    char name[80];
    (void)snprintf(name, sizeof name, "certificate %s", ds_x509_name_of(cert).s);
    return add_item(v, name, ds_x509_name_of(issuer).s, cert->not_before_s, cert->not_after_s,
                    cert->der, e);
}

/* Append the certificates of a PEM text. */
static int parse_chain(struct chain *c, struct run *v, struct ds_span pem, struct ds_error *e)
{
    struct ds_span der;
    for (;;) {
        DS_TRY(ds_coded(ds_pem_next(&der, &pem, "CERTIFICATE", v->mem, e), DS_CODE_X509_FORMAT, e));
        if (der.p == NULL)
            return DS_OK;
        if (c->n == DS_X509_CHAIN_MAX)
            return refuse(v, DS_CODE_X509_CHAIN, "chain", "at most 4 certificates", "more", e);
        DS_TRY(ds_x509_parse(&c->certs[c->n], der, e));
        c->n++;
    }
}

/* A time at which every certificate is in date; where there is none the chain never held. */
static int64_t time_of(const struct chain *c)
{
    int64_t from_s = INT64_MIN;
    for (size_t i = 0; i < c->n; i++)
        if (c->certs[i].not_before_s > from_s)
            from_s = c->certs[i].not_before_s;
    return from_s;
}

static int check_chain(struct run *v, const struct chain *c, size_t n, struct ds_error *e)
{
    char want[32], got[32];
    (void)snprintf(want, sizeof want, "%zu certificates", n);
    (void)snprintf(got, sizeof got, "%zu", c->n);
    if (c->n != n)
        return refuse(v, DS_CODE_X509_CHAIN, "chain", want, got, e);
    struct ds_anchor anchor;
    DS_TRY(ds_x509_check_chain(&anchor, c->certs, n, v->anchors, v->vendor, time_of(c), e));
    if (v->root_spki.p != NULL && !ds_span_eq(v->root_spki, c->certs[n - 1].spki))
        return refuse(v, DS_CODE_DCAP_MIXED_ROOTS, "collateral_root", v->anchor.name, anchor.name,
                      e);
    v->anchor = anchor;
    v->root_spki = c->certs[n - 1].spki;
    for (size_t i = 0; i < n; i++)
        DS_TRY(add_certificate(v, &c->certs[i], &c->certs[i + 1 < n ? i + 1 : i], e));
    return DS_OK;
}

static int check_crl(struct ds_crl *ret, struct run *v, const char *name, struct ds_span der,
                     const struct ds_x509 *issuer, struct ds_error *e)
{
    DS_TRY(ds_crl_parse(ret, der, e));
    DS_TRY(ds_anchored(ds_crl_check(ret, issuer, ret->this_update_s, e), v->anchor.name, e));
    return add_item(v, name, ds_x509_name_of(issuer).s, ret->this_update_s, ret->next_update_s, der,
                    e);
}

static int check_not_revoked(const struct run *v, const struct ds_crl *crl,
                             const struct ds_x509 *cert, struct ds_error *e)
{
    if (ds_crl_has(crl, cert))
        return refuse(v, DS_CODE_COLLATERAL_ISSUER_REVOKED, ds_x509_name_of(cert).s, "not revoked",
                      "revoked", e);
    return DS_OK;
}

struct signed_text {
    const char *name;
    struct ds_span chain_pem, text, sig64;
    int64_t issue_s, next_s;
    enum ds_code code;
};

static int check_signed(struct chain *ret_signer, struct run *v, const struct signed_text *t,
                        struct ds_error *e)
{
    uint8_t xy64[64], digest32[32];
    DS_TRY(parse_chain(ret_signer, v, t->chain_pem, e));
    DS_TRY(check_chain(v, ret_signer, 2, e));
    struct ds_x509_name cn = ds_x509_name_of(&ret_signer->certs[0]);
    if (strstr(cn.s, "SGX TCB Signing") == NULL)
        return refuse(v, DS_CODE_DCAP_TCB_SIGNER, "signer_common_name", "SGX TCB Signing", cn.s, e);
    DS_TRY(ds_p256_of_spki(xy64, ret_signer->certs[0].spki, e));
    DS_TRY(ds_hash(DS_SHA256, digest32, t->text, e));
    int r = ds_p256_verify(xy64, digest32, t->sig64.p, e);
    if (r == DS_ERR_UNTRUSTED)
        return refuse(v, t->code, t->name, cn.s, "a signature that does not verify", e);
    DS_TRY(r);
    return add_item(v, t->name, cn.s, t->issue_s, t->next_s, t->text, e);
}

static int check_parts(const struct ds_dcap_parts *p, struct ds_span crl_chain, struct ds_error *e)
{
    const struct {
        const char *name;
        struct ds_span part;
    } rows[] = {
        { "tcb_info", p->tcb_info },
        { "tcb_info_signature", p->tcb_sig64 },
        { "tcb_info_issuer_chain", p->tcb_chain_pem },
        { "qe_identity", p->qe_identity },
        { "qe_identity_signature", p->qe_sig64 },
        { "qe_identity_issuer_chain", p->qe_chain_pem },
        { "root_ca_crl", p->root_crl_der },
        { "pck_crl", p->pck_crl_der },
        { "pck_crl_issuer_chain", crl_chain },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (rows[i].part.len == 0)
            return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_DCAP_COLLATERAL_INCOMPLETE,
                             "collateral", "every part", rows[i].name, DS_NO_ANCHOR);
    return DS_OK;
}

static int describe_dcap(struct run *v, const struct ds_dcap_collateral *c,
                         const struct ds_x509 *ca, struct ds_error *e)
{
    bool is_tdx = strcmp(c->tcb.id, "TDX") == 0;
    if (strcmp(c->qe.id, is_tdx ? "TD_QE" : "QE") != 0)
        return refuse(v, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_identity_id",
                      is_tdx ? "TD_QE" : "QE", c->qe.id, e);
    v->f.kind = is_tdx ? COLLATERAL_TDX : COLLATERAL_SGX;
    memcpy(v->f.fmspc6, c->tcb.fmspc6, sizeof v->f.fmspc6);
    v->f.eval_number = c->tcb.eval_number;
    v->f.is_processor_ca = strstr(ds_x509_name_of(ca).s, "Processor") != NULL;
    return DS_OK;
}

static int check_lists(struct run *v, const struct ds_dcap_collateral *c, const struct chain *tcb,
                       const struct chain *qe, const struct chain *ca, struct ds_error *e)
{
    struct ds_crl root_crl, pck_crl;
    DS_TRY(check_crl(&root_crl, v, "root_ca_crl", c->parts.root_crl_der, &tcb->certs[1], e));
    DS_TRY(check_crl(&pck_crl, v, "pck_crl", c->parts.pck_crl_der, &ca->certs[0], e));
    DS_TRY(check_not_revoked(v, &root_crl, &tcb->certs[0], e));
    DS_TRY(check_not_revoked(v, &root_crl, &qe->certs[0], e));
    return check_not_revoked(v, &root_crl, &ca->certs[0], e);
}

static int check_dcap(struct run *v, struct ds_span set, const struct ds_json_tok *root,
                      struct ds_error *e)
{
    struct ds_dcap_collateral c;
    struct ds_span crl_chain = { 0 };
    struct chain *chains = ds_arena_get_n(v->mem, 3, sizeof *chains);
    if (chains == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for certificate chains");
    const struct ds_json_tok *text = ds_json_find(root, "pck_crl_issuer_chain");
    if (text != NULL && text->type == DS_JSON_STRING)
        DS_TRY(ds_json_str(&crl_chain, v->mem, text, e));
    DS_TRY(ds_dcap_collateral_parse(&c, v->mem, set, e));
    DS_TRY(check_parts(&c.parts, crl_chain, e));
    const struct signed_text tcb = { "tcb_info",
                                     c.parts.tcb_chain_pem,
                                     c.parts.tcb_info,
                                     c.parts.tcb_sig64,
                                     c.tcb.issue_s,
                                     c.tcb.next_s,
                                     DS_CODE_DCAP_TCB_INFO_SIGNATURE };
    const struct signed_text qe = { "qe_identity",
                                    c.parts.qe_chain_pem,
                                    c.parts.qe_identity,
                                    c.parts.qe_sig64,
                                    c.qe.issue_s,
                                    c.qe.next_s,
                                    DS_CODE_DCAP_QE_IDENTITY_SIGNATURE };
    DS_TRY(check_signed(&chains[0], v, &tcb, e));
    DS_TRY(check_signed(&chains[1], v, &qe, e));
    DS_TRY(parse_chain(&chains[2], v, crl_chain, e));
    DS_TRY(check_chain(v, &chains[2], 2, e));
    DS_TRY(check_lists(v, &c, &chains[0], &chains[1], &chains[2], e));
    return describe_dcap(v, &c, &chains[2].certs[0], e);
}

static int get_der(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *root,
                   const char *key, struct ds_error *e)
{
    struct ds_span hex;
    size_t len = 0;
    DS_TRY(ds_json_get_str(&hex, root, key, e));
    uint8_t *out = ds_arena_get(mem, hex.len / 2 + 1);
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for '%s'", key);
    DS_TRY(ds_hex_decode_any(out, &len, hex.len / 2, hex, e));
    *ret = DS_SPAN(out, len);
    return DS_OK;
}

static int read_snp(struct collateral_snp *ret, struct ds_arena *mem,
                    const struct ds_json_tok *root, struct ds_error *e)
{
    struct ds_span product;
    const struct ds_json_tok *chain;
    struct collateral_snp x = { .is_vlek = ds_json_find(root, "vlek") != NULL };
    DS_TRY(ds_json_get_str(&product, root, "product", e));
    if (!ds_str_copy_span(x.product, sizeof x.product, product))
        return ds_fail(e, DS_ERR_FORMAT, "the product's name is too long");
    DS_TRY(get_der(&x.leaf, mem, root, x.is_vlek ? "vlek" : "vcek", e));
    DS_TRY(get_der(&x.crl, mem, root, "crl", e));
    DS_TRY(ds_json_get(&chain, root, "cert_chain", DS_JSON_STRING, e));
    DS_TRY(ds_json_str(&x.chain, mem, chain, e));
    *ret = x;
    return DS_OK;
}

bool collateral_is_snp(const struct ds_json_tok *root)
{
    const struct ds_json_tok *kind = root->type == DS_JSON_OBJECT ? ds_json_find(root, "kind")
                                                                  : NULL;
    return kind != NULL && ds_json_is_str(kind, "snp");
}

int collateral_snp_parse(struct collateral_snp *ret, struct ds_arena *mem,
                         const struct ds_json_tok *root, struct ds_error *e)
{
    return ds_coded(read_snp(ret, mem, root, e), DS_CODE_COLLATERAL_SET_FORMAT, e);
}

static int check_snp(struct run *v, const struct ds_json_tok *root, struct ds_error *e)
{
    struct collateral_snp set;
    struct ds_crl crl;
    char want[32];
    struct chain *c = ds_arena_get(v->mem, sizeof *c);
    if (c == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a certificate chain");
    v->f.kind = COLLATERAL_SNP;
    v->vendor = DS_VENDOR_AMD;
    DS_TRY(collateral_snp_parse(&set, v->mem, root, e));
    v->f.is_vlek = set.is_vlek;
    v->f.leaf = set.leaf;
    memcpy(v->f.product, set.product, sizeof v->f.product);
    DS_TRY(ds_x509_parse(&c->certs[0], v->f.leaf, e));
    c->n = 1;
    DS_TRY(parse_chain(c, v, set.chain, e));
    DS_TRY(check_chain(v, c, 3, e));
    struct ds_x509_name ark = ds_x509_name_of(&c->certs[2]);
    (void)snprintf(want, sizeof want, "ARK-%s", v->f.product);
    if (strcmp(ark.s, want) != 0)
        return refuse(v, DS_CODE_COLLATERAL_SET_FORMAT, "product", want, ark.s, e);
    DS_TRY(check_crl(&crl, v, "crl", set.crl, &c->certs[2], e));
    return check_not_revoked(v, &crl, &c->certs[1], e);
}

int collateral_check(struct collateral_facts *ret, struct ds_arena *mem, struct ds_span set,
                     const struct ds_anchors *anchors, struct ds_error *e)
{
    struct run v = { .mem = mem, .anchors = anchors, .vendor = DS_VENDOR_INTEL };
    const struct ds_json_tok *root;
    int r = ds_json_parse_in(&root, mem, set, e);
    if (r == DS_OK && root->type != DS_JSON_OBJECT)
        r = ds_fail(e, DS_ERR_FORMAT, "it is no JSON object");
    DS_TRY(ds_coded(r, DS_CODE_COLLATERAL_SET_FORMAT, e));
    const struct ds_json_tok *kind = ds_json_find(root, "kind");
    if (kind != NULL && !collateral_is_snp(root))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_COLLATERAL_SET_FORMAT,
                            "a set of a kind that is not known");
    DS_TRY(kind != NULL ? check_snp(&v, root, e) : check_dcap(&v, set, root, e));
    (void)snprintf(v.f.anchor, sizeof v.f.anchor, "%s", v.anchor.name);
    v.f.anchor_kind = v.anchor.kind;
    *ret = v.f;
    return DS_OK;
}

int collateral_check_dates(const struct collateral_facts *f, int64_t now_s, struct ds_error *e)
{
    char now[21], limit[21], want[32];
    const struct collateral_item *last = &f->items[f->begins_last],
                                 *first = &f->items[f->ends_first];
    bool is_early = now_s < last->from_s;
    if (!is_early && now_s <= first->until_s)
        return DS_OK;
    const struct collateral_item *item = is_early ? last : first;
    (void)snprintf(want, sizeof want, "%s %s", is_early ? "from" : "until",
                   ds_date_format(limit, is_early ? item->from_s : item->until_s));
    return ds_refuse(e, DS_ERR_STALE,
                     is_early ? DS_CODE_COLLATERAL_NOT_YET_VALID : DS_CODE_COLLATERAL_EXPIRED,
                     item->name, want, ds_date_format(now, now_s), item->signer);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification of an SEV-SNP report, top to bottom: AMD's chain ARK, ASK or
 * ASVK, VCEK or VLEK; then what the report says of that key; then its signature.
 * Claims are filled in one place, at the very end.
 */

#include "attest/snp/verify.h"

#include <stdio.h>

#include "attest/claims_private.h"
#include "attest/coded.h"
#include "attest/dates.h"
#include "attest/snp/ark.h"
#include "base/hex.h"
#include "base/scope.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define VMPL_MAX  3
#define TCB_PARTS 8

static const char *const key_names[] = { [DS_SNP_KEY_VCEK] = "VCEK", [DS_SNP_KEY_VLEK] = "VLEK" };
static const char *const ca_names[] = { [DS_SNP_KEY_VCEK] = "ASK", [DS_SNP_KEY_VLEK] = "ASVK" };

struct run {
    const struct ds_snp_certs *certs;
    enum ds_snp_key key;
    const struct ds_anchors *anchors;
    int64_t now_s;

    struct ds_x509 leaf, ca;
    struct ds_x509 root;  /* name and key only */
    struct ds_x509 given; /* what came as its certificate, or nothing */
    struct ds_crl crl;
    struct ds_anchor anchor;
    struct snp_key_cert says;
    bool is_crl_checked;
    int64_t from_s, until_s; /* everything that was looked at is in date within */
    int64_t root_from_s, root_until_s;
};

static int refuse(const struct run *v, enum ds_code code, const char *claim, const char *expected,
                  const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, v->anchor.name);
}

static void narrow(struct run *v, int64_t from_s, int64_t until_s)
{
    v->from_s = from_s > v->from_s ? from_s : v->from_s;
    v->until_s = until_s < v->until_s ? until_s : v->until_s;
}

/* A report that no key signed has no certificates either. */
static int check_present(const struct run *v, struct ds_error *e)
{
    char want[32];
    if (v->key != DS_SNP_KEY_VCEK && v->key != DS_SNP_KEY_VLEK)
        return refuse(v, DS_CODE_SNP_SIGNING_KEY, "signing_key", "VCEK or VLEK", "none", e);
    (void)snprintf(want, sizeof want, "%s and %s", key_names[v->key], ca_names[v->key]);
    bool has_leaf = v->certs->der[DS_SNP_VCEK + v->key].len > 0;
    bool has_ca = v->certs->der[DS_SNP_ASK + v->key].len > 0;
    if (has_leaf && has_ca)
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_SNP_CERTS_MISSING, "certificates", want,
                     has_leaf ? key_names[v->key] : (has_ca ? ca_names[v->key] : "neither"), NULL);
}

/*
 * RFC 5280 6.1.1 (d): of a trust anchor its name and key count. So a root's certificate is
 * not verified by itself, and nothing else that it says is taken over; only what speaks
 * against it is looked at.
 */
static int find_root(struct run *v, struct ds_error *e)
{
    struct ds_span der = v->certs->der[DS_SNP_ARK];
    struct ds_x509 given = { 0 };
    struct snp_ark ark = { 0 };
    uint8_t spki_sha256[32];
    if (der.len > 0) {
        DS_TRY(ds_x509_parse(&given, der, e));
        ark = (struct snp_ark){ given.subject, given.spki };
    } else if (!snp_ark_find(&ark, v->ca.issuer)) {
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_SNP_CERTS_MISSING, "root",
                         "the issuer's certificate, where it is not AMD's",
                         ds_x509_name_of(&v->ca).s, NULL);
    }
    DS_TRY(ds_hash(DS_SHA256, spki_sha256, ark.spki, e));
    DS_TRY(ds_anchors_find(&v->anchor, v->anchors, DS_VENDOR_AMD, spki_sha256, e));
    v->root = (struct ds_x509){ .subject = ark.name,
                                .spki = ark.spki,
                                .is_ca = true,
                                .path_len = -1,
                                .has_key_usage = true,
                                .key_usage = DS_KEY_USAGE_CERT_SIGN | DS_KEY_USAGE_CRL_SIGN };
    if (der.len == 0)
        return DS_OK;
    DS_TRY(ds_x509_check_critical(&given, e));
    DS_TRY(ds_x509_check_marker(&given, &v->anchor, e));
    v->given = given;
    return DS_OK;
}

/* 57230 2.3: the product stands in the name of each certificate above the leaf. */
static int check_name(const struct run *v, const struct ds_x509 *cert, const char *prefix,
                      struct ds_error *e)
{
    char want[32];
    (void)snprintf(want, sizeof want, "%s%s", prefix, ds_snp_product_text(v->says.product));
    return ds_span_eq_str(ds_x509_cn(cert), want)
               ? DS_OK
               : refuse(v, DS_CODE_SNP_PRODUCT, "issuer_common_name", want, ds_x509_name_of(cert).s,
                        e);
}

static int check_chain(struct run *v, struct ds_error *e)
{
    DS_TRY(ds_x509_parse(&v->leaf, v->certs->der[DS_SNP_VCEK + v->key], e));
    DS_TRY(ds_x509_parse(&v->ca, v->certs->der[DS_SNP_ASK + v->key], e));
    DS_TRY(find_root(v, e));
    DS_TRY(ds_x509_check_link(&v->ca, &v->root, 1, &v->anchor, e));
    DS_TRY(ds_x509_check_link(&v->leaf, &v->ca, 0, &v->anchor, e));
    DS_TRY(snp_key_cert_parse(&v->says, v->key, &v->leaf, e));
    DS_TRY(check_name(v, &v->ca, v->key == DS_SNP_KEY_VLEK ? "SEV-VLEK-" : "SEV-", e));
    return check_name(v, &v->root, "ARK-", e);
}

/* 57230 2.3, 4.3: the ARK's list names ASKs and ASVKs; nobody lists VCEKs. */
static int check_crl(struct run *v, struct ds_error *e)
{
    if (v->certs->der[DS_SNP_CRL].len == 0)
        return DS_OK;
    DS_TRY(ds_crl_parse(&v->crl, v->certs->der[DS_SNP_CRL], e));
    DS_TRY(ds_crl_check_issued(&v->crl, &v->root, e));
    v->is_crl_checked = true;
    if (ds_crl_has(&v->crl, &v->ca))
        return refuse(v, DS_CODE_SNP_CA_REVOKED, ds_x509_name_of(&v->ca).s, "not revoked",
                      "revoked", e);
    return DS_OK;
}

/* Behind signatures and revocation, so that nothing forged or revoked is called old. */
static int check_chain_dates(struct run *v, struct ds_error *e)
{
    if (v->given.der.len > 0) {
        v->root_from_s = v->given.not_before_s;
        v->root_until_s = v->given.not_after_s;
        DS_TRY(ds_x509_check_time(&v->given, v->now_s, e));
    }
    DS_TRY(ds_x509_check_time(&v->ca, v->now_s, e));
    DS_TRY(ds_x509_check_time(&v->leaf, v->now_s, e));
    narrow(v, v->ca.not_before_s, v->ca.not_after_s);
    narrow(v, v->leaf.not_before_s, v->leaf.not_after_s);
    if (!v->is_crl_checked)
        return DS_OK;
    narrow(v, v->crl.this_update_s, v->crl.next_update_s);
    return ds_crl_check_time(&v->crl, &v->root, v->now_s, e);
}

/* When all else holds, so that a bad chain is called bad. */
static int check_complete(const struct run *v, uint32_t flags, struct ds_error *e)
{
    if (v->is_crl_checked || (flags & DS_SNP_ALLOW_NO_CRL) != 0)
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_SNP_CRL_MISSING, "crl",
                     ds_x509_name_of(&v->root).s, "no revocation list", v->anchor.name);
}

static int fill_platform(struct ds_snp_platform *ret, const struct run *v, struct ds_error *e)
{
    struct ds_snp_platform p = {
        .kind = v->anchor.kind,
        .key = v->key,
        .product = v->says.product,
        .is_crl_checked = v->is_crl_checked,
        .valid_from_s = v->from_s,
        .valid_until_s = v->until_s,
        .root_from_s = v->root_from_s,
        .root_until_s = v->root_until_s,
    };
    (void)snprintf(p.anchor, sizeof p.anchor, "%s", v->anchor.name);
    memcpy(p.tcb8, v->says.tcb8, sizeof p.tcb8);
    memcpy(p.chip_id64, v->says.hwid64, sizeof p.chip_id64);
    memcpy(p.csp_id, v->says.csp_id, sizeof p.csp_id);
    int r = ds_p384_of_spki(p.pub_xy96, v->leaf.spki, e);
    DS_TRY(ds_coded(r, DS_CODE_SNP_KEY_CERT, e));
    if (v->key == DS_SNP_KEY_VCEK)
        DS_TRY(ds_hash(DS_SHA256, p.device_id32, DS_SPAN_OF(p.chip_id64), e));
    *ret = p;
    return DS_OK;
}

static int verify_platform(struct ds_snp_platform *ret, struct run *v, uint32_t flags,
                           struct ds_error *e)
{
    DS_TRY(check_present(v, e));
    DS_TRY(check_chain(v, e));
    DS_TRY(check_crl(v, e));
    DS_TRY(check_chain_dates(v, e));
    DS_TRY(check_complete(v, flags, e));
    return fill_platform(ret, v, e);
}

int ds_snp_platform_verify(struct ds_snp_platform *ret, const struct ds_snp_certs *certs,
                           enum ds_snp_key key, const struct ds_anchors *anchors, int64_t now_s,
                           uint32_t flags, struct ds_error *e)
{
    struct run v = { .certs = certs,
                     .key = key,
                     .anchors = anchors,
                     .now_s = now_s,
                     .from_s = INT64_MIN,
                     .until_s = INT64_MAX,
                     .root_from_s = INT64_MIN,
                     .root_until_s = INT64_MAX };
    return ds_anchored(verify_platform(ret, &v, flags, e), v.anchor.name, e);
}

static int refuse_report(const struct ds_snp_platform *platform, enum ds_code code,
                         const char *claim, const char *expected, const char *got,
                         struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, expected, got, platform->anchor);
}

static int check_dates(const struct ds_snp_platform *platform, int64_t now_s, struct ds_error *e)
{
    const struct ds_dates both[] = { { platform->root_from_s, platform->root_until_s },
                                     { platform->valid_from_s, platform->valid_until_s } };
    for (size_t i = 0; i < DS_LEN(both); i++)
        if (!ds_dates_has(&both[i], now_s))
            return ds_dates_refuse(&both[i], now_s, DS_CODE_SNP_PLATFORM_DATES,
                                   "platform_certificates", platform->anchor, e);
    return DS_OK;
}

/*
 * 56860 7.3 table 23, 48h: SIGNING_KEY. 3.6: with MASK_CHIP_KEY the firmware does not
 * use the VCEK (SNP_CONFIG), so that a report by it says what cannot be.
 */
static int check_key(const struct ds_snp_report *report, const struct ds_snp_platform *platform,
                     struct ds_error *e)
{
    enum ds_snp_key key = ds_snp_report_key(report);
    bool is_masked = (report->key_info & DS_SNP_KEY_INFO_MASK_CHIP_KEY) != 0;
    if (key != platform->key)
        return refuse_report(platform, DS_CODE_SNP_SIGNING_KEY, "signing_key",
                             key_names[platform->key],
                             key == DS_SNP_KEY_NONE ? "none" : key_names[key], e);
    if (key == DS_SNP_KEY_VCEK && is_masked)
        return refuse_report(platform, DS_CODE_SNP_SIGNING_KEY, "mask_chip_key",
                             "clear with a VCEK", "set", e);
    return DS_OK;
}

/* Version 2 does not say what it ran on: there the certificate's word stands. */
static int check_product(const struct ds_snp_report *report, const struct ds_snp_platform *platform,
                         struct ds_error *e)
{
    enum ds_snp_product product = ds_snp_report_product(report);
    char got[64];
    if (report->version == 2 || product == platform->product)
        return DS_OK;
    (void)snprintf(got, sizeof got, "%s: CPU family 0x%02x, model 0x%02x",
                   ds_snp_product_text(product), report->cpuid_family, report->cpuid_model);
    return refuse_report(platform, DS_CODE_SNP_PRODUCT, "product",
                         ds_snp_product_text(platform->product), got, e);
}

/* 57230 3.1: a key is derived from the TCB that its certificate names: the REPORTED_TCB. */
static int check_tcb(const struct ds_snp_report *report, const struct ds_snp_platform *platform,
                     struct ds_error *e)
{
    if (memcmp(report->reported_tcb8, platform->tcb8, TCB_PARTS) == 0)
        return DS_OK;
    return refuse_report(platform, DS_CODE_SNP_TCB_MISMATCH, "reported_tcb",
                         DS_HEX(DS_SPAN_OF(platform->tcb8)),
                         DS_HEX(DS_SPAN_OF(report->reported_tcb8)), e);
}

static bool is_masked_chip(const struct ds_snp_report *report)
{
    static const uint8_t zeros64[64] = { 0 };
    return memcmp(report->chip_id64, zeros64, 64) == 0;
}

/* 56860 7.3 table 23, 1A0h, and 3.7: zero where MASK_CHIP_ID is set; a VLEK is no chip's. */
static int check_chip(const struct ds_snp_report *report, const struct ds_snp_platform *platform,
                      struct ds_error *e)
{
    if (platform->key == DS_SNP_KEY_VLEK || is_masked_chip(report) ||
        memcmp(report->chip_id64, platform->chip_id64, 64) == 0)
        return DS_OK;
    return refuse_report(platform, DS_CODE_SNP_CHIP_MISMATCH, "chip_id",
                         DS_HEX(DS_SPAN_OF(platform->chip_id64)),
                         DS_HEX(DS_SPAN_OF(report->chip_id64)), e);
}

/* 56860 7.3 table 23, 2A0h: over the bytes before the signature. */
static int check_signature(const struct ds_snp_report *report,
                           const struct ds_snp_platform *platform, struct ds_error *e)
{
    uint8_t digest48[48];
    DS_TRY(ds_hash(DS_SHA384, digest48, report->signed_part, e));
    int r = ds_p384_verify(platform->pub_xy96, digest48, report->sig96, e);
    if (r == DS_ERR_UNTRUSTED)
        return refuse_report(platform, DS_CODE_SNP_SIGNATURE, "report",
                             platform->key == DS_SNP_KEY_VLEK ? "signed by the VLEK"
                                                              : "signed by the VCEK",
                             "a signature that does not verify", e);
    return r;
}

static bool is_at_most(const uint8_t *a, const uint8_t *b)
{
    size_t i = 0;
    while (i < TCB_PARTS && a[i] <= b[i])
        i++;
    return i == TCB_PARTS;
}

static int check_at_most(const uint8_t *low8, const uint8_t *high8, const char *claim,
                         const char *limit, const struct ds_snp_platform *platform,
                         struct ds_error *e)
{
    char want[192];
    if (is_at_most(low8, high8))
        return DS_OK;
    (void)snprintf(want, sizeof want, "at most the %s %s", limit,
                   DS_HEX(DS_SPAN(high8, TCB_PARTS)));
    return refuse_report(platform, DS_CODE_SNP_TCB_ORDER, claim, want,
                         DS_HEX(DS_SPAN(low8, TCB_PARTS)), e);
}

/* 56860 2.2, SNP_CONFIG and SNP_COMMIT: REPORTED_TCB <= COMMITTED_TCB <= CURRENT_TCB. */
static int check_tcb_order(const struct ds_snp_report *report,
                           const struct ds_snp_platform *platform, struct ds_error *e)
{
    DS_TRY(check_at_most(report->reported_tcb8, report->committed_tcb8, "reported_tcb", "committed",
                         platform, e));
    return check_at_most(report->committed_tcb8, report->current_tcb8, "committed_tcb", "current",
                         platform, e);
}

/* 56860 7.3 table 23, 30h: a host can ask for a report too (SNP_HV_REPORT_REQ), which no guest
   has seen. */
static int check_vmpl(const struct ds_snp_report *report, const struct ds_snp_platform *platform,
                      struct ds_error *e)
{
    char got[16];
    (void)snprintf(got, sizeof got, "0x%x", report->vmpl);
    return report->vmpl <= VMPL_MAX ? DS_OK
                                    : refuse_report(platform, DS_CODE_SNP_HOST_REPORT, "vmpl",
                                                    "0 to 3: asked for by the guest", got, e);
}

/* guest-api 5.4: nothing is newer than what the report vouches for. */
static enum ds_tcb_status tcb_status(const struct ds_snp_report *r)
{
    bool is_one = memcmp(r->current_tcb8, r->reported_tcb8, TCB_PARTS) == 0 &&
                  memcmp(r->current_tcb8, r->committed_tcb8, TCB_PARTS) == 0 &&
                  memcmp(r->current_tcb8, r->launch_tcb8, TCB_PARTS) == 0;
    return is_one ? DS_TCB_UP_TO_DATE : DS_TCB_OUT_OF_DATE;
}

/* The chip that a VCEK belongs to; behind a VLEK only the report's word, if it gives one. */
static int fill_chip(struct ds_claims *c, const struct ds_snp_report *report,
                     const struct ds_snp_platform *platform, struct ds_error *e)
{
    if (platform->key == DS_SNP_KEY_VCEK) {
        c->snp.has_chip_id = true;
        memcpy(c->snp.chip_id64, platform->chip_id64, 64);
        memcpy(c->device_id32, platform->device_id32, 32);
        return DS_OK;
    }
    if (is_masked_chip(report))
        return DS_OK;
    c->snp.has_chip_id = true;
    memcpy(c->snp.chip_id64, report->chip_id64, 64);
    return ds_hash(DS_SHA256, c->device_id32, DS_SPAN_OF(report->chip_id64), e);
}

static int fill_claims(struct ds_claims *ret, const struct ds_snp_report *report,
                       const struct ds_snp_platform *platform, struct ds_error *e)
{
    struct ds_claims c = {
        .kind = platform->kind,
        .tee = DS_TEE_SEV_SNP,
        .tcb = { .status = tcb_status(report) },
        .valid_from_s = platform->valid_from_s,
        .valid_until_s = platform->valid_until_s,
        .snp = { .policy = report->policy,
                 .platform_info = report->platform_info,
                 .launch_mit_vector = report->launch_mit_vector,
                 .current_mit_vector = report->current_mit_vector,
                 .report_version = report->version,
                 .vmpl = report->vmpl,
                 .guest_svn = report->guest_svn,
                 .key_info = report->key_info,
                 .product = platform->product,
                 .current = report->current,
                 .committed = report->committed,
                 .is_crl_checked = platform->is_crl_checked },
    };
    struct claims_snp *s = &c.snp;
    (void)snprintf(c.anchor, sizeof c.anchor, "%s", platform->anchor);
    memcpy(c.report_data64, report->report_data64, 64);
    memcpy(s->measurement48, report->measurement48, 48);
    memcpy(s->host_data32, report->host_data32, 32);
    memcpy(s->family_id16, report->family_id16, 16);
    memcpy(s->image_id16, report->image_id16, 16);
    memcpy(s->id_key_digest48, report->id_key_digest48, 48);
    memcpy(s->author_key_digest48, report->author_key_digest48, 48);
    memcpy(s->report_id32, report->report_id32, 32);
    memcpy(s->report_id_ma32, report->report_id_ma32, 32);
    memcpy(s->tcb8[DS_SNP_TCB_CURRENT], report->current_tcb8, TCB_PARTS);
    memcpy(s->tcb8[DS_SNP_TCB_REPORTED], report->reported_tcb8, TCB_PARTS);
    memcpy(s->tcb8[DS_SNP_TCB_COMMITTED], report->committed_tcb8, TCB_PARTS);
    memcpy(s->tcb8[DS_SNP_TCB_LAUNCH], report->launch_tcb8, TCB_PARTS);
    memcpy(s->csp_id, platform->csp_id, sizeof s->csp_id);
    DS_TRY(fill_chip(&c, report, platform, e));
    *ret = c;
    return DS_OK;
}

int ds_snp_report_verify(struct ds_claims *ret, const struct ds_snp_report *report,
                         const struct ds_snp_platform *platform, int64_t now_s, struct ds_error *e)
{
    /* The certificate must be this report's before it can say anything about its signature. */
    DS_TRY(check_dates(platform, now_s, e));
    DS_TRY(check_key(report, platform, e));
    DS_TRY(check_product(report, platform, e));
    DS_TRY(check_tcb(report, platform, e));
    DS_TRY(check_chip(report, platform, e));
    DS_TRY(check_signature(report, platform, e));
    DS_TRY(check_tcb_order(report, platform, e));
    DS_TRY(check_vmpl(report, platform, e));
    return fill_claims(ret, report, platform, e);
}

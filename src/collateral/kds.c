/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of AMD's KDS, and its replies as a set.
 */
#include "collateral/kds.h"

#include <stdio.h>

#include "attest/x509.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/der.h"
#include "codec/json_write.h"
#include "codec/pem.h"

#define GATE_MAX_MS ((int64_t)3600 * 1000)
#define BODY_MAX    ((size_t)64 * 1024)

/* 1.3.6.1.4.1.3704.1, under which AMD keeps the extensions of its certificates */
#define OID_AMD "\x2b\x06\x01\x04\x01\x9c\x78\x01"

enum { SIGNING_KEY_VCEK = 0, SIGNING_KEY_VLEK = 1 };

const char *kds_doc_text(enum kds_doc doc)
{
    static const char *const texts[] = {
        [KDS_LEAF] = "VCEK",
        [KDS_CHAIN] = "certificate chain",
        [KDS_CRL] = "revocation list",
        [KDS_N_DOCS] = "",
    };
    return texts[doc];
}

static int unusable(int cls, const char *why, struct ds_error *e)
{
    return ds_fail_code(e, cls, DS_CODE_COLLATERAL_QUOTE, "%s", why);
}

/* 56860 7.3 table 23, 188h and 189h: from report version 3 on; 57230 1.5 table 4. */
static const char *product_of(uint8_t family, uint8_t model)
{
    if (family == 0x19 && model <= 0x0f)
        return "Milan";
    if (family == 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf)))
        return "Genoa";
    return family == 0x1a && model <= 0x11 ? "Turin" : NULL;
}

static bool is_turin(const struct kds_ask *ask) { return strcmp(ask->product, "Turin") == 0; }

/* TCB_VERSION has another order of bytes since Turin. */
static void take_tcb(struct kds_ask *ask, const uint8_t tcb[static 8])
{
    size_t at = 0;
    if (is_turin(ask))
        ask->fmc_spl = tcb[at++];
    ask->bl_spl = tcb[at++];
    ask->tee_spl = tcb[at];
    ask->snp_spl = tcb[is_turin(ask) ? 3 : 6];
    ask->ucode_spl = tcb[7];
}

int kds_ask_of_report(struct kds_ask *ret, struct ds_span report, const char *product,
                      struct ds_error *e)
{
    struct kds_ask ask = { 0 };
    struct ds_reader r = ds_reader_of(report);
    uint8_t tcb[8], any = 0;
    uint32_t version = ds_read_u32le(&r);
    ds_read_skip(&r, 0x48 - 0x04);
    uint32_t key = ds_read_u32le(&r) >> 2 & 7;
    ds_read_skip(&r, 0x180 - 0x4c);
    ds_read_into(&r, tcb, sizeof tcb);
    uint8_t family = ds_read_u8(&r), model = ds_read_u8(&r);
    ds_read_skip(&r, 0x1a0 - 0x18a);
    ds_read_into(&r, ask.chip_id64, sizeof ask.chip_id64);
    if (r.bad || report.len != KDS_REPORT_LEN || version < 2)
        return unusable(DS_ERR_FORMAT, "no SEV-SNP report of 1184 bytes", e);
    if (key != SIGNING_KEY_VCEK && key != SIGNING_KEY_VLEK)
        return unusable(DS_ERR_UNSUPPORTED, "the report is not signed with a VCEK or VLEK", e);
    const char *name = product != NULL || version < 3 ? product : product_of(family, model);
    if (name == NULL || !ds_str_copy(ask.product, sizeof ask.product, name))
        return unusable(DS_ERR_UNSUPPORTED,
                        "the report does not say which product it is of: name it (--product)", e);
    for (size_t i = 0; i < sizeof ask.chip_id64; i++)
        any |= ask.chip_id64[i];
    ask.is_vlek = key == SIGNING_KEY_VLEK;
    if (any == 0 && !ask.is_vlek)
        return unusable(DS_ERR_UNSUPPORTED, "the report masks its chip", e);
    take_tcb(&ask, tcb);
    *ret = ask;
    return DS_OK;
}

/* AMD 57230 3.1: the first 8 bytes name a Turin. */
static size_t hwid_len(const struct kds_ask *ask) { return is_turin(ask) ? 8 : 64; }

int kds_url(char ret[static KDS_URL_MAX], const struct kds_ask *ask, enum kds_doc doc,
            const char *base, struct ds_error *e)
{
    char fmc[16] = "";
    const char *host = base != NULL ? base : KDS_BASE;
    size_t len = strlen(host);
    while (len > 0 && host[len - 1] == '/')
        len--;
    int n, host_len = len < KDS_URL_MAX ? (int)len : KDS_URL_MAX;
    if (is_turin(ask))
        (void)snprintf(fmc, sizeof fmc, "fmcSPL=%02u&", ask->fmc_spl);
    if (doc == KDS_LEAF)
        n = snprintf(ret, KDS_URL_MAX,
                     "%.*s/vcek/v1/%s/%s?%sblSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u",
                     host_len, host, ask->product, DS_HEX(DS_SPAN(ask->chip_id64, hwid_len(ask))),
                     fmc, ask->bl_spl, ask->tee_spl, ask->snp_spl, ask->ucode_spl);
    else
        n = snprintf(ret, KDS_URL_MAX, "%.*s/%s/v1/%s/%s", host_len, host,
                     ask->is_vlek ? "vlek" : "vcek", ask->product,
                     doc == KDS_CHAIN ? "cert_chain" : "crl");
    if (n < 0 || n >= KDS_URL_MAX)
        return ds_fail_code(e, DS_ERR_RANGE, DS_CODE_NET_BAD_TARGET,
                            "the address of the service is too long");
    return DS_OK;
}

static int refuse(enum kds_doc doc, const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_PEER, DS_CODE_COLLATERAL_REPLY, kds_doc_text(doc), expected, got,
                     NULL);
}

/* The value of AMD's extension .1.3.<part>: an INTEGER of one byte. */
static bool spl_is(const struct ds_x509 *cert, uint8_t part, uint8_t spl)
{
    uint8_t oid[] = OID_AMD "\x03\x00";
    oid[sizeof OID_AMD] = part;
    const struct ds_x509_extension *x = ds_x509_find(cert, DS_SPAN(oid, sizeof OID_AMD + 1));
    struct ds_reader r = ds_reader_of(x != NULL ? x->value : (struct ds_span){ 0 });
    uint64_t v = ds_der_u64(&r, DS_DER_INTEGER, UINT8_MAX);
    return x != NULL && !r.bad && v == spl;
}

bool kds_leaf_fits(const struct kds_ask *ask, struct ds_span leaf_der)
{
    struct ds_x509 cert;
    if (ds_x509_parse(&cert, leaf_der, NULL) < 0)
        return false;
    if (!spl_is(&cert, 1, ask->bl_spl) || !spl_is(&cert, 2, ask->tee_spl) ||
        !spl_is(&cert, 3, ask->snp_spl) || !spl_is(&cert, 8, ask->ucode_spl) ||
        (is_turin(ask) && !spl_is(&cert, 9, ask->fmc_spl)))
        return false;
    const struct ds_x509_extension *hwid = ds_x509_find(&cert, DS_SPAN_LIT(OID_AMD "\x04"));
    if (hwid == NULL)
        return ask->is_vlek;
    /* Some certificates wrap the octets once more. */
    size_t n = hwid_len(ask), over = hwid->value.len - n;
    return hwid->value.len >= n && (over == 0 || over == 2) &&
           ds_span_eq(ds_span_sub(hwid->value, over, n), DS_SPAN(ask->chip_id64, n));
}

int kds_set_make(struct ds_buf *ret, struct ds_arena *mem, const struct kds_ask *ask,
                 const struct ds_span bodies[static KDS_N_DOCS], struct ds_error *e)
{
    struct ds_crl crl;
    struct ds_span rest = bodies[KDS_CHAIN], der;
    size_t n = 0;
    for (enum kds_doc doc = KDS_LEAF; doc < KDS_N_DOCS; doc++)
        if (bodies[doc].len > BODY_MAX)
            return refuse(doc, "at most 64 KiB", "more", e);
    if (!kds_leaf_fits(ask, bodies[KDS_LEAF]))
        return refuse(KDS_LEAF, "the certificate of this chip and TCB, as DER", "another, or none",
                      e);
    for (; ds_pem_next(&der, &rest, "CERTIFICATE", mem, NULL) == DS_OK && der.p != NULL; n++)
        ;
    if (n != 2 || rest.len > 0)
        return refuse(KDS_CHAIN, "two certificates as PEM", "other bytes", e);
    if (ds_crl_parse(&crl, bodies[KDS_CRL], NULL) < 0)
        return refuse(KDS_CRL, "a CRL as DER", "other bytes", e);
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_text(&w, "cert_chain", bodies[KDS_CHAIN]);
    ds_jw_hex(&w, "crl", bodies[KDS_CRL]);
    ds_jw_str(&w, "kind", "snp");
    ds_jw_str(&w, "product", ask->product);
    ds_jw_hex(&w, ask->is_vlek ? "vlek" : "vcek", bodies[KDS_LEAF]);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "collateral set");
}

int64_t kds_gate_wait_ms(int64_t next_ms, int64_t now_ms)
{
    int64_t wait_ms = next_ms - now_ms;
    return wait_ms > 0 && wait_ms <= GATE_MAX_MS ? wait_ms : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The synthetic platforms of the unit tests of attest/, brought into the forms
 * in which evidence and collateral travel.
 */
#include "kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../attest/synthetic.h"
#include "../attest/synthetic_snp.h"
#include "attest/wrapper/attestation.h"
#include "codec/json_write.h"
#include "crypto/hash.h"

#define KIT_MEM ((size_t)2 << 20)

static const uint8_t app_id20[20] = { 0xa9, 0x99 };

const char *kit_name(enum kit_form form)
{
    static const char *const names[] = { "tdx",          "tdx_15", "sgx",       "tdx_log",
                                         "tdx_stripped", "snp",    "snp_table", "snp_wrapped" };
    return names[form];
}

/* Moves a built text into the arena. */
static struct ds_span keep(struct ds_arena *mem, struct ds_buf *b)
{
    uint8_t *p = ds_arena_get(mem, b->len);
    size_t len = b->len;
    assert_non_null(p);
    assert_false(b->bad);
    memcpy(p, b->p, len);
    ds_buf_done(b);
    return DS_SPAN(p, len);
}

/* A boot event in RTMR1 and the app's identity in RTMR3, and what they make of the registers. */
static void extend(struct ds_tdx_event events[static 2], struct ds_td_report *td)
{
    events[0] = (struct ds_tdx_event){
        .imr = 1, .type = 13, .version = 1, .has_digest = true, .digest48 = { 7 }
    };
    events[1] = (struct ds_tdx_event){ .imr = 3,
                                       .type = DS_EVENT_TYPE_RUNTIME,
                                       .version = 1,
                                       .has_digest = true,
                                       .name = DS_SPAN_LIT("app-id"),
                                       .payload = DS_SPAN_OF(app_id20) };
    assert_int_equal(ds_event_digest(events[1].digest48, events[1].name, events[1].payload, NULL),
                     DS_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ds_hash_extend(DS_SHA384, td->rtmr48[events[i].imr], events[i].digest48,
                                        NULL),
                         DS_OK);
}

static struct ds_span wrap(struct kit *k, struct ds_attestation *a, bool is_stripped)
{
    struct ds_buf out = { 0 };
    a->config = DS_SPAN_LIT("{}");
    if (is_stripped)
        ds_attestation_strip(a);
    assert_int_equal(ds_attestation_encode(&out, a, NULL), DS_OK);
    return keep(&k->mem, &out);
}

static struct ds_span wrap_quote(struct kit *k, struct ds_span quote,
                                 const struct ds_tdx_event events[static 2], bool is_stripped)
{
    struct ds_tdx_event copy[] = { events[0], events[1] };
    struct ds_attestation a = { .platform = DS_ATTESTATION_TDX,
                                .quote = quote,
                                .log = { copy, DS_LEN(copy) } };
    return wrap(k, &a, is_stripped);
}

/* From the QE report on a quote is its quoting enclave's, which keeps that part. */
static struct ds_span qe_part(const struct synth *s, struct ds_span quote)
{
    struct ds_tdx_quote q;
    struct ds_sgx_quote sgx;
    bool is_sgx = s->quote.dcap.body_type == DS_DCAP_BODY_SGX;
    assert_int_equal(is_sgx ? ds_sgx_quote_parse(&sgx, quote, NULL)
                            : ds_tdx_quote_parse(&q, quote, NULL),
                     DS_OK);
    const uint8_t *at = is_sgx ? sgx.dcap.qe_report_raw.p : q.dcap.qe_report_raw.p;
    return ds_span_sub(quote, (size_t)(at - quote.p), quote.len);
}

static void intel(struct kit *k, enum kit_form form)
{
    bool is_wrapped = form == KIT_TDX_LOG || form == KIT_TDX_STRIPPED;
    DS_AUTO(synth_done)
    struct synth s = form == KIT_SGX      ? synth_good_of(3, DS_DCAP_BODY_SGX)
                     : form == KIT_TDX_15 ? synth_good_of(5, DS_DCAP_BODY_TD15)
                                          : synth_good();
    struct ds_tdx_event events[2];
    if (is_wrapped)
        extend(events, &s.quote.td);
    synth_make(&s);
    struct ds_extra_anchor anchor = synth_anchor(&s, ROOT, true);
    memcpy(k->root32, anchor.spki_sha256, 32);
    const struct ds_dcap_parts parts = synth_parts(&k->mem, &s);
    struct ds_buf set = { 0 };
    synth_set(&set, &parts);
    k->documents[k->n_documents++] = keep(&k->mem, &set);
    for (size_t i = 0; i < KIT_EVIDENCE; i++) {
        s.quote.td.report_data64[0] = s.enclave.report_data64[0] = (uint8_t)(0x5a + i);
        struct ds_span quote = synth_quote(&k->mem, &s);
        s.qe_part = qe_part(&s, quote);
        k->evidence[i] = is_wrapped ? wrap_quote(k, quote, events, form == KIT_TDX_STRIPPED)
                                    : quote;
    }
}

static struct ds_span copy(struct kit *k, struct ds_span in)
{
    struct ds_buf b = { 0 };
    ds_buf_add(&b, in);
    return keep(&k->mem, &b);
}

static struct ds_span with_table(struct kit *k, struct ds_span report, const struct snp_synth *s)
{
    const struct snp_table_entry entries[] = {
        { SNP_GUID_ARK, ds_buf_span(&s->certs[S_ARK]) },
        { SNP_GUID_ASK, ds_buf_span(&s->certs[S_ASK]) },
        { SNP_GUID_VCEK, ds_buf_span(&s->certs[S_VCEK]) },
    };
    struct ds_buf b = { 0 };
    ds_buf_add(&b, report);
    snp_synth_table(&b, entries, DS_LEN(entries));
    return keep(&k->mem, &b);
}

static struct ds_span wrap_report(struct kit *k, struct ds_span report, const struct snp_synth *s)
{
    struct ds_attestation a = { .platform = DS_ATTESTATION_SEV_SNP,
                                .quote = report,
                                .certs = { ds_buf_span(&s->certs[S_VCEK]),
                                           ds_buf_span(&s->certs[S_ASK]),
                                           ds_buf_span(&s->certs[S_ARK]) },
                                .n_certs = 3 };
    return wrap(k, &a, false);
}

static void amd(struct kit *k, enum kit_form form)
{
    static const enum snp_cert beside[] = { S_VCEK, S_ASK, S_ARK };
    DS_AUTO(snp_synth_done)
    struct snp_synth s = snp_synth_good(DS_SNP_PRODUCT_MILAN, DS_SNP_KEY_VCEK);
    snp_synth_make(&s);
    struct ds_extra_anchor anchor = snp_synth_anchor(&s, S_ARK, true);
    memcpy(k->root32, anchor.spki_sha256, 32);
    k->documents[k->n_documents++] = copy(k, ds_buf_span(&s.crl));
    for (size_t i = 0; form == KIT_SNP && i < DS_LEN(beside); i++)
        k->documents[k->n_documents++] = copy(k, ds_buf_span(&s.certs[beside[i]]));
    for (size_t i = 0; i < KIT_EVIDENCE; i++) {
        uint8_t report[DS_SNP_REPORT_LEN];
        s.report.report_data64[0] = (uint8_t)(0x5a + i);
        snp_synth_report(report, &s);
        struct ds_span plain = copy(k, DS_SPAN_OF(report));
        k->evidence[i] = form == KIT_SNP         ? plain
                         : form == KIT_SNP_TABLE ? with_table(k, plain, &s)
                                                 : wrap_report(k, plain, &s);
    }
}

struct kit kit_new(enum kit_form form)
{
    struct kit k = { .mem = ds_arena_of(malloc(KIT_MEM), KIT_MEM) };
    assert_non_null(k.mem.p);
    if (form < KIT_SNP)
        intel(&k, form);
    else
        amd(&k, form);
    return k;
}

void kit_done(struct kit *k) { free(k->mem.p); }

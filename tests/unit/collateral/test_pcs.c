/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of Intel's service, and what is taken from its replies.
 */
#include "collateral/pcs.h"

#include "base/hex.h"
#include "base/str.h"
#include "collateral/check.h"
#include "crypto/cert.h"
#include "kit.h"

#define MEM (PCS_SET_MEM + COLLATERAL_CHECK_MEM)

static struct kit kit;

#define FMSPC "00806f050000"

static void test_urls(void **unused)
{
    static const char *const local = "https://pccs:8081";
    static const struct {
        const char *base;
        enum pcs_doc doc;
        bool is_sgx, is_early;
        enum pcs_ca ca;
        uint32_t number;
        const char *url;
    } rows[] = {
        { NULL, PCS_TCB_INFO, false, false, 0, 0,
          "https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=" FMSPC },
        { NULL, PCS_TCB_INFO, true, false, 0, 0,
          "https://api.trustedservices.intel.com/sgx/certification/v4/tcb?fmspc=" FMSPC },
        { NULL, PCS_TCB_INFO, false, true, 0, 0,
          "https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=" FMSPC
          "&update=early" },
        { NULL, PCS_TCB_INFO, false, false, 0, 17,
          "https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=" FMSPC
          "&tcbEvaluationDataNumber=17" },
        { NULL, PCS_QE_IDENTITY, true, false, 0, 0,
          "https://api.trustedservices.intel.com/sgx/certification/v4/qe/identity" },
        { NULL, PCS_QE_IDENTITY, false, true, 0, 0,
          "https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity?update=early" },
        { NULL, PCS_QE_IDENTITY, false, true, 0, 18,
          "https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity"
          "?tcbEvaluationDataNumber=18" },
        { NULL, PCS_PCK_CRL, false, true, PCS_CA_PLATFORM, 0,
          "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl"
          "?ca=platform&encoding=der" },
        { NULL, PCS_PCK_CRL, true, false, PCS_CA_PROCESSOR, 17,
          "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl"
          "?ca=processor&encoding=der" },
        { NULL, PCS_ROOT_CRL, false, false, 0, 0,
          "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der" },
        { local, PCS_ROOT_CRL, false, false, 0, 0,
          "https://pccs:8081/sgx/certification/v4/rootcacrl" },
        { "https://pccs:8081///", PCS_ROOT_CRL, false, false, 0, 0,
          "https://pccs:8081/sgx/certification/v4/rootcacrl" },
        { "https://pccs:8081/sgx/certification/v4/", PCS_TCB_INFO, false, false, 0, 0,
          "https://pccs:8081/tdx/certification/v4/tcb?fmspc=" FMSPC },
        { "http://host/cache", PCS_QE_IDENTITY, false, false, 0, 0,
          "http://host/cache/tdx/certification/v4/qe/identity" },
    };
    char url[PCS_URL_MAX], too_long[PCS_URL_MAX + 1];
    struct pcs_ask ask = { 0 };
    struct ds_error e = { 0 };
    (void)unused;
    assert_int_equal(ds_hex_decode(ask.fmspc6, 6, ds_span_str(FMSPC), NULL), DS_OK);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        ask.is_sgx = rows[i].is_sgx;
        ask.is_early = rows[i].is_early;
        ask.ca = rows[i].ca;
        ask.eval_number = rows[i].number;
        assert_int_equal(pcs_url(url, &ask, rows[i].doc, rows[i].base, &e), DS_OK);
        assert_string_equal(url, rows[i].url);
    }
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    for (enum pcs_doc doc = PCS_TCB_INFO; doc < PCS_N_DOCS; doc++) {
        assert_int_equal(pcs_url(url, &ask, doc, too_long, &e), DS_ERR_RANGE);
        assert_int_equal(e.code, DS_CODE_NET_BAD_TARGET);
    }
}

/* As a service would send them; texts are the arena's. */
struct replies {
    struct ds_buf bodies[PCS_N_DOCS], chains[PCS_N_DOCS];
};

static void url_encode(struct ds_buf *ret, struct ds_span in, bool is_form)
{
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-';
        if (c == ' ' && is_form)
            ds_buf_char(ret, '+');
        else if (plain)
            ds_buf_char(ret, (char)c);
        else
            ds_buf_printf(ret, "%%%02X", c);
    }
}

static void put_signed(struct ds_buf *ret, struct ds_arena *mem, const char *key, const char *text,
                       const char *sig)
{
    ds_buf_printf(ret, "{\"%s\":", key);
    ds_buf_add(ret, kit_part(mem, &kit, text, false));
    ds_buf_str(ret, ",\"signature\":\"");
    ds_buf_add(ret, kit_part(mem, &kit, sig, false));
    ds_buf_str(ret, "\"}");
}

static void replies_make(struct replies *r, bool is_form)
{
    static const char *const chains[PCS_N_DOCS] = { "tcb_info_issuer_chain",
                                                    "qe_identity_issuer_chain",
                                                    "pck_crl_issuer_chain", NULL };
    struct ds_arena mem = kit_mem(&kit);
    *r = (struct replies){ 0 };
    put_signed(&r->bodies[PCS_TCB_INFO], &mem, "tcbInfo", "tcb_info", "tcb_info_signature");
    put_signed(&r->bodies[PCS_QE_IDENTITY], &mem, "enclaveIdentity", "qe_identity",
               "qe_identity_signature");
    ds_buf_add(&r->bodies[PCS_PCK_CRL], kit_part(&mem, &kit, "pck_crl", true));
    ds_buf_add(&r->bodies[PCS_ROOT_CRL], kit_part(&mem, &kit, "root_ca_crl", false));
    for (size_t i = 0; i < PCS_N_DOCS; i++)
        if (chains[i] != NULL)
            url_encode(&r->chains[i], kit_part(&mem, &kit, chains[i], false), is_form);
}

static void replies_done(struct replies *r)
{
    for (size_t i = 0; i < PCS_N_DOCS; i++) {
        ds_buf_done(&r->bodies[i]);
        ds_buf_done(&r->chains[i]);
    }
}

static int make(struct ds_buf *ret, const struct replies *r, struct ds_error *e)
{
    struct ds_arena mem = kit_mem(&kit);
    struct pcs_reply replies[PCS_N_DOCS];
    for (size_t i = 0; i < PCS_N_DOCS; i++)
        replies[i] = (struct pcs_reply){ ds_buf_span(&r->bodies[i]), ds_buf_span(&r->chains[i]) };
    return pcs_set_make(ret, &mem, replies, e);
}

/* The set checks out, and its signed texts are those of the replies. */
static void test_sets(void **unused)
{
    (void)unused;
    for (int is_form = 0; is_form < 2; is_form++) {
        struct replies r;
        struct collateral_facts f;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
        replies_make(&r, is_form != 0);
        assert_int_equal(make(&set, &r, &e), DS_OK);
        struct ds_arena mem = kit_mem(&kit);
        if (collateral_check(&f, &mem, ds_buf_span(&set), &kit.anchors, &e) < 0)
            fail_msg("%s", e.msg);
        replies_done(&r);
    }
}

/* Lists as a service or a cache may send them. */
static void test_crl_forms(void **unused)
{
    (void)unused;
    struct replies r;
    DS_AUTO(ds_buf_done) struct ds_buf first = { 0 };
    replies_make(&r, false);
    assert_int_equal(make(&first, &r, NULL), DS_OK);
    for (int form = 0; form < 3; form++) {
        DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
        struct ds_buf *body = &r.bodies[PCS_ROOT_CRL];
        struct ds_arena mem = kit_mem(&kit);
        ds_buf_clear(body);
        if (form == 0)
            ds_buf_add(body, kit_part(&mem, &kit, "root_ca_crl", true));
        else if (form == 1)
            ds_pem_add(body, "X509 CRL", kit_part(&mem, &kit, "root_ca_crl", true));
        else
            ds_buf_add(body, kit_part(&mem, &kit, "root_ca_crl", false));
        if (form == 2)
            ds_buf_str(body, "\r\n");
        assert_int_equal(make(&again, &r, NULL), DS_OK);
        assert_true(ds_span_eq(ds_buf_span(&again), ds_buf_span(&first)));
    }
    replies_done(&r);
}

static void test_bad_replies(void **unused)
{
    static const struct {
        const char *name;
        enum pcs_doc doc;
        const char *body, *chain; /* NULL: as it should be */
    } rows[] = {
        { "no body", PCS_TCB_INFO, "", NULL },
        { "a page", PCS_TCB_INFO, "<html></html>", NULL },
        { "JSON of another kind", PCS_TCB_INFO, "[]", NULL },
        { "another document", PCS_TCB_INFO, "{\"enclaveIdentity\":{},\"signature\":\"\"}", NULL },
        { "a text for an object", PCS_TCB_INFO, "{\"tcbInfo\":\"\",\"signature\":\"\"}", NULL },
        { "no signature", PCS_TCB_INFO, "{\"tcbInfo\":{}}", NULL },
        { "a short signature", PCS_TCB_INFO, "{\"tcbInfo\":{},\"signature\":\"00\"}", NULL },
        { "two documents", PCS_TCB_INFO, "{\"tcbInfo\":{},\"tcbInfo\":{}}", NULL },
        { "an identity that is none", PCS_QE_IDENTITY, "{\"signature\":\"00\"}", NULL },
        { "no issuers", PCS_TCB_INFO, NULL, "" },
        { "issuers that are no PEM", PCS_TCB_INFO, NULL, "hello" },
        { "half a percent code", PCS_TCB_INFO, NULL, "%4" },
        { "a percent at the end", PCS_QE_IDENTITY, NULL, "%" },
        { "a percent code of no digits", PCS_QE_IDENTITY, NULL, "%zz" },
        { "a block that is no certificate", PCS_PCK_CRL, NULL,
          "-----BEGIN%20X509%20CRL-----%0AAAAA%0A-----END%20X509%20CRL-----" },
        { "one certificate", PCS_PCK_CRL, NULL,
          "-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----" },
        { "an empty list", PCS_PCK_CRL, "", NULL },
        { "a list of half a byte", PCS_PCK_CRL, "308", NULL },
        { "hex that is no list", PCS_PCK_CRL, "3000", NULL },
        { "broken PEM", PCS_ROOT_CRL, "-----BEGIN X509 CRL-----\nAA", NULL },
        { "a certificate for a list", PCS_ROOT_CRL,
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NULL },
        { "bytes that are no list", PCS_ROOT_CRL, "0\x82zz", NULL },
    };
    (void)unused;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct replies r;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
        replies_make(&r, false);
        if (rows[i].body != NULL) {
            ds_buf_clear(&r.bodies[rows[i].doc]);
            ds_buf_str(&r.bodies[rows[i].doc], rows[i].body);
        }
        if (rows[i].chain != NULL) {
            ds_buf_clear(&r.chains[rows[i].doc]);
            ds_buf_str(&r.chains[rows[i].doc], rows[i].chain);
        }
        if (make(&set, &r, &e) != DS_ERR_PEER || e.code != DS_CODE_COLLATERAL_REPLY)
            fail_msg("%s: %s", rows[i].name, e.msg);
        assert_string_equal(e.detail.claim, pcs_doc_text(rows[i].doc));
        assert_int_equal(set.len, 0);
        replies_done(&r);
    }
}

static void test_too_long(void **unused)
{
    struct replies r;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf set = { 0 };
    (void)unused;
    replies_make(&r, false);
    while (r.bodies[PCS_TCB_INFO].len <= PCS_BODY_MAX)
        ds_buf_char(&r.bodies[PCS_TCB_INFO], ' ');
    assert_int_equal(make(&set, &r, &e), DS_ERR_PEER);
    r.bodies[PCS_TCB_INFO].len--;
    assert_int_equal(make(&set, &r, &e), DS_OK);
    replies_done(&r);
}

static void quote_make(struct ds_buf *ret)
{
    struct simtee_registers regs;
    uint8_t report_data64[64] = { 0 };
    memset(&regs, 0x77, sizeof regs);
    assert_int_equal(simtee_pki_quote(ret, kit.pki, &regs, report_data64, NULL), DS_OK);
}

static int ask_of(struct pcs_ask *ret, struct ds_span quote, struct ds_error *e)
{
    struct ds_arena mem = kit_mem(&kit);
    return pcs_ask_of_quote(ret, &mem, quote, e);
}

static void test_quote(void **unused)
{
    struct pcs_ask ask = { 0 };
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    (void)unused;
    quote_make(&quote);
    assert_int_equal(ask_of(&ask, ds_buf_span(&quote), &e), DS_OK);
    assert_memory_equal(ask.fmspc6, simtee_platform.fmspc6, 6);
    assert_false(ask.is_sgx);
    assert_int_equal(ask.ca, PCS_CA_PLATFORM);
    for (size_t n = 0; n < quote.len; n++)
        assert_true(ask_of(&ask, DS_SPAN(quote.p, n), &e) < 0);
}

/* Fields that steer where the certificate is looked for. */
static void test_bad_quotes(void **unused)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        int r;
    } rows[] = {
        { "version 2", 0, 2, DS_ERR_FORMAT },
        { "version 6", 0, 6, DS_ERR_FORMAT },
        { "version 3, which nests nothing", 0, 3, DS_ERR_TRUNCATED },
        { "version 5 with a body of any length", 0, 5, DS_ERR_TRUNCATED },
        { "an SGX body", 4, 0, DS_ERR_TRUNCATED },
        { "longer signature data than there are", 634, 0x7f, DS_ERR_TRUNCATED },
        { "other certification data", 48 + 584 + 4 + 128, 5, DS_ERR_FORMAT },
    };
    DS_AUTO(ds_buf_done) struct ds_buf quote = { 0 };
    (void)unused;
    quote_make(&quote);
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct pcs_ask ask;
        struct ds_error e = { 0 };
        char was = quote.p[rows[i].at];
        quote.p[rows[i].at] = (char)rows[i].value;
        if (ask_of(&ask, ds_buf_span(&quote), &e) != rows[i].r ||
            e.code != DS_CODE_COLLATERAL_QUOTE)
            fail_msg("%s: %s", rows[i].name, e.msg);
        quote.p[rows[i].at] = was;
    }
    /* Inside: behind QE report, its signature and 32 bytes of authentication data. */
    size_t type_at = 48 + 584 + 4 + 128 + 6 + 384 + 64 + 2 + 32;
    struct pcs_ask ask;
    struct ds_error e = { 0 };
    assert_int_equal(quote.p[type_at], 5);
    quote.p[type_at] = 3;
    assert_int_equal(ask_of(&ask, ds_buf_span(&quote), &e), DS_ERR_UNSUPPORTED);
    assert_int_equal(e.code, DS_CODE_COLLATERAL_QUOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),       cmocka_unit_test(test_sets),
        cmocka_unit_test(test_crl_forms),  cmocka_unit_test(test_bad_replies),
        cmocka_unit_test(test_too_long),   cmocka_unit_test(test_quote),
        cmocka_unit_test(test_bad_quotes),
    };
    kit_open(&kit, MEM);
    int n = cmocka_run_group_tests(tests, NULL, NULL);
    kit_close(&kit);
    return n;
}

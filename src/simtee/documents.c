/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCB info (version 3), QE identity (version 2) and revocation lists as Intel's
 * service gives them: JSON texts whose exact bytes the TCB signing key signs,
 * key order and upper-case hex included.
 */
#include "simtee/documents.h"

#include "attest/dcap/collateral.h"
#include "base/clock.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "crypto/cert.h"
#include "simtee/pki.h"

#define HOUR_S ((int64_t)3600)
#define DAY_S  (24 * HOUR_S)

#define STATUS     "UpToDate"
#define COMPONENTS 16

static void add_hex_upper(struct ds_jw *w, const char *key, struct ds_span bytes)
{
    struct ds_hex_text text = ds_hex_text_of(bytes);
    for (char *c = text.s; *c != '\0'; c++)
        if (*c >= 'a' && *c <= 'f')
            *c = (char)(*c - 'a' + 'A');
    ds_jw_str(w, key, text.s);
}

static void add_dates(struct ds_jw *w, int64_t issue_s)
{
    char issue[21], next[21];
    ds_jw_str(w, "issueDate", ds_clock_iso(issue, issue_s));
    ds_jw_str(w, "nextUpdate", ds_clock_iso(next, issue_s + SIMTEE_COLLATERAL_DAYS * DAY_S));
}

static void add_status(struct ds_jw *w)
{
    ds_jw_str(w, "tcbDate", simtee_platform.tcb_date);
    ds_jw_str(w, "tcbStatus", STATUS);
}

/* The one level of the module or of the QE. */
static void add_svn_levels(struct ds_jw *w, uint64_t isvsvn)
{
    ds_jw_array(w, "tcbLevels");
    ds_jw_object(w, NULL);
    ds_jw_object(w, "tcb");
    ds_jw_u64(w, "isvsvn", isvsvn);
    ds_jw_object_end(w);
    add_status(w);
    ds_jw_object_end(w);
    ds_jw_array_end(w);
}

static void add_module(struct ds_jw *w)
{
    const uint8_t mask8[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    add_hex_upper(w, "mrsigner", DS_SPAN_OF(simtee_platform.mrsignerseam48));
    add_hex_upper(w, "attributes", DS_SPAN_OF(simtee_platform.seamattributes8));
    add_hex_upper(w, "attributesMask", DS_SPAN_OF(mask8));
}

static void add_components(struct ds_jw *w, const char *key, const uint8_t svn16[static 16])
{
    ds_jw_array(w, key);
    for (size_t i = 0; i < COMPONENTS; i++) {
        ds_jw_object(w, NULL);
        ds_jw_u64(w, "svn", svn16[i]);
        ds_jw_object_end(w);
    }
    ds_jw_array_end(w);
}

static void add_tcb_levels(struct ds_jw *w)
{
    ds_jw_array(w, "tcbLevels");
    ds_jw_object(w, NULL);
    ds_jw_object(w, "tcb");
    add_components(w, "sgxtcbcomponents", simtee_platform.cpusvn16);
    ds_jw_u64(w, "pcesvn", simtee_platform.pcesvn);
    add_components(w, "tdxtcbcomponents", simtee_platform.tee_tcb_svn16);
    ds_jw_object_end(w);
    add_status(w);
    ds_jw_object_end(w);
    ds_jw_array_end(w);
}

/* Intel PCS, TCB info V3 with id TDX. */
static int make_tcb_info(struct ds_buf *ret, int64_t issue_s, struct ds_error *e)
{
    char module_id[16];
    (void)snprintf(module_id, sizeof module_id, "TDX_%02X", simtee_platform.tee_tcb_svn16[1]);
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", "TDX");
    ds_jw_u64(&w, "version", 3);
    add_dates(&w, issue_s);
    add_hex_upper(&w, "fmspc", DS_SPAN_OF(simtee_platform.fmspc6));
    add_hex_upper(&w, "pceId", DS_SPAN_OF(simtee_platform.pceid2));
    ds_jw_u64(&w, "tcbType", 0);
    ds_jw_u64(&w, "tcbEvaluationDataNumber", simtee_platform.tcb_evaluation);
    ds_jw_object(&w, "tdxModule");
    add_module(&w);
    ds_jw_object_end(&w);
    ds_jw_array(&w, "tdxModuleIdentities");
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", module_id);
    add_module(&w);
    add_svn_levels(&w, simtee_platform.tee_tcb_svn16[0]);
    ds_jw_object_end(&w);
    ds_jw_array_end(&w);
    add_tcb_levels(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "TCB info");
}

/* Intel PCS, enclave identity V2 with id TD_QE. */
static int make_qe_identity(struct ds_buf *ret, int64_t issue_s, struct ds_error *e)
{
    const uint8_t miscselect4[4] = { 0 }, mask4[4] = { 0xff, 0xff, 0xff, 0xff };
    /* MODE64 and XFRM depend on how the enclave was started: not part of its identity. */
    const uint8_t attributes16[16] = { 0x11 };
    const uint8_t mask16[16] = { 0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", "TD_QE");
    ds_jw_u64(&w, "version", 2);
    add_dates(&w, issue_s);
    ds_jw_u64(&w, "tcbEvaluationDataNumber", simtee_platform.tcb_evaluation);
    add_hex_upper(&w, "miscselect", DS_SPAN_OF(miscselect4));
    add_hex_upper(&w, "miscselectMask", DS_SPAN_OF(mask4));
    add_hex_upper(&w, "attributes", DS_SPAN_OF(attributes16));
    add_hex_upper(&w, "attributesMask", DS_SPAN_OF(mask16));
    add_hex_upper(&w, "mrsigner", DS_SPAN_OF(simtee_platform.qe_mrsigner32));
    ds_jw_u64(&w, "isvprodid", simtee_platform.qe_isvprodid);
    add_svn_levels(&w, simtee_platform.qe_isvsvn);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "QE identity");
}

/* One signed text and its signature, as two members. */
static int add_signed(struct ds_jw *w, const char *key, const char *sig_key, struct ds_span text,
                      const struct ds_p256_key *key_pair, struct ds_error *e)
{
    uint8_t sig64[64];
    DS_TRY(ds_p256_sign(sig64, key_pair, text, e));
    ds_jw_text(w, key, text);
    ds_jw_hex(w, sig_key, DS_SPAN_OF(sig64));
    return DS_OK;
}

static int add_crl(struct ds_jw *w, const char *key, const struct ds_buf *issuer,
                   const struct ds_p256_key *issuer_key, int64_t issue_s, struct ds_error *e)
{
    const struct ds_crl_spec spec = {
        .this_update_s = issue_s,
        .next_update_s = issue_s + SIMTEE_COLLATERAL_DAYS * DAY_S,
        .number = (uint64_t)issue_s, /* grows with every list */
    };
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    DS_TRY(ds_crl_make(&der, &spec, ds_buf_span(issuer), issuer_key, e));
    ds_jw_hex(w, key, ds_buf_span(&der));
    return DS_OK;
}

static void add_chain(struct ds_buf *ret, const struct ds_buf *cert, const struct ds_buf *root)
{
    ds_pem_add(ret, "CERTIFICATE", ds_buf_span(cert));
    ds_pem_add(ret, "CERTIFICATE", ds_buf_span(root));
}

int simtee_documents_make(struct ds_buf *ret, const struct simtee_keys *keys,
                          const struct simtee_certs *certs, int64_t now_s, struct ds_error *e)
{
    /* A guest's clock may be behind ours. */
    const int64_t issue_s = now_s - HOUR_S;
    DS_AUTO(ds_buf_done)
    struct ds_buf tcb_info = { 0 }, qe = { 0 }, tcb_chain = { 0 }, pck_chain = { 0 };
    DS_TRY(make_tcb_info(&tcb_info, issue_s, e));
    DS_TRY(make_qe_identity(&qe, issue_s, e));
    add_chain(&pck_chain, &certs->platform, &certs->root);
    add_chain(&tcb_chain, &certs->tcb, &certs->root);
    DS_TRY(ds_buf_end(&pck_chain, e, "CRL issuer chain"));
    DS_TRY(ds_buf_end(&tcb_chain, e, "TCB signing chain"));

    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_text(&w, "pck_crl_issuer_chain", ds_buf_span(&pck_chain));
    DS_TRY(add_crl(&w, "root_ca_crl", &certs->root, keys->root, issue_s, e));
    DS_TRY(add_crl(&w, "pck_crl", &certs->platform, keys->platform, issue_s, e));
    ds_jw_text(&w, "tcb_info_issuer_chain", ds_buf_span(&tcb_chain));
    DS_TRY(add_signed(&w, "tcb_info", "tcb_info_signature", ds_buf_span(&tcb_info), keys->tcb, e));
    ds_jw_text(&w, "qe_identity_issuer_chain", ds_buf_span(&tcb_chain));
    DS_TRY(add_signed(&w, "qe_identity", "qe_identity_signature", ds_buf_span(&qe), keys->tcb, e));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "collateral");
}

bool simtee_documents_are_fresh(struct ds_span json, const struct simtee_certs *certs,
                                int64_t now_s)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(DS_DCAP_COLLATERAL_MEM);
    struct ds_arena mem = ds_arena_of(room, room != NULL ? DS_DCAP_COLLATERAL_MEM : 0);
    DS_AUTO(ds_buf_done) struct ds_buf tcb_chain = { 0 };
    add_chain(&tcb_chain, &certs->tcb, &certs->root);
    struct ds_dcap_collateral c;
    return !tcb_chain.bad && ds_dcap_collateral_parse(&c, &mem, json, NULL) == DS_OK &&
           ds_span_eq(c.parts.tcb_chain_pem, ds_buf_span(&tcb_chain)) && now_s >= c.tcb.issue_s &&
           now_s < c.tcb.issue_s + SIMTEE_COLLATERAL_DAYS * DAY_S / 2;
}

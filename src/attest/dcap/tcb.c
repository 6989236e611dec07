/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identities and TCB levels, in the order and with the rules of Intel's Quote
 * Verification Library; section numbers are those in its source.
 */

#include "attest/dcap/tcb.h"

#include <stdio.h>

#include "base/hex.h"

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return any == 0;
}

static int refuse_bytes(enum ds_code code, const char *claim, const uint8_t *expected,
                        const uint8_t *got, size_t n, const char *anchor, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, DS_HEX(DS_SPAN(expected, n)),
                     DS_HEX(DS_SPAN(got, n)), anchor);
}

static int find_module(const struct ds_tdx_module **ret, const struct ds_tcb_info *info,
                       uint8_t version, const char *anchor, struct ds_error *e)
{
    char id[8];
    (void)snprintf(id, sizeof id, "TDX_%02X", version);
    if (info->n_modules == 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_DCAP_TCB_INFO_MISMATCH, "tdx_module", id,
                         "TCB info without TDX modules", anchor);
    for (size_t i = 0; i < info->n_modules; i++)
        if (strcmp(info->modules[i].id, id) == 0) {
            *ret = &info->modules[i];
            return DS_OK;
        }
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_TDX_MODULE_MISMATCH, "tdx_module", id,
                     "no identity of this version", anchor);
}

int dcap_tcb_check_module(const struct ds_tdx_module **ret, const struct ds_tcb_info *info,
                          const struct ds_td_report *td, const char *anchor, struct ds_error *e)
{
    const struct ds_tdx_module *m = &info->module;
    /* QVL 4.1.2.5.12: from quote version 4 on, SVN[1] is the module's major version. */
    if (td->tee_tcb_svn16[1] > 0)
        DS_TRY(find_module(&m, info, td->tee_tcb_svn16[1], anchor, e));
    /* QVL 4.1.2.5.12.1 */
    if (memcmp(td->mrsignerseam48, m->mrsigner48, 48) != 0)
        return refuse_bytes(DS_CODE_TDX_MODULE_MISMATCH, "mrsignerseam", m->mrsigner48,
                            td->mrsignerseam48, 48, anchor, e);
    /* QVL 4.1.2.5.12.2: zero and equal; the mask is not applied. */
    if (!is_zero(td->seamattributes8, 8) || memcmp(td->seamattributes8, m->attributes8, 8) != 0)
        return refuse_bytes(DS_CODE_TDX_MODULE_MISMATCH, "seamattributes", m->attributes8,
                            td->seamattributes8, 8, anchor, e);
    *ret = m;
    return DS_OK;
}

static void apply_mask(uint8_t *out, const uint8_t *value, const uint8_t *mask, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = value[i] & mask[i];
}

int dcap_tcb_check_qe(const struct ds_qe_identity *id, const struct ds_sgx_report *qe,
                      const char *anchor, struct ds_error *e)
{
    uint8_t misc4[4], attr16[16];
    char want[8], got[8];
    /* QVL 4.1.2.9.5 */
    apply_mask(misc4, qe->miscselect4, id->miscselect_mask4, 4);
    if (memcmp(misc4, id->miscselect4, 4) != 0)
        return refuse_bytes(DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_miscselect", id->miscselect4,
                            misc4, 4, anchor, e);
    /* QVL 4.1.2.9.6 */
    apply_mask(attr16, qe->attributes16, id->attributes_mask16, 16);
    if (memcmp(attr16, id->attributes16, 16) != 0)
        return refuse_bytes(DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_attributes", id->attributes16,
                            attr16, 16, anchor, e);
    /* QVL 4.1.2.9.7 */
    if (memcmp(qe->mrsigner32, id->mrsigner32, 32) != 0)
        return refuse_bytes(DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_mrsigner", id->mrsigner32,
                            qe->mrsigner32, 32, anchor, e);
    /* QVL 4.1.2.9.8 */
    if (qe->isvprodid == id->isvprodid)
        return DS_OK;
    (void)snprintf(want, sizeof want, "%u", id->isvprodid);
    (void)snprintf(got, sizeof got, "%u", qe->isvprodid);
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_DCAP_QE_IDENTITY_MISMATCH, "qe_isvprodid", want,
                     got, anchor);
}

static bool is_at_least(const uint8_t *have, const uint8_t *need, size_t from)
{
    for (size_t i = from; i < 16; i++)
        if (have[i] < need[i])
            return false;
    return true;
}

/* The first level, highest first, that the platform reaches in every component. */
static const struct ds_tcb_level *find_platform_level(const struct ds_tcb_info *info,
                                                      const struct dcap_pck *pck,
                                                      const uint8_t svn16[static 16])
{
    /* With a major version, SVN[0] and [1] are judged by the module's own identity. */
    size_t from = svn16[1] > 0 ? 2 : 0;
    for (size_t i = 0; i < info->n_levels; i++) {
        const struct ds_tcb_level *l = &info->levels[i];
        if (is_at_least(pck->sgx16, l->sgx16, 0) && pck->pcesvn >= l->pcesvn &&
            is_at_least(svn16, l->tdx16, from))
            return l;
    }
    return NULL;
}

static const struct ds_svn_level *find_svn_level(const struct ds_svn_level *levels, size_t n,
                                                 uint16_t isvsvn)
{
    for (size_t i = 0; i < n; i++)
        if (isvsvn >= levels[i].isvsvn)
            return &levels[i];
    return NULL;
}

/* Only OutOfDate and Revoked of a module or enclave change what the platform level says. */
static enum ds_tcb_status converge(enum ds_tcb_status platform, enum ds_tcb_status part)
{
    if (platform == DS_TCB_REVOKED || part == DS_TCB_REVOKED)
        return DS_TCB_REVOKED;
    if (part != DS_TCB_OUT_OF_DATE)
        return platform;
    if (platform == DS_TCB_UP_TO_DATE || platform == DS_TCB_SW_HARDENING_NEEDED)
        return DS_TCB_OUT_OF_DATE;
    if (platform == DS_TCB_CONFIGURATION_NEEDED ||
        platform == DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
        return DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    return platform;
}

static int refuse_level(enum ds_code code, const char *claim, struct ds_span svn,
                        struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, code, claim, "at least the lowest level", DS_HEX(svn),
                     NULL);
}

int dcap_tcb_evaluate(struct dcap_tcb *ret, const struct ds_dcap_collateral *coll,
                      const struct ds_tdx_module *module, const struct dcap_pck *pck,
                      const uint8_t svn16[static 16], uint16_t qe_isvsvn, struct ds_error *e)
{
    struct dcap_tcb t = { .platform = find_platform_level(&coll->tcb, pck, svn16) };
    if (t.platform == NULL)
        return refuse_level(DS_CODE_DCAP_TCB_NOT_SUPPORTED, "cpusvn", DS_SPAN(pck->sgx16, 16), e);
    t.status = t.platform->status;
    t.date_s = t.platform->date_s;
    if (svn16[1] > 0) {
        t.module = find_svn_level(module->levels, module->n_levels, svn16[0]);
        if (t.module == NULL)
            return refuse_level(DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, "tee_tcb_svn",
                                DS_SPAN(svn16, 16), e);
        t.status = converge(t.status, t.module->status);
        t.date_s = t.module->date_s < t.date_s ? t.module->date_s : t.date_s;
    }
    /* QVL 4.1.2.9.9 */
    t.qe = find_svn_level(coll->qe.levels, coll->qe.n_levels, qe_isvsvn);
    if (t.qe == NULL) {
        uint8_t be[] = { (uint8_t)(qe_isvsvn >> 8), (uint8_t)qe_isvsvn };
        return refuse_level(DS_CODE_DCAP_QE_TCB_NOT_SUPPORTED, "qe_isvsvn", DS_SPAN_OF(be), e);
    }
    t.status = converge(t.status, t.qe->status);
    t.date_s = t.qe->date_s < t.date_s ? t.qe->date_s : t.date_s;
    *ret = t;
    return DS_OK;
}

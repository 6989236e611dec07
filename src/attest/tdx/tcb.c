/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDX modules and levels with the rules of Intel's Quote Verification Library
 * as of July 2026; section numbers are those in its source.
 */

#include "attest/tdx/tcb.h"

#include <stdio.h>

#include "attest/dcap/tcb.h"
#include "base/hex.h"

/* What stands where in a set of 16 TEE SVNs. */
#define SVN_MODULE      0 /* the module's own */
#define SVN_MAJOR       1 /* the module's major version */
#define SVN_FIRST_OTHER 2 /* the first that no module identity judges */

static int refuse_bytes(const char *claim, const uint8_t *expected, const uint8_t *got, size_t n,
                        const char *anchor, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_TDX_MODULE_MISMATCH, claim,
                     DS_HEX(DS_SPAN(expected, n)), DS_HEX(DS_SPAN(got, n)), anchor);
}

static int find_module(const struct ds_tdx_module **ret, const struct ds_tcb_info *info,
                       uint8_t major, const char *anchor, struct ds_error *e)
{
    char id[8];
    (void)snprintf(id, sizeof id, "TDX_%02X", major);
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

int tdx_tcb_check_module(const struct ds_tcb_info *info, const struct ds_td_report *td,
                         const char *anchor, struct ds_error *e)
{
    const struct ds_tdx_module *m = &info->module;
    /* QVL 4.1.2.5.12: from quote version 4 on, and no TDX quote is older, SVN[1] is the module's
       major version. */
    if (td->tee_tcb_svn16[SVN_MAJOR] > 0)
        DS_TRY(find_module(&m, info, td->tee_tcb_svn16[SVN_MAJOR], anchor, e));
    /* QVL 4.1.2.5.12.1 */
    if (memcmp(td->mrsignerseam48, m->mrsigner48, 48) != 0)
        return refuse_bytes("mrsignerseam", m->mrsigner48, td->mrsignerseam48, 48, anchor, e);
    /* QVL 4.1.2.5.12.2: zero and equal; the mask is not applied. */
    static const uint8_t zeros8[8];
    if (memcmp(td->seamattributes8, zeros8, 8) != 0)
        return refuse_bytes("seamattributes", zeros8, td->seamattributes8, 8, anchor, e);
    if (memcmp(m->attributes8, zeros8, 8) != 0)
        return refuse_bytes("seamattributes", m->attributes8, zeros8, 8, anchor, e);
    return DS_OK;
}

/* QVL 4.1.2.5.19: platform, module and quoting enclave by one set of TEE SVNs. */
static int evaluate(struct dcap_tcb *ret, const struct ds_dcap_platform *p, const char *name,
                    const uint8_t svn16[static 16], uint16_t qe_isvsvn, struct ds_error *e)
{
    const struct ds_tcb_info *info = &p->coll->tcb;
    const struct ds_tdx_module *m;
    bool has_major = svn16[SVN_MAJOR] > 0;
    /* With a major version, the module's own identity judges SVN[0] and [1]. */
    const struct dcap_tee_svn tee = { name, svn16, has_major ? SVN_FIRST_OTHER : 0 };
    DS_TRY(dcap_tcb_platform(ret, info, &p->pck, &tee, e));
    if (has_major) {
        DS_TRY(find_module(&m, info, svn16[SVN_MAJOR], p->anchor.name, e));
        ret->module = dcap_tcb_find_svn(m->levels, m->n_levels, svn16[SVN_MODULE]);
        if (ret->module == NULL)
            return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, name,
                             "at least the lowest level", DS_HEX(DS_SPAN(svn16, 16)), NULL);
        dcap_tcb_converge(ret, ret->module);
    }
    return dcap_tcb_qe(ret, &p->coll->qe, qe_isvsvn, e);
}

static bool is_out_of_date(enum ds_tcb_status s)
{
    return s == DS_TCB_OUT_OF_DATE || s == DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

static bool needs_configuration(enum ds_tcb_status s)
{
    return s == DS_TCB_CONFIGURATION_NEEDED || s == DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
           s == DS_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

static bool is_current(enum ds_tcb_status s)
{
    return s == DS_TCB_UP_TO_DATE || s == DS_TCB_SW_HARDENING_NEEDED ||
           s == DS_TCB_CONFIGURATION_NEEDED || s == DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED;
}

/* QVL 4.1.2.5.20: the module was updated under a running TD, which a new launch would put right. */
static enum ds_tcb_status relaunch(enum ds_tcb_status launch, enum ds_tcb_status current)
{
    if (!is_out_of_date(launch) || !is_current(current))
        return launch;
    return needs_configuration(launch) || needs_configuration(current)
               ? DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
               : DS_TCB_TD_RELAUNCH_ADVISED;
}

int tdx_tcb_evaluate(struct tdx_tcb *ret, const struct ds_dcap_platform *platform,
                     const struct ds_tdx_quote *quote, struct ds_error *e)
{
    uint16_t qe_isvsvn = quote->dcap.qe_report.isvsvn;
    struct tdx_tcb t = { .has_current = quote->is_td15 };
    DS_TRY(evaluate(&t.launch, platform, "tee_tcb_svn", quote->td.tee_tcb_svn16, qe_isvsvn, e));
    t.status = t.launch.status;
    if (t.has_current) {
        DS_TRY(evaluate(&t.current, platform, "tee_tcb_svn2", quote->td.tee_tcb_svn2_16, qe_isvsvn,
                        e));
        t.status = relaunch(t.launch.status, t.current.status);
    }
    *ret = t;
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDX modules and levels with the rules of Intel's Quote Verification Library
 * (QVL) as of July 2026; section numbers are those in its source.
 */

#include "attest/tdx/tcb.h"

#include <stdio.h>

#include "attest/dcap/tcb.h"

/* "TDX_01, TDX_03": the modules that TCB info lists. */
struct names {
    char s[DS_TDX_MODULES_MAX * sizeof "TDX_01, "];
};

static struct names names_of(const struct ds_tcb_info *info)
{
    struct names n = { "no module" };
    size_t len = 0;
    for (size_t i = 0; i < info->n_modules && len < sizeof n.s; i++)
        len += (size_t)snprintf(n.s + len, sizeof n.s - len, "%s%s", i > 0 ? ", " : "",
                                info->modules[i].id);
    return n;
}

/* The identity for the major version in a set of TEE SVNs. name: which set, for reasons. */
static int find_module(const struct ds_tdx_module **ret, const struct ds_tcb_info *info,
                       const char *name, const uint8_t svn16[static 16], const char *anchor,
                       struct ds_error *e)
{
    char id[8];
    (void)snprintf(id, sizeof id, "TDX_%02X", svn16[DS_TEE_SVN_MAJOR]);
    for (size_t i = 0; i < info->n_modules; i++)
        if (strcmp(info->modules[i].id, id) == 0) {
            *ret = &info->modules[i];
            return DS_OK;
        }
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_TDX_MODULE_MISMATCH, name, names_of(info).s, id,
                     anchor);
}

int tdx_tcb_check_module(const struct ds_tcb_info *info, const struct ds_td_report *td,
                         const char *anchor, struct ds_error *e)
{
    static const uint8_t zeros8[8];
    const enum ds_code code = DS_CODE_TDX_MODULE_MISMATCH;
    const struct ds_tdx_module *m = &info->module;
    /* QVL 4.1.2.5.12: from quote version 4 on, and no TDX quote is older, the module that TCB info
       lists by its major version stands in for tdxModule. */
    if (td->tee_tcb_svn16[DS_TEE_SVN_MAJOR] > 0)
        DS_TRY(find_module(&m, info, "tee_tcb_svn", td->tee_tcb_svn16, anchor, e));
    /* QVL 4.1.2.5.12.1 */
    if (memcmp(td->mrsignerseam48, m->mrsigner48, 48) != 0)
        return dcap_refuse_bytes(code, "mrsignerseam", m->mrsigner48, td->mrsignerseam48, 48,
                                 anchor, e);
    /* QVL 4.1.2.5.12.2: zero and equal; the mask is not applied. */
    if (memcmp(td->seamattributes8, zeros8, 8) != 0)
        return dcap_refuse_bytes(code, "seamattributes", zeros8, td->seamattributes8, 8, anchor, e);
    if (memcmp(m->attributes8, zeros8, 8) != 0)
        return dcap_refuse_bytes(code, "seamattributes", m->attributes8, zeros8, 8, anchor, e);
    return DS_OK;
}

/* QVL 4.1.2.5.2.2: the module's own identity has a level for SVN[0], and that converges. */
static int evaluate_module(struct dcap_tcb *t, const struct dcap_run *v, const char *name,
                           const uint8_t svn16[static 16], struct ds_error *e)
{
    const struct ds_tdx_module *m;
    char want[32], got[8];
    /* QVL 4.1.2.5.2.2.1 */
    DS_TRY(find_module(&m, v->docs.tcb_info, name, svn16, v->platform->anchor.name, e));
    t->module = dcap_tcb_find_svn(m->levels, m->n_levels, svn16[DS_TEE_SVN_MODULE]);
    if (t->module == NULL) {
        (void)snprintf(want, sizeof want, "module at least %u", m->levels[m->n_levels - 1].isvsvn);
        (void)snprintf(got, sizeof got, "%u", svn16[DS_TEE_SVN_MODULE]);
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, name, want, got,
                         NULL);
    }
    /* QVL 4.1.2.5.2.2.2 */
    dcap_tcb_converge(t, t->module);
    return DS_OK;
}

/*
 * QVL 4.1.2.5.2 (tdxEvaluateTCB): platform, module and quoting enclave by one set of
 * TEE SVNs.
 */
static int evaluate(struct dcap_tcb *ret, const struct dcap_run *v, const char *name,
                    const uint8_t svn16[static 16], struct ds_error *e)
{
    bool has_major = svn16[DS_TEE_SVN_MAJOR] > 0;
    /* With a major version, the module's own identity judges SVN[0] and [1]. */
    const struct dcap_tee_svn tee = { name, svn16, has_major ? DS_TEE_SVN_FIRST_OTHER : 0 };
    DS_TRY(dcap_tcb_platform(ret, v->docs.tcb_info, &v->platform->pck, &tee, e));
    if (has_major && v->docs.tcb_info != NULL)
        DS_TRY(evaluate_module(ret, v, name, svn16, e));
    return dcap_tcb_qe(ret, v->docs.qe_identity, v->quote->qe_report.isvsvn, e);
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

/*
 * QVL 4.1.2.5.1.20.2 (checkForRelaunch): the module was updated under a running TD, which a new
 * launch would put right. Nothing else of the current set counts: where the launching one is
 * UpToDate and the current one Revoked, the TD is UpToDate, as with QVL; the current status stands
 * beside it in the claims.
 */
static enum ds_tcb_status relaunch(enum ds_tcb_status launch, enum ds_tcb_status current)
{
    if (!is_out_of_date(launch) || !is_current(current))
        return launch;
    return needs_configuration(launch) || needs_configuration(current)
               ? DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
               : DS_TCB_TD_RELAUNCH_ADVISED;
}

int tdx_tcb_evaluate(struct tdx_tcb *ret, const struct dcap_run *v,
                     const struct ds_tdx_quote *quote, struct ds_error *e)
{
    struct tdx_tcb t = { .has_current = quote->is_td15 };
    /* QVL 4.1.2.5.19 */
    DS_TRY(evaluate(&t.launch, v, "tee_tcb_svn", quote->td.tee_tcb_svn16, e));
    t.status = t.launch.status;
    if (t.has_current) {
        /* QVL 4.1.2.5.1.20.1 */
        DS_TRY(evaluate(&t.current, v, "tee_tcb_svn2", quote->td.tee_tcb_svn2_16, e));
        t.status = relaunch(t.launch.status, t.current.status);
    }
    *ret = t;
    return DS_OK;
}

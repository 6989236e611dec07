/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDX modules, and levels of a TD. How Intel's steps are cited: attest/tdx/verify.c.
 */

#include "attest/tdx/tcb.h"

#include <stdio.h>

#include "attest/coded.h"
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

#define MODULE_ID_ROOM sizeof "TDX_FF"

static void module_id(char id[static MODULE_ID_ROOM], uint8_t major)
{
    (void)snprintf(id, MODULE_ID_ROOM, "TDX_%02X", major);
}

/* QVL findTdxModuleIdentity: what TCB info has for a major version; NULL: it lists none. */
static const struct ds_tdx_module *find_module(const struct ds_tcb_info *info, uint8_t major)
{
    char id[MODULE_ID_ROOM];
    module_id(id, major);
    for (size_t i = 0; i < info->n_modules; i++)
        if (strcmp(info->modules[i].id, id) == 0)
            return &info->modules[i];
    return NULL;
}

/* in:   claim  which set of SVNs says the major version that TCB info does not list */
static int refuse_major(const struct dcap_run *v, const char *claim, uint8_t major,
                        struct ds_error *e)
{
    char id[MODULE_ID_ROOM];
    module_id(id, major);
    return dcap_refuse(v, DS_CODE_TDX_MODULE_MISMATCH, claim, names_of(v->docs.tcb_info).s, id, e);
}

/* QVL 4.1.2.5.12 (QuoteVerifier::verify) */
int tdx_check_module(const struct dcap_run *v, struct ds_error *e)
{
    static const uint8_t zeros8[8];
    const enum ds_code code = DS_CODE_TDX_MODULE_MISMATCH;
    const uint8_t major = v->td->tee_tcb_svn16[DS_TEE_SVN_MAJOR];
    if (v->docs.tcb_info == NULL)
        return DS_OK;
    const struct ds_tdx_module *m = &v->docs.tcb_info->module;
    /* From quote version 4 on, and no TDX quote is older, the module that TCB info lists by its
       major version stands in for tdxModule. */
    if (major > 0)
        m = find_module(v->docs.tcb_info, major);
    if (m == NULL)
        return refuse_major(v, "tee_tcb_svn", major, e);
    /* QVL 4.1.2.5.12.1 (QuoteVerifier::verify) */
    if (memcmp(v->td->mrsignerseam48, m->mrsigner48, 48) != 0)
        return dcap_refuse_bytes(code, "mrsignerseam", m->mrsigner48, v->td->mrsignerseam48, 48, e);
    /* QVL 4.1.2.5.12.2 (QuoteVerifier::verify): zero and equal; the mask is not applied. */
    if (memcmp(v->td->seamattributes8, zeros8, 8) != 0)
        return dcap_refuse_bytes(code, "seamattributes", zeros8, v->td->seamattributes8, 8, e);
    if (memcmp(m->attributes8, zeros8, 8) != 0)
        return dcap_refuse_bytes(code, "seamattributes", m->attributes8, zeros8, 8, e);
    return DS_OK;
}

/* QVL 4.1.2.5.2.2 (tdxEvaluateTCB): the module's own identity has a level for SVN[0]. */
static int evaluate_module(struct dcap_tcb *t, const struct dcap_run *v, const char *name,
                           const uint8_t svn16[static 16], struct ds_error *e)
{
    const uint8_t major = svn16[DS_TEE_SVN_MAJOR];
    const struct ds_tdx_module *m = find_module(v->docs.tcb_info, major);
    char want[32];
    /* QVL 4.1.2.5.2.2.1 (tdxEvaluateTCB) */
    if (m == NULL)
        return refuse_major(v, name, major, e);
    /* QVL 4.1.2.5.2.2.2 (tdxEvaluateTCB): status, date and advisories of the first level reached */
    t->module = dcap_tcb_find_svn(m->levels, m->n_levels, svn16[DS_TEE_SVN_MODULE]);
    if (t->module != NULL) {
        dcap_tcb_converge(t, t->module);
        return DS_OK;
    }
    (void)snprintf(want, sizeof want, "module at least %u", m->levels[m->n_levels - 1].isvsvn);
    return ds_refuse_number(e, DS_ERR_UNTRUSTED, DS_CODE_TDX_MODULE_TCB_NOT_SUPPORTED, name, want,
                            svn16[DS_TEE_SVN_MODULE], NULL);
}

/* QVL 4.1.2.5.2 (tdxEvaluateTCB): platform, module and quoting enclave by one set of TEE SVNs. */
static int tdx_evaluate_tcb(struct dcap_tcb *ret, const struct dcap_run *v, const char *name,
                            const uint8_t svn16[static 16], struct ds_error *e)
{
    bool has_major = svn16[DS_TEE_SVN_MAJOR] > 0;
    /* QVL start_index, at 4.1.2.5.2.1.3 (tdxEvaluateTCB): with a major version, the module's own
       identity judges SVN[0] and [1]. */
    const struct dcap_tee_svn tee = { name, svn16, has_major ? DS_TEE_SVN_FIRST_OTHER : 0 };
    DS_TRY(dcap_tcb_platform(ret, v, &tee, e));
    if (has_major && v->docs.tcb_info != NULL)
        DS_TRY(evaluate_module(ret, v, name, svn16, e));
    return dcap_tcb_qe(ret, v, e);
}

/* QVL 4.1.2.5.19 (checkTcbLevel) */
int tdx_evaluate_launch(struct tdx_tcb *ret, const struct dcap_run *v, struct ds_error *e)
{
    struct tdx_tcb t = { 0 };
    DS_TRY(tdx_evaluate_tcb(&t.launch, v, "tee_tcb_svn", v->td->tee_tcb_svn16, e));
    t.status = t.launch.status;
    *ret = t;
    return DS_OK;
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

/* Nothing is to be updated, whatever is to be configured. */
static bool is_patched(enum ds_tcb_status s)
{
    return s == DS_TCB_UP_TO_DATE || s == DS_TCB_SW_HARDENING_NEEDED ||
           s == DS_TCB_CONFIGURATION_NEEDED || s == DS_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED;
}

/*
 * QVL 4.1.2.5.1.20.2 (checkTcbLevel), by checkForRelaunch: the module was updated under a running
 * TD, which a new launch would put right. Nothing else of the current status counts: where the
 * launching one is UpToDate and the current one Revoked, the TD is UpToDate, as with QVL; the
 * current status stands beside it in the claims.
 */
static enum ds_tcb_status check_for_relaunch(enum ds_tcb_status launch, enum ds_tcb_status current)
{
    if (!is_out_of_date(launch) || !is_patched(current))
        return launch;
    return needs_configuration(launch) || needs_configuration(current)
               ? DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
               : DS_TCB_TD_RELAUNCH_ADVISED;
}

/* QVL 4.1.2.5.1.20 (checkTcbLevel) */
int tdx_evaluate_current(struct tdx_tcb *io, const struct dcap_run *v, struct ds_error *e)
{
    /* QVL: from TD 1.5 on. Ours: a later body (type 4) is not read. */
    if (v->quote->body_type != DS_DCAP_BODY_TD15)
        return DS_OK;
    /* QVL 4.1.2.5.1.20.1 (checkTcbLevel) */
    DS_TRY(tdx_evaluate_tcb(&io->current, v, "tee_tcb_svn2", v->td->tee_tcb_svn2_16, e));
    io->status = check_for_relaunch(io->launch.status, io->current.status);
    return DS_OK;
}

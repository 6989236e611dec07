/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging verified evidence by a policy: policy/'s reader and check, in the
 * verifier's own memory.
 */
#include <assert.h>

#include "lib/private.h"
#include "policy/document.h"

#define REPORT_DATA_LEN 64

static_assert(LIB_MEM >= POLICY_DOCUMENT_MEM, "a policy is read where evidence was");
static_assert((int)DS_ATTEST_SESSION_NONE == (int)POLICY_SESSION_NONE &&
                  (int)DS_ATTEST_SESSION_NONCE == (int)POLICY_SESSION_NONCE &&
                  (int)DS_ATTEST_SESSION_CERTIFICATE == (int)POLICY_SESSION_CERTIFICATE &&
                  (int)DS_ATTEST_SESSION_ATTESTED == (int)POLICY_SESSION_ATTESTED,
              "one numbering");

/* Nobody knows evidence to be his by report data that he did not compare. */
static int check_expected(enum ds_attest_session session, struct ds_span report_data,
                          struct ds_error *e)
{
    char got[64];
    bool is_bound = session != DS_ATTEST_SESSION_NONE;
    if (report_data.len == REPORT_DATA_LEN || (report_data.len == 0 && !is_bound))
        return DS_OK;
    (void)snprintf(got, sizeof got, "%zu bytes, session %d", report_data.len, (int)session);
    return ds_refuse(e, DS_ERR_ARG, DS_CODE_LIB_REPORT_DATA, "report_data",
                     "64 bytes, or none without a session", got, NULL);
}

static int prepare(struct policy_document *ret, struct ds_attest *a, struct ds_span policy,
                   enum ds_attest_session session, struct ds_span report_data, struct ds_error *e)
{
    if (!a->is_verified)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_LIB_NOT_VERIFIED, "evidence", "verified", "none",
                         NULL);
    DS_TRY(check_expected(session, report_data, e));
    DS_TRY(policy_document_parse(ret, &a->mem, policy, e));
    policy_ask(&ret->rules, POLICY_ATTR_REPORT_DATA, report_data);
    return DS_OK;
}

int ds_attest_check(struct ds_attest *a, struct ds_attest_bytes policy,
                    enum ds_attest_session session, struct ds_attest_bytes report_data)
{
    struct ds_error e = { 0 };
    struct policy_document doc;
    bool is_verified = a->is_verified;
    int r = lib_finish(a,
                       prepare(&doc, a, DS_SPAN(policy.p, policy.len), session,
                               DS_SPAN(report_data.p, report_data.len), &e),
                       &e);
    a->is_verified = is_verified;
    if (r != DS_ATTEST_OK)
        return r;
    const struct policy_facts facts = { .now_s = a->verified_at_s,
                                        .session = (enum policy_session)session };
    policy_check(&a->verdict, a->claims.c, &doc.rules, &facts);
    return a->verdict.n_reasons == 0 ? DS_ATTEST_OK : DS_ATTEST_DENIED;
}

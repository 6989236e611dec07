/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting the reasons of a verdict.
 */
#include "base/reason.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/seen.h"

void ds_verdict_add(struct ds_verdict *v, enum ds_code code, const char *claim,
                    const char *expected, const char *got, const char *anchor)
{
    DS_CODE_SEEN(code, __FILE__);
    if (v->n_reasons == DS_VERDICT_REASONS_MAX) {
        v->n_dropped++;
        return;
    }
    struct ds_reason *r = &v->reasons[v->n_reasons++];
    r->code = code;
    ds_detail_set(&r->detail, claim, expected, got, anchor);
}

void ds_verdict_add_error(struct ds_verdict *v, const struct ds_error *e, enum ds_code fallback)
{
    if (e->code != DS_CODE_NONE)
        ds_verdict_add(v, e->code, e->detail.claim, e->detail.expected,
                       e->detail.got[0] != '\0' ? e->detail.got : e->msg, e->detail.anchor);
    else
        ds_verdict_add(v, fallback, NULL, NULL, e->msg, NULL);
}

bool ds_verdict_has(const struct ds_verdict *v, enum ds_code code)
{
    for (uint32_t i = 0; i < v->n_reasons; i++)
        if (v->reasons[i].code == code)
            return true;
    return false;
}

int ds_verdict_fail(const struct ds_verdict *v, int cls, struct ds_error *e)
{
    assert(v->n_reasons > 0);
    const struct ds_reason *r = &v->reasons[0];
    (void)ds_refuse(e, cls, r->code, r->detail.claim, r->detail.expected, r->detail.got,
                    r->detail.anchor);
    uint32_t more = v->n_reasons - 1 + v->n_dropped;
    if (e != NULL && more > 0) {
        size_t n = strlen(e->msg);
        (void)snprintf(e->msg + n, sizeof e->msg - n, "; and %u more", more);
    }
    return cls;
}

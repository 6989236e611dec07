/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outcome of a call, in the words of the header.
 */
#include "lib/private.h"

static enum ds_attest_result result_of(int cls)
{
    switch (cls) {
    case DS_OK:
        return DS_ATTEST_OK;
    case DS_ERR_FORMAT:
    case DS_ERR_TRUNCATED:
    case DS_ERR_TRAILING:
    case DS_ERR_RANGE:
        return DS_ATTEST_MALFORMED;
    case DS_ERR_UNSUPPORTED:
        return DS_ATTEST_UNSUPPORTED;
    case DS_ERR_UNTRUSTED:
        return DS_ATTEST_UNTRUSTED;
    case DS_ERR_STALE:
        return DS_ATTEST_STALE;
    case DS_ERR_UNAVAILABLE:
        return DS_ATTEST_INCOMPLETE;
    default:
        return DS_ATTEST_FAILED;
    }
}

int lib_finish(struct ds_attest *a, int r, const struct ds_error *e)
{
    a->mem.used = 0;
    a->is_verified = false;
    a->verdict.n_reasons = 0;
    a->verdict.n_dropped = 0;
    if (r < 0)
        ds_verdict_add_error(&a->verdict, e, DS_CODE_LIB_FAILED);
    return result_of(r);
}

size_t ds_attest_n_reasons(const struct ds_attest *a) { return a->verdict.n_reasons; }

size_t ds_attest_n_reasons_dropped(const struct ds_attest *a) { return a->verdict.n_dropped; }

struct ds_attest_reason ds_attest_reason(const struct ds_attest *a, size_t i)
{
    static const struct ds_reason none = { .code = DS_CODE_NONE };
    const struct ds_reason *r = i < a->verdict.n_reasons ? &a->verdict.reasons[i] : &none;
    const struct ds_code_info *info = ds_code_info_get(r->code);
    return (struct ds_attest_reason){ .code = info->id,
                                      .what = info->what,
                                      .claim = r->detail.claim,
                                      .expected = r->detail.expected,
                                      .got = r->detail.got,
                                      .anchor = r->detail.anchor,
                                      .fix = info->fix };
}

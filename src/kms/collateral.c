/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching and keeping the simulated platform's collateral.
 */
#include "kms/collateral.h"

#include "attest/dcap/collateral.h"
#include "base/hex.h"
#include "base/str.h"
#include "rpc/client.h"

#define KEEP_S 3600 /* it is made anew every 30 days; a new machine PKI shows within the hour */

static int refuse(const struct kms_simulated *s, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_PEER, DS_CODE_KMS_NO_COLLATERAL, "GetSimulatedCollateral",
                     "collateral and root_spki_sha256", got, s->vmm_address);
}

/* The date of the newest document in it. */
static int issue_date(int64_t *ret_s, const struct kms_simulated *s, struct ds_span json,
                      struct ds_error *e)
{
    struct ds_dcap_collateral parsed;
    struct ds_error why = { 0 };
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(DS_DCAP_COLLATERAL_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read collateral");
    struct ds_arena mem = ds_arena_of(room, DS_DCAP_COLLATERAL_MEM);
    if (ds_dcap_collateral_parse(&parsed, &mem, json, &why) < 0)
        return refuse(s, why.msg, e);
    if (parsed.tcb.version == 0 || parsed.qe.version == 0)
        return refuse(s, "no TCB info, or no identity of the quoting enclave", e);
    *ret_s = parsed.tcb.issue_s > parsed.qe.issue_s ? parsed.tcb.issue_s : parsed.qe.issue_s;
    return DS_OK;
}

int kms_collateral_take(struct kms_simulated *s, yyjson_val *reply, struct ds_error *e)
{
    const char *spki = yyjson_get_str(yyjson_obj_get(reply, "root_spki_sha256"));
    uint8_t spki32[32];
    int64_t issue_s = 0;
    size_t len = 0;
    DS_AUTO(ds_buf_done) struct ds_buf collateral = { 0 };
    DS_AUTO(ds_auto_free)
    char *text = yyjson_val_write(yyjson_obj_get(reply, "collateral"), 0, &len);
    if (text == NULL || spki == NULL ||
        ds_hex_decode(spki32, sizeof spki32, ds_span_str(spki), NULL) < 0)
        return refuse(s, "something else", e);
    DS_TRY(issue_date(&issue_s, s, DS_SPAN(text, len), e));
    ds_buf_add(&collateral, DS_SPAN(text, len));
    DS_TRY(ds_buf_end(&collateral, e, "collateral"));
    struct ds_buf old = s->collateral;
    s->collateral = collateral;
    collateral = old;
    memcpy(s->root_spki32, spki32, sizeof spki32);
    s->issue_s = issue_s;
    return DS_OK;
}

static int fetch(struct kms_simulated *s, int64_t now_s, struct ds_error *e)
{
    const struct rpc_target vmm = { .address = s->vmm_address };
    struct ds_error why;
    yyjson_doc *doc = NULL;
    int r = rpc_client_call(&doc, NULL, &vmm, "GetSimulatedCollateral", DS_SPAN_LIT(""), &why);
    if (r < 0)
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_KMS_NO_COLLATERAL, "GetSimulatedCollateral",
                         "collateral and root_spki_sha256", why.msg, s->vmm_address);
    r = kms_collateral_take(s, yyjson_doc_get_root(doc), e);
    yyjson_doc_free(doc);
    if (r == DS_OK)
        s->fetched_s = now_s;
    return r;
}

bool kms_collateral_is_kept(const struct kms_simulated *s, int64_t now_s)
{
    return s->collateral.len > 0 && now_s >= s->fetched_s && now_s - s->fetched_s <= KEEP_S;
}

int kms_collateral_get(struct ds_span *ret, struct ds_extra_anchor *ret_anchor,
                       size_t *ret_n_anchors, struct kms *kms, int64_t now_s, struct ds_error *e)
{
    struct kms_simulated *s = &kms->simulated;
    if (!kms_collateral_is_kept(s, now_s))
        DS_TRY(fetch(s, now_s, e));
    *ret = ds_buf_span(&s->collateral);
    *ret_anchor = (struct ds_extra_anchor){ .is_simulated = true };
    (void)snprintf(ret_anchor->name, sizeof ret_anchor->name, "simulated root of this machine");
    memcpy(ret_anchor->spki_sha256, s->root_spki32, 32);
    *ret_n_anchors = 1;
    return DS_OK;
}

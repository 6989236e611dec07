/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching and keeping the simulated platform's collateral.
 */
#include "kms/collateral.h"

#include "base/hex.h"
#include "base/str.h"
#include "rpc/client.h"

#define KEEP_S 3600 /* it is made anew every 30 days; a new machine PKI shows within the hour */

static int take(struct kms_simulated *s, yyjson_val *reply, struct ds_error *e)
{
    const char *spki = yyjson_get_str(yyjson_obj_get(reply, "root_spki_sha256"));
    size_t len = 0;
    DS_AUTO(ds_auto_free)
    char *text = yyjson_val_write(yyjson_obj_get(reply, "collateral"), 0, &len);
    if (text == NULL || spki == NULL ||
        ds_hex_decode(s->root_spki32, 32, ds_span_str(spki), NULL) < 0)
        return ds_refuse(e, DS_ERR_PEER, DS_CODE_KMS_NO_COLLATERAL, "GetSimulatedCollateral",
                         "collateral and root_spki_sha256", "something else", s->vmm_address);
    ds_buf_clear(&s->collateral);
    ds_buf_add(&s->collateral, DS_SPAN(text, len));
    return ds_buf_end(&s->collateral, e, "collateral");
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
    r = take(s, yyjson_doc_get_root(doc), e);
    yyjson_doc_free(doc);
    if (r == DS_OK)
        s->fetched_s = now_s;
    return r;
}

int kms_collateral_get(struct ds_span *ret, struct ds_extra_anchor *ret_anchor,
                       size_t *ret_n_anchors, struct kms *kms, int64_t now_s, struct ds_error *e)
{
    struct kms_simulated *s = &kms->simulated;
    if (s->collateral.len == 0 || now_s - s->fetched_s > KEEP_S || now_s < s->fetched_s)
        DS_TRY(fetch(s, now_s, e));
    *ret = ds_buf_span(&s->collateral);
    *ret_anchor = (struct ds_extra_anchor){ .is_simulated = true };
    (void)snprintf(ret_anchor->name, sizeof ret_anchor->name, "simulated root of this machine");
    memcpy(ret_anchor->spki_sha256, s->root_spki32, 32);
    *ret_n_anchors = 1;
    return DS_OK;
}

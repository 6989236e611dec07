/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets, each one number: the time at which it is full again.
 */
#include "kms/limit.h"

#include <string.h>

bool kms_bucket_take(struct kms_bucket *b, const struct kms_rate *rate, int64_t now_ms)
{
    int64_t full_at_ms = b->full_at_ms > now_ms ? b->full_at_ms : now_ms;
    if (full_at_ms - now_ms > (rate->burst - 1) * rate->refill_ms)
        return false;
    b->full_at_ms = full_at_ms + rate->refill_ms;
    return true;
}

const struct kms_rate *kms_limit_rate(enum kms_act act)
{
    /* Certificates make less than 20 MiB of leaves a day; boots and renewals, of which an honest VM
     * needs few, less than 5 MiB each. */
    static const struct kms_rate rates[KMS_N_ACTS] = {
        [KMS_ACT_BOOT_KEYS] = { .burst = 1024, .refill_ms = 60000 },
        [KMS_ACT_SIGN_CERT] = { .burst = 1024, .refill_ms = 10000 },
        [KMS_ACT_RENEW_CREDENTIAL] = { .burst = 1024, .refill_ms = 60000 },
    };
    return &rates[act];
}

bool kms_limit_denial(struct kms_limit *l, enum kms_source source, int64_t now_ms)
{
    bool ok = kms_bucket_take(&l->denials[source], &KMS_DENIAL_RATE, now_ms);
    l->n_denials_dropped += !ok;
    return ok;
}

/* The holder's entry, or the one that gives way to it. */
static struct kms_holder_bucket *find(struct kms_limit *l, const uint8_t id[KMS_HOLDER_LEN])
{
    struct kms_holder_bucket *oldest = &l->holders[0];
    for (size_t i = 0; i < KMS_HOLDERS_MAX; i++) {
        struct kms_holder_bucket *h = &l->holders[i];
        if (h->seen_ms != 0 && memcmp(h->id, id, KMS_HOLDER_LEN) == 0)
            return h;
        if (h->seen_ms < oldest->seen_ms)
            oldest = h;
    }
    *oldest = (struct kms_holder_bucket){ 0 };
    memcpy(oldest->id, id, KMS_HOLDER_LEN);
    return oldest;
}

bool kms_limit_holder(struct kms_limit *l, enum kms_act act, struct ds_span app_id,
                      struct ds_span instance_id, int64_t now_ms)
{
    uint8_t id[KMS_HOLDER_LEN] = { 0 };
    if (app_id.len == KMS_HOLDER_LEN / 2)
        memcpy(id, app_id.p, app_id.len);
    if (instance_id.len == KMS_HOLDER_LEN / 2)
        memcpy(id + KMS_HOLDER_LEN / 2, instance_id.p, instance_id.len);
    struct kms_holder_bucket *h = find(l, id);
    h->seen_ms = now_ms + 1; /* 0 is for the free ones */
    bool ok = kms_bucket_take(&h->buckets[act], kms_limit_rate(act), now_ms);
    l->n_holders_refused += !ok;
    return ok;
}

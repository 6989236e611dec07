/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How fast the release log may grow. Every decision is a leaf on disk, so
 * whoever may ask could fill the disk: refusals are limited by what the caller
 * showed, what is granted by the instance that asks. Pure: time is an argument.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* At most `burst` at once, and one more each refill_ms. */
struct kms_rate {
    int64_t burst, refill_ms;
};

struct kms_bucket {
    int64_t full_at_ms; /* when all of the burst is there again */
};
bool kms_bucket_take(struct kms_bucket *b, const struct kms_rate *rate, int64_t now_ms);

/* What a caller showed: one source's flood leaves the others their leaves. */
enum kms_source {
    KMS_SOURCE_NOBODY, /* nothing */
    KMS_SOURCE_GUEST,  /* evidence, or a certificate of any kind */
    KMS_SOURCE_HOLDER, /* an instance credential of ours */
    KMS_N_SOURCES,
};

/* What is asked for. */
enum kms_act {
    KMS_ACT_BOOT_KEYS,        /* GetAppKey: only before system-ready */
    KMS_ACT_SIGN_CERT,        /* SignCert: any time, with the instance credential */
    KMS_ACT_RENEW_CREDENTIAL, /* RenewCredential: likewise, and evidence for the credential's key */
    KMS_N_ACTS,
};

/* A leaf has at most about 2 KiB: three sources make less than 9 MiB a day, and 6 at once. */
#define KMS_DENIAL_RATE ((struct kms_rate){ .burst = 1024, .refill_ms = 60000 })
#define KMS_HOLDERS_MAX 256 /* the one not heard of for longest gives way */
#define KMS_HOLDER_LEN  40  /* app id, instance id */

struct kms_holder_bucket {
    uint8_t id[KMS_HOLDER_LEN];
    struct kms_bucket buckets[KMS_N_ACTS]; /* apart: a flood of one act leaves the others */
    int64_t seen_ms;                       /* 0: free */
};

struct kms_limit {
    struct kms_bucket denials[KMS_N_SOURCES];
    struct kms_holder_bucket holders[KMS_HOLDERS_MAX];
    uint64_t n_denials_dropped, n_holders_refused;
};

/* May a refusal of this source become a leaf? Counts those that may not. */
bool kms_limit_denial(struct kms_limit *l, enum kms_source source, int64_t now_ms);
/* How often one instance is granted that. */
const struct kms_rate *kms_limit_rate(enum kms_act act);
/* May this instance be granted that once more? Counts those that may not. */
bool kms_limit_holder(struct kms_limit *l, enum kms_act act, struct ds_span app_id,
                      struct ds_span instance_id, int64_t now_ms);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The release log: every decision about a key is a leaf, on disk before the
 * answer leaves. Its head is signed by the root CA's key, so that whoever pins
 * the KMS can check the log. One writer.
 */

#include "app/log.h"
#include "base/buf.h"
#include "merkle/tree.h"

struct kms_root;
struct kms_log;

/* err: UNTRUSTED (kms.log_broken: leaves and head do not belong together), SYS */
DS_MUST_USE int kms_log_open(struct kms_log **ret, const char *path, const struct kms_root *root,
                             struct ds_error *e);
void kms_log_close(struct kms_log *log);

/* What a reply says of its leaf. */
struct kms_log_receipt {
    uint64_t index;
    struct ds_buf head; /* the head's document */
    uint8_t head_sig64[64];
    struct ds_merkle_proof proof;
};
void kms_log_receipt_done(struct kms_log_receipt *r);

/* Append a leaf durably; `point` "kms.log" names the fault hooks. */
DS_MUST_USE int kms_log_append(struct kms_log_receipt *ret, struct kms_log *log,
                               const struct app_log_leaf *leaf, struct ds_error *e);

uint64_t kms_log_size(const struct kms_log *log);
/* When the newest leaf was written; 0 for an empty log. */
int64_t kms_log_head_time_s(const struct kms_log *log);

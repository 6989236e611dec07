/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The local allow-list: which operating system images and which compose hashes
 * of which app get keys (the schema of dstack's auth-simple, host-api 2.6).
 * Every change makes a new version; a decision names the version it used.
 * Unknown means deny.
 */

#include "base/buf.h"
#include "base/reason.h"

#define KMS_ALLOW_APPS_MAX   1024
#define KMS_ALLOW_HASHES_MAX 64 /* compose hashes of an app, OS images */

struct kms_hash32 {
    uint8_t b[32];
};

struct kms_allow_app {
    uint8_t app_id20[20];
    struct kms_hash32 compose[KMS_ALLOW_HASHES_MAX]; /* oldest first */
    size_t n_compose;
};

struct kms_allow {
    uint64_t version; /* grows with every change */
    struct kms_hash32 os_images[KMS_ALLOW_HASHES_MAX];
    size_t n_os_images;
    struct kms_allow_app *apps; /* owned */
    size_t n_apps;
};

void kms_allow_done(struct kms_allow *a);

/* err: FORMAT (kms.allow_invalid), NOMEM */
DS_MUST_USE int kms_allow_parse(struct kms_allow *ret, struct ds_span json, struct ds_error *e);
DS_MUST_USE int kms_allow_encode(struct ds_buf *ret, const struct kms_allow *a, struct ds_error *e);

/* An empty list where there is no file. */
DS_MUST_USE int kms_allow_load(struct kms_allow *ret, const char *path, struct ds_error *e);
DS_MUST_USE int kms_allow_save(const struct kms_allow *a, const char *path, struct ds_error *e);

/* A copy to make a change on (*gives*: kms_allow_done). err: NOMEM */
DS_MUST_USE int kms_allow_dup(struct kms_allow *ret, const struct kms_allow *a, struct ds_error *e);

/*
 * Let an app with this compose hash boot on this OS image. What is allowed
 * already changes nothing, the version included; nor does a failure.
 *
 * in:   only_compose  every other compose hash of the app is taken off the list
 * err:  RANGE (kms.allow_full), NOMEM
 */
DS_MUST_USE int kms_allow_add(struct kms_allow *a, const uint8_t app_id20[static 20],
                              const uint8_t compose32[static 32],
                              const uint8_t os_image32[static 32], bool only_compose,
                              struct ds_error *e);

/* Add a reason for each of: OS image, app, compose hash. Spans of other lengths are never allowed. */
void kms_allow_check(struct ds_verdict *v, const struct kms_allow *a, struct ds_span app_id,
                     struct ds_span compose_hash, struct ds_span os_image_hash);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A KMS with its state on disk, a VM of the simulated platform beside it, and
 * questions that the one asks the other: what tests of the decision and of what
 * follows it share.
 */

#include "kit.h"
#include "kms/release.h"

#define NOW   1790000000
#define DAY_S 86400

extern char trial_dir[], trial_log_path[64]; /* state directory; the log of the last trial_begin */
extern struct kms kms;
extern struct kit kit;
extern struct kit other; /* another simulated machine */
extern uint8_t other_spki[DS_P256_SPKI_LEN], other32[32], other20[20];

/* Instance credentials: of the kit's VM; of another VM of the app; of another app. */
enum { OURS, OTHER_INSTANCE, OTHER_APP, N_CREDENTIALS };
extern struct ds_buf credentials[N_CREDENTIALS];

/* One question to the KMS; what a row may change before it is asked. */
struct trial {
    struct kit_plan plan;
    struct kms_request request;
    struct ds_span chain[1];
    int64_t now_s;
};

void trial_allow(const uint8_t app_id20[20], const uint8_t compose32[32],
                 const uint8_t os_image32[32]);

/* A log of its own: time never goes back in one. */
void trial_log_fresh(void);

/* The state before each question: one app, one image, fresh collateral, an empty log. */
void trial_begin(struct trial *t, enum kms_act act);

/* evidence *appended*; what the request carries already is kept. */
int trial_ask(struct kms_grant *grant, struct ds_verdict *v, struct trial *t,
              struct ds_buf *evidence, struct ds_error *e);

/* The leaf on disk, *appended*. */
void trial_leaf_load(struct ds_buf *ret, uint64_t index);
void assert_says(const struct ds_buf *text, const char *part);

/* For cmocka: everything above. */
int trial_setup(void **state);
int trial_teardown(void **state);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Simulated evidence made on the spot: a machine's PKI, a small image, the log
 * of a boot and the documents around it, all of which fit. A plan says what the
 * evidence shall claim; each of its fields can be made to lie alone.
 */

#include "app/mr_config.h"
#include "attest/eventlog/event.h"
#include "base/buf.h"
#include "crypto/key.h"
#include "measure/measure.h"
#include "simtee/pki.h"

#define KIT_SPAN(buf) ds_buf_span(&(buf))

/* What does not change from row to row. */
struct kit {
    char dir[64];
    struct simtee_pki *pki;
    struct ds_p256_key *attestation; /* the machine's, for quotes that the QE would not sign */
    struct measure_image image;
    struct ds_buf document, checksums; /* measurement.tdx.cbor, sha256sum.txt */
    uint8_t os_image32[32];
    uint8_t compose32[32], app_id20[20], instance_id20[20], gpu_policy32[32];
    uint8_t kms_spki[DS_P256_SPKI_LEN];
    struct ds_buf provider;    /* the key-provider event */
    struct ds_p256_key *guest; /* the key that evidence is bound to */
    uint8_t guest_spki[DS_P256_SPKI_LEN];
};

void kit_init(struct kit *k, const uint8_t kms_spki[static DS_P256_SPKI_LEN], int64_t now_s);
void kit_done(struct kit *k);

struct kit_event {
    const char *name;
    struct ds_span payload;
};

#define KIT_EVENTS_MAX 16

struct kit_plan {
    /* the guest: what is extended into RTMR3 */
    struct kit_event events[KIT_EVENTS_MAX];
    size_t n_events;
    struct ds_span bound_spki;
    const uint8_t *report_data64; /* NULL: what binds evidence to bound_spki */
    /* the platform: what is measured and quoted */
    const char *changed_event; /* this boot event has another digest than the image gives */
    bool is_mrtd_changed, is_mrconfigid_changed, is_debug, is_quote_broken;
    struct simtee_pki *pki;
    /* the log that goes along, after the quote */
    const char *left_out, *hidden; /* a runtime event; given as a bare digest */
    bool is_swapped;               /* the first two runtime events */
    /* vm_config: what the host says */
    struct measure_shape shape;
    const uint8_t *os_image32;
    struct ds_span document, checksums;
    struct app_mr_config mr_config;
    bool has_no_mr_config;
};

/* A guest at the moment when it asks for its boot keys; and one whose app runs. */
struct kit_plan kit_plan_boot(const struct kit *k);
struct kit_plan kit_plan_running(const struct kit *k);
/* The event of this name; the test ends when there is none. */
struct kit_event *kit_event_find(struct kit_plan *p, const char *name);
void kit_event_drop(struct kit_plan *p, const char *name);
void kit_event_add(struct kit_plan *p, const char *name, struct ds_span payload);

/* The attestation (version 0) that the plan describes, *appended*. */
void kit_attest(struct ds_buf *ret, const struct kit *k, const struct kit_plan *p);

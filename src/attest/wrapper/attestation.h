/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dstack's VersionedAttestation, version 0 (SCALE) and 1 (MessagePack): evidence
 * of any platform with its logs and configuration. Unverified: the platform's
 * verifier judges `quote`, and only then do the logs mean something.
 * spec: guest-api 5.1, 4.3, 4.4
 */

#include "attest/eventlog/event.h"
#include "base/buf.h"

#define DS_ATTESTATION_MAX        ((size_t)10 << 20)
#define DS_ATTESTATION_EVENTS_MAX DS_EVENTS_MAX
#define DS_ATTESTATION_CERTS_MAX  8

/* The numbers are the wire's. */
enum ds_attestation_platform {
    DS_ATTESTATION_TDX = 0,
    DS_ATTESTATION_GCP_TDX = 1, /* not read yet */
    DS_ATTESTATION_NITRO_ENCLAVE = 2,
    DS_ATTESTATION_SEV_SNP = 3,
    DS_ATTESTATION_NITRO_TPM = 4,
};

struct ds_runtime_event {
    struct ds_span name, payload;
    uint8_t version; /* 2, or 0 and 1 alike */
};

/* Spans borrow the parsed bytes or, in version 1, the arena; arrays stand in the arena. */
struct ds_attestation {
    uint8_t version; /* 0 or 1: the form it had, and will have */
    enum ds_attestation_platform platform;
    struct ds_span quote;                           /* TDX quote, SNP report or signed document */
    struct ds_tdx_log log;                          /* TDX: the event log */
    struct ds_span certs[DS_ATTESTATION_CERTS_MAX]; /* SNP: PEM or DER */
    size_t n_certs;
    struct ds_span mr_config; /* SNP: the MrConfigV3 document */
    struct ds_runtime_event *runtime;
    size_t n_runtime;
    uint8_t report_data64[64]; /* a copy for reading; the quote's own counts */
    struct ds_span config;     /* vm_config, or a whole sys-config */
    bool is_pod;               /* version 1: report_data is that of a payload */
    struct ds_span pod_payload;
};

/*
 * Parse either version to its last byte. Of version 1 the members stand in the order in which dstack
 * writes them, and its byte vectors may be arrays of integers, as serde has them, or bin.
 *
 * io:   mem  holds the events; DS_ATTESTATION_EVENTS_MAX of each kind is the most. Version 1:
 *            also the bytes that came as arrays, which are fewer than those of `in`
 * err:  FORMAT, TRUNCATED, TRAILING, RANGE  attest.wrapper.format
 *       UNSUPPORTED  attest.wrapper.unsupported: another version, or TDX with a TPM quote
 */
DS_MUST_USE int ds_attestation_parse(struct ds_attestation *ret, struct ds_arena *mem,
                                     struct ds_span in, struct ds_error *e);

/* In the form that a->version says, *appended*. err: RANGE, UNSUPPORTED */
DS_MUST_USE int ds_attestation_encode(struct ds_buf *ret, const struct ds_attestation *a,
                                      struct ds_error *e);

/*
 * Reduce a TDX log in place to what a certificate carries: the ACPI events of
 * RTMR0 with their payload, and RTMR3 without digests.
 */
void ds_attestation_strip(struct ds_attestation *a);

/* SHA-512(tag || ":" || content): report_data for a purpose. */
DS_MUST_USE int ds_report_data(uint8_t ret64[static 64], const char *tag, struct ds_span content,
                               struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * dstack's VersionedAttestation, version 0 (SCALE): evidence of any platform
 * with its logs and configuration. Unverified: the platform's verifier judges
 * `quote`, and only then do the logs mean something.
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
};

/* Spans borrow the parsed bytes; arrays stand in the arena. */
struct ds_attestation {
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
};

/*
 * Parse version 0 to its last byte.
 *
 * io:   mem  holds the events; DS_ATTESTATION_EVENTS_MAX of each kind is the most
 * err:  FORMAT, TRUNCATED, TRAILING, RANGE  attest.wrapper.format
 *       UNSUPPORTED  attest.wrapper.unsupported: version 1, or platform 1
 */
DS_MUST_USE int ds_attestation_parse(struct ds_attestation *ret, struct ds_arena *mem,
                                     struct ds_span in, struct ds_error *e);

/* Version 0, *appended*. err: RANGE, UNSUPPORTED */
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

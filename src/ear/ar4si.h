/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What verified claims and a verdict are worth, in the words that verifiers of
 * all vendors share: eight trustworthiness claims, each a number of four tiers.
 * Affirmed is only what hardware evidence proves and a reference value was
 * there for. Simulated evidence affirms nothing. README.md has the table.
 * spec: draft-ietf-rats-ar4si-09 §2.3, §3.1
 */

#include "attest/claims.h"
#include "base/reason.h"

/* §3.1; the numbers are the CBOR labels. */
enum ear_aspect {
    EAR_INSTANCE_IDENTITY = 0,
    EAR_CONFIGURATION = 1,
    EAR_EXECUTABLES = 2,
    EAR_FILE_SYSTEM = 3,
    EAR_HARDWARE = 4,
    EAR_RUNTIME_OPAQUE = 5,
    EAR_STORAGE_OPAQUE = 6,
    EAR_SOURCED_DATA = 7,
    EAR_ASPECTS = 8,
};

/* "instance-identity", ... */
const char *ear_aspect_text(enum ear_aspect aspect);

/* §2.3.4: the values used here. The same number means the same in every aspect where both have it. */
enum {
    EAR_NO_CLAIM = 0,
    EAR_UNKNOWN_ELEMENTS = 1,
    EAR_AFFIRMED = 2,
    EAR_BOOT_AFFIRMED = 3, /* executables: those of the boot process */
    EAR_KNOWN_VULNERABILITIES = 32,
    EAR_UNRECOGNIZED_LOADED = 33,  /* executables */
    EAR_UNAVAILABLE_ELEMENTS = 36, /* configuration */
    EAR_CONTRAINDICATED = 96,
    EAR_NOT_RECOGNIZED = 97, /* hardware, instance-identity */
    EAR_CRYPTO_FAILED = 99,
};

/* §3.2 */
enum ear_tier {
    EAR_TIER_NONE = 0,
    EAR_TIER_AFFIRMING = 2,
    EAR_TIER_WARNING = 32,
    EAR_TIER_CONTRAINDICATED = 96,
};

/* "none", "affirming", "warning", "contraindicated" */
const char *ear_tier_text(enum ear_tier tier);
/* §2.3.2: the tier of a value. */
enum ear_tier ear_tier_of(int8_t value);

/* One value an aspect; EAR_NO_CLAIM where nothing is claimed. */
struct ear_vector {
    int8_t values[EAR_ASPECTS];
};

/* The least trustworthy tier of the vector; NONE where it claims nothing. */
enum ear_tier ear_vector_tier(const struct ear_vector *vector);

/* What the caller's policy compared with reference values: only that can be affirmed. */
enum {
    EAR_APPROVED_DEVICE = 1 << 0, /* this very device was expected */
    EAR_APPROVED_CONFIG = 1 << 1, /* the app's configuration (compose hash, MrConfig) */
    EAR_APPROVED_IMAGE = 1 << 2,  /* firmware, kernel, initrd, root file system */
    EAR_APPROVED_TCB = 1 << 3,    /* lowest versions of the platform's firmware */
};

/*
 * out:  ret         the vector
 * in:   c           NULL where the evidence did not verify
 *       verdict     why it did not, or what a policy refused
 *       approved    bits of EAR_APPROVED_
 * ret:  the tier of the whole appraisal: CONTRAINDICATED when anything was refused, AFFIRMING only
 *       when both the hardware and what runs on it are affirmed, else the vector's
 */
enum ear_tier ear_vector_of(struct ear_vector *ret, const struct ds_claims *c,
                            const struct ds_verdict *verdict, unsigned approved);

/* The i-th code, or beginning of codes, that is mapped to an aspect; NULL behind the last. */
const char *ear_refusal_prefix(size_t i);

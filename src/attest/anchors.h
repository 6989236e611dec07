/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Roots of trust. Hardware trust is a compiled-in table of SPKI hashes and
 * nothing else; what a caller adds is simulated or custom by type.
 */

#include "base/span.h"

enum ds_kind {
    DS_KIND_NONE = 0, /* claims that nothing has filled */
    DS_KIND_HARDWARE,
    DS_KIND_SIMULATED,
    DS_KIND_CUSTOM,
};

/* Whose evidence is verified: a compiled-in root vouches for its own vendor's alone. */
enum ds_vendor {
    DS_VENDOR_INTEL,
    DS_VENDOR_AMD,
};

/* "hardware", "simulated", "custom", "none" */
const char *ds_kind_text(enum ds_kind kind);

/* An anchor given by argument or file. */
struct ds_extra_anchor {
    char name[64]; /* shown in results: "simulated root of this machine" */
    uint8_t spki_sha256[32];
    bool is_simulated; /* its certificates must carry the marker; else custom */
};

struct ds_anchors {
    const struct ds_extra_anchor *extra; /* borrowed */
    size_t n_extra;
    uint32_t without; /* compiled-in roots that do not count here: bit i is ds_anchors_name(i) */
};

struct ds_anchor {
    const char *name; /* borrowed from the table or the caller */
    enum ds_kind kind;
};

/* The names of the compiled-in roots; NULL behind the last. */
const char *ds_anchors_name(size_t i);

/*
 * The anchor with this key. The compiled-in table is asked first, so that no
 * argument can rename a hardware root; what a caller adds is of no vendor.
 *
 * err:  UNTRUSTED  attest.root_unknown
 */
DS_MUST_USE int ds_anchors_find(struct ds_anchor *ret, const struct ds_anchors *anchors,
                                enum ds_vendor vendor, const uint8_t spki_sha256[static 32],
                                struct ds_error *e);

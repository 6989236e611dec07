/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policy documents: the rules of policy/policy.h as JSON. Keys and values are the
 * rows of policy/attribute.h; docs/policy.md lists them, policy/schema.h gives
 * them as a JSON Schema.
 */

#include "policy/policy.h"

#define POLICY_DOCUMENT_VERSION 1
#define POLICY_DOCUMENT_MAX     ((size_t)64 << 10) /* bytes of text */
#define POLICY_DOCUMENT_MEM     ((size_t)2 << 20)  /* bytes of arena that suffice for it */
#define POLICY_ITEMS_MAX        256                /* values of one list */
#define POLICY_DESCRIPTION_MAX  256                /* characters */

struct policy_document {
    struct policy_rules rules;
    bool is_given[POLICY_N_ATTRS]; /* the document names it; else its preset holds */
    struct ds_span description;    /* printable ASCII; may be empty */
};

/*
 * Read a policy document, and refuse one that could not mean what it says.
 *
 * in:   text  borrowed for as long as *ret is used, as is what was taken from mem
 * io:   mem   POLICY_DOCUMENT_MEM
 * out:  ret   written only on DS_OK
 * err:  FORMAT  policy.document_*: the detail has the path ("tdx.mrtd[2]"), what was expected,
 *               and what came
 *       RANGE   policy.document_too_large
 *       NOMEM
 */
DS_MUST_USE int policy_document_parse(struct policy_document *ret, struct ds_arena *mem,
                                      struct ds_span text, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policy documents, of the configuration and of requests: read by policy/'s
 * reader, and named, so that a result can say by which it was judged.
 */

#include "base/buf.h"
#include "policy/document.h"

#define VERIFIER_POLICY_MEM (2 * POLICY_DOCUMENT_MEM) /* to read it, and to name it */

struct verifier_policy {
    struct policy_document doc;
    /* "ni:///sha-256;...": RFC 6920, of the document in canonical form (RFC 8785) */
    char id[64];
};

/*
 * io:  mem  VERIFIER_POLICY_MEM
 * err: as policy_document_parse(); the text is borrowed as there
 */
DS_MUST_USE int verifier_policy_parse(struct verifier_policy *ret, struct ds_arena *mem,
                                      struct ds_span text, struct ds_error *e);

/* One from a file, with the memory that it lies in. */
struct verifier_policy_file {
    bool is_given;
    struct verifier_policy policy;
    struct ds_buf text;
    void *room;
};
void verifier_policy_done(struct verifier_policy_file *f);

/* path "": none. err: verifier.policy_file, or as verifier_policy_parse(); the message has the path */
DS_MUST_USE int verifier_policy_load(struct verifier_policy_file *ret, const char *path,
                                     struct ds_error *e);

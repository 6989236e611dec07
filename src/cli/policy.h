/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A policy document from a file, for as long as a command needs it.
 */

#include "base/buf.h"
#include "policy/document.h"

struct cli_policy {
    struct ds_buf text;
    uint8_t *room;
    struct policy_document doc; /* borrows both */
};

/* err: cli.policy_file, policy.document_* */
DS_MUST_USE int cli_policy_load(struct cli_policy *ret, const char *path, struct ds_error *e);
void cli_policy_done(struct cli_policy *p);

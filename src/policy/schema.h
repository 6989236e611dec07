/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of attributes for others: as a JSON Schema for editors and
 * validators, and what a document demands in words. Unlike reader and check
 * these grow a buffer.
 */

#include "base/buf.h"
#include "policy/document.h"

/*
 * Append the JSON Schema (draft 2020-12) of policy documents. It accepts what policy_document_parse()
 * accepts; of what a schema cannot see (a key twice, 1.0 for 1) the reader refuses more. Beside the
 * standard's keywords each attribute has "x-absent", "x-code" and "x-compared". err: NOMEM
 */
DS_MUST_USE int policy_schema_write(struct ds_buf *out, struct ds_error *e);

/* Append what is demanded of an attribute, in words: "one of: hardware". */
void policy_demand_write(struct ds_buf *out, const struct policy_document *doc,
                         enum policy_attr attr);

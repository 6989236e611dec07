/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An evidence file: a quote, report or attestation as bytes, or the JSON reply
 * of Attest or GetQuote with one of them in hex.
 */

#include "base/buf.h"

/* err: what reading says, all with cli.evidence_file */
DS_MUST_USE int cli_evidence_load(struct ds_buf *ret, const char *path, struct ds_error *e);

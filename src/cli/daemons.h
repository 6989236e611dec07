/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The local daemons: asked over their sockets, started when they do not run.
 */

#include <yyjson.h>

#include "cli/cli.h"

/* dstack-vmm answers; started (in a session of its own) when it does not. */
DS_MUST_USE int cli_vmm_ensure(struct cli *cli, struct ds_error *e);

/* dstack-kms answers. kind: "hardware" or "simulated", the birth kind of a root made now. */
DS_MUST_USE int cli_kms_ensure(struct cli *cli, const char *kind, struct ds_error *e);

/* Call a method; a refusal's reasons land in cli->reasons. params: JSON object text, "" for {}. */
DS_MUST_USE int cli_vmm_call(yyjson_doc **ret, struct cli *cli, const char *method,
                             struct ds_span params, struct ds_error *e);
DS_MUST_USE int cli_kms_call(yyjson_doc **ret, struct cli *cli, const char *method,
                             struct ds_span params, struct ds_error *e);

static inline void cli_doc_free(yyjson_doc **doc) { yyjson_doc_free(*doc); }

/* A text member; "" when absent. */
const char *cli_text(yyjson_val *obj, const char *key);

/* An id or a name of a file, as daemons give them, copied. err: PEER  rpc.bad_reply */
DS_MUST_USE int cli_word(char *ret, size_t ret_len, yyjson_val *obj, const char *key,
                         struct ds_error *e);

/* A list of the VMM's: `key` of what `method` answers. err: PEER  rpc.bad_reply: there is none */
DS_MUST_USE int cli_vmm_list(yyjson_doc **ret, yyjson_val **ret_list, struct cli *cli,
                             const char *method, const char *key, struct ds_error *e);

/* A list as it came, on stdout. */
DS_MUST_USE int cli_list_print(yyjson_val *list, struct ds_error *e);

/*
 * The VM of this name or id, from the VMM's Status.
 *
 * out:  ret      the document that ret_vm points into
 *       ret_vm   NULL when there is none
 */
DS_MUST_USE int cli_vm_find(yyjson_doc **ret, yyjson_val **ret_vm, struct cli *cli,
                            const char *name, struct ds_error *e);
/* The same, and NOTFOUND (cli.no_vm) when there is none. */
DS_MUST_USE int cli_vm_get(yyjson_doc **ret, yyjson_val **ret_vm, struct cli *cli, const char *name,
                           struct ds_error *e);

/* Its boot failed, and the VM runs on: with its memory, its ports and its console. */
bool cli_vm_has_failed(yyjson_val *vm);
/* Of such a VM: that it runs on, and what can be done. Silent of others. */
void cli_vm_tell_failed(yyjson_val *vm);

/*
 * Only a guest that runs can be asked.
 *
 * err:  UNAVAILABLE  cli.vm_not_running: it stands still, or its boot failed
 */
DS_MUST_USE int cli_vm_check_runs(yyjson_val *vm, struct ds_error *e);

/* A method of the VMM that takes nothing but a VM's id. */
DS_MUST_USE int cli_vm_call(struct cli *cli, const char *method, const char *id,
                            struct ds_error *e);

/* Ask the guest to shut down, give it its time, then pull the plug; `force`: at once. */
DS_MUST_USE int cli_vm_stop(struct cli *cli, const char *id, bool force, struct ds_error *e);

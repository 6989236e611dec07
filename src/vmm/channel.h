/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A VM's channel org.dstack.host: the VMM connects to QEMU's socket, answers
 * the guest's requests and forwards requests of this host to it.
 */

#include "rpc/method.h"

struct vmm_channel;
struct vmm_vm;

struct vmm_channel *vmm_channel_new(struct vmm_vm *vm);
void vmm_channel_free(struct vmm_channel *c);

/* QEMU runs: connect, again and again until it works, and after every loss. */
void vmm_channel_start(struct vmm_channel *c);
void vmm_channel_stop(struct vmm_channel *c);
bool vmm_channel_is_up(const struct vmm_channel *c);

/*
 * Ask the guest, and end the call with what it answers: its result, made ASCII,
 * or its error.
 */
void vmm_channel_forward(struct vmm_channel *c, struct rpc_call *call, const char *method,
                         struct ds_span params, int64_t timeout_ms);

/* What guests may call: the table of the channel's service. */
extern const struct rpc_method vmm_channel_methods[];
extern const size_t vmm_channel_n_methods;

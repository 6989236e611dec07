/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ports of the host, asked of the kernel: free, or a free one.
 */

#include "vmm/qemu.h"

/* err: EXISTS vmm.port_taken  something on this host listens there */
DS_MUST_USE int vmm_port_check(const struct vmm_port *p, struct ds_error *e);

/* Fails as vmm_port_check does. owner: the VM that publishes it; NULL: another program has it */
DS_MUST_USE int vmm_port_taken(const struct vmm_port *p, const char *owner, struct ds_error *e);

/* Fill in a host_port of 0. err: SYS, UNAVAILABLE */
DS_MUST_USE int vmm_port_pick(struct vmm_port *p, struct ds_error *e);

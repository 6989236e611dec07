/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GET /logs?id=&ch=&lines=&follow=&ansi=: a VM's logs as a text stream.
 */

#include "vmm/vmm.h"

/* False: another path. */
bool vmm_logs_serve(struct vmm *vmm, struct net_http_request *req);

/* Keep serial logs within their bound: one older part stays as serial.log.1. */
void vmm_logs_rotate(const char *dir, uint64_t max_bytes);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GET /logs?id=&ch=&lines=&follow=&ansi=: a VM's logs as a text stream.
 */

#include "vmm/vmm.h"

/* False: another path. */
bool vmm_logs_serve(struct vmm *vmm, struct net_http_request *req);

/* What a guest writes, made fit for a terminal, piece by piece. Begins zeroed. */
struct vmm_log_filter {
    bool in_escape;
    uint8_t lead, more; /* of a UTF-8 sequence: its first byte, and how many are to come */
};

/* Escape sequences and control characters go, newline and tab excepted; what is left. */
size_t vmm_log_clean(struct vmm_log_filter *f, char *p, size_t n);

/* Keep what guests can make grow within its bound: one older part stays as <name>.1. */
void vmm_logs_rotate(const char *dir, uint64_t max_bytes);

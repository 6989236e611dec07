/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * VmInfo: what Status and GetInfo say of a VM (host-api 1.2, and the fields of
 * README.md).
 */

#include "codec/json_write.h"
#include "vmm/vm.h"

/* The texts of a VM's configuration, when they were asked for. */
struct vmm_info_texts {
    struct ds_span compose_file, user_config;
};

/* One object, a member `key` of what is open (NULL in a list). texts may be NULL. */
void vmm_info_put(struct ds_jw *w, const char *key, const struct vmm_vm *vm, bool brief,
                  const struct vmm_info_texts *texts, int64_t now_ms);

/* "1h 2m 3s"; out holds 40 bytes. Returns out. */
char *vmm_info_uptime(char out[static 40], int64_t ms);

/* The VM's name, id, app id or image contains the text. */
bool vmm_info_matches(const struct vmm_vm *vm, const char *keyword);

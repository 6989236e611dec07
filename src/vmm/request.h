/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From the parameters of CreateVm and UpdateVm to a request that was checked
 * against this host: image, app, volumes, ports.
 */

#include "vmm/vm.h"

/* err: ARG, RANGE, NOTFOUND, EXISTS, UNSUPPORTED, with vmm.* or app.* codes */
DS_MUST_USE int vmm_request_create(struct vm_request *ret, struct vmm *vmm, yyjson_val *params,
                                   struct ds_error *e);
DS_MUST_USE int vmm_request_update(struct vm_request *ret, struct vmm_vm *vm, yyjson_val *params,
                                   struct ds_error *e);

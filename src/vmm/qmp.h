/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * QEMU's own word on why a machine ends: the SHUTDOWN event of QMP. It tells a
 * guest that powered off from one that crashed into a reset.
 */

struct vmm_vm;
struct vmm_qmp;

/* NULL when QEMU's socket does not answer: then the reason stays unknown. */
struct vmm_qmp *vmm_qmp_open(struct vmm_vm *vm);
/* Read what is there now: the process has ended. NULL is fine. */
void vmm_qmp_drain(struct vmm_qmp *q);
/* NULL is fine. */
void vmm_qmp_close(struct vmm_qmp *q);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stage one of the agent: process 1 of the guest. It opens the
 * cgroup controllers, starts stage two (the agent proper), collects
 * dead children, and turns the machine off when the agent ends: without the
 * agent nobody would answer for what runs.
 */

/* The agent reads one byte here once all kernel modules are loaded. */
#define GUEST_MODULES_FD 3

/* Does not return. */
_Noreturn void guest_pid1_run(void);

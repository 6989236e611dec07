/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fault hooks: named points, one beside each state write, where a test build
 * (meson -Dfaults=true) ends the process as a power cut would. Elsewhere they
 * compile to nothing. tools/check_faults.py knows what a state write is, and
 * that each has its hook; it also lists them.
 *
 * A test names the point in the file given by DSTACK_FAULT_FILE: one line
 * "<point>" or "<point>@<n>" (the n-th time it is passed). The file is removed
 * when the point fires, so that the restarted program passes.
 */

#ifdef DS_FAULTS
void ds_fault_hit(const char *point);
/* "<point>.<step>": for helpers whose caller names the write. */
void ds_fault_step(const char *point, const char *step);
#    define DS_FAULT(point)            ds_fault_hit(point)
#    define DS_FAULT_STEP(point, step) ds_fault_step(point, step)
#else
#    define DS_FAULT(point)            ((void)0)
#    define DS_FAULT_STEP(point, step) ((void)(point))
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The registers of one launch, on disk. The header binds a launch id to what
 * was measured before QEMU started, and carries the boot event log; then one
 * record for each RTMR3 extend. A record is on disk before its extend is
 * answered, so a helper that was killed comes back with the registers that the
 * guest knows. Whatever does not fit is simtee.journal_mismatch: then the VM
 * must end, since nobody can say any more what its registers are.
 *
 * File: header replaced atomically, records appended:
 *   "dstack-simtee-journal-v1" NUL | u8 id length, id | spec 32 | MRTD 48 |
 *   MRCONFIGID 48 | RTMR0..2 3*48 | LE32 length, boot log | SHA-256 of all that
 *   record: LE64 index | digest 48 | RTMR3 afterwards 48
 * A last record that is cut short was never answered and is dropped.
 */

#include "base/buf.h"
#include "simtee/platform.h"

#define SIMTEE_LAUNCH_ID_MAX       64
#define SIMTEE_JOURNAL_EXTENDS_MAX 65536
#define SIMTEE_BOOT_LOG_MAX        ((size_t)64 * 1024)

struct simtee_journal {
    int fd; /* -1 when closed */
    char launch_id[SIMTEE_LAUNCH_ID_MAX + 1];
    uint8_t spec32[32]; /* SHA-256 of the launch spec */
    struct simtee_registers regs;
    uint64_t n_extends;
    uint8_t last_digest48[48]; /* of extend n_extends - 1 */
    size_t header_len;
    struct ds_buf boot_log; /* CCEL */
};

#define SIMTEE_JOURNAL_NONE ((struct simtee_journal){ .fd = -1 })

/*
 * Begin a launch: write the header and keep the file open.
 *
 * in:   path  replaced, whatever launch it held
 *       init  launch_id, spec32, regs (RTMR3 zero), boot_log; borrowed
 */
DS_MUST_USE int simtee_journal_begin(struct simtee_journal *ret, const char *path,
                                     const struct simtee_journal *init, struct ds_error *e);

/*
 * Open the journal of a launch and replay it.
 *
 * err:  UNTRUSTED  simtee.journal_mismatch: absent, of another launch, or damaged
 */
DS_MUST_USE int simtee_journal_open(struct simtee_journal *ret, const char *path,
                                    const char *launch_id, struct ds_error *e);
void simtee_journal_close(struct simtee_journal *j);

/*
 * Extend RTMR3: on disk first, then in `regs`.
 *
 * in:   index  the number of this extend. The last one may come again with the same digest
 *              and changes nothing: its answer was lost when a helper or a channel died
 * err:  STALE  simtee.extend_order: neither the next index nor a repetition
 *       RANGE  simtee.extends_exhausted
 *       SYS    not on disk; the register is unchanged and the extend may be tried again
 */
DS_MUST_USE int simtee_journal_extend(struct simtee_journal *j, uint64_t index,
                                      const uint8_t digest48[static 48], struct ds_error *e);

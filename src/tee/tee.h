/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a confidential VM can ask of the platform under it: a quote, an extend
 * of the runtime register, the boot log. Two platforms so far, one interface:
 * Intel TDX through the kernel's configfs and sysfs files, and the simulated
 * platform through the channel org.dstack.tee. Calls block (a quote takes
 * milliseconds to seconds): daemons make them in their pool. One handle may be
 * used from several threads.
 */

#include "base/buf.h"

enum tee_kind {
    TEE_TDX,
    TEE_SIMULATED,
};

#define TEE_QUOTE_MAX    ((size_t)16 * 1024)
#define TEE_BOOT_LOG_MAX ((size_t)1 << 20)

struct tee;

const char *tee_kind_text(enum tee_kind kind);

/*
 * Find the platform and open it: TDX when its files are there, else the
 * simulated platform's channel.
 *
 * in:   root  directory that stands for "/"; "" on a live machine, another in tests
 * out:  ret   *gives*: tee_close
 * err:  UNAVAILABLE  tee.none: neither is there
 */
DS_MUST_USE int tee_open(struct tee **ret, const char *root, struct ds_error *e);
/* As tee_open, over a connected channel (takes fd): tests, and machines without virtio-serial. */
DS_MUST_USE int tee_open_channel(struct tee **ret, int fd, struct ds_error *e);
void tee_close(struct tee *tee);
DS_DEFINE_AUTO(struct tee, tee_close);

enum tee_kind tee_kind(const struct tee *tee);

/* A quote over exactly these 64 bytes, *appended*. err: UNAVAILABLE, TIMEOUT, PEER, SYS */
DS_MUST_USE int tee_quote(struct ds_buf *ret, struct tee *tee,
                          const uint8_t report_data64[static 64], struct ds_error *e);
/*
 * MRCONFIGID of this launch, as the TEE itself reports it. A quote of one's own must not stand for
 * it: on TDX the host makes quotes and hands them in, and nobody in here verifies them. err: SYS
 */
DS_MUST_USE int tee_mrconfigid(uint8_t ret48[static 48], struct tee *tee, struct ds_error *e);
/* Extend the runtime register (RTMR3); there is no way back. */
DS_MUST_USE int tee_extend(struct tee *tee, const uint8_t digest48[static 48], struct ds_error *e);
/* The boot event log in its binary TCG form (CCEL), *appended*. err: NOTFOUND */
DS_MUST_USE int tee_boot_log(struct ds_buf *ret, struct tee *tee, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a platform implements for tee/tee.h. One call at a time: tee.c holds the
 * lock.
 */

#include "tee/tee.h"

struct tee_backend;

struct tee_ops {
    enum tee_kind kind;
    int (*quote)(struct ds_buf *ret, struct tee_backend *b, const uint8_t report_data64[static 64],
                 struct ds_error *e);
    /* NULL: what a quote says, on a platform that is the host's own. */
    int (*mrconfigid)(uint8_t ret48[static 48], struct tee_backend *b, struct ds_error *e);
    int (*extend)(struct tee_backend *b, const uint8_t digest48[static 48], struct ds_error *e);
    int (*boot_log)(struct ds_buf *ret, struct tee_backend *b, struct ds_error *e);
    void (*close)(struct tee_backend *b);
};

/* First member of every back end's own struct. */
struct tee_backend {
    const struct tee_ops *ops;
};

/* Each: NOTFOUND when this machine is not that platform. */
DS_MUST_USE int tee_tdx_open(struct tee_backend **ret, const char *root, struct ds_error *e);
DS_MUST_USE int tee_channel_open(struct tee_backend **ret, const char *root, struct ds_error *e);

/* Takes fd. */
DS_MUST_USE int tee_channel_open_fd(struct tee_backend **ret, int fd, bool is_port,
                                    struct ds_error *e);

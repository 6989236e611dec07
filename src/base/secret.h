/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key material. Small keys live in `struct ds_key32` on the stack under
 * DS_AUTO(ds_key32_wipe); anything longer-lived or longer lives in a
 * `struct ds_secret`: pages of its own, locked, not dumped, gone after fork.
 * No function formats either.
 */

#include "base/span.h"

struct ds_key32 {
    uint8_t b[32];
};

void ds_key32_wipe(struct ds_key32 *k);

/* Constant time in n. */
bool ds_ct_equal(const void *a, const void *b, size_t n);

struct ds_secret {
    uint8_t *p; /* NULL when empty */
    size_t len;
    size_t map_len; /* bytes mapped */
};

/* `len` zero bytes, at most 64 KiB. err: NOMEM, SYS, RANGE */
DS_MUST_USE int ds_secret_new(struct ds_secret *ret, size_t len, struct ds_error *e);
/* Wipes, unmaps, leaves it empty. */
void ds_secret_wipe(struct ds_secret *s);

static inline struct ds_span ds_secret_span(const struct ds_secret *s)
{
    return DS_SPAN(s->p, s->len);
}

/* From here on the bytes at p are public: say why beside the call. Tells valgrind in tests/ct. */
void ds_ct_public(const void *p, size_t n);

/* For main() of every daemon: no core dumps, no ptrace by peers, no new privileges. */
DS_MUST_USE int ds_process_harden(struct ds_error *e);

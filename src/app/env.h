/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The encrypted environment of an app: eph_pk[32] || iv[12] || AES-256-GCM of
 * {"env":[{"key","value"},...]} under the raw X25519 secret. It is confidential
 * but not authentic: whoever knows the public key can make one.
 * spec: guest-api 6.6
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/secret.h"

#define APP_ENV_BLOB_MAX  ((size_t)256 << 10)
#define APP_ENV_ITEMS_MAX 1024
#define APP_ENV_KEY_MAX   255
#define APP_ENV_VALUE_MAX ((size_t)128 << 10)

/* Bytes of a blob that are not plaintext. */
#define APP_ENV_OVERHEAD (32 + 12 + 16)

/*
 * Seal a plaintext to an app's env public key.
 *
 * in:   eph   a fresh random key, iv12 fresh random bytes: parameters so that tests can fix them
 * out:  out   plain.len + APP_ENV_OVERHEAD bytes
 */
DS_MUST_USE int app_env_seal(uint8_t *out, const uint8_t env_pub32[32], const struct ds_key32 *eph,
                             const uint8_t iv12[12], struct ds_span plain, struct ds_error *e);

/*
 * Open a blob.
 *
 * out:  ret  the plaintext; wipe it
 * err:  FORMAT     app.env_format: too short
 *       RANGE      over APP_ENV_BLOB_MAX
 *       UNTRUSTED  app.env_undecryptable: changed, or sealed to another key
 */
DS_MUST_USE int app_env_open(struct ds_secret *ret, const struct ds_key32 *env_key,
                             struct ds_span blob, struct ds_error *e);

/* One variable; both borrow the plaintext or the arena. Values are secrets. */
struct app_env_item {
    struct ds_span key, value;
};

struct app_env {
    struct app_env_item items[APP_ENV_ITEMS_MAX]; /* sorted by key, no key twice */
    size_t n;
    size_t n_skipped; /* not among the allowed keys */
};

/*
 * Read a plaintext: keys that are not allowed are skipped, of the same key twice the last counts.
 *
 * io:   mem  holds unescaped values: wipe it. The plaintext's size plus 1 MiB suffices
 * err:  FORMAT, RANGE  app.env_format
 */
DS_MUST_USE int app_env_parse(struct app_env *ret, struct ds_arena *mem, struct ds_span plain,
                              const struct ds_span *allowed, size_t n_allowed, struct ds_error *e);

/*
 * The two files that an app's containers read: lines KEY=VALUE, quoted as dstack
 * does it, and one flat JSON object. Returns the length, of which at most `cap`
 * bytes were written; with out NULL, nothing is. `out` is the caller's, to wipe.
 */
size_t app_env_write_lines(uint8_t *out, size_t cap, const struct app_env *env);
size_t app_env_write_json(uint8_t *out, size_t cap, const struct app_env *env);

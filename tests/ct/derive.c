/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation in constant time: every function of app/derive.h, and what it
 * stands on, runs with its secret marked undefined. valgrind ends the program
 * with an error where our code branches on a secret or indexes by it. What a
 * function gives must still be marked, or the marks had not travelled and the
 * run would prove nothing; and it must be what it gives for the same bytes
 * unmarked.
 *
 * usage: derive        all rows
 *        derive leak   one that branches on a secret: valgrind must object
 */
#include <stdio.h>
#include <stdlib.h>

#include "app/derive.h"
#include "base/hex.h"
#include "crypto/kdf.h"
#include "secret.h"

#define OUT_MAX 96

/* base/secret.h: secrets become public here alone. Linked in by --wrap. */
void __wrap_ds_ct_public(const void *p, size_t n);
void __wrap_ds_ct_public(const void *p, size_t n) { ct_show(p, n); }

static const uint8_t app_id20[20] = { 0xa }, instance_id20[20] = { 0x1 };

/* The scalar of a key pair: what an attacker wants of it. */
static int scalar_of(uint8_t *out, struct ds_p256_key *key, struct ds_error *e)
{
    DS_AUTO(ds_key32_wipe) struct ds_key32 scalar;
    int r = ds_p256_key_scalar(&scalar, key, e);
    memcpy(out, scalar.b, 32);
    return r;
}

static int disk(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    struct ds_key32 key = { 0 };
    int r = app_derive_disk_key(&key, secret, app_id20, DS_SPAN_OF(instance_id20), e);
    memcpy(out, key.b, 32);
    return r;
}

static int env(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    struct ds_key32 key = { 0 };
    int r = app_derive_env_key(&key, secret, app_id20, e);
    memcpy(out, key.b, 32);
    return r;
}

static int k256(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    struct ds_key32 key = { 0 };
    int r = app_derive_k256_key(&key, secret, app_id20, e);
    memcpy(out, key.b, 32);
    return r;
}

static int path(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    struct ds_key32 key = { 0 };
    int r = app_derive_path_key(&key, secret, DS_SPAN_LIT("wallet"), e);
    memcpy(out, key.b, 32);
    return r;
}

static int ca(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_TRY(app_derive_ca_key(&key, secret, app_id20, e));
    return scalar_of(out, key, e);
}

static int p256(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    const struct ds_span ctx = DS_SPAN_LIT("context");
    DS_TRY(app_derive_p256(&key, secret, &ctx, 1, e));
    return scalar_of(out, key, e);
}

static int dh(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    struct ds_key32 key = { 0 };
    const struct ds_span ctx = DS_SPAN_LIT("context");
    int r = app_derive_dh(&key, secret, &ctx, 1, e);
    memcpy(out, key.b, 32);
    return r;
}

static int seed(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    DS_AUTO(app_seed_keys_wipe) struct app_seed_keys keys = { 0 };
    DS_TRY(app_derive_seed_keys(&keys, secret, e));
    memcpy(out, keys.disk.b, 32);
    memcpy(out + 32, keys.k256.b, 32);
    return scalar_of(out + 64, keys.ca, e);
}

static int kdf(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    const struct ds_span ctx = DS_SPAN_LIT("context");
    return ds_kdf(out, OUT_MAX, DS_SPAN_OF(secret->b), &ctx, 1, e);
}

static int equal(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    struct ds_key32 other = ct_secret(0x55);
    (void)e;
    out[0] = ds_ct_equal(secret->b, other.b, sizeof other.b);
    return DS_OK;
}

/* Keys travel as text: the disk's passphrase, GetKey, the KMS's reply. */
static int hex(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    char text[2 * sizeof secret->b + 1];
    (void)ds_hex_encode(text, DS_SPAN_OF(secret->b));
    return ds_hex_decode(out, sizeof secret->b, DS_SPAN(text, sizeof text - 1), e);
}

/* Not in the table: what the rows must not do. */
static int leak(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e)
{
    (void)e;
    if (secret->b[31] == 0x42)
        out[0] = secret->b[0];
    return DS_OK;
}

struct row {
    const char *name;
    int (*run)(uint8_t *out, const struct ds_key32 *secret, struct ds_error *e);
    size_t out_len;
};

static const struct row rows[] = {
    { "app_derive_disk_key", disk, 32 },
    { "app_derive_env_key", env, 32 },
    { "app_derive_ca_key", ca, 32 },
    { "app_derive_k256_key", k256, 32 },
    { "app_derive_path_key", path, 32 },
    { "app_derive_seed_keys", seed, 96 },
    { "app_derive_p256", p256, 32 },
    { "app_derive_dh", dh, 32 },
    { "ds_kdf", kdf, OUT_MAX },
    { "ds_ct_equal", equal, 1 },
    { "ds_hex_encode and _decode", hex, 32 },
};

static bool fails(const struct row *row, const char *what, const struct ds_error *e)
{
    (void)fprintf(stderr, "%s: %s %s\n", row->name, what, e->msg);
    return true;
}

static bool check(const struct row *row)
{
    struct ds_error e = { 0 };
    uint8_t hidden[OUT_MAX] = { 0 }, plain[OUT_MAX] = { 0 };
    struct ds_key32 secret = ct_secret(0x42);
    if (row->run(plain, &secret, &e) != DS_OK)
        return fails(row, "failed:", &e);
    ct_hide(secret.b, sizeof secret.b);
    if (row->run(hidden, &secret, &e) != DS_OK)
        return fails(row, "failed for a secret:", &e);
    if (RUNNING_ON_VALGRIND && !ct_is_hidden(hidden, row->out_len))
        return fails(row, "what it gives is not marked as secret", &e);
    ct_show(hidden, sizeof hidden);
    if (memcmp(hidden, plain, row->out_len) != 0)
        return fails(row, "gives something else for a secret", &e);
    return false;
}

int main(int argc, char **argv)
{
    static const struct row bad = { "a branch on a secret", leak, 1 };
    bool is_leak = argc == 2 && strcmp(argv[1], "leak") == 0;
    unsigned n_failed = 0;
    if (is_leak)
        return check(&bad) ? EXIT_FAILURE : EXIT_SUCCESS;
    for (size_t i = 0; i < DS_LEN(rows); i++)
        n_failed += check(&rows[i]);
    (void)printf("%zu functions, %u failed%s\n", DS_LEN(rows), n_failed,
                 RUNNING_ON_VALGRIND ? "" : "; not under valgrind: nothing is shown");
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

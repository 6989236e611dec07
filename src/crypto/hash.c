/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests over libcrypto's EVP.
 */
#include "crypto/hash.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "base/scope.h"

/* Fetched once: to look an algorithm up takes libcrypto longer than to hash a register with it. */
static struct {
    size_t len;
    const char *name;
    EVP_MD *md;
} algs[] = {
    [DS_SHA1] = { 20, "SHA1", NULL },
    [DS_SHA256] = { 32, "SHA256", NULL },
    [DS_SHA384] = { 48, "SHA384", NULL },
    [DS_SHA512] = { 64, "SHA512", NULL },
};
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    for (size_t i = 0; i < DS_LEN(algs); i++)
        algs[i].md = EVP_MD_fetch(NULL, algs[i].name, NULL); /* NULL is told by whoever needs it */
}

size_t ds_hash_len(enum ds_hash_alg alg) { return algs[alg].len; }

int ds_hasher_new(struct ds_hasher *ret, enum ds_hash_alg alg, struct ds_error *e)
{
    (void)pthread_once(&fetched, fetch);
    if (algs[alg].md == NULL)
        return ds_fail(e, DS_ERR_CRYPTO, "%s is not in the cryptographic library", algs[alg].name);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no memory for a digest");
    if (EVP_DigestInit_ex(ctx, algs[alg].md, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return ds_fail(e, DS_ERR_CRYPTO, "the digest does not start");
    }
    *ret = (struct ds_hasher){ .ctx = ctx, .alg = alg };
    return DS_OK;
}

int ds_hasher_update(struct ds_hasher *h, struct ds_span in, struct ds_error *e)
{
    if (in.len > 0 && EVP_DigestUpdate(h->ctx, in.p, in.len) != 1)
        return ds_fail(e, DS_ERR_CRYPTO, "the digest fails");
    return DS_OK;
}

int ds_hasher_final(struct ds_hasher *h, uint8_t *out, struct ds_error *e)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(h->ctx, digest, NULL) != 1)
        return ds_fail(e, DS_ERR_CRYPTO, "the digest does not end");
    memcpy(out, digest, algs[h->alg].len);
    return DS_OK;
}

void ds_hasher_free(struct ds_hasher *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

int ds_hash_v(enum ds_hash_alg alg, uint8_t *out, const struct ds_span *parts, size_t n,
              struct ds_error *e)
{
    DS_AUTO(ds_hasher_free) struct ds_hasher h = { 0 };
    DS_TRY(ds_hasher_new(&h, alg, e));
    for (size_t i = 0; i < n; i++)
        DS_TRY(ds_hasher_update(&h, parts[i], e));
    return ds_hasher_final(&h, out, e);
}

int ds_hash(enum ds_hash_alg alg, uint8_t *out, struct ds_span in, struct ds_error *e)
{
    return ds_hash_v(alg, out, &in, 1, e);
}

int ds_hash_extend(enum ds_hash_alg alg, uint8_t *mr, const uint8_t *digest, struct ds_error *e)
{
    const struct ds_span parts[] = { { mr, algs[alg].len }, { digest, algs[alg].len } };
    return ds_hash_v(alg, mr, parts, DS_LEN(parts), e);
}

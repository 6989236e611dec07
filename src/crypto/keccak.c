/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keccak-256 from libcrypto's provider.
 */
#include "crypto/keccak.h"

#include "crypto/ossl.h"

int ds_keccak256(uint8_t ret32[32], const struct ds_span *parts, size_t n, struct ds_error *e)
{
    DS_AUTO(EVP_MD_free_auto) EVP_MD *md = EVP_MD_fetch(NULL, "KECCAK-256", NULL);
    DS_AUTO(EVP_MD_CTX_free_auto) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (md == NULL || ctx == NULL || EVP_DigestInit_ex2(ctx, md, NULL) != 1)
        return ossl_fail(e, DS_ERR_CRYPTO, "Keccak-256 is not available in libcrypto");
    for (size_t i = 0; i < n; i++) {
        if (EVP_DigestUpdate(ctx, parts[i].p, parts[i].len) != 1)
            return ossl_fail(e, DS_ERR_CRYPTO, "Keccak-256 failed");
    }
    uint8_t digest[32];
    unsigned int len = 0;
    if (EVP_DigestFinal_ex(ctx, digest, &len) != 1 || len != sizeof digest)
        return ossl_fail(e, DS_ERR_CRYPTO, "Keccak-256 failed");
    memcpy(ret32, digest, sizeof digest);
    return DS_OK;
}

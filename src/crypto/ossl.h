/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to crypto/: scope cleanup for libcrypto's objects, and its failures
 * as ours. Its error queue is emptied each time, since a leftover entry would
 * later be taken for a failure of a TLS connection.
 */

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/scope.h"
#include "base/span.h"

#define OSSL_AUTO(type, free_fn) \
    static inline void free_fn##_auto(__typeof__(type) **p) { free_fn(*p); }

static inline int ossl_fail_at(struct ds_error *e, int cls, const char *what, const char *file,
                               int line)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return ds_fail_at(e, cls, DS_CODE_NONE, 0, file, line, "%s%s%s", what,
                      reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

/* return ossl_fail(e, DS_ERR_CRYPTO, "X25519 setup failed"); */
#define ossl_fail(e, cls, what) ossl_fail_at((e), (cls), (what), __FILE__, __LINE__)

/* clang-format off */
OSSL_AUTO(EVP_PKEY, EVP_PKEY_free)
OSSL_AUTO(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OSSL_AUTO(EVP_MD, EVP_MD_free)
OSSL_AUTO(EVP_MD_CTX, EVP_MD_CTX_free)
OSSL_AUTO(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
/* clang-format on */

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One key in one file of mode 0600, and its public half in the two forms that
 * relying parties read.
 */
#include "verifier/signer.h"

#include <errno.h>
#include <sys/stat.h>

#include "attest/coded.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/place.h"
#include "codec/cbor.h"
#include "codec/json_write.h"
#include "crypto/hash.h"

#define KEY_FILE_MAX 4096

struct point {
    char x[DS_BASE64_LEN(32) + 1], y[DS_BASE64_LEN(32) + 1];
    uint8_t xy64[64];
};

static struct point point_of(const struct ds_p256_key *key)
{
    struct point p;
    ds_p256_key_public(p.xy64, key);
    (void)ds_base64url_encode(p.x, DS_SPAN(p.xy64, 32));
    (void)ds_base64url_encode(p.y, DS_SPAN(p.xy64 + 32, 32));
    return p;
}

/* RFC 7638 3: the members that make the key, in this order and without white space. */
static int name(struct signer *s, struct ds_error *e)
{
    struct point p = point_of(s->key);
    uint8_t digest32[32];
    char text[DS_BASE64_LEN(32) + 1];
    DS_AUTO(ds_buf_done) struct ds_buf json = { 0 };
    ds_buf_printf(&json, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", p.x, p.y);
    DS_TRY(ds_buf_end(&json, e, "the key's name"));
    DS_TRY(ds_hash(DS_SHA256, digest32, ds_buf_span(&json), e));
    (void)snprintf(s->kid, sizeof s->kid, "%s", ds_base64url_encode(text, DS_SPAN_OF(digest32)));
    return DS_OK;
}

static int check_private(const char *path, struct ds_error *e)
{
    struct stat st;
    char mode[8];
    if (stat(path, &st) < 0)
        return ds_fail_errno(e, errno, "look at '%s'", path);
    (void)snprintf(mode, sizeof mode, "%04o", (unsigned)st.st_mode & 07777);
    if ((st.st_mode & 077) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_VERIFIER_KEY_FILE, "mode", "0600", mode,
                         NULL);
    return DS_OK;
}

static int read_key(struct ds_p256_key **ret, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    DS_TRY(check_private(path, e));
    DS_TRY(ds_file_load(&pem, path, KEY_FILE_MAX, e));
    int r = ds_p256_key_parse(ret, ds_buf_span(&pem), e);
    if (pem.len > 0)
        explicit_bzero(pem.p, pem.len);
    return r;
}

static int make_key(const char *path, struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem pem;
    DS_TRY(ds_p256_key_new(&key, e));
    DS_TRY(ds_p256_key_pem(&pem, key, e));
    return ds_file_save(path, DS_SPAN(pem.s, DS_P256_PEM_LEN), 0600, "verifier.key", e);
}

/* Of two that start at once one makes the key; the other says that somebody does. */
static int own_key(struct ds_p256_key **ret, struct ds_error *e)
{
    char state[DS_PLACE_MAX], dir[DS_PLACE_MAX + 16], path[DS_PLACE_MAX + 48];
    bool found = false;
    DS_TRY(ds_place_state(state, e));
    (void)snprintf(dir, sizeof dir, "%s/verifier", state);
    DS_TRY(ds_dir_make(dir, 0700, e));
    (void)snprintf(path, sizeof path, "%s/signing-key.pem", dir);
    DS_TRY(ds_file_find(&found, path, e));
    if (!found) {
        char lock[sizeof path + 8];
        DS_AUTO(ds_auto_close) int fd = -1;
        (void)snprintf(lock, sizeof lock, "%s.lock", path);
        DS_TRY(ds_file_lock(&fd, lock, e));
        DS_TRY(ds_file_find(&found, path, e));
        if (!found)
            DS_TRY(make_key(path, e));
    }
    return read_key(ret, path, e);
}

int signer_load(struct signer *ret, const char *path, struct ds_error *e)
{
    struct signer s = { .key = NULL };
    int r = path[0] != '\0' ? read_key(&s.key, path, e) : own_key(&s.key, e);
    if (r < 0)
        return ds_coded(ds_wrap(e, r, "the key that signs results"), DS_CODE_VERIFIER_KEY_FILE, e);
    r = name(&s, e);
    if (r < 0) {
        ds_p256_key_free(s.key);
        return r;
    }
    *ret = s;
    return DS_OK;
}

void signer_done(struct signer *s)
{
    ds_p256_key_free(s->key);
    *s = (struct signer){ .key = NULL };
}

/* RFC 7517 4, RFC 7518 6.2.1 */
static void put_jwk(struct ds_jw *w, const struct signer *s)
{
    struct point p = point_of(s->key);
    ds_jw_object(w, NULL);
    ds_jw_str(w, "kty", "EC");
    ds_jw_str(w, "crv", "P-256");
    ds_jw_str(w, "x", p.x);
    ds_jw_str(w, "y", p.y);
    ds_jw_str(w, "alg", "ES256");
    ds_jw_str(w, "use", "sig");
    ds_jw_str(w, "kid", s->kid);
    ds_jw_object_end(w);
}

int signer_jwk(struct ds_buf *ret, const struct signer *s, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    put_jwk(&w, s);
    return ds_jw_end(&w, e, "the key");
}

int signer_jwk_set(struct ds_buf *ret, const struct signer *s, struct ds_error *e)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_array(&w, "keys");
    put_jwk(&w, s);
    ds_jw_array_end(&w);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "the key");
}

int signer_cose_key_set(struct ds_buf *ret, const struct signer *s, struct ds_error *e)
{
    /* RFC 9052 7.1, RFC 9053 2.1 and 7.1.1: labels and values */
    enum { KTY = 1, KID = 2, ALG = 3, CRV = -1, X = -2, Y = -3, EC2 = 2, ES256 = -7, P256 = 1 };
    struct point p = point_of(s->key);
    ds_cbor_put_array(ret, 1);
    ds_cbor_put_map(ret, 6);
    ds_cbor_put_i64(ret, KTY);
    ds_cbor_put_i64(ret, EC2);
    ds_cbor_put_i64(ret, KID);
    ds_cbor_put_bytes(ret, ds_span_str(s->kid));
    ds_cbor_put_i64(ret, ALG);
    ds_cbor_put_i64(ret, ES256);
    ds_cbor_put_i64(ret, CRV);
    ds_cbor_put_i64(ret, P256);
    ds_cbor_put_i64(ret, X);
    ds_cbor_put_bytes(ret, DS_SPAN(p.xy64, 32));
    ds_cbor_put_i64(ret, Y);
    ds_cbor_put_bytes(ret, DS_SPAN(p.xy64 + 32, 32));
    return ds_buf_end(ret, e, "the key");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, keeping and opening the root. One secret file, written once and never
 * again: "dstack-kms-root-v1", kind byte, P-256 scalar, secp256k1 scalar, and a
 * SHA-256 over all of it, so that a torn or swapped file is seen.
 */
#include "kms/root.h"

#include <errno.h>

#include "attest/x509.h"
#include "base/file.h"
#include "base/place.h"
#include "base/writer.h"
#include "codec/pem.h"
#include "crypto/cert.h"
#include "crypto/hash.h"
#include "crypto/k256.h"

#define MAGIC      "dstack-kms-root-v1"
#define ROOT_LEN   (sizeof MAGIC + 1 + 32 + 32 + 32)
#define YEARS_S(n) ((int64_t)(n) * 365 * 86400)
#define OID_KIND   "2.25.87004685595501205687623033636980005123.2" /* DECISIONS, DS.2 */
#define OID_USAGE  "1.3.6.1.4.1.62397.1.4"                         /* guest-api 5.3 */
#define CA_NAME    "Dstack KMS CA"
#define CA_YEARS   10
#define CA_LEFT_S  YEARS_S(2) /* of it when the KMS starts; less: it is made anew */

const char *kms_kind_text(enum kms_kind kind)
{
    return kind == KMS_KIND_HARDWARE ? "hardware" : "simulated";
}

void kms_root_done(struct kms_root *r)
{
    ds_secret_wipe(&r->locked);
    ds_p256_key_free(r->ca_key);
    ds_buf_done(&r->ca_der);
    ds_buf_done(&r->ca_pem);
    *r = (struct kms_root){ 0 };
}

static int damaged(struct ds_error *e, const char *what, const char *expected)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_KMS_ROOT_DAMAGED, what, expected, "something else",
                     "root.key");
}

static int key_save(const struct kms_root *r, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_secret_wipe) struct ds_secret file = { 0 };
    DS_TRY(ds_secret_new(&file, ROOT_LEN, e));
    struct ds_writer w = ds_writer_of(file.p, file.len);
    ds_write(&w, DS_SPAN(MAGIC, sizeof MAGIC));
    ds_write_u8(&w, (uint8_t)r->kind);
    ds_write(&w, DS_SPAN_OF(r->keys->ca_scalar.b));
    ds_write(&w, DS_SPAN_OF(r->keys->k256.b));
    uint8_t sum32[32];
    DS_TRY(ds_hash(DS_SHA256, sum32, ds_write_span(&w), e));
    ds_write(&w, DS_SPAN_OF(sum32));
    DS_TRY(ds_writer_end(&w, e, "root.key"));
    return ds_file_save(path, ds_secret_span(&file), 0600, "kms.root", e);
}

static int key_parse(struct kms_root *ret, struct ds_span file, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(file);
    struct ds_span magic = ds_read_span(&r, sizeof MAGIC);
    uint8_t kind = ds_read_u8(&r), sum32[32], want32[32];
    ds_read_into(&r, ret->keys->ca_scalar.b, 32);
    ds_read_into(&r, ret->keys->k256.b, 32);
    ds_read_into(&r, sum32, 32);
    DS_TRY(ds_reader_end(&r, e, "root.key"));
    if (!ds_span_eq(magic, DS_SPAN(MAGIC, sizeof MAGIC)) || kind > KMS_KIND_SIMULATED)
        return damaged(e, "header", "a root key file");
    DS_TRY(ds_hash(DS_SHA256, want32, ds_span_sub(file, 0, ROOT_LEN - 32), e));
    if (!ds_ct_equal(sum32, want32, 32))
        return damaged(e, "checksum", "the content that was written");
    ret->kind = (enum kms_kind)kind;
    return DS_OK;
}

static int key_load(struct kms_root *ret, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_secret_wipe) struct ds_secret file = { 0 };
    DS_TRY(ds_secret_new(&file, ROOT_LEN, e));
    DS_AUTO(ds_auto_fclose) FILE *f = fopen(path, "re");
    if (f == NULL)
        return ds_fail_errno(e, errno, "open '%s'", path);
    (void)setvbuf(f, NULL, _IONBF, 0); /* no copy of the keys in a stdio buffer */
    size_t n = fread(file.p, 1, file.len, f);
    if (n != file.len || fgetc(f) != EOF)
        return damaged(e, "length", "a whole root key file");
    return key_parse(ret, ds_secret_span(&file), e);
}

static int key_make(struct kms_root *ret, enum kms_kind kind, struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_TRY(ds_p256_key_new(&key, e));
    DS_TRY(ds_p256_key_scalar(&ret->keys->ca_scalar, key, e));
    DS_TRY(ds_k256_key_new(&ret->keys->k256, e));
    ret->kind = kind;
    return DS_OK;
}

static int derive_public(struct kms_root *r, struct ds_error *e)
{
    DS_TRY(ds_p256_key_from_scalar(&r->ca_key, &r->keys->ca_scalar, e));
    ds_p256_key_spki(r->ca_spki, r->ca_key);
    return ds_k256_public(r->k256_pub33, &r->keys->k256, e);
}

/* A DER string of at most 127 bytes: tag, length, content. */
static struct ds_span der_text(uint8_t *out, uint8_t tag, const char *text)
{
    size_t n = strlen(text);
    out[0] = tag;
    out[1] = (uint8_t)n;
    memcpy(out + 2, text, n);
    return DS_SPAN(out, n + 2);
}

static int ca_make(struct kms_root *r, int64_t now_s, struct ds_error *e)
{
    uint8_t kind[32];
    const struct ds_cert_ext ext = { OID_KIND, false,
                                     der_text(kind, 0x0c, kms_kind_text(r->kind)) };
    const struct ds_cert_spec spec = {
        .subject = { .o = "Dstack", .cn = CA_NAME },
        .spki = DS_SPAN_OF(r->ca_spki),
        .not_before_s = now_s - 3600, /* a guest's clock may be a little behind */
        .not_after_s = now_s + YEARS_S(CA_YEARS),
        .ca = true,
        .path_len = 1,
        .usage = DS_CERT_DIGITAL_SIGNATURE | DS_CERT_KEY_CERT_SIGN | DS_CERT_CRL_SIGN,
        .exts = &ext,
        .n_exts = 1,
    };
    return ds_cert_make(&r->ca_der, &spec, DS_SPAN(NULL, 0), r->ca_key, e);
}

/* Of this very key, and good for as long as anything that is issued under it today. */
static bool ca_fits(const struct kms_root *r, struct ds_span der, int64_t now_s)
{
    struct ds_x509 cert;
    return ds_x509_parse(&cert, der, NULL) == DS_OK &&
           ds_span_eq(cert.spki, DS_SPAN_OF(r->ca_spki)) &&
           ds_x509_check_issued(&cert, &cert, 0, NULL) == DS_OK && cert.not_before_s <= now_s &&
           cert.not_after_s >= now_s + CA_LEFT_S;
}

static bool ca_load(struct ds_buf *ret_der, const struct kms_root *r, const char *path,
                    int64_t now_s)
{
    uint8_t room[4096];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    struct ds_span der = { 0 };
    if (ds_file_load(&pem, path, sizeof room, NULL) < 0)
        return false;
    struct ds_span rest = ds_buf_span(&pem);
    if (ds_pem_next(&der, &rest, "CERTIFICATE", &mem, NULL) < 0 || !ca_fits(r, der, now_s))
        return false;
    ds_buf_add(ret_der, der);
    return true;
}

/* The certificate may be made anew at any time: clients pin its key. */
static int ca_open(struct kms_root *r, const char *path, int64_t now_s, struct ds_error *e)
{
    bool is_kept = ca_load(&r->ca_der, r, path, now_s);
    if (!is_kept)
        DS_TRY(ca_make(r, now_s, e));
    DS_TRY(ds_buf_end(&r->ca_der, e, "CA certificate"));
    ds_pem_add(&r->ca_pem, "CERTIFICATE", ds_buf_span(&r->ca_der));
    DS_TRY(ds_buf_end(&r->ca_pem, e, "CA certificate"));
    return is_kept ? DS_OK : ds_file_save(path, ds_buf_span(&r->ca_pem), 0644, "kms.root_ca", e);
}

/*
 * A root is born where there is nothing of an earlier one: its certificate is written after its
 * key is durable, so a certificate alone is what is left of a root whose key was lost.
 */
static int key_open(struct kms_root *r, const char *key_path, const char *ca_path,
                    enum kms_kind kind, struct ds_error *e)
{
    bool has_key, has_ca;
    DS_TRY(ds_file_find(&has_key, key_path, e));
    if (has_key)
        return key_load(r, key_path, e);
    DS_TRY(ds_file_find(&has_ca, ca_path, e));
    if (has_ca)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_KMS_ROOT_DAMAGED, "root.key",
                         "the key of root-ca.pem", "no file", "root-ca.pem");
    DS_TRY(key_make(r, kind, e));
    return key_save(r, key_path, e);
}

static int open_at(struct kms_root *r, const char *dir, enum kms_kind kind, int64_t now_s,
                   struct ds_error *e)
{
    char key_path[DS_PLACE_MAX + 16], ca_path[DS_PLACE_MAX + 16];
    (void)snprintf(key_path, sizeof key_path, "%s/root.key", dir);
    (void)snprintf(ca_path, sizeof ca_path, "%s/root-ca.pem", dir);
    DS_TRY(key_open(r, key_path, ca_path, kind, e));
    if (r->kind != kind)
        return ds_refuse(e, DS_ERR_DENIED, DS_CODE_KMS_BIRTH_KIND, "birth kind",
                         kms_kind_text(r->kind), kms_kind_text(kind), "root.key");
    DS_TRY(derive_public(r, e));
    return ca_open(r, ca_path, now_s, e);
}

int kms_root_open(struct kms_root *ret, const char *dir, enum kms_kind kind, int64_t now_s,
                  struct ds_error *e)
{
    DS_AUTO(kms_root_done) struct kms_root r = { 0 };
    DS_TRY(ds_secret_new(&r.locked, sizeof *r.keys, e));
    r.keys = (struct kms_root_keys *)r.locked.p;
    int got = open_at(&r, dir, kind, now_s, e);
    if (got < 0)
        return ds_wrap(e, got, "KMS root in '%s'", dir);
    *ret = r;
    r = (struct kms_root){ 0 }; /* the caller owns the parts now */
    return DS_OK;
}

int kms_root_serving_cert(struct ds_buf *ret_chain_pem, struct ds_p256_pem *ret_key_pem,
                          const struct kms_root *root, const char *name, int64_t now_s,
                          struct ds_error *e)
{
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf der = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN], usage[32];
    DS_TRY(ds_p256_key_new(&key, e));
    ds_p256_key_spki(spki, key);
    /* dstack wraps the content of its extensions in a second OCTET STRING (guest-api 5.3). */
    const struct ds_cert_ext ext = { OID_USAGE, false, der_text(usage, 0x04, "kms:rpc") };
    const struct ds_cert_spec spec = {
        .subject = { .o = "Dstack", .cn = name },
        .spki = DS_SPAN_OF(spki),
        .not_before_s = now_s - 3600,
        .not_after_s = now_s + YEARS_S(1),
        .usage = DS_CERT_DIGITAL_SIGNATURE,
        .eku = DS_CERT_SERVER_AUTH,
        .sans = &name,
        .n_sans = 1,
        .exts = &ext,
        .n_exts = 1,
    };
    DS_TRY(ds_cert_make(&der, &spec, ds_buf_span(&root->ca_der), root->ca_key, e));
    ds_pem_add(ret_chain_pem, "CERTIFICATE", ds_buf_span(&der));
    ds_buf_add(ret_chain_pem, ds_buf_span(&root->ca_pem));
    DS_TRY(ds_buf_end(ret_chain_pem, e, "certificate chain"));
    return ds_p256_key_pem(ret_key_pem, key, e);
}

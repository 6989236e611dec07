/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory of the simulated platform. machine.key is made once and
 * never again; everything else follows from it and is made anew whenever it is
 * missing, damaged or old. So a crash between any two writes leaves nothing to
 * repair.
 */
#include "simtee/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "crypto/cert.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/rand.h"
#include "simtee/documents.h"
#include "simtee/quote.h"

#define LOCK_WAIT_MS 10000
#define LOCK_STEP_MS 10
#define FILE_MAX     ((size_t)256 * 1024)
#define KEY_TRIES    8 /* a scalar outside the group's order has probability 2^-32 */
#define KEY_CONTEXT  "dstack-simtee-v1:"

struct simtee_pki {
    struct ds_buf collateral, root_pem, pck_chain;
    uint8_t root_spki32[32];
    uint8_t ppid16[16];
    struct simtee_qe qe;
};

void simtee_pki_free(struct simtee_pki *pki)
{
    if (pki == NULL)
        return;
    ds_buf_done(&pki->collateral);
    ds_buf_done(&pki->root_pem);
    ds_buf_done(&pki->pck_chain);
    simtee_qe_done(&pki->qe);
    free(pki);
}

static int lock(int *ret_fd, const char *path, struct ds_error *e)
{
    const int64_t deadline_ms = ds_clock_mono_ms() + LOCK_WAIT_MS;
    for (;;) {
        int r = ds_file_lock(ret_fd, path, e);
        if (r != DS_ERR_EXISTS)
            return r;
        if (ds_clock_mono_ms() >= deadline_ms)
            return ds_fail(e, DS_ERR_TIMEOUT, "another process holds '%s' for %d s", path,
                           LOCK_WAIT_MS / 1000);
        (void)poll(NULL, 0, LOCK_STEP_MS);
    }
}

/* Straight into the secret: no buffer of the file layer sees it. */
static int key_load(struct ds_key32 *ret, const char *path, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return ds_fail(e, DS_ERR_NOTFOUND, "no '%s'", path);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open '%s'", path);
    uint8_t more;
    ssize_t n = read(fd, ret->b, sizeof ret->b);
    if (n != (ssize_t)sizeof ret->b || read(fd, &more, 1) != 0)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_SIMTEE_STATE_DAMAGED, "'%s' is not %zu bytes",
                            path, sizeof ret->b);
    return DS_OK;
}

static int key_open(struct ds_key32 *ret, const char *path, struct ds_error *e)
{
    int r = key_load(ret, path, e);
    if (r != DS_ERR_NOTFOUND)
        return r;
    DS_TRY(ds_rand(ret->b, sizeof ret->b, e));
    return ds_file_save(path, DS_SPAN_OF(ret->b), 0600, "simtee.key", e);
}

static int derive(struct ds_p256_key **ret, const struct ds_key32 *machine, const char *label,
                  struct ds_error *e)
{
    int r = DS_ERR_RANGE;
    for (uint8_t i = 0; r == DS_ERR_RANGE && i < KEY_TRIES; i++) {
        DS_AUTO(ds_key32_wipe) struct ds_key32 scalar = { 0 };
        const struct ds_span ctx[] = { DS_SPAN_LIT(KEY_CONTEXT), ds_span_str(label),
                                       DS_SPAN(&i, 1) };
        DS_TRY(ds_kdf32(&scalar, machine, ctx, DS_LEN(ctx), e));
        r = ds_p256_key_from_scalar(ret, &scalar, e);
    }
    return r;
}

static int derive_all(struct simtee_keys *ret, const struct ds_key32 *machine, struct ds_error *e)
{
    DS_TRY(derive(&ret->root, machine, "root", e));
    DS_TRY(derive(&ret->platform, machine, "platform-ca", e));
    DS_TRY(derive(&ret->pck, machine, "pck", e));
    return derive(&ret->tcb, machine, "tcb-signing", e);
}

static int certs_open(struct simtee_certs *ret, const char *path, const struct simtee_keys *keys,
                      const uint8_t ppid16[static 16], int64_t now_s, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf pem = { 0 };
    if (ds_file_load(&pem, path, FILE_MAX, e) == DS_OK &&
        simtee_certs_parse(ret, ds_buf_span(&pem), keys, now_s, e) == DS_OK)
        return DS_OK;
    DS_TRY(simtee_certs_make(ret, keys, ppid16, now_s, e));
    ds_buf_clear(&pem);
    simtee_certs_encode(&pem, ret);
    DS_TRY(ds_buf_end(&pem, e, "certificates"));
    return ds_file_save(path, ds_buf_span(&pem), 0600, "simtee.certificates", e);
}

static int documents_open(struct ds_buf *ret, const char *path, const struct simtee_keys *keys,
                          const struct simtee_certs *certs, int64_t now_s, struct ds_error *e)
{
    if (ds_file_load(ret, path, FILE_MAX, e) == DS_OK &&
        simtee_documents_are_fresh(ds_buf_span(ret), certs, now_s))
        return DS_OK;
    ds_buf_clear(ret);
    DS_TRY(simtee_documents_make(ret, keys, certs, now_s, e));
    return ds_file_save(path, ds_buf_span(ret), 0600, "simtee.collateral", e);
}

/* What stays in memory when the signing keys of the authorities are gone again. */
static int fill(struct simtee_pki *pki, const struct ds_key32 *machine,
                const struct simtee_keys *keys, const struct simtee_certs *certs,
                struct ds_error *e)
{
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, keys->root);
    DS_TRY(ds_hash(DS_SHA256, pki->root_spki32, DS_SPAN_OF(spki), e));
    ds_pem_add(&pki->root_pem, "CERTIFICATE", ds_buf_span(&certs->root));
    simtee_certs_pck_chain(&pki->pck_chain, certs);
    DS_TRY(ds_buf_end(&pki->root_pem, e, "root certificate"));
    DS_TRY(ds_buf_end(&pki->pck_chain, e, "PCK chain"));

    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *attestation = NULL;
    DS_TRY(derive(&attestation, machine, "qe-attestation", e));
    DS_TRY(simtee_qe_init(&pki->qe, attestation, keys->pck, e));
    attestation = NULL; /* taken */
    return DS_OK;
}

static int ppid_of(uint8_t ret16[static 16], const struct ds_key32 *machine, struct ds_error *e)
{
    uint8_t hash32[32];
    DS_TRY(ds_hash(DS_SHA256, hash32, DS_SPAN_OF(machine->b), e));
    memcpy(ret16, hash32, 16);
    return DS_OK;
}

static int open_locked(struct simtee_pki *pki, const char *dir, int64_t now_s, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) char *key_path = ds_str_fmt("%s/machine.key", dir);
    DS_AUTO(ds_auto_free) char *certs_path = ds_str_fmt("%s/certificates.pem", dir);
    DS_AUTO(ds_auto_free) char *documents_path = ds_str_fmt("%s/collateral.json", dir);
    if (key_path == NULL || certs_path == NULL || documents_path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "open '%s'", dir);
    DS_AUTO(ds_key32_wipe) struct ds_key32 machine = { 0 };
    DS_AUTO(simtee_keys_done) struct simtee_keys keys = { 0 };
    DS_AUTO(simtee_certs_done) struct simtee_certs certs = { 0 };
    DS_TRY(key_open(&machine, key_path, e));
    DS_TRY(ppid_of(pki->ppid16, &machine, e));
    DS_TRY(derive_all(&keys, &machine, e));
    DS_TRY(certs_open(&certs, certs_path, &keys, pki->ppid16, now_s, e));
    DS_TRY(documents_open(&pki->collateral, documents_path, &keys, &certs, now_s, e));
    return fill(pki, &machine, &keys, &certs, e);
}

int simtee_pki_open(struct simtee_pki **ret, const char *dir, int64_t now_s, struct ds_error *e)
{
    DS_TRY(ds_dir_make(dir, 0700, e));
    DS_AUTO(ds_auto_free) char *lock_path = ds_str_fmt("%s/lock", dir);
    DS_AUTO(simtee_pki_free_auto) struct simtee_pki *pki = calloc(1, sizeof *pki);
    if (lock_path == NULL || pki == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "open the simulated platform");
    DS_AUTO(ds_auto_close) int lock_fd = -1;
    DS_TRY(lock(&lock_fd, lock_path, e));
    int r = open_locked(pki, dir, now_s, e);
    if (r < 0)
        return ds_wrap(e, r, "open the simulated platform in '%s'", dir);
    *ret = DS_TAKE_PTR(pki);
    return DS_OK;
}

struct ds_span simtee_pki_collateral(const struct simtee_pki *pki)
{
    return ds_buf_span(&pki->collateral);
}

struct ds_span simtee_pki_root_pem(const struct simtee_pki *pki)
{
    return ds_buf_span(&pki->root_pem);
}

void simtee_pki_root_spki32(uint8_t ret32[static 32], const struct simtee_pki *pki)
{
    memcpy(ret32, pki->root_spki32, 32);
}

void simtee_pki_ppid16(uint8_t ret16[static 16], const struct simtee_pki *pki)
{
    memcpy(ret16, pki->ppid16, 16);
}

int simtee_pki_quote(struct ds_buf *ret, const struct simtee_pki *pki,
                     const struct simtee_registers *regs, const uint8_t report_data64[static 64],
                     struct ds_error *e)
{
    return simtee_quote_make(ret, &pki->qe, regs, report_data64, ds_buf_span(&pki->pck_chain), e);
}

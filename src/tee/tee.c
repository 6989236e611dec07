/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choose the platform once, then pass each call to it under a lock.
 */
#include "tee/tee.h"

#include <pthread.h>

#include "attest/tdx/quote.h"
#include "tee/backend.h"

struct tee {
    struct tee_backend *backend;
    pthread_mutex_t lock; /* held for the length of a call */
};

static const char *const kind_texts[] = {
    [TEE_TDX] = "tdx",
    [TEE_SIMULATED] = "simulated",
};

const char *tee_kind_text(enum tee_kind kind) { return kind_texts[kind]; }

static int wrap_backend(struct tee **ret, struct tee_backend *backend, struct ds_error *e)
{
    struct tee *tee = calloc(1, sizeof *tee);
    if (tee == NULL) {
        backend->ops->close(backend);
        return ds_fail(e, DS_ERR_NOMEM, "open the platform");
    }
    tee->backend = backend;
    (void)pthread_mutex_init(&tee->lock, NULL);
    *ret = tee;
    return DS_OK;
}

int tee_open(struct tee **ret, const char *root, struct ds_error *e)
{
    struct tee_backend *backend = NULL;
    int r = tee_tdx_open(&backend, root, e);
    if (r == DS_ERR_NOTFOUND)
        r = tee_channel_open(&backend, root, e);
    if (r == DS_ERR_NOTFOUND)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_TEE_NONE,
                            "no TDX and no channel of the simulated platform");
    DS_TRY(r);
    return wrap_backend(ret, backend, e);
}

int tee_open_channel(struct tee **ret, int fd, struct ds_error *e)
{
    struct tee_backend *backend = NULL;
    DS_TRY(tee_channel_open_fd(&backend, fd, false, e));
    return wrap_backend(ret, backend, e);
}

void tee_close(struct tee *tee)
{
    if (tee == NULL)
        return;
    tee->backend->ops->close(tee->backend);
    (void)pthread_mutex_destroy(&tee->lock);
    free(tee);
}

enum tee_kind tee_kind(const struct tee *tee) { return tee->backend->ops->kind; }

int tee_quote(struct ds_buf *ret, struct tee *tee, const uint8_t report_data64[static 64],
              struct ds_error *e)
{
    (void)pthread_mutex_lock(&tee->lock);
    int r = tee->backend->ops->quote(ret, tee->backend, report_data64, e);
    (void)pthread_mutex_unlock(&tee->lock);
    return r < 0 ? ds_wrap(e, r, "quote") : DS_OK;
}

static int mrconfigid_of_quote(uint8_t ret48[static 48], struct tee_backend *b, struct ds_error *e)
{
    static const uint8_t zeros64[64];
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    struct ds_tdx_quote quote;
    DS_TRY(b->ops->quote(&bytes, b, zeros64, e));
    DS_TRY(ds_tdx_quote_parse(&quote, ds_buf_span(&bytes), e));
    memcpy(ret48, quote.td.mrconfigid48, 48);
    return DS_OK;
}

int tee_mrconfigid(uint8_t ret48[static 48], struct tee *tee, struct ds_error *e)
{
    struct tee_backend *b = tee->backend;
    (void)pthread_mutex_lock(&tee->lock);
    int r = b->ops->mrconfigid != NULL ? b->ops->mrconfigid(ret48, b, e)
                                       : mrconfigid_of_quote(ret48, b, e);
    (void)pthread_mutex_unlock(&tee->lock);
    return r < 0 ? ds_wrap(e, r, "read MRCONFIGID") : DS_OK;
}

int tee_extend(struct tee *tee, const uint8_t digest48[static 48], struct ds_error *e)
{
    (void)pthread_mutex_lock(&tee->lock);
    int r = tee->backend->ops->extend(tee->backend, digest48, e);
    (void)pthread_mutex_unlock(&tee->lock);
    return r < 0 ? ds_wrap(e, r, "extend the runtime register") : DS_OK;
}

int tee_boot_log(struct ds_buf *ret, struct tee *tee, struct ds_error *e)
{
    (void)pthread_mutex_lock(&tee->lock);
    int r = tee->backend->ops->boot_log(ret, tee->backend, e);
    (void)pthread_mutex_unlock(&tee->lock);
    return r < 0 ? ds_wrap(e, r, "boot log") : DS_OK;
}

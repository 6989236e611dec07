/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the instance credential: what was given, when it is due, and the job
 * that renews it in the pool. A renewal that fails is tried again; while the
 * old certificate lives nothing is lost.
 */
#include "guest/credential.h"

#include "attest/x509.h"
#include "base/clock.h"
#include "base/str.h"
#include "codec/pem.h"
#include "guest/agent.h"
#include "guest/kms_client.h"

#define LOOK_S        3600
#define RETRY_MS      INT64_C(5000)
#define DOUBLINGS_MAX 9u /* of RETRY_MS: 43 min */
#define CERT_MAX      8192

void guest_credential_init(struct guest_credential *c)
{
    *c = (struct guest_credential){ 0 };
    (void)pthread_mutex_init(&c->lock, NULL);
}

void guest_credential_done(struct guest_credential *c)
{
    ds_p256_key_free(c->key);
    c->key = NULL;
    ds_buf_done(&c->chain_pem);
    (void)pthread_mutex_destroy(&c->lock);
}

static int refuse(struct ds_error *e, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_PEER, DS_CODE_GUEST_KMS_REPLY, "instance_credential", expected, got,
                     "KMS");
}

/* The KMS is known by its pinned key already: this catches mistakes, not attacks. */
static int check_leaf(struct ds_x509 *ret, struct ds_arena *mem, const struct guest_credential *c,
                      const char *pem, struct ds_error *e)
{
    struct ds_span rest = ds_span_str(pem), der = { 0 };
    struct ds_error why = { 0 };
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, c->key);
    if (ds_pem_next(&der, &rest, "CERTIFICATE", mem, &why) < 0 || der.p == NULL ||
        ds_x509_parse(ret, der, &why) < 0)
        return refuse(e, "certificates as PEM", why.msg);
    if (!ds_span_eq(ret->spki, DS_SPAN_OF(spki)))
        return refuse(e, "a certificate for this VM's key", "one for another key");
    return DS_OK;
}

int guest_credential_take(struct guest_credential *c, const char *const *pems, size_t n_pems,
                          struct ds_error *e)
{
    uint8_t room[CERT_MAX];
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    DS_AUTO(ds_buf_done) struct ds_buf chain = { 0 };
    struct ds_x509 leaf;
    if (n_pems == 0)
        return refuse(e, "certificates as PEM", "none");
    DS_TRY(check_leaf(&leaf, &mem, c, pems[0], e));
    for (size_t i = 0; i < n_pems; i++)
        ds_buf_str(&chain, pems[i]);
    DS_TRY(ds_buf_end(&chain, e, "credential"));
    (void)pthread_mutex_lock(&c->lock);
    struct ds_buf old = c->chain_pem;
    c->chain_pem = chain;
    chain = old;
    c->not_before_s = leaf.not_before_s;
    c->not_after_s = leaf.not_after_s;
    (void)pthread_mutex_unlock(&c->lock);
    return DS_OK;
}

int guest_credential_chain(struct ds_buf *ret, struct guest_credential *c, struct ds_error *e)
{
    (void)pthread_mutex_lock(&c->lock);
    ds_buf_add(ret, ds_buf_span(&c->chain_pem));
    (void)pthread_mutex_unlock(&c->lock);
    return ds_buf_end(ret, e, "credential");
}

int64_t guest_credential_wait_ms(bool *ret_is_due, int64_t now_s, int64_t not_before_s,
                                 int64_t not_after_s, unsigned n_failures)
{
    int64_t half_s = not_before_s + (not_after_s - not_before_s) / 2;
    *ret_is_due = now_s >= half_s;
    if (!*ret_is_due)
        return (half_s - now_s < LOOK_S ? half_s - now_s : LOOK_S) * 1000;
    return RETRY_MS << (n_failures < DOUBLINGS_MAX ? n_failures : DOUBLINGS_MAX);
}

static int64_t look(bool *ret_is_due, struct guest_credential *c)
{
    (void)pthread_mutex_lock(&c->lock);
    int64_t wait_ms = guest_credential_wait_ms(ret_is_due, ds_clock_now_s(), c->not_before_s,
                                               c->not_after_s, c->n_failures);
    (void)pthread_mutex_unlock(&c->lock);
    return wait_ms;
}

static void wait_more(struct agent *a)
{
    struct ds_error e;
    bool is_due;
    if (net_event_after(a->renew_timer, look(&is_due, &a->credential), &e) < 0)
        ds_log(&a->log, DS_LOG_ERROR, "credential.renew", "err", e.msg);
}

static void renew_work(void *arg)
{
    struct agent *a = arg;
    a->credential.status = guest_kms_renew_credential(a, &a->credential.error);
}

static void renew_done(void *arg)
{
    struct agent *a = arg;
    struct guest_credential *c = &a->credential;
    bool is_due;
    if (c->status < 0)
        ds_log(&a->log, DS_LOG_WARN, "credential.renew", "code",
               ds_code_info_get(c->error.code)->id, "err", c->error.msg);
    else
        ds_log(&a->log, DS_LOG_INFO, "credential.renewed");
    /* A new one that is due at once means that the clocks differ: asking faster mends nothing. */
    (void)look(&is_due, c);
    c->n_failures = c->status == DS_OK && !is_due ? 0 : c->n_failures + 1;
    wait_more(a);
}

static void on_timer(void *arg, unsigned what)
{
    struct agent *a = arg;
    struct ds_error e;
    bool is_due;
    (void)what;
    (void)look(&is_due, &a->credential);
    if (is_due && net_pool_submit(a->pool, renew_work, renew_done, a, &e) == DS_OK)
        return;
    wait_more(a);
}

void guest_credential_keep(struct agent *a)
{
    a->boot.status = net_event_timer(&a->renew_timer, a->loop, on_timer, a, &a->boot.error);
    if (a->boot.status == DS_OK)
        wait_more(a);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves and head in one store: a leaf and the head that covers it are one
 * transaction, so a crash leaves a log that ends before or after the leaf.
 */
#include "kms/release_log.h"

#include <inttypes.h>

#include "kms/root.h"
#include "store/store.h"

#define KEY_LEAF "leaf/"
#define KEY_HEAD "head"
#define PAGE     512 /* leaves read at once when the log is opened */

struct kms_log {
    struct store *store;
    const struct kms_root *root;  /* borrowed */
    struct ds_merkle_range range; /* of all leaves; they themselves are on disk alone */
    uint64_t head_version;        /* 0: no head yet */
    int64_t head_time_s;
};

void kms_log_close(struct kms_log *log)
{
    if (log == NULL)
        return;
    store_close(log->store);
    free(log);
}
DS_DEFINE_AUTO(struct kms_log, kms_log_close);

void kms_log_receipt_done(struct kms_log_receipt *r) { ds_buf_done(&r->head); }

uint64_t kms_log_size(const struct kms_log *log) { return log->range.size; }

int64_t kms_log_head_time_s(const struct kms_log *log) { return log->head_time_s; }

static void leaf_key(char out[32], uint64_t index)
{
    (void)snprintf(out, 32, KEY_LEAF "%016" PRIx64, index);
}

static int broken(struct ds_error *e, const char *claim, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_KMS_LOG_BROKEN, claim, expected, got,
                     "release log");
}

struct page {
    struct kms_log *log;
    size_t n;
    char last[32];
};

static int take_leaf(void *arg, const struct store_entry *entry, struct ds_error *e)
{
    struct page *p = arg;
    struct ds_merkle_hash hash;
    char want[32];
    leaf_key(want, p->log->range.size);
    if (strcmp(want, entry->key) != 0)
        return broken(e, "leaf", want, entry->key);
    (void)snprintf(p->last, sizeof p->last, "%s", entry->key);
    p->n++;
    DS_TRY(ds_merkle_leaf(&hash, entry->value, e));
    return ds_merkle_range_add(&p->log->range, &hash, e);
}

static int load_leaves(struct kms_log *log, struct ds_error *e)
{
    struct page p = { .log = log };
    do {
        p.n = 0;
        DS_TRY(store_range(log->store, KEY_LEAF, p.last[0] != '\0' ? p.last : NULL, PAGE, take_leaf,
                           &p, e));
    } while (p.n == PAGE);
    return DS_OK;
}

/* The stored head is the document and, behind it, its signature. */
static int check_head(struct kms_log *log, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    struct app_log_head head;
    struct ds_merkle_hash root;
    DS_TRY(store_get(log->store, KEY_HEAD, &value, &log->head_version, e));
    if (log->head_version == 0)
        return log->range.size == 0 ? DS_OK : broken(e, "head", "a signed head", "none");
    if (value.len < 64)
        return broken(e, "head", "a signed head", "a short value");
    struct ds_span doc = DS_SPAN(value.p, value.len - 64);
    DS_TRY(app_log_head_verify(&head, doc, (const uint8_t *)value.p + doc.len,
                               DS_SPAN_OF(log->root->ca_spki), e));
    DS_TRY(ds_merkle_range_root(&root, &log->range, e));
    if (head.size != log->range.size || memcmp(root.b, head.root.b, sizeof root.b) != 0)
        return broken(e, "head", "the root of the leaves", "another root or size");
    log->head_time_s = head.time_s;
    return DS_OK;
}

int kms_log_open(struct kms_log **ret, const char *path, const struct kms_root *root,
                 struct ds_error *e)
{
    DS_AUTO(kms_log_close_auto) struct kms_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "open the release log");
    log->root = root;
    DS_TRY(store_open_sqlite(&log->store, path, NULL, e));
    DS_TRY(load_leaves(log, e));
    DS_TRY(check_head(log, e));
    *ret = DS_TAKE_PTR(log);
    return DS_OK;
}

static int head_make(struct kms_log_receipt *ret, struct kms_log *log, int64_t time_s,
                     struct ds_error *e)
{
    struct app_log_head head = { .size = log->range.size, .time_s = time_s };
    (void)snprintf(head.kind, sizeof head.kind, "%s", kms_kind_text(log->root->kind));
    DS_TRY(app_log_id(head.log_id32, DS_SPAN_OF(log->root->ca_spki), e));
    DS_TRY(ds_merkle_range_root(&head.root, &log->range, e));
    DS_TRY(app_log_head_encode(&ret->head, &head, e));
    return app_log_head_sign(ret->head_sig64, log->root->ca_key, ds_buf_span(&ret->head), e);
}

static int write_both(bool *ret_done, struct kms_log *log, const struct kms_log_receipt *r,
                      struct ds_span leaf, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf value = { 0 };
    char key[32];
    leaf_key(key, r->index);
    ds_buf_add(&value, ds_buf_span(&r->head));
    ds_buf_add(&value, DS_SPAN_OF(r->head_sig64));
    DS_TRY(ds_buf_end(&value, e, "log head"));
    const struct store_op ops[] = {
        { .kind = STORE_CHECK, .key = KEY_HEAD, .version = log->head_version },
        { .kind = STORE_PUT, .key = key, .value = leaf },
        { .kind = STORE_PUT, .key = KEY_HEAD, .value = ds_buf_span(&value) },
    };
    DS_TRY(store_apply(log->store, ops, DS_LEN(ops), "kms.log", ret_done, e));
    if (!*ret_done)
        return broken(e, "head", "the head that this process wrote", "another writer's");
    DS_AUTO(ds_buf_done) struct ds_buf unused = { 0 };
    return store_get(log->store, KEY_HEAD, &unused, &log->head_version, e);
}

int kms_log_append(struct kms_log_receipt *ret, struct kms_log *log,
                   const struct app_log_leaf *leaf, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf doc = { 0 };
    const struct ds_merkle_range before = log->range;
    DS_AUTO(kms_log_receipt_done) struct kms_log_receipt r = { .index = before.size };
    struct ds_merkle_hash hash;
    bool is_durable = false;
    DS_TRY(app_log_leaf_encode(&doc, leaf, e));
    DS_TRY(ds_merkle_leaf(&hash, ds_buf_span(&doc), e));
    ds_merkle_range_proof(&r.proof, &before);
    DS_TRY(ds_merkle_range_add(&log->range, &hash, e));
    int got = head_make(&r, log, leaf->time_s, e);
    if (got == DS_OK)
        got = write_both(&is_durable, log, &r, ds_buf_span(&doc), e);
    if (is_durable)
        log->head_time_s = leaf->time_s;
    if (got < 0) {
        /* A leaf on disk stays counted: the next one must not take its place. */
        if (!is_durable)
            log->range = before;
        return got;
    }
    *ret = r;
    r = (struct kms_log_receipt){ 0 };
    return DS_OK;
}

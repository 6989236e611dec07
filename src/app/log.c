/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of the release log. Members are written in the order of JCS and
 * hold printable ASCII, so that the plain JSON writer makes canonical text.
 */
#include "app/log.h"

#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define HEAD_TAG     "dstack-log-head-v1" /* its NUL is the separator */
#define DOC_VERSION  1
#define INTEGER_MAX  (((uint64_t)1 << 53) - 1) /* JCS has no larger ones */
#define HEAD_DOC_MAX 512

static bool is_plain(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return false;
    }
    return true;
}

static const char *text_of(const char *text) { return text != NULL ? text : ""; }

static int check_leaf(const struct app_log_leaf *leaf, struct ds_error *e)
{
    const char *const texts[] = { leaf->node,     leaf->act,           leaf->kind,
                                  leaf->decision, leaf->policy_source, leaf->policy_version };
    bool good = leaf->n_codes <= APP_LOG_CODES_MAX && leaf->time_s >= 0 &&
                (uint64_t)leaf->time_s <= INTEGER_MAX && leaf->epoch <= INTEGER_MAX;
    for (size_t i = 0; i < DS_LEN(texts); i++)
        good = good && is_plain(texts[i]);
    for (size_t i = 0; good && i < leaf->n_codes; i++)
        good = is_plain(leaf->codes[i]);
    if (!good)
        return ds_fail(e, DS_ERR_RANGE,
                       "a log leaf with a text that is not ASCII, or a number "
                       "or list out of bounds");
    return DS_OK;
}

static void put_subject(struct ds_jw *w, const struct app_log_leaf *leaf)
{
    ds_jw_object(w, "subject");
    ds_jw_hex(w, "app_id", leaf->app_id);
    ds_jw_hex(w, "compose_hash", leaf->compose_hash);
    ds_jw_hex(w, "device_id", leaf->device_id);
    ds_jw_hex(w, "instance_id", leaf->instance_id);
    ds_jw_str(w, "kind", text_of(leaf->kind));
    ds_jw_hex(w, "os_image_hash", leaf->os_image_hash);
    ds_jw_object_end(w);
}

int app_log_leaf_encode(struct ds_buf *ret, const struct app_log_leaf *leaf, struct ds_error *e)
{
    DS_TRY(check_leaf(leaf, e));
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "act", text_of(leaf->act));
    ds_jw_array(&w, "codes");
    for (size_t i = 0; i < leaf->n_codes; i++)
        ds_jw_str(&w, NULL, leaf->codes[i]);
    ds_jw_array_end(&w);
    ds_jw_str(&w, "decision", text_of(leaf->decision));
    ds_jw_u64(&w, "epoch", leaf->epoch);
    ds_jw_hex(&w, "evidence_sha256", leaf->evidence_sha256);
    ds_jw_str(&w, "node", text_of(leaf->node));
    ds_jw_object(&w, "policy");
    ds_jw_str(&w, "source", text_of(leaf->policy_source));
    ds_jw_str(&w, "version", text_of(leaf->policy_version));
    ds_jw_object_end(&w);
    put_subject(&w, leaf);
    ds_jw_i64(&w, "time_s", leaf->time_s);
    ds_jw_u64(&w, "v", DOC_VERSION);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "log leaf");
}

int app_log_id(uint8_t ret32[32], struct ds_span spki, struct ds_error *e)
{
    return ds_hash(DS_SHA256, ret32, spki, e);
}

int app_log_head_encode(struct ds_buf *ret, const struct app_log_head *head, struct ds_error *e)
{
    if (!is_plain(head->kind) || head->size > INTEGER_MAX || head->time_s < 0 ||
        (uint64_t)head->time_s > INTEGER_MAX)
        return ds_fail(e, DS_ERR_RANGE, "a log head with a number or kind out of bounds");
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "kind", head->kind);
    ds_jw_hex(&w, "log_id", DS_SPAN_OF(head->log_id32));
    ds_jw_hex(&w, "root", DS_SPAN_OF(head->root.b));
    ds_jw_u64(&w, "size", head->size);
    ds_jw_i64(&w, "time_s", head->time_s);
    ds_jw_u64(&w, "v", DOC_VERSION);
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "log head");
}

static int read_head(struct app_log_head *ret, struct ds_span document, struct ds_error *e)
{
    struct ds_json_tok toks[16];
    struct ds_span kind;
    uint64_t time_s = 0, version = 0;
    DS_TRY(ds_json_parse(toks, DS_LEN(toks), document, e));
    DS_TRY(ds_json_get_u64(&version, toks, "v", DOC_VERSION, e));
    DS_TRY(ds_json_get_hex(ret->log_id32, sizeof ret->log_id32, toks, "log_id", e));
    DS_TRY(ds_json_get_hex(ret->root.b, sizeof ret->root.b, toks, "root", e));
    DS_TRY(ds_json_get_u64(&ret->size, toks, "size", INTEGER_MAX, e));
    DS_TRY(ds_json_get_u64(&time_s, toks, "time_s", INTEGER_MAX, e));
    DS_TRY(ds_json_get_str(&kind, toks, "kind", e));
    ret->time_s = (int64_t)time_s;
    if (!ds_str_copy_span(ret->kind, sizeof ret->kind, kind))
        return ds_fail(e, DS_ERR_FORMAT, "kind is too long");
    return DS_OK;
}

int app_log_head_parse(struct app_log_head *ret, struct ds_span document, struct ds_error *e)
{
    struct app_log_head head = { 0 };
    struct ds_error inner = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
    if (document.len > HEAD_DOC_MAX || read_head(&head, document, &inner) != DS_OK)
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_LOG_HEAD_FORMAT, "log head: %s",
                            inner.cls != 0 ? inner.msg : "too long");
    /* One form only, so that a signature never covers two readings of the same head. */
    DS_TRY(app_log_head_encode(&again, &head, e));
    if (!ds_span_eq(ds_buf_span(&again), document))
        return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_APP_LOG_HEAD_FORMAT,
                            "log head is not in its canonical form");
    *ret = head;
    return DS_OK;
}

int app_log_head_sign(uint8_t ret_sig64[64], const struct ds_p256_key *key, struct ds_span document,
                      struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf message = { 0 };
    ds_buf_add(&message, DS_SPAN(HEAD_TAG, sizeof HEAD_TAG));
    ds_buf_add(&message, document);
    DS_TRY(ds_buf_end(&message, e, "log head"));
    return ds_p256_sign(ret_sig64, key, ds_buf_span(&message), e);
}

int app_log_head_verify(struct app_log_head *ret, struct ds_span document, const uint8_t sig64[64],
                        struct ds_span spki, struct ds_error *e)
{
    struct app_log_head head;
    uint8_t xy[64], digest[32], id[32];
    const struct ds_span parts[] = { DS_SPAN(HEAD_TAG, sizeof HEAD_TAG), document };
    struct ds_error inner = { 0 };
    DS_TRY(app_log_head_parse(&head, document, e));
    DS_TRY(ds_p256_of_spki(xy, spki, e));
    DS_TRY(ds_hash_v(DS_SHA256, digest, parts, DS_LEN(parts), e));
    int r = ds_p256_verify(xy, digest, sig64, &inner);
    if (r != DS_OK)
        return ds_fail_code(e, r == DS_ERR_CRYPTO ? r : DS_ERR_UNTRUSTED,
                            DS_CODE_APP_LOG_HEAD_SIGNATURE, "log head: %s", inner.msg);
    DS_TRY(app_log_id(id, spki, e));
    if (memcmp(id, head.log_id32, sizeof id) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_APP_LOG_HEAD_SIGNATURE, "log_id",
                         DS_HEX(DS_SPAN_OF(id)), DS_HEX(DS_SPAN_OF(head.log_id32)), NULL);
    *ret = head;
    return DS_OK;
}

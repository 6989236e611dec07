/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of sessions. It is walked: a few thousand rows cost less than one
 * signature.
 */
#include "verifier/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "codec/date.h"
#include "codec/json_write.h"

static const char *const states[] = { "waiting", "processing", "complete", "failed" };

int sessions_init(struct sessions *s, size_t cap, int64_t life_s, struct ds_error *e)
{
    *s = (struct sessions){ .all = calloc(cap, sizeof *s->all), .cap = cap, .life_s = life_s };
    return s->all != NULL ? DS_OK : ds_fail(e, DS_ERR_NOMEM, "sessions");
}

void sessions_done(struct sessions *s)
{
    for (size_t i = 0; s->all != NULL && i < s->cap; i++)
        if (s->all[i].id[0] != '\0')
            sessions_close(s, &s->all[i]);
    free(s->all);
    *s = (struct sessions){ 0 };
}

static size_t bytes_of(const struct session *x) { return x->evidence.len + x->result.len; }

static void drop_contents(struct sessions *s, struct session *x)
{
    s->bytes -= bytes_of(x);
    ds_buf_done(&x->evidence);
    ds_buf_done(&x->result);
}

void sessions_close(struct sessions *s, struct session *x)
{
    drop_contents(s, x);
    *x = (struct session){ 0 };
    s->n--;
}

static void close_expired(struct sessions *s, int64_t mono_ms)
{
    for (size_t i = 0; s->n > 0 && i < s->cap; i++) {
        struct session *x = &s->all[i];
        if (x->id[0] != '\0' && x->state != SESSION_PROCESSING && x->expiry_ms <= mono_ms)
            sessions_close(s, x);
    }
}

/* Of this source, or of any: NULL source. Those that are being judged are left out. */
static struct session *find_oldest(struct sessions *s, const uint64_t *source)
{
    struct session *oldest = NULL;
    for (size_t i = 0; i < s->cap; i++) {
        struct session *x = &s->all[i];
        if (x->id[0] == '\0' || x->state == SESSION_PROCESSING ||
            (source != NULL && x->source != *source))
            continue;
        if (oldest == NULL || x->opened_ms < oldest->opened_ms)
            oldest = x;
    }
    return oldest;
}

static size_t count_of(const struct sessions *s, uint64_t source)
{
    size_t n = 0;
    for (size_t i = 0; i < s->cap; i++)
        n += s->all[i].id[0] != '\0' && s->all[i].source == source;
    return n;
}

static struct session *find_free(struct sessions *s)
{
    for (size_t i = 0; i < s->cap; i++)
        if (s->all[i].id[0] == '\0')
            return &s->all[i];
    return NULL;
}

static struct session *make_room(struct sessions *s, uint64_t source, int64_t mono_ms)
{
    struct session *x = NULL;
    size_t share = s->cap / SESSION_SHARE > 0 ? s->cap / SESSION_SHARE : 1;
    close_expired(s, mono_ms);
    if (count_of(s, source) >= share) {
        x = find_oldest(s, &source);
        if (x == NULL)
            return NULL;
    } else if (s->n == s->cap) {
        x = find_oldest(s, NULL);
    }
    if (x != NULL)
        sessions_close(s, x);
    return find_free(s);
}

/* RFC 9562 5.4: version 4. */
static void name(char out[SESSION_ID_LEN + 1], const uint8_t random16[static 16])
{
    uint8_t b[16];
    char hex[33];
    memcpy(b, random16, 16);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)ds_hex_encode(hex, DS_SPAN_OF(b));
    (void)snprintf(out, SESSION_ID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

static void set_expiry(const struct sessions *s, struct session *x, const struct session_time *t)
{
    x->expiry_ms = t->mono_ms + s->life_s * 1000;
    x->expiry_s = t->now_s + s->life_s;
}

int sessions_open(struct session **ret, struct sessions *s, const uint8_t random16[static 16],
                  struct ds_span nonce, uint64_t source, const struct session_time *t,
                  struct ds_error *e)
{
    struct session *x = make_room(s, source, t->mono_ms);
    if (x == NULL)
        return ds_refuse(e, DS_ERR_UNAVAILABLE, DS_CODE_VERIFIER_BUSY, "sessions",
                         "one that is not being judged", "none", NULL);
    *x = (struct session){ .source = source, .nonce_len = nonce.len, .opened_ms = t->mono_ms };
    memcpy(x->nonce, nonce.p, nonce.len);
    name(x->id, random16);
    set_expiry(s, x, t);
    s->n++;
    *ret = x;
    return DS_OK;
}

int sessions_find(struct session **ret, struct sessions *s, struct ds_span id,
                  const struct session_time *t, struct ds_error *e)
{
    for (size_t i = 0; id.len == SESSION_ID_LEN && i < s->cap; i++) {
        struct session *x = &s->all[i];
        if (!ds_span_eq_str(id, x->id) ||
            (x->expiry_ms <= t->mono_ms && x->state != SESSION_PROCESSING))
            continue;
        *ret = x;
        return DS_OK;
    }
    return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_VERIFIER_NO_SESSION, "session", "one that is open",
                     "none of this name", NULL);
}

/* The oldest that keeps something, of this source, or of any: NULL source; and what they keep. */
static struct session *find_keeper(size_t *ret_bytes, struct sessions *s, const uint64_t *source,
                                   const struct session *spared)
{
    struct session *oldest = NULL;
    *ret_bytes = 0;
    for (size_t i = 0; i < s->cap; i++) {
        struct session *x = &s->all[i];
        if (bytes_of(x) == 0 || (source != NULL && x->source != *source))
            continue;
        *ret_bytes += bytes_of(x);
        if (x != spared && (oldest == NULL || x->opened_ms < oldest->opened_ms))
            oldest = x;
    }
    return oldest;
}

/* The one that was judged just now stays, however large. */
static void keep_within(struct sessions *s, const struct session *last, const uint64_t *source,
                        size_t max)
{
    size_t bytes;
    struct session *x = find_keeper(&bytes, s, source, last);
    while (bytes > max && x != NULL) {
        sessions_close(s, x);
        x = find_keeper(&bytes, s, source, last);
    }
}

int sessions_submit(const struct sessions *s, struct session *x, const struct session_time *t,
                    struct ds_error *e)
{
    if (x->state != SESSION_WAITING)
        return ds_refuse(e, DS_ERR_EXISTS, DS_CODE_VERIFIER_SESSION_STATE, "status", "waiting",
                         states[x->state], NULL);
    x->state = SESSION_PROCESSING;
    set_expiry(s, x, t);
    return DS_OK;
}

void sessions_withdraw(struct session *x) { x->state = SESSION_WAITING; }

void sessions_quote(struct ds_buf *ret, struct ds_span evidence)
{
    size_t len = DS_BASE64_LEN(evidence.len);
    ds_buf_char(ret, '"');
    char *room = ds_buf_room(ret, len + 1); /* and the NUL, which is not counted */
    if (room == NULL)
        return;
    (void)ds_base64_encode(room, evidence);
    ds_buf_took(ret, len);
    ds_buf_char(ret, '"');
}

static struct ds_buf take(struct ds_buf *b)
{
    struct ds_buf taken = *b;
    *b = (struct ds_buf){ 0 };
    if (ds_buf_end(&taken, NULL, "session") < 0)
        ds_buf_done(&taken);
    return taken;
}

void sessions_end(struct sessions *s, struct session *x, const char *media_type,
                  struct ds_buf *evidence, struct ds_buf *result)
{
    uint64_t source = x->source;
    x->media_type = media_type;
    x->evidence = take(evidence);
    x->result = take(result);
    s->bytes += bytes_of(x);
    x->state = x->result.len > 0 ? SESSION_COMPLETE : SESSION_FAILED;
    if (s->bytes > SESSIONS_BYTES_MAX / SESSION_SHARE)
        keep_within(s, x, &source, SESSIONS_BYTES_MAX / SESSION_SHARE);
    if (s->bytes > SESSIONS_BYTES_MAX)
        keep_within(s, x, NULL, SESSIONS_BYTES_MAX);
}

int sessions_encode(struct ds_buf *ret, const struct session *x, const char *const *accept,
                    struct ds_error *e)
{
    char date[21], nonce[DS_BASE64_LEN(EAR_NONCE_MAX) + 1];
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    /* `status` in the API's schema and in its implementation, `state` in its text: both. */
    ds_jw_str(&w, "status", states[x->state]);
    ds_jw_str(&w, "state", states[x->state]);
    ds_jw_str(&w, "nonce", ds_base64_encode(nonce, DS_SPAN(x->nonce, x->nonce_len)));
    ds_jw_str(&w, "expiry", ds_date_format(date, x->expiry_s));
    ds_jw_array(&w, "accept");
    for (size_t i = 0; accept[i] != NULL; i++)
        ds_jw_str(&w, NULL, accept[i]);
    ds_jw_array_end(&w);
    if (x->evidence.len > 0) {
        ds_jw_object(&w, "evidence");
        ds_jw_str(&w, "type", x->media_type);
        ds_jw_raw(&w, "value", ds_buf_span(&x->evidence));
        ds_jw_object_end(&w);
    }
    if (x->result.len > 0)
        ds_jw_text(&w, "result", ds_buf_span(&x->result));
    ds_jw_object_end(&w);
    return ds_jw_end(&w, e, "session");
}

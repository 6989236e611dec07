/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Challenge-response sessions: a nonce, the one evidence that answered it, and
 * the result, for a time. Bounded in number and in bytes; pure: time and
 * randomness are arguments.
 * spec: Veraison challenge-response API, api/challenge-response in github.com/veraison/docs
 */

#include "base/buf.h"
#include "verifier/query.h"

#define SESSION_ID_LEN     36 /* a UUID as text */
#define SESSION_SHARE      16 /* one source has at most one in this many of sessions, and of bytes */
#define SESSIONS_BYTES_MAX ((size_t)64 << 20) /* evidence and results that are kept, as text */

enum session_state {
    SESSION_WAITING,
    SESSION_PROCESSING,
    SESSION_COMPLETE,
    SESSION_FAILED,
};

struct session {
    char id[SESSION_ID_LEN + 1]; /* "": free */
    enum session_state state;
    uint8_t nonce[EAR_NONCE_MAX];
    size_t nonce_len;
    uint64_t source;              /* who opened it */
    int64_t opened_ms, expiry_ms; /* of a steady clock */
    int64_t expiry_s;             /* the same as a date */
    const char *media_type;       /* static; of the evidence */
    struct ds_buf evidence;       /* as the JSON string that it is shown as */
    struct ds_buf result;         /* EAR as JWT */
};

struct sessions {
    struct session *all;
    size_t cap, n;
    size_t bytes; /* of evidence and results */
    int64_t life_s;
};

DS_MUST_USE int sessions_init(struct sessions *s, size_t cap, int64_t life_s, struct ds_error *e);
void sessions_done(struct sessions *s);

struct session_time {
    int64_t mono_ms, now_s;
};

/*
 * Open one. Where a source has its share, or all are taken, its own oldest gives way, or the
 * oldest of all; a session whose evidence is being judged stays.
 *
 * in:   random16  names it
 * out:  ret       borrowed until it ends
 * err:  UNAVAILABLE  verifier.busy: all are being judged
 */
DS_MUST_USE int sessions_open(struct session **ret, struct sessions *s,
                              const uint8_t random16[static 16], struct ds_span nonce,
                              uint64_t source, const struct session_time *t, struct ds_error *e);
/* err: NOTFOUND verifier.no_session */
DS_MUST_USE int sessions_find(struct session **ret, struct sessions *s, struct ds_span id,
                              const struct session_time *t, struct ds_error *e);
void sessions_close(struct sessions *s, struct session *x);

/* It has evidence now, which is being judged. err: EXISTS verifier.session_state */
DS_MUST_USE int sessions_submit(const struct sessions *s, struct session *x,
                                const struct session_time *t, struct ds_error *e);
/* As if it had not been submitted. */
void sessions_withdraw(struct session *x);
/* What is shown of evidence: made once, where it takes time. */
void sessions_quote(struct ds_buf *ret, struct ds_span evidence);
/*
 * It was judged. Where its source keeps more than its share of bytes, or all keep too many, the
 * oldest give way: of that source, or of all.
 *
 * in:   evidence  of sessions_quote(); taken, and left empty
 *       result    empty: the judging itself failed; taken, and left empty
 */
void sessions_end(struct sessions *s, struct session *x, const char *media_type,
                  struct ds_buf *evidence, struct ds_buf *result);

/* The resource as JSON. */
DS_MUST_USE int sessions_encode(struct ds_buf *ret, const struct session *x,
                                const char *const *accept, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors: one int for the class, one small struct for the story.
 *
 * A function that can fail returns 0 or a negative `enum ds_err`, and takes
 * `struct ds_error *e` last. The struct is the caller's, on the stack; filling
 * it never allocates, so reporting out-of-memory cannot itself fail.
 *
 * The class says what kind of failure travels upward. The dotted code
 * (base/codes.h) says which documented thing went wrong; where a claim was
 * refused, `detail` carries the claim, what was expected, what came, and the
 * anchor that decided.
 */

#include <stddef.h>

#include "base/codes.h"

#define DS_MUST_USE     __attribute__((warn_unused_result))
#define DS_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define DS_ERR_LIST(X)                                   \
    X(DS_ERR_NOMEM, 1, "out of memory")                  \
    X(DS_ERR_SYS, 2, "system call failed")               \
    X(DS_ERR_ARG, 3, "invalid argument")                 \
    X(DS_ERR_RANGE, 4, "value out of range")             \
    X(DS_ERR_TRUNCATED, 5, "input ends early")           \
    X(DS_ERR_FORMAT, 6, "malformed input")               \
    X(DS_ERR_TRAILING, 7, "trailing bytes after input")  \
    X(DS_ERR_UNSUPPORTED, 8, "not supported")            \
    X(DS_ERR_UNTRUSTED, 9, "evidence does not verify")   \
    X(DS_ERR_DENIED, 10, "refused by policy")            \
    X(DS_ERR_NOTFOUND, 11, "no such object")             \
    X(DS_ERR_STALE, 12, "expired or replayed")           \
    X(DS_ERR_TIMEOUT, 13, "timed out")                   \
    X(DS_ERR_PEER, 14, "peer misbehaved")                \
    X(DS_ERR_CRYPTO, 15, "cryptographic library failed") \
    X(DS_ERR_EXISTS, 16, "already there")                \
    X(DS_ERR_UNAVAILABLE, 17, "not available at present")

enum ds_err {
    DS_OK = 0,
#define X(name, num, text) name = -(num),
    DS_ERR_LIST(X)
#undef X
};

/* What was refused and why; all four may be empty. Text, never secrets. */
struct ds_detail {
    char claim[48];     /* the claim that failed: "rtmr2", "compose_hash" */
    char expected[144]; /* what would have been accepted */
    char got[144];      /* what came */
    char anchor[64];    /* which trust anchor decides: "Intel SGX Root CA" */
};

struct ds_error {
    int cls;           /* enum ds_err */
    enum ds_code code; /* DS_CODE_NONE where the class says it all */
    int sys;           /* errno behind DS_ERR_SYS, else 0 */
    const char *file;  /* where it was raised: __FILE__, static */
    int line;
    char msg[304]; /* NUL-terminated story, outermost context first */
    struct ds_detail detail;
};

/*
 * Raise: fill *e (may be NULL) and yield the class, so: return ds_fail(e, ...). The class is the
 * value of the expression itself, so that the compiler sees which paths return a failure.
 */
#define ds_fail(e, cls, ...) \
    ((void)ds_fail_at((e), (cls), DS_CODE_NONE, 0, __FILE__, __LINE__, __VA_ARGS__), (cls))
#define ds_fail_code(e, cls, code, ...) \
    ((void)ds_fail_at((e), (cls), (code), 0, __FILE__, __LINE__, __VA_ARGS__), (cls))
/* Appends ": <strerror(num)>" to the message. */
#define ds_fail_errno(e, num, ...)                                                            \
    ((void)ds_fail_at((e), DS_ERR_SYS, DS_CODE_NONE, (num), __FILE__, __LINE__, __VA_ARGS__), \
     DS_ERR_SYS)
/* Raise a refusal: the message is the code's sentence with expected and got. NULL means empty. */
#define ds_refuse(e, cls, code, claim, expected, got, anchor)                               \
    ((void)ds_refuse_at((e), (cls), (code), (claim), (expected), (got), (anchor), __FILE__, \
                        __LINE__),                                                          \
     (cls))

int ds_fail_at(struct ds_error *e, int cls, enum ds_code code, int sys, const char *file, int line,
               const char *fmt, ...) DS_PRINTF(7, 8);
int ds_refuse_at(struct ds_error *e, int cls, enum ds_code code, const char *claim,
                 const char *expected, const char *got, const char *anchor, const char *file,
                 int line);

/* Prepend "context: " to e->msg and yield cls: return ds_wrap(e, r, ...). */
int ds_wrap(struct ds_error *e, int cls, const char *fmt, ...) DS_PRINTF(3, 4);

/* Give an error that has none, or a less exact one, this code; e may be NULL. */
#define ds_error_code(e, code) ds_error_code_at((e), (code), __FILE__)
void ds_error_code_at(struct ds_error *e, enum ds_code code, const char *file);

/* Set the four texts of a detail, cut to fit; NULL means empty. */
void ds_detail_set(struct ds_detail *ret, const char *claim, const char *expected, const char *got,
                   const char *anchor);

/*
 * Complete a failure that has a code: texts of its detail that are empty get these, `got` its
 * message. A failure without a code, and NULL texts, stay as they are.
 */
void ds_error_explain(struct ds_error *e, const char *claim, const char *expected,
                      const char *anchor);

/* The class in words; never NULL. */
const char *ds_err_text(int cls);

/* The one hidden return in the tree: forward a failure unchanged. */
#define DS_TRY(call)                            \
    do {                                        \
        int ds_try_r_ = (call);                 \
        if (__builtin_expect(ds_try_r_ < 0, 0)) \
            return ds_try_r_;                   \
    } while (0)

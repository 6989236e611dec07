/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/err.c without its texts. Every function keeps what callers can see of its contract: the class
 * it yields and, where there is a struct, class and code in it. No parser reads a text back, so that
 * what stands in msg and detail cannot matter; they stay arbitrary. Arguments are checked.
 */
#include "base/err.h"
#include "base/span.h"

static void check_text(const char *text)
{
    __CPROVER_assert(text == NULL || __CPROVER_r_ok(text, 1), "a text of an error can be read");
}

static int raise(struct ds_error *e, int cls, enum ds_code code, int sys)
{
    __CPROVER_assert(cls < 0, "a failure has a class");
    if (e == NULL)
        return cls;
    __CPROVER_assert(__CPROVER_w_ok(e, sizeof *e), "an error struct can be written");
    e->cls = cls;
    e->code = code;
    e->sys = sys;
    return cls;
}

int ds_fail_at(struct ds_error *e, int cls, enum ds_code code, int sys, const char *file, int line,
               const char *fmt, ...)
{
    (void)file;
    (void)line;
    __CPROVER_assert(fmt != NULL, "a message has a form");
    return raise(e, cls, code, sys);
}

int ds_refuse_at(struct ds_error *e, int cls, enum ds_code code, const char *claim,
                 const char *expected, const char *got, const char *anchor, const char *file,
                 int line)
{
    (void)file;
    (void)line;
    check_text(claim);
    check_text(expected);
    check_text(got);
    check_text(anchor);
    return raise(e, cls, code, 0);
}

int ds_wrap(struct ds_error *e, int cls, const char *fmt, ...)
{
    (void)e;
    __CPROVER_assert(cls < 0, "a failure has a class");
    __CPROVER_assert(fmt != NULL, "a message has a form");
    return cls;
}

void ds_error_code_at(struct ds_error *e, enum ds_code code, const char *file)
{
    (void)file;
    if (e != NULL)
        e->code = code;
}

void ds_error_explain(struct ds_error *e, const char *claim, const char *expected,
                      const char *anchor)
{
    (void)e;
    check_text(claim);
    check_text(expected);
    check_text(anchor);
}

void ds_detail_set(struct ds_detail *ret, const char *claim, const char *expected, const char *got,
                   const char *anchor)
{
    __CPROVER_assert(__CPROVER_w_ok(ret, sizeof *ret), "a detail can be written");
    check_text(claim);
    check_text(expected);
    check_text(got);
    check_text(anchor);
}

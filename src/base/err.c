/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling the error struct. Nothing here allocates or can fail; texts that do
 * not fit are cut.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/seen.h"

static void copy_cut(char *out, size_t out_len, const char *text)
{
    (void)snprintf(out, out_len, "%s", text != NULL ? text : "");
}

int ds_fail_at(struct ds_error *e, int cls, enum ds_code code, int sys, const char *file, int line,
               const char *fmt, ...)
{
    DS_CODE_SEEN(code, file);
    if (e == NULL)
        return cls;
    memset(e, 0, sizeof *e);
    e->cls = cls;
    e->code = code;
    e->sys = sys;
    e->file = file;
    e->line = line;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    if (sys != 0) {
        char buf[96];
        size_t n = strlen(e->msg);
        (void)snprintf(e->msg + n, sizeof e->msg - n, ": %s", strerror_r(sys, buf, sizeof buf));
    }
    return cls;
}

void ds_error_code_at(struct ds_error *e, enum ds_code code, const char *file)
{
    DS_CODE_SEEN(code, file);
    if (e != NULL)
        e->code = code;
}

void ds_detail_set(struct ds_detail *ret, const char *claim, const char *expected, const char *got,
                   const char *anchor)
{
    copy_cut(ret->claim, sizeof ret->claim, claim);
    copy_cut(ret->expected, sizeof ret->expected, expected);
    copy_cut(ret->got, sizeof ret->got, got);
    copy_cut(ret->anchor, sizeof ret->anchor, anchor);
}

static void fill(char *text, size_t text_len, const char *with)
{
    if (text[0] == '\0' && with != NULL)
        (void)snprintf(text, text_len, "%.*s", (int)text_len - 1, with);
}

void ds_error_explain(struct ds_error *e, const char *claim, const char *expected,
                      const char *anchor)
{
    if (e == NULL || e->code == DS_CODE_NONE)
        return;
    struct ds_detail *d = &e->detail;
    fill(d->claim, sizeof d->claim, claim);
    fill(d->expected, sizeof d->expected, expected);
    fill(d->got, sizeof d->got, e->msg);
    fill(d->anchor, sizeof d->anchor, anchor);
}

/* NOLINTNEXTLINE(readability-function-size): callers use the macro, which fills in the place. */
int ds_refuse_at(struct ds_error *e, int cls, enum ds_code code, const char *claim,
                 const char *expected, const char *got, const char *anchor, const char *file,
                 int line)
{
    DS_CODE_SEEN(code, file);
    if (e == NULL)
        return cls;
    memset(e, 0, sizeof *e);
    e->cls = cls;
    e->code = code;
    e->file = file;
    e->line = line;
    ds_detail_set(&e->detail, claim, expected, got, anchor);
    const char *what = ds_code_info_get(code)->what;
    int n = snprintf(e->msg, sizeof e->msg, "%s", what);
    if (n > 0 && (size_t)n < sizeof e->msg && (expected != NULL || got != NULL))
        (void)snprintf(e->msg + n, sizeof e->msg - (size_t)n, " (%s: expected %.100s, got %.100s)",
                       claim != NULL ? claim : "value", expected != NULL ? expected : "?",
                       got != NULL ? got : "?");
    return cls;
}

int ds_wrap(struct ds_error *e, int cls, const char *fmt, ...)
{
    if (e == NULL)
        return cls;
    char inner[sizeof e->msg];
    memcpy(inner, e->msg, sizeof inner);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    size_t n = strlen(e->msg);
    if (n + 2 < sizeof e->msg)
        (void)snprintf(e->msg + n, sizeof e->msg - n, ": %.*s", (int)(sizeof e->msg - n - 3),
                       inner);
    return cls;
}

const char *ds_err_text(int cls)
{
    switch (cls) {
#define X(name, num, text) \
    case name:             \
        return text;
        DS_ERR_LIST(X)
#undef X
    default:
        return cls == DS_OK ? "no error" : "unknown error class";
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One write(2) a line: time, level, program, event, key="value" pairs.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

struct line {
    char text[1024];
    size_t len;
};

static void add_char(struct line *l, char c)
{
    if (l->len < sizeof l->text - 1) /* one byte stays for the newline */
        l->text[l->len++] = c;
}

static void add_str(struct line *l, const char *s)
{
    for (; *s != '\0'; s++)
        add_char(l, *s);
}

static void add_escaped(struct line *l, const char *s)
{
    static const char digits[] = "0123456789abcdef";
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            add_char(l, '\\');
            add_char(l, (char)c);
        } else if (c < 0x20 || c >= 0x7f) {
            add_str(l, "\\x");
            add_char(l, digits[c >> 4]);
            add_char(l, digits[c & 15]);
        } else {
            add_char(l, (char)c);
        }
    }
}

void ds_log_at(const struct ds_log *log, enum ds_log_level level, const char *event, ...)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    if (level < log->min)
        return;
    struct line l = { .len = 0 };
    char when[21];
    add_str(&l, ds_clock_iso(when, ds_clock_now_s()));
    add_char(&l, ' ');
    add_str(&l, names[level]);
    add_char(&l, ' ');
    add_str(&l, log->program);
    add_char(&l, ' ');
    add_str(&l, event);
    va_list ap;
    va_start(ap, event);
    for (const char *key = va_arg(ap, const char *); key != NULL; key = va_arg(ap, const char *)) {
        const char *value = va_arg(ap, const char *);
        add_char(&l, ' ');
        add_str(&l, key);
        add_str(&l, "=\"");
        add_escaped(&l, value != NULL ? value : "");
        add_char(&l, '"');
    }
    va_end(ap);
    l.text[l.len++] = '\n';
    /* There is nowhere left to report that the log cannot be written. */
    ssize_t ignored = write(STDERR_FILENO, l.text, l.len);
    (void)ignored;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a log, or the word that it stays inside. A failed engine writes
 * much after the line that says why: the lines are chosen, not just cut off.
 */
#include "guest/engine_log.h"

#include <assert.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

#define TAIL_LEN  ((off_t)256 * 1024) /* of a log: what is looked at */
#define TAIL_MAX  ((size_t)1 << 20)   /* it may grow while it is read */
#define LINES_MAX 8                   /* of what is told */
#define LINE_LEN  sizeof(((struct ds_detail *)NULL)->got)
#define OUT_MIN   32 /* room for two lines that are cut */
#define BETWEEN   " | "
#define CUT       "..."

struct picked {
    char lines[LINES_MAX][LINE_LEN]; /* newest first */
    size_t n, left;                  /* characters of the whole that are left */
};

static bool holds(struct ds_span line, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= line.len; i++)
        if (strncasecmp((const char *)line.p + i, word, n) == 0)
            return true;
    return false;
}

/* Where a line names its level, that decides: `level=info msg="skip" error="no aufs"` is none. */
static bool is_error(struct ds_span line)
{
    static const char *const levels[] = { "level=error", "level=fatal", "level=panic" };
    static const char *const words[] = { "error", "fail", "fatal", "panic", "denied", "cannot" };
    bool has_level = holds(line, "level=");
    const char *const *list = has_level ? levels : words;
    for (size_t i = 0; i < (has_level ? DS_LEN(levels) : DS_LEN(words)); i++)
        if (holds(line, list[i]))
            return true;
    return false;
}

/* `time="2026-01-01T00:00:00Z" level=...`: a third of the room, and it says nothing about why. */
static struct ds_span without_time(struct ds_span line)
{
    static const char mark[] = "time=\"";
    size_t at = sizeof mark - 1;
    if (line.len <= at || memcmp(line.p, mark, at) != 0)
        return line;
    const uint8_t *end = memchr(line.p + at, '"', line.len - at);
    return end == NULL ? line : ds_span_sub(line, (size_t)(end - line.p) + 2, line.len);
}

/* Take the last line that is not blank off *text; false when there is none. */
static bool line_back(struct ds_span *text, struct ds_span *ret)
{
    do {
        while (text->len > 0 && text->p[text->len - 1] <= ' ')
            text->len--;
        size_t from = text->len;
        while (from > 0 && text->p[from - 1] != '\n')
            from--;
        *ret = without_time(ds_span_sub(*text, from, text->len - from));
        text->len = from;
    } while (ret->len == 0 && text->len > 0);
    return ret->len > 0;
}

/* Take a line, cut in its middle to `max` characters. */
static void take(struct picked *p, struct ds_span line, size_t max)
{
    char *out = p->lines[p->n++];
    size_t room = max + 1 < LINE_LEN ? max + 1 : LINE_LEN; /* with the NUL */
    if (line.len < room) {
        (void)ds_str_printable(out, room, line);
    } else {
        size_t head = room / 3, tail = room - 1 - head - (sizeof CUT - 1);
        (void)ds_str_printable(out, head + 1, line);
        memcpy(out + head, CUT, sizeof CUT - 1);
        (void)ds_str_printable(out + head + sizeof CUT - 1, tail + 1,
                               ds_span_sub(line, line.len - tail, tail));
    }
    size_t took = strlen(out) + sizeof BETWEEN - 1;
    p->left -= took < p->left ? took : p->left;
}

static bool error_back(struct ds_span *text, struct ds_span *ret)
{
    while (line_back(text, ret))
        if (is_error(*ret))
            return true;
    return false;
}

static void pick(struct picked *p, struct ds_span log)
{
    struct ds_span line, error;
    if (!line_back(&log, &line))
        return;
    struct ds_span above = log;
    bool has_error = error_back(&above, &error);
    size_t half = p->left / 2, want = has_error ? error.len + sizeof BETWEEN - 1 : 0;
    take(p, line, p->left - (want < half ? want : half));
    if (has_error) {
        take(p, error, p->left);
        log = above;
    }
    bool errors_only = has_error || is_error(line);
    while (p->n < LINES_MAX && (errors_only ? error_back(&log, &line) : line_back(&log, &line)) &&
           line.len <= p->left)
        take(p, line, p->left);
}

void guest_engine_log_end(char *out, size_t out_len, struct ds_span log)
{
    struct picked p = { .left = out_len - 1 };
    size_t at = 0;
    assert(out_len >= OUT_MIN);
    pick(&p, log);
    (void)snprintf(out, out_len, "no log");
    while (p.n-- > 0) {
        int n = snprintf(out + at, out_len - at, "%s%s", p.lines[p.n], p.n > 0 ? BETWEEN : "");
        at += n > 0 && (size_t)n < out_len - at ? (size_t)n : 0;
    }
}

/* Nothing when it cannot be read: without its log the failure is still told. */
static void load_tail(struct ds_buf *ret, const char *path)
{
    DS_AUTO(ds_auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_whole = fd < 0 || lseek(fd, -TAIL_LEN, SEEK_END) <= 0;
    if (fd < 0 || ds_fd_load(ret, fd, TAIL_MAX, path, NULL) < 0) {
        ds_buf_clear(ret);
        return;
    }
    const char *begin = is_whole || ret->len == 0 ? NULL : memchr(ret->p, '\n', ret->len);
    if (begin != NULL)
        ds_buf_drop(ret, (size_t)(begin - ret->p) + 1);
}

int guest_engine_fail(struct ds_error *e, int cls, enum ds_code code, const char *what,
                      const char *log_path, bool logs_are_public)
{
    DS_AUTO(ds_buf_done) struct ds_buf log = { 0 };
    char text[LINE_LEN];
    if (!logs_are_public)
        return ds_refuse(e, cls, code, what, "success",
                         "a failure; its output stays in the VM, for public_logs is false",
                         "app-compose");
    load_tail(&log, log_path);
    guest_engine_log_end(text, sizeof text, ds_buf_span(&log));
    (void)ds_fail_code(e, cls, code, "%s (%s: expected success, got %s)",
                       ds_code_info_get(code)->what, what, text);
    if (e != NULL)
        ds_detail_set(&e->detail, what, "success", text, "container engine");
    return cls;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure part of the initramfs init: text in, values out. It stands apart
 * from the system calls so that tests and fuzzers reach it without a machine.
 */
#include "params.h"

#include <stdio.h>

#include "base/str.h"

#define ROOT_LEN_MAX ((uint64_t)1 << 40)

static int refuse(struct ds_error *e, const char *expected, struct ds_span got)
{
    char text[80];
    (void)snprintf(text, sizeof(text), "%.*s", (int)(got.len < 79 ? got.len : 79),
                   (const char *)got.p);
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_GUEST_INIT_CMDLINE, "cmdline", expected, text,
                     "the measured kernel command line");
}

static bool is_root_hash(struct ds_span s)
{
    if (s.len != 64)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool digit = s.p[i] >= '0' && s.p[i] <= '9';
        bool letter = s.p[i] >= 'a' && s.p[i] <= 'f';
        if (!digit && !letter)
            return false;
    }
    return true;
}

/* Cut the next word off *text; empty at its end. */
static struct ds_span word_next(struct ds_span *text)
{
    size_t at = 0, end;
    while (at < text->len && text->p[at] <= ' ')
        at++;
    for (end = at; end < text->len && text->p[end] > ' ';)
        end++;
    struct ds_span word = ds_span_sub(*text, at, end - at);
    *text = ds_span_sub(*text, end, text->len);
    return word;
}

/* The value of the last word "<key>=<value>"; *ret_n counts the words with that key. */
static struct ds_span value_get(struct ds_span cmdline, const char *key, size_t *ret_n)
{
    struct ds_span word, found = { 0 };
    size_t key_len = strlen(key);
    *ret_n = 0;
    while ((word = word_next(&cmdline)).len > 0) {
        if (word.len <= key_len || word.p[key_len] != '=' ||
            !ds_span_eq_str(ds_span_sub(word, 0, key_len), key))
            continue;
        found = ds_span_sub(word, key_len + 1, word.len);
        (*ret_n)++;
    }
    return found;
}

int init_params_parse(struct init_params *ret, struct ds_span cmdline, struct ds_error *e)
{
    size_t n_hash, n_size;
    struct init_params out = { 0 };
    struct ds_span hash = value_get(cmdline, "dstack.rootfs_hash", &n_hash);
    struct ds_span size = value_get(cmdline, "dstack.rootfs_size", &n_size);

    if (n_hash != 1 || n_size != 1)
        return refuse(e, "dstack.rootfs_hash= and dstack.rootfs_size= once each", cmdline);
    if (!is_root_hash(hash))
        return refuse(e, "dstack.rootfs_hash= with 64 lower-case hex digits", hash);
    if (ds_str_u64(&out.root_len, size, ROOT_LEN_MAX, NULL) != DS_OK || out.root_len == 0 ||
        out.root_len % INIT_BLOCK_LEN != 0)
        return refuse(e, "dstack.rootfs_size= with a multiple of 4096", size);
    memcpy(out.root_hash, hash.p, hash.len);
    *ret = out;
    return DS_OK;
}

int init_module_next(struct init_module *ret, struct ds_span *list, struct ds_error *e)
{
    struct ds_span line;
    struct init_module out = { 0 };
    while (ds_span_line(list, &line)) {
        struct ds_span rest = line;
        struct ds_span file = word_next(&rest), path = word_next(&rest), word = word_next(&rest);
        if (file.len == 0 || file.p[0] == '#')
            continue;
        if (memchr(file.p, '/', file.len) != NULL || word_next(&rest).len > 0 ||
            !ds_str_copy_span(out.file, sizeof(out.file), file) ||
            !ds_str_copy_span(out.path, sizeof(out.path), path) ||
            !ds_str_copy_span(out.word, sizeof(out.word), word))
            return ds_fail_code(e, DS_ERR_FORMAT, DS_CODE_GUEST_INIT_MODULE,
                                "the module list has the line '%.*s'",
                                (int)(line.len < 200 ? line.len : 200), (const char *)line.p);
        break;
    }
    *ret = out;
    return DS_OK;
}

bool init_word_is_in(struct ds_span text, const char *word)
{
    struct ds_span found;
    while ((found = word_next(&text)).len > 0)
        if (ds_span_eq_str(found, word))
            return true;
    return false;
}

bool init_corrupt_find(char *ret, size_t ret_len, struct ds_span kmsg, const char *dev)
{
    /* drivers/md/dm-verity-target.c: "verity: 254:0: data block 12 is corrupted" */
    static const char *const kinds[] = { "metadata block ", "data block " };
    static const char tail[] = " is corrupted";
    struct ds_span line;
    char head[64];

    int head_len = snprintf(head, sizeof(head), "verity: %s: ", dev);
    if (head_len < 0 || (size_t)head_len >= sizeof(head))
        return false;
    while (ds_span_line(&kmsg, &line)) {
        const uint8_t *at = memmem(line.p, line.len, head, (size_t)head_len);
        const uint8_t *end = memmem(line.p, line.len, tail, sizeof(tail) - 1);
        if (at == NULL || end == NULL || end < at + head_len)
            continue;
        struct ds_span block = DS_SPAN(at + head_len, (size_t)(end - at) - (size_t)head_len);
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (block.len > strlen(kinds[i]) &&
                ds_span_eq_str(ds_span_sub(block, 0, strlen(kinds[i])), kinds[i]))
                return ds_str_copy_span(ret, ret_len, block);
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the measured kernel command line says about the root file system.
 */

#include "base/span.h"

#define INIT_BLOCK_LEN 4096 /* bytes of a data block and of a hash block */

struct init_params {
    char root_hash[65]; /* 64 lower-case hex digits, NUL-terminated */
    uint64_t root_len;  /* bytes of data; the hash tree starts there */
};

/*
 * Read dstack.rootfs_hash= and dstack.rootfs_size= from the command line. Each
 * stands exactly once: of two, nobody could say which one was meant.
 *
 * err:  FORMAT  guest.init_cmdline
 */
DS_MUST_USE int init_params_parse(struct init_params *ret, struct ds_span cmdline,
                                  struct ds_error *e);

/* A line of a module list: "FILE [PATH [WORD]]". */
struct init_module {
    char file[64]; /* in the list's directory; empty: the list has ended */
    char path[64]; /* load it only where this file exists; empty: always */
    char word[32]; /* and holds this word between white space; empty: whatever it holds */
};

/*
 * The next row of a module list, which is in load order; blank lines and '#'
 * lines are passed over.
 *
 * err:  FORMAT  guest.init_module: a word is too long, there are more than three, or the file
 *               is not a plain name
 */
DS_MUST_USE int init_module_next(struct init_module *ret, struct ds_span *list, struct ds_error *e);

/* Does the text hold this word, with white space or an end on both sides? */
bool init_word_is_in(struct ds_span text, const char *word);

/*
 * Find the first report of a damaged block in text of the kernel log.
 *
 * in:   dev   "major:minor" of the disk below the verity device, as the kernel prints it
 * out:  ret   "data block 12" or "metadata block 7"; untouched when there is none
 */
bool init_corrupt_find(char *ret, size_t ret_len, struct ds_span kmsg, const char *dev);

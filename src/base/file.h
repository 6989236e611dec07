/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files: read whole with a bound, written so that a crash leaves the old or the
 * new content and never a mixture.
 */

#include <sys/types.h>

#include "base/buf.h"

/*
 * Read a whole file.
 *
 * in:   path  relative to the current directory or absolute; symlinks are followed
 *       max   bytes; a longer file is DS_ERR_RANGE with file.too_large
 * out:  ret   *appended* to; must be initialised
 * err:  NOTFOUND, SYS, RANGE, NOMEM
 */
DS_MUST_USE int ds_file_load(struct ds_buf *ret, const char *path, size_t max, struct ds_error *e);
DS_MUST_USE int ds_fd_load(struct ds_buf *ret, int fd, size_t max, const char *what,
                           struct ds_error *e);

/*
 * Replace a file: write beside it, fsync, rename, fsync the directory. `point`
 * names the fault hooks of this write: "<point>.before", "<point>.written",
 * "<point>.renamed".
 */
DS_MUST_USE int ds_file_save(const char *path, struct ds_span content, mode_t mode,
                             const char *point, struct ds_error *e);

/*
 * The same for a file that was written by other means: `tmp`, on the same file system, takes the
 * place of `path`.
 */
DS_MUST_USE int ds_file_commit(const char *path, const char *tmp, const char *point,
                               struct ds_error *e);

/* Remove a file so that it stays removed; not there is fine. Hooks: "<point>.before",
 * "<point>.removed". */
DS_MUST_USE int ds_file_remove(const char *path, const char *point, struct ds_error *e);

DS_MUST_USE int ds_fd_write_all(int fd, struct ds_span bytes, struct ds_error *e);

/* mkdir -p; the last part gets `mode`, made parents 0755. What it made is there to stay. */
DS_MUST_USE int ds_dir_make(const char *path, mode_t mode, struct ds_error *e);
/* rm -rf, never following links. Not there is fine. */
DS_MUST_USE int ds_dir_remove(const char *path, struct ds_error *e);

bool ds_file_exists(const char *path);

/*
 * Whether something of this name is there, a link to nothing included. For what must not be made
 * anew by mistake: "cannot be told" is an error here, where ds_file_exists says no.
 */
DS_MUST_USE int ds_file_find(bool *ret_found, const char *path, struct ds_error *e);

/*
 * Take the lock file (made 0600, kept open): one holder at a time.
 *
 * out:  ret_fd  holds the lock until closed
 * err:  EXISTS  someone else holds it
 */
DS_MUST_USE int ds_file_lock(int *ret_fd, const char *path, struct ds_error *e);

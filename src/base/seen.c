/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test build's record of the codes that were raised (see seen.h).
 */
#include "base/seen.h"

#ifdef DS_FAULTS

#    include <fcntl.h>
#    include <stdatomic.h>
#    include <stdbool.h>
#    include <stdlib.h>
#    include <string.h>
#    include <unistd.h>

#    define LINE_MAX_LEN 96

static atomic_bool seen[DS_CODE_COUNT];

/* One write of O_APPEND a line: lines of many processes never mix. */
static void append(const char *path, const char *id)
{
    char line[LINE_MAX_LEN];
    size_t n = strlen(id);
    if (n + 1 > sizeof line)
        return;
    memcpy(line, id, n);
    line[n] = '\n';
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    /* A line that is lost shows as a code that no test provokes. */
    ssize_t written = write(fd, line, n + 1);
    (void)written;
    (void)close(fd);
}

/* secure_getenv: a set-uid program ignores it. */
void ds_code_seen(enum ds_code code, const char *file)
{
    if (code <= DS_CODE_NONE || code >= DS_CODE_COUNT || strstr(file, "tests/") != NULL)
        return;
    const char *path = secure_getenv("DSTACK_CODES_FILE");
    if (path != NULL && !atomic_exchange(&seen[code], true))
        append(path, ds_code_info_get(code)->id);
}

#else

typedef int ds_seen_not_compiled; /* an empty translation unit is no C */

#endif

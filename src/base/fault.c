/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test build's way to die at a named point (see fault.h).
 */
#include "base/fault.h"

#ifdef DS_FAULTS

#    include <signal.h>
#    include <stdio.h>
#    include <stdlib.h>
#    include <unistd.h>

#    include "base/str.h"

/* DSTACK_FAULT_FILE is read with secure_getenv: a set-uid program ignores it. */
void ds_fault_hit(const char *point)
{
    static uint64_t passed;
    const char *path = secure_getenv("DSTACK_FAULT_FILE");
    FILE *f = path != NULL ? fopen(path, "re") : NULL;
    if (f == NULL)
        return;
    char line[128] = "";
    char *got = fgets(line, sizeof line, f);
    (void)fclose(f);
    if (got == NULL)
        return;
    line[strcspn(line, "\n")] = '\0';
    char *at = strchr(line, '@');
    uint64_t nth = 1;
    if (at != NULL) {
        *at = '\0';
        if (ds_str_u64(&nth, ds_span_str(at + 1), UINT32_MAX, NULL) < 0)
            return;
    }
    if (strcmp(line, point) != 0 || ++passed < nth)
        return;
    (void)unlink(path);
    (void)kill(getpid(), SIGKILL);
}

void ds_fault_step(const char *point, const char *step)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s.%s", point, step);
    ds_fault_hit(name);
}

#else

typedef int ds_fault_not_compiled; /* an empty translation unit is no C */

#endif

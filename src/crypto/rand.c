/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ds_rand over getrandom(2): no state of ours, nothing to fork or to seed.
 */
#include "crypto/rand.h"

#include <errno.h>
#include <sys/random.h>

int ds_rand(void *out, size_t len, struct ds_error *e)
{
    uint8_t *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ds_fail_errno(e, errno, "get %zu random bytes", len);
        p += n;
        len -= (size_t)n;
    }
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for keys: locked, not dumped, wiped.
 */
#include "base/secret.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECRET_LEN_MAX ((size_t)64 * 1024)

void ds_key32_wipe(struct ds_key32 *k) { explicit_bzero(k, sizeof *k); }

bool ds_ct_equal(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;
    for (size_t i = 0; i < n; i++)
        diff |= (uint8_t)(x[i] ^ y[i]);
    return diff == 0;
}

int ds_secret_new(struct ds_secret *ret, size_t len, struct ds_error *e)
{
    if (len == 0 || len > SECRET_LEN_MAX)
        return ds_fail(e, DS_ERR_RANGE, "a secret of %zu bytes; 1 to %zu are possible", len,
                       SECRET_LEN_MAX);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t map_len = (len + page - 1) / page * page;
    void *p = mmap(NULL, map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return ds_fail(e, DS_ERR_NOMEM, "map %zu bytes for a secret", map_len);
    if (mlock(p, map_len) != 0 || madvise(p, map_len, MADV_DONTDUMP) != 0 ||
        madvise(p, map_len, MADV_WIPEONFORK) != 0) {
        int err = errno;
        (void)munmap(p, map_len);
        return ds_fail_errno(e, err, "lock %zu bytes for a secret (ulimit -l)", map_len);
    }
    *ret = (struct ds_secret){ .p = p, .len = len, .map_len = map_len };
    return DS_OK;
}

void ds_secret_wipe(struct ds_secret *s)
{
    if (s->p != NULL) {
        explicit_bzero(s->p, s->map_len);
        (void)munmap(s->p, s->map_len);
    }
    *s = (struct ds_secret){ 0 };
}

void ds_ct_public(const void *p, size_t n)
{
    (void)p;
    (void)n;
}

int ds_process_harden(struct ds_error *e)
{
    struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return ds_fail_errno(e, errno, "turn core dumps off");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return ds_fail_errno(e, errno, "make the process undumpable");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ds_fail_errno(e, errno, "give up new privileges");
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths from the environment; see place.h for the rule. secure_getenv: a
 * set-uid program ignores the variables.
 */
#include "base/place.h"

#include "base/scope.h"
#include "base/span.h"

static int put_path(char ret[static DS_PLACE_MAX], const char *a, const char *b, struct ds_error *e)
{
    char out[DS_PLACE_MAX];
    int n = snprintf(out, sizeof out, "%s%s", a, b);
    if (n < 0 || (size_t)n >= sizeof out)
        return ds_fail(e, DS_ERR_RANGE, "the path '%.100s%.100s' is too long", a, b);
    memcpy(ret, out, (size_t)n + 1);
    return DS_OK;
}

int ds_place_state(char ret[static DS_PLACE_MAX], struct ds_error *e)
{
    const char *own = secure_getenv("DSTACK_STATE");
    const char *xdg = secure_getenv("XDG_STATE_HOME");
    const char *home = secure_getenv("HOME");
    if (own != NULL && own[0] == '/')
        return put_path(ret, own, "", e);
    if (xdg != NULL && xdg[0] == '/')
        return put_path(ret, xdg, "/dstack", e);
    if (geteuid() == 0)
        return put_path(ret, "/var/lib/dstack", "", e);
    if (home == NULL || home[0] != '/')
        return ds_fail(e, DS_ERR_ARG, "neither DSTACK_STATE nor HOME names an absolute directory");
    return put_path(ret, home, "/.local/state/dstack", e);
}

int ds_place_images(char ret[static DS_PLACE_MAX], struct ds_error *e)
{
    const char *own = secure_getenv("DSTACK_IMAGES");
    char state[DS_PLACE_MAX];
    if (own != NULL && own[0] == '/')
        return put_path(ret, own, "", e);
    DS_TRY(ds_place_state(state, e));
    return put_path(ret, state, "/images", e);
}

int ds_place_program(char ret[static DS_PLACE_MAX], const char *room, const char *name,
                     struct ds_error *e)
{
    char self[DS_PLACE_MAX];
    char near[DS_PLACE_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return ds_fail(e, DS_ERR_NOTFOUND, "cannot tell where this program is");
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        slash[1] = '\0';
    DS_TRY(put_path(near, self, name, e));
    if (access(near, X_OK) == 0)
        return put_path(ret, near, "", e);
    char beside[128];
    (void)snprintf(beside, sizeof beside, "../%s/%s", room, name);
    DS_TRY(put_path(near, self, beside, e));
    if (access(near, X_OK) == 0)
        return put_path(ret, near, "", e);
    return ds_fail(e, DS_ERR_NOTFOUND, "program '%s' is neither in '%s' nor in '%s../%s'", name,
                   self, self, room);
}

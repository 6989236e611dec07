/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Private to app/: typed access to an object of app-compose.json, and the parts
 * of it that are lists and objects of their own.
 */

#include "app/compose.h"
#include "codec/json.h"

struct compose_in {
    const struct ds_json_tok *obj;
    struct ds_arena *mem;
};

/* Raise app.compose_format: "app-compose.json: 'key' <what>". */
int compose_bad(struct ds_error *e, const char *key, const char *what);
/* The same as app.compose_unsupported. */
int compose_unsupported(struct ds_error *e, const char *key, const char *what);

/* The member, NULL when it is absent or null. */
const struct ds_json_tok *compose_find(const struct compose_in *in, const char *key);

/* A value that must be a text of at most max bytes. An empty one has p != NULL. */
DS_MUST_USE int compose_text_of(struct ds_span *ret, const struct compose_in *in,
                                const struct ds_json_tok *t, const char *key, size_t max,
                                struct ds_error *e);
/* The next four leave *ret alone when the member is absent. */
DS_MUST_USE int compose_text(struct ds_span *ret, const struct compose_in *in, const char *key,
                             size_t max, struct ds_error *e);
DS_MUST_USE int compose_bool(bool *ret, const struct compose_in *in, const char *key,
                             struct ds_error *e);
DS_MUST_USE int compose_hex32(uint8_t ret32[32], bool *ret_is_there, const struct compose_in *in,
                              const char *key, struct ds_error *e);
DS_MUST_USE int compose_u64(uint64_t *ret, const struct compose_in *in, const char *key,
                            uint64_t max, struct ds_error *e);

/* The bytes of a hex text, in the arena. */
DS_MUST_USE int compose_hex_of(struct ds_span *ret, const struct compose_in *in,
                               struct ds_span text, const char *key, struct ds_error *e);
/* -1 for what is no digit. */
int compose_hex_digit(uint8_t c);

DS_MUST_USE int compose_ports(struct app_compose *c, const struct compose_in *in,
                              struct ds_error *e);
DS_MUST_USE int compose_requirements(struct app_compose *c, const struct compose_in *in,
                                     struct ds_error *e);
DS_MUST_USE int compose_registries(struct app_compose *c, const struct compose_in *in,
                                   struct ds_error *e);
DS_MUST_USE int compose_volumes(struct app_compose *c, const struct compose_in *in,
                                struct ds_error *e);

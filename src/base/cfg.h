/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Daemon configuration: YAML text checked against one table. The same rows give
 * the defaults, the bounds, the help page and the commented example file.
 * Unknown keys are errors that name the nearest known key.
 */

#include "base/buf.h"

enum ds_cfg_kind {
    DS_CFG_BOOL,   /* bool: true or false */
    DS_CFG_U64,    /* uint64_t within [min, max] */
    DS_CFG_TEXT,   /* char *, at least `min` and at most `max` bytes (0: no bound) */
    DS_CFG_CHOICE, /* char *, one of `choices` */
    DS_CFG_LIST,   /* struct ds_cfg_list: a sequence of texts, at most `max` (0: no bound) */
};

struct ds_cfg_list {
    char **v;
    size_t n;
};

struct ds_cfg_key {
    const char *key; /* dotted for nested maps: "network.port_base" */
    enum ds_cfg_kind kind;
    const char *unit;   /* "s", "bytes", "MiB"; NULL where there is none */
    const char *preset; /* the default, as YAML text; NULL: the key is required */
    uint64_t min, max;
    const char *const *choices; /* NULL-terminated; DS_CFG_CHOICE only */
    const char *help;
    size_t offset; /* offsetof the field in the result struct */
};

struct ds_cfg_schema {
    const char *program; /* "dstack-vmm" */
    const struct ds_cfg_key *keys;
    size_t n_keys;
};

#define DS_CFG_FILE_MAX ((size_t)1 << 20)

/*
 * Fill the caller's struct from YAML text (empty text: the defaults).
 *
 * in:   what  names the text in messages: a path
 * out:  ret   zeroed before; free it with ds_cfg_done
 * err:  FORMAT  cfg.syntax, cfg.unknown_key, cfg.wrong_type, cfg.duplicate_key
 *       RANGE   cfg.out_of_bounds
 *       ARG     cfg.missing_key
 */
DS_MUST_USE int ds_cfg_parse(const struct ds_cfg_schema *schema, void *ret, struct ds_span yaml,
                             const char *what, struct ds_error *e);
/* The same from a file; NULL path: the defaults. */
DS_MUST_USE int ds_cfg_load(const struct ds_cfg_schema *schema, void *ret, const char *path,
                            struct ds_error *e);
/* Free the texts and lists of a filled struct. */
void ds_cfg_done(const struct ds_cfg_schema *schema, void *cfg);

/* The schema as a commented YAML file with every default. */
void ds_cfg_help(struct ds_buf *out, const struct ds_cfg_schema *schema);

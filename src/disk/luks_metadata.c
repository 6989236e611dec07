/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every member of the metadata against the one value that it may have, and every
 * object against the number of members that it has.
 */
#include "disk/luks_metadata.h"

#include <stdio.h>

#include "base/scope.h"
#include "base/str.h"
#include "codec/json.h"

#define TOKENS_MAX    512 /* ours has some sixty values */
#define TEXT(number)  TEXT_(number)
#define TEXT_(number) #number

/* Refused when it holds other members than those below, or more of them. */
static const struct {
    const char *claim, *path;
    uint32_t n;
} counts[] = {
    { "metadata", "", 5 },
    { "key slots", "keyslots", 1 },
    { "key slot members", "keyslots.0", 5 },
    { "key slot splitter members", "keyslots.0.af", 3 },
    { "key slot area members", "keyslots.0.area", 5 },
    { "key slot function members", "keyslots.0.kdf", 4 },
    { "tokens", "tokens", 0 },
    { "segments", "segments", 1 },
    { "segment members", "segments.0", 6 }, /* no integrity, no flags */
    { "digests", "digests", 1 },
    { "digest members", "digests.0", 7 },
    { "configuration members", "config", 2 }, /* no flags, no requirements */
};

/* NULL: any text or number, which only libcryptsetup reads. */
static const struct {
    const char *claim, *path, *value;
} values[] = {
    { "cipher", "segments.0.encryption", "aes-xts-plain64" },
    { "segment kind", "segments.0.type", "crypt" },
    { "payload offset", "segments.0.offset", TEXT(DISK_LUKS_PAYLOAD_AT) },
    { "payload length", "segments.0.size", "dynamic" },
    { "iv offset", "segments.0.iv_tweak", "0" },
    { "sector bytes", "segments.0.sector_size", TEXT(DISK_LUKS_SECTOR_LEN) },
    { "key slot kind", "keyslots.0.type", "luks2" },
    { "key bytes", "keyslots.0.key_size", TEXT(DISK_LUKS_KEY_LEN) },
    { "key slot splitter", "keyslots.0.af.type", "luks1" },
    { "key slot stripes", "keyslots.0.af.stripes", "4000" },
    { "key slot splitter hash", "keyslots.0.af.hash", "sha256" },
    { "key slot area kind", "keyslots.0.area.type", "raw" },
    { "key slot cipher", "keyslots.0.area.encryption", "aes-xts-plain64" },
    { "key slot cipher key bytes", "keyslots.0.area.key_size", TEXT(DISK_LUKS_KEY_LEN) },
    { "key slot function", "keyslots.0.kdf.type", "pbkdf2" },
    { "key slot function hash", "keyslots.0.kdf.hash", "sha256" },
    /* A huge round count would stall the boot. */
    { "key slot rounds", "keyslots.0.kdf.iterations", TEXT(DISK_LUKS_PBKDF2_ROUNDS) },
    { "digest kind", "digests.0.type", "pbkdf2" },
    { "digest hash", "digests.0.hash", "sha256" },
    { "key slots of the digest", "digests.0.keyslots.0", "0" },
    { "segments of the digest", "digests.0.segments.0", "0" },
    { "key slot area offset", "keyslots.0.area.offset", NULL },
    { "key slot area length", "keyslots.0.area.size", NULL },
    { "key slot salt", "keyslots.0.kdf.salt", NULL },
    { "digest salt", "digests.0.salt", NULL },
    { "digest rounds", "digests.0.iterations", NULL },
    { "digest", "digests.0.digest", NULL },
    { "metadata length", "config.json_size", NULL },
    { "key slots length", "config.keyslots_size", NULL },
};

static int refuse(struct ds_error *e, const char *claim, const char *expected, const char *got)
{
    return ds_refuse(e, DS_ERR_DENIED, DS_CODE_DISK_HEADER_REFUSED, claim, expected, got,
                     "LUKS2 header copy");
}

/* "segments.0.type": names of members; of an array only a first and single element, "0". */
static const struct ds_json_tok *find(const struct ds_json_tok *at, const char *path)
{
    while (at != NULL && *path != '\0') {
        char name[32];
        size_t n = strcspn(path, ".");
        if (!ds_str_copy_span(name, sizeof name, DS_SPAN(path, n)))
            return NULL;
        if (at->type == DS_JSON_ARRAY)
            at = at->n == 1 && strcmp(name, "0") == 0 ? ds_json_first(at) : NULL;
        else
            at = ds_json_find(at, name);
        path += path[n] == '.' ? n + 1 : n;
    }
    return at;
}

static int check_count(const struct ds_json_tok *root, size_t row, struct ds_error *e)
{
    char expected[16], got[16] = "no object";
    const struct ds_json_tok *t = find(root, counts[row].path);
    bool is_object = t != NULL && t->type == DS_JSON_OBJECT;
    if (is_object && t->n == counts[row].n)
        return DS_OK;
    (void)snprintf(expected, sizeof expected, "%u", counts[row].n);
    if (is_object)
        (void)snprintf(got, sizeof got, "%u", t->n);
    return refuse(e, counts[row].claim, expected, got);
}

static int check_value(const struct ds_json_tok *root, size_t row, struct ds_error *e)
{
    char got[64] = "none";
    const char *want = values[row].value;
    const struct ds_json_tok *t = find(root, values[row].path);
    bool is_scalar = t != NULL && (t->type == DS_JSON_STRING || t->type == DS_JSON_NUMBER);
    if (is_scalar && (want == NULL || ds_span_eq_str(t->raw, want)))
        return DS_OK;
    if (t != NULL)
        (void)ds_str_printable(got, sizeof got, t->raw);
    return refuse(e, values[row].claim, want != NULL ? want : "a text or number", got);
}

int disk_luks_metadata_check(struct ds_span json, struct ds_error *e)
{
    DS_AUTO(ds_auto_free)
    struct ds_json_tok *toks = calloc(TOKENS_MAX, sizeof *toks);
    if (toks == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the LUKS2 metadata");
    if (json.len > DISK_LUKS_METADATA_MAX || ds_json_parse(toks, TOKENS_MAX, json, NULL) < 0)
        return refuse(e, "metadata", "JSON of one key slot and one segment", "something else");
    for (size_t i = 0; i < DS_LEN(counts); i++)
        DS_TRY(check_count(toks, i, e));
    for (size_t i = 0; i < DS_LEN(values); i++)
        DS_TRY(check_value(toks, i, e));
    return DS_OK;
}

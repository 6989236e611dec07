/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles. The members are written in the order of JCS by hand, and a bundle
 * that is read is written again and compared: one form only.
 */
#include "collateral/bundle.h"

#include <stdlib.h>

#include "base/hex.h"
#include "codec/jcs.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "crypto/verify.h"

#define BUNDLE_TAG  "dstack-collateral-bundle-v1" /* its NUL is the separator */
#define HEAD        "{\"bundle\":{\"issued_s\":"
#define VERSION     1
#define INTEGER_MAX (((uint64_t)1 << 53) - 1) /* JCS has no larger ones */

bool bundle_is(struct ds_span file)
{
    return ds_span_eq(ds_span_sub(file, 0, sizeof HEAD - 1), DS_SPAN_LIT(HEAD));
}

static int compare(const void *a, const void *b)
{
    const struct ds_span *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int r = n > 0 ? memcmp(x->p, y->p, n) : 0;
    if (r != 0 || x->len == y->len)
        return r;
    return x->len < y->len ? -1 : 1;
}

/* Sorted, each once. */
static size_t sort_sets(struct ds_span sets[static BUNDLE_SETS_MAX], size_t n)
{
    size_t kept = 0;
    qsort(sets, n, sizeof sets[0], compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !ds_span_eq(sets[kept - 1], sets[i]))
            sets[kept++] = sets[i];
    return kept;
}

static bool is_date(int64_t s) { return s >= 0 && (uint64_t)s <= INTEGER_MAX; }

/* The text that is signed, *appended*. */
static int put_document(struct ds_buf *ret, const struct bundle *b, struct ds_error *e)
{
    struct ds_span sets[BUNDLE_SETS_MAX];
    size_t total = 0;
    if (b->n_sets == 0 || b->n_sets > BUNDLE_SETS_MAX || !is_date(b->issued_s) ||
        !is_date(b->until_s))
        return ds_fail(e, DS_ERR_RANGE, "a bundle of %zu sets; from 1 to %d are packed", b->n_sets,
                       BUNDLE_SETS_MAX);
    memcpy(sets, b->sets, b->n_sets * sizeof sets[0]);
    size_t n = sort_sets(sets, b->n_sets);
    for (size_t i = 0; i < n; i++)
        total += sets[i].len;
    if (total > BUNDLE_MAX / 2)
        return ds_fail(e, DS_ERR_RANGE, "%zu bytes of collateral; at most %zu are packed", total,
                       BUNDLE_MAX / 2);
    ds_buf_printf(ret, "{\"issued_s\":%lld,\"sets\":[", (long long)b->issued_s);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            ds_buf_char(ret, ',');
        ds_jcs_str(ret, sets[i]);
    }
    ds_buf_printf(ret, "],\"until_s\":%lld,\"v\":%d}", (long long)b->until_s, VERSION);
    return ds_buf_end(ret, e, "bundle");
}

static void put_file(struct ds_buf *ret, struct ds_span document, const uint8_t sig64[static 64],
                     struct ds_span spki)
{
    ds_buf_str(ret, "{\"bundle\":");
    ds_buf_add(ret, document);
    ds_buf_str(ret, ",\"signature\":\"");
    ds_buf_hex(ret, DS_SPAN(sig64, 64));
    ds_buf_str(ret, "\",\"spki\":\"");
    ds_buf_hex(ret, spki);
    ds_buf_str(ret, "\"}");
}

int bundle_encode(struct ds_buf *ret, const struct bundle *b, const struct ds_p256_key *key,
                  struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf document = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf message = { 0 };
    uint8_t sig64[64], spki[DS_P256_SPKI_LEN];
    DS_TRY(put_document(&document, b, e));
    ds_buf_add(&message, DS_SPAN(BUNDLE_TAG, sizeof BUNDLE_TAG));
    ds_buf_add(&message, ds_buf_span(&document));
    DS_TRY(ds_buf_end(&message, e, "bundle"));
    DS_TRY(ds_p256_sign(sig64, key, ds_buf_span(&message), e));
    ds_p256_key_spki(spki, key);
    put_file(ret, ds_buf_span(&document), sig64, DS_SPAN_OF(spki));
    return ds_buf_end(ret, e, "bundle");
}

struct file {
    struct ds_span document;
    uint8_t sig64[64], spki[DS_P256_SPKI_LEN];
};

static int read_sets(struct bundle *b, struct ds_arena *mem, const struct ds_json_tok *doc,
                     struct ds_error *e)
{
    const struct ds_json_tok *sets;
    DS_TRY(ds_json_get(&sets, doc, "sets", DS_JSON_ARRAY, e));
    if (sets->n > BUNDLE_SETS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "%u sets; at most %d are read", sets->n, BUNDLE_SETS_MAX);
    for (const struct ds_json_tok *s = ds_json_first(sets); s != NULL; s = ds_json_next(sets, s)) {
        if (s->type != DS_JSON_STRING)
            return ds_fail(e, DS_ERR_FORMAT, "a set that is no text");
        DS_TRY(ds_json_str(&b->sets[b->n_sets], mem, s, e));
        b->n_sets++;
    }
    return DS_OK;
}

static int read_file(struct bundle *b, struct file *f, struct ds_arena *mem, struct ds_span text,
                     struct ds_error *e)
{
    const struct ds_json_tok *root, *doc;
    uint64_t issued_s = 0, until_s = 0, version = 0;
    DS_TRY(ds_json_parse_in(&root, mem, text, e));
    DS_TRY(ds_json_get(&doc, root, "bundle", DS_JSON_OBJECT, e));
    DS_TRY(ds_json_get_hex(f->sig64, sizeof f->sig64, root, "signature", e));
    DS_TRY(ds_json_get_hex(f->spki, sizeof f->spki, root, "spki", e));
    DS_TRY(ds_json_get_u64(&version, doc, "v", VERSION, e));
    DS_TRY(ds_json_get_u64(&issued_s, doc, "issued_s", INTEGER_MAX, e));
    DS_TRY(ds_json_get_u64(&until_s, doc, "until_s", INTEGER_MAX, e));
    DS_TRY(read_sets(b, mem, doc, e));
    b->issued_s = (int64_t)issued_s;
    b->until_s = (int64_t)until_s;
    f->document = doc->raw;
    return DS_OK;
}

static int check_form(const struct bundle *b, const struct file *f, struct ds_span text,
                      struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf document = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
    DS_TRY(put_document(&document, b, e));
    put_file(&again, ds_buf_span(&document), f->sig64, DS_SPAN_OF(f->spki));
    DS_TRY(ds_buf_end(&again, e, "bundle"));
    if (!ds_span_eq(ds_buf_span(&again), text))
        return ds_fail(e, DS_ERR_FORMAT, "it is not in its canonical form");
    return DS_OK;
}

static int check_signature(const struct file *f, const uint8_t signer32[static 32],
                           struct ds_error *e)
{
    const struct ds_span parts[] = { DS_SPAN(BUNDLE_TAG, sizeof BUNDLE_TAG), f->document };
    uint8_t xy64[64], digest32[32];
    struct ds_error why = { 0 };
    int r = ds_p256_of_spki(xy64, DS_SPAN_OF(f->spki), &why);
    if (r == DS_OK)
        r = ds_hash_v(DS_SHA256, digest32, parts, DS_LEN(parts), &why);
    if (r == DS_OK)
        r = ds_p256_verify(xy64, digest32, f->sig64, &why);
    if (r == DS_OK)
        return DS_OK;
    return ds_refuse(e, r == DS_ERR_CRYPTO ? r : DS_ERR_UNTRUSTED,
                     DS_CODE_COLLATERAL_BUNDLE_SIGNATURE, "bundle",
                     "signed by the key that stands in it", why.msg, DS_HEX(DS_SPAN(signer32, 32)));
}

int bundle_parse(struct bundle *ret, struct ds_arena *mem, struct ds_span file,
                 const uint8_t *signer32, struct ds_error *e)
{
    struct bundle b = { 0 };
    struct file f;
    struct ds_error why = { 0 };
    int r = file.len > BUNDLE_MAX ? ds_fail(&why, DS_ERR_RANGE, "it is too long")
                                  : read_file(&b, &f, mem, file, &why);
    if (r == DS_OK)
        r = check_form(&b, &f, file, &why);
    if (r < 0)
        return ds_refuse(e, r == DS_ERR_NOMEM ? r : DS_ERR_FORMAT, DS_CODE_COLLATERAL_BUNDLE_FORMAT,
                         "bundle", "canonical JSON", why.msg, NULL);
    DS_TRY(ds_hash(DS_SHA256, b.signer32, DS_SPAN_OF(f.spki), e));
    if (signer32 != NULL && memcmp(signer32, b.signer32, 32) != 0)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_COLLATERAL_BUNDLE_SIGNER, "signer",
                         DS_HEX(DS_SPAN(signer32, 32)), DS_HEX(DS_SPAN_OF(b.signer32)), NULL);
    DS_TRY(check_signature(&f, b.signer32, e));
    *ret = b;
    return DS_OK;
}

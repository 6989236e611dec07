/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of the tests.
 */
#include "kit.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json_write.h"

static const char *const keys[] = {
    "pck_crl",     "pck_crl_issuer_chain",     "qe_identity",
    "root_ca_crl", "qe_identity_issuer_chain", "qe_identity_signature",
    "tcb_info",    "tcb_info_issuer_chain",    "tcb_info_signature",
};

void kit_open(struct kit *k, size_t mem_len)
{
    struct ds_error e = { 0 };
    *k = (struct kit){ .dir = "/tmp/ds-coll-XXXXXX", .cap = mem_len };
    assert_non_null(mkdtemp(k->dir));
    if (simtee_pki_open(&k->pki, k->dir, NOW_S, &e) < 0)
        fail_msg("%s", e.msg);
    k->extra = (struct ds_extra_anchor){ .name = "test machine", .is_simulated = true };
    simtee_pki_root_spki32(k->extra.spki_sha256, k->pki);
    k->anchors = (struct ds_anchors){ .extra = &k->extra, .n_extra = 1 };
    k->room = malloc(mem_len);
    assert_non_null(k->room);
}

void kit_close(struct kit *k)
{
    simtee_pki_free(k->pki);
    free(k->room);
    assert_int_equal(ds_dir_remove(k->dir, NULL), DS_OK);
}

struct ds_arena kit_mem(const struct kit *k) { return ds_arena_of(k->room, k->cap); }

struct ds_span kit_set(const struct kit *k) { return simtee_pki_collateral(k->pki); }

struct ds_span kit_part(struct ds_arena *mem, const struct kit *k, const char *key, bool is_hex)
{
    const struct ds_json_tok *root;
    struct ds_span text = { 0 };
    size_t len = 0;
    assert_int_equal(ds_json_parse_in(&root, mem, kit_set(k), NULL), DS_OK);
    assert_int_equal(ds_json_str(&text, mem, ds_json_find(root, key), NULL), DS_OK);
    if (!is_hex)
        return text;
    uint8_t *out = ds_arena_get(mem, text.len / 2);
    assert_int_equal(ds_hex_decode_any(out, &len, text.len / 2, text, NULL), DS_OK);
    return DS_SPAN(out, len);
}

void kit_set_with(struct ds_buf *ret, const struct kit *k, const char *key, const char *text)
{
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    for (size_t i = 0; i < DS_LEN(keys); i++) {
        struct ds_arena mem = kit_mem(k);
        bool is_it = strcmp(keys[i], key) == 0;
        if (!is_it)
            ds_jw_text(&w, keys[i], kit_part(&mem, k, keys[i], false));
        else if (text != NULL)
            ds_jw_str(&w, keys[i], text);
    }
    ds_jw_object_end(&w);
    assert_int_equal(ds_jw_end(&w, NULL, "set"), DS_OK);
}

char *kit_text(struct ds_span s)
{
    char *text = ds_str_dup_span(s);
    assert_non_null(text);
    return text;
}

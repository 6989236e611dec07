/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads evidence from a file: bytes, or a reply of the guest's socket.
 */
#include "cli/evidence.h"

#include "attest/coded.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/json.h"

#define FILE_MAX  ((size_t)16 << 20)
#define TOKEN_MEM ((size_t)4 << 20)

/* {"attestation": "<hex>"} or {"quote": "<hex>"}: the replies of Attest and GetQuote. */
static int evidence_of_json(struct ds_buf *bytes, struct ds_error *e)
{
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(TOKEN_MEM);
    const struct ds_json_tok *root;
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the evidence");
    struct ds_arena mem = ds_arena_of(room, TOKEN_MEM);
    DS_TRY(ds_json_parse_in(&root, &mem, ds_buf_span(bytes), e));
    const struct ds_json_tok *hex = ds_json_find(root, "attestation");
    if (hex == NULL || hex->raw.len == 0)
        hex = ds_json_find(root, "quote");
    if (hex == NULL || hex->type != DS_JSON_STRING)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_CLI_EVIDENCE_FILE, "file",
                         "a member attestation or quote", "neither", NULL);
    size_t len = 0;
    DS_AUTO(ds_auto_free) uint8_t *raw = malloc(hex->raw.len / 2 + 1);
    if (raw == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the evidence");
    DS_TRY(ds_hex_decode_any(raw, &len, hex->raw.len / 2 + 1, hex->raw, e));
    ds_buf_clear(bytes);
    ds_buf_add(bytes, DS_SPAN(raw, len));
    return ds_buf_end(bytes, e, "evidence");
}

int cli_evidence_load(struct ds_buf *ret, const char *path, struct ds_error *e)
{
    int r = ds_file_load(ret, path, FILE_MAX, e);
    if (r == DS_OK && ret->len > 0 && ret->p[0] == '{')
        r = evidence_of_json(ret, e);
    return ds_coded(r, DS_CODE_CLI_EVIDENCE_FILE, e);
}

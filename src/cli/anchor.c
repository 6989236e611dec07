/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the root certificate that a person trusts for one command.
 */
#include "cli/anchor.h"

#include "attest/coded.h"
#include "attest/x509.h"
#include "base/file.h"
#include "codec/pem.h"
#include "crypto/hash.h"

static int read_anchor(struct ds_extra_anchor *ret, const char *path, bool simulated,
                       struct ds_error *e)
{
    uint8_t room[8192];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    struct ds_span der;
    struct ds_x509 cert;
    DS_TRY(ds_file_load(&text, path, sizeof room, e));
    struct ds_span rest = ds_buf_span(&text);
    DS_TRY(ds_pem_next(&der, &rest, "CERTIFICATE", &mem, e));
    DS_TRY(ds_x509_parse(&cert, der, e));
    *ret = (struct ds_extra_anchor){ .is_simulated = simulated };
    (void)snprintf(ret->name, sizeof ret->name, "root in %.50s", path);
    return ds_hash(DS_SHA256, ret->spki_sha256, cert.spki, e);
}

int cli_anchor_load(struct ds_extra_anchor *ret, const char *path, bool simulated,
                    struct ds_error *e)
{
    return ds_coded(read_anchor(ret, path, simulated, e), DS_CODE_CLI_ANCHOR_FILE, e);
}

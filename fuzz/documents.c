/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON documents that come with evidence or from the host: sys-config,
 * vm_config and MrConfigV3, whatever the bytes are taken for.
 */
#include <arpa/inet.h>

#include "app/mr_config.h"
#include "app/vm_config.h"
#include "fuzz.h"
#include "guest/sys_config.h"

#define INPUT_MAX ((size_t)64 << 10)

static max_align_t room[((size_t)4 << 20) / sizeof(max_align_t)];

static void try_sys_config(struct ds_span in)
{
    struct ds_error e;
    DS_AUTO(guest_sys_config_done) struct guest_sys_config c = { 0 };
    if (!fuzz_is_ok(guest_sys_config_parse(&c, in, &e), &e)) {
        FUZZ_CHECK(c.vm_config == NULL && c.mr_config == NULL);
        return;
    }
    FUZZ_CHECK(c.n_kms_urls <= GUEST_KMS_URLS_MAX && c.n_nics <= GUEST_NICS_MAX);
    FUZZ_CHECK(c.vm_config != NULL && c.mr_config != NULL);
    for (size_t i = 0; i < c.n_kms_urls; i++)
        FUZZ_CHECK(memchr(c.kms_urls[i], '\0', GUEST_URL_MAX) != NULL);
    for (size_t i = 0; i < c.n_nics; i++)
        FUZZ_CHECK(c.nics[i].prefix_len <= 32);
}

static void try_vm_config(struct ds_span in)
{
    struct ds_error e;
    struct app_vm_config c;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    if (!fuzz_is_ok(app_vm_config_parse(&c, &mem, in, &e), &e))
        return;
    fuzz_check_borrowed(c.checksum_file, in, &mem);
    fuzz_check_borrowed(c.measurement, in, &mem);
    fuzz_check_borrowed(c.mr_config, in, &mem);
    FUZZ_CHECK(c.checksum_file.len <= APP_CHECKSUM_FILE_MAX);
    FUZZ_CHECK(c.measurement.len <= APP_MEASUREMENT_MAX);
    uint8_t hash32[32];
    (void)fuzz_is_ok(app_checksum_find(hash32, c.checksum_file, "measurement.tdx.cbor", &e), &e);
}

/* The document is hashed, so there is one text for one meaning. */
static void try_mr_config(struct ds_span in)
{
    struct ds_error e;
    struct app_mr_config c;
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf twice = { 0 };
    if (!fuzz_is_ok(app_mr_config_parse(&c, &mem, in, &e), &e))
        return;
    FUZZ_CHECK(c.n_init_script_hashes <= APP_INIT_SCRIPTS_MAX);
    FUZZ_CHECK(app_mr_config_encode(&out, &c, &e) == DS_OK);
    struct app_mr_config again;
    FUZZ_CHECK(app_mr_config_parse(&again, &mem, ds_buf_span(&out), &e) == DS_OK);
    FUZZ_CHECK(app_mr_config_encode(&twice, &again, &e) == DS_OK);
    FUZZ_CHECK(ds_span_eq(ds_buf_span(&out), ds_buf_span(&twice)));
    FUZZ_CHECK(app_mr_config_check(&c, &again, &e) == DS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ds_span in = DS_SPAN(data, len);
    if (len > INPUT_MAX)
        return 0;
    try_sys_config(in);
    try_vm_config(in);
    try_mr_config(in);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence of a running VM, through the VMM's Attest.
 */
#include "cli/verify_vm.h"

#include <stdio.h>
#include <time.h>

#include "app/identity.h"
#include "base/clock.h"
#include "base/hex.h"
#include "cli/daemons.h"
#include "cli/record.h"
#include "cli/verify.h"
#include "codec/json_write.h"
#include "crypto/rand.h"

#define CHANNEL_MS 15000

static int attest(struct ds_buf *ret, struct cli *cli, const char *id, const uint8_t nonce32[32],
                  struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf params = { 0 };
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    struct ds_jw w = ds_jw_of(&params);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "id", id);
    ds_jw_hex(&w, "nonce", DS_SPAN(nonce32, 32));
    ds_jw_object_end(&w);
    DS_TRY(ds_jw_end(&w, e, "Attest"));
    /* A VMM that was just started is still finding its VMs and their channels. */
    int64_t deadline = ds_clock_mono_ms() + CHANNEL_MS;
    int r = cli_vmm_call(&doc, cli, "Attest", ds_buf_span(&params), e);
    while (r == DS_ERR_UNAVAILABLE && ds_clock_mono_ms() < deadline) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = 200000000L }, NULL);
        r = cli_vmm_call(&doc, cli, "Attest", ds_buf_span(&params), e);
    }
    DS_TRY(r);
    const char *hex = cli_text(yyjson_doc_get_root(doc), "attestation");
    size_t cap = strlen(hex) / 2 + 1, len = 0;
    uint8_t *room = ds_buf_room(ret, cap);
    if (room == NULL)
        return ds_buf_end(ret, e, "evidence");
    DS_TRY(ds_hex_decode_any(room, &len, cap, ds_span_str(hex), e));
    ds_buf_took(ret, len);
    return DS_OK;
}

/* The simulated platform's collateral and root; on TDX there is nothing to get from the VMM. */
static int simulated(struct ds_buf *ret_collateral, struct ds_extra_anchor *ret, struct cli *cli,
                     struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_TRY(cli_vmm_call(&doc, cli, "GetSimulatedCollateral", DS_SPAN_LIT(""), e));
    yyjson_val *root = yyjson_doc_get_root(doc);
    size_t len = 0;
    DS_AUTO(ds_auto_free)
    char *text = yyjson_val_write(yyjson_obj_get(root, "collateral"), 0, &len);
    if (text == NULL)
        return ds_fail(e, DS_ERR_PEER, "dstack-vmm gave no collateral");
    ds_buf_add(ret_collateral, DS_SPAN(text, len));
    *ret = (struct ds_extra_anchor){ .is_simulated = true };
    (void)snprintf(ret->name, sizeof ret->name, "simulated root of this machine");
    return ds_hex_decode(ret->spki_sha256, 32, ds_span_str(cli_text(root, "root_spki_sha256")), e);
}

/* What `up` recorded, where it did. */
static int expect(struct cli_verify *in, struct cli_record *record, uint8_t compose32[32],
                  const struct cli *cli, const char *name, struct ds_error *e)
{
    struct ds_error why;
    int r = cli_record_load(record, cli, name, &why);
    if (r == DS_ERR_NOTFOUND)
        return DS_OK; /* not made by `up` of this user: nothing to compare with */
    if (r < 0) {
        *e = why;
        return r;
    }
    in->os_image_hash32 = DS_SPAN_OF(record->os_image32);
    in->kms_spki = ds_buf_span(&record->kms_spki);
    in->compose_hash32 = DS_SPAN(compose32, 32);
    return app_compose_hash(compose32, ds_buf_span(&record->app_compose), e);
}

int cli_verify_vm(struct cli *cli, const char *name, bool allow_simulated, struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf collateral = { 0 };
    struct ds_extra_anchor anchor;
    uint8_t nonce32[32], compose32[32];
    yyjson_val *vm;
    DS_TRY(cli_vm_get(&doc, &vm, cli, name, e));
    DS_TRY(ds_rand(nonce32, sizeof nonce32, e));
    DS_TRY(attest(&evidence, cli, cli_text(vm, "id"), nonce32, e));
    DS_TRY(simulated(&collateral, &anchor, cli, e));
    DS_AUTO(cli_record_done) struct cli_record record = { 0 };
    struct cli_verify in = { .allow_simulated = allow_simulated,
                             .attestation = ds_buf_span(&evidence),
                             .collateral = ds_buf_span(&collateral),
                             .anchors = { &anchor, 1 },
                             .nonce32 = DS_SPAN_OF(nonce32),
                             .now_s = ds_clock_now_s() };
    DS_TRY(expect(&in, &record, compose32, cli, cli_text(vm, "name"), e));
    return cli_verify(cli, &in, e);
}

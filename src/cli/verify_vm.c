/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence of a running VM, through the VMM's Attest.
 */
#include "cli/verify_vm.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "cli/daemons.h"
#include "cli/verify.h"
#include "codec/json_write.h"
#include "crypto/rand.h"

/* A VMM that was just started is still finding its VMs and their channels. */
#define CHANNEL_MS      15000
#define CHANNEL_POLL_NS 200000000L

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
    int64_t deadline = ds_clock_mono_ms() + CHANNEL_MS;
    int r = cli_vmm_call(&doc, cli, "Attest", ds_buf_span(&params), e);
    while (r == DS_ERR_UNAVAILABLE && ds_clock_mono_ms() < deadline) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = CHANNEL_POLL_NS }, NULL);
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

static void expect(struct cli_verify *in, const struct cli_record *want)
{
    in->app_id20 = DS_SPAN_OF(want->app_id20);
    if (want->instance.has)
        in->instance_id20 = DS_SPAN_OF(want->instance.id20);
    in->compose_hash32 = DS_SPAN_OF(want->compose32);
    in->os_image_hash32 = DS_SPAN_OF(want->os_image32);
    in->kms_spki = ds_buf_span(&want->kms_spki);
}

int cli_verify_vm(struct cli *cli, struct cli_instance *ret, const struct cli_verify_vm *in,
                  struct ds_error *e)
{
    DS_AUTO(cli_doc_free) yyjson_doc *doc = NULL;
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf collateral = { 0 };
    DS_AUTO(cli_record_done) struct cli_record record = { 0 };
    struct ds_extra_anchor anchor;
    uint8_t nonce32[32];
    yyjson_val *vm;
    bool has_record = false;
    DS_TRY(cli_vm_get(&doc, &vm, cli, in->name, e));
    DS_TRY(cli_vm_check_runs(vm, e));
    if (in->want == NULL)
        DS_TRY(cli_record_load(&record, &has_record, cli, cli_text(vm, "name"), e));
    const struct cli_record *want = has_record ? &record : in->want;
    DS_TRY(ds_rand(nonce32, sizeof nonce32, e));
    DS_TRY(attest(&evidence, cli, cli_text(vm, "id"), nonce32, e));
    DS_TRY(simulated(&collateral, &anchor, cli, e));
    struct cli_verify v = { .allow_simulated = in->allow_simulated,
                            .policy = in->policy,
                            .needs_record = !in->any_app,
                            .attestation = ds_buf_span(&evidence),
                            .collateral = ds_buf_span(&collateral),
                            .anchors = { &anchor, 1 },
                            .nonce32 = DS_SPAN_OF(nonce32),
                            .now_s = ds_clock_now_s() };
    if (want != NULL)
        expect(&v, want);
    return cli_verify(cli, ret, &v, e);
}

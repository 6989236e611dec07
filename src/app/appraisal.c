/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence in, facts out. Each step leans on the one before: the order is the
 * argument.
 */
#include "app/appraisal.h"

#include "attest/eventlog/bind.h"
#include "attest/tdx/claims.h"
#include "attest/tdx/verify.h"
#include "base/hex.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "policy/image.h"

#define MEASUREMENT_NAME "measurement.tdx.cbor"

int app_appraise_quote(struct app_appraisal *a, struct ds_arena *mem,
                       const struct ds_attestation *evidence, const struct app_evidence *in,
                       struct ds_error *e)
{
    struct ds_tdx_quote quote;
    struct ds_dcap_collateral coll;
    struct ds_claims *claims = ds_claims_new_in(mem);
    if (claims == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "appraise evidence");
    if (evidence->platform != DS_ATTESTATION_TDX)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_APP_PLATFORM_UNSUPPORTED, "platform",
                         "dstack-tdx", "another platform", NULL);
    DS_TRY(ds_tdx_quote_parse(&quote, evidence->quote, e));
    DS_TRY(ds_dcap_collateral_parse(&coll, mem, in->collateral, e));
    DS_TRY(ds_tdx_quote_verify(claims, mem, &quote, &coll, in->anchors, in->now_s, e));
    a->evidence = *evidence;
    a->unbound = claims;
    a->claims = claims;
    return DS_OK;
}

int app_appraise_log(const struct app_appraisal *a, struct ds_error *e)
{
    return ds_claims_bind_log(a->unbound, &a->evidence.log, e);
}

/* The image documents that came along are those of the image they name. */
static int check_documents(const struct app_vm_config *vm, struct ds_verdict *v, bool *ret_ok,
                           struct ds_error *e)
{
    uint8_t sum32[32], listed32[32], doc32[32];
    *ret_ok = false;
    DS_TRY(ds_hash(DS_SHA256, sum32, vm->checksum_file, e));
    if (memcmp(sum32, vm->os_image_hash32, 32) != 0) {
        ds_verdict_add(v, DS_CODE_APP_IMAGE_DOCUMENTS, "os_image_hash",
                       DS_HEX(DS_SPAN_OF(vm->os_image_hash32)), DS_HEX(DS_SPAN_OF(sum32)),
                       "sha256sum.txt");
        return DS_OK;
    }
    DS_TRY(app_checksum_find(listed32, vm->checksum_file, MEASUREMENT_NAME, e));
    DS_TRY(ds_hash(DS_SHA256, doc32, vm->measurement, e));
    if (memcmp(doc32, listed32, 32) != 0) {
        ds_verdict_add(v, DS_CODE_APP_IMAGE_DOCUMENTS, MEASUREMENT_NAME,
                       DS_HEX(DS_SPAN_OF(listed32)), DS_HEX(DS_SPAN_OF(doc32)), "sha256sum.txt");
        return DS_OK;
    }
    *ret_ok = true;
    return DS_OK;
}

/* That image on that machine gives exactly the registers that were quoted. */
static int check_image(struct app_appraisal *a, struct ds_verdict *v, const struct app_acpi *known,
                       struct ds_error *e)
{
    bool ok;
    struct measure_acpi acpi;
    DS_TRY(check_documents(&a->vm, v, &ok, e));
    if (!ok)
        return DS_OK;
    DS_TRY(measure_image_parse(&a->image, a->vm.measurement, e));
    DS_TRY(known != NULL ? known->find(known->arg, &acpi, &a->vm.shape, e)
                         : measure_acpi_find(&acpi, &a->vm.shape, e));
    DS_TRY(measure_tdx_predict(&a->predicted, &a->image, &a->vm.shape, &acpi, e));
    a->image_known = true;
    uint32_t before = v->n_reasons + v->n_dropped;
    policy_image_check(v, a->claims, &a->evidence.log, &a->predicted);
    /* The log repeats the image's hash once the KMS has told it to the guest. */
    struct ds_span logged = ds_claims_os_image_hash(a->claims);
    if (logged.len != 0 && !ds_span_eq(logged, DS_SPAN_OF(a->vm.os_image_hash32)))
        ds_verdict_add(v, DS_CODE_APP_IMAGE_DOCUMENTS, "os-image-hash event",
                       DS_HEX(DS_SPAN_OF(a->vm.os_image_hash32)), DS_HEX(logged), "RTMR3");
    a->image_proved = v->n_reasons + v->n_dropped == before;
    return DS_OK;
}

int app_appraise_image(struct app_appraisal *a, struct ds_verdict *v, struct ds_arena *mem,
                       const struct app_acpi *acpi, struct ds_error *e)
{
    DS_TRY(app_vm_config_parse(&a->vm, mem, a->evidence.config, e));
    return check_image(a, v, acpi, e);
}

/* {"name":"kms","id":"<hex>"}; name and id of the key-provider event. */
static int parse_provider(struct app_mr_config *ret, struct ds_arena *mem, struct ds_span json,
                          struct ds_error *e)
{
    const struct ds_json_tok *root;
    struct ds_span name, id;
    DS_TRY(ds_json_parse_in(&root, mem, json, e));
    DS_TRY(ds_json_get_str(&name, root, "name", e));
    DS_TRY(ds_json_get_str(&id, root, "id", e));
    if (ds_span_eq_str(name, "local-sgx"))
        name = DS_SPAN_LIT("local");
    if (!app_key_provider_find(&ret->key_provider, name))
        return ds_fail(e, DS_ERR_FORMAT, "the key-provider event names no key provider");
    uint8_t *raw = ds_arena_get(mem, id.len / 2 + 1);
    size_t len = 0;
    if (raw == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "appraise evidence");
    DS_TRY(ds_hex_decode_any(raw, &len, id.len / 2 + 1, id, e));
    ret->key_provider_id = DS_SPAN(raw, len);
    return DS_OK;
}

int app_appraise_identity(struct app_appraisal *a, struct ds_verdict *v, struct ds_arena *mem,
                          struct ds_error *e)
{
    struct ds_error why;
    if (a->vm.mr_config.len == 0) {
        ds_verdict_add(v, DS_CODE_APP_MR_CONFIG_MISSING, "mr_config", "a MrConfigV3 document",
                       "none", "MRCONFIGID");
        return DS_OK;
    }
    DS_TRY(app_mr_config_parse(&a->mr_config, mem, a->vm.mr_config, e));
    if (app_mr_config_check_id(ds_claims_mrconfigid48(a->claims).p, a->vm.mr_config, &why) < 0) {
        ds_verdict_add_error(v, &why, DS_CODE_APP_MR_CONFIG_MISMATCH);
        return DS_OK;
    }
    struct app_mr_config actual = a->mr_config;
    actual.app_id = ds_claims_app_id(a->claims);
    actual.instance_id = ds_claims_instance_id(a->claims);
    actual.gpu_policy_hash = ds_claims_gpu_policy_hash(a->claims);
    struct ds_span compose = ds_claims_compose_hash(a->claims);
    if (compose.len == 32)
        memcpy(actual.compose_hash32, compose.p, 32);
    struct ds_span provider = ds_claims_key_provider(a->claims);
    if (provider.len != 0)
        DS_TRY(parse_provider(&actual, mem, provider, e));
    if (compose.len != 32 || app_mr_config_check(&a->mr_config, &actual, &why) < 0) {
        if (compose.len != 32)
            ds_verdict_add(v, DS_CODE_APP_MR_CONFIG_MISMATCH, "compose_hash", "in the event log",
                           "absent", "RTMR3");
        else
            ds_verdict_add_error(v, &why, DS_CODE_APP_MR_CONFIG_MISMATCH);
        return DS_OK;
    }
    a->identity_proved = true;
    return DS_OK;
}

int app_appraise(struct app_appraisal *ret, struct ds_verdict *verdict, struct ds_arena *mem,
                 const struct app_evidence *in, struct ds_error *e)
{
    struct app_appraisal a = { 0 };
    struct ds_attestation evidence;
    DS_TRY(ds_attestation_parse(&evidence, mem, in->attestation, e));
    DS_TRY(app_appraise_quote(&a, mem, &evidence, in, e));
    DS_TRY(app_appraise_log(&a, e));
    int r = app_appraise_image(&a, verdict, mem, NULL, e);
    if (r == DS_OK)
        r = app_appraise_identity(&a, verdict, mem, e);
    if (r < 0) {
        ds_error_explain(e, "vm_config", "an image and a machine that can be measured here",
                         "host-shared vm_config, held against the registers");
        return r;
    }
    *ret = a;
    return DS_OK;
}

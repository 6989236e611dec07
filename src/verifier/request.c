/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies into inputs.
 */
#include "verifier/request.h"

#include <string.h>

#include "base/hex.h"
#include "codec/pem.h"
#include "ear/ear.h"
#include "rpc/serve.h"
#include "verifier/evidence.h"

#define QUOTE_MAX       ((size_t)65536)
#define CERTIFICATE_MAX ((size_t)65536)

/* clang-format off */
const struct rpc_field verifier_compatible_fields[VERIFIER_N_COMPATIBLE_FIELDS] = {
    { "attestation", RPC_HEX, false, 0, "versioned attestation; then quote, event_log and vm_config are passed over", NULL, 0 },
    { "quote", RPC_HEX, false, QUOTE_MAX, "TDX quote", NULL, 0 },
    { "event_log", RPC_TEXT, false, 0, "JSON text of the event log", NULL, 0 },
    { "vm_config", RPC_TEXT, false, 0, "JSON text of the machine's description", NULL, 0 },
    { "debug", RPC_BOOL, false, 0, "taken, and without effect", NULL, 0 },
};

const struct rpc_field verifier_v1_fields[VERIFIER_N_V1_FIELDS] = {
    { "attestation", RPC_HEX, false, 0, "versioned attestation; goes before a quote", NULL, 0 },
    { "quote", RPC_HEX, false, QUOTE_MAX, "TDX or SGX quote, or SEV-SNP report", NULL, 0 },
    { "event_log", RPC_TEXT, false, 0, "with a quote: JSON text of the event log", NULL, 0 },
    { "vm_config", RPC_TEXT, false, 0, "with a quote, bare or in a certificate: JSON text of the machine's description", NULL, 0 },
    { "certificates", RPC_TEXT, false, CERTIFICATE_MAX, "with an SEV-SNP report: its VCEK or VLEK and their issuers, PEM", NULL, 0 },
    { "evidence", RPC_HEX, false, 0, "evidence of any kind that has a media type here, told by its bytes; goes before an attestation", NULL, 0 },
    { "certificate", RPC_TEXT, false, CERTIFICATE_MAX, "certificate with evidence inside (dstack's extensions, id-pe-cmw, TCG's), PEM; goes before all others", NULL, 0 },
    { "collateral", RPC_OBJECT, false, 0, "the vendor's documents for this platform; absent: the verifier's own", NULL, 0 },
    { "nonce", RPC_HEX, false, EAR_NONCE_MAX, "what the evidence must answer: report_data is it, or what Attest makes of its 32 bytes", NULL, 0 },
    { "report_data", RPC_HEX, false, 64, "report_data that the evidence must have, zeros filled in", NULL, 0 },
    { "policy", RPC_OBJECT, false, 0, "policy document (docs/policy.md) that must hold beside what the verifier is configured for", NULL, 0 },
};
/* clang-format on */

void verifier_request_done(struct verifier_request *r)
{
    yyjson_doc_free(r->doc);
    free(r->collateral);
    free(r->policy);
    *r = (struct verifier_request){ 0 };
}

static int bad(const char *claim, const char *expected, const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, claim, expected, got, NULL);
}

static yyjson_val *field(const struct verifier_request *r, const char *name)
{
    return yyjson_obj_get(yyjson_doc_get_root(r->doc), name);
}

static struct ds_span text_of(const struct verifier_request *r, const char *name)
{
    yyjson_val *v = field(r, name);
    return DS_SPAN(yyjson_get_str(v), yyjson_get_len(v));
}

static int bytes_of(struct ds_span *ret, const struct verifier_request *r, struct ds_arena *mem,
                    const char *name, struct ds_error *e)
{
    struct ds_span hex = text_of(r, name);
    *ret = (struct ds_span){ 0 };
    if (hex.len == 0)
        return DS_OK;
    /* The table lets 0x pass for other methods' sake; here, as in dstack's verifier, nothing does. */
    if (hex.len >= 2 && hex.p[1] == 'x')
        return bad(name, "hex without 0x", "hex with it", e);
    uint8_t *out = ds_arena_get(mem, hex.len / 2);
    size_t len = 0;
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read %s", name);
    DS_TRY(ds_hex_decode_any(out, &len, hex.len / 2, hex, e));
    *ret = DS_SPAN(out, len);
    return DS_OK;
}

static int read_evidence(struct verifier_input *ret, const struct verifier_request *r,
                         struct ds_arena *mem, struct ds_error *e)
{
    DS_TRY(bytes_of(&ret->attestation, r, mem, "attestation", e));
    if (ret->attestation.len > 0)
        return DS_OK;
    DS_TRY(bytes_of(&ret->quote, r, mem, "quote", e));
    if (ret->quote.len == 0)
        return DS_OK;
    ret->certificates = text_of(r, "certificates");
    ret->event_log = text_of(r, "event_log");
    ret->vm_config = text_of(r, "vm_config");
    return DS_OK;
}

int verifier_request_compatible(struct verifier_input *ret, struct verifier_request *r,
                                struct ds_arena *mem, struct ds_span body, struct ds_error *e)
{
    *ret = (struct verifier_input){ 0 };
    DS_TRY(rpc_params_parse(&r->doc, verifier_compatible_fields, VERIFIER_N_COMPATIBLE_FIELDS, body,
                            e));
    DS_TRY(read_evidence(ret, r, mem, e));
    if (ret->attestation.len == 0 && ret->quote.len == 0)
        return bad("quote", "a quote, or an attestation", "neither", e);
    return DS_OK;
}

static int read_expected(struct verifier_input *ret, const struct verifier_request *r,
                         struct ds_arena *mem, struct ds_error *e)
{
    struct ds_span data;
    DS_TRY(bytes_of(&ret->nonce, r, mem, "nonce", e));
    DS_TRY(bytes_of(&data, r, mem, "report_data", e));
    if (ret->nonce.len > 0 && ret->nonce.len < EAR_NONCE_MIN)
        return bad("nonce", "8 to 64 bytes", "fewer", e);
    if (ret->nonce.len > 0 && data.len > 0)
        return bad("nonce", "a nonce, or report_data", "both", e);
    if (data.len == 0)
        return DS_OK;
    uint8_t *filled64 = ds_arena_get(mem, 64);
    if (filled64 == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read report_data");
    memcpy(filled64, data.p, data.len);
    ret->report_data64 = DS_SPAN(filled64, 64);
    return DS_OK;
}

/* A member that is an object, written anew for readers of our own; none: NULL, and *io stays. */
static int write_member(struct ds_span *io, char **ret, const struct verifier_request *r,
                        const char *name, struct ds_error *e)
{
    yyjson_val *v = field(r, name);
    size_t len = 0;
    if (v == NULL || yyjson_is_null(v))
        return DS_OK;
    *ret = yyjson_val_write(v, 0, &len);
    if (*ret == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read %s", name);
    *io = DS_SPAN(*ret, len);
    return DS_OK;
}

static int read_policy(struct verifier_input *ret, struct verifier_request *r, struct ds_arena *mem,
                       struct ds_error *e)
{
    struct ds_span text = { 0 };
    DS_TRY(write_member(&text, &r->policy, r, "policy", e));
    if (text.len == 0)
        return DS_OK;
    struct verifier_policy *policy = ds_arena_get(mem, sizeof *policy);
    if (policy == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read policy");
    DS_TRY(verifier_policy_parse(policy, mem, text, e));
    ret->policy = policy;
    return DS_OK;
}

int verifier_request_certificate(struct verifier_input *ret, struct ds_arena *mem,
                                 struct ds_span bytes, struct ds_error *e)
{
    struct ds_error why = { 0 };
    struct ds_span rest = bytes, der;
    bool is_der = bytes.len > 0 && bytes.p[0] == 0x30;
    *ret = (struct verifier_input){ .certificate = bytes };
    if (is_der)
        return DS_OK;
    if (ds_pem_next(&der, &rest, "CERTIFICATE", mem, &why) < 0)
        return bad("certificate", "one certificate as PEM", why.msg, e);
    if (der.p == NULL)
        return bad("certificate", "one certificate as PEM", "nothing", e);
    ret->certificate = der;
    return DS_OK;
}

/* Of what is wrapped in JSON, the document would have to be kept beside this one. */
static int read_any(struct verifier_input *ret, const struct verifier_request *r,
                    struct ds_arena *mem, struct ds_error *e)
{
    struct ds_span bytes;
    struct verifier_request none = { 0 };
    DS_TRY(bytes_of(&bytes, r, mem, "evidence", e));
    if (bytes.len == 0)
        return DS_OK;
    int ok = evidence_read(ret, &none, mem, evidence_media_find("application/octet-stream"), bytes,
                           e);
    bool is_json = none.doc != NULL;
    verifier_request_done(&none);
    return ok == DS_OK && is_json ? bad("evidence", "bytes", "a JSON document", e) : ok;
}

static bool is_empty(const struct verifier_input *in)
{
    return in->certificate.len == 0 && in->attestation.len == 0 && in->quote.len == 0;
}

int verifier_request_v1(struct verifier_input *ret, struct verifier_request *r,
                        struct ds_arena *mem, struct ds_span body, struct ds_error *e)
{
    *ret = (struct verifier_input){ 0 };
    DS_TRY(rpc_params_parse(&r->doc, verifier_v1_fields, VERIFIER_N_V1_FIELDS, body, e));
    struct ds_span certificate = text_of(r, "certificate");
    if (certificate.len > 0) {
        DS_TRY(verifier_request_certificate(ret, mem, certificate, e));
        ret->vm_config = text_of(r, "vm_config");
    } else {
        DS_TRY(read_any(ret, r, mem, e));
    }
    if (is_empty(ret))
        DS_TRY(read_evidence(ret, r, mem, e));
    if (is_empty(ret))
        return bad("attestation", "evidence, an attestation, a quote or a certificate", "none", e);
    DS_TRY(read_expected(ret, r, mem, e));
    DS_TRY(read_policy(ret, r, mem, e));
    /* The signed documents inside are texts, which stay as they are. */
    DS_TRY(write_member(&ret->collateral, &r->collateral, r, "collateral", e));
    ret->is_collateral_evidence &= r->collateral == NULL; /* or what came along in a wrapper */
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps, in the order of their argument; see verify.h.
 */
#include "verifier/verify.h"

#include <stdio.h>
#include <string.h>

#include "app/identity.h"
#include "app/mr_config.h"
#include "attest/eventlog/bind.h"
#include "attest/snp/claims.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/json.h"
#include "ratls/cert.h"
#include "verifier/evidence.h"
#include "verifier/quote.h"
#include "verifier/shapes.h"

struct run {
    struct verifier_finding *f;
    struct ds_arena *mem;
    const struct verifier_ground *ground;
    const struct verifier_input *in; /* after reading: `opened` */
    struct verifier_input opened;    /* with what a certificate carries beside the certificate */
    struct ratls_peer peer;
};

typedef int step_fn(struct run *run, struct ds_error *e);

static void say_first(char *out, size_t out_len, const struct ds_verdict *v, uint32_t at)
{
    const struct ds_reason *r = &v->reasons[at];
    (void)snprintf(out, out_len, "%s (%s): %s%sexpected %s, got %s",
                   ds_code_info_get(r->code)->what, ds_code_info_get(r->code)->id, r->detail.claim,
                   r->detail.claim[0] != '\0' ? ": " : "",
                   r->detail.expected[0] != '\0' ? r->detail.expected : "something else",
                   r->detail.got[0] != '\0' ? r->detail.got : "this");
}

/* Run a step; what it says against the evidence joins the verdict. */
static bool step(struct run *run, enum verifier_step at, step_fn *fn, enum ds_code fallback)
{
    struct verifier_finding *f = run->f;
    struct ds_error e = { 0 };
    uint32_t before = f->verdict.n_reasons, dropped = f->verdict.n_dropped;
    int r = fn(run, &e);
    bool held = r == DS_OK && f->verdict.n_reasons == before && f->verdict.n_dropped == dropped;
    f->steps[at] = held ? VERIFIER_HELD : VERIFIER_FAILED;
    if (r < 0) {
        const char *id = ds_code_info_get(e.code)->id;
        ds_verdict_add_error(&f->verdict, &e, fallback);
        (void)snprintf(f->why[at], sizeof f->why[at], "%s%s%s%s", e.msg, id[0] != '\0' ? " (" : "",
                       id, id[0] != '\0' ? ")" : "");
    } else if (!held && f->verdict.n_reasons > before) {
        say_first(f->why[at], sizeof f->why[at], &f->verdict, before);
    } else if (!held) {
        (void)snprintf(f->why[at], sizeof f->why[at], "more reasons than there is room for");
    }
    return held;
}

static int read_certificate(struct run *run, struct ds_error *e)
{
    struct verifier_input *in = &run->opened;
    const struct ds_cert_evidence *found = &run->peer.evidence;
    DS_TRY(ratls_peer_parse(&run->peer, run->mem, in->certificate, e));
    switch (found->kind) {
    case DS_CERT_EVIDENCE_NONE:
        break;
    case DS_CERT_EVIDENCE_ATTESTATION:
        in->attestation = found->bytes;
        return DS_OK;
    case DS_CERT_EVIDENCE_CMW_CBOR:
    case DS_CERT_EVIDENCE_CMW_JSON:
        return evidence_open(in, run->mem, found->bytes, found->kind == DS_CERT_EVIDENCE_CMW_JSON,
                             e);
    case DS_CERT_EVIDENCE_TAGGED_QUOTE:
    case DS_CERT_EVIDENCE_LEGACY:
        in->quote = found->bytes;
        in->event_log = found->event_log;
        return DS_OK;
    }
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_VERIFIER_NO_EVIDENCE, "certificate",
                     "an extension with evidence", "none", NULL);
}

/* What is wrapped says itself of what platform it is. */
static enum ds_tee tee_of(const struct ds_attestation *a)
{
    return a->platform == DS_ATTESTATION_SEV_SNP ? DS_TEE_SEV_SNP
           : a->platform == DS_ATTESTATION_TDX   ? DS_TEE_TDX
                                                 : DS_TEE_NONE;
}

static int read_quote(struct run *run, struct ds_error *e)
{
    const struct verifier_input *in = run->in;
    run->f->evidence = (struct ds_attestation){ .platform = DS_ATTESTATION_TDX,
                                                .quote = in->quote,
                                                .config = in->vm_config };
    run->f->tee = evidence_tee(in->quote);
    if (run->f->tee == DS_TEE_NONE)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, "quote",
                         "TDX or SGX quote, SEV-SNP report", DS_HEX(ds_span_sub(in->quote, 0, 16)),
                         NULL);
    run->f->has_app = run->ground->is_compatible || in->event_log.len > 0 || in->vm_config.len > 0;
    return DS_OK;
}

static int read_attestation(struct run *run, struct ds_error *e)
{
    if (run->peer.has_attestation)
        run->f->evidence = run->peer.attestation;
    else
        DS_TRY(ds_attestation_parse(&run->f->evidence, run->mem, run->in->attestation, e));
    run->f->tee = tee_of(&run->f->evidence);
    run->f->has_app = run->f->tee == DS_TEE_TDX || run->ground->is_compatible;
    return DS_OK;
}

static int read_evidence(struct run *run, struct ds_error *e)
{
    const struct verifier_input *in = run->in;
    if (in->quote.len == 0 && in->certificate.len == 0 && in->attestation.len == 0)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_VERIFIER_NO_EVIDENCE, "request",
                         "an attestation, a quote or a certificate", "none", NULL);
    run->opened = *in;
    run->in = &run->opened;
    if (in->certificate.len > 0)
        DS_TRY(read_certificate(run, e));
    return run->in->quote.len > 0 ? read_quote(run, e) : read_attestation(run, e);
}

static int check_quote(struct run *run, struct ds_error *e)
{
    struct app_appraisal *a = &run->f->a;
    const struct quote_in in = { .tee = run->f->tee,
                                 .quote = run->f->evidence.quote,
                                 .attestation = run->in->quote.len > 0 ? NULL : &run->f->evidence,
                                 .certificates = run->in->certificates,
                                 .collateral = run->in->collateral,
                                 .is_collateral_evidence = run->in->is_collateral_evidence };
    struct ds_claims *claims = ds_claims_new_in(run->mem);
    if (claims == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "verify evidence");
    if (in.tee == DS_TEE_NONE)
        return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_APP_PLATFORM_UNSUPPORTED, "platform",
                         "dstack-tdx or dstack-amd-sev-snp", "another platform", NULL);
    DS_TRY(quote_verify(claims, &run->f->by, run->mem, run->ground, &in, e));
    a->evidence = run->f->evidence;
    a->unbound = claims;
    a->claims = claims;
    return DS_OK;
}

/* RFC 5280 4.2.1.12, 4.2.1.6, 4.2.1.3, as dstack's verifier asks of a certificate. */
static int check_tls_use(const struct ds_x509 *cert, struct ds_error *e)
{
    static const char server_auth[] = "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
    static const char client_auth[] = "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02";
    const struct ds_x509_extension *eku = ds_x509_find(cert, DS_SPAN_LIT("\x55\x1d\x25"));
    const struct ds_x509_extension *san = ds_x509_find(cert, DS_SPAN_LIT("\x55\x1d\x11"));
    const char *claim = NULL, *expected = NULL;
    if (!ds_span_eq(cert->issuer, cert->subject)) {
        claim = "issuer";
        expected = "itself, whose signature is then checked";
    } else if (!cert->has_key_usage || (cert->key_usage & DS_KEY_USAGE_DIGITAL_SIGNATURE) == 0) {
        claim = "keyUsage";
        expected = "digitalSignature";
    } else if (eku == NULL || (memmem(eku->value.p, eku->value.len, server_auth, 10) == NULL &&
                               memmem(eku->value.p, eku->value.len, client_auth, 10) == NULL)) {
        claim = "extKeyUsage";
        expected = "serverAuth or clientAuth";
    } else if (san == NULL || san->value.len <= 2) {
        claim = "subjectAltName";
        expected = "a name";
    }
    if (claim == NULL)
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_VERIFIER_CERTIFICATE_USE, claim, expected,
                     "another, or none", NULL);
}

static int check_binding(struct run *run, struct ds_error *e)
{
    DS_TRY(ratls_peer_check(&run->peer, run->f->a.claims, run->ground->now_s, e));
    return run->ground->needs_tls_use ? check_tls_use(&run->peer.cert, e) : DS_OK;
}

/* The steps of an app are those of a TD: registers, and an image that predicts them. */
static int check_is_td(const struct run *run, struct ds_error *e)
{
    if (run->f->tee == DS_TEE_TDX)
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_APP_PLATFORM_UNSUPPORTED, "platform",
                     "dstack-tdx, for the proof of an app", ds_tee_text(run->f->tee), NULL);
}

static int check_log(struct run *run, struct ds_error *e)
{
    struct app_appraisal *a = &run->f->a;
    struct ds_span text = run->in->event_log;
    DS_TRY(check_is_td(run, e));
    if (run->in->quote.len > 0 && text.len == 0)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_VERIFIER_NO_EVIDENCE, "event_log",
                         "the log that goes with the quote", "none", NULL);
    if (run->in->quote.len > 0)
        DS_TRY(ds_tdx_log_parse_json(&a->evidence.log, run->mem, text, e));
    if (ds_tdx_log_is_stripped(&a->evidence.log))
        return ds_claims_bind_runtime_log(a->unbound, &a->evidence.log, e);
    return app_appraise_log(a, e);
}

/* dstack's older images leave their documents to a download by os_image_hash (guest-api 7.2). */
static int check_has_documents(struct run *run, struct ds_error *e)
{
    const struct ds_json_tok *root, *hash;
    struct ds_span inner_text;
    size_t mark = run->mem->used;
    char url[128];
    DS_TRY(ds_json_parse_in(&root, run->mem, run->f->a.evidence.config, e));
    const struct ds_json_tok *inner = ds_json_find(root, "vm_config");
    if (inner != NULL) {
        DS_TRY(ds_json_str(&inner_text, run->mem, inner, e));
        DS_TRY(ds_json_parse_in(&root, run->mem, inner_text, e));
    }
    hash = ds_json_find(root, "os_image_hash");
    bool has = ds_json_find(root, "tdx_measurement") != NULL || hash == NULL;
    char name[80] = "";
    if (!has)
        (void)ds_str_printable(name, sizeof name, hash->raw);
    run->mem->used = mark;
    if (has)
        return DS_OK;
    (void)snprintf(url, sizeof url, "only the hash: mr_%.64s.tar.gz would have to be downloaded",
                   name);
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_IMAGE_NOT_HERE, "tdx_measurement",
                     "the image's documents in vm_config", url, "vm_config");
}

static int check_image(struct run *run, struct ds_error *e)
{
    DS_TRY(check_is_td(run, e));
    if (run->f->a.evidence.config.len == 0)
        return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_VERIFIER_NO_EVIDENCE, "vm_config",
                         "the machine's description that goes with the quote", "none", NULL);
    DS_TRY(check_has_documents(run, e));
    const struct app_acpi acpi = { shapes_find, run->ground->shapes };
    return app_appraise_image(&run->f->a, &run->f->verdict, run->mem,
                              acpi.arg != NULL ? &acpi : NULL, e);
}

static int check_identity(struct run *run, struct ds_error *e)
{
    return app_appraise_identity(&run->f->a, &run->f->verdict, run->mem, e);
}

/* guest-api 3.4: what the host committed to before a launch without runtime registers. */
static int check_host_data(struct run *run, struct ds_error *e)
{
    uint8_t digest32[32];
    struct app_appraisal *a = &run->f->a;
    struct ds_span said = ds_claims_snp_host_data32(a->claims);
    DS_TRY(app_mr_config_parse(&a->mr_config, run->mem, a->evidence.mr_config, e));
    DS_TRY(app_mr_config_digest(digest32, a->evidence.mr_config, e));
    if (!ds_span_eq(said, DS_SPAN_OF(digest32)))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_APP_MR_CONFIG_MISMATCH, "host_data",
                         DS_HEX(DS_SPAN_OF(digest32)), DS_HEX(said), "HOST_DATA");
    a->identity_proved = true;
    return DS_OK;
}

/* report_data is the nonce itself, or what Attest{nonce32} of a dstack guest makes of it. */
static int want_nonce(struct run *run, struct ds_error *e)
{
    struct verifier_finding *f = run->f;
    struct ds_span nonce = run->in->nonce;
    if (nonce.len == 0) {
        policy_ask(&f->rules, POLICY_ATTR_REPORT_DATA, run->in->report_data64);
        return DS_OK;
    }
    memcpy(f->wanted64[0], nonce.p, nonce.len);
    policy_ask(&f->rules, POLICY_ATTR_REPORT_DATA, DS_SPAN_OF(f->wanted64[0]));
    if (nonce.len == 32) {
        DS_TRY(
            app_verify_report_data(f->wanted64[1], nonce.p, ds_claims_instance_id(f->a.claims), e));
        policy_ask(&f->rules, POLICY_ATTR_REPORT_DATA, DS_SPAN_OF(f->wanted64[1]));
    }
    return DS_OK;
}

static void take_policy(struct verifier_finding *f, const struct verifier_policy *policy)
{
    if (policy != NULL)
        f->policies[f->n_policies++] = policy->id;
}

/* The configuration's: a document, or its keys; and beside it that of the request. */
static void take_rules(struct run *run)
{
    struct verifier_finding *f = run->f;
    const struct verifier_ground *g = run->ground;
    uint64_t kinds = POLICY_BIT(DS_KIND_HARDWARE);
    kinds |= g->allow_simulated ? POLICY_BIT(DS_KIND_SIMULATED) : 0;
    kinds |= g->allow_custom ? POLICY_BIT(DS_KIND_CUSTOM) : 0;
    if (g->policy != NULL) {
        f->rules = g->policy->doc.rules;
        f->rules.of[POLICY_ATTR_KINDS].number &= kinds;
    } else {
        policy_rules_for(&f->rules, kinds, g->tcb_statuses);
        f->rules.of[POLICY_ATTR_SNP_UNCHECKED_REVOCATION].number = g->allow_no_crl;
    }
    f->rules.of[POLICY_ATTR_EVENT_LOG].number |= f->has_app;
    f->rules.also = run->in->policy != NULL ? &run->in->policy->doc.rules : NULL;
    take_policy(f, g->policy);
    take_policy(f, run->in->policy);
}

static int check_policy(struct run *run, struct ds_error *e)
{
    struct verifier_finding *f = run->f;
    struct policy_facts facts = { .now_s = run->ground->now_s };
    if (run->in->nonce.len > 0)
        facts.session = POLICY_SESSION_NONCE;
    else if (run->in->certificate.len > 0)
        facts.session = POLICY_SESSION_CERTIFICATE;
    take_rules(run);
    DS_TRY(want_nonce(run, e));
    policy_check(&f->verdict, f->a.claims, &f->rules, &facts);
    f->is_fresh = run->in->nonce.len > 0 && f->verdict.n_dropped == 0 &&
                  !ds_verdict_has(&f->verdict, DS_CODE_POLICY_REPORT_DATA);
    return DS_OK;
}

static void check_app(struct run *run)
{
    struct verifier_finding *f = run->f;
    bool has_log = step(run, VERIFIER_LOG, check_log, DS_CODE_VERIFIER_NO_EVIDENCE);
    bool has_image = step(run, VERIFIER_IMAGE, check_image, DS_CODE_APP_VM_CONFIG_FORMAT);
    bool wants = !run->ground->is_compatible || f->a.vm.mr_config.len > 0;
    if (has_log && has_image && wants)
        (void)step(run, VERIFIER_IDENTITY, check_identity, DS_CODE_APP_MR_CONFIG_MISMATCH);
}

void verifier_verify(struct verifier_finding *ret, struct ds_arena *mem,
                     const struct verifier_ground *ground, const struct verifier_input *in)
{
    struct run run = { .f = ret, .mem = mem, .ground = ground, .in = in };
    memset(ret, 0, sizeof *ret);
    if (!step(&run, VERIFIER_READ, read_evidence, DS_CODE_WRAPPER_FORMAT) ||
        !step(&run, VERIFIER_QUOTE, check_quote, DS_CODE_VERIFIER_NO_EVIDENCE))
        return;
    if (in->certificate.len > 0)
        (void)step(&run, VERIFIER_BINDING, check_binding, DS_CODE_VERIFIER_CERTIFICATE_USE);
    if (ret->has_app)
        check_app(&run);
    else if (ret->tee == DS_TEE_SEV_SNP && ret->evidence.mr_config.len > 0)
        (void)step(&run, VERIFIER_IDENTITY, check_host_data, DS_CODE_APP_MR_CONFIG_MISMATCH);
    (void)step(&run, VERIFIER_POLICY, check_policy, DS_CODE_VERIFIER_NO_EVIDENCE);
    policy_proof_make(&ret->proof, ret->a.claims, &ret->rules,
                      ret->a.image_known ? &ret->a.predicted : NULL, &ret->verdict);
}

bool verifier_is_accepted(const struct verifier_finding *f)
{
    return f->steps[VERIFIER_POLICY] == VERIFIER_HELD && f->verdict.n_reasons == 0 &&
           f->verdict.n_dropped == 0;
}

const char *verifier_verdict_text(const struct verifier_finding *f)
{
    for (size_t i = 0; i < VERIFIER_POLICY; i++)
        if (f->steps[i] == VERIFIER_FAILED)
            return "invalid";
    return verifier_is_accepted(f) ? "accepted" : "denied";
}

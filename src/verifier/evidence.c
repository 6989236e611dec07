/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kinds. Each is told by its first bytes, and no two by the same:
 * a quote begins with its version and a key type that is not zero, a report with
 * a version of four bytes, an attestation with 0 or a MessagePack map of texts,
 * a certificate with a SEQUENCE.
 */
#include "verifier/evidence.h"

#include <strings.h>

#include "attest/snp/report.h"
#include "attest/wrapper/cmw.h"
#include "base/hex.h"
#include "base/str.h"
#include "verifier/request.h"

#define MEDIA_COLLATERAL "application/vnd.dstack.collateral+json"

/* RFC 2585 4.1; RFC 9999 8.1; the rest are ours. */
const char *const evidence_media_types[] = {
    "application/vnd.dstack.attestation",
    "application/vnd.dstack.tdx-quote",
    "application/vnd.dstack.sgx-quote",
    "application/vnd.dstack.snp-report",
    "application/vnd.dstack.quote+json",
    "application/pkix-cert",
    "application/cmw+cbor",
    "application/cmw+json",
    "application/octet-stream",
    NULL,
};

typedef bool is_fn(struct ds_span bytes);
typedef int read_fn(struct verifier_input *ret, struct verifier_request *r, struct ds_arena *mem,
                    struct ds_span bytes, struct ds_error *e);
typedef int parse_fn(struct ds_cmw *ret, struct ds_arena *mem, struct ds_span in,
                     struct ds_error *e);

static unsigned byte_at(struct ds_span s, size_t i) { return i < s.len ? s.p[i] : 0; }

/* SGX ECDSA QuoteGenReference A.1, TDX Quoting Library API A.3.1: version, key type, TEE. */
static enum ds_tee tee_of_quote(struct ds_span b)
{
    unsigned version = byte_at(b, 0) | byte_at(b, 1) << 8;
    unsigned key_type = byte_at(b, 2) | byte_at(b, 3) << 8;
    if (b.len < 8 || version < 3 || version > 5 || key_type == 0)
        return DS_TEE_NONE;
    return version == 3 || byte_at(b, 4) == 0 ? DS_TEE_SGX : DS_TEE_TDX;
}

static bool is_report(struct ds_span b)
{
    return b.len >= DS_SNP_REPORT_LEN && b.p[0] >= 2 && b.p[0] <= 5 && b.p[1] == 0 && b.p[2] == 0 &&
           b.p[3] == 0;
}

enum ds_tee evidence_tee(struct ds_span quote)
{
    return is_report(quote) ? DS_TEE_SEV_SNP : tee_of_quote(quote);
}

static bool is_tdx(struct ds_span b) { return evidence_tee(b) == DS_TEE_TDX; }
static bool is_sgx(struct ds_span b) { return evidence_tee(b) == DS_TEE_SGX; }

/* guest-api 5.1: SCALE begins with 0, MessagePack with a map whose keys are texts. */
static bool is_attestation(struct ds_span b)
{
    unsigned first = byte_at(b, 0), second = byte_at(b, 1);
    bool is_map = (first & 0xf0) == 0x80 && (second & 0xe0) == 0xa0;
    return b.len > 1 && (first == 0 || is_map || first == 0xde || first == 0xdf);
}

static bool is_reply(struct ds_span b) { return byte_at(b, 0) == '{'; }

static bool is_pem(struct ds_span b)
{
    struct ds_span begin = DS_SPAN_LIT("-----BEGIN CERTIFICATE-----");
    return ds_span_eq(ds_span_sub(b, 0, begin.len), begin);
}

static bool is_certificate(struct ds_span b) { return byte_at(b, 0) == 0x30 || is_pem(b); }

/*
 * RFC 9999 3.1: an array of two to four, its first a number or a text; 3.2: a tag of the block that
 * RFC 9277 4.3 gives to content formats; 3.3: a map.
 */
static bool is_cmw_cbor(struct ds_span b)
{
    unsigned first = byte_at(b, 0), second = byte_at(b, 1), major = second >> 5;
    bool is_record = first >= 0x82 && first <= 0x84 && (major == 0 || major == 3);
    bool is_tag = first == 0xda && second == 0x63 && byte_at(b, 2) == 0x74;
    return is_record || is_tag || first >> 5 == 5;
}

/* A collection is an object, as a reply is: by their bytes that goes first. */
static bool is_cmw_json(struct ds_span b) { return byte_at(b, 0) == '[' || is_reply(b); }

static int read_attestation(struct verifier_input *ret, struct verifier_request *r,
                            struct ds_arena *mem, struct ds_span b, struct ds_error *e)
{
    (void)r, (void)mem, (void)e;
    ret->attestation = b;
    return DS_OK;
}

static int read_quote(struct verifier_input *ret, struct verifier_request *r, struct ds_arena *mem,
                      struct ds_span b, struct ds_error *e)
{
    (void)r, (void)mem, (void)e;
    ret->quote = b;
    return DS_OK;
}

/* As SNP_GET_EXT_REPORT gives the two: the certificate table behind the report. */
static int read_report(struct verifier_input *ret, struct verifier_request *r, struct ds_arena *mem,
                       struct ds_span b, struct ds_error *e)
{
    (void)r, (void)mem, (void)e;
    ret->quote = ds_span_sub(b, 0, DS_SNP_REPORT_LEN);
    ret->certificates = ds_span_sub(b, DS_SNP_REPORT_LEN, SIZE_MAX);
    return DS_OK;
}

static int read_certificate(struct verifier_input *ret, struct verifier_request *r,
                            struct ds_arena *mem, struct ds_span b, struct ds_error *e)
{
    (void)r;
    return verifier_request_certificate(ret, mem, b, e);
}

/* A kind is read, or is a wrapper of others. */
static const struct kind {
    is_fn *is;
    read_fn *read;
    parse_fn *parse;
    bool in_certificate; /* a wrapper in a certificate may hold it */
} kinds[] = {
    { is_attestation, read_attestation, NULL, true },
    { is_tdx, read_quote, NULL, true },
    { is_sgx, read_quote, NULL, true },
    { is_report, read_report, NULL, true },
    { is_reply, verifier_request_compatible, NULL, false },
    { is_certificate, read_certificate, NULL, false },
    { is_cmw_cbor, NULL, ds_cmw_parse_cbor, false },
    { is_cmw_json, NULL, ds_cmw_parse_json, false },
};
_Static_assert(DS_LEN(kinds) + 2 == DS_LEN(evidence_media_types), "a type a kind, and any bytes");

static const char kind_names[] = "dstack attestation, TDX or SGX quote, SEV-SNP report, "
                                 "certificate, CMW, reply of GetQuote or Attest";

static int refuse_bytes(struct ds_span b, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, "evidence",
                     kind_names, DS_HEX(ds_span_sub(b, 0, 16)), NULL);
}

static int refuse_number(const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_EVIDENCE_UNKNOWN, "collection",
                     "one evidence", got, NULL);
}

static int refuse_type(const char *got, struct ds_error *e)
{
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_VERIFIER_MEDIA_TYPE, "Content-Type", kind_names,
                     got, NULL);
}

/* A wrapper being opened. */
struct opening {
    struct verifier_input *ret;
    struct verifier_request *r;
    struct ds_arena *mem;
    bool is_in_certificate, has_evidence;
};

static const struct kind *kind_find(const char *type)
{
    for (size_t i = 0; i < DS_LEN(kinds); i++)
        if (evidence_media_types[i] == type)
            return &kinds[i];
    return NULL;
}

static int take_evidence(struct opening *o, const char *type, struct ds_span value,
                         struct ds_error *e)
{
    const struct kind *kind = kind_find(evidence_media_find(type));
    struct ds_span collateral = o->ret->collateral;
    bool is_own = o->ret->is_collateral_evidence;
    if (kind == NULL || kind->read == NULL || (o->is_in_certificate && !kind->in_certificate))
        return refuse_type(type[0] != '\0' ? type : "a content format", e);
    if (!kind->is(value))
        return refuse_bytes(value, e);
    if (o->has_evidence)
        return refuse_number("two or more", e);
    o->has_evidence = true;
    DS_TRY(kind->read(o->ret, o->r, o->mem, value, e));
    o->ret->collateral = collateral;
    o->ret->is_collateral_evidence = is_own;
    return DS_OK;
}

/* RFC 9999 3.1.1: what the record does not say of itself it may be. */
static int take_record(struct opening *o, const struct ds_cmw_record *record, struct ds_error *e)
{
    char type[80];
    uint32_t what = record->ind != 0 ? record->ind : DS_CMW_IND_ALL;
    (void)ds_str_printable(type, sizeof type, record->type);
    if ((what & DS_CMW_ENDORSEMENTS) != 0 && strcmp(type, MEDIA_COLLATERAL) == 0) {
        o->ret->collateral = record->value;
        o->ret->is_collateral_evidence = true;
        return DS_OK;
    }
    return (what & DS_CMW_EVIDENCE) != 0 ? take_evidence(o, type, record->value, e) : DS_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): to the depth that the parser allows, DS_CMW_DEPTH_MAX */
static int take_wrapper(struct opening *o, const struct ds_cmw *cmw, struct ds_error *e)
{
    if (cmw->kind != DS_CMW_COLLECTION)
        return take_record(o, &cmw->record, e);
    for (size_t i = 0; i < cmw->n_entries; i++)
        DS_TRY(take_wrapper(o, &cmw->entries[i].cmw, e));
    return DS_OK;
}

static int open_wrapper(struct opening *o, parse_fn *parse, struct ds_span b, struct ds_error *e)
{
    struct ds_cmw cmw;
    DS_TRY(parse(&cmw, o->mem, b, e));
    DS_TRY(take_wrapper(o, &cmw, e));
    return o->has_evidence ? DS_OK : refuse_number("none", e);
}

const char *evidence_media_find(const char *content_type)
{
    for (size_t i = 0; content_type != NULL && evidence_media_types[i] != NULL; i++) {
        size_t n = strlen(evidence_media_types[i]);
        if (strncasecmp(content_type, evidence_media_types[i], n) == 0 &&
            (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' '))
            return evidence_media_types[i];
    }
    return NULL;
}

void evidence_media_list(struct ds_buf *ret)
{
    for (size_t i = 0; evidence_media_types[i] != NULL; i++)
        ds_buf_printf(ret, "%s%s", i > 0 ? ", " : "", evidence_media_types[i]);
}

/* Of this type, or of any where the type leaves it open. */
static const struct kind *kind_of(const char *type, struct ds_span body)
{
    const struct kind *kind = kind_find(type);
    for (size_t i = 0; kind == NULL && i < DS_LEN(kinds); i++)
        if (kinds[i].is(body))
            return &kinds[i];
    return kind != NULL && kind->is(body) ? kind : NULL;
}

int evidence_read(struct verifier_input *ret, struct verifier_request *r, struct ds_arena *mem,
                  const char *type, struct ds_span body, struct ds_error *e)
{
    struct opening o = { .ret = ret, .r = r, .mem = mem };
    *ret = (struct verifier_input){ 0 };
    if (type == NULL)
        return refuse_type("none", e);
    if (body.len == 0)
        return ds_refuse(e, DS_ERR_ARG, DS_CODE_RPC_BAD_REQUEST, "body", "evidence", "nothing",
                         NULL);
    const struct kind *kind = kind_of(type, body);
    if (kind == NULL)
        return refuse_bytes(body, e);
    return kind->read != NULL ? kind->read(ret, r, mem, body, e)
                              : open_wrapper(&o, kind->parse, body, e);
}

int evidence_open(struct verifier_input *io_input, struct ds_arena *mem, struct ds_span cmw,
                  bool is_json, struct ds_error *e)
{
    struct verifier_input input = *io_input;
    struct opening o = { .ret = &input, .mem = mem, .is_in_certificate = true };
    DS_TRY(open_wrapper(&o, is_json ? ds_cmw_parse_json : ds_cmw_parse_cbor, cmw, e));
    if (io_input->collateral.len > 0) {
        input.collateral = io_input->collateral;
        input.is_collateral_evidence = io_input->is_collateral_evidence;
    }
    *io_input = input;
    return DS_OK;
}

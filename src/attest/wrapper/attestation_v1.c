/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VersionedAttestation V1: {version, platform: {kind, data}, stack: {kind, data}}
 * in MessagePack, members in the order in which dstack writes them. Rust's serde
 * makes plain byte vectors arrays of integers (ds_msgpack_octets), and bytes that
 * are hex in JSON bin: each is read in that form alone. Decode and encode side by side.
 */
#include "attest/coded.h"
#include "attest/wrapper/attestation_private.h"
#include "codec/msgpack.h"
#include "crypto/hash.h"

enum {
    DIGEST_LEN = 48,
    EVENT_LEN_MIN = 48, /* five keys with their values */
    RUNTIME_LEN_MIN = 16,
    RUNTIME_IMR = 3,
};

/* A platform: what stands under `kind`, and under which name its evidence does. */
static const struct {
    enum ds_attestation_platform platform;
    const char *kind, *evidence;
} platforms[] = {
    { DS_ATTESTATION_TDX, "tdx", "quote" },
    { DS_ATTESTATION_SEV_SNP, "sev-snp", "report" },
    { DS_ATTESTATION_NITRO_ENCLAVE, "nitro-enclave", "nsm_quote" },
    { DS_ATTESTATION_NITRO_TPM, "aws-nitro-tpm", "attestation_doc" },
};

static int bad(struct ds_error *e, const char *what)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_WRAPPER_FORMAT, "attestation",
                     "dstack's form of evidence, version 1", what, DS_NO_ANCHOR);
}

static int unsupported(struct ds_error *e, const char *what)
{
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_WRAPPER_UNSUPPORTED, "attestation",
                     "version 1 of a platform that is read", what, DS_NO_ANCHOR);
}

static void expect_map(struct ds_reader *r, size_t n)
{
    if (ds_msgpack_map(r) != n)
        r->bad = true;
}

static void read_digest(struct ds_tdx_event *ev, struct ds_reader *r)
{
    ds_msgpack_key(r, "digest");
    struct ds_span digest = ds_msgpack_bin(r);
    ev->has_digest = digest.len == DIGEST_LEN;
    if (ev->has_digest)
        memcpy(ev->digest48, digest.p, DIGEST_LEN);
    else if (digest.len != 0)
        r->bad = true;
}

static uint32_t read_u32(struct ds_reader *r, const char *key)
{
    ds_msgpack_key(r, key);
    uint64_t v = ds_msgpack_u64(r);
    if (v > UINT32_MAX)
        r->bad = true;
    return (uint32_t)v;
}

/* Absent where it is 1, and 2 where it is there. */
static uint8_t read_version(struct ds_reader *r, size_t *io_n)
{
    if (!ds_msgpack_has_key(r, "version"))
        return 1;
    if (ds_msgpack_u64(r) != 2)
        r->bad = true;
    *io_n += 1;
    return 2;
}

static void read_event(struct ds_tdx_event *ev, struct ds_reader *r)
{
    size_t n = ds_msgpack_map(r), met = 5;
    ev->imr = read_u32(r, "imr");
    ev->type = read_u32(r, "event_type");
    read_digest(ev, r);
    ds_msgpack_key(r, "event");
    ev->name = ds_msgpack_str(r);
    ds_msgpack_key(r, "event_payload");
    ev->payload = ds_msgpack_bin(r);
    ev->version = read_version(r, &met);
    if (ds_msgpack_has_key(r, "preimage")) {
        ev->preimage = ds_msgpack_bin(r);
        if (ev->preimage.len == 0)
            r->bad = true;
        met++;
    }
    if (n != met || ev->imr > RUNTIME_IMR || ev->name.len > DS_EVENT_NAME_MAX ||
        ev->payload.len > DS_EVENT_PAYLOAD_MAX)
        r->bad = true;
}

static void *read_list(size_t *ret_n, struct ds_arena *mem, struct ds_reader *r, size_t wire_len,
                       size_t elem_len)
{
    size_t n = ds_msgpack_array(r);
    bool fits = n <= DS_ATTESTATION_EVENTS_MAX && n <= ds_read_left(r) / wire_len;
    void *list = fits ? ds_arena_get_n(mem, n, elem_len) : NULL;
    if (list == NULL)
        r->bad = true;
    *ret_n = r->bad ? 0 : n;
    return list;
}

static void read_log(struct ds_attestation *a, struct ds_reader *r, struct ds_arena *mem)
{
    ds_msgpack_key(r, "event_log");
    a->log.events = read_list(&a->log.n_events, mem, r, EVENT_LEN_MIN, sizeof *a->log.events);
    for (size_t i = 0; i < a->log.n_events && !r->bad; i++)
        read_event(&a->log.events[i], r);
}

static void read_certs(struct ds_attestation *a, struct ds_reader *r, struct ds_arena *mem)
{
    ds_msgpack_key(r, "cert_chain");
    size_t n = ds_msgpack_array(r);
    if (n > DS_ATTESTATION_CERTS_MAX)
        r->bad = true;
    for (size_t i = 0; i < n && !r->bad; i++)
        a->certs[a->n_certs++] = ds_msgpack_octets(r, mem);
    ds_msgpack_key(r, "mr_config");
    a->mr_config = ds_msgpack_str(r);
}

static size_t members_of(enum ds_attestation_platform platform)
{
    return platform == DS_ATTESTATION_TDX ? 2 : platform == DS_ATTESTATION_SEV_SNP ? 3 : 1;
}

static int read_platform(struct ds_attestation *a, struct ds_reader *r, struct ds_arena *mem,
                         struct ds_error *e)
{
    ds_msgpack_key(r, "platform");
    expect_map(r, 2);
    ds_msgpack_key(r, "kind");
    struct ds_span kind = ds_msgpack_str(r);
    size_t i = 0;
    if (ds_span_eq_str(kind, "gcp-tdx"))
        return unsupported(e, "of gcp-tdx (TDX with a TPM quote) is not read yet");
    while (i < DS_LEN(platforms) && !ds_span_eq_str(kind, platforms[i].kind))
        i++;
    if (i == DS_LEN(platforms))
        return bad(e, r->bad ? "is cut short" : "names a platform that does not exist");
    a->platform = platforms[i].platform;
    ds_msgpack_key(r, "data");
    expect_map(r, members_of(a->platform));
    ds_msgpack_key(r, platforms[i].evidence);
    a->quote = ds_msgpack_octets(r, mem);
    if (a->platform == DS_ATTESTATION_TDX)
        read_log(a, r, mem);
    if (a->platform == DS_ATTESTATION_SEV_SNP)
        read_certs(a, r, mem);
    return DS_OK;
}

static void read_runtime(struct ds_attestation *a, struct ds_reader *r, struct ds_arena *mem)
{
    ds_msgpack_key(r, "runtime_events");
    a->runtime = read_list(&a->n_runtime, mem, r, RUNTIME_LEN_MIN, sizeof *a->runtime);
    for (size_t i = 0; i < a->n_runtime && !r->bad; i++) {
        struct ds_runtime_event *ev = &a->runtime[i];
        size_t n = ds_msgpack_map(r), met = 2;
        ds_msgpack_key(r, "event");
        ev->name = ds_msgpack_str(r);
        ds_msgpack_key(r, "payload");
        ev->payload = ds_msgpack_bin(r);
        ev->version = read_version(r, &met);
        if (n != met || ev->name.len > DS_EVENT_NAME_MAX || ev->payload.len > DS_EVENT_PAYLOAD_MAX)
            r->bad = true;
    }
}

/* guest-api 5.1: report_data of a pod is made from its payload. */
static int check_pod(const struct ds_attestation *a, struct ds_error *e)
{
    uint8_t want64[64];
    DS_TRY(ds_report_data(want64, "app-data", a->pod_payload, e));
    if (memcmp(want64, a->report_data64, 64) != 0)
        return bad(e, "report_data is not that of its payload");
    return DS_OK;
}

static void read_stack(struct ds_attestation *a, struct ds_reader *r, struct ds_arena *mem)
{
    ds_msgpack_key(r, "stack");
    expect_map(r, 2);
    ds_msgpack_key(r, "kind");
    struct ds_span kind = ds_msgpack_str(r);
    a->is_pod = ds_span_eq_str(kind, "dstack-pod");
    if (!a->is_pod && !ds_span_eq_str(kind, "dstack"))
        r->bad = true;
    ds_msgpack_key(r, "data");
    expect_map(r, a->is_pod ? 4 : 3);
    ds_msgpack_key(r, "report_data");
    struct ds_span data = ds_msgpack_octets(r, mem);
    if (data.len == sizeof a->report_data64)
        memcpy(a->report_data64, data.p, data.len);
    else
        r->bad = true;
    read_runtime(a, r, mem);
    ds_msgpack_key(r, "config");
    a->config = ds_msgpack_str(r);
    if (!a->is_pod)
        return;
    ds_msgpack_key(r, "report_data_payload");
    a->pod_payload = ds_msgpack_str(r);
}

int attestation_v1_parse(struct ds_attestation *ret, struct ds_arena *mem, struct ds_span in,
                         struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(in);
    struct ds_attestation a = { .version = 1 };
    expect_map(&r, 3);
    if (read_u32(&r, "version") != 1 && !r.bad)
        return unsupported(e, "of another version than 1");
    DS_TRY(read_platform(&a, &r, mem, e));
    read_stack(&a, &r, mem);
    if (r.bad)
        return bad(e, "is cut short or has a value out of bounds");
    if (ds_read_left(&r) != 0)
        return ds_refuse(e, DS_ERR_TRAILING, DS_CODE_WRAPPER_FORMAT, "attestation",
                         "nothing behind its end", "more bytes", DS_NO_ANCHOR);
    if (a.is_pod)
        DS_TRY(check_pod(&a, e));
    *ret = a;
    return DS_OK;
}

static void put_key(struct ds_buf *b, const char *key) { ds_msgpack_put_str(b, ds_span_str(key)); }

static void put_version(struct ds_buf *b, uint8_t version)
{
    if (version != 2)
        return;
    put_key(b, "version");
    ds_msgpack_put_u64(b, 2);
}

static void put_event(struct ds_buf *b, const struct ds_tdx_event *ev)
{
    ds_msgpack_put_map(b, 5u + (ev->version == 2) + (ev->preimage.len > 0));
    put_key(b, "imr");
    ds_msgpack_put_u64(b, ev->imr);
    put_key(b, "event_type");
    ds_msgpack_put_u64(b, ev->type);
    put_key(b, "digest");
    ds_msgpack_put_bin(b, DS_SPAN(ev->digest48, ev->has_digest ? DIGEST_LEN : 0));
    put_key(b, "event");
    ds_msgpack_put_str(b, ev->name);
    put_key(b, "event_payload");
    ds_msgpack_put_bin(b, ev->payload);
    put_version(b, ev->version);
    if (ev->preimage.len == 0)
        return;
    put_key(b, "preimage");
    ds_msgpack_put_bin(b, ev->preimage);
}

static void put_platform(struct ds_buf *b, const struct ds_attestation *a, size_t i)
{
    put_key(b, "platform");
    ds_msgpack_put_map(b, 2);
    put_key(b, "kind");
    put_key(b, platforms[i].kind);
    put_key(b, "data");
    ds_msgpack_put_map(b, members_of(a->platform));
    put_key(b, platforms[i].evidence);
    ds_msgpack_put_octets(b, a->quote);
    if (a->platform == DS_ATTESTATION_TDX) {
        put_key(b, "event_log");
        ds_msgpack_put_array(b, a->log.n_events);
        for (size_t k = 0; k < a->log.n_events; k++)
            put_event(b, &a->log.events[k]);
    }
    if (a->platform == DS_ATTESTATION_SEV_SNP) {
        put_key(b, "cert_chain");
        ds_msgpack_put_array(b, a->n_certs);
        for (size_t k = 0; k < a->n_certs; k++)
            ds_msgpack_put_octets(b, a->certs[k]);
        put_key(b, "mr_config");
        ds_msgpack_put_str(b, a->mr_config);
    }
}

static void put_stack(struct ds_buf *b, const struct ds_attestation *a)
{
    put_key(b, "stack");
    ds_msgpack_put_map(b, 2);
    put_key(b, "kind");
    put_key(b, a->is_pod ? "dstack-pod" : "dstack");
    put_key(b, "data");
    ds_msgpack_put_map(b, a->is_pod ? 4 : 3);
    put_key(b, "report_data");
    ds_msgpack_put_octets(b, DS_SPAN_OF(a->report_data64));
    put_key(b, "runtime_events");
    ds_msgpack_put_array(b, a->n_runtime);
    for (size_t i = 0; i < a->n_runtime; i++) {
        const struct ds_runtime_event *ev = &a->runtime[i];
        ds_msgpack_put_map(b, 2u + (ev->version == 2));
        put_key(b, "event");
        ds_msgpack_put_str(b, ev->name);
        put_key(b, "payload");
        ds_msgpack_put_bin(b, ev->payload);
        put_version(b, ev->version);
    }
    put_key(b, "config");
    ds_msgpack_put_str(b, a->config);
    if (!a->is_pod)
        return;
    put_key(b, "report_data_payload");
    ds_msgpack_put_str(b, a->pod_payload);
}

int attestation_v1_encode(struct ds_buf *ret, const struct ds_attestation *a, struct ds_error *e)
{
    size_t i = 0;
    while (i < DS_LEN(platforms) && platforms[i].platform != a->platform)
        i++;
    if (i == DS_LEN(platforms))
        return unsupported(e, "of gcp-tdx (TDX with a TPM quote) is not written yet");
    ds_msgpack_put_map(ret, 3);
    put_key(ret, "version");
    ds_msgpack_put_u64(ret, 1);
    put_platform(ret, a, i);
    put_stack(ret, a);
    return ds_buf_end(ret, e, "attestation");
}

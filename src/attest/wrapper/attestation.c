/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VersionedAttestation: V0, decode and encode side by side, field by field; and
 * which version it is.
 */
#include "attest/wrapper/attestation.h"

#include "attest/coded.h"
#include "attest/wrapper/attestation_private.h"
#include "codec/scale.h"
#include "crypto/hash.h"

enum {
    WIRE_V0 = 0x00,
    DIGEST_LEN = 48,
    EVENT_LEN_MIN = 4 + 4 + 1 + 1 + 1, /* two integers, three empty lengths */
    RUNTIME_LEN_MIN = 1 + 1,
    ACPI_EVENT_TYPE = 0x0a, /* EV_PLATFORM_CONFIG_FLAGS */
    RUNTIME_IMR = 3,
};

static int bad(struct ds_error *e, const char *what)
{
    return ds_refuse(e, DS_ERR_FORMAT, DS_CODE_WRAPPER_FORMAT, "attestation",
                     "dstack's form of evidence, version 0", what, DS_NO_ANCHOR);
}

static int unsupported(struct ds_error *e, const char *what)
{
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_WRAPPER_UNSUPPORTED, "attestation",
                     "version 0 of a platform that is read", what, DS_NO_ANCHOR);
}

/* A digest is there in full, or was stripped. */
static void read_digest(struct ds_tdx_event *ev, struct ds_reader *r)
{
    struct ds_span digest = ds_scale_bytes(r);
    ev->has_digest = digest.len == DIGEST_LEN;
    if (ev->has_digest)
        memcpy(ev->digest48, digest.p, DIGEST_LEN);
    else if (digest.len != 0)
        r->bad = true;
}

static void read_event(struct ds_tdx_event *ev, struct ds_reader *r)
{
    ev->imr = ds_read_u32le(r);
    ev->type = ds_read_u32le(r);
    ev->version = 1;
    read_digest(ev, r);
    ev->name = ds_scale_text(r);
    ev->payload = ds_scale_bytes(r);
    if (ev->imr > RUNTIME_IMR || ev->name.len > DS_EVENT_NAME_MAX ||
        ev->payload.len > DS_EVENT_PAYLOAD_MAX)
        r->bad = true;
}

/* The number of elements and room for them; NULL with `bad` set where they are too many. */
static void *read_list(size_t *ret_n, struct ds_arena *mem, struct ds_reader *r, size_t wire_len,
                       size_t elem_len)
{
    size_t n = ds_scale_count(r, wire_len);
    void *list = n <= DS_ATTESTATION_EVENTS_MAX ? ds_arena_get_n(mem, n, elem_len) : NULL;
    if (list == NULL)
        r->bad = true;
    *ret_n = r->bad ? 0 : n;
    return list;
}

static void read_tdx(struct ds_attestation *a, struct ds_arena *mem, struct ds_reader *r)
{
    a->quote = ds_scale_bytes(r);
    a->log.events = read_list(&a->log.n_events, mem, r, EVENT_LEN_MIN, sizeof *a->log.events);
    for (size_t i = 0; i < a->log.n_events && !r->bad; i++)
        read_event(&a->log.events[i], r);
}

static void read_snp(struct ds_attestation *a, struct ds_reader *r)
{
    a->quote = ds_scale_bytes(r);
    a->n_certs = ds_scale_count(r, 1);
    if (a->n_certs > DS_ATTESTATION_CERTS_MAX) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < a->n_certs; i++)
        a->certs[i] = ds_scale_bytes(r);
    a->mr_config = ds_scale_text(r);
}

static int read_platform(struct ds_attestation *a, struct ds_arena *mem, struct ds_reader *r,
                         struct ds_error *e)
{
    uint8_t platform = ds_read_u8(r);
    switch (platform) {
    case DS_ATTESTATION_TDX:
        read_tdx(a, mem, r);
        break;
    case DS_ATTESTATION_SEV_SNP:
        read_snp(a, r);
        break;
    case DS_ATTESTATION_NITRO_ENCLAVE:
    case DS_ATTESTATION_NITRO_TPM:
        a->quote = ds_scale_bytes(r);
        break;
    case DS_ATTESTATION_GCP_TDX:
        return unsupported(e, "of platform 1 (TDX with a TPM quote) is not read yet");
    default:
        return bad(e, "names a platform that does not exist");
    }
    a->platform = (enum ds_attestation_platform)platform;
    return DS_OK;
}

static void read_runtime(struct ds_attestation *a, struct ds_arena *mem, struct ds_reader *r)
{
    a->runtime = read_list(&a->n_runtime, mem, r, RUNTIME_LEN_MIN, sizeof *a->runtime);
    for (size_t i = 0; i < a->n_runtime && !r->bad; i++) {
        struct ds_runtime_event *ev = &a->runtime[i];
        ev->name = ds_scale_text(r);
        ev->payload = ds_scale_bytes(r);
        if (ev->name.len > DS_EVENT_NAME_MAX || ev->payload.len > DS_EVENT_PAYLOAD_MAX)
            r->bad = true;
    }
}

/* Version 1 is a map of MessagePack. */
static bool is_map(struct ds_span in)
{
    return in.len > 0 && ((in.p[0] & 0xf0) == 0x80 || in.p[0] == 0xde || in.p[0] == 0xdf);
}

static int check_version(struct ds_reader *r, struct ds_error *e)
{
    uint8_t first = ds_read_u8(r);
    if (first == WIRE_V0)
        return r->bad ? bad(e, "is empty") : DS_OK;
    return bad(e, "begins with no known version");
}

int ds_attestation_parse(struct ds_attestation *ret, struct ds_arena *mem, struct ds_span in,
                         struct ds_error *e)
{
    if (in.len > DS_ATTESTATION_MAX)
        return bad(e, "is over 10 MiB");
    if (is_map(in))
        return attestation_v1_parse(ret, mem, in, e);
    struct ds_reader r = ds_reader_of(in);
    struct ds_attestation a = { 0 };
    DS_TRY(check_version(&r, e));
    DS_TRY(read_platform(&a, mem, &r, e));
    read_runtime(&a, mem, &r);
    ds_read_into(&r, a.report_data64, sizeof a.report_data64);
    a.config = ds_scale_text(&r);
    if (r.bad)
        return bad(e, "is cut short or has a value out of bounds");
    if (ds_read_left(&r) != 0)
        return ds_refuse(e, DS_ERR_TRAILING, DS_CODE_WRAPPER_FORMAT, "attestation",
                         "nothing behind its end", "more bytes", DS_NO_ANCHOR);
    *ret = a;
    return DS_OK;
}

static int put_tdx(struct ds_buf *b, const struct ds_attestation *a, struct ds_error *e)
{
    ds_scale_put_bytes(b, a->quote);
    ds_scale_put_compact(b, a->log.n_events);
    for (size_t i = 0; i < a->log.n_events; i++) {
        const struct ds_tdx_event *ev = &a->log.events[i];
        if (ev->version > 1)
            return unsupported(e, "of version 0 cannot carry events of version 2");
        ds_buf_le(b, ev->imr, 4);
        ds_buf_le(b, ev->type, 4);
        ds_scale_put_bytes(b, DS_SPAN(ev->digest48, ev->has_digest ? DIGEST_LEN : 0));
        ds_scale_put_bytes(b, ev->name);
        ds_scale_put_bytes(b, ev->payload);
    }
    return DS_OK;
}

static int put_platform(struct ds_buf *b, const struct ds_attestation *a, struct ds_error *e)
{
    switch (a->platform) {
    case DS_ATTESTATION_TDX:
        return put_tdx(b, a, e);
    case DS_ATTESTATION_SEV_SNP:
        ds_scale_put_bytes(b, a->quote);
        ds_scale_put_compact(b, a->n_certs);
        for (size_t i = 0; i < a->n_certs; i++)
            ds_scale_put_bytes(b, a->certs[i]);
        ds_scale_put_bytes(b, a->mr_config);
        return DS_OK;
    case DS_ATTESTATION_NITRO_ENCLAVE:
    case DS_ATTESTATION_NITRO_TPM:
        ds_scale_put_bytes(b, a->quote);
        return DS_OK;
    case DS_ATTESTATION_GCP_TDX:
        break;
    }
    return unsupported(e, "of platform 1 (TDX with a TPM quote) is not written yet");
}

int ds_attestation_encode(struct ds_buf *ret, const struct ds_attestation *a, struct ds_error *e)
{
    if (a->log.n_events > DS_ATTESTATION_EVENTS_MAX || a->n_runtime > DS_ATTESTATION_EVENTS_MAX ||
        a->n_certs > DS_ATTESTATION_CERTS_MAX)
        return ds_fail(e, DS_ERR_RANGE, "an attestation with too many events or certificates");
    if (a->version == 1)
        return attestation_v1_encode(ret, a, e);
    ds_buf_le(ret, WIRE_V0, 1);
    ds_buf_le(ret, (uint64_t)a->platform, 1);
    DS_TRY(put_platform(ret, a, e));
    ds_scale_put_compact(ret, a->n_runtime);
    for (size_t i = 0; i < a->n_runtime; i++) {
        ds_scale_put_bytes(ret, a->runtime[i].name);
        ds_scale_put_bytes(ret, a->runtime[i].payload);
    }
    ds_buf_add(ret, DS_SPAN_OF(a->report_data64));
    ds_scale_put_bytes(ret, a->config);
    return ds_buf_end(ret, e, "attestation");
}

void ds_attestation_strip(struct ds_attestation *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->log.n_events; i++) {
        struct ds_tdx_event ev = a->log.events[i];
        bool is_acpi = ev.imr == 0 && ev.type == ACPI_EVENT_TYPE &&
                       ds_span_eq(ev.payload, DS_SPAN_LIT("ACPI DATA"));
        if (!is_acpi && ev.imr != RUNTIME_IMR)
            continue;
        /* Runtime digests are recomputed from name and payload by every reader. */
        if (ev.imr == RUNTIME_IMR)
            ev.has_digest = false;
        a->log.events[n++] = ev;
    }
    a->log.n_events = n;
}

int ds_report_data(uint8_t ret64[static 64], const char *tag, struct ds_span content,
                   struct ds_error *e)
{
    const struct ds_span parts[] = { ds_span_str(tag), DS_SPAN_LIT(":"), content };
    return ds_hash_v(DS_SHA512, ret64, parts, DS_LEN(parts), e);
}

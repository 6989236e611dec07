/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a plan to evidence; see kit.h.
 */
#include "kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../measure/recorded.h"
#include "attest/eventlog/bind.h"
#include "attest/wrapper/attestation.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/json_write.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "ratls/cert.h"

#define OK(call) must((call), &e, #call)

/* Version 4 quote: header 48 bytes, TD report 584, length 4, signature 64. */
#define QUOTE_ATTRIBUTES_AT (48 + 120)
#define QUOTE_SIGNED_LEN    (48 + 584)
#define QUOTE_SIG_AT        (QUOTE_SIGNED_LEN + 4)

static void must(int r, const struct ds_error *e, const char *what)
{
    if (r < 0)
        fail_msg("%s: %s", what, e->msg);
}

/* A recorded image: only its document is needed, since the registers follow from it. */
static void make_image(struct kit *k)
{
    struct ds_error e = { 0 };
    uint8_t doc[sizeof recorded_document / 2], doc32[32];
    OK(ds_hex_decode(doc, sizeof doc, ds_span_str(recorded_document), &e));
    ds_buf_add(&k->document, DS_SPAN_OF(doc));
    OK(measure_image_parse(&k->image, KIT_SPAN(k->document), &e));
    OK(ds_hash(DS_SHA256, doc32, KIT_SPAN(k->document), &e));
    ds_buf_printf(&k->checksums, "%s  measurement.tdx.cbor\n", DS_HEX(DS_SPAN_OF(doc32)));
    OK(ds_hash(DS_SHA256, k->os_image32, KIT_SPAN(k->checksums), &e));
}

/* The key that signs this machine's quotes, as simtee/pki.c derives it. */
static void load_attestation_key(struct kit *k)
{
    struct ds_error e = { 0 };
    char path[96];
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    struct ds_key32 machine, scalar;
    const struct ds_span ctx[] = { DS_SPAN_LIT("dstack-simtee-v1:qe-attestation"), DS_SPAN("", 1) };
    (void)snprintf(path, sizeof path, "%s/machine.key", k->dir);
    OK(ds_file_load(&file, path, 32, &e));
    memcpy(machine.b, file.p, 32);
    OK(ds_kdf32(&scalar, &machine, ctx, DS_LEN(ctx), &e));
    OK(ds_p256_key_from_scalar(&k->attestation, &scalar, &e));
}

void kit_init(struct kit *k, const uint8_t kms_spki[static DS_P256_SPKI_LEN], int64_t now_s)
{
    struct ds_error e = { 0 };
    *k = (struct kit){ .dir = "/tmp/ds-kit-XXXXXX" };
    assert_non_null(mkdtemp(k->dir));
    OK(simtee_pki_open(&k->pki, k->dir, now_s, &e));
    load_attestation_key(k);
    make_image(k);
    memcpy(k->kms_spki, kms_spki, sizeof k->kms_spki);
    OK(app_compose_hash(k->compose32, DS_SPAN_LIT("{\"name\":\"hello\"}"), &e));
    app_id_of(k->app_id20, k->compose32);
    OK(app_instance_id(k->instance_id20, DS_SPAN_LIT("seed"), k->app_id20, &e));
    OK(ds_hash(DS_SHA256, k->gpu_policy32, DS_SPAN_LIT("{}"), &e));
    OK(app_key_provider_info(&k->provider, APP_KEY_PROVIDER_KMS, DS_SPAN_OF(k->kms_spki), &e));
    OK(ds_p256_key_new(&k->guest, &e));
    ds_p256_key_spki(k->guest_spki, k->guest);
}

void kit_done(struct kit *k)
{
    simtee_pki_free(k->pki);
    ds_p256_key_free(k->attestation);
    ds_p256_key_free(k->guest);
    ds_buf_done(&k->document);
    ds_buf_done(&k->checksums);
    ds_buf_done(&k->provider);
    assert_int_equal(ds_dir_remove(k->dir, NULL), DS_OK);
}

struct kit_plan kit_plan_boot(const struct kit *k)
{
    struct kit_plan p = {
        .events = { { "system-preparing", { 0 } },
                    { "app-id", DS_SPAN_OF(k->app_id20) },
                    { "compose-hash", DS_SPAN_OF(k->compose32) },
                    { "gpu-policy-hash", DS_SPAN_OF(k->gpu_policy32) },
                    { "instance-id", DS_SPAN_OF(k->instance_id20) },
                    { "boot-mr-done", { 0 } } },
        .n_events = 6,
        .bound_spki = DS_SPAN_OF(k->guest_spki),
        .pki = k->pki,
        .shape = { .qemu_major = 11, .vcpus = 2, .memory_bytes = 2ULL << 30, .n_nics = 1 },
        .os_image32 = k->os_image32,
        .document = KIT_SPAN(k->document),
        .checksums = KIT_SPAN(k->checksums),
        .mr_config = { .app_id = DS_SPAN_OF(k->app_id20),
                       .gpu_policy_hash = DS_SPAN_OF(k->gpu_policy32),
                       .instance_id = DS_SPAN_OF(k->instance_id20),
                       .key_provider = APP_KEY_PROVIDER_KMS,
                       .key_provider_id = DS_SPAN_OF(k->kms_spki) },
    };
    memcpy(p.mr_config.compose_hash32, k->compose32, 32);
    return p;
}

struct kit_plan kit_plan_running(const struct kit *k)
{
    struct kit_plan p = kit_plan_boot(k);
    kit_event_add(&p, "os-image-hash", DS_SPAN_OF(k->os_image32));
    kit_event_add(&p, "key-provider", KIT_SPAN(k->provider));
    kit_event_add(&p, "storage-fs", DS_SPAN_LIT("ext4"));
    kit_event_add(&p, "system-ready", DS_SPAN(NULL, 0));
    return p;
}

struct kit_event *kit_event_find(struct kit_plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_events; i++)
        if (strcmp(p->events[i].name, name) == 0)
            return &p->events[i];
    fail_msg("no event '%s'", name);
    return NULL;
}

void kit_event_drop(struct kit_plan *p, const char *name)
{
    struct kit_event *at = kit_event_find(p, name);
    size_t after = p->n_events - (size_t)(at - p->events) - 1;
    memmove(at, at + 1, after * sizeof *at);
    p->n_events--;
}

void kit_event_add(struct kit_plan *p, const char *name, struct ds_span payload)
{
    assert_true(p->n_events < KIT_EVENTS_MAX);
    p->events[p->n_events++] = (struct kit_event){ name, payload };
}

struct boot {
    struct ds_tdx_event events[MEASURE_EVENTS_MAX + KIT_EVENTS_MAX];
    struct ds_tdx_log log;
    struct simtee_registers registers;
};

/* What the machine measures, then what its guest does. */
static void run(struct boot *b, const struct kit *k, const struct kit_plan *p)
{
    struct ds_error e = { 0 };
    struct measure_acpi acpi;
    struct measure_tdx m;
    const struct measure_shape real = kit_plan_boot(k).shape;
    OK(measure_acpi_find(&acpi, &real, &e));
    OK(measure_tdx_predict(&m, &k->image, &real, &acpi, &e));
    b->log = (struct ds_tdx_log){ b->events, 0 };
    for (size_t i = 0; i < m.n_events; i++) {
        struct ds_tdx_event *to = &b->events[b->log.n_events++];
        *to = (struct ds_tdx_event){
            .imr = m.events[i].imr, .type = m.events[i].type, .version = 1, .has_digest = true
        };
        memcpy(to->digest48, m.events[i].digest48, 48);
        if (p->changed_event != NULL && strcmp(p->changed_event, m.events[i].name) == 0)
            to->digest48[0] ^= 1;
    }
    for (size_t i = 0; i < p->n_events; i++)
        b->events[b->log.n_events++] = (struct ds_tdx_event){ .imr = 3,
                                                              .type = DS_EVENT_TYPE_RUNTIME,
                                                              .version = 1,
                                                              .name = ds_span_str(
                                                                  p->events[i].name),
                                                              .payload = p->events[i].payload };
    memcpy(b->registers.mrtd48, m.mrtd48, 48);
    b->registers.mrtd48[0] ^= p->is_mrtd_changed;
    OK(ds_tdx_log_replay(b->registers.rtmr48, &b->log, &e));
}

/* What is done to the log when the registers stand. */
static void tamper(struct ds_tdx_log *log, const struct kit_plan *p)
{
    struct ds_error e = { 0 };
    size_t first = log->n_events - p->n_events;
    for (size_t i = first; i < log->n_events; i++) {
        struct ds_tdx_event *ev = &log->events[i];
        if (p->hidden != NULL && ds_span_eq_str(ev->name, p->hidden)) {
            OK(ds_event_measured(ev->digest48, ev, &e));
            ev->has_digest = true;
            ev->type = 0xd;
        }
        if (p->left_out != NULL && ds_span_eq_str(ev->name, p->left_out)) {
            memmove(ev, ev + 1, (log->n_events - i - 1) * sizeof *ev);
            log->n_events--;
        }
    }
    if (p->is_swapped) {
        struct ds_tdx_event was = log->events[first];
        log->events[first] = log->events[first + 1];
        log->events[first + 1] = was;
    }
}

static void put_base64(struct ds_jw *w, const char *key, struct ds_span bytes)
{
    char text[2048];
    assert_true(bytes.len < 1500);
    ds_jw_str(w, key, ds_base64_encode(text, bytes));
}

static void put_vm_config(struct ds_buf *ret, const struct kit_plan *p, struct ds_span mr_config)
{
    struct ds_error e = { 0 };
    struct ds_jw w = ds_jw_of(ret);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, "os_image_hash", DS_SPAN(p->os_image32, 32));
    ds_jw_u64(&w, "cpu_count", p->shape.vcpus);
    ds_jw_u64(&w, "memory_size", p->shape.memory_bytes);
    ds_jw_str(&w, "qemu_version", "11.1.3");
    ds_jw_object(&w, "tdx_measurement");
    put_base64(&w, "checksum_file", p->checksums);
    put_base64(&w, "measurement", p->document);
    ds_jw_object_end(&w);
    if (!p->has_no_mr_config)
        ds_jw_text(&w, "mr_config", mr_config);
    ds_jw_object_end(&w);
    OK(ds_jw_end(&w, &e, "vm_config"));
}

static void quote(struct ds_buf *ret, const struct kit *k, const struct kit_plan *p,
                  const struct simtee_registers *regs, const uint8_t report_data64[64])
{
    struct ds_error e = { 0 };
    OK(simtee_pki_quote(ret, p->pki, regs, report_data64, &e));
    if (p->is_debug) {
        ret->p[QUOTE_ATTRIBUTES_AT] |= 1;
        OK(ds_p256_sign((uint8_t *)ret->p + QUOTE_SIG_AT, k->attestation,
                        DS_SPAN(ret->p, QUOTE_SIGNED_LEN), &e));
    }
    if (p->is_quote_broken)
        ret->p[QUOTE_SIG_AT] ^= 1;
}

void kit_attest(struct ds_buf *ret, const struct kit *k, const struct kit_plan *p)
{
    struct ds_error e = { 0 };
    struct boot b;
    struct ds_attestation att = { .platform = DS_ATTESTATION_TDX };
    DS_AUTO(ds_buf_done) struct ds_buf bytes = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf config = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf mr_config = { 0 };
    OK(app_mr_config_encode(&mr_config, &p->mr_config, &e));
    run(&b, k, p);
    OK(app_mr_config_id(b.registers.mrconfigid48, KIT_SPAN(mr_config), &e));
    b.registers.mrconfigid48[1] ^= p->is_mrconfigid_changed;
    if (p->report_data64 != NULL)
        memcpy(att.report_data64, p->report_data64, sizeof att.report_data64);
    else
        OK(ratls_report_data(att.report_data64, p->bound_spki, &e));
    quote(&bytes, k, p, &b.registers, att.report_data64);
    tamper(&b.log, p);
    put_vm_config(&config, p, KIT_SPAN(mr_config));
    att.quote = KIT_SPAN(bytes);
    att.log = b.log;
    att.config = KIT_SPAN(config);
    OK(ds_attestation_encode(ret, &att, &e));
}

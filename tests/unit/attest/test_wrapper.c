/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attestation wrapper by hand-made bytes: each platform, every length one
 * short, bounds, what stripping leaves, and the certificate extensions.
 */
#include "attest/wrapper/attestation.h"
#include "attest/wrapper/cert_ext.h"
#include "crypto/cert.h"
#include "crypto/hash.h"
#include "unhex.h"

#define ZEROS64                                                        \
    "0000000000000000000000000000000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000000000000000000000000000"
#define ZEROS48                                        \
    "000000000000000000000000000000000000000000000000" \
    "000000000000000000000000000000000000000000000000"

static max_align_t room[8192];

static int parse(struct ds_attestation *a, struct ds_span in, struct ds_error *e)
{
    struct ds_arena mem = ds_arena_of(room, sizeof room);
    return ds_attestation_parse(a, &mem, in, e);
}

/* A TDX attestation with one event of each kind that stripping tells apart. */
static const struct ds_tdx_event sample_events[] = {
    { .imr = 0,
      .type = 10,
      .version = 1,
      .has_digest = true,
      .payload = { (const uint8_t *)"ACPI DATA", 9 } },
    { .imr = 0,
      .type = 10,
      .version = 1,
      .has_digest = true,
      .payload = { (const uint8_t *)"BootMenu", 8 } },
    { .imr = 1, .type = 4, .version = 1, .has_digest = true },
    { .imr = 3,
      .type = DS_EVENT_TYPE_RUNTIME,
      .version = 1,
      .has_digest = true,
      .name = { (const uint8_t *)"app-id", 6 },
      .payload = { (const uint8_t *)"id", 2 } },
};

static struct ds_attestation sample(struct ds_tdx_event *events, struct ds_runtime_event *runtime)
{
    memcpy(events, sample_events, sizeof sample_events);
    *runtime = (struct ds_runtime_event){ .name = DS_SPAN_LIT("app-id"),
                                          .payload = DS_SPAN_LIT("id") };
    return (struct ds_attestation){
        .platform = DS_ATTESTATION_TDX,
        .quote = DS_SPAN_LIT("quote"),
        .log = { events, DS_LEN(sample_events) },
        .runtime = runtime,
        .n_runtime = 1,
        .report_data64 = { 7 },
        .config = DS_SPAN_LIT("{}"),
    };
}

static void tdx_there_and_back(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_tdx_event events[DS_LEN(sample_events)];
    struct ds_runtime_event runtime;
    struct ds_attestation a = sample(events, &runtime), got;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 }, again = { 0 };
    assert_ok(ds_attestation_encode(&b, &a, &e));
    assert_ok(parse(&got, ds_buf_span(&b), &e));
    assert_int_equal(got.platform, DS_ATTESTATION_TDX);
    assert_int_equal(got.log.n_events, DS_LEN(sample_events));
    assert_true(ds_span_eq_str(got.log.events[3].name, "app-id"));
    assert_true(got.log.events[3].has_digest);
    assert_int_equal(got.n_runtime, 1);
    assert_int_equal(got.report_data64[0], 7);
    assert_true(ds_span_eq_str(got.config, "{}"));
    assert_ok(ds_attestation_encode(&again, &got, &e));
    assert_true(ds_span_eq(ds_buf_span(&b), ds_buf_span(&again)));
    for (size_t len = 0; len < b.len; len++) {
        assert_int_equal(parse(&got, DS_SPAN(b.p, len), &e), DS_ERR_FORMAT);
        assert_int_equal(e.code, DS_CODE_WRAPPER_FORMAT);
    }
    ds_buf_char(&b, 0);
    assert_int_equal(parse(&got, ds_buf_span(&b), &e), DS_ERR_TRAILING);
}

/* guest-api 5.1, member by member; MessagePack spec: fixstr a0|n, fixmap 80|n, fixarray 90|n, bin 8 c4. */
#define V1_HEAD          \
    "83"                 \
    "a776657273696f6e"   \
    "01"                 \
    "a8706c6174666f726d" \
    "82"                 \
    "a46b696e64"
#define V1_NITRO                   \
    "ad6e6974726f2d656e636c617665" \
    "a464617461"                   \
    "81"                           \
    "a96e736d5f71756f7465"
#define V1_STACK   \
    "a5737461636b" \
    "82"           \
    "a46b696e64"
#define V1_PLAIN \
    "a6647374"   \
    "61636b"     \
    "a464617461" \
    "83"         \
    "ab7265706f72745f64617461"
#define V1_POD       \
    "aa647374"       \
    "61636b2d706f64" \
    "a464617461"     \
    "84"             \
    "ab7265706f72745f64617461"
#define V1_EVENTS "ae72756e74696d655f6576656e7473"
#define V1_CONFIG "a6636f6e666967"
#define BIN64     "c440" ZEROS64
#define ARRAY64   "dc0040" ZEROS64
#define V1_TDX     \
    "a3746478"     \
    "a464617461"   \
    "82"           \
    "a571756f7465" \
    "9101"         \
    "a96576656e745f6c6f67"
#define V1_EVENT_OF(digest, payload)       \
    "a3696d72"                             \
    "03"                                   \
    "aa6576656e745f74797065"               \
    "ce08000001"                           \
    "a6646967657374" digest "a56576656e74" \
    "a161"                                 \
    "ad6576656e745f7061796c6f6164" payload
#define V1_EVENT V1_EVENT_OF("c400", "c40162")

/* clang-format off */
static const struct {
    const char *name, *hex;
    int want;
} v1_forms[] = {
    { "quote as array", V1_HEAD V1_NITRO "9201ccff" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_OK },
    { "quote as bin", V1_HEAD V1_NITRO "c40201ff" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "version in two bytes", "83" "a776657273696f6e" "cc01" "a8706c6174666f726d" "82" "a46b696e64" V1_NITRO "90" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "map 16 of three", "de0003" "a776657273696f6e" "01" "a8706c6174666f726d" "82" "a46b696e64" V1_NITRO "90" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "str 8 of four", "83" "a776657273696f6e" "01" "a8706c6174666f726d" "82" "d9046b696e64" V1_NITRO "90" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "array 32 of one", V1_HEAD V1_NITRO "dd0000000101" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "report_data as bin", V1_HEAD V1_NITRO "90" V1_STACK V1_PLAIN BIN64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "digest as array", V1_HEAD V1_TDX "9185" V1_EVENT_OF("90", "c40162") V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "payload as array", V1_HEAD V1_TDX "9185" V1_EVENT_OF("c400", "9162") V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "payload as array, as long", V1_HEAD V1_TDX "9185" V1_EVENT_OF("c400", "91cc62") V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "event that says version 1", V1_HEAD V1_TDX "9186" V1_EVENT "a776657273696f6e" "01" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "empty preimage", V1_HEAD V1_TDX "9186" V1_EVENT "a8707265696d616765" "c400" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "TDX, event of version 1", V1_HEAD V1_TDX "9185" V1_EVENT V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_OK },
    { "TDX, event of version 2", V1_HEAD V1_TDX "9187" V1_EVENT "a776657273696f6e" "02" "a8707265696d616765" "c4027b7d" V1_STACK V1_PLAIN ARRAY64
      V1_EVENTS "9183" "a56576656e74" "a161" "a77061796c6f6164" "c40162" "a776657273696f6e" "02" V1_CONFIG "a27b7d", DS_OK },
    { "SNP", V1_HEAD "a77365762d736e70" "a464617461" "83" "a67265706f7274" "9101" "aa636572745f636861696e" "9291019102" "a96d725f636f6e666967" "a27b7d"
      V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_OK },
    { "NitroTPM", V1_HEAD "ad6177732d6e6974726f2d74706d" "a464617461" "81" "af6174746573746174696f6e5f646f63" "90" V1_STACK V1_PLAIN ARRAY64
      V1_EVENTS "90" V1_CONFIG "a0", DS_OK },
    { "GCP", V1_HEAD "a76763702d746478", DS_ERR_UNSUPPORTED },
    { "version 2", "83" "a776657273696f6e" "02", DS_ERR_UNSUPPORTED },
    { "version twice the key", "83" "a776657273696f6f" "01", DS_ERR_FORMAT },
    { "two members", "82" "a776657273696f6e" "01", DS_ERR_FORMAT },
    { "platform that is none", V1_HEAD "a3746479" "a464617461" "81", DS_ERR_FORMAT },
    { "a member too many", V1_HEAD "ad6e6974726f2d656e636c617665" "a464617461" "82" "a96e736d5f71756f7465" "90" "a161" "01", DS_ERR_FORMAT },
    { "256 in an array of bytes", V1_HEAD V1_NITRO "91cd0100" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "text in an array of bytes", V1_HEAD V1_NITRO "91a161" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "quote as text", V1_HEAD V1_NITRO "a161" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "more bytes than are there", V1_HEAD V1_NITRO "ddffffffff" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "report_data of 63 bytes", V1_HEAD V1_NITRO "90" V1_STACK V1_PLAIN "dc003f" ZEROS48 "000000000000000000000000000000" V1_EVENTS "90" V1_CONFIG "a0",
      DS_ERR_FORMAT },
    { "event of version 3", V1_HEAD V1_TDX "9186" V1_EVENT "a776657273696f6e" "03" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "event with fewer members than it says", V1_HEAD V1_TDX "9186" V1_EVENT V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0", DS_ERR_FORMAT },
    { "events that are not there", V1_HEAD V1_TDX "dc0201", DS_ERR_FORMAT },
    { "config that is not UTF-8", V1_HEAD V1_NITRO "90" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a1ff", DS_ERR_FORMAT },
    { "bytes behind it", V1_HEAD V1_NITRO "90" V1_STACK V1_PLAIN ARRAY64 V1_EVENTS "90" V1_CONFIG "a0" "c0", DS_ERR_TRAILING },
    { "pod whose report_data is another", V1_HEAD V1_NITRO "90" V1_STACK V1_POD ARRAY64 V1_EVENTS "90" V1_CONFIG "a0" "b37265706f72745f646174615f7061796c6f6164" "a0",
      DS_ERR_FORMAT },
};
/* clang-format on */

static void version_1(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(v1_forms); i++) {
        const struct unhex bytes = unhex(v1_forms[i].hex);
        struct ds_span in = unhex_span(&bytes);
        struct ds_attestation a;
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
        int r = parse(&a, in, &e);
        if (r != v1_forms[i].want)
            fail_msg("%s: %d %s", v1_forms[i].name, r, e.msg);
        if (r < 0) {
            assert_int_equal(e.code, r == DS_ERR_UNSUPPORTED ? DS_CODE_WRAPPER_UNSUPPORTED
                                                             : DS_CODE_WRAPPER_FORMAT);
            continue;
        }
        assert_int_equal(a.version, 1);
        assert_ok(ds_attestation_encode(&again, &a, &e));
        if (!ds_span_eq(ds_buf_span(&again), in))
            fail_msg("%s: not written back", v1_forms[i].name);
        for (size_t cut = 1; cut < in.len; cut++)
            assert_int_equal(parse(&a, ds_span_sub(in, 0, cut), &e), DS_ERR_FORMAT);
    }
}

/* One content, two forms: only the form changes. */
static void both_versions(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_tdx_event events[DS_LEN(sample_events)];
    struct ds_runtime_event runtime;
    struct ds_attestation a = sample(events, &runtime), got;
    DS_AUTO(ds_buf_done) struct ds_buf v0 = { 0 }, v1 = { 0 }, back = { 0 }, pod = { 0 };
    assert_ok(ds_attestation_encode(&v0, &a, &e));
    a.version = 1;
    assert_ok(ds_attestation_encode(&v1, &a, &e));
    assert_ok(parse(&got, ds_buf_span(&v1), &e));
    assert_int_equal(got.log.n_events, DS_LEN(sample_events));
    assert_true(ds_span_eq(got.quote, a.quote) && ds_span_eq(got.config, a.config));
    got.version = 0;
    assert_ok(ds_attestation_encode(&back, &got, &e));
    assert_true(ds_span_eq(ds_buf_span(&v0), ds_buf_span(&back)));
    /* A pod's report_data is made from its payload. */
    a.is_pod = true;
    a.pod_payload = DS_SPAN_LIT("payload");
    assert_ok(ds_report_data(a.report_data64, "app-data", a.pod_payload, &e));
    assert_ok(ds_attestation_encode(&pod, &a, &e));
    assert_ok(parse(&got, ds_buf_span(&pod), &e));
    assert_true(got.is_pod && ds_span_eq(got.pod_payload, a.pod_payload));
}

static void stripped(void **state)
{
    (void)state;
    struct ds_tdx_event events[DS_LEN(sample_events)];
    struct ds_runtime_event runtime;
    struct ds_attestation a = sample(events, &runtime);
    ds_attestation_strip(&a);
    assert_int_equal(a.log.n_events, 2);
    assert_true(ds_span_eq_str(a.log.events[0].payload, "ACPI DATA"));
    assert_true(a.log.events[0].has_digest);
    assert_true(ds_span_eq_str(a.log.events[1].name, "app-id"));
    assert_true(ds_span_eq_str(a.log.events[1].payload, "id"));
    assert_false(a.log.events[1].has_digest);
}

static const struct {
    const char *name, *hex;
    int want;
} forms[] = {
    { "empty TDX",
      "0000"
      "00"
      "00"
      "00" ZEROS64 "00",
      DS_OK },
    { "Nitro enclave",
      "0002"
      "04aa"
      "00" ZEROS64 "00",
      DS_OK },
    { "Nitro TPM",
      "0004"
      "04aa"
      "00" ZEROS64 "00",
      DS_OK },
    { "SNP with two certificates",
      "0003"
      "04aa"
      "08"
      "04bb"
      "04cc"
      "087b7d"
      "00" ZEROS64 "00",
      DS_OK },
    { "event without digest",
      "0000"
      "00"
      "04"
      "03000000"
      "01000008"
      "00"
      "00"
      "00"
      "00" ZEROS64 "00",
      DS_OK },
    { "event with digest",
      "0000"
      "00"
      "04"
      "00000000"
      "01000008"
      "c0" ZEROS48 "00"
      "00"
      "00" ZEROS64 "00",
      DS_OK },
    { "GCP",
      "0001"
      "00"
      "00"
      "00" ZEROS64 "00",
      DS_ERR_UNSUPPORTED },
    { "platform 5",
      "0005"
      "00"
      "00"
      "00" ZEROS64 "00",
      DS_ERR_FORMAT },
    { "MessagePack fixmap alone", "83", DS_ERR_FORMAT },
    { "MessagePack map 16 alone", "de0003", DS_ERR_FORMAT },
    { "MessagePack map 32 alone", "df00000003", DS_ERR_FORMAT },
    { "version 1 of nothing", "01", DS_ERR_FORMAT },
    { "nothing", "", DS_ERR_FORMAT },
    { "digest of 47 bytes",
      "0000"
      "00"
      "04"
      "00000000"
      "01000008"
      "04"
      "aa"
      "00"
      "00"
      "00" ZEROS64 "00",
      DS_ERR_FORMAT },
    { "register 4",
      "0000"
      "00"
      "04"
      "04000000"
      "01000008"
      "00"
      "00"
      "00"
      "00" ZEROS64 "00",
      DS_ERR_FORMAT },
    { "more events than bytes",
      "0000"
      "00"
      "fc"
      "00" ZEROS64 "00",
      DS_ERR_FORMAT },
    { "config that is not UTF-8",
      "0000"
      "00"
      "00"
      "00" ZEROS64 "04ff",
      DS_ERR_FORMAT },
    { "nine certificates",
      "0003"
      "00"
      "24"
      "000000000000000000"
      "00"
      "00" ZEROS64 "00",
      DS_ERR_FORMAT },
    { "one byte more",
      "0000"
      "00"
      "00"
      "00" ZEROS64 "00"
      "00",
      DS_ERR_TRAILING },
};

static void other_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(forms); i++) {
        struct ds_error e = { 0 };
        struct unhex in = unhex(forms[i].hex);
        struct ds_attestation a;
        int r = parse(&a, unhex_span(&in), &e);
        if (r != forms[i].want)
            fail_msg("%s: %d %s", forms[i].name, r, e.msg);
        if (r != DS_OK)
            continue;
        DS_AUTO(ds_buf_done) struct ds_buf again = { 0 };
        assert_ok(ds_attestation_encode(&again, &a, &e));
        assert_hex(ds_buf_span(&again), forms[i].hex);
    }
}

static void bounds(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_tdx_event events[DS_LEN(sample_events)];
    struct ds_runtime_event runtime;
    static char name[DS_EVENT_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    static const struct {
        size_t name_len;
        int want;
    } rows[] = { { DS_EVENT_NAME_MAX, DS_OK }, { DS_EVENT_NAME_MAX + 1, DS_ERR_FORMAT } };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_attestation a = sample(events, &runtime), got;
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 }, c = { 0 };
        events[0].name = DS_SPAN(name, rows[i].name_len);
        assert_ok(ds_attestation_encode(&b, &a, &e));
        assert_int_equal(parse(&got, ds_buf_span(&b), &e), rows[i].want);
        events[0].name.len = 0;
        runtime.name = DS_SPAN(name, rows[i].name_len);
        assert_ok(ds_attestation_encode(&c, &a, &e));
        assert_int_equal(parse(&got, ds_buf_span(&c), &e), rows[i].want);
    }
    struct ds_attestation a = sample(events, &runtime), got;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    a.n_runtime = DS_ATTESTATION_EVENTS_MAX + 1;
    assert_int_equal(ds_attestation_encode(&b, &a, &e), DS_ERR_RANGE);
    a = sample(events, &runtime);
    events[3].version = 2;
    assert_int_equal(ds_attestation_encode(&b, &a, &e), DS_ERR_UNSUPPORTED);
    /* No room in the arena is a refusal, not a crash. */
    a = sample(events, &runtime);
    ds_buf_clear(&b);
    assert_ok(ds_attestation_encode(&b, &a, &e));
    struct ds_arena none = ds_arena_of(room, 16);
    assert_int_equal(ds_attestation_parse(&got, &none, ds_buf_span(&b), &e), DS_ERR_FORMAT);
}

static void report_data(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    uint8_t got[64], want[64];
    assert_ok(ds_report_data(got, "ratls-cert", DS_SPAN_LIT("abc"), &e));
    assert_ok(ds_hash(DS_SHA512, want, DS_SPAN_LIT("ratls-cert:abc"), &e));
    assert_memory_equal(got, want, sizeof got);
}

static void extensions(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    static uint8_t content[70000];
    static const size_t lengths[] = { 0, 1, 127, 128, 255, 256, 65535, 65536 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    assert_ok(ds_p256_key_new(&key, &e));
    uint8_t spki[DS_P256_SPKI_LEN];
    ds_p256_key_spki(spki, key);
    for (size_t i = 0; i < DS_LEN(lengths); i++) {
        DS_AUTO(ds_buf_done) struct ds_buf value = { 0 }, der = { 0 };
        ds_cert_ext_encode(&value, DS_SPAN(content, lengths[i]));
        const struct ds_cert_ext ext = { ds_cert_ext_oid(DS_CERT_EXT_ATTESTATION), false,
                                         ds_buf_span(&value) };
        const struct ds_cert_spec spec = { .subject = { .cn = "x" },
                                           .spki = DS_SPAN_OF(spki),
                                           .not_after_s = 1,
                                           .exts = &ext,
                                           .n_exts = 1 };
        assert_ok(ds_cert_make(&der, &spec, (struct ds_span){ 0 }, key, &e));
        struct ds_x509 cert;
        struct ds_span got;
        assert_ok(ds_x509_parse(&cert, ds_buf_span(&der), &e));
        assert_ok(ds_cert_ext_find(&got, &cert, DS_CERT_EXT_ATTESTATION, &e));
        assert_non_null(got.p);
        assert_int_equal(got.len, lengths[i]);
        assert_ok(ds_cert_ext_find(&got, &cert, DS_CERT_EXT_APP_INFO, &e));
        assert_null(got.p);
    }
    assert_null(ds_cert_ext_oid((enum ds_cert_ext_id)5));
}

static void single_wrapping(void **state)
{
    (void)state;
    static const char *const values[] = { "", "0401", "040100", "04810100", "0c0100", "04010000" };
    static const bool good[] = { false, false, true, false, false, false };
    for (size_t i = 0; i < DS_LEN(values); i++) {
        struct ds_error e = { 0 };
        struct unhex value = unhex(values[i]);
        struct ds_x509 cert = {
            .extensions = { { DS_SPAN_LIT("\x2b\x06\x01\x04\x01\x83\xe7\x3d\x01\x08"),
                              unhex_span(&value), false } },
            .n_extensions = 1,
        };
        struct ds_span got;
        int r = ds_cert_ext_find(&got, &cert, DS_CERT_EXT_ATTESTATION, &e);
        assert_int_equal(r, good[i] ? DS_OK : DS_ERR_FORMAT);
    }
}

static void app_info(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct ds_app_info info = {
        .app_id = DS_SPAN_LIT("\xa1\xa2\xa3"),
        .device_id = DS_SPAN_LIT("\xd1"),
        .key_provider_info = DS_SPAN_LIT("kms"),
        .has_init_scripts = true,
        .init_script_hashes = { DS_SPAN_LIT("\xf1") },
        .n_init_script_hashes = 1,
    }, got;
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 }, none = { 0 };
    assert_ok(ds_app_info_encode(&b, &info, &e));
    assert_hex(ds_buf_span(&b), "99c403a1a2a3c400c400c401d1c400c400c400c4036b6d7391c401f1");
    assert_ok(ds_app_info_parse(&got, ds_buf_span(&b), &e));
    assert_true(ds_span_eq(got.app_id, info.app_id));
    assert_true(ds_span_eq(got.key_provider_info, info.key_provider_info));
    assert_int_equal(got.n_init_script_hashes, 1);
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(ds_app_info_parse(&got, DS_SPAN(b.p, len), &e), DS_ERR_FORMAT);
    info.has_init_scripts = false;
    assert_ok(ds_app_info_encode(&none, &info, &e));
    assert_hex(ds_buf_span(&none), "99c403a1a2a3c400c400c401d1c400c400c400c4036b6d73c0");
    info.n_init_script_hashes = 6;
    assert_int_equal(ds_app_info_encode(&none, &info, &e), DS_ERR_RANGE);
}

/* Records as releases before and after ours write them. */
static void app_info_forms(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        int want;
    } rows[] = {
        { "eight values, of 0.5",
          "98c403a1a2a3c402b1b2c402c1c2c401d1c420515151515151515151515151515151515151515151515151515151"
          "5151515151c4206262626262626262626262626262626262626262626262626262626262626262c402e1e2c403"
          "6b6d73",
          DS_OK },
        { "seven values", "97c400c400c400c400c400c400c400", DS_ERR_FORMAT },
        { "ten values", "9ac400c400c400c400c400c400c400c400c0c0", DS_ERR_FORMAT },
        { "a map", "80", DS_ERR_FORMAT },
        { "text for bytes", "98a161c400c400c400c400c400c400c400", DS_ERR_FORMAT },
        { "six scripts", "99c400c400c400c400c400c400c400c40096c400c400c400c400c400c400",
          DS_ERR_FORMAT },
        { "bytes behind", "98c400c400c400c400c400c400c400c40000", DS_ERR_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct unhex in = unhex(rows[i].hex);
        struct ds_app_info got;
        int r = ds_app_info_parse(&got, unhex_span(&in), &e);
        if (r != rows[i].want)
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tdx_there_and_back), cmocka_unit_test(stripped),
        cmocka_unit_test(version_1),          cmocka_unit_test(both_versions),
        cmocka_unit_test(other_forms),        cmocka_unit_test(bounds),
        cmocka_unit_test(report_data),        cmocka_unit_test(extensions),
        cmocka_unit_test(single_wrapping),    cmocka_unit_test(app_info),
        cmocka_unit_test(app_info_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

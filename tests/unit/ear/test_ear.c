/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims set: the drafts' examples, a result with every claim in both
 * forms, each claim missing, of another kind and out of bounds, and what a
 * relying party checks besides.
 */
#include "ear/ear.h"

#include "kit.h"

static struct ear got;

static int decode(enum form form, struct ds_span in, struct ds_error *e)
{
    struct ds_arena mem = kit_mem();
    return ear_decode(&got, &mem, form, in, e);
}

/* draft-ietf-rats-ear-04 §3.2.1, with the raw evidence as its §3 has it. */
static const char example_json[] =
    "{\"eat_profile\":\"tag:ietf.org,2026:rats/ear#04\",\"iat\":1666529184,"
    "\"ear_verifier_id\":{\"developer\":\"https://veraison-project.org\",\"build\":\"vts 0.0.1\"},"
    "\"ear_raw_evidence\":[\"application/vnd.evidence\",\"NzQ3MjY5NzM2NTYzNzQK\"],"
    "\"submods\":{\"PSA\":{\"ear_status\":\"contraindicated\",\"ear_trustworthiness_vector\":"
    "{\"instance-identity\":2,\"executables\":96,\"hardware\":2},"
    "\"ear_appraisal_policy_ids\":[\"https://veraison.example/policy/1/60a0068d\"]}}}";

/* The same in CBOR (§3.3.1), its map in no order. */
#define EX_PROFILE "190109781d7461673a696574662e6f72672c323032363a726174732f656172233034"
#define EX_IAT     "061a63552ee0"
#define EX_ID      "1903eca200636465760163627578"
#define EX_SUBMOD          \
    "63505341a2"           \
    "1903e81860"           \
    "1903e9a3000202186004" \
    "02"
#define EX_SUBMODS "19010aa1" EX_SUBMOD

static void example_in_json(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    assert_ok(decode(FORM_JSON, DS_SPAN_LIT(example_json), &e));
    assert_int_equal(got.iat_s, 1666529184);
    assert_int_equal(got.exp_s, 0);
    assert_true(ds_span_eq_str(got.build, "vts 0.0.1"));
    assert_true(ds_span_eq_str(got.raw_evidence.type, "application/vnd.evidence"));
    assert_int_equal(got.n_appraisals, 1);
    const struct ear_appraisal *a = &got.appraisals[0];
    assert_true(ds_span_eq_str(a->label, "PSA"));
    assert_int_equal(a->status, EAR_TIER_CONTRAINDICATED);
    assert_int_equal(a->vector.values[EAR_INSTANCE_IDENTITY], 2);
    assert_int_equal(a->vector.values[EAR_EXECUTABLES], 96);
    assert_int_equal(a->vector.values[EAR_STORAGE_OPAQUE], 0);
    assert_true(ds_span_eq_str(a->policy_ids[0], "https://veraison.example/policy/1/60a0068d"));
    assert_false(a->has_dstack || got.has_status);
}

static void example_in_cbor(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct unhex in = unhex("a4" EX_PROFILE EX_IAT EX_ID EX_SUBMODS);
    assert_ok(decode(FORM_CBOR, unhex_span(&in), &e));
    assert_int_equal(got.iat_s, 1666526944);
    assert_int_equal(got.appraisals[0].vector.values[EAR_EXECUTABLES], 96);
}

/* From memory to bytes to memory to the same bytes; and across, from one form to the other. */
static void every_claim_goes_both_ways(void **state)
{
    (void)state;
    static const enum form forms[] = { FORM_JSON, FORM_CBOR };
    static struct ear ear;
    struct ds_error e = { 0 };
    kit_ear(&ear);
    for (size_t i = 0; i < DS_LEN(forms); i++) {
        enum form other = forms[i] == FORM_JSON ? FORM_CBOR : FORM_JSON;
        DS_AUTO(ds_buf_done) struct ds_buf once = { 0 }, twice = { 0 }, across = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf direct = { 0 };
        assert_ok(ear_encode(&once, &ear, forms[i], &e));
        assert_ok(decode(forms[i], ds_buf_span(&once), &e));
        assert_ok(ear_encode(&twice, &got, forms[i], &e));
        assert_true(ds_span_eq(ds_buf_span(&once), ds_buf_span(&twice)));
        assert_ok(ear_encode(&across, &got, other, &e));
        assert_ok(ear_encode(&direct, &ear, other, &e));
        assert_true(ds_span_eq(ds_buf_span(&across), ds_buf_span(&direct)));
        assert_int_equal(got.n_appraisals, 2);
        assert_true(ds_span_eq_str(got.appraisals[0].dstack.advisories[1], "INTEL-SA-00828"));
        assert_hex(got.appraisals[0].dstack.measurements[0].value, "0102");
        assert_true(ds_span_eq_str(got.appraisals[0].nonce, "evidence"));
        assert_int_equal(got.appraisals[0].vector.values[EAR_RUNTIME_OPAQUE], -2);
    }
}

/* `text` with its first `from` replaced. */
static void replaced(struct ds_buf *ret, const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (at == NULL)
        fail_msg("the text has no %s", from);
    ds_buf_add(ret, DS_SPAN(text, (size_t)(at - text)));
    ds_buf_str(ret, to);
    ds_buf_str(ret, at + strlen(from));
}

#define PROFILE "\"eat_profile\":\"tag:ietf.org,2026:rats/ear#04\","

static const struct {
    const char *name, *from, *to;
    enum ds_code code; /* NONE: it is accepted */
} json_rows[] = {
    { "an unknown claim", PROFILE, PROFILE "\"jti\":[{\"a\":null}],", DS_CODE_NONE },
    { "a nonce", PROFILE, PROFILE "\"eat_nonce\":\"AAAAAAAAAAA=\",", DS_CODE_NONE },
    { "a nonce in base64url", PROFILE, PROFILE "\"eat_nonce\":\"_-AAAAAAAAA\",", DS_CODE_NONE },
    { "no vector",
      ",\"ear_trustworthiness_vector\":"
      "{\"instance-identity\":2,\"executables\":96,\"hardware\":2}",
      "", DS_CODE_NONE },
    { "a status that claims nothing", "\"contraindicated\"", "\"none\"", DS_CODE_NONE },
    { "a status of all", PROFILE, PROFILE "\"ear_status\":\"contraindicated\",", DS_CODE_NONE },
    { "no profile", PROFILE, "", DS_CODE_EAR_PROFILE },
    { "an older profile", "ear#04", "ear#03", DS_CODE_EAR_PROFILE },
    { "veraison's profile", "tag:ietf.org,2026:rats/ear#04", "tag:github.com,2023:veraison/ear",
      DS_CODE_EAR_PROFILE },
    { "a profile and more", "ear#04", "ear#040", DS_CODE_EAR_PROFILE },
    { "a profile that is a list", "\"tag:ietf.org,2026:rats/ear#04\"",
      "[\"tag:ietf.org,2026:rats/ear#04\"]", DS_CODE_EAR_FORMAT },
    { "the profile twice", PROFILE, PROFILE PROFILE, DS_CODE_EAR_FORMAT },
    { "no iat", "\"iat\":1666529184,", "", DS_CODE_EAR_FORMAT },
    { "iat as text", "1666529184", "\"1666529184\"", DS_CODE_EAR_FORMAT },
    { "iat with a fraction", "1666529184", "1666529184.0", DS_CODE_EAR_FORMAT },
    { "iat with an exponent", "1666529184", "1.666529184e9", DS_CODE_EAR_FORMAT },
    { "iat below zero", "1666529184", "-1", DS_CODE_EAR_FORMAT },
    { "iat zero", "1666529184", "0", DS_CODE_EAR_FORMAT },
    { "iat over 53 bits", "1666529184", "9007199254740992", DS_CODE_EAR_FORMAT },
    { "iat over 64 bits", "1666529184", "18446744073709551617", DS_CODE_EAR_FORMAT },
    { "exp with a fraction", PROFILE, PROFILE "\"exp\":1.5,", DS_CODE_EAR_FORMAT },
    { "exp null", PROFILE, PROFILE "\"exp\":null,", DS_CODE_EAR_FORMAT },
    { "no verifier", "\"ear_verifier_id\"", "\"x\"", DS_CODE_EAR_FORMAT },
    { "a verifier without build", "\"build\"", "\"x\"", DS_CODE_EAR_FORMAT },
    { "a verifier without developer", "\"developer\"", "\"x\"", DS_CODE_EAR_FORMAT },
    { "a build that is a number", "\"vts 0.0.1\"", "1", DS_CODE_EAR_FORMAT },
    { "no submods", "\"submods\"", "\"x\"", DS_CODE_EAR_FORMAT },
    { "submods that are a list", "{\"PSA\":", "[", DS_CODE_EAR_FORMAT },
    { "an empty label", "\"PSA\"", "\"\"", DS_CODE_EAR_FORMAT },
    { "a label with NUL", "\"PSA\"", "\"\\u0000\"", DS_CODE_EAR_FORMAT },
    { "no status", "\"ear_status\"", "\"x\"", DS_CODE_EAR_FORMAT },
    { "a status of its own", "\"contraindicated\"", "\"fine\"", DS_CODE_EAR_FORMAT },
    { "a status in capitals", "\"contraindicated\"", "\"CONTRAINDICATED\"", DS_CODE_EAR_FORMAT },
    { "CBOR's status in JSON", "\"contraindicated\"", "96", DS_CODE_EAR_FORMAT },
    { "better than its vector", "\"contraindicated\"", "\"affirming\"", DS_CODE_EAR_STATUS },
    { "a little better than its vector", "\"contraindicated\"", "\"warning\"", DS_CODE_EAR_STATUS },
    { "of all, better than a part", PROFILE, PROFILE "\"ear_status\":\"warning\",",
      DS_CODE_EAR_STATUS },
    { "a vector of nothing", "{\"instance-identity\":2,\"executables\":96,\"hardware\":2}", "{}",
      DS_CODE_EAR_FORMAT },
    { "a ninth claim", "\"hardware\":2", "\"firmware\":2", DS_CODE_EAR_FORMAT },
    { "a value over a byte", "\"executables\":96", "\"executables\":128", DS_CODE_EAR_FORMAT },
    { "a value below a byte", "\"executables\":96", "\"executables\":-129", DS_CODE_EAR_FORMAT },
    { "a value as text", "\"executables\":96", "\"executables\":\"96\"", DS_CODE_EAR_FORMAT },
    { "policies that are none", "[\"https://veraison.example/policy/1/60a0068d\"]", "[]",
      DS_CODE_EAR_FORMAT },
    { "a policy that is no list", "[\"https://veraison.example/policy/1/60a0068d\"]", "\"a\"",
      DS_CODE_EAR_FORMAT },
    { "nine policies", "[\"https://veraison.example/policy/1/60a0068d\"]",
      "[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]", DS_CODE_EAR_FORMAT },
    { "a nonce of seven bytes", PROFILE, PROFILE "\"eat_nonce\":\"AAAAAAAAAA==\",",
      DS_CODE_EAR_FORMAT },
    { "a nonce of 65 bytes", PROFILE,
      PROFILE "\"eat_nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
              "AAAAAAAAAAAAAAAAAAAAAAA=\",",
      DS_CODE_EAR_FORMAT },
    { "a nonce that is no base64", PROFILE, PROFILE "\"eat_nonce\":\"nonce of text\",",
      DS_CODE_EAR_FORMAT },
    { "two nonces", PROFILE, PROFILE "\"eat_nonce\":[\"AAAAAAAAAAA=\",\"AAAAAAAAAAA=\"],",
      DS_CODE_EAR_FORMAT },
    { "evidence that is a text", "[\"application/vnd.evidence\",\"NzQ3MjY5NzM2NTYzNzQK\"]",
      "\"NzQ3\"", DS_CODE_CMW_FORMAT },
    { "evidence with padding", "NzQ3MjY5NzM2NTYzNzQK", "NzQ=", DS_CODE_CMW_FORMAT },
    { "our claims as a text", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS "\":\"\"},\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "our claims without kind", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS
      "\":{\"advisories\":[],\"reasons\":[],\"measurements\":{}}},\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "a reason without code", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS "\":{\"kind\":\"none\",\"advisories\":[],"
      "\"reasons\":[{\"claim\":\"a\"}],\"measurements\":{}}},\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "reasons left out", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS "\":{\"kind\":\"none\",\"advisories\":[],"
      "\"reasons\":[],\"reasons_left_out\":3,\"measurements\":{}}},\"ear_status\"",
      DS_CODE_NONE },
    { "no reason left out", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS "\":{\"kind\":\"none\",\"advisories\":[],"
      "\"reasons\":[],\"reasons_left_out\":0,\"measurements\":{}}},\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "fewer than none left out", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS "\":{\"kind\":\"none\",\"advisories\":[],"
      "\"reasons\":[],\"reasons_left_out\":-1,\"measurements\":{}}},\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "left out as a text", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS "\":{\"kind\":\"none\",\"advisories\":[],"
      "\"reasons\":[],\"reasons_left_out\":\"3\",\"measurements\":{}}},\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "a measurement in hex digits that are no base64url", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"" EAR_DSTACK_CLAIMS "\":{\"kind\":\"none\",\"advisories\":[],"
      "\"reasons\":[],\"measurements\":{\"a\":\"0\"}}},\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "somebody else's claims", "\"ear_status\"",
      "\"ear_verifier_claims\":{\"a\":1},\"ear_status\"", DS_CODE_NONE },
    { "verifier claims as a text", "\"ear_status\"", "\"ear_verifier_claims\":\"\",\"ear_status\"",
      DS_CODE_EAR_FORMAT },
    { "a byte order mark", "{\"eat", "\xef\xbb\xbf{\"eat", DS_CODE_EAR_FORMAT },
    { "something behind it", "]}}}", "]}}}{", DS_CODE_EAR_FORMAT },
    { "one brace short", "]}}}", "]}}", DS_CODE_EAR_FORMAT },
    { "deeper than there is room", PROFILE,
      PROFILE "\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],",
      DS_CODE_EAR_FORMAT },
};

static void json_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(json_rows); i++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        replaced(&text, example_json, json_rows[i].from, json_rows[i].to);
        int r = decode(FORM_JSON, ds_buf_span(&text), &e);
        if ((r == DS_OK) != (json_rows[i].code == DS_CODE_NONE) ||
            (r < 0 && e.code != json_rows[i].code))
            fail_msg("%s: %d %s: %s", json_rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
}

static void cbor_faults(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        enum ds_code code;
    } rows[] = {
        { "an unknown label", "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "3a000111718101",
          DS_CODE_NONE },
        { "an unknown text", "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "6161f6", DS_CODE_NONE },
        { "a nonce of 8 bytes", "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "0a480000000000000000",
          DS_CODE_NONE },
        { "no map", "80", DS_CODE_EAR_FORMAT },
        { "nothing", "", DS_CODE_EAR_FORMAT },
        { "no profile", "a3" EX_IAT EX_ID EX_SUBMODS, DS_CODE_EAR_PROFILE },
        { "no iat", "a3" EX_PROFILE EX_ID EX_SUBMODS, DS_CODE_EAR_FORMAT },
        { "no verifier", "a3" EX_PROFILE EX_IAT EX_SUBMODS, DS_CODE_EAR_FORMAT },
        { "no submods", "a3" EX_PROFILE EX_IAT EX_ID, DS_CODE_EAR_FORMAT },
        { "a profile by OID", "a41901094401020304" EX_IAT EX_ID EX_SUBMODS, DS_CODE_EAR_FORMAT },
        { "iat under tag 1", "a4" EX_PROFILE "06c11a63552ee0" EX_ID EX_SUBMODS,
          DS_CODE_EAR_FORMAT },
        { "iat as a double", "a4" EX_PROFILE "06fb41d8d54bb8000000" EX_ID EX_SUBMODS,
          DS_CODE_EAR_FORMAT },
        { "iat below zero", "a4" EX_PROFILE "0620" EX_ID EX_SUBMODS, DS_CODE_EAR_FORMAT },
        { "iat as a named claim", "a4" EX_PROFILE "636961741a63552ee0" EX_ID EX_SUBMODS,
          DS_CODE_EAR_FORMAT },
        { "iat twice", "a5" EX_PROFILE EX_IAT EX_IAT EX_ID EX_SUBMODS, DS_CODE_EAR_FORMAT },
        { "exp as a half float", "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "04f97c00",
          DS_CODE_EAR_FORMAT },
        { "a nonce of 7 bytes", "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "0a4700000000000000",
          DS_CODE_EAR_FORMAT },
        { "a nonce of text", "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "0a6c414141414141414141413d",
          DS_CODE_EAR_FORMAT },
        { "no appraisal", "a4" EX_PROFILE EX_IAT EX_ID "19010aa0", DS_CODE_EAR_FORMAT },
        { "an appraisal by number", "a4" EX_PROFILE EX_IAT EX_ID "19010aa101a11903e800",
          DS_CODE_EAR_FORMAT },
        { "an appraisal twice", "a4" EX_PROFILE EX_IAT EX_ID "19010aa26161a11903e8006161a11903e800",
          DS_CODE_EAR_FORMAT },
        { "a status of its own", "a4" EX_PROFILE EX_IAT EX_ID "19010aa16161a11903e801",
          DS_CODE_EAR_FORMAT },
        { "JSON's status in CBOR", "a4" EX_PROFILE EX_IAT EX_ID "19010aa16161a11903e8646e6f6e65",
          DS_CODE_EAR_FORMAT },
        { "better than its vector",
          "a4" EX_PROFILE EX_IAT EX_ID "19010aa16161a21903e8021903e9a1041820", DS_CODE_EAR_STATUS },
        { "a vector of nothing", "a4" EX_PROFILE EX_IAT EX_ID "19010aa16161a21903e8021903e9a0",
          DS_CODE_EAR_FORMAT },
        { "a ninth claim", "a4" EX_PROFILE EX_IAT EX_ID "19010aa16161a21903e8021903e9a10802",
          DS_CODE_EAR_FORMAT },
        { "a vector by names",
          "a4" EX_PROFILE EX_IAT EX_ID "19010aa16161a21903e8021903e9a1686861726477617265"
          "02",
          DS_CODE_EAR_FORMAT },
        { "a value over a byte",
          "a4" EX_PROFILE EX_IAT EX_ID "19010aa16161a21903e8021903e9a1041880", DS_CODE_EAR_FORMAT },
        { "evidence without a type", "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "1903ea4100",
          DS_CODE_CMW_FORMAT },
        { "a byte behind it", "a4" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "00", DS_CODE_EAR_FORMAT },
        { "an indefinite map", "bf" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "ff", DS_CODE_EAR_FORMAT },
        { "deeper than there is room",
          "a5" EX_PROFILE EX_IAT EX_ID EX_SUBMODS "1881"
          "818181818181818181818181818181818100",
          DS_CODE_EAR_FORMAT },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct unhex in = unhex(rows[i].hex);
        int r = decode(FORM_CBOR, unhex_span(&in), &e);
        if ((r == DS_OK) != (rows[i].code == DS_CODE_NONE) || (r < 0 && e.code != rows[i].code))
            fail_msg("%s: %d %s: %s", rows[i].name, r, ds_code_info_get(e.code)->id, e.msg);
    }
}

/* Every prefix of both forms is refused, and says why. */
static void cut_short(void **state)
{
    (void)state;
    static struct ear ear;
    kit_ear(&ear);
    for (int form = FORM_JSON; form <= FORM_CBOR; form++) {
        struct ds_error e = { 0 };
        DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
        assert_ok(ear_encode(&b, &ear, (enum form)form, &e));
        for (size_t len = 0; len < b.len; len++) {
            e.msg[0] = '\0';
            assert_true(decode((enum form)form, DS_SPAN(b.p, len), &e) < 0);
            assert_true(e.msg[0] != '\0' && e.code != DS_CODE_NONE);
        }
    }
}

static void encoder_refuses(void **state)
{
    (void)state;
    static struct ear ear;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
#define REFUSED(change, code_)                                \
    do {                                                      \
        kit_ear(&ear);                                        \
        change;                                               \
        assert_true(ear_encode(&b, &ear, FORM_JSON, &e) < 0); \
        assert_int_equal(e.code, code_);                      \
        assert_true(ear_encode(&b, &ear, FORM_CBOR, &e) < 0); \
        assert_int_equal(e.code, code_);                      \
    } while (0)
    REFUSED(ear.iat_s = 0, DS_CODE_EAR_FORMAT);
    REFUSED(ear.exp_s = -1, DS_CODE_EAR_FORMAT);
    REFUSED(ear.n_appraisals = 0, DS_CODE_EAR_FORMAT);
    REFUSED(ear.nonce.len = 7, DS_CODE_EAR_FORMAT);
    REFUSED(ear.status = EAR_TIER_WARNING, DS_CODE_EAR_STATUS);
    REFUSED(ear.appraisals[0].status = EAR_TIER_AFFIRMING, DS_CODE_EAR_STATUS);
    REFUSED(ear.appraisals[0].label.len = 0, DS_CODE_EAR_FORMAT);
    REFUSED(ear.appraisals[0].nonce.len = 1, DS_CODE_EAR_FORMAT);
    REFUSED(ear.appraisals[0].dstack.kind.len = 0, DS_CODE_EAR_FORMAT);
    REFUSED(ear.raw_evidence.type.len = 3, DS_CODE_CMW_FORMAT);
}

/* A text that was cut inside a character does not spoil the CBOR that it stands in. */
static void cut_texts_are_made_whole(void **state)
{
    (void)state;
    static struct ear ear;
    struct ds_error e = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf b = { 0 };
    kit_ear(&ear);
    ear.appraisals[0].dstack.reasons[0].got = DS_SPAN_LIT("a\xc3");
    assert_ok(ear_encode(&b, &ear, FORM_CBOR, &e));
    assert_ok(decode(FORM_CBOR, ds_buf_span(&b), &e));
    assert_true(ds_span_eq_str(got.appraisals[0].dstack.reasons[0].got, "a?"));
}

static void what_a_relying_party_checks(void **state)
{
    (void)state;
    static struct ear ear;
    kit_ear(&ear);
    const struct ds_span nonce = ear.nonce;
    const struct {
        const char *name;
        struct ear_expect expect;
        enum ds_code code;
    } rows[] = {
        { "at once", { .now_s = KIT_NOW_S, .nonce = nonce }, DS_CODE_NONE },
        { "a nonce that nobody asked for", { .now_s = KIT_NOW_S }, DS_CODE_NONE },
        { "the last second", { .now_s = KIT_NOW_S + 299 }, DS_CODE_NONE },
        { "the second of exp", { .now_s = KIT_NOW_S + 300 }, DS_CODE_EAR_EXPIRED },
        { "much later", { .now_s = INT64_MAX / 2 }, DS_CODE_EAR_EXPIRED },
        { "a second early", { .now_s = KIT_NOW_S - 1 }, DS_CODE_EAR_ISSUED_LATER },
        { "a second early, with leeway", { .now_s = KIT_NOW_S - 1, .leeway_s = 1 }, DS_CODE_NONE },
        { "beyond the leeway",
          { .now_s = KIT_NOW_S - 2, .leeway_s = 1 },
          DS_CODE_EAR_ISSUED_LATER },
        { "of the greatest age", { .now_s = KIT_NOW_S + 9, .max_age_s = 9 }, DS_CODE_NONE },
        { "a second older", { .now_s = KIT_NOW_S + 10, .max_age_s = 9 }, DS_CODE_EAR_TOO_OLD },
        { "another nonce",
          { .now_s = KIT_NOW_S, .nonce = DS_SPAN_LIT("another nonce") },
          DS_CODE_EAR_NONCE },
        { "a part of the nonce",
          { .now_s = KIT_NOW_S, .nonce = { nonce.p, 8 } },
          DS_CODE_EAR_NONCE },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        int r = ear_check(&ear, &rows[i].expect, &e);
        if ((r == DS_OK) != (rows[i].code == DS_CODE_NONE) || (r < 0 && e.code != rows[i].code))
            fail_msg("%s: %d %s", rows[i].name, r, e.msg);
    }
    struct ds_error e = { 0 };
    struct ear_expect expect = { .now_s = KIT_NOW_S, .nonce = nonce };
    ear.nonce = (struct ds_span){ 0 };
    assert_int_equal(ear_check(&ear, &expect, &e), DS_ERR_UNTRUSTED);
    ear.exp_s = 0;
    expect = (struct ear_expect){ .now_s = INT64_MAX / 2 };
    assert_ok(ear_check(&ear, &expect, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_in_json),
        cmocka_unit_test(example_in_cbor),
        cmocka_unit_test(every_claim_goes_both_ways),
        cmocka_unit_test(json_faults),
        cmocka_unit_test(cbor_faults),
        cmocka_unit_test(cut_short),
        cmocka_unit_test(encoder_refuses),
        cmocka_unit_test(cut_texts_are_made_whole),
        cmocka_unit_test(what_a_relying_party_checks),
    };
    return cmocka_run_group_tests(tests, kit_make, kit_drop);
}

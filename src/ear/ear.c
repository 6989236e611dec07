/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAR's claims set, each claim written and read once for both forms. Labels
 * ascend where they are written, as deterministic CBOR has them.
 * spec: draft-ietf-rats-ear-04 §3, §3.1, §9.1; RFC 9711 §4; draft-ietf-rats-ar4si-09 §3
 */
#include "ear/ear.h"

#include "attest/coded.h"
#include "base/hex.h"
#include "base/str.h"

#define KEY_EXP             FORM_KEY("exp", 4)
#define KEY_IAT             FORM_KEY("iat", 6)
#define KEY_NONCE           FORM_KEY("eat_nonce", 10)
#define KEY_PROFILE         FORM_KEY("eat_profile", 265)
#define KEY_SUBMODS         FORM_KEY("submods", 266)
#define KEY_STATUS          FORM_KEY("ear_status", 1000)
#define KEY_VECTOR          FORM_KEY("ear_trustworthiness_vector", 1001)
#define KEY_RAW_EVIDENCE    FORM_KEY("ear_raw_evidence", 1002)
#define KEY_POLICY_IDS      FORM_KEY("ear_appraisal_policy_ids", 1003)
#define KEY_VERIFIER_ID     FORM_KEY("ear_verifier_id", 1004)
#define KEY_VERIFIER_CLAIMS FORM_KEY("ear_verifier_claims", 1006)
#define KEY_DEVELOPER       FORM_KEY("developer", 0)
#define KEY_BUILD           FORM_KEY("build", 1)

#define LABEL_MAX 128                      /* bytes of a submodule's or measurement's name */
#define TIME_MAX  (((int64_t)1 << 53) - 1) /* what every reader of JSON numbers holds */

static const enum ear_tier tiers[] = { EAR_TIER_NONE, EAR_TIER_AFFIRMING, EAR_TIER_WARNING,
                                       EAR_TIER_CONTRAINDICATED };

static int out_of_bounds(const char *what, struct ds_error *e)
{
    return ds_fail(e, DS_ERR_RANGE, "%s is out of bounds", what);
}

/* A name as a key. */
struct label {
    char text[LABEL_MAX + 1];
    struct form_key key;
};

static int label_of(struct label *ret, struct ds_span name, struct ds_error *e)
{
    if (name.len == 0 || memchr(name.p, '\0', name.len) != NULL ||
        !ds_str_copy_span(ret->text, sizeof ret->text, name))
        return out_of_bounds("a name", e);
    ret->key = (struct form_key){ ret->text, FORM_BY_NAME };
    return DS_OK;
}

static int check_nonce(struct ds_span nonce, struct ds_error *e)
{
    if (nonce.len < EAR_NONCE_MIN || nonce.len > EAR_NONCE_MAX)
        return out_of_bounds("eat_nonce", e);
    return DS_OK;
}

/* §3: standard base64, so 12 to 88 characters. */
static void put_nonce(struct form_out *o, struct ds_span nonce)
{
    char text[DS_BASE64_LEN(EAR_NONCE_MAX) + 1];
    if (nonce.len == 0)
        return;
    if (o->form == FORM_JSON)
        form_put_text(o, KEY_NONCE, ds_span_str(ds_base64_encode(text, nonce)));
    else
        form_put_bytes(o, KEY_NONCE, nonce);
}

/* Verifiers differ in the alphabet; padding tells the two apart, or nothing does and needs to. */
static int nonce_of_json(struct ds_span *ret, struct ds_arena *mem, const struct form_value *v,
                         struct ds_error *e)
{
    struct ds_span text;
    DS_TRY(form_text(&text, mem, v, "eat_nonce", e));
    uint8_t *out = ds_arena_get(mem, EAR_NONCE_MAX);
    size_t len;
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for a nonce");
    if (ds_base64_decode(out, &len, EAR_NONCE_MAX, text, NULL) != DS_OK)
        DS_TRY(ds_base64url_decode(out, &len, EAR_NONCE_MAX, text, e));
    *ret = DS_SPAN(out, len);
    return DS_OK;
}

static int get_nonce(struct ds_span *ret, struct ds_arena *mem, const struct form_map *map,
                     struct ds_error *e)
{
    struct form_value v;
    if (!form_find(&v, map, KEY_NONCE))
        return DS_OK;
    if (v.form == FORM_JSON)
        DS_TRY(nonce_of_json(ret, mem, &v, e));
    else
        DS_TRY(form_bytes(ret, mem, &v, "eat_nonce", e));
    return check_nonce(*ret, e);
}

/* draft-ietf-rats-ar4si §3.2: a word in JSON, its number in CBOR. */
static void put_status(struct form_out *o, enum ear_tier status)
{
    if (o->form == FORM_JSON)
        form_put_text(o, KEY_STATUS, ds_span_str(ear_tier_text(status)));
    else
        form_put_int(o, KEY_STATUS, status);
}

static int status_of(enum ear_tier *ret, struct ds_arena *mem, const struct form_value *v,
                     struct ds_error *e)
{
    struct ds_span text = { 0 };
    int64_t n = -1;
    if (v->form == FORM_JSON)
        DS_TRY(form_text(&text, mem, v, "ear_status", e));
    else
        DS_TRY(form_int(&n, v, 0, INT8_MAX, "ear_status", e));
    for (size_t i = 0; i < DS_LEN(tiers); i++) {
        bool is_it = v->form == FORM_JSON ? ds_span_eq_str(text, ear_tier_text(tiers[i]))
                                          : n == (int64_t)tiers[i];
        if (is_it) {
            *ret = tiers[i];
            return DS_OK;
        }
    }
    return ds_fail(e, DS_ERR_FORMAT, "ear_status is no tier");
}

/* §3, §3.1: no better than the worst that it sums up; none claims nothing. */
static int check_status(enum ear_tier status, enum ear_tier worst, struct ds_error *e)
{
    if (status == EAR_TIER_NONE || status >= worst)
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_EAR_STATUS, "ear_status", ear_tier_text(worst),
                     ear_tier_text(status), NULL);
}

static size_t n_claimed(const struct ear_vector *vector)
{
    size_t n = 0;
    for (size_t i = 0; i < EAR_ASPECTS; i++)
        n += vector->values[i] != EAR_NO_CLAIM;
    return n;
}

/* draft-ietf-rats-ar4si §3.1: one entry at least; §2.3.2: 0 is as good as none. */
static void put_vector(struct form_out *o, const struct ear_vector *vector)
{
    size_t n = n_claimed(vector);
    form_put_map(o, KEY_VECTOR, n > 0 ? n : 1);
    for (int i = 0; i < EAR_ASPECTS; i++)
        if (vector->values[i] != EAR_NO_CLAIM || (n == 0 && i == EAR_HARDWARE))
            form_put_int(o, FORM_KEY(ear_aspect_text((enum ear_aspect)i), i), vector->values[i]);
    form_put_map_end(o);
}

static int vector_of(struct ear_vector *ret, struct ds_arena *mem, const struct form_value *v,
                     struct ds_error *e)
{
    struct form_map map;
    struct form_value value;
    size_t n_known = 0;
    DS_TRY(form_map_open(&map, mem, v, "ear_trustworthiness_vector", e));
    for (int i = 0; i < EAR_ASPECTS; i++) {
        const char *name = ear_aspect_text((enum ear_aspect)i);
        int64_t n = 0;
        if (!form_find(&value, &map, FORM_KEY(name, i)))
            continue;
        DS_TRY(form_int(&n, &value, INT8_MIN, INT8_MAX, name, e));
        ret->values[i] = (int8_t)n;
        n_known++;
    }
    /* The vector is closed: what stands beside the eight claims is nobody's. */
    if (n_known == 0 || n_known != map.n)
        return ds_fail(e, DS_ERR_FORMAT, "ear_trustworthiness_vector has no claim, or a ninth");
    return DS_OK;
}

static void put_texts(struct form_out *o, const struct form_key *key, const struct ds_span *texts,
                      size_t n)
{
    form_put_list(o, key, n);
    for (size_t i = 0; i < n; i++)
        form_put_text(o, NULL, texts[i]);
    form_put_list_end(o);
}

static int texts_of(struct ds_span *ret, size_t *ret_n, size_t cap, struct ds_arena *mem,
                    const struct form_value *v, const char *what, struct ds_error *e)
{
    struct form_walk w;
    struct ds_span no_key;
    struct form_value item;
    DS_TRY(form_walk_open(&w, mem, v, false, what, e));
    if (w.n > cap)
        return out_of_bounds(what, e);
    for (size_t i = 0; i < w.n; i++) {
        DS_TRY(form_walk_next(&w, mem, &no_key, &item, e));
        DS_TRY(form_text(&ret[i], mem, &item, what, e));
    }
    *ret_n = w.n;
    return DS_OK;
}

/* The texts of a structure by name; empty ones are left out. */
struct text_field {
    const char *name;
    size_t at;
};

static const struct text_field dstack_texts[] = {
    { "kind", offsetof(struct ear_dstack, kind) },
    { "anchor", offsetof(struct ear_dstack, anchor) },
    { "tee", offsetof(struct ear_dstack, tee) },
    { "tcb_status", offsetof(struct ear_dstack, tcb_status) },
};

static const struct text_field reason_texts[] = {
    { "code", offsetof(struct ear_reason, code) },
    { "claim", offsetof(struct ear_reason, claim) },
    { "expected", offsetof(struct ear_reason, expected) },
    { "got", offsetof(struct ear_reason, got) },
    { "anchor", offsetof(struct ear_reason, anchor) },
};

static struct ds_span field_get(const void *of, const struct text_field *f)
{
    struct ds_span s;
    memcpy(&s, (const uint8_t *)of + f->at, sizeof s);
    return s;
}

static size_t n_fields(const void *of, const struct text_field *fields, size_t n)
{
    size_t there = 0;
    for (size_t i = 0; i < n; i++)
        there += field_get(of, &fields[i]).len > 0;
    return there;
}

static void put_fields(struct form_out *o, const void *of, const struct text_field *fields,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ds_span s = field_get(of, &fields[i]);
        if (s.len > 0)
            form_put_text(o, FORM_NAME(fields[i].name), s);
    }
}

static int get_fields(void *of, struct ds_arena *mem, const struct form_map *map,
                      const struct text_field *fields, size_t n, struct ds_error *e)
{
    struct form_value v;
    for (size_t i = 0; i < n; i++) {
        struct ds_span s = { 0 };
        if (!form_find(&v, map, FORM_NAME(fields[i].name)))
            continue;
        DS_TRY(form_text(&s, mem, &v, fields[i].name, e));
        memcpy((uint8_t *)of + fields[i].at, &s, sizeof s);
    }
    return DS_OK;
}

static void put_reasons(struct form_out *o, const struct ear_dstack *d)
{
    form_put_list(o, FORM_NAME("reasons"), d->n_reasons);
    for (size_t i = 0; i < d->n_reasons; i++) {
        const struct ear_reason *r = &d->reasons[i];
        form_put_map(o, NULL, n_fields(r, reason_texts, DS_LEN(reason_texts)));
        put_fields(o, r, reason_texts, DS_LEN(reason_texts));
        form_put_map_end(o);
    }
    form_put_list_end(o);
}

static int put_dstack(struct form_out *o, const struct ear_dstack *d, struct ds_error *e)
{
    if (d->n_measurements > EAR_MEASUREMENTS_MAX || d->n_reasons > EAR_REASONS_MAX ||
        d->n_advisories > EAR_ADVISORIES_MAX || d->kind.len == 0)
        return out_of_bounds("dstack's claims", e);
    form_put_map(o, KEY_VERIFIER_CLAIMS, 1);
    form_put_map(o, FORM_NAME(EAR_DSTACK_CLAIMS),
                 n_fields(d, dstack_texts, DS_LEN(dstack_texts)) + 3 + (d->n_left_out > 0));
    put_fields(o, d, dstack_texts, DS_LEN(dstack_texts));
    put_texts(o, FORM_NAME("advisories"), d->advisories, d->n_advisories);
    put_reasons(o, d);
    if (d->n_left_out > 0)
        form_put_int(o, FORM_NAME("reasons_left_out"), d->n_left_out);
    form_put_map(o, FORM_NAME("measurements"), d->n_measurements);
    for (size_t i = 0; i < d->n_measurements; i++) {
        struct label label;
        DS_TRY(label_of(&label, d->measurements[i].name, e));
        form_put_bytes(o, &label.key, d->measurements[i].value);
    }
    form_put_map_end(o);
    form_put_map_end(o);
    form_put_map_end(o);
    return DS_OK;
}

static int reasons_of(struct ear_dstack *d, struct ds_arena *mem, const struct form_value *v,
                      struct ds_error *e)
{
    struct form_walk w;
    DS_TRY(form_walk_open(&w, mem, v, false, "reasons", e));
    if (w.n > EAR_REASONS_MAX)
        return out_of_bounds("reasons", e);
    for (size_t i = 0; i < w.n; i++) {
        struct ds_span no_key;
        struct form_value item;
        struct form_map map;
        struct ear_reason *r = &d->reasons[i];
        DS_TRY(form_walk_next(&w, mem, &no_key, &item, e));
        DS_TRY(form_map_open(&map, mem, &item, "a reason", e));
        DS_TRY(get_fields(r, mem, &map, reason_texts, DS_LEN(reason_texts), e));
        if (r->code.len == 0)
            return ds_fail(e, DS_ERR_FORMAT, "a reason has no code");
    }
    d->n_reasons = w.n;
    return DS_OK;
}

static int measurements_of(struct ear_dstack *d, struct ds_arena *mem, const struct form_value *v,
                           struct ds_error *e)
{
    struct form_walk w;
    DS_TRY(form_walk_open(&w, mem, v, true, "measurements", e));
    if (w.n > EAR_MEASUREMENTS_MAX)
        return out_of_bounds("measurements", e);
    for (size_t i = 0; i < w.n; i++) {
        struct form_value item;
        struct label label;
        struct ear_measurement *m = &d->measurements[i];
        DS_TRY(form_walk_next(&w, mem, &m->name, &item, e));
        DS_TRY(label_of(&label, m->name, e));
        DS_TRY(form_bytes(&m->value, mem, &item, label.text, e));
    }
    d->n_measurements = w.n;
    return DS_OK;
}

static int dstack_of(struct ear_dstack *d, struct ds_arena *mem, const struct form_value *v,
                     struct ds_error *e)
{
    struct form_map map;
    struct form_value value;
    DS_TRY(form_map_open(&map, mem, v, EAR_DSTACK_CLAIMS, e));
    DS_TRY(get_fields(d, mem, &map, dstack_texts, DS_LEN(dstack_texts), e));
    if (d->kind.len == 0)
        return ds_fail(e, DS_ERR_FORMAT, "kind is missing");
    DS_TRY(form_need(&value, &map, FORM_NAME("advisories"), e));
    DS_TRY(texts_of(d->advisories, &d->n_advisories, EAR_ADVISORIES_MAX, mem, &value, "advisories",
                    e));
    DS_TRY(form_need(&value, &map, FORM_NAME("reasons"), e));
    DS_TRY(reasons_of(d, mem, &value, e));
    if (form_find(&value, &map, FORM_NAME("reasons_left_out")))
        DS_TRY(form_int(&d->n_left_out, &value, 1, UINT32_MAX, "reasons_left_out", e));
    DS_TRY(form_need(&value, &map, FORM_NAME("measurements"), e));
    return measurements_of(d, mem, &value, e);
}

static int put_appraisal(struct form_out *o, const struct ear_appraisal *a, struct ds_error *e)
{
    struct label label;
    DS_TRY(label_of(&label, a->label, e));
    if (a->n_policy_ids > EAR_POLICY_IDS_MAX)
        return out_of_bounds("ear_appraisal_policy_ids", e);
    if (a->nonce.len > 0)
        DS_TRY(check_nonce(a->nonce, e));
    if (a->has_vector)
        DS_TRY(check_status(a->status, ear_vector_tier(&a->vector), e));
    form_put_map(o, &label.key,
                 1 + (a->nonce.len > 0) + a->has_vector + (a->n_policy_ids > 0) + a->has_dstack);
    put_nonce(o, a->nonce);
    put_status(o, a->status);
    if (a->has_vector)
        put_vector(o, &a->vector);
    if (a->n_policy_ids > 0)
        put_texts(o, KEY_POLICY_IDS, a->policy_ids, a->n_policy_ids);
    if (a->has_dstack)
        DS_TRY(put_dstack(o, &a->dstack, e));
    form_put_map_end(o);
    return DS_OK;
}

static int verifier_claims_of(struct ear_appraisal *a, struct ds_arena *mem,
                              const struct form_value *v, struct ds_error *e)
{
    struct form_map map;
    struct form_value ours;
    DS_TRY(form_map_open(&map, mem, v, "ear_verifier_claims", e));
    a->has_dstack = form_find(&ours, &map, FORM_NAME(EAR_DSTACK_CLAIMS));
    return a->has_dstack ? dstack_of(&a->dstack, mem, &ours, e) : DS_OK;
}

static int appraisal_of(struct ear_appraisal *a, struct ds_arena *mem, const struct form_value *v,
                        struct ds_error *e)
{
    struct form_map map;
    struct form_value value;
    DS_TRY(form_map_open(&map, mem, v, "an appraisal", e));
    DS_TRY(form_need(&value, &map, KEY_STATUS, e));
    DS_TRY(status_of(&a->status, mem, &value, e));
    a->has_vector = form_find(&value, &map, KEY_VECTOR);
    if (a->has_vector) {
        DS_TRY(vector_of(&a->vector, mem, &value, e));
        DS_TRY(check_status(a->status, ear_vector_tier(&a->vector), e));
    }
    if (form_find(&value, &map, KEY_POLICY_IDS)) {
        DS_TRY(texts_of(a->policy_ids, &a->n_policy_ids, EAR_POLICY_IDS_MAX, mem, &value,
                        "ear_appraisal_policy_ids", e));
        if (a->n_policy_ids == 0) /* §3.1: the list is not empty */
            return out_of_bounds("ear_appraisal_policy_ids", e);
    }
    DS_TRY(get_nonce(&a->nonce, mem, &map, e));
    return form_find(&value, &map, KEY_VERIFIER_CLAIMS) ? verifier_claims_of(a, mem, &value, e)
                                                        : DS_OK;
}

static enum ear_tier worst_status(const struct ear *ear)
{
    enum ear_tier worst = EAR_TIER_NONE;
    for (size_t i = 0; i < ear->n_appraisals; i++)
        worst = ear->appraisals[i].status > worst ? ear->appraisals[i].status : worst;
    return worst;
}

static int submods_of(struct ear *ear, struct ds_arena *mem, const struct form_value *v,
                      struct ds_error *e)
{
    struct form_walk w;
    DS_TRY(form_walk_open(&w, mem, v, true, "submods", e));
    if (w.n == 0 || w.n > EAR_APPRAISALS_MAX)
        return out_of_bounds("submods", e);
    for (size_t i = 0; i < w.n; i++) {
        struct form_value item;
        struct label label;
        struct ear_appraisal *a = &ear->appraisals[i];
        DS_TRY(form_walk_next(&w, mem, &a->label, &item, e));
        DS_TRY(label_of(&label, a->label, e));
        DS_TRY(appraisal_of(a, mem, &item, e));
    }
    ear->n_appraisals = w.n;
    return DS_OK;
}

static int verifier_id_of(struct ear *ear, struct ds_arena *mem, const struct form_value *v,
                          struct ds_error *e)
{
    struct form_map map;
    struct form_value value;
    DS_TRY(form_map_open(&map, mem, v, "ear_verifier_id", e));
    DS_TRY(form_need(&value, &map, KEY_DEVELOPER, e));
    DS_TRY(form_text(&ear->developer, mem, &value, "developer", e));
    DS_TRY(form_need(&value, &map, KEY_BUILD, e));
    return form_text(&ear->build, mem, &value, "build", e);
}

static int raw_evidence_of(struct ds_cmw_record *ret, struct ds_arena *mem,
                           const struct form_value *v, struct ds_error *e)
{
    struct ds_reader r = ds_reader_of(v->item);
    return v->form == FORM_JSON ? ds_cmw_record_read_json(ret, mem, v->tok, e)
                                : ds_cmw_record_read_cbor(ret, &r, e);
}

/* §3: exactly this text; what another draft means by the same names is not known here. */
static int check_profile(struct ds_arena *mem, const struct form_map *map, struct ds_error *e)
{
    struct form_value v;
    struct ds_span profile = { 0 };
    char got[64];
    if (form_find(&v, map, KEY_PROFILE) && form_text(&profile, mem, &v, "eat_profile", NULL) < 0)
        return ds_fail(e, DS_ERR_FORMAT, "eat_profile is not a text");
    if (ds_span_eq_str(profile, EAR_PROFILE))
        return DS_OK;
    return ds_refuse(e, DS_ERR_UNSUPPORTED, DS_CODE_EAR_PROFILE, "eat_profile", EAR_PROFILE,
                     ds_str_printable(got, sizeof got, profile), NULL);
}

/* §3: whole seconds; RFC 9711 §4.3.1 has no fractions. */
static int times_of(struct ear *ear, const struct form_map *map, struct ds_error *e)
{
    struct form_value v;
    DS_TRY(form_need(&v, map, KEY_IAT, e));
    DS_TRY(form_int(&ear->iat_s, &v, 1, TIME_MAX, "iat", e));
    if (form_find(&v, map, KEY_EXP))
        DS_TRY(form_int(&ear->exp_s, &v, 1, TIME_MAX, "exp", e));
    return DS_OK;
}

static int claims_of(struct ear *ear, struct ds_arena *mem, const struct form_map *map,
                     struct ds_error *e)
{
    struct form_value v;
    DS_TRY(check_profile(mem, map, e));
    DS_TRY(times_of(ear, map, e));
    DS_TRY(form_need(&v, map, KEY_VERIFIER_ID, e));
    DS_TRY(verifier_id_of(ear, mem, &v, e));
    DS_TRY(get_nonce(&ear->nonce, mem, map, e));
    ear->has_raw_evidence = form_find(&v, map, KEY_RAW_EVIDENCE);
    if (ear->has_raw_evidence)
        DS_TRY(raw_evidence_of(&ear->raw_evidence, mem, &v, e));
    DS_TRY(form_need(&v, map, KEY_SUBMODS, e));
    DS_TRY(submods_of(ear, mem, &v, e));
    ear->has_status = form_find(&v, map, KEY_STATUS);
    if (!ear->has_status)
        return DS_OK;
    DS_TRY(status_of(&ear->status, mem, &v, e));
    return check_status(ear->status, worst_status(ear), e);
}

static int decode(struct ear *ret, struct ds_arena *mem, enum form form, struct ds_span in,
                  struct ds_error *e)
{
    struct form_value root;
    struct form_map map;
    struct ear *ear = ds_arena_get(mem, sizeof *ear);
    if (ear == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for an attestation result");
    DS_TRY(form_open(&root, form, mem, in, e));
    DS_TRY(form_map_open(&map, mem, &root, "the claims set", e));
    DS_TRY(claims_of(ear, mem, &map, e));
    *ret = *ear;
    return DS_OK;
}

int ear_decode(struct ear *ret, struct ds_arena *mem, enum form form, struct ds_span in,
               struct ds_error *e)
{
    return ds_coded(decode(ret, mem, form, in, e), DS_CODE_EAR_FORMAT, e);
}

static int put_verifier(struct form_out *o, const struct ear *ear, struct ds_error *e)
{
    if (ear->has_raw_evidence) {
        const char *name = form_put_key(o, KEY_RAW_EVIDENCE);
        DS_TRY(o->form == FORM_JSON ? ds_cmw_record_put_json(&o->json, name, &ear->raw_evidence, e)
                                    : ds_cmw_record_put_cbor(o->buf, &ear->raw_evidence, e));
    }
    form_put_map(o, KEY_VERIFIER_ID, 2);
    form_put_text(o, KEY_DEVELOPER, ear->developer);
    form_put_text(o, KEY_BUILD, ear->build);
    form_put_map_end(o);
    return DS_OK;
}

static int encode(struct ds_buf *ret, const struct ear *ear, enum form form, struct ds_error *e)
{
    struct form_out o = form_out_of(ret, form);
    bool has_exp = ear->exp_s != 0, has_nonce = ear->nonce.len > 0;
    if (ear->iat_s < 1 || ear->iat_s > TIME_MAX || ear->exp_s < 0 || ear->exp_s > TIME_MAX)
        return out_of_bounds("iat or exp", e);
    if (ear->n_appraisals == 0 || ear->n_appraisals > EAR_APPRAISALS_MAX)
        return out_of_bounds("submods", e);
    if (has_nonce)
        DS_TRY(check_nonce(ear->nonce, e));
    if (ear->has_status)
        DS_TRY(check_status(ear->status, worst_status(ear), e));
    form_put_map(&o, NULL,
                 4 + has_exp + has_nonce + ear->has_status + (size_t)ear->has_raw_evidence);
    if (has_exp)
        form_put_int(&o, KEY_EXP, ear->exp_s);
    form_put_int(&o, KEY_IAT, ear->iat_s);
    put_nonce(&o, ear->nonce);
    form_put_text(&o, KEY_PROFILE, DS_SPAN_LIT(EAR_PROFILE));
    form_put_map(&o, KEY_SUBMODS, ear->n_appraisals);
    for (size_t i = 0; i < ear->n_appraisals; i++)
        DS_TRY(put_appraisal(&o, &ear->appraisals[i], e));
    form_put_map_end(&o);
    if (ear->has_status)
        put_status(&o, ear->status);
    DS_TRY(put_verifier(&o, ear, e));
    form_put_map_end(&o);
    return ds_buf_end(ret, e, "the attestation result");
}

int ear_encode(struct ds_buf *ret, const struct ear *ear, enum form form, struct ds_error *e)
{
    return ds_coded(encode(ret, ear, form, e), DS_CODE_EAR_FORMAT, e);
}

static int refuse_time(struct ds_error *e, enum ds_code code, const char *claim, int64_t limit_s,
                       int64_t got_s)
{
    char limit[32], got[32];
    (void)snprintf(limit, sizeof limit, "%lld", (long long)limit_s);
    (void)snprintf(got, sizeof got, "%lld", (long long)got_s);
    return ds_refuse(e, DS_ERR_STALE, code, claim, limit, got, NULL);
}

int ear_check(const struct ear *ear, const struct ear_expect *expect, struct ds_error *e)
{
    /* RFC 7519 §4.1.4: not on or after exp. */
    if (ear->exp_s != 0 && expect->now_s >= ear->exp_s)
        return refuse_time(e, DS_CODE_EAR_EXPIRED, "exp", expect->now_s, ear->exp_s);
    if (ear->iat_s > expect->now_s + expect->leeway_s)
        return refuse_time(e, DS_CODE_EAR_ISSUED_LATER, "iat", expect->now_s, ear->iat_s);
    if (expect->max_age_s != 0 && ear->iat_s < expect->now_s - expect->max_age_s)
        return refuse_time(e, DS_CODE_EAR_TOO_OLD, "iat", expect->now_s - expect->max_age_s,
                           ear->iat_s);
    if (expect->nonce.len > 0 && !ds_span_eq(expect->nonce, ear->nonce))
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_EAR_NONCE, "eat_nonce", DS_HEX(expect->nonce),
                         DS_HEX(ear->nonce), NULL);
    return DS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading collateral: QVL 4.1.2.5.9 (sgxAttestationVerifyQuoteEx), QVL 4.1.2.7.2 and .3
 * (sgxAttestationVerifyTCBInfo), QVL 4.1.2.7.4 (TcbInfo::parsePartV2) and, for the identity
 * of the quoting enclave, sgxAttestationVerifyEnclaveIdentity, where QVL has a number for the
 * same in sgxAttestationVerifyEnclaveReport (4.1.2.9.2). How Intel's steps are cited:
 * attest/tdx/verify.c. Every list has a bound and lives in the caller's arena.
 *
 * Ours, since Intel writes nothing else:
 * - levels stand in their order.
 * - an SVN of TCB info 2 fits into a byte; one of TCB info 3 into two, and so do a PCESVN and
 *   an enclave's isvsvn and isvprodid.
 * - a word that a module cannot have is refused in all rows.
 * - an advisory's id has no escapes, and no object has a name twice.
 *
 * Ours too: words that decide nothing (category and type of a component) are not looked at;
 * QVL wants them to be texts. And what nobody asks for may be a level deeper than QVL reads.
 */

#include "attest/dcap/collateral.h"

#include <stdio.h>

#include "attest/coded.h"
#include "base/hex.h"
#include "base/str.h"
#include "codec/date.h"
#include "codec/json.h"

static int get_id(char out[static 16], const struct ds_json_tok *obj, struct ds_error *e)
{
    struct ds_span id;
    DS_TRY(ds_json_get_str(&id, obj, "id", e));
    if (!ds_str_copy_span(out, 16, id))
        return ds_fail(e, DS_ERR_FORMAT, "JSON member 'id' is too long");
    return DS_OK;
}

static int get_date(int64_t *ret, const struct ds_json_tok *obj, const char *key,
                    struct ds_error *e)
{
    struct ds_span text;
    DS_TRY(ds_json_get_str(&text, obj, key, e));
    return ds_date_parse(ret, text, e);
}

static int get_uint(uint32_t *ret, const struct ds_json_tok *obj, const char *key, uint32_t max,
                    struct ds_error *e)
{
    uint64_t v;
    DS_TRY(ds_json_get_u64(&v, obj, key, max, e));
    *ret = (uint32_t)v;
    return DS_OK;
}

static int get_u16(uint16_t *ret, const struct ds_json_tok *obj, const char *key,
                   struct ds_error *e)
{
    uint32_t v;
    DS_TRY(get_uint(&v, obj, key, UINT16_MAX, e));
    *ret = (uint16_t)v;
    return DS_OK;
}

/* A bounded array of `elem_len` bytes an element, zeroed, for the elements of a JSON array. */
static int new_list(void **ret, const struct ds_json_tok *array, size_t max, size_t elem_len,
                    const char *what, struct ds_arena *mem, struct ds_error *e)
{
    if (array->n == 0 || array->n > max)
        return ds_fail(e, DS_ERR_RANGE, "%u %s; from 1 to %zu are read", array->n, what, max);
    *ret = ds_arena_get_n(mem, array->n, elem_len);
    if (*ret == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for %u %s", array->n, what);
    return DS_OK;
}

static int get_status(enum ds_tcb_status *ret, const struct ds_json_tok *level, struct ds_error *e)
{
    struct ds_span text;
    DS_TRY(ds_json_get_str(&text, level, "tcbStatus", e));
    *ret = ds_tcb_status_find(text);
    /* TDRelaunchAdvised is a verdict and stands in no list. */
    if (*ret == DS_TCB_NONE || *ret == DS_TCB_TD_RELAUNCH_ADVISED ||
        *ret == DS_TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED)
        return ds_fail(e, DS_ERR_FORMAT, "tcbStatus '%.*s' is not one of Intel's", (int)text.len,
                       (const char *)text.p);
    return DS_OK;
}

/* The raw array; its elements are read when the level is chosen. */
static int get_advisories(struct ds_span *ret, const struct ds_json_tok *level, struct ds_error *e)
{
    const struct ds_json_tok *list;
    if (ds_json_find(level, "advisoryIDs") == NULL)
        return DS_OK;
    DS_TRY(ds_json_get(&list, level, "advisoryIDs", DS_JSON_ARRAY, e));
    for (const struct ds_json_tok *v = ds_json_first(list); v != NULL; v = ds_json_next(list, v))
        if (v->type != DS_JSON_STRING || v->is_escaped)
            return ds_fail(e, DS_ERR_FORMAT, "an advisory id that is no plain string");
    *ret = list->raw;
    return DS_OK;
}

/*
 * What a TDX module or an enclave can be: the three words of Intel's schemas of TCB info V3 and
 * Enclave Identity V2. QVL's reader of identities (IdentityTcbLevel) knows no others, and its
 * evaluation none of a module; the longer VALID_QE_STATUSES of its EvaluateTcb.cpp has two words
 * more that this reader never lets through.
 */
#define SVN_LEVEL_WORDS (1u << DS_TCB_UP_TO_DATE | 1u << DS_TCB_OUT_OF_DATE | 1u << DS_TCB_REVOKED)

static int refuse_order(size_t row, struct ds_error *e)
{
    return ds_fail(e, DS_ERR_FORMAT, "TCB level %zu is not below the one before it", row);
}

/*
 * QVL sorts rows by isvsvn, those of an enclave then by date, and refuses equals. Of one isvsvn
 * only the first can ever count, so here there is only one.
 */
static int check_svn_order(const struct ds_svn_level *levels, size_t n, struct ds_error *e)
{
    for (size_t i = 1; i < n; i++)
        if (levels[i].isvsvn >= levels[i - 1].isvsvn)
            return refuse_order(i, e);
    return DS_OK;
}

static int parse_svn_levels(const struct ds_svn_level **ret, size_t *ret_n,
                            const struct ds_json_tok *obj, struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_json_tok *array, *tcb;
    void *list;
    DS_TRY(ds_json_get(&array, obj, "tcbLevels", DS_JSON_ARRAY, e));
    DS_TRY(new_list(&list, array, DS_TCB_LEVELS_MAX, sizeof(struct ds_svn_level), "TCB levels", mem,
                    e));
    struct ds_svn_level *level = list;
    for (const struct ds_json_tok *v = ds_json_first(array); v != NULL;
         v = ds_json_next(array, v), level++) {
        DS_TRY(ds_json_get(&tcb, v, "tcb", DS_JSON_OBJECT, e));
        DS_TRY(get_u16(&level->isvsvn, tcb, "isvsvn", e));
        DS_TRY(get_status(&level->status, v, e));
        if ((SVN_LEVEL_WORDS & 1u << level->status) == 0)
            return ds_fail(e, DS_ERR_FORMAT, "tcbStatus '%s' is none of a TDX module or enclave",
                           ds_tcb_status_text(level->status));
        DS_TRY(get_date(&level->date_s, v, "tcbDate", e));
        DS_TRY(get_advisories(&level->advisories, v, e));
    }
    *ret = list;
    *ret_n = array->n;
    return check_svn_order(list, array->n, e);
}

/*
 * Sixteen objects {"svn": n, ...}. Intel's reader keeps the low byte, and the sample set in QVL's
 * repository needs it: its SVNs are 65517 and the like.
 */
static int parse_components(uint8_t ret16[static 16], const struct ds_json_tok *tcb,
                            const char *key, struct ds_error *e)
{
    const struct ds_json_tok *array;
    size_t i = 0;
    DS_TRY(ds_json_get(&array, tcb, key, DS_JSON_ARRAY, e));
    if (array->n != 16)
        return ds_fail(e, DS_ERR_FORMAT, "%s has %u elements, not 16", key, array->n);
    for (const struct ds_json_tok *v = ds_json_first(array); v != NULL;
         v = ds_json_next(array, v)) {
        uint32_t svn;
        DS_TRY(get_uint(&svn, v, "svn", UINT16_MAX, e));
        ret16[i++] = (uint8_t)svn;
    }
    return DS_OK;
}

/* Version 2 has a member for each SGX component: sgxtcbcomp01svn to 16. */
static int parse_flat_components(uint8_t ret16[static 16], const struct ds_json_tok *tcb,
                                 struct ds_error *e)
{
    for (unsigned i = 0; i < 16; i++) {
        char key[20];
        uint32_t svn;
        (void)snprintf(key, sizeof key, "sgxtcbcomp%02usvn", i + 1);
        DS_TRY(get_uint(&svn, tcb, key, UINT8_MAX, e));
        ret16[i] = (uint8_t)svn;
    }
    return DS_OK;
}

/* QVL's order of levels (TcbLevel::operator>): SGX components, PCESVN, TDX components (0 for SGX). */
static bool is_above(const struct ds_tcb_level *a, const struct ds_tcb_level *b)
{
    int sgx = memcmp(a->sgx16, b->sgx16, 16);
    if (sgx != 0)
        return sgx > 0;
    if (a->pcesvn != b->pcesvn)
        return a->pcesvn > b->pcesvn;
    return memcmp(a->tdx16, b->tdx16, 16) > 0;
}

/* QVL sorts levels and refuses equals: the first that is reached must be the highest. */
static int check_level_order(const struct ds_tcb_level *levels, size_t n, struct ds_error *e)
{
    for (size_t i = 1; i < n; i++)
        if (!is_above(&levels[i - 1], &levels[i]))
            return refuse_order(i, e);
    return DS_OK;
}

static int parse_tcb_levels(struct ds_tcb_info *info, bool is_tdx, const struct ds_json_tok *obj,
                            struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_json_tok *array, *tcb;
    void *list;
    DS_TRY(ds_json_get(&array, obj, "tcbLevels", DS_JSON_ARRAY, e));
    DS_TRY(new_list(&list, array, DS_TCB_LEVELS_MAX, sizeof(struct ds_tcb_level), "TCB levels", mem,
                    e));
    struct ds_tcb_level *level = list;
    for (const struct ds_json_tok *v = ds_json_first(array); v != NULL;
         v = ds_json_next(array, v), level++) {
        DS_TRY(ds_json_get(&tcb, v, "tcb", DS_JSON_OBJECT, e));
        if (info->version == 2)
            DS_TRY(parse_flat_components(level->sgx16, tcb, e));
        else
            DS_TRY(parse_components(level->sgx16, tcb, "sgxtcbcomponents", e));
        if (is_tdx)
            DS_TRY(parse_components(level->tdx16, tcb, "tdxtcbcomponents", e));
        DS_TRY(get_u16(&level->pcesvn, tcb, "pcesvn", e));
        DS_TRY(get_status(&level->status, v, e));
        DS_TRY(get_date(&level->date_s, v, "tcbDate", e));
        DS_TRY(get_advisories(&level->advisories, v, e));
    }
    info->levels = list;
    info->n_levels = array->n;
    return check_level_order(list, array->n, e);
}

/* The mask must be there and is applied by nobody: QVL 4.1.2.5.12.2 (QuoteVerifier::verify) wants
   attributes that are all zero. */
static int parse_module(struct ds_tdx_module *ret, const struct ds_json_tok *obj,
                        struct ds_error *e)
{
    uint8_t mask8[8];
    DS_TRY(ds_json_get_hex(ret->mrsigner48, 48, obj, "mrsigner", e));
    DS_TRY(ds_json_get_hex(ret->attributes8, 8, obj, "attributes", e));
    return ds_json_get_hex(mask8, 8, obj, "attributesMask", e);
}

static int parse_modules(struct ds_tcb_info *info, const struct ds_json_tok *obj,
                         struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_json_tok *array;
    void *list;
    if (ds_json_find(obj, "tdxModuleIdentities") == NULL)
        return DS_OK;
    DS_TRY(ds_json_get(&array, obj, "tdxModuleIdentities", DS_JSON_ARRAY, e));
    DS_TRY(new_list(&list, array, DS_TDX_MODULES_MAX, sizeof(struct ds_tdx_module), "TDX modules",
                    mem, e));
    struct ds_tdx_module *m = list;
    for (const struct ds_json_tok *v = ds_json_first(array); v != NULL;
         v = ds_json_next(array, v), m++) {
        DS_TRY(get_id(m->id, v, e));
        for (char *c = m->id; *c != '\0'; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        DS_TRY(parse_module(m, v, e));
        DS_TRY(parse_svn_levels(&m->levels, &m->n_levels, v, mem, e));
    }
    info->modules = list;
    info->n_modules = array->n;
    return DS_OK;
}

static int parse_tdx_parts(struct ds_tcb_info *info, const struct ds_json_tok *obj,
                           struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_json_tok *module;
    DS_TRY(ds_json_get(&module, obj, "tdxModule", DS_JSON_OBJECT, e));
    DS_TRY(parse_module(&info->module, module, e));
    return parse_modules(info, obj, mem, e);
}

/* QVL TcbInfo::parsePartV3. Version 2 knows no modules: what it has of them is any other member. */
static int check_no_tdx_parts(const struct ds_tcb_info *info, const struct ds_json_tok *obj,
                              struct ds_error *e)
{
    if (info->version != 2 && (ds_json_find(obj, "tdxModule") != NULL ||
                               ds_json_find(obj, "tdxModuleIdentities") != NULL))
        return ds_fail(e, DS_ERR_FORMAT, "TCB info of '%s' with TDX modules", info->id);
    return DS_OK;
}

static int parse_tcb_info(struct ds_tcb_info *info, struct ds_arena *mem,
                          const struct ds_json_tok *obj, struct ds_error *e)
{
    uint32_t tcb_type;
    DS_TRY(get_uint(&info->version, obj, "version", UINT32_MAX, e));
    if (info->version != 2 && info->version != 3)
        return ds_fail(e, DS_ERR_UNSUPPORTED, "TCB info of version %u; 2 and 3 are read",
                       info->version);
    DS_TRY(get_uint(&tcb_type, obj, "tcbType", UINT32_MAX, e));
    /* QVL 4.1.2.7.4 (TcbInfo::parsePartV2): how levels are compared; there is the one way. */
    if (tcb_type != 0)
        return ds_fail(e, DS_ERR_UNSUPPORTED, "TCB info of type %u; 0 is read", tcb_type);
    /* Version 2 is of SGX alone and does not say so. */
    if (info->version == 2)
        (void)snprintf(info->id, sizeof info->id, "SGX");
    else
        DS_TRY(get_id(info->id, obj, e));
    bool is_tdx = strcmp(info->id, "TDX") == 0;
    DS_TRY(get_date(&info->issue_s, obj, "issueDate", e));
    DS_TRY(get_date(&info->next_s, obj, "nextUpdate", e));
    DS_TRY(ds_json_get_hex(info->fmspc6, 6, obj, "fmspc", e));
    DS_TRY(ds_json_get_hex(info->pceid2, 2, obj, "pceId", e));
    DS_TRY(get_uint(&info->eval_number, obj, "tcbEvaluationDataNumber", UINT32_MAX, e));
    DS_TRY(is_tdx ? parse_tdx_parts(info, obj, mem, e) : check_no_tdx_parts(info, obj, e));
    return parse_tcb_levels(info, is_tdx, obj, mem, e);
}

static int parse_qe_identity(struct ds_qe_identity *qe, struct ds_arena *mem,
                             const struct ds_json_tok *obj, struct ds_error *e)
{
    DS_TRY(get_uint(&qe->version, obj, "version", UINT32_MAX, e));
    /* QVL EnclaveIdentity::EnclaveIdentity */
    if (qe->version != 2)
        return ds_fail(e, DS_ERR_UNSUPPORTED, "QE identity of version %u; 2 is read", qe->version);
    DS_TRY(get_id(qe->id, obj, e));
    DS_TRY(get_date(&qe->issue_s, obj, "issueDate", e));
    DS_TRY(get_date(&qe->next_s, obj, "nextUpdate", e));
    DS_TRY(get_uint(&qe->eval_number, obj, "tcbEvaluationDataNumber", UINT32_MAX, e));
    DS_TRY(ds_json_get_hex(qe->miscselect4, 4, obj, "miscselect", e));
    DS_TRY(ds_json_get_hex(qe->miscselect_mask4, 4, obj, "miscselectMask", e));
    DS_TRY(ds_json_get_hex(qe->attributes16, 16, obj, "attributes", e));
    DS_TRY(ds_json_get_hex(qe->attributes_mask16, 16, obj, "attributesMask", e));
    DS_TRY(ds_json_get_hex(qe->mrsigner32, 32, obj, "mrsigner", e));
    DS_TRY(get_u16(&qe->isvprodid, obj, "isvprodid", e));
    return parse_svn_levels(&qe->levels, &qe->n_levels, obj, mem, e);
}

/*
 * Parse one signed text. Its lists go to the first quarter of the arena's room and the
 * tokens behind it, so that these can be given back.
 */
static int parse_signed(struct ds_dcap_collateral *coll, bool is_tcb, struct ds_arena *mem,
                        struct ds_span text, struct ds_error *e)
{
    const struct ds_json_tok *root;
    size_t keep = (mem->cap - mem->used) / 4;
    size_t base = mem->used;
    mem->used = base + keep;
    DS_TRY(ds_json_parse_in(&root, mem, text, e));
    struct ds_arena lists = { .p = mem->p, .cap = base + keep, .used = base };
    int r = is_tcb ? parse_tcb_info(&coll->tcb, &lists, root, e)
                   : parse_qe_identity(&coll->qe, &lists, root, e);
    mem->used = lists.used;
    return r < 0 ? ds_wrap(e, r, "%s", is_tcb ? "TCB info" : "QE identity") : DS_OK;
}

static int parse_parts(struct ds_dcap_collateral *coll, struct ds_arena *mem, struct ds_error *e)
{
    const struct ds_dcap_parts *p = &coll->parts;
    if ((p->tcb_sig64.len != 0 && p->tcb_sig64.len != 64) ||
        (p->qe_sig64.len != 0 && p->qe_sig64.len != 64))
        return ds_fail(e, DS_ERR_FORMAT, "collateral signature is not of 64 bytes");
    if (p->tcb_info.len > 0)
        DS_TRY(parse_signed(coll, true, mem, p->tcb_info, e));
    if (p->qe_identity.len > 0)
        DS_TRY(parse_signed(coll, false, mem, p->qe_identity, e));
    return DS_OK;
}

int ds_dcap_collateral_of(struct ds_dcap_collateral *ret, struct ds_arena *mem,
                          const struct ds_dcap_parts *parts, struct ds_error *e)
{
    struct ds_dcap_collateral coll = { .parts = *parts };
    int r = ds_coded(parse_parts(&coll, mem, e), DS_CODE_DCAP_COLLATERAL_FORMAT, e);
    DS_TRY(ds_anchored(r, NULL, e));
    *ret = coll;
    return DS_OK;
}

static int get_part(struct ds_span *ret, struct ds_arena *mem, const struct ds_json_tok *root,
                    const char *key, bool is_hex, struct ds_error *e)
{
    const struct ds_json_tok *v = ds_json_find(root, key);
    struct ds_span text;
    if (v == NULL || v->type == DS_JSON_NULL)
        return DS_OK;
    int r = ds_json_str(&text, mem, v, e);
    if (r < 0 || !is_hex) {
        *ret = r < 0 ? *ret : text;
        return r < 0 ? ds_wrap(e, r, "collateral '%s'", key) : DS_OK;
    }
    uint8_t *out = ds_arena_get(mem, text.len / 2);
    if (out == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "no room for collateral '%s'", key);
    r = ds_hex_decode_any(out, &ret->len, text.len / 2, text, e);
    if (r < 0)
        return ds_wrap(e, r, "collateral '%s'", key);
    ret->p = out;
    return DS_OK;
}

static int parse_json(struct ds_dcap_parts *parts, struct ds_arena *mem, struct ds_span json,
                      struct ds_error *e)
{
    const struct {
        const char *key;
        struct ds_span *part;
        bool is_hex;
    } rows[] = {
        { "pck_certificate_chain", &parts->pck_chain_pem, false },
        { "pck_crl_issuer_chain", &parts->pck_crl_chain_pem, false },
        { "tcb_info_issuer_chain", &parts->tcb_chain_pem, false },
        { "qe_identity_issuer_chain", &parts->qe_chain_pem, false },
        { "root_ca_crl", &parts->root_crl_der, true },
        { "pck_crl", &parts->pck_crl_der, true },
        { "tcb_info", &parts->tcb_info, false },
        { "qe_identity", &parts->qe_identity, false },
        { "tcb_info_signature", &parts->tcb_sig64, true },
        { "qe_identity_signature", &parts->qe_sig64, true },
    };
    const struct ds_json_tok *root;
    DS_TRY(ds_json_parse_in(&root, mem, json, e));
    if (root->type != DS_JSON_OBJECT)
        return ds_fail(e, DS_ERR_FORMAT, "collateral is no JSON object");
    for (size_t i = 0; i < DS_LEN(rows); i++)
        DS_TRY(get_part(rows[i].part, mem, root, rows[i].key, rows[i].is_hex, e));
    return DS_OK;
}

int ds_dcap_collateral_parse(struct ds_dcap_collateral *ret, struct ds_arena *mem,
                             struct ds_span json, struct ds_error *e)
{
    struct ds_dcap_parts parts = { 0 };
    int r = ds_coded(parse_json(&parts, mem, json, e), DS_CODE_DCAP_COLLATERAL_FORMAT, e);
    DS_TRY(ds_anchored(r, NULL, e));
    return ds_dcap_collateral_of(ret, mem, &parts, e);
}

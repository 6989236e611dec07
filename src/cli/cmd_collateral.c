/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dstack collateral fetch|bundle|verify: the vendors' documents that
 * verification needs, from their services, for places without a network, and
 * looked at.
 */
#include <string.h>

#include "attest/coded.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/str.h"
#include "cli/anchor.h"
#include "cli/collateral.h"
#include "cli/evidence.h"
#include "codec/date.h"
#include "collateral/get.h"
#include "crypto/hash.h"

#define SETS_MAX  16 /* of one command line */
#define DAY_S     86400
#define WARN_DAYS 7
#define KEY_MAX   4096
#define LEAF_MAX  8192
#define MEM       (COLLATERAL_GET_MEM + ((size_t)8 << 20))

struct opts {
    bool json, refresh, offline, early;
    struct ds_arg_list quotes;
    const char *fmspc, *tee, *ca, *pccs, *kds, *cacert, *product, *vlek, *out, *key, *at, *signer;
    const char *anchor, *simulated_anchor;
    uint64_t eval_number, warn_days, timeout_s;
};

static const struct ds_arg_option options[] = {
    CLI_LIST(quotes, "quote", 'q', "FILE",
             "fetch for this evidence: a quote, report or attestation"),
    CLI_TEXT(fmspc, "fmspc", 0, "HEX", "fetch for this Intel platform instead (12 digits)"),
    CLI_TEXT(tee, "tee", 0, "TEE", "with --fmspc: tdx (default) or sgx"),
    CLI_TEXT(ca, "ca", 0, "CA", "with --fmspc: platform (default) or processor"),
    CLI_FLAG(early, "early", 0, "Intel: TCB recovery data as soon as they are published"),
    CLI_U64(eval_number, "tcb-evaluation", 0, "N", UINT32_MAX,
            "Intel: of this TCB evaluation data number"),
    CLI_TEXT(product, "product", 0, "NAME",
             "AMD: Milan, Genoa or Turin, for reports of version 2, which do not say it"),
    CLI_TEXT(vlek, "vlek", 0, "FILE", "AMD: the VLEK certificate that the cloud handed out"),
    CLI_TEXT(pccs, "pccs", 0, "URL", "ask this caching service instead of Intel's"),
    CLI_TEXT(kds, "kds", 0, "URL", "ask this caching service instead of AMD's"),
    CLI_TEXT(cacert, "cacert", 0, "FILE", "authorities (PEM) that vouch for the service's TLS"),
    CLI_U64(timeout_s, "timeout", 0, "SECONDS", 3600, "for each document (60)"),
    CLI_FLAG(refresh, "refresh", 0, "ask the service even if the cache still holds"),
    CLI_FLAG(offline, "offline", 0, "ask nobody: what the cache holds, or a failure"),
    CLI_TEXT(out, "out", 'o', "FILE", "where to write; fetch writes to stdout without it"),
    CLI_TEXT(key, "key", 0, "FILE",
             "bundle: sign with this P-256 key (PEM or DER) instead of this user's own"),
    CLI_TEXT(signer, "signer", 0, "HEX",
             "verify: the SHA-256 of the only key whose bundles are accepted"),
    CLI_U64(warn_days, "warn-days", 0, "N", 3650, "verify: warn of what ends within N days (7)"),
    CLI_TEXT(at, "at", 0, "TIME", "judge as of this time (2026-11-22T10:00:00Z)"),
    CLI_TEXT(anchor, "anchor", 0, "FILE", "trust this root certificate (PEM) as kind 'custom'"),
    CLI_TEXT(simulated_anchor, "simulated-anchor", 0, "FILE",
             "the root certificate (PEM) of a simulated platform"),
    CLI_JSON,
};

const struct ds_arg_command cmd_collateral_args = {
    .name = "dstack collateral",
    .summary = "fetch, pack and check the vendors' documents that verification needs",
    .operands = "fetch | bundle [FILE...] | verify FILE",
    .min_operands = 1,
    .max_operands = 1 + SETS_MAX,
    .options = options,
    .n_options = DS_LEN(options),
    .example = "dstack collateral fetch --quote quote.bin -o set.json\n"
               "  dstack collateral fetch --fmspc 00806f050000 --pccs https://localhost:8081\n"
               "  dstack collateral bundle -o bundle.json set.json --quote other.bin\n"
               "  dstack collateral verify bundle.json --warn-days 14\n"
               "  dstack verify quote.bin --collateral bundle.json",
};

/* What all three share once the options are read. */
struct job {
    struct cli *cli;
    const struct opts *o;
    struct ds_extra_anchor extra[2];
    struct ds_anchors anchors;
    char dir[DS_PLACE_MAX + 16];
    struct ds_buf vlek;
    int64_t now_s;
};

static int usage(struct ds_error *e, const char *text)
{
    return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE, "%s", text);
}

static int job_init(struct job *j, struct cli *cli, const struct opts *o, struct ds_error *e)
{
    *j = (struct job){ .cli = cli, .o = o, .now_s = ds_clock_now_s() };
    j->anchors.extra = j->extra;
    (void)snprintf(j->dir, sizeof j->dir, "%s/collateral", cli->state);
    if (o->anchor != NULL)
        DS_TRY(cli_anchor_load(&j->extra[j->anchors.n_extra++], o->anchor, false, e));
    if (o->simulated_anchor != NULL)
        DS_TRY(cli_anchor_load(&j->extra[j->anchors.n_extra++], o->simulated_anchor, true, e));
    if (o->vlek != NULL)
        DS_TRY(ds_file_load(&j->vlek, o->vlek, LEAF_MAX, e));
    if (o->at == NULL)
        return DS_OK;
    return ds_coded(ds_date_parse(&j->now_s, ds_span_str(o->at), e), DS_CODE_ARGS_USAGE, e);
}

static struct collateral_source source_of(const struct job *j)
{
    const struct opts *o = j->o;
    return (struct collateral_source){
        .dir = j->dir,
        .pcs_base = o->pccs,
        .kds_base = o->kds,
        .ca_file = o->cacert,
        .vlek = ds_buf_span(&j->vlek),
        .anchors = &j->anchors,
        .limits = { .total_ms = (int64_t)o->timeout_s * 1000 },
        .refresh = o->refresh,
        .offline = o->offline,
    };
}

/* --tee and --ca are one of two words. */
static int word(bool *ret_second, const char *given, const char *first, const char *second,
                struct ds_error *e)
{
    *ret_second = given != NULL && strcmp(given, second) == 0;
    if (given == NULL || *ret_second || strcmp(given, first) == 0)
        return DS_OK;
    return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE, "'%.40s' is neither %s nor %s", given,
                        first, second);
}

static int ask_of_options(struct collateral_ask *ret, const struct opts *o, struct ds_error *e)
{
    bool is_sgx, is_processor;
    struct collateral_ask ask = { .kind = COLLATERAL_TDX };
    DS_TRY(word(&is_sgx, o->tee, "tdx", "sgx", e));
    DS_TRY(word(&is_processor, o->ca, "platform", "processor", e));
    DS_TRY(ds_coded(ds_hex_decode(ask.pcs.fmspc6, 6, ds_span_str(o->fmspc), e), DS_CODE_ARGS_USAGE,
                    e));
    ask.kind = is_sgx ? COLLATERAL_SGX : COLLATERAL_TDX;
    ask.pcs.is_sgx = is_sgx;
    ask.pcs.ca = is_processor ? PCS_CA_PROCESSOR : PCS_CA_PLATFORM;
    *ret = ask;
    return DS_OK;
}

static int ask_of_file(struct collateral_ask *ret, struct ds_arena *mem, const struct opts *o,
                       const char *path, struct ds_error *e)
{
    struct ds_span quote;
    DS_AUTO(ds_buf_done) struct ds_buf evidence = { 0 };
    DS_TRY(cli_evidence_load(&evidence, path, e));
    DS_TRY(cli_collateral_quote(&quote, mem, ds_buf_span(&evidence), e));
    int r = collateral_ask_of(ret, mem, quote, o->product, e);
    return r < 0 ? ds_wrap(e, r, "'%s'", path) : DS_OK;
}

/* Where a set came from, and what did not go as it should. */
static void tell(const char *key, const struct collateral_got *got)
{
    char until[21];
    if (got->is_cache_damaged)
        cli_note("warning: the cache's copy was not usable: %s\n", got->damage.msg);
    if (got->is_renewal_failed)
        cli_note("warning: could not be renewed: %s\n", got->why.msg);
    if (got->is_save_failed)
        cli_note("warning: could not be kept: %s\n", got->why.msg);
    cli_note("%s: %s, in date until %s\n", key, got->is_from_cache ? "from the cache" : "fetched",
             ds_date_format(until, collateral_until_s(&got->entry.facts)));
}

static int get(struct collateral_got *ret, struct ds_arena *mem, const struct job *j,
               struct collateral_ask *ask, struct ds_error *e)
{
    char key[COLLATERAL_KEY_MAX];
    const struct collateral_source src = source_of(j);
    ask->pcs.is_early = j->o->early;
    ask->pcs.eval_number = (uint32_t)j->o->eval_number;
    collateral_ask_key(key, ask);
    int r = collateral_get(ret, mem, &src, ask, j->now_s, e);
    if (r < 0)
        return ds_wrap(e, r, "%s", key);
    if (!j->cli->json)
        tell(key, ret);
    return DS_OK;
}

static int fetch_json(const struct collateral_got *got, const struct collateral_ask *ask,
                      struct ds_error *e)
{
    char key[COLLATERAL_KEY_MAX], until[21];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct ds_jw w = ds_jw_of(&text);
    collateral_ask_key(key, ask);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "key", key);
    ds_jw_str(&w, "until", ds_date_format(until, collateral_until_s(&got->entry.facts)));
    ds_jw_bool(&w, "from_cache", got->is_from_cache);
    ds_jw_str(&w, "renewal_failed",
              got->is_renewal_failed ? ds_code_info_get(got->why.code)->id : NULL);
    ds_jw_str(&w, "cache_damaged",
              got->is_cache_damaged ? ds_code_info_get(got->damage.code)->id : NULL);
    ds_jw_raw(&w, "set", ds_buf_span(&got->entry.set));
    ds_jw_object_end(&w);
    ds_buf_char(&text, '\n');
    DS_TRY(ds_buf_end(&text, e, "the set"));
    cli_print_span(ds_buf_span(&text));
    return DS_OK;
}

static int fetch(struct job *j, struct ds_arena *mem, struct ds_error *e)
{
    const struct opts *o = j->o;
    struct collateral_ask ask;
    DS_AUTO(collateral_got_done) struct collateral_got got = { 0 };
    if (o->quotes.n + (o->fmspc != NULL) != 1)
        return usage(e, "fetch takes one --quote FILE, or --fmspc HEX");
    DS_TRY(o->fmspc != NULL ? ask_of_options(&ask, o, e)
                            : ask_of_file(&ask, mem, o, o->quotes.v[0], e));
    DS_TRY(get(&got, mem, j, &ask, e));
    if (o->out != NULL)
        DS_TRY(ds_file_save(o->out, ds_buf_span(&got.entry.set), 0644, "cli.collateral_set", e));
    if (j->cli->json)
        return fetch_json(&got, &ask, e);
    if (o->out == NULL) {
        cli_print_span(ds_buf_span(&got.entry.set));
        cli_print("\n");
    }
    return DS_OK;
}

/* This user's key for bundles: made when it is first needed. */
static int own_key(struct ds_p256_key **ret, const struct job *j, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { .wipes = true };
    DS_AUTO(ds_p256_pem_wipe) struct ds_p256_pem pem = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/bundle.key", j->dir);
    if (path == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "the key of bundles");
    int r = ds_file_load(&text, path, KEY_MAX, e);
    if (r == DS_OK)
        return ds_p256_key_parse(ret, ds_buf_span(&text), e);
    if (r != DS_ERR_NOTFOUND)
        return r;
    DS_TRY(ds_dir_make(j->dir, 0700, e));
    DS_TRY(ds_p256_key_new(&key, e));
    DS_TRY(ds_p256_key_pem(&pem, key, e));
    DS_TRY(ds_file_save(path, ds_span_str(pem.s), 0600, "cli.bundle_key", e));
    *ret = DS_TAKE_PTR(key);
    return DS_OK;
}

static int load_key(struct ds_p256_key **ret, const struct job *j, struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { .wipes = true };
    if (j->o->key == NULL)
        return own_key(ret, j, e);
    DS_TRY(ds_file_load(&text, j->o->key, KEY_MAX, e));
    int r = ds_p256_key_parse(ret, ds_buf_span(&text), e);
    return r < 0 ? ds_wrap(e, r, "'%s'", j->o->key) : DS_OK;
}

struct packing {
    struct bundle b;
    struct ds_buf texts[BUNDLE_SETS_MAX];
};

static void packing_done(struct packing *p)
{
    for (size_t i = 0; i < BUNDLE_SETS_MAX; i++)
        ds_buf_done(&p->texts[i]);
}

static void pack(struct packing *p, struct ds_buf *text, const struct collateral_facts *f)
{
    int64_t until_s = collateral_until_s(f);
    p->texts[p->b.n_sets] = *text;
    *text = (struct ds_buf){ 0 };
    p->b.sets[p->b.n_sets] = ds_buf_span(&p->texts[p->b.n_sets]);
    if (p->b.n_sets == 0 || until_s < p->b.until_s)
        p->b.until_s = until_s;
    p->b.n_sets++;
}

/* Nobody is served by a bundle with something in it that fails later. */
static int pack_file(struct packing *p, struct ds_arena mem, const struct job *j, const char *path,
                     struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    struct collateral_facts f;
    DS_TRY(ds_file_load(&text, path, COLLATERAL_SET_MAX, e));
    struct ds_span set = ds_buf_span(&text);
    while (set.len > 0 && set.p[set.len - 1] == '\n')
        set.len--;
    text.len = set.len;
    int r = collateral_check(&f, &mem, set, &j->anchors, e);
    if (r == DS_OK)
        r = collateral_check_dates(&f, j->now_s, e);
    if (r < 0)
        return ds_wrap(e, r, "'%s'", path);
    pack(p, &text, &f);
    return DS_OK;
}

static int pack_quote(struct packing *p, struct ds_arena mem, const struct job *j, const char *path,
                      struct ds_error *e)
{
    struct collateral_ask ask;
    DS_AUTO(collateral_got_done) struct collateral_got got = { 0 };
    DS_TRY(ask_of_file(&ask, &mem, j->o, path, e));
    DS_TRY(get(&got, &mem, j, &ask, e));
    pack(p, &got.entry.set, &got.entry.facts);
    return DS_OK;
}

static int tell_bundle(const struct job *j, const struct packing *p, const struct ds_p256_key *key,
                       struct ds_error *e)
{
    uint8_t spki[DS_P256_SPKI_LEN], hash32[32];
    char until[21];
    ds_p256_key_spki(spki, key);
    DS_TRY(ds_hash(DS_SHA256, hash32, DS_SPAN_OF(spki), e));
    (void)ds_date_format(until, p->b.until_s);
    if (j->cli->json)
        cli_print("{\"sets\":%zu,\"until\":\"%s\",\"signer\":\"%s\"}\n", p->b.n_sets, until,
                  DS_HEX(DS_SPAN_OF(hash32)));
    else
        cli_note("%s: %zu sets, in date until %s, signed by key %s\n", j->o->out, p->b.n_sets,
                 until, DS_HEX(DS_SPAN_OF(hash32)));
    return DS_OK;
}

static int bundle(struct job *j, struct ds_arena *mem, const struct ds_arg_rest *rest,
                  struct ds_error *e)
{
    const struct opts *o = j->o;
    DS_AUTO(packing_done) struct packing p = { .b = { .issued_s = j->now_s } };
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    DS_AUTO(ds_p256_key_free_auto) struct ds_p256_key *key = NULL;
    size_t n = rest->n - 1 + o->quotes.n;
    if (o->out == NULL || n == 0 || n > SETS_MAX)
        return usage(e, "bundle takes -o FILE and up to 16 sets, as files or by --quote");
    for (size_t i = 1; i < rest->n; i++)
        DS_TRY(pack_file(&p, *mem, j, rest->v[i], e));
    for (size_t i = 0; i < o->quotes.n; i++)
        DS_TRY(pack_quote(&p, *mem, j, o->quotes.v[i], e));
    DS_TRY(load_key(&key, j, e));
    DS_TRY(bundle_encode(&file, &p.b, key, e));
    DS_TRY(ds_file_save(o->out, ds_buf_span(&file), 0644, "cli.collateral_bundle", e));
    return tell_bundle(j, &p, key, e);
}

static int verify(struct job *j, const struct ds_arg_rest *rest, struct ds_error *e)
{
    uint8_t signer32[32];
    struct cli_collateral_verify in = { .anchors = &j->anchors,
                                        .now_s = j->now_s,
                                        .warn_s = (int64_t)j->o->warn_days * DAY_S };
    if (rest->n != 2)
        return usage(e, "verify takes one FILE");
    in.path = rest->v[1];
    if (j->o->signer != NULL) {
        DS_TRY(ds_coded(ds_hex_decode(signer32, 32, ds_span_str(j->o->signer), e),
                        DS_CODE_ARGS_USAGE, e));
        in.signer32 = signer32;
    }
    return cli_collateral_verify(j->cli, &in, e);
}

enum { FETCH = 1, BUNDLE = 2, VERIFY = 4 };

/* What would be ignored is refused. */
static int check_options(const struct opts *o, unsigned what, const char *verb, struct ds_error *e)
{
    const struct {
        const char *name;
        bool given;
        unsigned where;
    } rows[] = {
        { "--quote", o->quotes.n > 0, FETCH | BUNDLE },
        { "--fmspc", o->fmspc != NULL, FETCH },
        { "--tee", o->tee != NULL, o->fmspc != NULL ? FETCH : 0 },
        { "--ca", o->ca != NULL, o->fmspc != NULL ? FETCH : 0 },
        { "--early", o->early, FETCH | BUNDLE },
        { "--tcb-evaluation", o->eval_number != 0, FETCH | BUNDLE },
        { "--product", o->product != NULL, FETCH | BUNDLE },
        { "--vlek", o->vlek != NULL, FETCH | BUNDLE },
        { "--pccs", o->pccs != NULL, FETCH | BUNDLE },
        { "--kds", o->kds != NULL, FETCH | BUNDLE },
        { "--cacert", o->cacert != NULL, FETCH | BUNDLE },
        { "--timeout", o->timeout_s != 0, FETCH | BUNDLE },
        { "--refresh", o->refresh, FETCH | BUNDLE },
        { "--offline", o->offline, FETCH | BUNDLE },
        { "--out", o->out != NULL, FETCH | BUNDLE },
        { "--key", o->key != NULL, BUNDLE },
        { "--signer", o->signer != NULL, VERIFY },
        { "--warn-days", o->warn_days != WARN_DAYS, VERIFY },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++)
        if (rows[i].given && (rows[i].where & what) == 0)
            return ds_fail_code(e, DS_ERR_ARG, DS_CODE_ARGS_USAGE, "%s means nothing to '%s' here",
                                rows[i].name, verb);
    if (o->early && o->eval_number != 0)
        return usage(e, "--early and --tcb-evaluation exclude each other");
    if (o->refresh && o->offline)
        return usage(e, "--refresh and --offline exclude each other");
    return DS_OK;
}

static int run(struct cli *cli, const struct opts *o, const struct ds_arg_rest *rest, unsigned what,
               struct ds_error *e)
{
    struct job j;
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "collateral");
    struct ds_arena mem = ds_arena_of(room, MEM);
    int r = job_init(&j, cli, o, e);
    if (r == DS_OK && what == FETCH)
        r = rest->n == 1 ? fetch(&j, &mem, e) : usage(e, "fetch takes no FILE; -o says where to");
    else if (r == DS_OK && what == BUNDLE)
        r = bundle(&j, &mem, rest, e);
    else if (r == DS_OK)
        r = verify(&j, rest, e);
    ds_buf_done(&j.vlek);
    return r;
}

int cmd_collateral(struct cli *cli, int argc, char **argv, struct ds_error *e)
{
    static const struct {
        const char *verb;
        unsigned what;
    } verbs[] = { { "fetch", FETCH }, { "bundle", BUNDLE }, { "verify", VERIFY } };
    struct opts o = { .json = cli->json, .warn_days = WARN_DAYS };
    struct ds_arg_rest rest;
    bool done;
    DS_TRY(cli_parse(&cmd_collateral_args, &o, &rest, &done, argc, argv, e));
    if (done)
        return DS_OK;
    for (size_t i = 0; i < DS_LEN(verbs); i++)
        if (strcmp(rest.v[0], verbs[i].verb) == 0) {
            DS_TRY(check_options(&o, verbs[i].what, verbs[i].verb, e));
            return run(cli, &o, &rest, verbs[i].what, e);
        }
    return ds_fail_code(e, DS_ERR_ARG, DS_CODE_CLI_NO_COMMAND,
                        "dstack collateral takes 'fetch', 'bundle' or 'verify'");
}

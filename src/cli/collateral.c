/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a collateral file, and whether it holds, for people.
 */
#include "cli/collateral.h"

#include <stdio.h>

#include "attest/coded.h"
#include "attest/wrapper/attestation.h"
#include "base/file.h"
#include "base/hex.h"
#include "codec/date.h"

#define QUOTE_MEM ((size_t)8 << 20)
#define DAY_S     86400

/* A quote begins with its version, 3 to 5; an attestation with the number of its own. */
static bool is_bare(struct ds_span evidence)
{
    return evidence.len == KDS_REPORT_LEN ||
           (evidence.len > 2 && evidence.p[0] >= 3 && evidence.p[0] <= 5 && evidence.p[1] == 0);
}

int cli_collateral_quote(struct ds_span *ret, struct ds_arena *mem, struct ds_span evidence,
                         struct ds_error *e)
{
    struct ds_attestation a;
    *ret = evidence;
    if (is_bare(evidence))
        return DS_OK;
    DS_TRY(ds_attestation_parse(&a, mem, evidence, e));
    *ret = a.quote;
    return DS_OK;
}

/* The set among them that was asked for; why not, where one does not check out. */
static int find_set(struct ds_span *ret, const struct bundle *b, const struct collateral_ask *ask,
                    const struct ds_anchors *anchors, struct ds_error *e)
{
    struct ds_error why = { 0 };
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(COLLATERAL_CHECK_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the bundle");
    int failed = DS_OK;
    for (size_t i = 0; i < b->n_sets; i++) {
        struct collateral_facts f;
        struct ds_arena mem = ds_arena_of(room, COLLATERAL_CHECK_MEM);
        int r = collateral_check(&f, &mem, b->sets[i], anchors, &why);
        if (r == DS_OK && collateral_ask_fits(ask, &f)) {
            *ret = b->sets[i];
            return DS_OK;
        }
        failed = r < 0 ? r : failed;
    }
    if (failed < 0) {
        *e = why;
        return failed;
    }
    char key[COLLATERAL_KEY_MAX];
    collateral_ask_key(key, ask);
    return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_COLLATERAL_NO_SET, "set", key, "other platforms",
                     NULL);
}

static int pick(struct ds_buf *file, struct ds_arena *mem, struct ds_span evidence,
                const struct ds_anchors *anchors, struct ds_error *e)
{
    struct bundle b;
    struct collateral_ask ask;
    struct ds_span quote, set = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf copy = { 0 };
    DS_TRY(bundle_parse(&b, mem, ds_buf_span(file), NULL, e));
    DS_TRY(cli_collateral_quote(&quote, mem, evidence, e));
    DS_TRY(collateral_ask_of(&ask, mem, quote, NULL, e));
    DS_TRY(find_set(&set, &b, &ask, anchors, e));
    ds_buf_add(&copy, set);
    DS_TRY(ds_buf_end(&copy, e, "collateral"));
    ds_buf_clear(file);
    ds_buf_add(file, ds_buf_span(&copy));
    return ds_buf_end(file, e, "collateral");
}

int cli_collateral_pick(struct ds_buf *file, struct ds_span evidence,
                        const struct ds_anchors *anchors, struct ds_error *e)
{
    if (!bundle_is(ds_buf_span(file)))
        return DS_OK;
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(BUNDLE_MEM + QUOTE_MEM);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read the bundle");
    struct ds_arena mem = ds_arena_of(room, BUNDLE_MEM + QUOTE_MEM);
    return pick(file, &mem, evidence, anchors, e);
}

/* What one set came to. */
struct finding {
    struct collateral_facts facts;
    bool is_known; /* it checked out; its dates are another matter */
    struct ds_error e;
    int r;
};

static void title_of(char *ret, size_t ret_len, const struct collateral_facts *f)
{
    if (f->kind == COLLATERAL_SNP)
        (void)snprintf(ret, ret_len, "snp %s %s", f->product, f->is_vlek ? "vlek" : "vcek");
    else
        (void)snprintf(ret, ret_len, "%s %s %s CA, TCB evaluation %u",
                       collateral_kind_text(f->kind), DS_HEX(DS_SPAN(f->fmspc6, 6)),
                       f->is_processor_ca ? "processor" : "platform", f->eval_number);
}

static bool ends_soon(const struct collateral_item *item, const struct cli_collateral_verify *in)
{
    return in->now_s <= item->until_s && item->until_s - in->now_s <= in->warn_s;
}

static void print_item(struct ds_buf *out, const struct collateral_item *item)
{
    char from[21], until[21];
    ds_buf_printf(out, "  %s to %s  ", ds_date_format(from, item->from_s),
                  ds_date_format(until, item->until_s));
    cli_plain_add(out, item->name, 44);
    ds_buf_str(out, " by ");
    cli_plain_add(out, item->signer, 0);
    ds_buf_char(out, '\n');
}

static void print_finding(struct ds_buf *out, const struct finding *x,
                          const struct cli_collateral_verify *in)
{
    char title[192], until[21];
    if (!x->is_known) {
        ds_buf_str(out, "a set that does not check out\n");
        return;
    }
    title_of(title, sizeof title, &x->facts);
    ds_buf_printf(out, "%s: %s, root ", title, x->r == DS_OK ? "valid" : "out of date");
    cli_plain_add(out, x->facts.anchor, 0);
    ds_buf_printf(out, " (%s)\n", ds_kind_text(x->facts.anchor_kind));
    for (size_t i = 0; i < x->facts.n_items; i++)
        print_item(out, &x->facts.items[i]);
    for (size_t i = 0; i < x->facts.n_items; i++) {
        const struct collateral_item *item = &x->facts.items[i];
        if (!ends_soon(item, in))
            continue;
        ds_buf_str(out, "  warning: ");
        cli_plain_add(out, item->name, 0);
        ds_buf_printf(out, " ends in %lld days, on %s: fetch it again before\n",
                      (long long)((item->until_s - in->now_s) / DAY_S),
                      ds_date_format(until, item->until_s));
    }
}

static void item_json(struct ds_jw *w, const struct collateral_item *item,
                      const struct cli_collateral_verify *in)
{
    char from[21], until[21];
    ds_jw_object(w, NULL);
    ds_jw_str(w, "name", item->name);
    ds_jw_str(w, "signer", item->signer);
    ds_jw_str(w, "from", ds_date_format(from, item->from_s));
    ds_jw_str(w, "until", ds_date_format(until, item->until_s));
    ds_jw_bool(w, "ends_soon", ends_soon(item, in));
    ds_jw_object_end(w);
}

static void finding_json(struct ds_jw *w, const struct finding *x,
                         const struct cli_collateral_verify *in)
{
    const struct collateral_facts *f = &x->facts;
    char until[21];
    ds_jw_object(w, NULL);
    ds_jw_bool(w, "valid", x->r == DS_OK);
    if (x->is_known) {
        ds_jw_str(w, "kind", collateral_kind_text(f->kind));
        if (f->kind == COLLATERAL_SNP)
            ds_jw_str(w, "product", f->product);
        else
            ds_jw_hex(w, "fmspc", DS_SPAN(f->fmspc6, 6));
        ds_jw_str(w, "anchor", f->anchor);
        ds_jw_str(w, "anchor_kind", ds_kind_text(f->anchor_kind));
        ds_jw_str(w, "until", ds_date_format(until, collateral_until_s(f)));
        ds_jw_array(w, "items");
        for (size_t i = 0; i < f->n_items; i++)
            item_json(w, &f->items[i], in);
        ds_jw_array_end(w);
    }
    ds_jw_object_end(w);
}

static int find(struct finding *x, struct cli *cli, struct ds_arena mem, struct ds_span set,
                const struct cli_collateral_verify *in)
{
    x->r = collateral_check(&x->facts, &mem, set, in->anchors, &x->e);
    x->is_known = x->r == DS_OK;
    if (x->is_known)
        x->r = collateral_check_dates(&x->facts, in->now_s, &x->e);
    if (x->r < 0)
        ds_verdict_add_error(&cli->reasons, &x->e, DS_CODE_COLLATERAL_SET_FORMAT);
    return x->r;
}

struct report {
    struct ds_buf text;
    struct ds_jw w;
    int worst;
};

static void add_set(struct report *rep, struct cli *cli, struct ds_arena mem, struct ds_span set,
                    const struct cli_collateral_verify *in)
{
    struct finding x = { 0 };
    int r = find(&x, cli, mem, set, in);
    /* What does not check out weighs more than what is out of date. */
    if (r < 0 && (rep->worst == DS_OK || rep->worst == DS_ERR_STALE))
        rep->worst = r;
    if (cli->json)
        finding_json(&rep->w, &x, in);
    else
        print_finding(&rep->text, &x, in);
}

static void begin_json(struct report *rep, const struct bundle *b, bool is_bundle)
{
    char iso[21];
    ds_jw_object(&rep->w, NULL);
    if (is_bundle) {
        ds_jw_hex(&rep->w, "signer", DS_SPAN(b->signer32, 32));
        ds_jw_str(&rep->w, "issued", ds_date_format(iso, b->issued_s));
    }
    ds_jw_array(&rep->w, "sets");
}

static void end_json(struct report *rep, const struct cli *cli)
{
    ds_jw_array_end(&rep->w);
    ds_jw_array(&rep->w, "reasons");
    for (uint32_t i = 0; i < cli->reasons.n_reasons; i++)
        cli_reason_json(&rep->w, &cli->reasons.reasons[i]);
    ds_jw_array_end(&rep->w);
    ds_jw_object_end(&rep->w);
    ds_buf_char(&rep->text, '\n');
}

static void begin_text(struct report *rep, const struct bundle *b)
{
    char iso[21];
    ds_buf_printf(&rep->text, "bundle of %zu sets, packed %s by key %s\n", b->n_sets,
                  ds_date_format(iso, b->issued_s), DS_HEX(DS_SPAN(b->signer32, 32)));
}

static int verify_in(struct cli *cli, struct report *rep, struct ds_arena *mem, struct ds_span file,
                     const struct cli_collateral_verify *in, struct ds_error *e)
{
    struct bundle b = { .sets = { file }, .n_sets = 1 };
    bool is_bundle = bundle_is(file);
    if (is_bundle)
        DS_TRY(bundle_parse(&b, mem, file, in->signer32, e));
    else if (in->signer32 != NULL)
        return ds_refuse(e, DS_ERR_UNTRUSTED, DS_CODE_COLLATERAL_BUNDLE_SIGNER, "signer",
                         DS_HEX(DS_SPAN(in->signer32, 32)), "a set, which nobody packed", NULL);
    if (cli->json)
        begin_json(rep, &b, is_bundle);
    else if (is_bundle)
        begin_text(rep, &b);
    /* Each set is read in the same room. */
    for (size_t i = 0; i < b.n_sets; i++)
        add_set(rep, cli, *mem, b.sets[i], in);
    if (cli->json)
        end_json(rep, cli);
    DS_TRY(ds_buf_end(&rep->text, e, "the result"));
    cli_print_span(ds_buf_span(&rep->text));
    cli->reported = cli->json;
    return rep->worst < 0 ? ds_verdict_fail(&cli->reasons, rep->worst, e) : DS_OK;
}

int cli_collateral_verify(struct cli *cli, const struct cli_collateral_verify *in,
                          struct ds_error *e)
{
    struct report rep = { 0 };
    DS_AUTO(ds_buf_done) struct ds_buf file = { 0 };
    size_t cap = BUNDLE_MEM + COLLATERAL_CHECK_MEM;
    DS_AUTO(ds_auto_free) uint8_t *room = malloc(cap);
    if (room == NULL)
        return ds_fail(e, DS_ERR_NOMEM, "read collateral");
    struct ds_arena mem = ds_arena_of(room, cap);
    rep.w = ds_jw_of(&rep.text);
    DS_TRY(ds_file_load(&file, in->path, CLI_COLLATERAL_MAX, e));
    int r = verify_in(cli, &rep, &mem, ds_buf_span(&file), in, e);
    ds_buf_done(&rep.text);
    return r;
}

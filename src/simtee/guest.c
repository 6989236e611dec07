/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's method table. Nothing here touches MRTD or RTMR0-2.
 */
#include "simtee/guest.h"

#include "base/clock.h"
#include "codec/json_write.h"

/* A boot makes about 20 requests; each extend costs the host an fsync. */
#define BURST      400
#define PER_SECOND 100

#define QUOTE_MAX 16384

static bool take_token(struct simtee_guest *g, struct rpc_call *call)
{
    const int64_t now_ms = ds_clock_mono_ms();
    const int64_t gained = (now_ms - g->refilled_ms) * PER_SECOND / 1000;
    if (gained > 0) {
        g->tokens = g->tokens + gained > BURST ? BURST : g->tokens + gained;
        g->refilled_ms = now_ms;
    }
    if (g->tokens > 0) {
        g->tokens--;
        return true;
    }
    struct ds_error e;
    (void)ds_fail_code(&e, DS_ERR_UNAVAILABLE, DS_CODE_SIMTEE_RATE_LIMITED,
                       "more than %d requests a second", PER_SECOND);
    rpc_call_fail(call, &e);
    return false;
}

static int get_bytes(struct rpc_call *call, const char *name, uint8_t *ret, size_t len,
                     struct ds_error *e)
{
    size_t got = 0;
    DS_TRY(rpc_call_hex(call, name, ret, &got, len, e));
    if (got != len)
        return ds_fail(e, DS_ERR_ARG, "'%s' has %zu bytes, not %zu", name, got, len);
    return DS_OK;
}

/* Ends the call with {key: hex of bytes}, or with the failure. */
static void reply_hex(struct rpc_call *call, int r, const char *key, struct ds_span bytes,
                      struct ds_error *e)
{
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_jw w = ds_jw_of(&out);
    ds_jw_object(&w, NULL);
    ds_jw_hex(&w, key, bytes);
    ds_jw_object_end(&w);
    if (r == DS_OK)
        r = ds_jw_end(&w, e, key);
    if (r < 0)
        rpc_call_fail(call, e);
    else
        rpc_call_reply_text(call, ds_buf_span(&out));
}

static void on_state(struct rpc_call *call, void *ctx)
{
    const struct simtee_guest *g = ctx;
    DS_AUTO(ds_buf_done) struct ds_buf out = { 0 };
    struct ds_error e;
    struct ds_jw w = ds_jw_of(&out);
    ds_jw_object(&w, NULL);
    ds_jw_str(&w, "launch_id", g->journal->launch_id);
    ds_jw_u64(&w, "n_extends", g->journal->n_extends);
    ds_jw_hex(&w, "rtmr3", DS_SPAN_OF(g->journal->regs.rtmr48[3]));
    ds_jw_object_end(&w);
    if (ds_jw_end(&w, &e, "State") < 0)
        rpc_call_fail(call, &e);
    else
        rpc_call_reply_text(call, ds_buf_span(&out));
}

static void on_extend(struct rpc_call *call, void *ctx)
{
    struct simtee_guest *g = ctx;
    struct ds_error e;
    uint8_t digest48[48];
    if (!take_token(g, call))
        return;
    int r = get_bytes(call, "digest", digest48, sizeof digest48, &e);
    if (r == DS_OK)
        r = simtee_journal_extend(g->journal, rpc_call_u64(call, "index"), digest48, &e);
    reply_hex(call, r, "rtmr3", DS_SPAN_OF(g->journal->regs.rtmr48[3]), &e);
}

static void on_quote(struct rpc_call *call, void *ctx)
{
    struct simtee_guest *g = ctx;
    DS_AUTO(ds_buf_done) struct ds_buf quote = { .max = QUOTE_MAX };
    struct ds_error e;
    uint8_t report_data64[64];
    if (!take_token(g, call))
        return;
    int r = get_bytes(call, "report_data", report_data64, sizeof report_data64, &e);
    if (r == DS_OK)
        r = simtee_pki_quote(&quote, g->pki, &g->journal->regs, report_data64, &e);
    g->n_quotes += r == DS_OK;
    reply_hex(call, r, "quote", ds_buf_span(&quote), &e);
}

static void on_boot_log(struct rpc_call *call, void *ctx)
{
    struct simtee_guest *g = ctx;
    struct ds_error e;
    if (!take_token(g, call))
        return;
    reply_hex(call, DS_OK, "boot_log", ds_buf_span(&g->journal->boot_log), &e);
}

static const struct rpc_field state_reply[] = {
    { .name = "launch_id", .kind = RPC_TEXT, .help = "which launch this is" },
    { .name = "n_extends", .kind = RPC_U64, .help = "the number of the next extend" },
    { .name = "rtmr3", .kind = RPC_HEX, .help = "the register now" },
};
static const struct rpc_field extend_request[] = {
    { .name = "index",
      .kind = RPC_U64,
      .required = true,
      .max = SIMTEE_JOURNAL_EXTENDS_MAX,
      .help = "the number of this extend, from 0" },
    { .name = "digest",
      .kind = RPC_HEX,
      .required = true,
      .max = 48,
      .help = "SHA-384 of the event" },
};
static const struct rpc_field extend_reply[] = {
    { .name = "rtmr3", .kind = RPC_HEX, .help = "the register afterwards" },
};
static const struct rpc_field quote_request[] = {
    { .name = "report_data",
      .kind = RPC_HEX,
      .required = true,
      .max = 64,
      .help = "64 bytes that the quote covers" },
};
static const struct rpc_field quote_reply[] = {
    { .name = "quote", .kind = RPC_HEX, .help = "TDX quote, version 4" },
};
static const struct rpc_field boot_log_reply[] = {
    { .name = "boot_log", .kind = RPC_HEX, .help = "binary TCG log (CCEL) of RTMR0-2" },
};

static const struct rpc_method methods[] = {
    { .name = "State",
      .who = RPC_CHANNEL,
      .handler = on_state,
      .doc = "Where the runtime register stands.",
      .reply = state_reply,
      .n_reply = DS_LEN(state_reply) },
    { .name = "Extend",
      .who = RPC_CHANNEL,
      .handler = on_extend,
      .doc = "Extend RTMR3; answered when it is on the host's disk.",
      .request = extend_request,
      .n_request = DS_LEN(extend_request),
      .reply = extend_reply,
      .n_reply = DS_LEN(extend_reply) },
    { .name = "Quote",
      .who = RPC_CHANNEL,
      .handler = on_quote,
      .doc = "A quote over the registers and 64 bytes.",
      .request = quote_request,
      .n_request = DS_LEN(quote_request),
      .reply = quote_reply,
      .n_reply = DS_LEN(quote_reply) },
    { .name = "BootLog",
      .who = RPC_CHANNEL,
      .handler = on_boot_log,
      .doc = "The events behind RTMR0-2.",
      .reply = boot_log_reply,
      .n_reply = DS_LEN(boot_log_reply) },
};

int simtee_guest_init(struct simtee_guest *ret, struct simtee_journal *journal,
                      const struct simtee_pki *pki, struct ds_error *e)
{
    *ret = (struct simtee_guest){
        .journal = journal,
        .pki = pki,
        .service = { .name = "simtee",
                     .mount = "/",
                     .methods = methods,
                     .n_methods = DS_LEN(methods),
                     .ctx = ret },
        .tokens = BURST,
        .refilled_ms = ds_clock_mono_ms(),
    };
    return rpc_service_init(&ret->service, e);
}

void simtee_guest_done(struct simtee_guest *g) { rpc_service_done(&g->service); }

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk through the table of steps, with a table and a pool of the test's
 * own. The pool keeps the promise of net/pool.h and is otherwise as unfriendly
 * as it may be: work can be over before its submission returns.
 */
#include "guest/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <yyjson.h>

#include "guest/agent.h"
#include "guest/serve.h"
#include "rpc/serve.h"

enum trouble {
    TROUBLE_NONE,
    TROUBLE_RUN,
    TROUBLE_AFTER,
    TROUBLE_FULL,  /* the pool takes no second job */
    TROUBLE_HANGS, /* the first step never ends */
};

static struct {
    enum trouble trouble;
    unsigned n_submitted;
    net_pool_fn *done;
    void *arg;
    char told[256]; /* "one:start one:done ..." */
    bool is_ready, has_failed;
} t;

int net_pool_submit(struct net_pool *pool, net_pool_fn *work, net_pool_fn *done, void *arg,
                    struct ds_error *e)
{
    (void)pool;
    if (++t.n_submitted == 2 && t.trouble == TROUBLE_FULL)
        return ds_fail_code(e, DS_ERR_UNAVAILABLE, DS_CODE_NET_POOL_FULL, "full");
    if (t.trouble == TROUBLE_HANGS)
        return DS_OK;
    work(arg);
    t.done = done;
    t.arg = arg;
    return DS_OK;
}

size_t net_pool_pending(const struct net_pool *pool)
{
    (void)pool;
    return t.done != NULL;
}

static void tell(const char *what)
{
    size_t n = strlen(t.told);
    (void)snprintf(t.told + n, sizeof t.told - n, "%s%s", n > 0 ? " " : "", what);
}

void agent_notify(struct agent *a, const char *event, struct ds_span payload)
{
    (void)a;
    if (strcmp(event, "boot.step") != 0)
        return;
    yyjson_doc *doc = yyjson_read((const char *)payload.p, payload.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *step = yyjson_get_str(yyjson_obj_get(root, "step"));
    const char *state = yyjson_get_str(yyjson_obj_get(root, "state"));
    char text[64];
    assert_true(step != NULL && state != NULL);
    (void)snprintf(text, sizeof text, "%s:%s", step != NULL ? step : "",
                   state != NULL ? state : "");
    tell(text);
    yyjson_doc_free(doc);
}

void agent_ready(struct agent *a)
{
    (void)a;
    t.is_ready = true;
}

void agent_boot_failed(struct agent *a)
{
    (void)a;
    t.has_failed = true;
}

static int good(struct agent *a, struct ds_error *e)
{
    (void)a;
    (void)e;
    return DS_OK;
}

static int troubled(struct agent *a, struct ds_error *e)
{
    (void)a;
    return t.trouble == TROUBLE_RUN ? ds_fail(e, DS_ERR_DENIED, "trouble") : DS_OK;
}

static void troubled_after(struct agent *a)
{
    if (t.trouble == TROUBLE_AFTER)
        a->boot.status = ds_fail(&a->boot.error, DS_ERR_DENIED, "trouble");
}

const struct boot_step boot_steps[] = {
    { "one", "the first", good, NULL },
    { "two", "the second", troubled, troubled_after },
    { "three", "the third", good, NULL },
};
const size_t boot_n_steps = DS_LEN(boot_steps);

static const struct row {
    const char *name;
    enum trouble trouble;
    bool is_ready;
    const char *told, *msg;
} rows[] = {
    { "all well", TROUBLE_NONE, true,
      "one:start one:done two:start two:done three:start three:done", "" },
    { "a step that fails before its submission returns", TROUBLE_RUN, false,
      "one:start one:done two:start two:failed", "boot step 'two': trouble" },
    { "the last part of a step fails", TROUBLE_AFTER, false,
      "one:start one:done two:start two:failed", "boot step 'two': trouble" },
    { "a step that nobody takes", TROUBLE_FULL, false, "one:start one:done two:start two:failed",
      "boot step 'two': full" },
};

static void run(struct agent *a, enum trouble trouble)
{
    memset(a, 0, sizeof *a);
    memset(&t, 0, sizeof t);
    a->log = (struct ds_log){ .program = "test", .min = DS_LOG_ERROR };
    t.trouble = trouble;
    boot_start(a);
    while (t.done != NULL) {
        net_pool_fn *done = t.done;
        t.done = NULL;
        done(t.arg);
    }
}

static void each_walk_is_told(void **state)
{
    (void)state;
    static struct agent a;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        run(&a, rows[i].trouble);
        if (strcmp(t.told, rows[i].told) != 0 || strcmp(a.boot.error.msg, rows[i].msg) != 0)
            fail_msg("%s: %s, %s", rows[i].name, t.told, a.boot.error.msg);
        assert_int_equal(t.is_ready, rows[i].is_ready);
        assert_int_equal(t.has_failed, !rows[i].is_ready);
    }
}

static void a_host_that_asks_again_hears_the_same(void **state)
{
    (void)state;
    static struct agent a;
    run(&a, TROUBLE_RUN);
    t.told[0] = '\0';
    boot_report_again(&a);
    assert_string_equal(t.told, "one:done two:failed");
}

/* As many reasons as fit are whole; a document that is cut would be none. */
static void reasons_that_do_not_fit_are_left_out(void **state)
{
    (void)state;
    static struct boot_progress b;
    char wide[144];
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    (void)ds_fail_code(&b.error, DS_ERR_DENIED, DS_CODE_POLICY_COMPOSE_HASH, "refused");
    for (int i = 0; i < 16; i++)
        ds_verdict_add(&b.reasons, DS_CODE_POLICY_COMPOSE_HASH, "claim", wide, wide, "anchor");
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    boot_error_encode(&text, &b);
    assert_in_range(text.len, GUEST_PAYLOAD_MAX / 2, GUEST_PAYLOAD_MAX);
    yyjson_doc *doc = yyjson_read(text.p, text.len, 0);
    assert_non_null(doc);
    yyjson_val *reasons = yyjson_obj_get(yyjson_doc_get_root(doc), "reasons");
    assert_in_range(yyjson_arr_size(reasons), 4, 15);
    yyjson_doc_free(doc);
    b.reasons.n_reasons = 2;
    ds_buf_clear(&text);
    boot_error_encode(&text, &b);
    doc = yyjson_read(text.p, text.len, 0);
    reasons = yyjson_obj_get(yyjson_doc_get_root(doc), "reasons");
    assert_int_equal(yyjson_arr_size(reasons), 2);
    yyjson_doc_free(doc);
}

static void on_request(void *arg, struct net_call *call, struct ds_span payload)
{
    rpc_serve_channel(arg, call, payload, NULL);
}

static void on_up(void *arg) { (void)arg; }

static void on_reply(void *arg, int status, struct ds_span payload, const struct ds_error *why)
{
    (void)payload;
    (void)why;
    assert_int_equal(status, DS_OK);
    *(bool *)arg = true;
}

/* A step that hangs holds a thread of the pool, and nothing else: the machine goes off when asked. */
static void a_step_that_hangs_does_not_keep_it_on(void **state)
{
    (void)state;
    static struct agent a;
    static const struct net_mux_ops answerer_ops = { .up = on_up, .request = on_request };
    static const struct net_mux_ops asker_ops = { .up = on_up };
    struct net_mux *asker = NULL, *answerer = NULL;
    bool has_reply = false;
    int fd[2];
    run(&a, TROUBLE_HANGS);
    assert_string_equal(t.told, "one:start");
    assert_int_equal(net_loop_new(&a.loop, NULL), DS_OK);
    assert_int_equal(guest_services_init(&a, NULL), DS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(net_mux_new(&answerer, a.loop, NET_MUX_GUEST, &answerer_ops, &a.host_service,
                                 NULL),
                     DS_OK);
    assert_int_equal(net_mux_new(&asker, a.loop, NET_MUX_HOST, &asker_ops, NULL, NULL), DS_OK);
    assert_int_equal(net_mux_attach(answerer, fd[0], NET_MUX_SOCKET, NULL), DS_OK);
    assert_int_equal(net_mux_attach(asker, fd[1], NET_MUX_SOCKET, NULL), DS_OK);
    while (!net_mux_is_up(asker) || !net_mux_is_up(answerer))
        assert_int_equal(net_loop_step(a.loop, 100, NULL), DS_OK);
    assert_int_equal(net_mux_request(asker, DS_SPAN_LIT("{\"method\":\"Shutdown\"}"), 0, on_reply,
                                     &has_reply, NULL),
                     DS_OK);
    assert_int_equal(net_loop_run(a.loop, NULL), DS_OK); /* it returns: main goes on to the end */
    assert_true(has_reply);
    net_mux_free(asker);
    net_mux_free(answerer);
    net_event_free(a.shutdown_timer);
    rpc_service_done(&a.app_service);
    rpc_service_done(&a.host_service);
    net_loop_free(a.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_walk_is_told),
        cmocka_unit_test(a_host_that_asks_again_hears_the_same),
        cmocka_unit_test(reasons_that_do_not_fit_are_left_out),
        cmocka_unit_test(a_step_that_hangs_does_not_keep_it_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls whose work runs in the pool: each way to end, a full pool, a caller that
 * leaves before its answer, and calls under way when the daemon ends.
 */
#include "net/serve.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/pool.h"
#include "rpc/call.h"
#include "rpc/client.h"
#include "rpc/job.h"
#include "rpc/serve.h"

struct fixture {
    struct net_loop *loop;
    struct net_pool *pool;
    struct net_http_server *server;
    struct net_target target;
    char dir[64], address[160];
    unsigned n_logged; /* by job_failed */
    int gate[2];       /* a job of "Wait" ends when a byte can be read */
    int begun[2];      /* it writes one when it begins */
};

static int echo(struct rpc_job *j, struct ds_error *e)
{
    const struct fixture *f = j->ctx;
    ds_buf_printf(&j->reply, "{\"said\":\"%s\",\"in\":\"%s\"}", rpc_call_text(j->call, "text"),
                  f->dir);
    return ds_buf_end(&j->reply, e, "Echo");
}

static int deny(struct rpc_job *j, struct ds_error *e)
{
    ds_buf_str(&j->reply, "{\"a key\":\"of which nothing may leave\"}");
    ds_verdict_add(&j->verdict, DS_CODE_RPC_FORBIDDEN, "mrtd", "aa", "bb", "root");
    return ds_verdict_fail(&j->verdict, DS_ERR_DENIED, e);
}

/* Reasons that were gathered before something else went wrong are no verdict. */
static int fail_late(struct rpc_job *j, struct ds_error *e)
{
    ds_verdict_add(&j->verdict, DS_CODE_RPC_FORBIDDEN, "mrtd", "aa", "bb", "root");
    return ds_fail(e, DS_ERR_SYS, "no room on the disk");
}

static int deny_without_reasons(struct rpc_job *j, struct ds_error *e)
{
    (void)j;
    return ds_fail_code(e, DS_ERR_DENIED, DS_CODE_RPC_FORBIDDEN, "a plain no");
}

static int wait_for_gate(struct rpc_job *j, struct ds_error *e)
{
    const struct fixture *f = j->ctx;
    char c;
    if (write(f->begun[1], "x", 1) != 1 || read(f->gate[0], &c, 1) != 1)
        return ds_fail(e, DS_ERR_SYS, "gate");
    ds_buf_str(&j->reply, "{}");
    return ds_buf_end(&j->reply, e, "Wait");
}

#define HANDLER(name, work)                                         \
    static void name(struct rpc_call *call, void *ctx)              \
    {                                                               \
        rpc_call_submit(call, ((struct fixture *)ctx)->pool, work); \
    }

HANDLER(on_echo, echo)
HANDLER(on_deny, deny)
HANDLER(on_fail_late, fail_late)
HANDLER(on_deny_plain, deny_without_reasons)
HANDLER(on_wait, wait_for_gate)

static const struct rpc_field echo_fields[] = { { .name = "text", .kind = RPC_TEXT, .max = 64 } };

static const struct rpc_method methods[] = {
    { "Echo", RPC_ANYONE, on_echo, "Say it again.", echo_fields, DS_LEN(echo_fields), NULL, 0 },
    { "Deny", RPC_ANYONE, on_deny, "Refuse with reasons.", NULL, 0, NULL, 0 },
    { "FailLate", RPC_ANYONE, on_fail_late, "Break after a reason.", NULL, 0, NULL, 0 },
    { "DenyPlain", RPC_ANYONE, on_deny_plain, "Refuse.", NULL, 0, NULL, 0 },
    { "Wait", RPC_ANYONE, on_wait, "Wait for the gate.", NULL, 0, NULL, 0 },
};

static void on_failed(void *ctx, const struct rpc_call *call, const struct ds_error *e)
{
    struct fixture *f = ctx;
    assert_non_null(rpc_call_method(call));
    assert_true(e->msg[0] != '\0');
    f->n_logged++;
}

static struct rpc_service service = { .name = "test",
                                      .mount = "/",
                                      .methods = methods,
                                      .n_methods = DS_LEN(methods),
                                      .job_failed = on_failed };

static void handler(void *arg, struct net_http_request *req)
{
    (void)arg;
    assert_true(rpc_serve_http(&service, req));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/test_job_XXXXXX");
    if (mkdtemp(f->dir) == NULL || pipe2(f->gate, O_CLOEXEC) != 0 ||
        pipe2(f->begun, O_CLOEXEC) != 0)
        return -1;
    (void)snprintf(f->address, sizeof f->address, "unix:%s/s", f->dir);
    service.ctx = f;
    struct ds_error e;
    int r = net_target_parse(&f->target, f->address, &e);
    r = r < 0 ? r : rpc_service_init(&service, &e);
    r = r < 0 ? r : net_loop_new(&f->loop, &e);
    r = r < 0 ? r : net_pool_new(&f->pool, f->loop, 1, 1, &e);
    r = r < 0 ? r : net_http_server_new(&f->server, f->loop, NULL, handler, f, &e);
    return r < 0 ? r : net_http_server_listen(f->server, &f->target, 0600, NULL, &e);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)close(f->gate[1]); /* whoever still waits for it after a failed test goes on */
    net_http_server_free(f->server);
    net_pool_free(f->pool);
    net_loop_free(f->loop);
    rpc_service_done(&service);
    (void)close(f->gate[0]);
    (void)close(f->begun[0]);
    (void)close(f->begun[1]);
    int r = ds_dir_remove(f->dir, NULL);
    free(f);
    return r;
}

struct
try {
    const struct fixture *f;
    const char *path, *body;
    struct net_http_response response;
    int result;
};

static void do_call(void *arg)
{
    struct try *t = arg;
    struct net_http_call call = {
        .method = "POST", .path = t->path, .body = ds_span_str(t->body), .timeout_ms = 20000
    };
    t->result = net_http_call(&t->response, &t->f->target, NULL, &call, NULL);
}

static void test_ends(void **state)
{
    static const struct {
        const char *claim, *path, *body;
        int status;
        const char *part, *not_part;
        unsigned n_logged; /* lines in the daemon's log */
    } rows[] = {
        { "an answer", "/Echo", "{\"text\":\"hi\"}", 200, "{\"said\":\"hi\",\"in\":\"/tmp/test_job",
          NULL, 0 },
        { "a verdict, and not what was written before it", "/Deny", "{}", 400, "\"claim\":\"mrtd\"",
          "a key", 0 },
        { "an error after a reason is an error", "/FailLate", "{}", 400, "no room on the disk",
          "\"claim\":\"mrtd\"", 1 },
        { "a denial without reasons is an error", "/DenyPlain", "{}", 400, "rpc.forbidden", NULL,
          1 },
        { "refused before it becomes a job", "/Echo", "{\"text\":1}", 400, "rpc.bad_request", NULL,
          0 },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct try t = { .f = f, .path = rows[i].path, .body = rows[i].body };
        f->n_logged = 0;
        serve_while(f->loop, do_call, &t);
        const char *body = t.response.body.p != NULL ? t.response.body.p : "";
        if (t.result != DS_OK || t.response.status != rows[i].status ||
            strstr(body, rows[i].part) == NULL ||
            (rows[i].not_part != NULL && strstr(body, rows[i].not_part) != NULL) ||
            f->n_logged != rows[i].n_logged)
            fail_msg("%s: %d %d %s, logged %u", rows[i].claim, t.result, t.response.status, body,
                     f->n_logged);
        net_http_response_done(&t.response);
    }
}

static void send_call(const struct fixture *f, int *ret_fd, const char *method)
{
    struct ds_error e;
    char text[200];
    int n = snprintf(text, sizeof text, "POST /%s HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", method);
    assert_int_equal(net_connect(ret_fd, &f->target, ds_clock_mono_ms() + 5000, &e), DS_OK);
    assert_int_equal(write(*ret_fd, text, (size_t)n), n);
}

static uint64_t running(void) { return service.stats[4].n_running; }

static void step(struct fixture *f) { assert_int_equal(net_loop_step(f->loop, 100, NULL), DS_OK); }

/* One worker, one place in the queue: the third call is told to come again. */
static void test_full_pool(void **state)
{
    struct fixture *f = *state;
    int fd[2];
    for (size_t i = 0; i < 2; i++) {
        send_call(f, &fd[i], "Wait");
        while (running() != i + 1)
            step(f);
        /* The first job must have left the queue before the second enters it. */
        char c;
        if (i == 0)
            assert_int_equal(read(f->begun[0], &c, 1), 1);
    }
    struct try t = { .f = f, .path = "/Wait", .body = "{}" };
    serve_while(f->loop, do_call, &t);
    assert_int_equal(t.response.status, 429);
    assert_non_null(strstr(t.response.body.p, "net.pool_full"));
    net_http_response_done(&t.response);
    assert_int_equal(write(f->gate[1], "xx", 2), 2);
    while (running() != 0)
        step(f);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

/* The work still reads the call's parameters, and its answer goes nowhere. */
static void test_caller_leaves(void **state)
{
    struct fixture *f = *state;
    int fd = -1;
    send_call(f, &fd, "Wait");
    while (running() != 1)
        step(f);
    struct linger reset = { .l_onoff = 1 };
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    (void)close(fd);
    step(f);
    assert_int_equal(write(f->gate[1], "x", 1), 1);
    while (running() != 0)
        step(f);
}

static void test_daemon_ends(void **state)
{
    struct fixture *f = *state;
    int fd = -1;
    send_call(f, &fd, "Wait");
    while (running() != 1)
        step(f);
    assert_int_equal(write(f->gate[1], "x", 1), 1);
    net_http_server_free(f->server);
    f->server = NULL;
    net_pool_free(f->pool);
    f->pool = NULL;
    assert_int_equal(running(), 0);
    (void)close(fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_ends),
        TEST(test_full_pool),
        TEST(test_caller_leaves),
        TEST(test_daemon_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

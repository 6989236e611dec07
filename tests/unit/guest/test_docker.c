/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container engine that does not come, and the one that refuses an image:
 * an engine's socket of the test's own, in a mount namespace with its own /run.
 */
#include "guest/docker.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "net/http_server.h"
#include "net/serve.h"
#include "net/target.h"

#define ARCHIVE "/run/archive.tar"

static void an_engine_that_ends_is_told(void **state)
{
    (void)state;
    const char *const argv[] = { "false", NULL };
    const struct ds_proc_spec spec = { .argv = argv };
    struct guest_engine g = GUEST_ENGINE_NONE;
    struct ds_error e = { 0 };
    assert_int_equal(ds_proc_spawn(&g.dockerd, &spec, &e), DS_OK);
    assert_int_equal(guest_engine_wait(&g, 60000, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_GUEST_ENGINE_FAILED);
    assert_string_equal(e.detail.claim, "dockerd");
    assert_non_null(strstr(e.msg, "the owner of '/run/docker.sock' ended"));
    ds_proc_done(&g.dockerd);
}

static void an_engine_that_stays_silent_is_told(void **state)
{
    (void)state;
    const char *const argv[] = { "sleep", "600", NULL };
    const struct ds_proc_spec spec = { .argv = argv };
    struct guest_engine g = GUEST_ENGINE_NONE;
    struct ds_proc_exit ended;
    struct ds_error e = { 0 };
    assert_int_equal(ds_proc_spawn(&g.dockerd, &spec, &e), DS_OK);
    assert_int_equal(guest_engine_wait(&g, 30, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_GUEST_ENGINE_FAILED);
    assert_non_null(strstr(e.msg, "no socket '/run/docker.sock' in 30 ms"));
    assert_int_equal(ds_proc_stop(&ended, &g.dockerd, 0, &e), DS_OK);
    ds_proc_done(&g.dockerd);
}

/* Docker's API answers 200 and tells of the failure in its stream. */
static void refuse_image(void *arg, struct net_http_request *req)
{
    (void)arg;
    net_http_reply(req, 200, "application/json", DS_SPAN_LIT("{\"error\":\"invalid tar\"}"), NULL);
}

/* The engine's words leave the VM where logs are public, and only there. */
static void load(void *arg)
{
    struct ds_error *e = arg, private_e = { 0 };
    const struct guest_engine open = { .logs_are_public = true }, closed = { 0 };
    assert_int_equal(guest_engine_load(&closed, ARCHIVE, 5, &private_e), DS_ERR_PEER);
    assert_null(strstr(private_e.detail.got, "invalid tar"));
    assert_null(strstr(private_e.msg, "invalid tar"));
    assert_int_equal(guest_engine_load(&open, ARCHIVE, 5, e), DS_ERR_PEER);
}

static void an_image_that_the_engine_refuses_is_told(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    struct net_http_server *server = NULL;
    const struct net_target target = { .kind = NET_TARGET_UNIX, .host = "/run/docker.sock" };
    struct ds_error e = { 0 };
    assert_int_equal(ds_file_save(ARCHIVE, DS_SPAN_LIT("bytes"), 0600, "test", NULL), DS_OK);
    assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
    assert_int_equal(net_http_server_new(&server, loop, NULL, refuse_image, NULL, NULL), DS_OK);
    assert_int_equal(net_http_server_listen(server, &target, 0600, NULL, NULL), DS_OK);
    serve_while(loop, load, &e);
    assert_int_equal(e.code, DS_CODE_GUEST_IMAGE_REFUSED);
    assert_non_null(strstr(e.detail.got, "invalid tar"));
    net_http_server_free(server);
    net_loop_free(loop);
}

#define FRAMED_LOG "\x01\0\0\0\0\0\0\x06hello\n\x02\0\0\0\0\0\0\x04oops"

#define TEXT(text) text, sizeof(text) - 1

static const struct log_row {
    const char *name, *stream;
    size_t stream_len;
    const char *want;
} log_rows[] = {
    { "frames", TEXT(FRAMED_LOG), "web | hello\nweb | oops\n" },
    { "a frame that is cut", TEXT("\x01\0\0\0\0\0\0\x06hel"), "web | hel\n" },
    { "a terminal's text", TEXT("$ ls\r\nfile\r\n"), "web | $ ls\nweb | file\n" },
    { "a terminal's short text", TEXT("hi"), "web | hi\n" },
    { "nothing", TEXT(""), "" },
};

static void answer_logs(void *arg, struct net_http_request *req)
{
    const struct log_row *row = arg;
    if (strcmp(net_http_path(req), "/containers/json") == 0)
        net_http_reply(req, 200, "application/json",
                       DS_SPAN_LIT("[{\"Id\":\"c0\",\"Names\":[\"/web\"]}]"), NULL);
    else
        net_http_reply(req, 200, "application/octet-stream", DS_SPAN(row->stream, row->stream_len),
                       NULL);
}

static void read_logs(void *arg)
{
    const struct guest_logs want = { .container = "web", .lines = 10 };
    struct ds_error e = { 0 };
    if (guest_engine_logs(arg, &want, &e) < 0)
        fail_msg("%s", e.msg);
}

static void logs_of_each_kind_are_read(void **state)
{
    (void)state;
    const struct net_target target = { .kind = NET_TARGET_UNIX, .host = "/run/docker.sock" };
    for (size_t i = 0; i < DS_LEN(log_rows); i++) {
        struct net_loop *loop = NULL;
        struct net_http_server *server = NULL;
        struct log_row row = log_rows[i];
        DS_AUTO(ds_buf_done) struct ds_buf got = { 0 };
        assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
        assert_int_equal(net_http_server_new(&server, loop, NULL, answer_logs, &row, NULL), DS_OK);
        assert_int_equal(net_http_server_listen(server, &target, 0600, NULL, NULL), DS_OK);
        serve_while(loop, read_logs, &got);
        if (strcmp(got.p != NULL ? got.p : "", row.want) != 0)
            fail_msg("%s: %s", row.name, got.p);
        net_http_server_free(server);
        net_loop_free(loop);
    }
}

/* A /run of our own; needs root of a user namespace, as the whole suite does. */
static int own_run(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount("none", "/run", "tmpfs", 0, NULL) == 0
               ? 0
               : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_that_ends_is_told),
        cmocka_unit_test(an_engine_that_stays_silent_is_told),
        cmocka_unit_test(an_image_that_the_engine_refuses_is_told),
        cmocka_unit_test(logs_of_each_kind_are_read),
    };
    if (own_run() < 0) {
        (void)puts("no mount namespace of our own: root of a user namespace is needed");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

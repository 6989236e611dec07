/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that closes connections to make room: who gives way, and who never
 * does. Clients are plain sockets on the loop's own thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/target.h"

#define CONNECTIONS_MAX 3
#define BODIES_MAX      4000
#define REQUEST_MS      200
#define WAIT_MS         10000
#define BIG             (1u << 20) /* more than the kernel takes at once */

struct fixture {
    struct net_loop *loop;
    struct net_http_server *server;
    struct net_target target;
    char dir[64];
    struct net_http_request *kept[CONNECTIONS_MAX];
    size_t n_kept, n_served, n_served_before; /* before /second */
    bool has_second;
};

static void handler(void *arg, struct net_http_request *req)
{
    struct fixture *f = arg;
    static const char big[BIG];
    const char *path = net_http_path(req);
    if (strcmp(path, "/second") == 0) {
        f->has_second = true;
        f->n_served_before = f->n_served;
    }
    f->n_served++;
    if (strcmp(path, "/keep") == 0)
        f->kept[f->n_kept++] = req;
    else if (strcmp(path, "/big") == 0)
        net_http_reply(req, 200, NULL, DS_SPAN_OF(big), NULL);
    else
        net_http_reply(req, 200, "text/plain", DS_SPAN_LIT("served"), NULL);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct net_http_limits limits = { .body_max = 3000,
                                            .bodies_max = BODIES_MAX,
                                            .head_max = 3000,
                                            .connections_max = CONNECTIONS_MAX,
                                            .idle_ms = 60000,
                                            .request_ms = REQUEST_MS,
                                            .evicts = true };
    struct ds_error e;
    assert_non_null(f);
    *f = (struct fixture){ .dir = "/tmp/test_room_XXXXXX" };
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->target.host, sizeof f->target.host, "%s/s", f->dir);
    assert_int_equal(net_loop_new(&f->loop, &e), DS_OK);
    assert_int_equal(net_http_server_new(&f->server, f->loop, &limits, handler, f, &e), DS_OK);
    assert_int_equal(net_http_server_listen(f->server, &f->target, 0600, NULL, &e), DS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->n_kept; i++)
        net_http_reply(f->kept[i], 200, NULL, DS_SPAN_LIT(""), NULL);
    net_http_server_free(f->server);
    net_loop_free(f->loop);
    int r = ds_dir_remove(f->dir, NULL);
    free(f);
    return r;
}

static struct net_http_stats stats_of(const struct fixture *f)
{
    struct net_http_stats st;
    net_http_server_stats(&st, f->server);
    return st;
}

/* Let the server do what is there to do, until it has accepted n connections. */
static void serve(struct fixture *f, uint64_t n_accepted)
{
    int64_t end = ds_clock_mono_ms() + WAIT_MS;
    do
        assert_int_equal(net_loop_step(f->loop, 20, NULL), DS_OK);
    while (stats_of(f).n_accepted + stats_of(f).n_turned_away < n_accepted &&
           ds_clock_mono_ms() < end);
    assert_int_equal(stats_of(f).n_accepted + stats_of(f).n_turned_away, n_accepted);
}

/* A connection that has sent this. */
static int client(struct fixture *f, const char *text)
{
    int fd = -1;
    uint64_t n = stats_of(f).n_accepted + stats_of(f).n_turned_away;
    assert_int_equal(net_connect(&fd, &f->target, ds_clock_mono_ms() + WAIT_MS, NULL), DS_OK);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    serve(f, n + 1);
    return fd;
}

/* What the server says within the wait: its first bytes, or "" when it closes. */
static const char *hear(struct fixture *f, int fd)
{
    static char in[512];
    int64_t end = ds_clock_mono_ms() + WAIT_MS;
    while (ds_clock_mono_ms() < end) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, 0) == 1) {
            ssize_t n = read(fd, in, sizeof in - 1);
            in[n > 0 ? n : 0] = '\0';
            return in;
        }
        assert_int_equal(net_loop_step(f->loop, 20, NULL), DS_OK);
    }
    return "nothing";
}

static bool is_open(int fd)
{
    char c;
    return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) != 0;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static void the_longest_without_a_request_gives_way(void **state)
{
    struct fixture *f = *state;
    int slow[CONNECTIONS_MAX];
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        slow[i] = client(f, "GET / HT");
    int good = client(f, GET);
    assert_non_null(strstr(hear(f, good), "served"));
    assert_false(is_open(slow[0]));
    assert_true(is_open(slow[1]) && is_open(slow[2]));
    assert_int_equal(stats_of(f).n_evicted, 1);
    assert_int_equal(stats_of(f).n_open, CONNECTIONS_MAX);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        (void)close(slow[i]);
    (void)close(good);
}

static void who_was_served_stays_before_who_sends_bytes(void **state)
{
    struct fixture *f = *state;
    int good = client(f, GET);
    int first = client(f, "G"), second = client(f, "G");
    assert_non_null(strstr(hear(f, good), "served"));
    assert_int_equal(send(good, GET, strlen(GET), MSG_NOSIGNAL), (ssize_t)strlen(GET));
    assert_non_null(strstr(hear(f, good), "served"));
    assert_int_equal(send(first, "ET", 2, MSG_NOSIGNAL), 2); /* bytes are no merit */
    int third = client(f, "G");
    assert_true(is_open(good) && is_open(second));
    assert_false(is_open(first));
    int fourth = client(f, "G");
    assert_true(is_open(good));
    assert_false(is_open(second));
    const int all[] = { good, first, second, third, fourth };
    for (size_t i = 0; i < DS_LEN(all); i++)
        (void)close(all[i]);
}

/* Many at once: the server pauses to close what it evicted, and listens on. */
static void a_crowd_is_let_through(void **state)
{
    struct fixture *f = *state;
    int crowd[40];
    for (size_t i = 0; i < DS_LEN(crowd); i++)
        assert_int_equal(net_connect(&crowd[i], &f->target, ds_clock_mono_ms() + WAIT_MS, NULL),
                         DS_OK);
    serve(f, DS_LEN(crowd));
    int good = client(f, GET);
    assert_non_null(strstr(hear(f, good), "served"));
    assert_int_equal(stats_of(f).n_open, CONNECTIONS_MAX);
    assert_int_equal(stats_of(f).n_evicted, DS_LEN(crowd) + 1 - CONNECTIONS_MAX);
    for (size_t i = 0; i < DS_LEN(crowd); i++)
        (void)close(crowd[i]);
    (void)close(good);
}

static void bodies_that_never_end_give_way(void **state)
{
    struct fixture *f = *state;
    char text[2200];
    int n = snprintf(text, sizeof text,
                     "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2900\r\n\r\n");
    memset(text + n, 'x', 2000);
    text[n + 2000] = '\0';
    int a = client(f, text), b = client(f, text);
    assert_string_equal(hear(f, a), ""); /* 4,000 bytes of bodies and two heads are too many */
    assert_true(is_open(b));
    int good = client(f, GET);
    assert_non_null(strstr(hear(f, good), "served"));
    assert_int_equal(stats_of(f).n_evicted, 1);
    assert_int_equal(stats_of(f).n_no_room, 0);
    (void)close(a);
    (void)close(b);
    (void)close(good);
}

/* Until the server holds this much, or at least more than that. */
static void hold(struct fixture *f, size_t least, size_t most)
{
    int64_t end = ds_clock_mono_ms() + WAIT_MS;
    while ((stats_of(f).held_len < least || stats_of(f).held_len > most) &&
           ds_clock_mono_ms() < end)
        assert_int_equal(net_loop_step(f->loop, 20, NULL), DS_OK);
    assert_in_range(stats_of(f).held_len, least, most);
}

/* Nothing is won by closing them, so they stay, and it is the newcomer that is refused. */
static void who_holds_nothing_does_not_give_way_to_bytes(void **state)
{
    struct fixture *f = *state;
    char text[3000];
    int n = snprintf(text, sizeof text,
                     "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 2500\r\n\r\n");
    memset(text + n, 'x', 2500);
    text[n + 2500] = '\0';
    int idle = client(f, GET);
    assert_non_null(strstr(hear(f, idle), "served"));
    int busy = client(f, text);
    hold(f, 2500, BODIES_MAX);
    int late = client(f, text);
    assert_non_null(strstr(hear(f, late), "HTTP/1.1 503"));
    assert_true(is_open(idle) && is_open(busy));
    assert_int_equal(stats_of(f).n_evicted, 0);
    assert_int_equal(stats_of(f).n_no_room, 1);
    (void)close(idle);
    (void)close(busy);
    (void)close(late);
}

static void replies_that_nobody_takes_give_way(void **state)
{
    struct fixture *f = *state;
    int silent = client(f, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    hold(f, BODIES_MAX + 1, BIG);
    assert_int_equal(stats_of(f).n_evicted, 0); /* nobody needs the room */
    int good = client(f, GET);
    assert_non_null(strstr(hear(f, good), "served"));
    assert_int_equal(stats_of(f).n_evicted, 1);
    assert_int_equal(stats_of(f).n_open, 1);
    hold(f, 0, 0);
    (void)close(silent);
    (void)close(good);
}

static void all_that_is_held_is_let_go(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[] = {
        GET,
        "GET / HT",
        "GET /keep HTTP/1.1\r\n\r\nmore",
        "GET /big HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n",
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        int fd = client(f, rows[i]);
        if (i > 0)
            hold(f, 1, SIZE_MAX);
        (void)close(fd);
        if (f->n_kept > 0) /* it is answered to whoever has only closed its half */
            net_http_reply(f->kept[--f->n_kept], 200, NULL, DS_SPAN_LIT(""), NULL);
        int64_t end = ds_clock_mono_ms() + WAIT_MS;
        while (stats_of(f).n_open > 0 && ds_clock_mono_ms() < end)
            assert_int_equal(net_loop_step(f->loop, 20, NULL), DS_OK);
        assert_int_equal(stats_of(f).n_open, 0);
        assert_int_equal(stats_of(f).held_len, 0);
    }
}

/* Both are there before the server looks: what one sent ahead waits for the other. */
static void one_request_a_turn(void **state)
{
    struct fixture *f = *state;
    static const char second[] = "GET /second HTTP/1.1\r\nHost: x\r\n\r\n";
    char text[100 * sizeof GET];
    size_t n = 0;
    int fd[2];
    for (size_t i = 0; i < 100; i++, n += strlen(GET))
        memcpy(text + n, GET, strlen(GET));
    for (size_t i = 0; i < DS_LEN(fd); i++)
        assert_int_equal(net_connect(&fd[i], &f->target, ds_clock_mono_ms() + WAIT_MS, NULL),
                         DS_OK);
    assert_int_equal(send(fd[0], text, n, MSG_NOSIGNAL), (ssize_t)n);
    assert_int_equal(send(fd[1], second, sizeof second - 1, MSG_NOSIGNAL), sizeof second - 1);
    int64_t end = ds_clock_mono_ms() + WAIT_MS;
    while (f->n_served < 101 && ds_clock_mono_ms() < end)
        assert_int_equal(net_loop_step(f->loop, 20, NULL), DS_OK);
    assert_int_equal(f->n_served, 101); /* none is lost */
    assert_true(f->has_second);
    assert_in_range(f->n_served_before, 0, 2);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

static void who_is_being_answered_never_gives_way(void **state)
{
    struct fixture *f = *state;
    int busy[CONNECTIONS_MAX];
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        busy[i] = client(f, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    int64_t end = ds_clock_mono_ms() + WAIT_MS;
    while (f->n_kept < CONNECTIONS_MAX && ds_clock_mono_ms() < end)
        assert_int_equal(net_loop_step(f->loop, 20, NULL), DS_OK);
    int late = client(f, GET);
    assert_string_equal(hear(f, late), "");
    assert_int_equal(stats_of(f).n_turned_away, 1);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        assert_true(is_open(busy[i]));
        (void)close(busy[i]);
    }
    (void)close(late);
}

/* Bytes now and then keep a connection from being idle, but not a request from being late. */
static void a_request_has_a_deadline(void **state)
{
    struct fixture *f = *state;
    int slow = client(f, "GET /"), silent = client(f, "GET /");
    int64_t end = ds_clock_mono_ms() + WAIT_MS;
    for (int64_t next = 0; stats_of(f).n_late == 0 && ds_clock_mono_ms() < end;) {
        if (ds_clock_mono_ms() >= next) {
            (void)send(slow, "x", 1, MSG_NOSIGNAL);
            next = ds_clock_mono_ms() + 5;
        }
        assert_int_equal(net_loop_step(f->loop, 10, NULL), DS_OK);
    }
    const char *got = hear(f, slow);
    if (strstr(got, "HTTP/1.1 408") == NULL)
        fail_msg("heard '%s'", got);
    assert_string_equal(hear(f, silent), "");
    assert_int_equal(stats_of(f).n_evicted, 0);
    (void)close(slow);
    (void)close(silent);
}

static void refusals_are_counted(void **state)
{
    struct fixture *f = *state;
    char head[3500];
    memset(head, 'x', sizeof head);
    memcpy(head, "GET /", 5);
    head[sizeof head - 1] = '\0';
    const struct {
        const char *text, *status;
    } rows[] = {
        { "nonsense\r\n\r\n", "HTTP/1.1 400" },
        { "POST / HTTP/1.1\r\nContent-Length: 3001\r\n\r\n", "HTTP/1.1 413" },
        { head, "HTTP/1.1 431" },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        int fd = client(f, rows[i].text);
        const char *got = hear(f, fd);
        if (strstr(got, rows[i].status) == NULL)
            fail_msg("row %zu: heard '%s'", i, got);
        (void)close(fd);
    }
    struct net_http_stats st = stats_of(f);
    assert_int_equal(st.n_malformed, 1);
    assert_int_equal(st.n_too_large, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_longest_without_a_request_gives_way),
        TEST(who_was_served_stays_before_who_sends_bytes),
        TEST(a_crowd_is_let_through),
        TEST(bodies_that_never_end_give_way),
        TEST(who_holds_nothing_does_not_give_way_to_bytes),
        TEST(replies_that_nobody_takes_give_way),
        TEST(all_that_is_held_is_let_go),
        TEST(one_request_a_turn),
        TEST(who_is_being_answered_never_gives_way),
        TEST(a_request_has_a_deadline),
        TEST(refusals_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

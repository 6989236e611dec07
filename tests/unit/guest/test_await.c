/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a socket: it may be there, come later, listen later than it is bound, or never.
 */
#include "guest/await.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"

#define LONG_MS 60000

struct place {
    char dir[32], path[64];
    int fd;
    useconds_t bind_after_us, listen_after_us;
};

static struct ds_proc owner_start(const char *seconds)
{
    const char *const argv[] = { "sleep", seconds, NULL };
    const struct ds_proc_spec spec = { .argv = argv };
    struct ds_proc p;
    struct ds_error e;
    assert_int_equal(ds_proc_spawn(&p, &spec, &e), DS_OK);
    return p;
}

static void owner_end(struct ds_proc *p)
{
    struct ds_proc_exit ended;
    struct ds_error e;
    assert_int_equal(ds_proc_stop(&ended, p, LONG_MS, &e), DS_OK);
    ds_proc_done(p);
}

static struct place place_make(void)
{
    struct place p = { .dir = "/tmp/await.XXXXXX" };
    assert_non_null(mkdtemp(p.dir));
    (void)snprintf(p.path, sizeof p.path, "%s/s", p.dir);
    p.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(p.fd >= 0);
    return p;
}

static void place_remove(struct place *p)
{
    struct ds_error e;
    (void)close(p->fd);
    assert_int_equal(ds_dir_remove(p->dir, &e), DS_OK);
}

static void *serve(void *arg)
{
    struct place *p = arg;
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    memcpy(at.sun_path, p->path, strlen(p->path));
    (void)usleep(p->bind_after_us);
    if (bind(p->fd, (const struct sockaddr *)&at, sizeof at) != 0)
        abort();
    (void)usleep(p->listen_after_us);
    if (listen(p->fd, 1) != 0)
        abort();
    return NULL;
}

static const struct {
    const char *name;
    useconds_t bind_after_us, listen_after_us;
} comes[] = {
    { "there before", 0, 0 },
    { "made later", 100000, 0 },
    { "bound, then listening", 20000, 100000 },
};

static void test_it_comes(void **state)
{
    (void)state;
    for (size_t i = 0; i < DS_LEN(comes); i++) {
        struct place p = place_make();
        struct ds_proc owner = owner_start("600");
        struct ds_error e;
        pthread_t thread;
        p.bind_after_us = comes[i].bind_after_us;
        p.listen_after_us = comes[i].listen_after_us;
        assert_int_equal(pthread_create(&thread, NULL, serve, &p), 0);
        if (i == 0)
            assert_int_equal(pthread_join(thread, NULL), 0);
        if (guest_socket_await(p.path, &owner, LONG_MS, &e) != DS_OK)
            fail_msg("%s: %s", comes[i].name, e.msg);
        if (i > 0)
            assert_int_equal(pthread_join(thread, NULL), 0);
        owner_end(&owner);
        place_remove(&p);
    }
}

static void test_the_owner_ends(void **state)
{
    (void)state;
    struct place p = place_make();
    struct ds_proc owner = owner_start("0");
    struct ds_error e;
    assert_int_equal(guest_socket_await(p.path, &owner, LONG_MS, &e), DS_ERR_UNAVAILABLE);
    owner_end(&owner);
    place_remove(&p);
}

static void test_the_time_is_up(void **state)
{
    (void)state;
    struct place p = place_make();
    struct ds_proc owner = owner_start("600");
    struct ds_error e;
    assert_int_equal(guest_socket_await(p.path, &owner, 30, &e), DS_ERR_TIMEOUT);
    owner_end(&owner);
    place_remove(&p);
}

static void test_paths_that_cannot_be(void **state)
{
    (void)state;
    char long_path[300];
    struct ds_proc owner = { .pidfd = -1 };
    struct ds_error e;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(guest_socket_await(long_path, &owner, 0, &e), DS_ERR_ARG);
    assert_int_equal(guest_socket_await("relative", &owner, 0, &e), DS_ERR_ARG);
    assert_int_equal(guest_socket_await("/nonexistent/dir/s", &owner, 0, &e), DS_ERR_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_comes),
        cmocka_unit_test(test_the_owner_ends),
        cmocka_unit_test(test_the_time_is_up),
        cmocka_unit_test(test_paths_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

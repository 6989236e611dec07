/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: what is understood and what is not; sockets that are left over,
 * taken, silent, or too deep for a socket address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/target.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *result; /* NULL: refused */
    } rows[] = {
        { "unix:/run/x.sock", "unix:/run/x.sock" },
        { "unix:rel", "unix:rel" },
        { "tcp:127.0.0.1:80", "tcp:127.0.0.1:80" },
        { "tls:host.example:8001", "tls:host.example:8001" },
        { "tcp:[::1]:80", "tcp:[::1]:80" },
        { "http://h", "tcp:h:80" },
        { "https://h/", "tls:h:443" },
        { "https://[::1]:1", "tls:[::1]:1" },
        { "", NULL },
        { "/run/x.sock", NULL },
        { "unix:", NULL },
        { "tcp:host", NULL },
        { "tcp::80", NULL },
        { "tcp:h:", NULL },
        { "tcp:h:65536", NULL },
        { "tcp:h:080", NULL },
        { "tcp:h:80x", NULL },
        { "tcp:::1:80", NULL },
        { "tcp:[::1:80", NULL },
        { "tcp:[::1]80", NULL },
        { "http://h/path", NULL },
        { "http://h?x", NULL },
        { "http://", NULL },
        { "ftp://h", NULL },
    };
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct net_target t;
        struct ds_error e;
        char text[300] = "";
        int r = net_target_parse(&t, rows[i].text, &e);
        if (r == DS_OK)
            (void)net_target_text(text, &t);
        bool good = rows[i].result != NULL ? r == DS_OK && strcmp(text, rows[i].result) == 0
                                           : r == DS_ERR_FORMAT && e.code == DS_CODE_NET_BAD_TARGET;
        if (!good)
            fail_msg("%s: %d %s", rows[i].text, r, text);
    }
    char longest[400];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "unix:", 5);
    longest[sizeof longest - 1] = '\0';
    struct net_target t;
    assert_int_equal(net_target_parse(&t, longest, NULL), DS_ERR_FORMAT);
}

static void make_dir(char dir[static 64])
{
    (void)snprintf(dir, 64, "/tmp/test_target_XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static void target(struct net_target *t, const char *dir, const char *name)
{
    *t = (struct net_target){ .kind = NET_TARGET_UNIX };
    (void)snprintf(t->host, sizeof t->host, "%s/%s", dir, name);
}

static void test_unix(void **state)
{
    (void)state;
    char dir[64];
    struct net_target t;
    struct ds_error e;
    int a = -1, b = -1, c = -1;
    make_dir(dir);
    target(&t, dir, "s");
    assert_int_equal(net_connect(&c, &t, ds_clock_mono_ms() + 1000, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(e.code, DS_CODE_NET_NO_ANSWER);
    assert_int_equal(net_listen(&a, &t, 0600, &e), DS_OK);
    struct stat st;
    assert_int_equal(stat(t.host, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(net_listen(&b, &t, 0600, &e), DS_ERR_EXISTS);
    assert_int_equal(e.code, DS_CODE_NET_ADDRESS_TAKEN);
    (void)close(a);
    assert_int_equal(net_connect(&c, &t, ds_clock_mono_ms() + 1000, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(net_listen(&b, &t, 0666, &e), DS_OK); /* replaces the left-over */
    assert_int_equal(stat(t.host, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0666);
    assert_int_equal(net_connect(&c, &t, ds_clock_mono_ms() + 1000, &e), DS_OK);
    (void)close(b);
    (void)close(c);
    target(&t, dir, "no/such/dir");
    assert_int_equal(net_listen(&b, &t, 0600, &e), DS_ERR_SYS);
    target(&t, dir, "file");
    assert_int_equal(ds_file_save(t.host, DS_SPAN_LIT("x"), 0600, "t", &e), DS_OK);
    assert_int_equal(net_listen(&b, &t, 0600, &e), DS_ERR_EXISTS); /* never removes a file */
    assert_true(ds_file_exists(t.host));
    assert_int_equal(ds_dir_remove(dir, &e), DS_OK);
}

static void test_long_path(void **state)
{
    (void)state;
    char dir[64], deep[220];
    struct net_target t;
    struct ds_error e;
    int a = -1, c = -1;
    make_dir(dir);
    (void)snprintf(deep, sizeof deep, "%s/%0150d", dir, 7);
    assert_int_equal(ds_dir_make(deep, 0700, &e), DS_OK);
    target(&t, deep, "sock");
    assert_int_equal(net_listen(&a, &t, 0600, &e), DS_OK);
    assert_int_equal(net_connect(&c, &t, ds_clock_mono_ms() + 1000, &e), DS_OK);
    (void)close(c);
    (void)close(a);
    assert_int_equal(ds_dir_remove(dir, &e), DS_OK);
}

static void test_full_queue_times_out(void **state)
{
    (void)state;
    char dir[64];
    struct net_target t;
    struct ds_error e = { 0 };
    int a = -1, c[8];
    make_dir(dir);
    target(&t, dir, "s");
    assert_int_equal(net_listen(&a, &t, 0600, &e), DS_OK);
    assert_int_equal(listen(a, 0), 0); /* one connection waits, no more */
    int n = 0, r = DS_OK;
    for (; n < 8 && r == DS_OK; n += r == DS_OK)
        r = net_connect(&c[n], &t, ds_clock_mono_ms() + 50, &e);
    assert_int_equal(r, DS_ERR_TIMEOUT);
    for (int i = 0; i < n; i++)
        (void)close(c[i]);
    (void)close(a);
    assert_int_equal(ds_dir_remove(dir, &e), DS_OK);
}

static void test_tcp(void **state)
{
    (void)state;
    struct net_target t;
    struct ds_error e;
    int c = -1;
    assert_int_equal(net_target_parse(&t, "tcp:127.0.0.1:1", &e), DS_OK);
    assert_int_equal(net_connect(&c, &t, ds_clock_mono_ms() + 1000, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(net_target_parse(&t, "tcp:no.such.host.invalid:1", &e), DS_OK);
    assert_int_equal(net_connect(&c, &t, ds_clock_mono_ms() + 1000, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(net_target_parse(&t, "tcp:203.0.113.7:1", &e), DS_OK);
    assert_int_equal(net_listen(&c, &t, 0, &e), DS_ERR_SYS); /* not ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_unix),
        cmocka_unit_test(test_long_path), cmocka_unit_test(test_full_queue_times_out),
        cmocka_unit_test(test_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

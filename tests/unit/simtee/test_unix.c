/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets in deep directories, and packets with descriptors over them.
 */
#include "simtee/unix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "simtee/packet.h"

static char dir[] = "/tmp/ds-unix-XXXXXX";

static void test_deep_path(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    DS_AUTO(ds_auto_free)
    char *deep = ds_str_fmt("%s/%0200d/%0100d", dir, 1, 2);
    DS_AUTO(ds_auto_free) char *path = ds_str_fmt("%s/control.sock", deep);
    DS_AUTO(ds_auto_close) int listener = -1;
    DS_AUTO(ds_auto_close) int again = -1;
    DS_AUTO(ds_auto_close) int peer = -1;
    int fd = -1;
    struct stat st;
    assert_int_equal(simtee_unix_listen(&fd, path, SOCK_SEQPACKET, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(simtee_unix_connect(&fd, path, SOCK_SEQPACKET, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(ds_dir_make(deep, 0700, &e), DS_OK);
    assert_int_equal(simtee_unix_connect(&fd, path, SOCK_SEQPACKET, &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(simtee_unix_listen(&listener, path, SOCK_SEQPACKET, &e), DS_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(simtee_unix_connect(&peer, path, SOCK_SEQPACKET, &e), DS_OK);
    assert_int_equal(simtee_unix_connect(&fd, path, SOCK_STREAM, &e), DS_ERR_SYS);
    /* A second helper replaces the socket of the first. */
    assert_int_equal(simtee_unix_listen(&again, path, SOCK_SEQPACKET, &e), DS_OK);
    DS_AUTO(ds_auto_free) char *long_name = ds_str_fmt("%s/%0100d", dir, 3);
    assert_int_equal(simtee_unix_listen(&fd, long_name, SOCK_SEQPACKET, &e), DS_ERR_RANGE);
    assert_int_equal(fd, -1);
}

static void test_packets(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    int pair[2], fds[SIMTEE_PACKET_FDS], files[5];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    for (size_t i = 0; i < DS_LEN(files); i++)
        files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_int_equal(simtee_packet_send(pair[0], DS_SPAN_LIT("one"), files, 3, &e), DS_OK);
    assert_int_equal(simtee_packet_recv(&text, fds, pair[1], &e), DS_OK);
    assert_true(ds_span_eq_str(ds_buf_span(&text), "one"));
    assert_true(fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0);
    assert_int_equal(fds[3], -1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        assert_int_equal(close(fds[i]), 0);
    }

    assert_int_equal(simtee_packet_send(pair[0], DS_SPAN_LIT("two"), files, 5, &e), DS_ERR_RANGE);
    DS_AUTO(ds_auto_free) char *big = calloc(1, SIMTEE_PACKET_MAX + 1);
    assert_int_equal(simtee_packet_send(pair[0], DS_SPAN(big, SIMTEE_PACKET_MAX + 1), NULL, 0, &e),
                     DS_ERR_RANGE);
    /* A peer that does not keep to the limit. */
    assert_int_equal(send(pair[0], big, SIMTEE_PACKET_MAX + 1, 0), SIMTEE_PACKET_MAX + 1);
    assert_int_equal(simtee_packet_recv(&text, fds, pair[1], &e), DS_ERR_RANGE);
    assert_int_equal(simtee_packet_send(pair[0], DS_SPAN(big, SIMTEE_PACKET_MAX), NULL, 0, &e),
                     DS_OK);
    ds_buf_clear(&text);
    assert_int_equal(simtee_packet_recv(&text, fds, pair[1], &e), DS_OK);
    assert_int_equal(text.len, SIMTEE_PACKET_MAX);

    assert_int_equal(close(pair[1]), 0);
    assert_int_equal(simtee_packet_send(pair[0], DS_SPAN_LIT("x"), NULL, 0, &e),
                     DS_ERR_UNAVAILABLE);
    assert_int_equal(simtee_packet_recv(&text, fds, pair[0], &e), DS_ERR_UNAVAILABLE);
    assert_int_equal(close(pair[0]), 0);
    for (size_t i = 0; i < DS_LEN(files); i++)
        assert_int_equal(close(files[i]), 0);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return ds_dir_remove(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deep_path),
        cmocka_unit_test(test_packets),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports, asked of the kernel: one that is taken is named, a free one is found,
 * and what a socket of this test holds is never handed out.
 */
#include "vmm/port.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/scope.h"

static struct vmm_port port_of(bool udp, uint16_t number, const char *address)
{
    struct vmm_port p = { .udp = udp, .host_port = number, .vm_port = 80 };
    (void)snprintf(p.address, sizeof p.address, "%s", address);
    return p;
}

/* A socket that holds a port of 127.0.0.1. */
static int hold(bool udp, uint16_t *ret_port)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    if (!udp)
        assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static void test_taken(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        uint16_t number = 0;
        struct ds_error e = { 0 };
        char want[80];
        DS_AUTO(ds_auto_close) int fd = hold(udp != 0, &number);
        struct vmm_port p = port_of(udp != 0, number, "127.0.0.1");
        assert_int_equal(vmm_port_check(&p, &e), DS_ERR_EXISTS);
        assert_int_equal(e.code, DS_CODE_VMM_PORT_TAKEN);
        (void)snprintf(want, sizeof want, "%s 127.0.0.1:%u, which another program holds",
                       udp != 0 ? "udp" : "tcp", number);
        assert_string_equal(e.detail.got, want);
        assert_string_equal(e.detail.claim, "host port for port 80 of the VM");
        assert_string_equal(e.detail.expected, "a free one, as --publish OTHER:80 gives it");
        p = port_of(udp != 0, number, "0.0.0.0");
        assert_int_equal(vmm_port_check(&p, &e), DS_ERR_EXISTS);
        p = port_of(udp == 0, number, "127.0.0.1"); /* the other protocol's ports are others */
        assert_int_equal(vmm_port_check(&p, &e), DS_OK);
        p = port_of(udp != 0, number, "127.0.0.2");
        assert_int_equal(vmm_port_check(&p, &e), DS_OK);
    }
}

static void test_free_again(void **state)
{
    (void)state;
    uint16_t number = 0;
    int fd = hold(false, &number);
    assert_int_equal(close(fd), 0);
    struct vmm_port p = port_of(false, number, "127.0.0.1");
    assert_int_equal(vmm_port_check(&p, NULL), DS_OK);
}

static void test_pick(void **state)
{
    (void)state;
    struct vmm_port p = port_of(false, 0, "127.0.0.1");
    assert_int_equal(vmm_port_pick(&p, NULL), DS_OK);
    assert_int_not_equal(p.host_port, 0);
    assert_int_equal(p.vm_port, 80);
    assert_int_equal(vmm_port_check(&p, NULL), DS_OK);
}

static void test_no_address(void **state)
{
    static const char *const rows[] = { "", "localhost", "::1", "127.0.0.256" };
    (void)state;
    for (size_t i = 0; i < DS_LEN(rows); i++) {
        struct ds_error e = { 0 };
        struct vmm_port p = port_of(false, 0, rows[i]);
        assert_int_equal(vmm_port_check(&p, &e), DS_ERR_ARG);
        assert_int_equal(vmm_port_pick(&p, &e), DS_ERR_ARG);
        assert_int_equal(p.host_port, 0);
    }
}

static void test_not_an_address_of_this_host(void **state)
{
    (void)state;
    struct ds_error e = { 0 };
    struct vmm_port p = port_of(false, 0, "192.0.2.1"); /* RFC 5737: nobody's */
    assert_int_equal(vmm_port_pick(&p, &e), DS_ERR_SYS);
    assert_int_equal(p.host_port, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_free_again),
        cmocka_unit_test(test_pick),
        cmocka_unit_test(test_no_address),
        cmocka_unit_test(test_not_an_address_of_this_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

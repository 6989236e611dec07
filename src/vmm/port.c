/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port is free when it can be bound. QEMU binds it a moment later, so this
 * only makes the answer clear; the race ends in vmm.launch_failed.
 */
#include "vmm/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int bind_port(int *ret_errno, struct sockaddr_in *addr, bool udp, struct ds_error *e)
{
    DS_AUTO(ds_auto_close)
    int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    int on = 1;
    socklen_t len = sizeof *addr;
    if (fd < 0)
        return ds_fail_errno(e, errno, "socket");
    /* As QEMU does it: connections of the last run that still linger do not count. */
    if (!udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return ds_fail_errno(e, errno, "SO_REUSEADDR");
    *ret_errno = bind(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 ? 0 : errno;
    if (*ret_errno == 0 && getsockname(fd, (struct sockaddr *)addr, &len) != 0)
        return ds_fail_errno(e, errno, "getsockname");
    return DS_OK;
}

static int address_of(struct sockaddr_in *ret, const struct vmm_port *p, struct ds_error *e)
{
    *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(p->host_port) };
    if (inet_pton(AF_INET, p->address, &ret->sin_addr) != 1)
        return ds_fail(e, DS_ERR_ARG, "'%s' is no address", p->address);
    return DS_OK;
}

int vmm_port_taken(const struct vmm_port *p, const char *owner, struct ds_error *e)
{
    char claim[48], expected[64], got[144];
    (void)snprintf(claim, sizeof claim, "host port for port %u of the VM", p->vm_port);
    (void)snprintf(expected, sizeof expected, "a free one, as --publish OTHER:%u gives it",
                   p->vm_port);
    (void)snprintf(got, sizeof got, "%s %s:%u, which %s%.64s%s", p->udp ? "udp" : "tcp", p->address,
                   p->host_port, owner != NULL ? "VM '" : "another program",
                   owner != NULL ? owner : "", owner != NULL ? "' publishes" : " holds");
    return ds_refuse(e, DS_ERR_EXISTS, DS_CODE_VMM_PORT_TAKEN, claim, expected, got, "this host");
}

int vmm_port_check(const struct vmm_port *p, struct ds_error *e)
{
    struct sockaddr_in addr;
    int err;
    DS_TRY(address_of(&addr, p, e));
    DS_TRY(bind_port(&err, &addr, p->udp, e));
    return err == 0 ? DS_OK : vmm_port_taken(p, NULL, e);
}

int vmm_port_pick(struct vmm_port *p, struct ds_error *e)
{
    struct sockaddr_in addr;
    int err;
    DS_TRY(address_of(&addr, p, e));
    DS_TRY(bind_port(&err, &addr, p->udp, e));
    if (err != 0)
        return ds_fail_errno(e, err, "no free port on %s", p->address);
    p->host_port = ntohs(addr.sin_port);
    return DS_OK;
}

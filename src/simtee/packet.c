/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendmsg and recvmsg with SCM_RIGHTS, so that no other file counts cmsg bytes.
 */
#include "simtee/packet.h"

#include <errno.h>
#include <sys/socket.h>

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int) * SIMTEE_PACKET_FDS)];
};

int simtee_packet_send(int fd, struct ds_span text, const int *fds, size_t n_fds,
                       struct ds_error *e)
{
    if (text.len > SIMTEE_PACKET_MAX || n_fds > SIMTEE_PACKET_FDS)
        return ds_fail(e, DS_ERR_RANGE, "a packet of %zu bytes and %zu descriptors", text.len,
                       n_fds);
    union control control = { 0 };
    uint8_t *bytes = (uint8_t *)(uintptr_t)text.p;
    struct iovec iov = { bytes, text.len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (n_fds > 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
    }
    for (;;) {
        if (sendmsg(fd, &msg, MSG_NOSIGNAL) >= 0)
            return DS_OK;
        if (errno == EPIPE || errno == ECONNRESET)
            return ds_fail(e, DS_ERR_UNAVAILABLE, "the other end of the control socket is gone");
        if (errno != EINTR)
            return ds_fail_errno(e, errno, "send on the control socket");
    }
}

/* Take every descriptor that came, also those that we then close. */
static bool take_fds(int ret_fds[static SIMTEE_PACKET_FDS], struct msghdr *msg)
{
    size_t n = 0;
    bool fits = (msg->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && n < SIMTEE_PACKET_FDS; i++)
            memcpy(&ret_fds[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    return fits;
}

static void close_fds(int fds[static SIMTEE_PACKET_FDS])
{
    for (size_t i = 0; i < SIMTEE_PACKET_FDS; i++) {
        ds_auto_close(&fds[i]);
        fds[i] = -1;
    }
}

int simtee_packet_recv(struct ds_buf *ret, int ret_fds[static SIMTEE_PACKET_FDS], int fd,
                       struct ds_error *e)
{
    for (size_t i = 0; i < SIMTEE_PACKET_FDS; i++)
        ret_fds[i] = -1;
    void *room = ds_buf_room(ret, SIMTEE_PACKET_MAX);
    if (room == NULL)
        return ds_buf_end(ret, e, "control packet");
    union control control;
    struct iovec iov = { room, SIMTEE_PACKET_MAX };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.room,
                          .msg_controllen = sizeof control.room };
    ssize_t n = -1;
    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != ECONNRESET)
        return ds_fail_errno(e, errno, "receive on the control socket");
    if (n <= 0)
        return ds_fail(e, DS_ERR_UNAVAILABLE, "the other end of the control socket is gone");
    if (!take_fds(ret_fds, &msg)) {
        close_fds(ret_fds);
        return ds_fail(e, DS_ERR_RANGE, "a control packet is too long");
    }
    ds_buf_took(ret, (size_t)n);
    return DS_OK;
}

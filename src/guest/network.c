/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netdevice(7) ioctls; six calls an interface.
 */
#include "guest/network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/str.h"

static void put_address(struct sockaddr *at, const uint8_t a4[4])
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    memcpy(&sin.sin_addr, a4, 4);
    memcpy(at, &sin, sizeof sin);
}

static void mask_of(uint8_t ret4[4], unsigned prefix_len)
{
    uint32_t bits = prefix_len == 0 ? 0 : UINT32_MAX << (32 - prefix_len);
    uint32_t be = htonl(bits);
    memcpy(ret4, &be, 4);
}

/* The interface with this MAC address, from sysfs. */
static int find_interface(char ret_name[IFNAMSIZ], const uint8_t mac6[6], struct ds_error *e)
{
    char want[18];
    (void)snprintf(want, sizeof want, "%02x:%02x:%02x:%02x:%02x:%02x", mac6[0], mac6[1], mac6[2],
                   mac6[3], mac6[4], mac6[5]);
    DIR *dir = opendir("/sys/class/net");
    if (dir == NULL)
        return ds_fail_errno(e, errno, "open '/sys/class/net'");
    bool found = false;
    for (const struct dirent *d = readdir(dir); !found && d != NULL; d = readdir(dir)) {
        char path[512];
        (void)snprintf(path, sizeof path, "/sys/class/net/%.200s/address", d->d_name);
        DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
        if (d->d_name[0] == '.' || ds_file_load(&text, path, 4096, NULL) < 0 || text.p == NULL)
            continue;
        found = ds_str_starts(text.p, want) && ds_str_copy(ret_name, IFNAMSIZ, d->d_name);
    }
    (void)closedir(dir);
    if (!found)
        return ds_refuse(e, DS_ERR_NOTFOUND, DS_CODE_GUEST_DEVICE_MISSING, "network card", want,
                         "none with this address", "host");
    return DS_OK;
}

static int set_up(int fd, const char name[static IFNAMSIZ], struct ds_error *e)
{
    struct ifreq r = { 0 };
    memcpy(r.ifr_name, name, IFNAMSIZ);
    if (ioctl(fd, SIOCGIFFLAGS, &r) != 0)
        return ds_fail_errno(e, errno, "look at interface %s", name);
    r.ifr_flags = (short)(r.ifr_flags | IFF_UP | IFF_RUNNING);
    if (ioctl(fd, SIOCSIFFLAGS, &r) != 0)
        return ds_fail_errno(e, errno, "bring interface %s up", name);
    return DS_OK;
}

static int add_default_route(int fd, const char name[static IFNAMSIZ], const uint8_t gateway4[4],
                             struct ds_error *e)
{
    static const uint8_t any[4];
    char dev[IFNAMSIZ];
    memcpy(dev, name, IFNAMSIZ);
    struct rtentry rt = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = dev };
    put_address(&rt.rt_dst, any);
    put_address(&rt.rt_genmask, any);
    put_address(&rt.rt_gateway, gateway4);
    if (ioctl(fd, SIOCADDRT, &rt) != 0 && errno != EEXIST)
        return ds_fail_errno(e, errno, "set the default route over %s", name);
    return DS_OK;
}

static int nic_up(int fd, const struct guest_nic *nic, bool is_default, struct ds_error *e)
{
    char name[IFNAMSIZ];
    uint8_t mask4[4];
    DS_TRY(find_interface(name, nic->mac6, e));
    mask_of(mask4, nic->prefix_len);
    struct ifreq r = { 0 };
    memcpy(r.ifr_name, name, IFNAMSIZ);
    put_address(&r.ifr_addr, nic->address4);
    if (ioctl(fd, SIOCSIFADDR, &r) != 0)
        return ds_fail_errno(e, errno, "set the address of %s", name);
    put_address(&r.ifr_netmask, mask4);
    if (ioctl(fd, SIOCSIFNETMASK, &r) != 0)
        return ds_fail_errno(e, errno, "set the netmask of %s", name);
    DS_TRY(set_up(fd, name, e));
    return is_default ? add_default_route(fd, name, nic->gateway4, e) : DS_OK;
}

static int write_resolv_conf(const struct guest_sys_config *c, struct ds_error *e)
{
    static const uint8_t none[4];
    DS_AUTO(ds_buf_done) struct ds_buf text = { 0 };
    for (size_t i = 0; i < c->n_nics; i++) {
        const uint8_t *a = c->nics[i].dns4;
        if (memcmp(a, none, 4) != 0)
            ds_buf_printf(&text, "nameserver %u.%u.%u.%u\n", a[0], a[1], a[2], a[3]);
    }
    DS_TRY(ds_buf_end(&text, e, "resolv.conf"));
    return ds_file_save("/run/resolv.conf", ds_buf_span(&text), 0644, "guest.resolv_conf", e);
}

int guest_network_up(const struct guest_sys_config *c, struct ds_error *e)
{
    DS_AUTO(ds_auto_close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ds_fail_errno(e, errno, "open a socket");
    DS_TRY(set_up(fd, (const char[IFNAMSIZ]){ "lo" }, e));
    /* The first interface takes the default route unless another one asks for it. */
    size_t way_out = 0;
    for (size_t i = 0; i < c->n_nics; i++)
        if (c->nics[i].is_default)
            way_out = i;
    for (size_t i = 0; i < c->n_nics; i++)
        DS_TRY(nic_up(fd, &c->nics[i], i == way_out, e));
    return write_resolv_conf(c, e);
}

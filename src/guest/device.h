/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Devices by the names that the VMM gave them; there is no udev in the guest.
 */

#include "base/err.h"

#define GUEST_PATH_MAX 64

struct guest_path {
    char s[GUEST_PATH_MAX];
};

/* The virtio disk with this serial: "/dev/vdc". err: NOTFOUND (guest.device_missing) */
DS_MUST_USE int guest_disk_find(struct guest_path *ret, const char *serial, struct ds_error *e);

/* The virtio-serial port of this name: "/dev/vport3p1". err: NOTFOUND (guest.device_missing) */
DS_MUST_USE int guest_port_find(struct guest_path *ret, const char *name, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Interfaces with the static addresses of sys-config: no DHCP client, no waiting.
 */

#include "guest/sys_config.h"

/* Bring up lo and every interface that is named; write /run/resolv.conf. err: SYS, NOTFOUND */
DS_MUST_USE int guest_network_up(const struct guest_sys_config *c, struct ds_error *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bad input to the methods of a channel, made from their table: every field of
 * every method gets what breaks its kind. Each call must be refused with
 * rpc.bad_request and the field's name, before a handler sees it.
 */

#include "rpc/method.h"

struct net_loop;

/* Calls are counted; fails the running test at the first that is not refused as it must be. */
size_t bad_calls_run(struct net_loop *loop, const struct rpc_service *service);

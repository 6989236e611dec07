/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's part of the agent (guest/agent.h), for tests whose calls must not reach it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/agent.h"

void agent_notify(struct agent *a, const char *event, struct ds_span payload)
{
    (void)a;
    (void)payload;
    fail_msg("notified: %s", event);
}

void agent_ready(struct agent *a)
{
    (void)a;
    fail_msg("ready");
}

void agent_boot_failed(struct agent *a)
{
    (void)a;
    fail_msg("boot failed");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad input to the methods that this room answers on the app's socket and the host's channel.
 */
#include "rpc/bad_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/serve.h"
#include "net/loop.h"

static void every_bad_call_is_refused(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
    static struct agent agent;
    assert_int_equal(guest_services_init(&agent, NULL), DS_OK);
    assert_in_range(bad_calls_run(loop, &agent.app_service), 50, 1000);
    assert_in_range(bad_calls_run(loop, &agent.host_service), 20, 1000);
    rpc_service_done(&agent.app_service);
    rpc_service_done(&agent.host_service);
    net_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_bad_call_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

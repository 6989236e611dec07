/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad input to the methods that this room answers on the guest's channel.
 */
#include "rpc/bad_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/loop.h"
#include "vmm/channel.h"

static void every_bad_call_is_refused(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
    struct rpc_service service = { .name = "vmm_guest",
                                   .mount = "/",
                                   .methods = vmm_channel_methods,
                                   .n_methods = vmm_channel_n_methods };
    assert_int_equal(rpc_service_init(&service, NULL), DS_OK);
    assert_in_range(bad_calls_run(loop, &service), 20, 1000);
    rpc_service_done(&service);
    net_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_bad_call_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

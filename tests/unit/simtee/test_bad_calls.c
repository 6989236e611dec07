/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad input to the methods that this room answers on the guest's TEE channel.
 */
#include "rpc/bad_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/loop.h"
#include "simtee/guest.h"

static void every_bad_call_is_refused(void **state)
{
    (void)state;
    struct net_loop *loop = NULL;
    assert_int_equal(net_loop_new(&loop, NULL), DS_OK);
    struct simtee_guest guest;
    assert_int_equal(simtee_guest_init(&guest, NULL, NULL, NULL), DS_OK);
    assert_in_range(bad_calls_run(loop, &guest.service), 20, 1000);
    simtee_guest_done(&guest);
    net_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_bad_call_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
